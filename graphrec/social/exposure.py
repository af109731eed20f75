"""Fairness of exposure: nobody stands in more lists than a cap, so that hubs do not take all suggestions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.errors import ArgumentError, check_whole, problem
from graphrec.social.table import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Exposure:
    """Hands out places in lists, first come, first served.

    In the order in which users are given, each gets the best of those who stand in fewer than ``cap`` lists so far.
    The same users in the same order get the same lists, in however many calls. ``n · cap`` places are there for
    everybody together; a list is shorter than k where all who were ranked for it stand in ``cap`` lists already, so
    rank more than k people for each, and take a cap well above k: with ``cap < k`` some lists must be short.

    Args:
        n: how many people there are.
        cap: in how many lists each one may stand.
        counts: int64 [n], in how many each one stands already, as after a run that was cut off; it is kept, and
            counted on in place. None is in none.

    Raises:
        ArgumentError: the cap is no whole number above 0, or ``counts`` are not ``n`` whole numbers.
    """

    def __init__(self, n: int, cap: int, counts: NDArray[np.int64] | None = None) -> None:
        cap = check_whole("cap", cap, 1)
        counts = np.zeros(n, np.int64) if counts is None else counts
        if counts.shape != (n,) or counts.dtype != np.int64:
            raise ArgumentError(problem("counts", f"must be {n} numbers of int64", counts))
        self.cap, self.counts = cap, counts

    def take(
        self, rows: NDArray[np.int32], scores: NDArray[np.float64], k: int
    ) -> tuple[NDArray[np.int32], NDArray[np.float64]]:
        """Return the lists that these users get: rows and scores [b, k]; −1 and −∞ at the end of a shorter one.

        Args:
            rows: who was ranked for each, best first, int32 [b, K]; −1 is nobody. Nobody twice in a row.
            scores: float64 [b, K].
            k: the length of the lists.

        Cost: one step for each of ``rows``.
        """
        taken = np.full((len(rows), k), -1, np.int32)
        found = np.full((len(rows), k), -np.inf)
        _take(rows, scores, self.cap, self.counts, taken, found)
        return taken, found


@njit(nogil=True)
def _take(rows, scores, cap, counts, taken, found):  # type: ignore[no-untyped-def]  # numba finds the types
    for b in range(len(rows)):
        size = 0
        for i in range(rows.shape[1]):
            if size == taken.shape[1]:
                break
            v = rows[b, i]
            if v >= 0 and counts[v] < cap:
                counts[v] += 1
                taken[b, size] = v
                found[b, size] = scores[b, i]
                size += 1
