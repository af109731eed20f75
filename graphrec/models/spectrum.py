"""The leading singular vectors of a normalised interaction matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch.nn.functional import normalize

from graphrec.models.propagation import bags, on_device, powers, scaled

if TYPE_CHECKING:
    import scipy.sparse as sp
    from torch import Tensor

SPARE = 64
"""Columns beyond those that are wanted, without which the last ones would be poor."""


class Spectrum(NamedTuple):
    """``N ≈ left right^T`` with orthonormal columns in ``right``; d columns, fewer where N has fewer rows or columns.

    Attributes:
        left: ``N right``, float32 [n_users, d].
        right: float32 [n_items, d].
        values: singular values in falling order, float32 [d].
    """

    left: Tensor
    right: Tensor
    values: Tensor


def normalised(matrix: sp.csr_array, user_exponent: float, item_exponent: float) -> sp.csr_array:
    """Return ``N = D_u^-a R D_i^-b``, float32 [n_users, n_items]."""
    user_scale = powers(matrix.sum(1, dtype="float64"), -user_exponent)
    return scaled(matrix, user_scale, powers(matrix.sum(0, dtype="float64"), -item_exponent))


def spectrum(matrix: sp.csr_array, rank: int, iterations: int, seed: int, device: torch.device) -> Spectrum:
    """Return the leading singular vectors and values by subspace iteration (Halko, Martinsson, Tropp, 2011).

    Two or three iterations rank as well as an exact decomposition: what the last vectors lack in accuracy, they have
    of the tail.

    Args:
        matrix: N, float32 [n_users, n_items].
        rank: d.
        iterations: passes over the matrix beyond the first.
        seed: of the first vectors.
        device: where products run.

    Cost: 2 · (iterations + 1) sparse products with d + `SPARE` columns, and as many orthogonalisations;
    ``4 · 3 · (d + SPARE) · max(n_users, n_items)`` bytes.
    """
    rows, columns = on_device(matrix, device), on_device(matrix.tocsc(), device)
    width = min(rank + SPARE, *matrix.shape)
    # even numbers serve as well as normal ones, and take a third of the time
    start = np.random.default_rng(seed).integers(-(2**15), 2**15, (matrix.shape[0], width), np.int16)
    basis = _orthonormal(bags(torch.from_numpy(start).to(device).float(), *columns))
    for _ in range(iterations):
        basis = _orthonormal(bags(bags(basis, *rows), *columns))
    image = bags(basis, *rows)
    squares, turn = torch.linalg.eigh((image.T @ image).double())
    turn = turn.flip(1)[:, :rank].to(basis.dtype)
    return Spectrum(image @ turn, basis @ turn, squares.flip(0)[:rank].clamp_min(0).sqrt().float())


def spectral_start(matrix: sp.csr_array, dim: int, seed: int, device: torch.device) -> Tensor:
    """Return spectral vectors of length 1 to begin a training with; what the matrix has no rank for is noise.

    Args:
        matrix: N, float32 [n, m].
        dim: d.
        seed: of the solver and of the noise.
        device: where products run.

    Returns:
        Float32 [n + m, d]: rows, then columns.
    """
    found = spectrum(matrix, dim, 2, seed, device)
    vectors = normalize(torch.cat([found.left, found.right]))
    noise = np.random.default_rng([seed, 1]).standard_normal((len(vectors), dim), np.float32)
    start = torch.from_numpy(noise * np.float32(0.01)).to(device)
    start[:, : vectors.shape[1]] += vectors
    return start


def _orthonormal(vectors: Tensor) -> Tensor:
    """Return an orthonormal basis of the columns, by Cholesky where that is safe: several times as fast as QR."""
    gram = (vectors.T @ vectors).double()
    ridge = 1e-6 * gram.diagonal().mean()
    factor, failed = torch.linalg.cholesky_ex(
        gram + ridge * torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
    )
    if failed or not factor.diagonal().min() ** 2 > 1e3 * ridge:  # else the ridge would shorten the last columns
        basis: Tensor = torch.linalg.qr(vectors)[0]
    else:
        unit = torch.eye(len(gram), dtype=gram.dtype, device=gram.device)
        basis = vectors @ torch.linalg.solve_triangular(factor, unit, upper=False).T.to(vectors.dtype)
    return basis
