"""From users' figures to one with an interval, and to a difference that can be believed."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import stats

from graphrec.evaluation.bootstrap import mean_interval

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.evaluation.metrics import Metric


class Figure(NamedTuple):
    """A value and the ends of its interval."""

    value: float
    low: float = np.nan
    high: float = np.nan


def overall(
    metrics: Sequence[Metric], values: NDArray[np.float64], n_pairs: NDArray[np.int64], seed: int
) -> list[Figure]:
    """Return the figure of each metric over all users, with its 95 % bootstrap interval over users.

    Args:
        metrics: those that each user has.
        values: float64 [n_users, m].
        n_pairs: how many held-out pairs each user has, [n_users]. An error of ratings is a mean over pairs, not over
            users.
        seed: of the bootstrap.
    """
    found: dict[int, Figure] = {}
    for ranking in (True, False):
        chosen = [number for number, metric in enumerate(metrics) if (metric.power == 0) == ranking]
        if not chosen:
            continue
        power = np.array([metrics[number].power or 1 for number in chosen])
        per = np.ones(len(values)) if ranking else n_pairs.astype(np.float64)
        sums = values[:, chosen] ** power * per[:, None]
        ends = mean_interval(sums, per=None if ranking else per, seed=seed)
        means = (sums.sum(0) / per.sum(), *ends)
        found |= zip(chosen, map(Figure, *(np.asarray(each ** (1 / power)).tolist() for each in means)), strict=True)
    return [found[number] for number in range(len(metrics))]


def effect_and_p(differences: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return Cohen's d of paired differences and the two-sided p value of the paired t test, for each column.

    ``d = mean / standard deviation (n − 1)``: .2 is called small, .5 medium, .8 large. Where all users differ by the
    same, d is ±∞ and p 0 (both 0 and 1 where no user differs). Both are NaN for one user.

    Args:
        differences: float64 [n_users, m].
    """
    n = len(differences)
    if n < 2:
        return (np.full(differences.shape[1], np.nan),) * 2
    mean, deviation = differences.mean(axis=0), differences.std(axis=0, ddof=1)
    deviation[deviation < 1e-12 * np.abs(differences).max(axis=0)] = 0  # what rounding leaves of equal differences
    with np.errstate(divide="ignore", invalid="ignore"):
        effect = np.where(mean == 0, 0.0, mean / deviation)
    return effect, np.asarray(2 * stats.t.sf(np.abs(effect) * np.sqrt(n), n - 1))


def holm(p: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return p values corrected for their number, [m]: below α, they are all true but with a chance of α.

    Holm (1979), *A simple sequentially rejective multiple test procedure*. NaN stays, and does not count.
    """
    tests = np.flatnonzero(~np.isnan(p))
    order = tests[np.argsort(p[tests])]
    corrected = p.copy()
    corrected[order] = np.minimum(1, np.maximum.accumulate(p[order] * np.arange(len(order), 0, -1)))
    return corrected
