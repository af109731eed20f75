"""One figure of vectors, fast: what steers a training and what models choose by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.errors import ArgumentError, DataError, problem
from graphrec.evaluation.lists import Lists
from graphrec.evaluation.metrics import ACCURACY, parse_metric, per_user, together
from graphrec.rank.topk import topk_vectors

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.evaluation.metrics import Metric


def steering(metric: str) -> Metric:
    """Return a metric by which something can be chosen.

    Raises:
        ArgumentError: it is unknown, or more of it is not better.
    """
    wanted = parse_metric(metric)
    if wanted.kind not in {*ACCURACY, "coverage"}:
        rule = f"must be one that more is better of: {', '.join(ACCURACY)} or coverage, at a number of places"
        raise ArgumentError(problem("metric", rule, metric))
    return wanted


def judged_users(held_out: sp.csr_array, most: int | None) -> NDArray[np.int64]:
    """Return the rows of users with a held-out pair: at most so many, the same ones at each call; None is all."""
    rows = np.flatnonzero(np.diff(held_out.indptr)).astype(np.int64)
    if most is not None and most < len(rows):
        rows = np.sort(np.random.default_rng(0).choice(rows, most, replace=False))
    return rows


def held_out_metric(
    user_vectors: NDArray[np.float32],
    item_vectors: NDArray[np.float32],
    seen: sp.csr_array,
    held_out: sp.csr_array,
    metric: str = "ndcg@20",
    *,
    users: int | None = None,
) -> float:
    """Return one figure, without an interval.

    Args:
        user_vectors: float32 [n_users, d].
        item_vectors: float32 [n_items, d].
        seen: [n_users, n_items], left out of the lists.
        held_out: [n_users, n_items], what the lists are judged by.
        metric: a name such as ``"ndcg@20"``: of accuracy (more is better), or coverage.
        users: at most so many users, the same ones at each call; None is all.

    Raises:
        ArgumentError: the metric is unknown, or cannot steer a training.
        DataError: no user has a held-out pair.
        ModelError: a vector holds NaN or infinity.
    """
    wanted, rows = steering(metric), judged_users(held_out, users)
    if not len(rows):
        raise DataError("`held_out` must hold a pair of at least one user. Got none.")
    best = topk_vectors(user_vectors[rows], item_vectors, wanted.k, hidden=seen[rows])
    lists = Lists(best.rows, held_out[rows], seen, len(item_vectors))
    return float(per_user(wanted, lists).mean()) if wanted.per_user else together(wanted, lists)
