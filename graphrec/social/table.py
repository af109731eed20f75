"""Compiled pieces of a search for people: a table of those who are met, and a heap of the best."""

from __future__ import annotations

from graphrec.errors import MissingExtraError

try:
    from numba import njit as njit
except ImportError as error:
    raise MissingExtraError.of("Suggesting people", "friends") from error

SPREAD = 2_654_435_761
"""An odd number that puts neighbours apart."""


@njit(nogil=True)
def room(entries, table):  # type: ignore[no-untyped-def]  # numba finds the types
    """Return the binary logarithm of the size of a table that so many leave half empty, or that has room for all."""
    bits = 4
    while 1 << bits < min(2 * entries, len(table[1])):
        bits += 1
    return bits


@njit(nogil=True)
def place(v, table, bits):  # type: ignore[no-untyped-def]  # numba finds the types
    """Return the row of somebody, or where it would be; no two share one where there is room for all."""
    _, who = table
    mask = (1 << bits) - 1
    row = ((v ^ (v >> bits)) * SPREAD) & mask
    while who[row] and who[row] != v + 1:
        row = (row + 1) & mask
    return row


@njit(nogil=True)
def clear(table, touched, n):  # type: ignore[no-untyped-def]  # numba finds the types
    """Take out those who were touched."""
    sums, who = table
    for t in range(n):
        row = touched[t]
        sums[row, 0] = sums[row, 1] = sums[row, 2] = 0
        who[row] = 0


@njit(nogil=True)
def worse(x, v, y, w):  # type: ignore[no-untyped-def]  # numba finds the types
    """Return whether v with the sum x comes after w with y."""
    return x < y or (x == y and v > w)


@njit(nogil=True)
def sink(heap, worth, size, v, x):  # type: ignore[no-untyped-def]  # numba finds the types
    """Put v with the sum x in the place of the first of a heap, whose top is the worst."""
    i = 0
    while 2 * i + 1 < size:
        j = 2 * i + 1
        if j + 1 < size and worse(worth[j + 1], heap[j + 1], worth[j], heap[j]):
            j += 1
        if not worse(worth[j], heap[j], x, v):
            break
        heap[i], worth[i] = heap[j], worth[j]
        i = j
    heap[i], worth[i] = v, x


@njit(nogil=True)
def rise(heap, worth, i, v, x):  # type: ignore[no-untyped-def]  # numba finds the types
    """Put v with the sum x behind the i others of a heap."""
    while i > 0 and worse(x, v, worth[(i - 1) // 2], heap[(i - 1) // 2]):
        heap[i], worth[i] = heap[(i - 1) // 2], worth[(i - 1) // 2]
        i = (i - 1) // 2
    heap[i], worth[i] = v, x


@njit(nogil=True)
def in_order(heap, worth, size):  # type: ignore[no-untyped-def]  # numba finds the types
    """Put the best of a heap first, and its worst last."""
    for end in range(size - 1, 0, -1):  # the worst goes to the end, then the second worst
        v, x = heap[end], worth[end]
        heap[end] = heap[0]
        sink(heap, worth, end, v, x)
