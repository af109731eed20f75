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
    k = check_k(k)
    matching = None if where is None else matching_items(data, where)
    allowed = allowed_mask(data.items, include=include, exclude=exclude, matching=matching)
    asked = _by_histories(model, data, users) if are_histories(users) else _by_keys(model, data, users)
    view = _View.of(model, data.items)
    path = np.full(len(asked.labels), "", dtype=object)
    known = asked.rows >= 0
    path[known] = "vector" if view.vectors is not None else "score"
    folded = view.fold_in(asked.taken)
    path[~known & folded.any(axis=1)] = "fold-in"
    settle_unknown(asked.labels, path, on_unknown)

    best = TopK.empty(len(path), k)

    def rank(way: str, scorer: Scorer, rows)
