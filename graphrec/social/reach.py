"""Finding people by sums that walks from a user leave on others, compiled: never users × users.

A kind of walk is two compiled functions: ``walk(u, source, sums, touched, queue)`` adds to the rows of ``sums`` of
those whom it meets, lists them once each in ``touched`` and returns how many they are; ``finish(v, source, sums,
into)`` completes the sums ``into`` of somebody who was chosen.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.errors import MissingExtraError

try:
    from numba import njit as njit
except ImportError as error:
    raise MissingExtraError.of("Suggesting people", "friends") from error

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

BLOCK = 256
"""Users at once on each thread."""
WIDTH = 4
"""Numbers that a walk may keep for each person: 16 bytes, never across two lines of the cache."""


@dataclass(frozen=True, eq=False)
class Found:
    """Whom some users may meet.

    Attributes:
        rows: rows of people, int32 [b, c]; −1 at the end where there are fewer.
        sums: float32 [b, c, s]; 0 where ``rows`` is −1.
        bound: float32 [b]: nobody who is not in ``rows`` has a larger sum of the kind that was asked for.
    """

    rows: NDArray[np.int32]
    sums: NDArray[np.float32]
    bound: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Hubs:
    """Middles through which no walk goes, and who has them: what they add is added at the end.

    Attributes:
        wide: bool [m], which middles are hubs; empty where none is.
        own: CSR arrays, which middles a user has.
        reached: CSR arrays, which hubs lead to a user.
        weights: float32 [m, s], what a middle adds to each sum.
    """

    wide: NDArray[np.bool_]
    own: tuple[NDArray[np.int64], NDArray[np.int32]]
    reached: tuple[NDArray[np.int64], NDArray[np.int32]]
    weights: NDArray[np.float32]

    @classmethod
    def none(cls) -> Hubs:
        """Return no hubs."""
        nobody = np.zeros(1, np.int64), np.zeros(0, np.int32)
        return cls(np.zeros(0, np.bool_), nobody, nobody, np.zeros((0, 1), np.float32))

    @property
    def arguments(self) -> tuple[Any, ...]:
        """What compiled functions take."""
        return self.wide, *self.own, *self.reached, self.weights


class Reach:
    """Whom walks from a user meet.

    Args:
        n: how many people there are.
        n_sums: how many sums each pair has.
        walk: see the head of this file.
        finish: likewise.
        source: what they walk on.
        hubs: what they leave out.
        queue: how many numbers a walk needs besides.
    """

    def __init__(
        self, n: int, n_sums: int, walk: Any, finish: Any, source: tuple[Any, ...], hubs: Hubs, queue: int = 0
    ) -> None:
        self.n, self.n_sums = n, n_sums
        self._kind, self._hubs, self._queue = (walk, finish, source), hubs.arguments, queue

    def nearest(
        self,
        users: NDArray[np.int64],
        c: int,
        hidden: sp.csr_array,
        allowed: NDArray[np.bool_],
        *,
        by: int = 0,
        extra: NDArray[np.int32] | None = None,
    ) -> Found:
        """Return the ``c`` people with the largest sums for each user, and the sums of others who are given.

        Args:
            users: rows, int64 [b].
            c: how many at most.
            hidden: [b, n], every stored entry is somebody whom this user must not get; nobody gets themselves.
            allowed: bool [n], the only people whom anyone may get.
            by: which sum decides; of equal ones the lower row comes first.
            extra: int32 [b, e], rows of people to add where they are not among the ``c``; −1 is nobody.
        """
        extra = np.full((len(users), 0), -1, np.int32) if extra is None else extra
        width = c + extra.shape[1]
        found = Found(
            np.full((len(users), width), -1, np.int32),
            np.zeros((len(users), width, self.n_sums), np.float32),
            np.zeros(len(users), np.float32),
        )
        hide = csr_arrays(hidden)

        def work(start: int, stop: int, space: tuple[NDArray[Any], ...]) -> None:
            _nearest(
                *self._kind, self._hubs, space, users[start:stop], c, by, hide[0][start:stop + 1], hide[1], allowed,
                extra[start:stop], found.rows[start:stop], found.sums[start:stop], found.bound[start:stop],
            )  # fmt: skip

        self._by_blocks(len(users), work)
        return found

    def at(self, users: NDArray[np.int64], others: NDArray[np.int32]) -> NDArray[np.float32]:
        """Return the sums of given pairs, float32 [b, c, s]; 0 where ``others`` [b, c] is −1."""
        sums = np.zeros((*others.shape, self.n_sums), np.float32)

        def work(start: int, stop: int, space: tuple[NDArray[Any], ...]) -> None:
            here = slice(start, stop)
            _at(*self._kind, self._hubs, space, users[here], others[here], sums[here])

        self._by_blocks(len(users), work)
        return sums

    def _by_blocks(self, b: int, work: Callable[[int, int, tuple[NDArray[Any], ...]], None]) -> None:
        spaces: list[tuple[NDArray[Any], ...]] = []

        def block(start: int, stop: int) -> None:
            space = spaces.pop() if spaces else self._space()
            work(start, stop, space)
            spaces.append(space)

        by_blocks(b, block)

    def _space(self) -> tuple[NDArray[Any], ...]:
        return (
            np.zeros((self.n, WIDTH), np.float32),
            np.zeros(self.n, np.bool_),
            np.zeros(self.n, np.int32),
            np.zeros(len(self._hubs[0]), np.bool_),
            np.zeros(self._queue, np.int32),
        )


def by_blocks(b: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(start, stop)`` for blocks of b users, on a thread for each core up to four."""
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        list(pool.map(lambda start: work(start, min(start + BLOCK, b)), range(0, b, BLOCK)))


