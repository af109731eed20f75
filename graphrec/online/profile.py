"""What the graph itself knows of users and items, as it is now; only similar items need a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import NodeTable, pair_matrix
from graphrec.errors import UnknownKeyError
from graphrec.online.explain import names_of
from graphrec.online.nodes import EVERY, held, known_keys
from graphrec.rank.leanings import Kind, leanings
from graphrec.rank.profile import CLUSTER, OTHER, Profile, asked_for, finished, nothing_similar, own_frame
from graphrec.rank.topk import check_k
from graphrec.store.queries import any_of, render
from graphrec.store.recipes_profile import known_attributes, known_targets, measured

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphrec.data.described import Side
    from graphrec.online.live import Live
    from graphrec.schema import Attribute, GraphSchema
    from graphrec.store.protocol import GraphStore


def profile_live(
    store: GraphStore,
    schema: GraphSchema,
    find: Callable[[str | None], Live],
    *,
    users: Sequence[Any] | None = None,
    items: Sequence[Any] | None = None,
    k: int = 10,
    model: str | None = None,
    cluster: str = CLUSTER,
) -> Profile:
    """Say what the graph knows of users, or of items; see `graphrec.rank.profile.Profile`.

    Args:
        store: the graph.
        schema: what the labels mean.
        find: what gives a published model by its name.
        users: keys of users, each answered once.
        items: keys of items, in place of users.
        k: how many values of each kind of attribute, and how many similar items.
        model: the published model that says which items are similar; None is the only one that is published, and
            where there is none, or are several, nothing is similar to anything.
        cluster: the property that holds clusters; left out where nobody has it.

    Raises:
        ArgumentError: neither or both of ``users`` and ``items`` are given, or ``k`` is below 1.
        UnknownKeyError: a key is not in the graph, or no model of this name is published.

    Cost: a few statements a call; the bases (what everybody leans to) pass over all interactions once for each kind
        of attribute, and the popularity of items over all of them once.
    """
    side, asked = asked_for(users, items)
    graph, k = _Asked(store, schema, side), check_k(k)
    known_keys(store, graph.node, asked.to_pylist(), f"{side}s", graph.found)
    keys = asked.to_pylist()
    popular = store.popular([schema.relationships[each.type] for each in schema.targets], EVERY)
    popularity = popular["count"].to_numpy().astype(np.int64)
    activity = graph.activity(asked)
    kinds = graph.kinds(asked, activity[f"{OTHER[side]}s"].to_numpy(), int(popularity.sum()))
    names = names_of(store, schema.item, asked) if side == "item" else []
    clusters = held(store, graph.node, cluster, keys)
    clusters = clusters if all(each is None or isinstance(each, int) for each in clusters) else []
    similar = nothing_similar()
    if side == "item":
        try:
            live = find(model)
        except UnknownKeyError:
            if model is not None:
                raise
        else:
            similar = _similar(live, asked, k)
    return Profile(
        side,
        finished(side, asked, activity, names, clusters, popularity),
        graph.attributes(asked),
        leanings(side, keys, kinds, k),
        similar,
    )


class _Asked:
    """A graph to ask about the nodes of one side; of a graph file it matters what is there."""

    def __init__(self, store: GraphStore, schema: GraphSchema, side: Side) -> None:
        self.store, self.schema, self.side = store, schema, side
        self.dialect = store.capabilities.dialect
        self.found = store.describe() if self.dialect == "ladybug" else None
        self.node, self.other = (schema.user, schema.item) if side == "user" else (schema.item, schema.user)
        self.targets = known_targets(schema, self.found, self.dialect)
        arrows = {"from": "-", "to": "->"} if side == "user" else {"from": "<-", "to": "-"}
        types = any_of([each.type for each in self.targets], self.dialect)
        self.fragments = {**arrows, "types": types, **measured(self.targets, self.found, self.dialect)}
        self.names = {"source": self.node.label, "source_key": self.node.key}
        self.names |= {"target": self.other.label, "target_key": self.other.key}

    def ask(self, name: str, keys: list[Any], attribute: Attribute | None = None) -> pa.Table:
        """Run a statement about these keys."""
        names = dict(self.names)
        if attribute is not None:
            names |= {"type": attribute.type, "thing": attribute.to.label, "thing_key": attribute.to.key}
        return self.store.query(render(self.dialect, f"read/{name}", names, self.fragments), {"keys": keys})

    def activity(self, keys: pa.Array) -> pd.DataFrame:
        """Return how often and when each one took part in interactions."""
        rows = self.ask("activity", keys.to_pylist()).to_pylist() if self.targets and len(keys) else []
        found = {row["key"]: row for row in rows}
        each = [found.get(key, {}) for key in keys.to_pylist()]
        seconds = {name: [_whole(row.get(name)) for row in each] for name in ("first", "last")}
        return pd.DataFrame(
            {
                "interactions": np.asarray([row.get("interactions", 0) for row in each], np.int64),
                f"{OTHER[self.side]}s": np.asarray([row.get("others", 0) for row in each], np.int64),
                "weight": np.asarray([row.get("weight", math.nan) for row in each], np.float64),
                **{name: pd.array(values, dtype="Int64") for name, values in seconds.items()},
            }
        )

    def attributes(self, keys: pa.Array) -> pd.DataFrame:
        """Return what each one is tied to itself."""
        found: list[tuple[int, str, Any]] = []
        for attribute in known_attributes(self.schema, self.found, self.dialect, self.side):
            pairs = self.store.neighbours([self.schema.relationships[attribute.type]], keys)
            named = names_of(self.store, attribute.to, pairs["target"])
            rows = np.asarray(pc.index_in(pairs["source"], keys), np.int64)
            kind = self.schema.kind(attribute)
            found += [(row, kind, name) for row, name in zip(rows.tolist(), named, strict=True)]
        return own_frame(self.side, keys, found)

    def kinds(self, keys: pa.Array, sizes: Any, total: int) -> list[Kind]:
        """Return the attributes of the other side, as far as histories have them."""
        found = []
        for attribute in known_attributes(self.schema, self.found, self.dialect, OTHER[self.side]):
            rows = self.ask("leanings", keys.to_pylist(), attribute) if self.targets and len(keys) else pa.table({})
            if not rows.num_rows:
                continue
            values = NodeTable(attribute.to.label, rows["value"].combine_chunks().unique().sort(), pa.table({}))
            pairs = pa.table({"source": rows["key"], "target": rows["value"]})
            counts = pair_matrix(pairs, keys, values).astype(np.int64)
            at = np.asarray(pc.index_in(rows["key"].combine_chunks(), keys), np.int64)
            counts[at, values.rows(rows["value"])] = rows["count"].to_numpy()
            bases = self.ask("bases", values.keys.to_pylist(), attribute)
            taken = np.zeros(len(values), np.int64)
            taken[values.rows(bases["value"])] = bases["count"].to_numpy()
            names = names_of(self.store, attribute.to, values.keys)
            found.append(Kind(self.schema.kind(attribute), names, counts.tocsr(), taken, sizes, total))
        return found


def _similar(live: Live, keys: pa.Array, k: int) -> pd.DataFrame:
    items = live.load().items
    with_vector = keys.take(pa.array(np.flatnonzero(items.rows(keys) >= 0)))
    if not len(with_vector):
        return nothing_similar()
    found = live.similar(with_vector, k)
    named = names_of(live.store, live.schema.item, pa.array(found["similar"], with_vector.type))
    return found.assign(name=named)[list(nothing_similar())]


def _whole(value: Any) -> int | None:
    return None if value is None else math.floor(value)
