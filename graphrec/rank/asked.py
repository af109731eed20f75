"""Who asks for a list of a model in Python: what they have, and what serves them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.described import described
from graphrec.data.new_user import NewUser, with_more
from graphrec.data.tables import as_keys
from graphrec.errors import ModelError, UnknownKeyError, shown
from graphrec.rank.scorer import VectorScorer, known_by

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.described import Side
    from graphrec.data.feature_map import FeatureMap
    from graphrec.rank.scorer import Scorer


@dataclass(frozen=True)
class Asked:
    """Those who ask.

    Attributes:
        labels: what to call them.
        rows: in the model, −1 for new ones.
        in_data: in the data, −1 for new users.
        taken: what they took, [b, items of the data].
        seen: what they have seen, [b, items of the data].
        new: what new users say of themselves; empty where keys are asked for.
    """

    labels: pa.Array
    rows: NDArray[np.int64]
    in_data: NDArray[np.int64]
    taken: sp.csr_array
    seen: sp.csr_array
    new: Sequence[NewUser] = ()


def asked_by_keys(model: Scorer, data: Dataset, users: Any) -> Asked:
    """Look users up by their keys, each once."""
    labels = pc.unique(as_keys(users, "users")) if len(users) else data.users.keys[:0]
    in_data = data.users.rows(labels)
    rows = np.where(in_data < 0, -1, model.users.rows(labels))
    return Asked(labels, rows, in_data, _rows(data.interactions(), in_data), _rows(data.seen(), in_data))


def new_users(model: Scorer, data: Dataset, users: Sequence[tuple[int, NewUser]]) -> Asked:
    """Take users who are not in the data, each with their position.

    Raises:
        ModelError: the model cannot fold in.
        UnknownKeyError: an item is not in the data.
    """
    new = [user for _, user in users]
    vectors = isinstance(model, VectorScorer)
    cannot = getattr(model, "fold_in_vectors", None) is None
    if cannot and any(len(user.items) or not (vectors and (user.attributes or user.text)) for user in new):
        raise ModelError(
            f"The model {model.name!r} cannot serve new users by their items. Take one that can, such as LightGCN."
        )
    histories = [np.unique(data.items.require(list(user.items), "users")) for user in new]
    taken = rows_of(histories, len(data.items))
    none = np.full(len(new), -1)
    return Asked(pa.array([place for place, _ in users], pa.int64()), none, none, taken, taken, new)


def vectors_of_items(
    model: Scorer, data: Dataset, there: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
    """Return the vectors of the data's items, and what gave them: the model's, or for new items its map's.

    Args:
        model: any.
        data: a snapshot, also a newer one.
        there: the model's row of each item, −1 where it does not know the item.

    Returns:
        Float32 [n, d], of no width for a model without vectors; and ``"vector"``, ``"attributes"``, ``"score"`` (a
        model without vectors) or ``""`` (nothing), [n].
    """
    known = there >= 0
    if not isinstance(model, VectorScorer):
        return np.zeros((len(there), 0), np.float32), np.where(known, "score", "").astype(object)
    vectors = model.item_vectors[there]
    vectors[~known] = 0
    known = np.asarray(vectors.any(axis=1))  # of the others it learned nothing
    path = np.where(known, "vector", "").astype(object)
    cold: NDArray[np.bool_] | None = getattr(model, "cold_items", None)
    if cold is not None:
        path[known & cold[there]] = "attributes"
    new = np.flatnonzero(~known)
    item_map = _map(model, "item")
    if item_map is not None and len(new):
        vectors[new] = item_map.vectors(described(data, "item").take(new))
        path[new[vectors[new].any(axis=1)]] = "attributes"
    return vectors, path


def vectors_of_users(
    model: VectorScorer, data: Dataset, users: pa.Array
) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return the rows in the model (−1: it does not know them) and the vectors of users, as their lists have them.

    Raises:
        UnknownKeyError: the model does not know a user, and nothing in the data serves them.
    """
    asked = asked_by_keys(model, data, users)
    path, vectors = served(model, data, asked, model.items.rows(data.items.keys))
    if len(unknown := np.flatnonzero((asked.rows < 0) & (path == ""))):
        some = shown(asked.labels.take(pa.array(unknown[:3])).to_pylist())
        raise UnknownKeyError(f"`pairs` must name users whom the model or their items tell of. Got {some}.")
    place = np.asarray(pc.index_in(users, asked.labels), np.int64)
    return asked.rows[place], vectors[place]


