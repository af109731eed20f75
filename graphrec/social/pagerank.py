"""Personalised PageRank: where a walk along the ties is that returns to its start now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.social.hubs import Hubs, csr_arrays
from graphrec.social.reach import Reach, unfinished
from graphrec.social.table import njit, place, room

if TYPE_CHECKING:
    import scipy.sparse as sp


class PageRank(Reach):
    """How often a random walk from a user is at each other one, by pushes of what is left to walk; one sum.

    A walk returns to its start with probability ``restart`` a step, and always from somebody without ties. No value
    is too high, and what is left to walk when pushing ends is at most ``precision`` for each tie of those with whom
    it is left. A user costs at most ``1 / (restart · precision)`` steps, however large the graph.

    Args:
        out: [n, n], whom each one is tied to; stored entries count alike.
        restart: the probability of a return.
        precision: see above.

    Paper: Andersen, Chung, Lang, Local graph partitioning using PageRank vectors, FOCS 2006.
    """

    def __init__(self, out: sp.csr_array, restart: float = 0.15, precision: float = 1e-5) -> None:
        source = (*csr_arrays(out), np.float32(restart), np.float32(precision))
        super().__init__(out.shape[0], 1, _push, unfinished, source, Hubs.none(), queue=out.shape[0])


@njit(nogil=True)
def _push(u, source, table, touched, queue):  # type: ignore[no-untyped-def]  # numba finds the types
    # of somebody: 0 what was found, 1 what is left to walk, 2 whether they wait in the queue
    ptr, ix, restart, precision = source
    sums, who = table
    bits = room(ptr[u + 1] - ptr[u] + 2 + int(1 / (restart * precision)), table)
    touched[0] = queue[0] = place(u, table, bits)
    who[touched[0]] = u + 1
    sums[touched[0], 1] = sums[touched[0], 2] = 1
    n, head, waiting, most = 1, 0, 1, len(queue)
    while waiting:
        row = queue[head]
        head = head + 1 if head + 1 < most else 0
        waiting -= 1
        v, left = who[row] - 1, sums[row, 1]
        sums[row, 0] += restart * left
        sums[row, 1] = sums[row, 2] = 0
        ties = ptr[v + 1] - ptr[v]
        begin, end = (ptr[v], ptr[v + 1]) if ties else (0, 1)
        share = (1 - restart) * left / max(ties, 1)
        for p in range(begin, end):
            w = ix[p] if ties else u
            row = place(w, table, bits)
            if not who[row]:
                who[row] = w + 1
                touched[n] = row
                n += 1
            sums[row, 1] += share
            left = sums[row, 1]
            if left > precision and sums[row, 2] == 0 and left > precision * max(ptr[w + 1] - ptr[w], 1):
                sums[row, 2] = 1
                last = head + waiting
                queue[last if last < most else last - most] = row
                waiting += 1
    return n, bits
