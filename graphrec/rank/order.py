"""The order of a list, and the best of one block of scores."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Exact = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]
    """Float64 scores [b, w] of users (rows of the block, [b]) for their candidates (columns, [b, w])."""

_TENS = np.array([float(f"1e{power}") for power in [*range(309), *range(-308, 0)]])  # 10.0**p is _TENS[p]
_MARGIN = 12  # candidates beyond k
_GROUP = 8
_PIECE = 1 << 16  # numbers that one call of `Exact` reads: in float64 they fit into the cache of a core


class TopK(NamedTuple):
    """The best items of b users.

    Attributes:
        rows: int64 [b, k], item rows, best first; −1 where a list is shorter than k.
        scores: float64 [b, k]; −inf where a list is shorter than k.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]

    @classmethod
    def empty(cls, b: int, k: int) -> TopK:
        """Return b empty lists."""
        return cls(np.full((b, k), -1, np.int64), np.full((b, k), -np.inf))

    def of(self, users: NDArray[np.bool_]) -> TopK:
        """Return the lists of these users, bool [b], and empty ones of the others."""
        there = users[:, None]
        return TopK(np.where(there, self.rows, -1), np.where(there, self.scores, -np.inf))

    def put(self, users: NDArray[np.int64], found: TopK) -> None:
        """Set the lists of these users."""
        self.rows[users], self.scores[users] = found


def order_keys(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers that order scores by their value rounded to 6 significant digits.

    Equal numbers mean equal rounded scores; −0.0 is 0.0; halves round away from zero; −inf is below all.
    """
    size = np.abs(np.where(np.isneginf(scores), 0.0, scores))
    exponent = np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0)).astype(np.int64)
    digits = np.floor(size * _TENS[np.minimum(5 - exponent, 308)] + 0.5).astype(np.int64)  # 100,000 to 1,000,000
    keys = np.where(size > 0, (exponent + 400) * 900_000 + digits, 0)
    return np.where(np.isneginf(scores), -(1 << 30), np.where(scores < 0, -keys, keys))


def best_of(
    block: NDArray[np.float32],
    k: int,
    *,
    depth: int,
    unit: NDArray[np.float64],
    error: NDArray[np.float64],
    exact: Exact,
) -> TopK:
    """Return the best k of each row of a block.

    Args:
        block: float32 [b, n], approximate scores; −inf where an item may not be had.
        k: at most n.
        depth: how many numbers one exact score reads.
        unit: float64 [b], what 1.0 in the block is worth.
        error: float64 [b], how far a score may be from ``block * unit``.
        exact: the true scores.
    """
    users = np.arange(len(block))
    candidates, values = _candidates(block, min(block.shape[1], k + _MARGIN))
    step = max(1, _PIECE // (depth * candidates.shape[1]))
    pieces = [exact(users[i : i + step], candidates[i : i + step]) for i in range(0, len(users), step)]
    best = in_order(candidates, np.where(np.isneginf(values), -np.inf, np.concatenate(pieces)), k)
    if candidates.shape[1] == block.shape[1]:
        return best

    bound = values.min(axis=1) * unit + error  # no score outside the candidates is above it; −inf: none is left
    last = best.scores[:, -1]
    step = max(1, _PIECE // depth)
    for user in np.flatnonzero((order_keys(bound) >= order_keys(last)) & ~np.isneginf(bound)):
        floor = (last[user] - 1e-5 * abs(last[user]) - error[user]) / unit[user]
        near = np.flatnonzero(block[user] >= floor)[None]
        if error[user]:
            pieces = [exact(users[user : user + 1], near[:, i : i + step]) for i in range(0, near.shape[1], step)]
        else:  # such as the zeros of a user without a vector, where everything is near
            pieces = [block[user, near].astype(np.float64) * unit[user]]
        found = in_order(near, np.concatenate(pieces, axis=1), k)
        best.rows[user], best.scores[user] = found.rows[0], found.scores[0]
    return best


def _candidates(block: NDArray[np.float32], keep: int) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
    """Return ``keep`` columns with the highest values of each row, and those values.

    Every `_GROUP` columns have one peak; the ``keep`` groups with the highest peaks hold the ``keep`` highest values.
    """
    b, n = block.shape
    offsets = np.arange(0, b * n, n)[:, None]
    groups = n // _GROUP
    if groups < 4 * keep:
        columns, values = np.broadcast_to(np.arange(n), (b, n)), block
    else:
        peaks = block[:, : groups * _GROUP].reshape(b, _GROUP, groups).max(axis=1)  # strided groups: a plain maximum
        best, _ = _candidates(peaks, keep)
        members = (best[:, None, :] + groups * np.arange(_GROUP)[:, None]).reshape(b, -1)
        rest = np.broadcast_to(np.arange(groups * _GROUP, n), (b, n - groups * _GROUP))
        columns = np.concatenate([members, rest], axis=1)
        values = block.ravel().take(columns + offsets)
    chosen = np.argpartition(values, values.shape[1] - keep, axis=1)[:, values.shape[1] - keep :]
    columns = np.take_along_axis(columns, chosen, axis=1)
    return columns, block.ravel().take(columns + offsets)


def in_order(rows: NDArray[np.int64], scores: NDArray[np.float64], k: int) -> TopK:
    """Return the best k of candidates [b, c], at most c; equal ones by row, and −1 for those at −inf."""
    keys = rows - order_keys(scores) * (1 << 32)
    if keys.shape[1] > 2 * k:
        first = np.argpartition(keys, k, axis=1)[:, :k]
        rows, scores = np.take_along_axis(rows, first, axis=1), np.take_along_axis(scores, first, axis=1)
        keys = np.take_along_axis(keys, first, axis=1)
    order = np.argsort(keys, axis=1)[:, :k]
    scores = np.take_along_axis(scores, order, axis=1)
    return TopK(np.where(np.isneginf(scores), -1, np.take_along_axis(rows, order, axis=1)), scores)