def csr_arrays(matrix: sp.csr_array | sp.csc_array) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
    """Return where the rows (of a CSC matrix the columns) begin, and the stored places."""
    return matrix.indptr.astype(np.int64), matrix.indices.astype(np.int32)


@njit(nogil=True)
def _mark_hubs(u, hubs, by, marked, on):  # type: ignore[no-untyped-def]
    """Mark u's hubs, or take the marks away; return what they add up to."""
    wide, own_ptr, own_ix, _, _, weights = hubs
    total = np.float32(0)
    if len(wide):
        for p in range(own_ptr[u], own_ptr[u + 1]):
            if wide[own_ix[p]]:
                marked[own_ix[p]] = on
                total += weights[own_ix[p], by]
    return total


@njit(nogil=True)
def _write(v, finish, source, hubs, sums, marked, into):  # type: ignore[no-untyped-def]
    """Write the sums of u and v: what a walk left, and what the hubs add that both have."""
    _, _, _, ptr, ix, weights = hubs
    for j in range(len(into)):
        into[j] = sums[v, j]
    if len(marked):
        for q in range(ptr[v], ptr[v + 1]):
            if marked[ix[q]]:
                for j in range(weights.shape[1]):
                    into[j] += weights[ix[q], j]
    finish(v, source, sums, into)


@njit(nogil=True)
def unfinished(v, source, sums, into):  # type: ignore[no-untyped-def]
    """Leave the sums as they are."""


@njit(nogil=True)
def _worse(sums, by, v, w):  # type: ignore[no-untyped-def]
    """Return whether v comes after w."""
    return sums[v, by] < sums[w, by] or (sums[v, by] == sums[w, by] and v > w)


@njit(nogil=True)
def _sink(heap, size, sums, by):  # type: ignore[no-untyped-def]
    """Put the first of a heap, whose top is the worst, where it belongs."""
    i, v = 0, heap[0]
    while 2 * i + 1 < size:
        j = 2 * i + 1
        if j + 1 < size and _worse(sums, by, heap[j + 1], heap[j]):
            j += 1
        if not _worse(sums, by, heap[j], v):
            break
        heap[i] = heap[j]
        i = j
    heap[i] = v


@njit(nogil=True)
def _rise(heap, i, sums, by):  # type: ignore[no-untyped-def]
    """Put the last of a heap where it belongs."""
    v = heap[i]
    while i > 0 and _worse(sums, by, v, heap[(i - 1) // 2]):
        heap[i] = heap[(i - 1) // 2]
        i = (i - 1) // 2
    heap[i] = v


@njit(nogil=True)
def _best(heap, c, by, n, sums, hidden, allowed, touched):  # type: ignore[no-untyped-def]
    """Write the best of those who were touched, best first; return how many, and the best sum that was left out."""
    size, left_out = 0, np.float32(0)
    for t in range(n):
        v = touched[t]
        if hidden[v] or not allowed[v] or sums[v, by] <= 0:
            continue
        if size < c:
            heap[size] = v
            _rise(heap, size, sums, by)
            size += 1
        elif c and _worse(sums, by, heap[0], v):
            left_out = max(left_out, sums[heap[0], by])
            heap[0] = v
            _sink(heap, c, sums, by)
        else:
            left_out = max(left_out, sums[v, by])
    for end in range(size - 1, 0, -1):  # the worst goes to the end, then the second worst
        heap[0], heap[end] = heap[end], heap[0]
        _sink(heap, end, sums, by)
    return size, left_out


@njit(nogil=True)
def _nearest(  # type: ignore[no-untyped-def]
    walk, finish, source, hubs, space, users, c, by, hide_ptr, hide_ix, allowed, extra, found, values, bound
):
    sums, hidden, touched, marked, queue = space
    for b in range(len(users)):
        u = users[b]
        n = walk(u, source, sums, touched, queue)
        hidden[u] = True
        for p in range(hide_ptr[b], hide_ptr[b + 1]):
            hidden[hide_ix[p]] = True
        size, bound[b] = _best(found[b], c, by, n, sums, hidden, allowed, touched)
        for i in range(size):
            hidden[found[b, i]] = True
        for e in range(extra.shape[1]):
            v = extra[b, e]
            if v >= 0 and allowed[v] and not hidden[v]:
                found[b, size] = v
                hidden[v] = True
                size += 1
        bound[b] += _mark_hubs(u, hubs, by, marked, True)
        for i in range(size):
            _write(found[b, i], finish, source, hubs, sums, marked, values[b, i])
            hidden[found[b, i]] = False
        _mark_hubs(u, hubs, by, marked, False)
        hidden[u] = False
        for p in range(hide_ptr[b], hide_ptr[b + 1]):
            hidden[hide_ix[p]] = False
        for t in range(n):
            sums[touched[t]] = 0


@njit(nogil=True)
def _at(walk, finish, source, hubs, space, users, others, values):  # type: ignore[no-untyped-def]
    sums, _, touched, marked, queue = space
    for b in range(len(users)):
        n = walk(users[b], source, sums, touched, queue)
        _mark_hubs(users[b], hubs, 0, marked, True)
        for i in range(others.shape[1]):
            if others[b, i] >= 0:
                _write(others[b, i], finish, source, hubs, sums, marked, values[b, i])
        _mark_hubs(users[b], hubs, 0, marked, False)
        for t in range(n):
            sums[touched[t]] = 0
