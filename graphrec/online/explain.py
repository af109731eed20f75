"""Why the live version gives an item to a user: from the vectors on the nodes, and the graph as it is now."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import NodeTable, pair_matrix
from graphrec.errors import UnknownKeyError, shown
from graphrec.online.asked import ask_keys
from graphrec.online.nodes import EVERY, held
from graphrec.rank.attribution import history_parts
from graphrec.rank.explain import Values, as_pairs, put_together, rarity
from graphrec.rank.leanings import or_keys
from graphrec.store.recipes import slot_property

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.online.live import Live
    from graphrec.rank.explain import Explanation
    from graphrec.schema import Node
    from graphrec.store.protocol import GraphStore


def explain_live(live: Live, pairs: Any) -> Explanation:
    """Say why users get items by the live version; see `graphrec.rank.explain.Explanation`.

    Args:
        live: the model.
        pairs: pairs of user and item keys, or a frame with the columns ``user`` and ``item``, as `recommend` gives.

    Raises:
        ArgumentError: these are no pairs.
        UnknownKeyError: a user has neither a vector nor items, or an item has no vector in the live version.

    Cost: the vectors of the users, of their items (fold-in), and the attributes of both are read.
    """
    users, items = as_pairs(pairs)
    return live.settled(lambda loaded: _explain(live, loaded, users, items))


def _explain(live: Live, loaded: Any, users: pa.Array, items: pa.Array) -> Explanation:
    store, schema = live.store, live.schema
    item_rows = live.require(loaded.items, items, "pairs")
    if not len(users):
        nothing = pair_matrix(pa.table({"source": users, "target": items}), users, loaded.items)
        return put_together(users, items, np.zeros(0), item_rows, nothing, nothing, loaded.items, [], {})
    asked = ask_keys(store, schema, loaded.version, loaded.items, users, partial(live.maps, loaded.version))
    if len(unknown := np.flatnonzero(asked.path == "")):
        some = shown(asked.labels.take(pa.array(unknown[:3])).to_pylist())
        raise UnknownKeyError(f"`pairs` must name users whom the model or their items tell of. Got {some}.")
    place = np.asarray(pc.index_in(users, asked.labels), np.int64)
    scores = np.vecdot(asked.vectors[place].astype(np.float64), loaded.vectors.vectors[item_rows].astype(np.float64))
    targets = [schema.relationships[i.type] for i in schema.targets]
    histories = pair_matrix(store.neighbours(targets, asked.labels), asked.labels, loaded.items)[place]
    parts = None
    if loaded.version.fold_in:
        rows = np.unique(histories.indices).astype(np.int64)
        property = slot_property(loaded.version.name, loaded.version.slot, fold_in=True)
        keys, vectors = store.read_vectors(schema.item, property, loaded.items.take(rows))
        fold_in = np.zeros((len(loaded.items), loaded.version.dim), np.float32)
        fold_in[loaded.items.rows(keys)] = vectors.reshape(-1, loaded.version.dim)
        parts = history_parts(loaded.vectors.vectors[item_rows], fold_in, histories)
    rows = np.union1d(item_rows, histories.indices).astype(np.int64)
    names = dict(zip(rows.tolist(), names_of(store, schema.item, loaded.items.take(rows)), strict=True))
    return put_together(
        users, items, scores, item_rows, parts, histories, loaded.items, names, _values(live, loaded.items, rows)
    )


def _values(live: Live, items: NodeTable, rows: NDArray[np.int64]) -> dict[str, Values]:
    """Return the attributes of some items."""
    store, schema, keys, found = live.store, live.schema, items.take(rows), {}
    for attribute in schema.attributes:
        if attribute.of == "item":
            relationship = schema.relationships[attribute.type]
            pairs = store.neighbours([relationship], keys)
            there = pc.unique(pairs["target"])
            values = NodeTable(attribute.to.label, there.take(pc.sort_indices(there)), pa.table({}))
            having: sp.csr_array = pair_matrix(pairs, items.keys, values)
            counted = store.popular([relationship], EVERY)
            at = values.rows(counted["key"]) if len(values) and len(counted) else np.zeros(0, np.int64)
            counts = np.ones(len(values), np.int64)
            counts[at[at >= 0]] = counted["count"].to_numpy()[at >= 0]
            names = names_of(store, attribute.to, values.keys)
            found[schema.kind(attribute)] = Values(having, names, rarity(counts, len(items)))
    return found


def names_of(store: GraphStore, node: Node, keys: pa.Array) -> list[Any]:
    """Return what people read of nodes: the property that the schema names, or the key."""
    own: list[Any] = keys.to_pylist()
    if node.name is None:
        return own
    return or_keys(held(store, node, node.name, own), own)
