"""All users or all items of a live version: their directions, names, attributes and interactions."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from graphrec.data.dataset import Dataset
from graphrec.data.described import interactions_of, nodes_of
from graphrec.errors import ArgumentError, StoreError, problem
from graphrec.publish.record import live as live_version
from graphrec.rank.leanings import names_in
from graphrec.social.names import named, names_of
from graphrec.store.recipes import slot_property

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, Literal

    from numpy.typing import NDArray

    from graphrec.data.described import Side
    from graphrec.data.tables import NodeTable
    from graphrec.online.live import Live
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema, Node


@dataclass(frozen=True, eq=False)
class Members:
    """What was read.

    Attributes:
        side: ``"user"`` or ``"item"``.
        version: the live version that the vectors are of.
        data: users and items with their names, target interactions and attributes.
        rows: who has a vector with a direction, as ascending rows of ``table``, int64 [n].
        directions: their vectors divided by their lengths, float32 [n, d].
    """

    side: Side
    version: Version
    data: Dataset
    rows: NDArray[np.int64]
    directions: NDArray[np.float32]

    @property
    def table(self) -> NodeTable:
        """All nodes of this side, whether or not they have vectors."""
        return nodes_of(self.data, self.side)

    @cached_property
    def popularity(self) -> NDArray[np.int64]:
        """How many target interactions each node of the table has."""
        return interactions_of(self.data, self.side)

    def names(self, rows: NDArray[np.int64]) -> list[Any]:
        """Return what people read of some nodes; a user who hides the name is shown by key."""
        if self.side == "user":
            keys = self.table.take(rows).to_pylist()
            found = names_of(self.data, rows.tolist())
            return [key if name is None else name for key, name in zip(keys, found, strict=True)]
        return [self._item_names[row] for row in rows]

    @cached_property
    def _item_names(self) -> list[Any]:
        return names_in(self.table, self.data.schema.item)


def members(live: Live, of: Literal["items", "users"], extra: Sequence[str] = ()) -> Members:
    """Read users or items with their vectors.

    Args:
        live: the model.
        of: ``"items"`` or ``"users"``.
        extra: further properties of theirs to read.

    Raises:
        ArgumentError: ``of`` is neither.
        UnknownKeyError: no such model is live.

    Cost: all vectors of this side, target interactions and attributes are read: 8 bytes a number of a vector, and
        about 50 bytes an interaction.
    """
    if of not in ("items", "users"):
        raise ArgumentError(problem("of", "must be 'items' or 'users'", of))
    side: Side = "item" if of == "items" else "user"
    version, keys, vectors = _vectors(live, side)
    schema = _schema(live.schema, side, extra)
    snapshot = live.store.snapshot(list(schema.nodes.values()), list(schema.relationships.values()))
    data = Dataset.from_tables(schema, snapshot.nodes, snapshot.edges)
    rows, lengths = nodes_of(data, side).rows(keys), np.linalg.norm(vectors.astype(np.float64), axis=1)
    there = np.flatnonzero((rows >= 0) & (lengths > 0))
    there = there[np.argsort(rows[there])]
    return Members(side, version, data, rows[there], (vectors[there] / lengths[there, None]).astype(np.float32))


def _vectors(live: Live, side: Side) -> tuple[Version, pa.Array, NDArray[np.float32]]:
    if side == "item":
        loaded = live.load()
        return loaded.version, loaded.items.keys, loaded.vectors.vectors
    for _ in range(3):
        version = live_version(live.store, live.name)
        keys, vectors = live.store.read_vectors(live.schema.user, slot_property(live.name, version.slot))
        # a publish that ended meanwhile may have begun to overwrite this slot
        if live_version(live.store, live.name).shown == version.shown:
            return version, keys, vectors.reshape(len(keys), -1)[:, : version.dim]
    raise StoreError(f"The model {live.name!r} was published three times while it was read. Try again.")


def _schema(schema: GraphSchema, side: Side, extra: Sequence[str]) -> GraphSchema:
    """Return a schema under which a snapshot holds what is needed here, and nothing else."""

    def node(node: Node, extra: Sequence[str]) -> Node:
        return node.model_copy(update={"properties": tuple(extra), "features": ()})

    attributes = tuple(each.model_copy(update={"to": node(each.to, ())}) for each in schema.attributes)
    change = {
        "user": node(schema.user, extra if side == "user" else ()),
        "item": node(schema.item, extra if side == "item" else ()),
        "interactions": schema.targets,
        "attributes": attributes,
        "social": (),
    }
    return named(schema.model_copy(update=change))
