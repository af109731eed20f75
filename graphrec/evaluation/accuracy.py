"""How well a list finds a user's held-out items; each function gives a figure for each user, float64 [b]."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.evaluation.lists import Lists

    Figures = NDArray[np.float64]


def recall(lists: Lists, k: int) -> Figures:
    """Return hits / n."""
    return np.asarray(_count(lists, k) / lists.n_held_out)


def precision(lists: Lists, k: int) -> Figures:
    """Return hits / k."""
    return np.asarray(_count(lists, k) / k)


def f1(lists: Lists, k: int) -> Figures:
    """Return 2·hits / (k + n), which is the harmonic mean of recall and precision."""
    return np.asarray(2 * _count(lists, k) / (k + lists.n_held_out))


def hit(lists: Lists, k: int) -> Figures:
    """Return 1 where there is a hit."""
    return np.asarray(lists.hits[:, :k].any(axis=1), np.float64)


def mrr(lists: Lists, k: int) -> Figures:
    """Return 1 / place of the first hit, 0 without one."""
    first = lists.hits[:, :k]
    return np.asarray(first.any(axis=1) / (first.argmax(axis=1) + 1))


def average_precision(lists: Lists, k: int) -> Figures:
    """Return the precision at each hit's place, added up, / min(k, n)."""
    first = lists.hits[:, :k]
    at_place = first.cumsum(axis=1) / np.arange(1, first.shape[1] + 1)
    return np.asarray((first * at_place).sum(axis=1) / np.minimum(k, lists.n_held_out))


def ndcg(lists: Lists, k: int) -> Figures:
    """Return Σ 1 / log₂(place + 1) over hits, / that sum for hits at the places 1 to min(k, n)."""
    first, n = lists.hits[:, :k], np.minimum(k, lists.n_held_out)
    gains = 1.0 / np.log2(np.arange(2, max(first.shape[1], n.max(initial=0)) + 2))
    return np.asarray(first @ gains[: first.shape[1]] / np.cumsum(gains)[n - 1])


def _count(lists: Lists, k: int) -> NDArray[np.int64]:
    return np.asarray(lists.hits[:, :k].sum(axis=1))
