"""Finding people by sums that walks from a user leave on others, compiled: never users × users.

A kind of walk is two compiled functions: ``walk(u, source, table, touched, queue)`` adds to the rows of those whom it
meets, lists these rows once each in ``touched`` and returns how many they are, and the size of the table;
``finish(people, source, table, bits, values)`` completes the sums of those who were chosen.

The table has a row for each person who is met, of 16 bytes: three sums and who it is. It is as small as the walk
allows, so that it stays in the cache, whose misses are what walks cost. See `graphrec.social.table`.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.social.hubs import Hubs, add_hubs, csr_arrays, most_of
from graphrec.social.table import clear, in_order, njit, place, rise, sink, worse

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

BLOCK = 256
"""Users at once on each thread."""
LEAST = 16
"""So few are done at once where they are: to share them among threads takes longer than it saves."""
PAIR = 10
"""To look for the hubs that a pair has in common takes about as long as so many steps."""


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
        whole: what walks go on that leave no hub out, and how many steps that adds for each user; None where nothing
            is left out.
    """

    def __init__(
        self,
        n: int,
        n_sums: int,
        walk: Any,
        finish: Any,
        source: tuple[Any, ...],
        hubs: Hubs,
        queue: int = 0,
        whole: tuple[tuple[Any, ...], NDArray[np.int64]] | None = None,
    ) -> None:
        self.n, self.n_sums = n, n_sums
        self._kind, self._hubs, self._queue = (walk, finish, source), hubs.arguments, queue
        self._whole = whole
        self._spaces: list[tuple[NDArray[Any], ...]] = []  # clean ones that no thread uses now

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
        """Return the sums of given pairs, float32 [b, c, s]; 0 where ``others`` [b, c] is −1.

        For many pairs of a user, walking through the hubs costs less than looking for common ones pair by pair.
        """
        sums = np.zeros((*others.shape, self.n_sums), np.float32)
        kind, hubs = self._kind, self._hubs
        if self._whole is not None and self._whole[1][users].sum() < PAIR * others.size:
            kind, hubs = (*kind[:2], self._whole[0]), Hubs.none().arguments

        def work(start: int, stop: int, space: tuple[NDArray[Any], ...]) -> None:
            here = slice(start, stop)
            _at(*kind, hubs, space, users[here], others[here], sums[here])

        self._by_blocks(len(users), work)
        return sums

    def _by_blocks(self, b: int, work: Callable[[int, int, tuple[NDArray[Any], ...]], None]) -> None:
        def block(start: int, stop: int) -> None:
            try:
                space = self._spaces.pop()
            except IndexError:
                space = self._space()
            work(start, stop, space)
            self._spaces.append(space)

        by_blocks(b, block)

    def _space(self) -> tuple[NDArray[Any], ...]:
        rows = np.zeros((1 << max(4, (self.n - 1).bit_length()), 4), np.float32)
        return (
            rows,
            rows.view(np.int32)[:, 3],
            np.zeros(self.n, np.bool_),
            np.zeros(self.n, np.int32),
            np.zeros(self._queue, np.int32),
        )


def by_blocks(b: int, work: Callable[[int, int], None]) -> None:
    """Call ``work(start, stop)`` for blocks of b users, on a thread for each core up to four."""
    threads = min(4, os.cpu_count() or 1)
    size = max(LEAST, min(BLOCK, b // (8 * threads)))
    if b <= size:
        work(0, b)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(lambda start: work(start, min(start + size, b)), range(0, b, size)))


@njit(nogil=True)
def _write(u, people, finish, source, hubs, table, bits, values):  # type: ignore[no-untyped-def]  # numba finds the types
    """Write the sums of u and each of the people: what a walk left, and what the hubs add that both have.

    One call for all of them: to pass so many arrays takes longer than to look somebody up.
    """
    for i in range(len(people)):
        if people[i] >= 0:
            row = place(people[i], table, bits)
            for j in range(min(values.shape[1], 3)):
                values[i, j] = table[0][row, j]
    if most_of(u, hubs, 0):
        add_hubs(u, people, hubs, values)
    finish(people, source, table, bits, values)


@njit(nogil=True)
def unfinished(people, source, table, bits, values):  # type: ignore[no-untyped-def]  # numba finds the types
    """Leave the sums as they are."""


@njit(nogil=True)
def _best(heap, c, by, n, table, hidden, allowed, touched):  # type: ignore[no-untyped-def]  # numba finds the types
    """Write the best of those who were touched, best first; return how many, and the best sum that was left out."""
    sums, who = table
    worth = np.empty(c, np.float32)
    size, left_out = 0, np.float32(0)
    for t in range(n):
        x = sums[touched[t], by]
        if x <= 0 or (size == c and x < left_out):  # as most are
            continue
        v = who[touched[t]] - 1
        if hidden[v] or not allowed[v]:
            continue
        if size < c:
            rise(heap, worth, size, v, x)
            size += 1
        elif c and worse(worth[0], heap[0], x, v):
            left_out = worth[0]
            sink(heap, worth, c, v, x)
        else:
            left_out = max(left_out, x)
    in_order(heap, worth, size)
    return size, left_out


@njit(nogil=True)
def _nearest(  # type: ignore[no-untyped-def]  # numba finds the types
    walk, finish, source, hubs, space, users, c, by, hide_ptr, hide_ix, allowed, extra, found, values, bound
):
    sums, who, hidden, touched, queue = space
    table = sums, who
    for b in range(len(users)):
        u = users[b]
        n, bits = walk(u, source, table, touched, queue)
        hidden[u] = True
        for p in range(hide_ptr[b], hide_ptr[b + 1]):
            hidden[hide_ix[p]] = True
        size, left_out = _best(found[b], c, by, n, table, hidden, allowed, touched)
        bound[b] = left_out + most_of(u, hubs, by)
        for i in range(size):
            hidden[found[b, i]] = True
        for e in range(extra.shape[1]):
            v = extra[b, e]
            if v >= 0 and allowed[v] and not hidden[v]:
                found[b, size] = v
                hidden[v] = True
                size += 1
        _write(u, found[b, :size], finish, source, hubs, table, bits, values[b])
        for i in range(size):
            hidden[found[b, i]] = False
        hidden[u] = False
        for p in range(hide_ptr[b], hide_ptr[b + 1]):
            hidden[hide_ix[p]] = False
        clear(table, touched, n)


@njit(nogil=True)
def _at(walk, finish, source, hubs, space, users, others, values):  # type: ignore[no-untyped-def]  # numba finds the types
    sums, who, _, touched, queue = space
    table = sums, who
    for b in range(len(users)):
        n, bits = walk(users[b], source, table, touched, queue)
        _write(users[b], others[b], finish, source, hubs, table, bits, values[b])
        clear(table, touched, n)
