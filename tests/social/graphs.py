"""Random graphs as matrices, and what walks on them add up to, by dense products."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.social.friends import Friends


def random_ties(seed: int, *, directed: bool = False) -> sp.csr_array:
    """0/1 [n, n] of 2 to 64 people without ties to oneself; the first one often has many."""
    generator = np.random.default_rng(seed)
    n = int(generator.choice([2, 3, 16, 33, 64]))
    ends = generator.integers(0, n, (2, int(generator.integers(0, 5 * n))))
    ends[0, : ends.shape[1] // 3] = 0
    a, b = ends[:, ends[0] != ends[1]]
    source, target = (a, b) if directed else (np.append(a, b), np.append(b, a))
    matrix = sp.coo_array((np.ones(len(source), np.float32), (source, target)), shape=(n, n)).tocsr()
    matrix.data[:] = 1
    matrix.sort_indices()
    return matrix


def members_of(ties: sp.csr_array) -> NDArray[np.int64]:
    """How many different ties each one has; both ways count in a directed graph."""
    out, into = np.diff(ties.indptr), np.diff(ties.tocsc().indptr)
    return np.asarray(out if not abs(ties - ties.T).nnz else out + into, np.int64)


def dense_sums(ties: sp.csr_array) -> list[NDArray[np.float64]]:
    """Common middles, Adamic–Adar, resource allocation and three steps, each [n, n]."""
    a, size = ties.toarray().astype(np.float64), np.maximum(members_of(ties), 2)
    share = np.diag(1 / size)
    return [a @ a, a @ np.diag(1 / np.log(size)) @ a, a @ share @ a, a @ share @ a @ share @ a]


def everybody(n: int) -> NDArray[np.int32]:
    """All people for each of them."""
    return np.tile(np.arange(n, dtype=np.int32), (n, 1))


def scored(config: Friends, people: Dataset) -> dict[tuple[int, int], float]:
    """The scores of all suggestions to everybody, by pair of rows."""
    n = len(people.users)
    found: Any = config.fit(people).suggest(np.arange(n), n)
    return {
        (u, int(v)): float(score)
        for u in range(n)
        for v, score in zip(found.rows[u], found.scores[u], strict=True)
        if v >= 0
    }
