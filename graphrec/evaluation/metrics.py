"""Ranking metrics of one list a user, against held-out pairs of binary relevance.

With ``n`` held-out items of a user and the first ``k`` places of their list:

* ``recall@k``: hits / n. (Not / min(k, n): as in LightGCN's evaluation.)
* ``precision@k``: hits / k, also where the list is shorter than k.
* ``hit@k``: 1 where there is a hit.
* ``mrr@k``: 1 / place of the first hit, 0 without one.
* ``ndcg@k``: Σ over hits of 1 / log₂(place + 1), divided by that sum for hits at the places 1 to min(k, n).
* ``coverage@k``: the share of all items that stand in at least one user's first k places. It belongs to all lists
  together, not to a user.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from graphrec.errors import ArgumentError, near, problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    import scipy.sparse as sp
    from numpy.typing import NDArray

METRICS = ("recall", "precision", "hit", "mrr", "ndcg", "coverage")


class Metric(NamedTuple):
    """A metric and how many places of the list it looks at."""

    kind: str
    k: int

    def __str__(self) -> str:
        return f"{self.kind}@{self.k}"

    @property
    def per_user(self) -> bool:
        """False where it belongs to all lists together."""
        return self.kind != "coverage"


def parse_metric(name: str) -> Metric:
    """Return the metric of a name such as ``"recall@20"``.

    Raises:
        ArgumentError: it is no metric's name.
    """
    match = re.fullmatch(r"([A-Za-z]+)@([1-9][0-9]{0,8})", name) if isinstance(name, str) else None
    if match is None:
        raise ArgumentError(problem("metric", "must be a name and a number of places, such as 'recall@20'", name))
    kind = match[1].lower()
    if kind not in METRICS:
        raise ArgumentError(problem("metric", "must be known", name, near(kind, METRICS)))
    return Metric(kind, int(match[2]))


def parse_metrics(names: Iterable[str]) -> tuple[Metric, ...]:
    """Return the metrics of several names, each once.

    Raises:
        ArgumentError: one is no metric's name, or there is none.
    """
    if isinstance(names, str):
        names = (names,)
    found = tuple(dict.fromkeys(map(parse_metric, names)))
    if not found:
        raise ArgumentError(problem("metrics", "must name at least one metric", list(names)))
    return found


def hits_of(rows: NDArray[np.int64], held_out: sp.csr_array) -> NDArray[np.bool_]:
    """Return where a list holds a held-out item.

    Args:
        rows: item rows of the lists, [b, k], −1 where a list is shorter.
        held_out: [b, n_items], canonical; every stored entry counts.

    Returns:
        Bool [b, k].
    """
    n = held_out.shape[1]
    users = np.repeat(np.arange(len(rows), dtype=np.int64), np.diff(held_out.indptr))
    true = np.append(np.sort(users * n + held_out.indices), -1)
    listed = np.arange(len(rows), dtype=np.int64)[:, None] * n + rows
    return np.asarray((rows >= 0) & (true[np.searchsorted(true[:-1], listed)] == listed))


def per_user(metric: Metric, hits: NDArray[np.bool_], n_held_out: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return a metric for each user, float64 [b].

    Args:
        metric: any but coverage.
        hits: bool [b, ≥ metric.k], or as wide as there are items.
        n_held_out: how many held-out items each user has, [b], at least 1.
    """
    first = hits[:, : metric.k]
    if metric.kind == "hit":
        value = first.any(axis=1)
    elif metric.kind == "recall":
        value = first.sum(axis=1) / n_held_out
    elif metric.kind == "precision":
        value = first.sum(axis=1) / metric.k
    elif metric.kind == "mrr":
        value = first.any(axis=1) / (first.argmax(axis=1) + 1)
    else:
        gains = 1.0 / np.log2(np.arange(2, metric.k + 2))
        value = first @ gains[: first.shape[1]] / np.cumsum(gains)[np.minimum(metric.k, n_held_out) - 1]
    return np.asarray(value, np.float64)


def coverage(metric: Metric, rows: NDArray[np.int64], n_items: int) -> float:
    """Return the share of ``n_items`` that the first places of the lists show."""
    shown = rows[:, : metric.k]
    return len(np.unique(shown[shown >= 0])) / n_items
