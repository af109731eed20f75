"""Lists for users and items from a model and a dataset, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.tables import as_keys
from graphrec.errors import ArgumentError, ModelError, problem
from graphrec.rank.eligible import allowed_mask, matching_items
from graphrec.rank.lists import are_histories, list_frame, settle_unknown
from graphrec.rank.scorer import VectorScorer
from graphrec.rank.topk import TopK, check_k, topk_scores, topk_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import NodeTable
    from graphrec.rank.lists import OnUnknown
    from graphrec.rank.scorer import Scorer


def recommend(
    model: Scorer,
    data: Dataset,
    users: Sequence[Any],
    k: int = 10,
    *,
    include: Sequence[Any] | None = None,
    exclude: Sequence[Any] | None = None,
    where: Mapping[str, Any] | None = None,
    exclude_seen: bool = True,
    on_unknown: OnUnknown = "raise",
) -> pd.DataFrame:
    """Return the best ``k`` items of each user.

    Users, items and what was seen are those of ``data``; the model may have been fitted on an older snapshot. What
    ``data`` no longer holds is not recommended.

    Args:
        model: a fitted model.
        data: a snapshot of the graph.
        users: keys of users, each answered once; or lists of item keys, each a new user by the items that they took.
        k: the length of the lists; shorter where fewer items are eligible.
        include: keys of the only items to consider.
        exclude: keys of items to leave out.
        where: attributes that items must have; see `graphrec.rank.eligible.matching_items`.
        exclude_seen: leave out items that the user has an interaction with that hides (for a new user: the given
            items).
        on_unknown: what to do with users whom the data does not hold, or whom the model can serve neither by a
            vector nor by their items: ``"raise"``; ``"warn"`` leaves them out; ``"fallback"`` gives them the items
            with most target interactions in ``data``.

    Returns:
        A frame with the columns ``user`` (for new users: the position in ``users``), ``item``, ``score``, ``rank``
        (from 1), ``model``, ``version`` (None: this one is not published) and ``path``, which says what served the
        row: ``"vector"``, ``"score"`` (a model without vectors), ``"fold-in"`` or ``"popularity"``.

    Raises:
        ArgumentError: an argument breaks its rule.
        UnknownKeyError: a user is unknown, or an item of a new user.
        ModelError: the model knows no item of the data, cannot serve new users, or has scores that are not finite.
    """
    k = min(check_k(k), max(1, len(data.items)))
    matching = None if where is None else matching_items(data, where)
    allowed = allowed_mask(data.items, include=include, exclude=exclude, matching=matching)
    there = model.items.rows(data.items.keys)  # the model's row of each item, −1 where it does not know the item
    if len(there) and not (there >= 0).any():
        raise ModelError(f"The model {model.name!r} must be of this graph. It knows no item of `data`.")
    asked = _by_histories(model, data, users) if are_histories(users) else _by_keys(model, data, users)
    path, vectors = _served(model, asked, there)
    settle_unknown(asked.labels, path, on_unknown)

    best = TopK.empty(len(path), k)
    popular = np.flatnonzero(path == "popularity")
    served = np.flatnonzero((path != "") & (path != "popularity"))
    if len(popular):
        hidden, ones = asked.seen[popular] if exclude_seen else None, np.ones((len(popular), 1), np.float32)
        best.put(popular, topk_vectors(ones, _popularity(data), k, hidden=hidden, allowed=allowed))
    if len(served):
        limits: Any = {"hidden": asked.seen[served] if exclude_seen else None}
        limits["allowed"] = there >= 0 if allowed is None else allowed & (there >= 0)
        if isinstance(model, VectorScorer):
            items, name = model.item_vectors[there], repr(model.name)
            best.put(served, topk_vectors(vectors[served], items, k, **limits, name=name))
        else:
            best.put(served, topk_scores(_Reordered(model, data.items, there), asked.rows[served], k, **limits))
    return list_frame(asked.labels, data.items, best, model=model.name, version=None, path=path.astype(str))


def similar(
    model: VectorScorer,
    items: Sequence[Any],
    k: int = 10,
    *,
    include: Sequence[Any] | None = None,
    exclude: Sequence[Any] | None = None,
) -> pd.DataFrame:
    """Return the ``k`` items whose vectors have the highest cosine with each given item's, itself left out.

    Items without a vector (all zero) are similar to nothing.

    Args:
        model: a fitted model.
        items: keys of items, each answered once.
        k: the length of the lists.
        include: keys of the only items to consider.
        exclude: keys of items to leave out.

    Returns:
        A frame with the columns ``item``, ``similar``, ``score`` (cosine), ``rank``, ``model`` and ``version``.

    Raises:
        ArgumentError: an argument breaks its rule.
        UnknownKeyError: the model does not know an item.
        ModelError: the model has no vectors.
    """
    k = check_k(k)
    if not isinstance(model, VectorScorer):
        raise ModelError(f"The model {getattr(model, 'name', model)!r} must have vectors to compare items by.")
    if are_histories(items):
        raise ArgumentError(problem("items", "must be a list of item keys", list(items)))
    keys = pc.unique(as_keys(items, "items"))
    rows = model.items.require(keys, "items")
    k = min(k, max(1, len(model.items)))
    itself = _matrix([rows[i : i + 1] for i in range(len(rows))], len(model.items))
    allowed = allowed_mask(model.items, include=include, exclude=exclude)
    vectors, name = model.item_vectors, repr(model.name)
    best = topk_vectors(vectors[rows], vectors, k, hidden=itself, allowed=allowed, cosine=True, name=name)
    return list_frame(keys, model.items, best, ("item", "similar"), model=model.name, version=None)


@dataclass(frozen=True)
class _Asked:
    """Those who ask: their row in the model (−1), what they took and what they have seen [b, items of the data]."""

    labels: pa.Array
    rows: NDArray[np.int64]
    taken: sp.csr_array
    seen: sp.csr_array


@dataclass(frozen=True)
class _Reordered:
    """A model's scores for the items of another snapshot; whatever for those that it does not know."""

    model: Scorer
    items: NodeTable
    there: NDArray[np.int64]

    @property
    def name(self) -> str:
        return self.model.name

    @property
    def users(self) -> NodeTable:
        return self.model.users

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.asarray(self.model.score(user_rows))[:, self.there]


