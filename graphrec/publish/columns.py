"""Vectors on their way to one property: written in fenced batches, old ones cleared, a sample read back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import PublishError
from graphrec.store.queries import render

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphrec.publish.record import Lock
    from graphrec.publish.vectors import Progress
    from graphrec.schema import Node
    from graphrec.store.protocol import GraphStore

ROWS = 20_000  # rows between two renewals of the lease
MISSING = 0.05  # this share of nodes may be gone since the fit; beyond it, a model is of another graph
SAMPLE = 200  # vectors of each column that are read back


def same(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """Write vectors as they are."""
    return vectors


@dataclass(frozen=True)
class Column:
    """What is to stand in one property of the nodes of one label.

    Attributes:
        node: the label.
        place: the property.
        keys: of nodes, [n].
        vectors: float32 [n, d].
        rows: which of them are written, in this order.
        shape: what becomes of vectors before they are written, batch by batch.
        index: whether the property has a vector index.
        there: the keys whose older vectors go where none is written; None is all that have one.
    """

    node: Node
    place: str
    keys: pa.Array
    vectors: NDArray[np.float32]
    rows: NDArray[np.int64]
    shape: Callable[[NDArray[np.float32]], NDArray[np.float32]] = same
    index: bool = False
    there: pa.Array | None = None

    @property
    def width(self) -> int:
        """Numbers in a vector as it is written."""
        return int(self.shape(self.vectors[:0]).shape[1])

    def batch(self, rows: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.float32]]:
        """Return keys and vectors of some rows as they are written."""
        return self.keys.take(pa.array(rows)), np.ascontiguousarray(self.shape(self.vectors[rows]))


def write(store: GraphStore, column: Column, lock: Lock, progress: Progress) -> None:
    """Write a column; nodes that it does not cover lose what they had there.

    Nodes that are deleted meanwhile are left out, up to a share of `MISSING`.

    Raises:
        PublishError: more nodes vanished, or the lock was lost.
    """
    gone = 0
    for start in range(0, len(column.rows), ROWS):
        rows = column.rows[start : start + ROWS]
        keys, vectors = column.batch(rows)
        written = store.write_vectors(column.node, column.place, keys, vectors, lock.fence())
        gone += len(rows) - written
        if not 0 <= gone <= MISSING * len(column.rows):
            raise PublishError(
                f"{gone:,} of {len(column.rows):,} {column.node.label!r} nodes vanished while their vectors were "
                "written. Nothing went live; publish again."
            )
        progress(f"{column.node.label}.{column.place}", start + len(rows), len(column.rows))
    there = store.read_vectors(column.node, column.place)[0] if column.there is None else column.there
    if len(there):
        stale = there.filter(pc.invert(pc.is_in(there, column.keys.take(pa.array(column.rows)))))
        if len(stale):
            store.clear_vectors(column.node, column.place, stale, lock.fence())


def verify(store: GraphStore, column: Column) -> None:
    """Read a sample back: the first and last rows written and some between.

    Raises:
        PublishError: what is stored differs.
    """
    if not len(column.rows):
        return
    rows = column.rows[np.unique(np.linspace(0, len(column.rows) - 1, SAMPLE).astype(np.int64))]
    keys, expected = column.batch(rows)
    found_keys, found = store.read_vectors(column.node, column.place, keys)
    order = pc.index_in(keys, found_keys)
    names = {"label": column.node.label, "key": column.node.key}
    without = keys.filter(pc.is_null(order)).to_pylist()  # deleted by now, or not written
    lost = (
        without and store.query(render(store.capabilities.dialect, "read/there", names), {"keys": without}).num_rows
    )
    if lost or not np.array_equal(found[np.asarray(order.drop_null())], expected[np.asarray(pc.is_valid(order))]):
        raise PublishError(
            f"Vectors of {column.node.label!r} read back from {column.place!r} differ from the model's. "
            "Nothing went live; publish again, and check whether another program writes that property."
        )
