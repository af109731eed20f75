"""Joining the vectors of several models, and the best vectors of fewer dimensions for the same scores."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.linalg as la

if TYPE_CHECKING:
    from numpy.typing import NDArray


def compression(
    users: NDArray[np.float32], items: NDArray[np.float32], dim: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return P and Q, float32 [d, dim], so that ``users P (items Q)^T`` is the best fit of ``users items^T``.

    Of all score matrices of rank ``dim`` it has the least squared error over all users and items. With square roots
    of the Gram matrices, ``X^T X = L L^T`` and ``Y^T Y = M M^T``, and ``L^T M = A S B^T``, it is ``P = L^-T A √S``
    and ``Q = M^-T B √S``. The first columns alone are the best fit of their own rank.

    Args:
        users: X, [n_users, d].
        items: Y, [n_items, d].
        dim: at most d.

    Cost: ``2 (n_users + n_items) d²`` and some d³; the score matrix is never made.
    """
    (left, left_inverse), (right, right_inverse) = _root(users), _root(items)
    a, strength, b = la.svd(left.T @ right, full_matrices=False)
    root = np.sqrt(strength[:dim])
    p, q = left_inverse.T @ a[:, :dim] * root, right_inverse.T @ b[:dim].T * root
    return p.astype(np.float32), q.astype(np.float32)


def _root(vectors: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return L [d, r] and its left inverse [r, d], where r counts the directions that the vectors have."""
    squares, directions = la.eigh((vectors.T @ vectors).astype(np.float64))
    there = squares > 1e-7 * max(squares[-1], 1e-30)  # the Gram matrix was summed in float32
    lengths, directions = np.sqrt(squares[there]), directions[:, there]
    return directions * lengths, (directions / lengths).T
