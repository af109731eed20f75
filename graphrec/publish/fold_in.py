"""New users by their items: ``Σ fold-in vectors of the items / √(their number)``, from what the graph holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import NodeTable, pair_matrix
from graphrec.publish.described import encoded_now
from graphrec.publish.features import no_maps
from graphrec.store.recipes import slot_property

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphrec.publish.features import Maps
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def fold_in(
    store: GraphStore,
    schema: GraphSchema,
    version: Version,
    keys: pa.Array,
    pairs: pa.Table,
    maps: Callable[[], Maps] = no_maps,
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return vectors of users, and of how many items each was made.

    Args:
        store: the graph.
        schema: what the labels mean.
        version: whose fold-in vectors are added up.
        keys: of users, [b].
        pairs: the columns ``source`` (of ``keys``) and ``target`` (of items), each pair once.
        maps: gives the version's maps, and is asked only where an item has no fold-in vector; its item map gives it
            one, unless what describes it cannot be read.

    Returns:
        Float64 [b, d], zero where no item is known; int64 [b].
    """
    items, vectors = pairs["target"].combine_chunks()[:0], np.zeros((0, version.dim), np.float32)
    if pairs.num_rows and version.fold_in:
        asked = pc.unique(pairs["target"])
        items, vectors = store.read_vectors(
            schema.item, slot_property(version.name, version.slot, fold_in=True), asked
        )
        vectors = vectors.reshape(-1, version.dim)
        item_map = maps().get("item") if len(items) < len(asked) else None
        if item_map is not None and "fold_in" in item_map.matrices:
            new = asked.filter(pc.invert(pc.is_in(asked, items))) if len(items) else asked
            made = item_map.applied(encoded_now(store, schema, item_map.encoder, new)[0], "fold_in")
            told = made.any(axis=1)
            items = (
                pa.concat_arrays([items, new.filter(pa.array(told))]) if len(items) else new.filter(pa.array(told))
            )
            vectors = np.concatenate([vectors, made[told]])
    order = pc.sort_indices(items)
    table = NodeTable(schema.item.label, items.take(order), pa.table({}))
    histories = pair_matrix(pairs, keys, table)
    counts = np.diff(histories.indptr).astype(np.int64)
    summed = histories.astype(np.float64) @ vectors[np.asarray(order)].astype(np.float64)
    return summed / np.sqrt(np.maximum(counts, 1))[:, None], counts
