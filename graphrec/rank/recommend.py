"""Lists for users and items from a model and a dataset, without a database."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.dataset import check_dataset
from graphrec.data.described import interactions_of
from graphrec.data.tables import as_keys
from graphrec.errors import ModelError
from graphrec.rank.asked import asked_by_keys, new_users, rows_of, served, vectors_of_items
from graphrec.rank.eligible import allowed_mask, matching_items
from graphrec.rank.lists import both, list_frame, settle_unknown, told_apart
from graphrec.rank.reranked import Reranked, candidates_for, known_of, rerank_steps, reranked_frame
from graphrec.rank.scorer import Lister, VectorScorer, check_fitted, scores_of
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
    model: Scorer | Reranked,
    data: Dataset,
    users: Sequence[Any],
    k: int = 10,
    *,
    include: Sequence[Any] | None = None,
    exclude: Sequence[Any] | None = None,
    where: Mapping[str, Any] | None = None,
    exclude_seen: bool = True,
    on_unknown: OnUnknown = "raise",
    rerank: Any = None,
    depth: int | None = None,
) -> pd.DataFrame:
    """Return the best ``k`` items of each user.

    Users, items and what was seen are those of ``data``; the model may have been fitted on an older snapshot. What
    ``data`` no longer holds is not recommended; what is new in it is, where the model maps what describes items.

    Args:
        model: a fitted model.
        data: a snapshot of the graph.
        users: keys of users, each answered once; new users as `NewUser`, or as lists of the item keys that they took;
            or both.
        k: the length of the lists; shorter where fewer items are eligible.
        include: keys of the only items to consider.
        exclude: keys of items to leave out.
        where: attributes that items must have; see `graphrec.rank.eligible.matching_items`.
        exclude_seen: leave out items that the user has an interaction with that hides (for a new user: the given
            items).
        on_unknown: what to do with users whom the data does not hold, or whom the model can serve neither by a
            vector nor by their items, nor by what describes them: ``"raise"``; ``"warn"`` leaves them out;
            ``"fallback"`` gives them the items with most target interactions in ``data``.
        rerank: steps that put the lists into another order, such as ``[MMR(share=0.3)]``; see
            `graphrec.rank.reranked.rerank_steps`. Scores stay the model's own.
        depth: how many candidates the steps choose from; None is five times ``k``, at least 100.

    Returns:
        A frame with the columns ``user`` (for new users: the position in ``users``, or such as ``"#3"`` where keys
        are asked for too), ``item``, ``score``, ``rank`` (from 1), ``model``, ``version`` (None: this one is not
        published), ``path``, which says what served the row: ``"vector"``, ``"score"`` (a model without vectors),
        ``"fold-in"`` (by items), ``"attributes"``, ``"text"``, such as ``"fold-in+text"`` for several, or
        ``"popularity"``; and ``item_path``, what gave the item its vector: ``"vector"`` or ``"attributes"``; or
        ``"score"``. Where a step explores, ``explored`` says which items were drawn at random.

    Raises:
        ArgumentError: an argument breaks its rule.
        UnknownKeyError: a user is unknown, or an item of a new user.
        ModelError: the model knows no item of the data, cannot serve new users, or has scores that are not finite.
    """
    check_fitted(model)
    check_dataset(data)
    keys, new = told_apart(users)
    if isinstance(model, Reranked):
        rerank, depth, model = [*model.steps, *rerank_steps(rerank)], depth or model.depth, model.model
    steps = rerank_steps(rerank, apart=bool(len(keys) and new))
    if len(keys) and new:
        options: Any = {"include": include, "exclude": exclude, "where": where, "exclude_seen": exclude_seen}
        options |= {"on_unknown": on_unknown, "rerank": rerank, "depth": depth}
        return both(users, lambda some: recommend(model, data, some, k, **options))
    length = min(check_k(k), max(1, len(data.items)))
    k = min(candidates_for(length, depth), max(1, len(data.items))) if steps else length
    matching = None if where is None else matching_items(data, where)
    allowed = allowed_mask(data.items, include=include, exclude=exclude, matching=matching)
    there = model.items.rows(data.items.keys)  # the model's row of each item, −1 where it does not know the item
    if len(there) and not (there >= 0).any():
        raise ModelError(f"The model {model.name!r} must be of this graph. It knows no item of `data`.")
    items, item_path = vectors_of_items(model, data, there)
    asked = new_users(model, data, new) if new else asked_by_keys(model, data, keys)
    path, vectors = served(model, data, asked, there)
    settle_unknown(asked.labels, path, on_unknown, new=bool(new))

    best = TopK.empty(len(path), k)
    popular = np.flatnonzero(path == "popularity")
    ranked = np.flatnonzero((path != "") & (path != "popularity"))
    if len(popular):
        hidden, ones = asked.seen[popular] if exclude_seen else None, np.ones((len(popular), 1), np.float32)
        counts = interactions_of(data, "item").astype(np.float32)[:, None]
        best.put(popular, topk_vectors(ones, counts, k, hidden=hidden, allowed=allowed))
    if len(ranked):
        limits: Any = {"hidden": asked.seen[ranked] if exclude_seen else None}
        limits["allowed"] = item_path != "" if allowed is None else allowed & (item_path != "")
        if isinstance(model, VectorScorer):
            best.put(ranked, topk_vectors(vectors[ranked], items, k, **limits, name=repr(model.name)))
        elif isinstance(model, Lister):
            best.put(ranked, _listed(model, data.items, asked.rows[ranked], k, **limits))
        else:
            best.put(ranked, topk_scores(_Reordered(model, data.items, there), asked.rows[ranked], k, **limits))
    columns: dict[str, Any] = {"model": model.name, "version": None, "path": path.astype(str), "item_path": item_path}
    if not steps:
        return list_frame(asked.labels, data.items, best, **columns)
    of_items = items if isinstance(model, VectorScorer) else None
    known = known_of(data, asked.labels, lambda: asked.taken, of_items)
    return reranked_frame(best, length, steps, known, data.items, **columns)


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
        DataError: these are no item keys.
        UnknownKeyError: the model does not know an item.
        ModelError: the model has no vectors.
    """
    k = check_k(k)
    if not isinstance(model, VectorScorer):
        raise ModelError(f"The model {getattr(model, 'name', model)!r} must have vectors to compare items by.")
    keys = pc.unique(as_keys(items, "items"))
    rows = model.items.require(keys, "items")
    k = min(k, max(1, len(model.items)))
    itself = rows_of([rows[i : i + 1] for i in range(len(rows))], len(model.items))
    allowed = allowed_mask(model.items, include=include, exclude=exclude)
    vectors, name = model.item_vectors, repr(model.name)
    best = topk_vectors(vectors[rows], vectors, k, hidden=itself, allowed=allowed, cosine=True, name=name)
    return list_frame(keys, model.items, best, ("item", "similar"), model=model.name, version=None)


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
        return scores_of(self.model, user_rows)[:, self.there]


def _listed(
    model: Scorer,
    items: NodeTable,
    user_rows: NDArray[np.int64],
    k: int,
    *,
    hidden: sp.csr_array | None,
    allowed: NDArray[np.bool_],
) -> TopK:
    """Return the lists of a model that makes them itself, as rows of another snapshot's items."""
    back = items.rows(model.items.keys)  # the snapshot's row of each of the model's items, −1 where it is gone
    mine = (back >= 0) & allowed[back]
    found = topk_scores(model, user_rows, k, hidden=None if hidden is None else hidden[:, back], allowed=mine)
    return TopK(np.where(found.rows < 0, -1, back[found.rows]), found.scores)
