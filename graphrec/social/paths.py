"""Who is reached over something in common: sums over the paths user – middle – other.

A middle is a friend, an item, an attribute. For a user u and somebody v the sums over the middles m that u has and
that lead to v are, with n_m for how many have m:

* ``Σ 1``: what is in common, such as friends (common neighbours);
* ``Σ 1 / log n_m``: Adamic and Adar, Friends and neighbors on the web, Social Networks 2003;
* ``Σ 1 / n_m``: resource allocation; Zhou, Lü, Zhang, Predicting missing links via local information, EPJ B 2009.

With ``steps=3``, where the middles are people, there is a fourth: paths u – m – w – v, each worth ``1 / (n_m n_w)``;
those who have more than `BEFORE` people before them get 0.

**Hubs.** To walk through a middle with n members costs n steps for each of them, n² in all. So middles with more
than ``hub`` members lead nobody to anybody; they count, exactly, between those who were found in another way. Who is
left out is known by a bound: nobody who is not found has more than the best one who was left out, plus what u's own
hubs add up to. Paths of three steps through a hub do not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.data.pairs import row_sums
from graphrec.social.hubs import Hubs, csr_arrays
from graphrec.social.reach import Reach, unfinished
from graphrec.social.table import njit, place, room

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

COMMON, ADAMIC_ADAR, RESOURCE_ALLOCATION, THREE_STEPS = 0, 1, 2, 3
"""The places of the sums."""
SUMS = ("common", "adamic-adar", "resource-allocation")
"""What scores call the first three."""
BEFORE = 200
"""Those who are chosen tend to have many ties, and to look at all of these for each would be most of the work."""


class Paths(Reach):
    """Two steps that lead from people to people.

    Args:
        out: [n, m], which middles a user has; stored entries count, whatever their values.
        back: [m, n], whom a middle leads to.
        members: n_m, int64 [m]; at least 2 for every middle that lies between two people.
        hub: middles that lead to more people than this lead nobody there.
        steps: 2, or 3 where ``out`` and ``back`` are the same ties.

    Cost: as many steps for a user as the middles that are no hubs lead to people; 20 bytes for a middle beside the
    two matrices, and 21 for a user on each thread.
    """

    def __init__(
        self, out: sp.csr_array, back: sp.csr_array, members: NDArray[np.int64], hub: int, *, steps: int = 2
    ) -> None:
        wide = np.diff(back.indptr) > hub
        size = np.maximum(members, 2).astype(np.float64)
        weights = np.column_stack([np.ones(len(size)), 1 / np.log(size), 1 / size]).astype(np.float32)
        arrays = csr_arrays(out), csr_arrays(back)
        hubs = Hubs.none()
        if wide.any():
            own = out[:, wide].tocsr()
            own.sort_indices()
            hubs = Hubs.of(own, back[wide].tocsc(), weights[wide])
        before = csr_arrays(out.tocsc()) if steps == 3 else (np.zeros(1, np.int64), np.zeros(0, np.int32))
        source = (*arrays[0], *arrays[1], wide, weights, *before, min(hub, BEFORE))
        whole = None
        if wide.any() and steps == 2:
            more = np.where(wide, np.diff(back.indptr), 0).astype(np.int64)
            whole = (*source[:4], np.zeros_like(wide), *source[5:]), row_sums(out, more)
        super().__init__(
            out.shape[0], steps + 1, _walk, _third if steps == 3 else unfinished, source, hubs, whole=whole
        )


@njit(nogil=True)
def _walk(u, source, table, touched, queue):  # type: ignore[no-untyped-def]  # numba finds the types
    out_ptr, out_ix, back_ptr, back_ix, wide, weights, _, _, _ = source
    sums, who = table
    steps = 0
    for p in range(out_ptr[u], out_ptr[u + 1]):
        if not wide[out_ix[p]]:
            steps += back_ptr[out_ix[p] + 1] - back_ptr[out_ix[p]]
    n, bits = 0, room(steps, table)
    for p in range(out_ptr[u], out_ptr[u + 1]):
        m = out_ix[p]
        if wide[m]:
            continue
        adar, share = weights[m, 1], weights[m, 2]
        for q in range(back_ptr[m], back_ptr[m + 1]):
            v = back_ix[q]
            row = place(v, table, bits)
            if not who[row]:
                who[row] = v + 1
                touched[n] = row
                n += 1
            sums[row, 0] += 1
            sums[row, 1] += adar
            sums[row, 2] += share
    return n, bits


@njit(nogil=True)
def _third(people, source, table, bits, values):  # type: ignore[no-untyped-def]  # numba finds the types
    weights, ptr, ix, most = source[5:]
    for i in range(len(people)):
        v, total = people[i], np.float32(0)
        if v >= 0 and ptr[v + 1] - ptr[v] <= most:
            for p in range(ptr[v], ptr[v + 1]):
                total += table[0][place(ix[p], table, bits), 2] * weights[ix[p], 2]
        values[i, 3] = total
