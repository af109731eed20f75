"""Learning from short histories what the vectors of new users should be."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.data.tables import ones
from graphrec.models.propagation import powers

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

HISTORIES = 30_000
LEAST, MOST = 3, 20  # draws of items for a history: about as many as somebody has who is new
SHRINKAGE = 0.01


def folding(
    fold_in: NDArray[np.float32],
    users: NDArray[np.float32],
    first: NDArray[np.float32],
    matrix: sp.csr_array,
    seed: int = 0,
) -> NDArray[np.float32]:
    """Return W, float32 [d, k], by which a few of a user's items tell best what the user's vector is.

    Users who are known stand for those who will be new: with ``x = Σ fold_in[history] / √|history|`` of some of their
    items, drawn at random, W minimises ``Σ |x W − user|² + λ |W − first|²``, where λ is `SHRINKAGE` times the mean
    over the columns of ``Σ x²``.

    Args:
        fold_in: what each item adds to a new user, [n_items, d].
        users: what is to be told, [n_users, k].
        first: W as it is without learning, [d, k].
        matrix: who has what, [n_users, n_items].
        seed: of the draws.

    Cost: ``2 · HISTORIES · d (d + k)`` operations and ``4 · HISTORIES · d`` bytes, however many users there are.
    """
    generator = np.random.default_rng(seed)
    known = np.flatnonzero(np.diff(matrix.indptr))
    if not len(known):
        return first
    drawn = generator.choice(known, HISTORIES)
    histories = _histories(matrix, drawn, generator)
    x = (histories @ fold_in) * powers(histories.sum(1, dtype=np.float64), -0.5).astype(np.float32)[:, None]
    squares = (x.T @ x).astype(np.float64)
    strength = max(SHRINKAGE * squares.trace() / len(squares), 1e-30)
    squares.flat[:: len(squares) + 1] += strength
    return np.linalg.solve(squares, x.T @ users[drawn] + strength * first).astype(np.float32)


def _histories(matrix: sp.csr_array, users: NDArray[np.int64], generator: np.random.Generator) -> sp.csr_array:
    """Return some items of each of these users, 0/1: `LEAST` to `MOST` draws, of which some may be the same item."""
    n, starts = len(users), matrix.indptr[users, None]
    places = (generator.random((n, MOST)) * (matrix.indptr[users + 1, None] - starts)).astype(np.int64)
    taken = np.arange(MOST) < generator.integers(LEAST, MOST + 1, n)[:, None]
    rows, items = np.nonzero(taken)[0], matrix.indices[(starts + places)[taken]]
    return ones(rows, items, (n, matrix.shape[1]))
