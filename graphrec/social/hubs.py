"""What walks leave out: middles that lead to very many, and what they add between two people who both have them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.social.table import njit

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Hubs:
    """Middles through which no walk goes, and who has them: what they add is added at the end.

    Attributes:
        own: CSR arrays, which of the h hubs a user has, ascending.
        reached: CSR arrays, which hubs lead to a user, ascending.
        weights: float32 [h, s], what a hub adds to each sum.
        signs: uint64 [2, n], a bit for a 64th of the hubs, set where ``own`` or ``reached`` has one of them: most
            pairs have no hub in common, and are known by that.
    """

    own: tuple[NDArray[np.int64], NDArray[np.int32]]
    reached: tuple[NDArray[np.int64], NDArray[np.int32]]
    weights: NDArray[np.float32]
    signs: NDArray[np.uint64]

    @classmethod
    def of(cls, own: sp.csr_array, reached: sp.csc_array, weights: NDArray[np.float32]) -> Hubs:
        """Return hubs.

        Args:
            own: [n, h], sorted.
            reached: [h, n], sorted.
            weights: see above.
        """
        arrays = csr_arrays(own), csr_arrays(reached)
        signs = np.zeros((2, own.shape[0]), np.uint64)
        for sign, (starts, places) in zip(signs, arrays, strict=True):
            users = np.repeat(np.arange(len(sign)), np.diff(starts))
            np.bitwise_or.at(sign, users, np.uint64(1) << (places % 64).astype(np.uint64))
        return cls(*arrays, weights, signs)

    @classmethod
    def none(cls) -> Hubs:
        """Return no hubs."""
        nobody = np.zeros(1, np.int64), np.zeros(0, np.int32)
        return cls(nobody, nobody, np.zeros((0, 1), np.float32), np.zeros((2, 0), np.uint64))

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What compiled functions take."""
        return *self.own, *self.reached, self.weights, self.signs


def csr_arrays(matrix: sp.csr_array | sp.csc_array) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where the rows (of a CSC matrix the columns) begin, and the stored places."""
    return matrix.indptr.astype(np.int64, copy=False), matrix.indices.astype(np.int32, copy=False)


@njit(nogil=True)
def most_of(u, hubs, by):  # type: ignore[no-untyped-def]  # numba finds the types
    """Return what u's hubs add to a sum at the most."""
    ptr, ix, _, _, weights, _ = hubs
    total = np.float32(0)
    if len(weights):
        for p in range(ptr[u], ptr[u + 1]):
            total += weights[ix[p], by]
    return total


@njit(nogil=True)
def add_hubs(u, people, hubs, values):  # type: ignore[no-untyped-def]  # numba finds the types
    """Add for each of the people what the hubs add that both have: of two lists, the shorter is looked for."""
    own_ptr, own_ix, ptr, ix, weights, signs = hubs
    for i in range(len(people)):
        v = people[i]
        if v < 0 or not signs[0, u] & signs[1, v]:
            continue
        short, p, p_end = own_ix, own_ptr[u], own_ptr[u + 1]
        long, low, end = ix, ptr[v], ptr[v + 1]
        if p_end - p > end - low:
            short, p, p_end, long, low, end = long, low, end, short, p, p_end
        for q in range(p, p_end):
            high = end
            while low < high:
                middle = (low + high) // 2
                if long[middle] < short[q]:
                    low = middle + 1
                else:
                    high = middle
            if low < end and long[low] == short[q]:
                for j in range(weights.shape[1]):
                    values[i, j] += weights[short[q], j]
