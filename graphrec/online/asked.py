"""Who asks for a list: their vectors from the graph, what serves them, and what they have seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import as_keys, pair_matrix
from graphrec.publish.described import encoded_now
from graphrec.publish.features import no_maps
from graphrec.publish.fold_in import fold_in
from graphrec.publish.served import ways
from graphrec.store.recipes import cold_property, slot_property

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.publish.features import Maps
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


@dataclass(frozen=True)
class Asked:
    """The users of one call.

    Attributes:
        labels: what to call them: their keys, or positions for new users.
        vectors: float32 [b, d]; zero where there is none.
        path: what gave them: ``"vector"``, ``"fold-in"``, ``"attributes"``, ``"text"``, several joined by ``+``, or
            ``""`` where nothing did.
        stored: whether it stands on the user's node, bool [b].
        seen: what each has seen, [b, n_items].
    """

    labels: pa.Array
    vectors: NDArray[np.float32]
    path: NDArray[np.object_]
    stored: NDArray[np.bool_]
    seen: sp.csr_array

    def take(self, rows: NDArray[np.int64]) -> Asked:
        """Return some of the users."""
        some = (self.vectors[rows], self.path[rows], self.stored[rows], self.seen[rows])
        return Asked(self.labels.take(pa.array(rows)), *some)


def ask_keys(
    store: GraphStore,
    schema: GraphSchema,
    version: Version,
    items: NodeTable,
    users: Sequence[Any],
    maps: Callable[[], Maps] = no_maps,
) -> Asked:
    """Look users up by their keys, each once.

    A user without a vector (new since the publish) is folded in from the items that the graph now holds of them; one
    without items gets the vector of what describes them, where the model maps that.
    """
    keys = pc.unique(as_keys(users, "users"))
    with_vector, found = store.read_vectors(schema.user, slot_property(version.name, version.slot), keys)
    vectors = np.zeros((len(keys), version.dim), np.float32)
    path = np.full(len(keys), "", dtype=object)
    if len(with_vector):  # none where the keys are of the other type
        at = np.asarray(pc.index_in(with_vector, keys), np.int64)
        cold = cold_property(version.name, version.slot)
        vectors[at] = found[:, : version.dim]
        path[at] = ways(store, schema.user, cold, with_vector) if version.cold_users else "vector"
    stored = path != ""
    if not stored.all():
        new = np.flatnonzero(~stored)
        vectors[new], path[new] = _new(store, schema, version, keys.take(pa.array(new)), maps)
    hiding = [schema.relationships[i.type] for i in schema.hiding]
    pairs = store.neighbours(hiding, keys) if hiding else pa.table({"source": keys[:0], "target": items.keys[:0]})
    return Asked(keys, vectors, path, stored, pair_matrix(pairs, keys, items))


def _new(
    store: GraphStore, schema: GraphSchema, version: Version, keys: pa.Array, maps: Callable[[], Maps]
) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
    """Return the vectors of users who are in the graph without one, and what gave them."""
    vectors, path = np.zeros((len(keys), version.dim), np.float32), np.full(len(keys), "", dtype=object)
    if version.fold_in:
        pairs = store.neighbours([schema.relationships[i.type] for i in schema.targets], keys)
        vectors = fold_in(store, schema, version, keys, pairs, maps)[0].astype(np.float32)
        path[vectors.any(axis=1)] = "fold-in"
    rest = np.flatnonzero(path == "")
    user_map = maps().get("user") if len(rest) else None
    if user_map is not None:
        told = encoded_now(store, schema, user_map.encoder, keys.take(pa.array(rest)))[0]
        vectors[rest] = user_map.applied(told)
        path[rest[vectors[rest].any(axis=1)]] = "attributes"
    return vectors, path