def served(
    model: Scorer, data: Dataset, asked: Asked, there: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """Return what serves each user (``""``: nothing), and their vectors.

    Somebody of whom the model learned nothing, such as one whose vector is zero, is as new.

    Raises:
        ArgumentError: a new user names an attribute that the model does not know.
        ModelError: the model cannot read what a new user says.
    """
    known = asked.rows >= 0
    if not isinstance(model, VectorScorer):
        known[known] = known_by(model, asked.rows[known])
        return np.where(known, "score", "").astype(object), np.zeros((len(known), 0), np.float32)
    vectors = np.zeros((len(known), model.item_vectors.shape[1]), np.float32)
    vectors[known] = model.user_vectors[asked.rows[known]]
    known = np.asarray(vectors.any(axis=1))
    path = np.where(known, "vector", "").astype(object)
    cold: NDArray[np.bool_] | None = getattr(model, "cold_users", None)
    if cold is not None:
        path[known & cold[asked.rows]] = "attributes"
    new = np.flatnonzero(~known)
    if not len(new):
        return path, vectors
    folded, counts = _folded(model, data, asked.taken[new], there)
    if asked.new:
        sides: tuple[Side, ...] = ("item", "user")
        maps = {side: found for side in sides if (found := _map(model, side)) is not None}
        vectors[new], path[new] = with_more(asked.new, folded, counts, maps, model.name)
        return path, vectors
    vectors[new], path[new] = folded, np.where(folded.any(axis=1), "fold-in", "")
    rest, user_map = new[path[new] == ""], _map(model, "user")
    rest = rest[asked.in_data[rest] >= 0]
    if user_map is not None and len(rest):
        vectors[rest] = user_map.vectors(described(data, "user").take(asked.in_data[rest]))
        path[rest[vectors[rest].any(axis=1)]] = "attributes"
    return path, vectors


def _map(model: Scorer, side: str) -> FeatureMap | None:
    found: FeatureMap | None = getattr(model, f"{side}_map", None)
    return found


def _folded(
    model: VectorScorer, data: Dataset, taken: sp.csr_array, there: NDArray[np.int64]
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return vectors of users by their items, also such as are new to the model, and how many items they are of."""
    if model.fold_in_vectors is None:
        return np.zeros((taken.shape[0], model.item_vectors.shape[1]), np.float32), np.zeros(taken.shape[0], np.int64)
    learned = np.asarray(model.item_vectors.any(axis=1))  # of the others it learned nothing
    there = np.where(learned[there], there, -1)
    histories = np.split(taken.indices.astype(np.int64), taken.indptr[1:-1])
    known = [there[rows][there[rows] >= 0] for rows in histories]
    vectors, counts = model.fold_in(known), np.array([len(rows) for rows in known], np.int64)
    item_map, new = _map(model, "item"), np.unique(taken.indices[there[taken.indices] < 0]).astype(np.int64)
    if item_map is None or "fold_in" not in item_map.matrices or not len(new):
        return vectors, counts
    more = np.zeros((taken.shape[1], vectors.shape[1]), np.float32)
    more[new] = item_map.vectors(described(data, "item").take(new), "fold_in")
    told: NDArray[np.float32] = np.asarray(more.any(axis=1), np.float32)
    extra = np.asarray(taken @ told, np.int64)
    summed = vectors.astype(np.float64) * np.sqrt(counts)[:, None] + taken.astype(np.float64) @ more.astype(
        np.float64
    )
    counts = counts + extra
    joined = (summed / np.sqrt(np.maximum(counts, 1))[:, None]).astype(np.float32)
    return np.where((extra > 0)[:, None], joined, vectors), counts


def _rows(matrix: sp.csr_array, rows: NDArray[np.int64]) -> sp.csr_array:
    """Return these rows; an empty one for −1."""
    ends = matrix.indptr
    found = [matrix.indices[ends[row] : ends[row + 1]] if row >= 0 else matrix.indices[:0] for row in rows]
    return rows_of(found, matrix.shape[1])


def rows_of(lists: list[NDArray[Any]], n: int) -> sp.csr_array:
    """Return lists of columns as a matrix of ones, float32 [b, n]."""
    ends = np.cumsum([0, *map(len, lists)])
    rows = np.concatenate([np.zeros(0, np.int64), *lists])
    return sp.csr_array((np.ones(len(rows), np.float32), rows, ends), (len(lists), n))
