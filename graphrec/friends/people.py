"""What a run knows of the graph: people, their ties, who must not be suggested, and in which state each one is."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.data.pairs import row_sums
from graphrec.data.tables import UNDATED, EdgeTable
from graphrec.errors import DataError, GraphRecWarning
from graphrec.publish.network import read_network
from graphrec.schema import Social
from graphrec.social.people import people_of
from graphrec.store.allowed import seconds
from graphrec.store.queries import quote, render
from graphrec.store.suggestions import state_property

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore

DAY = 86_400


@dataclass(frozen=True, eq=False)
class Known:
    """The graph as a run reads it.

    Attributes:
        people: the dataset of `graphrec.social.people.people_of`; blocks and declines that count hide in it.
        opted_out: bool [n], who gets nobody and is suggested to nobody.
        deleted: bool [n], likewise.
        unnamed: bool [n], whom no reason may name.
        stored: int64 [n], the state in which each one's suggestions were made; `NO_STATE` where there are none.
        notes: what a reader of the report must know.
    """

    people: Dataset
    opted_out: NDArray[np.bool_]
    deleted: NDArray[np.bool_]
    unnamed: NDArray[np.bool_]
    stored: NDArray[np.int64]
    notes: tuple[str, ...]

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Who may be suggested, and gets suggestions."""
        return ~(self.opted_out | self.deleted)

    def states(self, seed: str) -> NDArray[np.int64]:
        """Return for each user a number that changes with their ties, those of their friends, and what they have.

        Args:
            seed: what else the suggestions depend on.
        """
        of_key = pd.util.hash_array(np.append(self.people.users.keys.to_numpy(zero_copy_only=False), seed))
        key, start = of_key[:-1], of_key[-1]
        own = (
            start + row_sums(self.people.interactions(), _mixed(key)) + 3 * row_sums(self.people.seen(), _mixed(key))
        )
        own += self.allowed
        for attribute in self.people.schema.attributes:
            edge = self.people.edges[attribute.type]
            of_target = pd.util.hash_array(self.people.nodes[edge.target].keys.to_numpy(zero_copy_only=False))
            np.add.at(own, edge.source_rows, _mixed(of_target[edge.target_rows] + start))
        states = _mixed(own) + row_sums(self.people.interactions(), _mixed(_mixed(own)))
        found: NDArray[np.int64] = states.view(np.int64)
        return np.where(found == NO_STATE, 0, found)


NO_STATE = np.iinfo(np.int64).min


def read_people(store: GraphStore, schema: GraphSchema, now: int, *, tastes: bool) -> Known:
    """Read what a run needs.

    Args:
        store: the graph.
        schema: what the labels mean.
        now: epoch seconds; declines that have ended by then do not count.
        tastes: whether to read what users took, and what describes them.

    Raises:
        DataError: there are no ties, or keys are null, doubled or of mixed type.
        SchemaError: the schema names no ties.

    Warns:
        GraphRecWarning: the time of a decline cannot be read.
    """
    said = schema.suggestions
    between = [Social(type) for type in said.blocks]
    if said.declined:
        dated = said.declined_at if said.declined_days else None
        between.append(Social(said.declined, directed=True, time=dated))
    wider = schema.model_copy(update={"social": (*schema.social, *between), "user": _wider(schema)})
    try:
        data = read_network(store, wider, tastes=tastes)
    except DataError as error:
        if not (said.declined and said.declined_days):
            raise
        between[-1] = Social(said.declined, directed=True)
        data = read_network(store, wider.model_copy(update={"social": (*schema.social, *between)}), tastes=tastes)
        data = data.with_edges({said.declined: _counting(store, schema, data, now)})
        what = f"A decline without a time that can be read counts for ever. {error}"
        warnings.warn(what, GraphRecWarning, stacklevel=4)
    if said.declined and said.declined_days:
        edge = data.edges[said.declined]
        if edge.time is not None:
            counts = (edge.time == UNDATED) | (edge.time > now - said.declined_days * DAY)
            data = data.with_edges({said.declined: edge.select(counts)})
    stored = _column(data, state_property(schema))
    opted_out, deleted, hidden = (
        _says_yes(_column(data, name)) for name in (said.opted_out, said.deleted, said.hidden)
    )
    ties = [data.edges[tie.type] for tie in schema.social]  # who is gone is nobody's friend
    data = data.with_edges(
        {tie.type: tie.select(~deleted[tie.source_rows] & ~deleted[tie.target_rows]) for tie in ties}
    )
    return Known(
        people_of(data),
        opted_out,
        deleted,
        hidden | opted_out | deleted,
        np.array([NO_STATE if value is None else value for value in stored], np.int64),
        data.notes,
    )


def _counting(store: GraphStore, schema: GraphSchema, data: Dataset, now: int) -> EdgeTable:
    """Return the declines that have not ended, by the database's own reading of each time."""
    said, dialect = schema.suggestions, store.capabilities.dialect
    names = {"user": schema.user.label, "user_key": schema.user.key, "declined": str(said.declined)}
    at = seconds(f"declined.{quote(said.declined_at, dialect)}", dialect)
    text = render(dialect, "suggestions/declined", names, {"at": f"{at} + {(said.declined_days or 0) * DAY!r}"})
    found = store.query(text, {"now": float(now)})
    source, target = (data.users.rows(found[end]) for end in ("source", "target"))
    edge, n = data.edges[str(said.declined)], len(data.users)
    return edge.select(np.isin(edge.source_rows * n + edge.target_rows, source * n + target))


def _wider(schema: GraphSchema) -> Node:
    said = schema.suggestions
    wanted = (schema.user.name, said.opted_out, said.deleted, said.hidden, state_property(schema))
    names = dict.fromkeys([*schema.user.properties, *(name for name in wanted if name)])
    return schema.user.model_copy(update={"properties": tuple(names)})


def _column(data: Dataset, name: str | None) -> Sequence[Any]:
    if name is None or name not in data.users.properties.column_names:
        return [None] * len(data.users)
    values: list[Any] = data.users.properties[name].to_pylist()
    return values


def _says_yes(values: Sequence[Any]) -> NDArray[np.bool_]:
    return np.array([value not in (None, False, 0, "") for value in values], np.bool_)


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return other numbers for these (SplitMix64), so that sums of them do not meet by chance."""
    x = values + np.uint64(0x9E3779B97F4A7C15)
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = x ^ (x >> np.uint64(31))
    return found
