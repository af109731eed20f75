"""Users who are in no graph: by items, by what describes them and by words, from what a publish left in the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.new_user import with_more
from graphrec.data.tables import as_keys, pair_matrix
from graphrec.errors import ModelError
from graphrec.online.asked import Asked
from graphrec.publish.features import no_maps
from graphrec.publish.fold_in import fold_in
from graphrec.store.queries import render

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from graphrec.data.new_user import NewUser
    from graphrec.data.tables import NodeTable
    from graphrec.publish.features import Maps
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def ask_new(
    store: GraphStore,
    schema: GraphSchema,
    version: Version,
    items: NodeTable,
    users: Sequence[tuple[int, NewUser]],
    maps: Callable[[], Maps] = no_maps,
) -> Asked:
    """Take users who are not in the graph, each with the position that they are called by.

    An item without a vector, such as one that came after the publish, counts by what describes it, where the model
    maps that, and else for nothing.

    Raises:
        ArgumentError: an attribute is none that the model knows.
        ModelError: the model cannot fold in, or cannot read attributes or text.
        UnknownKeyError: an item is not in the graph.
    """
    new = [user for _, user in users]
    if not version.fold_in and any(len(user.items) or not (user.attributes or user.text) for user in new):
        raise ModelError(
            f"The model {version.name!r} ({version.kind}) cannot serve new users by their items. "
            "Publish one that can, such as LightGCN."
        )
    histories = [pc.unique(as_keys(list(user.items), "users")) for user in new]
    whose = np.repeat(np.arange(len(new)), list(map(len, histories)))
    flat = [key for keys in histories for key in keys.to_pylist()]
    taken = as_keys(flat, "users") if flat else items.keys[:0]
    unknown = taken.filter(pa.array(items.rows(taken) < 0))
    said = bool(len(unknown)) or any(user.attributes or user.text for user in new)
    known = maps() if said else {}
    if len(unknown):
        _require(store, schema, items, pc.unique(unknown))
    rows = pa.array(np.arange(len(new)))
    pairs = pa.table({"source": pa.array(whose, pa.int64()), "target": taken})
    folded, counts = fold_in(store, schema, version, rows, pairs, maps)
    vectors, path = with_more(new, folded, counts, known, version.name)
    labels = pa.array([place for place, _ in users], pa.int64())
    return Asked(labels, vectors, path, np.zeros(len(new), bool), pair_matrix(pairs, rows, items))


def _require(store: GraphStore, schema: GraphSchema, items: NodeTable, keys: pa.Array) -> None:
    """Go on only where items without a vector are in the graph all the same."""
    if keys.type == items.keys.type:
        names = {"label": schema.item.label, "key": schema.item.key}
        found = store.query(render(store.capabilities.dialect, "read/features", names), {"keys": keys.to_pylist()})
        keys = keys.filter(pc.invert(pc.is_in(keys, pc.cast(found["key"], keys.type)))) if found.num_rows else keys
    items.require(keys, "users")
