"""What gave a node its vector where no training did: a number on the node, for each slot of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.publish.columns import Column, write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.publish.record import Lock
    from graphrec.publish.vectors import Progress
    from graphrec.schema import Node
    from graphrec.store.protocol import GraphStore

WAYS = ("vector", "attributes", "fold-in")  # what the numbers 1 and 2 stand for; a trained vector has none


def code(way: str, n: int) -> NDArray[np.float32]:
    """Return what is written for n nodes, float32 [n, 1]."""
    return np.full((n, 1), WAYS.index(way), np.float32)


def mark(
    store: GraphStore,
    node: Node,
    place: str,
    keys: pa.Array,
    codes: NDArray[np.float32],
    rows: NDArray[np.int64],
    lock: Lock,
    progress: Progress,
) -> int:
    """Say what gave these rows vectors where no training did, and nothing of any other node; return how many."""
    rows = rows[codes[rows] > 0]
    if len(rows):
        store.prepare_vectors(node, place, 1, index=False)
    write(store, Column(node, place, keys, codes[:, None], rows), lock, progress)
    return len(rows)


def ways(store: GraphStore, node: Node, place: str, keys: pa.Array) -> NDArray[np.object_]:
    """Return what gave nodes with vectors theirs: ``"vector"`` (training), ``"attributes"`` or ``"fold-in"``."""
    found = np.full(len(keys), WAYS[0], dtype=object)
    marked, codes = store.read_vectors(node, place, keys)
    if len(marked):
        at = np.asarray(pc.index_in(marked, keys), np.int64)
        found[at] = np.array(WAYS, dtype=object)[codes[:, 0].astype(np.int64)]
    return found
