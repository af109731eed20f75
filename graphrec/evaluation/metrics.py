"""The names of the metrics, and what computes each.

With ``n`` held-out items of a user and the first ``k`` places of their list, for each user:

* ``recall@k``: hits / n. (Not / min(k, n): as in LightGCN's evaluation.)
* ``precision@k``: hits / k, also where the list is shorter than k.
* ``f1@k``: the harmonic mean of both, 2·hits / (k + n).
* ``hit@k``: 1 where there is a hit.
* ``mrr@k``: 1 / place of the first hit, 0 without one.
* ``map@k``: the precision at each hit's place, added up and divided by min(k, n).
* ``ndcg@k``: Σ over hits of 1 / log₂(place + 1), divided by that sum for hits at the places 1 to min(k, n).
* ``novelty@k``, ``diversity@k``, ``arp@k`` (average popularity): see `graphrec.evaluation.beyond`.

For all lists together: ``coverage@k`` and ``gini@k``, see there. For held-out ratings, over all pairs: ``rmse`` and
``mae``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from graphrec.errors import ArgumentError, near, problem
from graphrec.evaluation import accuracy, beyond
from graphrec.evaluation.ratings import POWERS

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    from graphrec.evaluation.lists import Lists

ACCURACY: dict[str, Callable[[Lists, int], NDArray[np.float64]]] = {
    "recall": accuracy.recall,
    "precision": accuracy.precision,
    "f1": accuracy.f1,
    "hit": accuracy.hit,
    "mrr": accuracy.mrr,
    "map": accuracy.average_precision,
    "ndcg": accuracy.ndcg,
}
PER_USER = {**ACCURACY, "novelty": beyond.novelty, "diversity": beyond.diversity, "arp": beyond.popularity}
TOGETHER: dict[str, Callable[[Lists, int], float]] = {"coverage": beyond.coverage, "gini": beyond.gini}
METRICS = (*PER_USER, *TOGETHER, *POWERS)


class Metric(NamedTuple):
    """A metric and how many places of the list it looks at; 0 for a metric of ratings."""

    kind: str
    k: int

    def __str__(self) -> str:
        return f"{self.kind}@{self.k}" if self.k else self.kind

    @property
    def per_user(self) -> bool:
        """False where it belongs to all lists together."""
        return self.kind not in TOGETHER

    @property
    def power(self) -> int:
        """Which power of the error a metric of ratings is the mean of; 0 for the others."""
        return POWERS.get(self.kind, 0)


def parse_metric(name: str) -> Metric:
    """Return the metric of a name such as ``"recall@20"``.

    Raises:
        ArgumentError: it is no metric's name.
    """
    if isinstance(name, str) and name.lower() in POWERS:
        return Metric(name.lower(), 0)
    match = re.fullmatch(r"([A-Za-z0-9]+)@([1-9][0-9]{0,8})", name) if isinstance(name, str) else None
    if match is None:
        rule = "must be a name and a number of places, such as 'recall@20', or 'rmse' or 'mae'"
        raise ArgumentError(problem("metric", rule, name))
    kind = match[1].lower()
    if kind not in PER_USER and kind not in TOGETHER:
        raise ArgumentError(problem("metric", "must be known", name, near(kind, METRICS)))
    return Metric(kind, int(match[2]))


def parse_metrics(names: Any) -> tuple[Metric, ...]:
    """Return the metrics of several names, each once.

    Raises:
        ArgumentError: one is no metric's name, or there is none.
    """
    if isinstance(names, str) or not hasattr(names, "__iter__"):
        names = (names,)
    found = tuple(dict.fromkeys(map(parse_metric, names)))
    if not found:
        raise ArgumentError(problem("metrics", "must name at least one metric", list(names)))
    return found


def per_user(metric: Metric, lists: Lists) -> NDArray[np.float64]:
    """Return a metric of lists for each user, float64 [b]."""
    return PER_USER[metric.kind](lists, metric.k)


def together(metric: Metric, lists: Lists) -> float:
    """Return a metric of all lists together."""
    return TOGETHER[metric.kind](lists, metric.k)
