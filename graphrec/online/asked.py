"""Who asks for a list: their vectors from the graph, what serves them, and what they have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.tables import as_keys, pair_matrix
from graphrec.errors import ModelError
from graphrec.store.recipes import slot_property

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.publish.record import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


@dataclass(frozen=True)
class Asked:
    """The users of one call.

    Attributes:
        labels: what to call them: their keys, or positions for new users.
        vectors: float32 [b, d]; zero where there is none.
        path: what serves each: ``"vector"``, ``"fold-in"``, or ``""`` where nothing does.
        seen: what each has seen, [b, n_items].
    """

    labels: pa.Array
    vectors: NDArray[np.float32]
    path: NDArray[np.object_]
    seen: sp.csr_array

    def take(self, rows: NDArray[np.int64]) -> Asked:
        """Return some of the users."""
        return Asked(self.labels.take(pa.array(rows)), self.vectors[rows], self.path[rows], self.seen[rows])


def ask_keys(
    store: GraphStore, schema: GraphSchema, version: Version, items: NodeTable, users: Sequence[Any]
) -> Asked:
    """Look users up by their keys, each once.

    A user without a vector (new since the publish) is folded in from the items that the graph now holds of them.
    """
    keys = pc.unique(as_keys(users, "users"))
    with_vector, stored = store.read_vectors(schema.user, slot_property(version.name, version.slot), keys)
    vectors = np.zeros((len(keys), version.dim), np.float32)
    path = np.full(len(keys), "", dtype=object)
    if len(with_vector):  # none where the keys are of the other type
        at = np.asarray(pc.index_in(with_vector, keys), np.int64)
        vectors[at], path[at] = stored[:, : version.dim], "vector"
    new = np.flatnonzero(path == "")
    if len(new) and version.fold_in:
        missing = keys.take(pa.array(new))
        targets = [schema.relationships[i.type] for i in schema.targets]
        histories = pair_matrix(store.neighbours(targets, missing), missing, items)
        vectors[new], path[new] = _fold_in(store, schema, version, items, histories)
    hiding = [schema.relationships[i.type] for i in schema.hiding]
    pairs = store.neighbours(hiding, keys) if hiding else pa.table({"source": keys[:0], "target": items.keys[:0]})
    return Asked(keys, vectors, path, pair_matrix(pairs, keys, items))


def ask_histories(
    store: GraphStore, schema: GraphSchema, version: Version, items: NodeTable, histories: Sequence[Sequence[Any]]
) -> Asked:
    """Take users who are not in the graph, each by the keys of their items.

    Raises:
        ModelError: the model cannot fold in.
        UnknownKeyError: an item has no vector in this version.
    """
    if not version.fold_in:
        raise ModelError(
            f"The model {version.name!r} ({version.kind}) cannot serve new users by their items. "
            "Publish one that can, such as LightGCN."
        )
    rows = [np.unique(items.require(list(history), "users")) for history in histories]
    flat = np.concatenate([*rows, np.zeros(0, np.int64)])
    matrix = sp.csr_array(
        (np.ones(len(flat), np.float32), flat, np.cumsum([0, *map(len, rows)])), (len(rows), len(items))
    )
    vectors, path = _fold_in(store, schema, version, items, matrix)
    return Asked(pa.array(range(len(rows)), pa.int64()), vectors, path, matrix)


def _fold_in(
    store: GraphStore, schema: GraphSchema, version: Version, items: NodeTable, histories: sp.csr_array
) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
    """Return ``Σ fold-in vectors of the items / √(their number)`` of each row, and what serves it."""
    rows = np.unique(histories.indices).astype(np.int64)
    place = slot_property(version.name, version.slot, fold_in=True)
    keys, vectors = store.read_vectors(schema.item, place, items.take(rows))
    parts = vectors.reshape(-1, version.dim).astype(np.float64)
    added = histories[:, items.rows(keys)].astype(np.float64) @ parts
    summed = added / np.sqrt(np.maximum(np.diff(histories.indptr), 1))[:, None]
    return summed.astype(np.float32), np.where((summed != 0).any(axis=1), "fold-in", "").astype(object)
