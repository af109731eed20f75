"""Percentile bootstrap over users: how far a mean would move with other users of the same kind.

Efron (1979), *Bootstrap methods: another look at the jackknife*.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEVEL = 0.95

_BLOCK = 4 << 20  # drawn users a block


def mean_interval(
    values: NDArray[np.float64],
    *,
    per: NDArray[np.float64] | None = None,
    resamples: int = 1000,
    level: float = LEVEL,
    seed: int = 0,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return low and high ends of the interval of each column's mean.

    All columns share the resamples, so intervals of differences are paired.

    Args:
        values: float64 [n_users, m], n_users ≥ 1.
        per: float64 [n_users] above 0, for the interval of ``values.sum(0) / per.sum()``; by default one each.
        resamples: how many times n_users users are drawn with replacement.
        level: the share of resampled means in the interval.
        seed: the same seed gives the same interval.

    Returns:
        Two arrays, float64 [m].

    Cost: ``resamples · n_users · (1 + m)`` operations, by blocks of 32 MiB.
    """
    n = len(values)
    generator = np.random.default_rng(seed)
    means = []
    for start in range(0, resamples, step := max(1, _BLOCK // n)):
        count = min(step, resamples - start)
        drawn = generator.integers(0, n, (count, n)) + np.arange(0, count * n, n)[:, None]
        weights = np.bincount(drawn.ravel(), minlength=count * n).reshape(count, n)  # multinomial
        sizes = n if per is None else (weights @ per)[:, None]
        means.append(weights.astype(np.float64) @ values / sizes)
    low, high = np.quantile(np.concatenate(means), [(1 - level) / 2, (1 + level) / 2], axis=0)
    return low, high