def _by_keys(model: Scorer, data: Dataset, users: Any) -> _Asked:
    labels = pc.unique(as_keys(users, "users")) if len(users) else data.users.keys[:0]
    in_data = data.users.rows(labels)
    rows = np.where(in_data < 0, -1, model.users.rows(labels))
    return _Asked(labels, rows, _rows(data.interactions(), in_data), _rows(data.seen(), in_data))


def _by_histories(model: Scorer, data: Dataset, histories: Any) -> _Asked:
    if not isinstance(model, VectorScorer) or model.fold_in_vectors is None:
        raise ModelError(
            f"The model {model.name!r} cannot serve new users by their items. Take one that can, such as LightGCN."
        )
    taken = _matrix([np.unique(data.items.require(list(items), "users")) for items in histories], len(data.items))
    return _Asked(pa.array(range(len(histories)), pa.int64()), np.full(len(histories), -1), taken, taken)


def _served(
    model: Scorer, asked: _Asked, there: NDArray[np.int64]
) -> tuple[NDArray[np.object_], NDArray[np.float32]]:
    """Return what serves each user (``""``: nothing), and their vectors."""
    known = asked.rows >= 0
    if not isinstance(model, VectorScorer):
        return np.where(known, "score", "").astype(object), np.zeros((len(known), 0), np.float32)
    path = np.where(known, "vector", "").astype(object)
    vectors = np.zeros((len(path), model.item_vectors.shape[1]), np.float32)
    vectors[known] = model.user_vectors[asked.rows[known]]
    if model.fold_in_vectors is not None and not known.all():
        new = asked.taken[np.flatnonzero(~known)]
        histories = [there[rows] for rows in np.split(new.indices, new.indptr[1:-1])]
        vectors[~known] = model.fold_in([rows[rows >= 0] for rows in histories])
        path[~known & vectors.any(axis=1)] = "fold-in"
    return path, vectors


def _rows(matrix: sp.csr_array, rows: NDArray[np.int64]) -> sp.csr_array:
    """Return these rows; an empty one for −1."""
    ends = matrix.indptr
    found = [matrix.indices[ends[row] : ends[row + 1]] if row >= 0 else matrix.indices[:0] for row in rows]
    return _matrix(found, matrix.shape[1])


def _matrix(lists: list[NDArray[Any]], n: int) -> sp.csr_array:
    ends = np.cumsum([0, *map(len, lists)])
    rows = np.concatenate([np.zeros(0, np.int64), *lists])
    return sp.csr_array((np.ones(len(rows), np.float32), rows, ends), (len(lists), n))


def _popularity(data: Dataset) -> NDArray[np.float32]:
    """Return how many target interactions each item has, as vectors of one number."""
    rows = np.concatenate([data.edges[kind.type].target_rows for kind in data.schema.targets])
    return np.bincount(rows, minlength=len(data.items)).astype(np.float32)[:, None]
