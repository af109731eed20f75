"""What vectors say of two people: products, cosines, and who is nearest."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.social.hubs import csr_arrays
from graphrec.social.reach import by_blocks
from graphrec.social.table import in_order, njit, rise, sink, worse

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


class Vectors:
    """Vectors of users, and of the people who may be suggested to them.

    The longest come first where the nearest are looked for. By the inequality of Cauchy and Schwarz a product is at
    most that of the lengths, so all who are shorter than what the worst of a full list asks for need no look; and
    after the first quarter of the numbers, which hold most, the lengths of the rest say who needs no whole product.

    Args:
        mine: float32 [n, d], of users.
        theirs: float32 [n, d], of people.

    Cost: ``4 · d`` bytes for each of the people beside the vectors.
    """

    def __init__(self, mine: NDArray[np.float32], theirs: NDArray[np.float32]) -> None:
        self.mine, self.theirs = mine, theirs
        self._few = max(1, mine.shape[1] // 4)
        lengths = np.linalg.norm(theirs, axis=1)
        self._who = np.argsort(-lengths, kind="stable").astype(np.int32)
        self._sorted = theirs[self._who]
        rest = np.linalg.norm(self._sorted[:, self._few :], axis=1)
        self._lengths = np.column_stack([lengths[self._who], rest])

    def nearest(
        self, users: NDArray[np.int64], c: int, hidden: sp.csr_array, allowed: NDArray[np.bool_]
    ) -> NDArray[np.int32]:
        """Return the ``c`` people with the largest products for each user, int32 [b, c], −1 where there are fewer.

        Args:
            users: rows, int64 [b].
            c: how many at most, at least 1. Who has a vector of zeros gets those who have the longest; nobody gets
                them.
            hidden: [b, n], every stored entry is somebody whom this user must not get.
            allowed: bool [n], the only people whom anyone may get.
        """
        found = np.full((len(users), c), -1, np.int32)
        starts, places = csr_arrays(hidden)

        def work(start: int, stop: int) -> None:
            _nearest(
                self.mine[users[start:stop]], self._sorted, self._lengths, self._who, self._few,
                starts[start:stop + 1], places, allowed, found[start:stop],
            )  # fmt: skip

        by_blocks(len(users), work)
        return found

    def at(self, users: NDArray[np.int64], others: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return what is known of given pairs, float32 [b, m, 3]; 0 where ``others`` [b, m] is −1.

        Inner products over a quarter of the numbers and over all, and cosines.
        """
        products = np.zeros((*others.shape, 3), np.float32)

        def work(start: int, stop: int) -> None:
            here = slice(start, stop)
            _multiply(self.mine[users[here]], self.theirs, others[here], self._few, products[here])

        by_blocks(len(users), work)
        return products


@njit(nogil=True, fastmath=True)
def _product(a, b, first, last):  # type: ignore[no-untyped-def]  # numba finds the types
    total = np.float32(0)
    for j in range(first, last):
        total += a[j] * b[j]
    return total


@njit(nogil=True)
def _nearest(mine, theirs, lengths, who, few, starts, places, allowed, found):  # type: ignore[no-untyped-def]  # numba finds the types
    c, d = found.shape[1], mine.shape[1]
    worth, hidden = np.empty(c, np.float32), np.zeros(len(theirs), np.bool_)
    for b in range(len(mine)):
        hide = places[starts[b] : starts[b + 1]]
        hidden[hide] = True
        me, heap, size = mine[b], found[b], 0
        length, rest = np.sqrt(_product(me, me, 0, d)), np.sqrt(_product(me, me, few, d))
        for i in range(len(theirs)):
            if not lengths[i, 0]:  # nor have those who follow
                break
            full = size == c
            if full and length * lengths[i, 0] <= worth[0]:
                break
            x = _product(me, theirs[i], 0, few)
            if full and x + rest * lengths[i, 1] <= worth[0]:
                continue
            x += _product(me, theirs[i], few, d)
            v = who[i]
            if hidden[v] or not allowed[v]:
                continue
            if not full:
                rise(heap, worth, size, v, x)
                size += 1
            elif worse(worth[0], heap[0], x, v):
                sink(heap, worth, c, v, x)
        in_order(heap, worth, size)
        hidden[hide] = False


@njit(nogil=True)
def _multiply(mine, theirs, others, few, products):  # type: ignore[no-untyped-def]  # numba finds the types
    d = mine.shape[1]
    for b in range(len(mine)):
        me = mine[b]
        length = _product(me, me, 0, d)
        for i in range(others.shape[1]):
            if others[b, i] < 0:
                continue
            other = theirs[others[b, i]]
            square = length * _product(other, other, 0, d)
            if square > 0:
                part = _product(me, other, 0, few)
                whole = part + _product(me, other, few, d)
                products[b, i, 0], products[b, i, 1] = part, whole
                products[b, i, 2] = whole / np.sqrt(square)
