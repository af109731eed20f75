"""What lists are like, whether they hit or not: how new, how varied, how popular, how evenly spread."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.evaluation.lists import Lists

_BLOCK_BYTES = 64 << 20


def novelty(lists: Lists, k: int) -> NDArray[np.float64]:
    """Return the mean of −log₂ p(item) in bits over each list, [b].

    ``p`` is the share of the users in train who have the item; an item that nobody has counts as one user's.

    Zhou et al. (2010), *Solving the apparent diversity–accuracy dilemma of recommender systems*.
    """
    bits = np.log2(max(lists.n_train_users, 1)) - np.log2(np.maximum(lists.popularity, 1))
    return lists.mean_over(bits, k)


def popularity(lists: Lists, k: int) -> NDArray[np.float64]:
    """Return the mean over each list of how many users have the item in train, [b] (ARP).

    Yin et al. (2012), *Challenging the long tail recommendation*.
    """
    return lists.mean_over(lists.popularity, k)


def diversity(lists: Lists, k: int) -> NDArray[np.float64]:
    """Return 1 − the mean cosine of two different items of a list, [b]; 0 for a list of fewer than two.

    An item is its column of train (who has it), so items that nobody has are at cosine 0 to all.

    Ziegler et al. (2005), *Improving recommendation lists through topic diversification*.

    Cost: the products of the columns of all s items in lists (Σ over users of their squared number of items), and
    ``b·k²`` look-ups, in blocks of 64 MiB.
    """
    rows = lists.rows[:, :k]
    items = np.unique(rows[rows >= 0])
    n = len(items)
    columns = lists.train[:, items].tocsc().astype(np.float32)
    norms = np.sqrt(np.diff(columns.indptr))
    unit = columns @ sp.diags_array(1 / np.maximum(norms, 1), dtype=np.float32)
    place = np.where(rows >= 0, np.searchsorted(items, rows), n)  # n: a column of zeros
    total = np.zeros(len(rows))
    for start in range(0, n, step := max(1, _BLOCK_BYTES // (4 * (n + 1)))):
        stop = min(start + step, n)
        cosines = np.zeros((stop - start, n + 1), np.float32)
        cosines[:, :n] = (unit[:, start:stop].T @ unit).toarray()
        cosines[np.arange(stop - start), np.arange(start, stop)] = 0  # an item beside itself
        for column in place.T:
            users = np.flatnonzero((column >= start) & (column < stop))
            total[users] += cosines[column[users, None] - start, place[users]].sum(axis=1, dtype=np.float64)
    size = (rows >= 0).sum(axis=1)
    return np.asarray(np.where(size > 1, 1 - total / np.maximum(size * (size - 1), 1), 0.0))


def coverage(lists: Lists, k: int) -> float:
    """Return the share of the eligible items that stand in at least one list."""
    rows = lists.rows[:, :k]
    return len(np.unique(rows[rows >= 0])) / lists.n_eligible


def gini(lists: Lists, k: int) -> float:
    """Return how unevenly the eligible items are shown: 0 all as often, near 1 few items only."""
    rows = lists.rows[:, :k]
    counts = np.unique(rows[rows >= 0], return_counts=True)[1]
    return unevenness(np.append(np.zeros(lists.n_eligible - len(counts), np.int64), counts))


def unevenness(counts: NDArray[np.int64]) -> float:
    """Return the Gini coefficient of x₁ ≤ … ≤ xₘ, ``Σ (2i − m − 1)·xᵢ / (m·Σ xᵢ)``; 0 where all are 0."""
    ordered, m = np.sort(counts), len(counts)
    return float((2 * np.arange(1, m + 1) - m - 1) @ ordered / max(m * int(ordered.sum()), 1))
