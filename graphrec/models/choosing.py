"""Choosing how to order candidates by held-out pairs: what an order is worth, and a search for weights."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from graphrec.evaluation.held_out import judged_users, steering
from graphrec.evaluation.lists import Lists, hits_of
from graphrec.evaluation.metrics import parse_metric, per_user, together
from graphrec.models.evidence import Evidence
from graphrec.rank.order import in_order

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.models.fitted_hybrid import FittedHybrid

GRID = (0.0, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
ROUNDS = 3


@dataclass(frozen=True, eq=False)
class Judge:
    """Users with held-out pairs, and what is known of their candidates.

    Attributes:
        evidence: of these users.
        held_out: their pairs, [b, n_items].
        seen: what all users had, [n_users, n_items].
        metric: what is measured.
    """

    evidence: Evidence
    held_out: sp.csr_array
    seen: sp.csr_array
    metric: str

    @classmethod
    def of(cls, fitted: FittedHybrid, held_out: sp.csr_array, metric: str, most: int) -> Judge:
        """Gather the evidence.

        Args:
            fitted: whose parts were not fitted on the held-out pairs.
            held_out: [n_users, n_items].
            metric: of accuracy, or coverage.
            most: of the users, the same ones at each call.

        Raises:
            ArgumentError: more of the metric is not better.
        """
        steering(metric)
        rows = judged_users(held_out, most)
        evidence = Evidence.joined(fitted.evidence(rows, hidden=fitted.seen[rows]))
        return cls(evidence, held_out[rows], fitted.seen, metric)

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Which candidates are held out, bool [b, c]."""
        return hits_of(self.evidence.rows, self.held_out)

    def measured(self, values: NDArray[np.float64], users: NDArray[np.int64] | None = None) -> float:
        """Return the metric of lists in the order of values; see `each`."""
        return float(self.each(values, users).mean())

    def each(self, values: NDArray[np.float64], users: NDArray[np.int64] | None = None) -> NDArray[np.float64]:
        """Return each user's metric of lists in the order of values, [b]; of coverage, that of all lists together.

        Args:
            values: float64 [b, c].
            users: only these of the b, whose values are given.
        """
        rows = self.evidence.rows if users is None else self.evidence.rows[users]
        held_out = self.held_out if users is None else self.held_out[users]
        wanted = parse_metric(self.metric)
        best = in_order(rows, np.where(rows < 0, -np.inf, values), wanted.k)
        lists = Lists(best.rows, held_out, self.seen, self.seen.shape[1])
        return per_user(wanted, lists) if wanted.per_user else np.full(len(rows), together(wanted, lists))


def best_weights(
    measured: Callable[[NDArray[np.float64]], float], n: int, start: NDArray[np.float64] | None = None
) -> tuple[NDArray[np.float64], float]:
    """Return the weights that are best, and what they are worth, by a search along one weight at a time.

    It begins with the best of: each part alone, all alike, and ``start``; so it never ends below any of them.

    Args:
        measured: what n weights are worth; more is better.
        n: how many weights.
        start: weights to begin with too.

    Cost: ``n + 2 + 3 · 7 · n`` calls at most.
    """
    starts = [np.ones(n), *np.eye(n), *([] if start is None else [start])]
    worth = [measured(each) for each in starts]
    best, weights = max(worth), starts[int(np.argmax(worth))]
    for _ in range(ROUNDS):
        before = best
        for place in range(n):
            for value in GRID:
                tried = weights.copy()
                tried[place] = value * (float(np.delete(weights, place).max(initial=0)) or 1.0)
                if tried.any() and not np.array_equal(tried, weights) and (found := measured(tried)) > best:
                    best, weights = found, tried
        if best == before:
            break
    return weights / weights.sum(), best
