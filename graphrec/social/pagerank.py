"""Personalised PageRank: where a walk along the ties is that returns to its start now and then."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.social.reach import Hubs, Reach, csr_arrays, njit, unfinished

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
def _push(u, source, sums, touched, queue):  # type: ignore[no-untyped-def]
    # of somebody: 0 what was found, 1 what is left to walk, 2 whether they wait in the queue, 3 whether touched
    ptr, ix, restart, precision = source
    touched[0] = queue[0] = u
    sums[u, 1] = sums[u, 2] = sums[u, 3] = 1
    n, head, waiting, room = 1, 0, 1, len(queue)
    while waiting:
        v = queue[head]
        head = head + 1 if head + 1 < room else 0
        waiting -= 1
        sums[v, 2] = 0
        left, ties = sums[v, 1], ptr[v + 1] - ptr[v]
        sums[v, 0] += restart * left
        sums[v, 1] = 0
        begin, end = (ptr[v], ptr[v + 1]) if ties else (0, 1)
        share = (1 - restart) * left / max(ties, 1)
        for p in range(begin, end):
            w = ix[p] if ties else u
            if sums[w, 3] == 0:
                sums[w, 3] = 1
                touched[n] = w
                n += 1
            sums[w, 1] += share
            if sums[w, 2] == 0 and sums[w, 1] > precision * max(ptr[w + 1] - ptr[w], 1):
                sums[w, 2] = 1
                place = head + waiting
                queue[place if place < room else place - room] = w
                waiting += 1
    return n
