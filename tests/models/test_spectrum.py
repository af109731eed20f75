from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphrec.models.propagation import scaled
from graphrec.models.spectrum import SPARE, Spectrum, normalised, spectral_start, spectrum

CPU = torch.device("cpu")


def dense(rows: int, columns: int, *, seed: int = 0, share: float = 0.2) -> np.ndarray:
    generator = np.random.default_rng(seed)
    return (generator.random((rows, columns)) < share) * generator.uniform(0.5, 2, (rows, columns))


def falling(rows: int, columns: int, last: float) -> np.ndarray:
    """Return a matrix whose singular values fall geometrically from 1 to ``last``."""
    generator, rank = np.random.default_rng(1), min(rows, columns)
    left, right = (np.linalg.qr(generator.normal(size=(n, rank)))[0] for n in (rows, columns))
    return (left * np.geomspace(1, last, rank)) @ right.T


def with_gaps() -> np.ndarray:
    matrix = dense(40, 30)
    matrix[3], matrix[:, [0, 17]] = 0, 0
    return matrix


def single() -> np.ndarray:
    matrix = np.zeros((5, 4))
    matrix[2, 1] = 3
    return matrix


def found(matrix: np.ndarray, rank: int, iterations: int = 2, seed: int = 0) -> Spectrum:
    return spectrum(sp.csr_array(matrix.astype(np.float32)), rank, iterations, seed, CPU)


@pytest.mark.parametrize("rank", [1, 5, 64, 1000])
@pytest.mark.parametrize(
    "matrix",
    [
        dense(50, 30),
        dense(30, 50),
        dense(61, 61, share=0.05),
        falling(50, 30, 1e-1),
        falling(50, 30, 1e-3),
        dense(50, 3) @ dense(3, 30),
        np.ones((50, 30)),
        np.hstack([dense(20, 9)] * 3),
        with_gaps(),
        single(),
        np.array([[2.0]]),
        np.array([[1.0, 0.0, 2.0]]),
    ],
    ids=["tall", "wide", "square", "falls", "falls far", "rank 3", "rank 1", "thrice", "gaps", "entry", "1x1", "row"],
)
def test_it_equals_the_singular_value_decomposition(matrix: np.ndarray, rank: int) -> None:
    """`SPARE` covers all columns here, so that nothing is approximate but the numbers."""
    assert min(matrix.shape) <= SPARE
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    width = min(rank, *matrix.shape)
    left, right, values = (each.numpy() for each in found(matrix, rank))
    assert (left.shape, right.shape) == ((len(matrix), width), (matrix.shape[1], width))
    assert left.dtype == right.dtype == values.dtype == np.float32
    np.testing.assert_allclose(right.T @ right, np.eye(width), atol=2e-3)
    np.testing.assert_allclose(left, matrix @ right, atol=1e-5 * s[0])
    np.testing.assert_allclose(values, s[:width], atol=1e-3 * s[0])  # roots of squares: half of the digits near 0
    np.testing.assert_allclose(values[s[:width] > 0.05 * s[0]], s[:width][s[:width] > 0.05 * s[0]], rtol=1e-3)
    best = (u[:, :width] * s[:width]) @ v[:width]
    np.testing.assert_allclose(left @ right.T, best, atol=1e-4 * s[0])
    assert (np.diff(values) <= 0).all()


@pytest.mark.parametrize("rank", [3, 20])
def test_each_vector_is_the_singular_vector_where_values_differ(rank: int) -> None:
    matrix = falling(70, 45, 0.05)
    _, _, v = np.linalg.svd(matrix)
    right = found(matrix, rank).right.numpy()
    np.testing.assert_allclose(np.abs((right.T * v[:rank]).sum(1)), 1, atol=1e-4)


def test_more_iterations_come_closer_where_the_columns_do_not_cover_all() -> None:
    matrix = dense(400, 300, share=0.03)
    u, s, v = np.linalg.svd(matrix, full_matrices=False)
    best = (u[:, :10] * s[:10]) @ v[:10]
    errors = {}
    for iterations in (0, 1, 3, 30):
        left, right, _ = (each.numpy() for each in found(matrix, 10, iterations))
        errors[iterations] = np.linalg.norm(left @ right.T - best)
    assert list(errors.values()) == sorted(errors.values(), reverse=True)
    assert errors[0] > 0.05 * np.linalg.norm(best)
    assert errors[30] < 1e-4 * np.linalg.norm(best)
    left, right, _ = (each.numpy() for each in found(matrix, 10, 2))
    assert np.linalg.norm(matrix - left @ right.T) < 1.01 * np.linalg.norm(matrix - best)


def test_the_seed_decides_and_the_matrix_stays() -> None:
    matrix = sp.csr_array(dense(200, 180).astype(np.float32))
    before = matrix.copy()
    one, same, other = (spectrum(matrix, 4, 0, seed, CPU) for seed in (1, 1, 2))
    assert torch.equal(one.right, same.right)
    assert not torch.equal(one.right, other.right)
    assert (matrix != before).nnz == 0


@pytest.mark.parametrize("exponents", [(0.0, 0.0), (0.5, 0.5), (0.3, 0.35), (1.0, 2.0)])
def test_normalised_equals_the_dense_definition(exponents: tuple[float, float]) -> None:
    matrix = with_gaps()
    a, b = exponents
    with np.errstate(divide="ignore", invalid="ignore"):
        expected = np.nan_to_num(matrix.sum(1)[:, None] ** -a * matrix * matrix.sum(0) ** -b)
    result = normalised(sp.csr_array(matrix.astype(np.float32)), a, b)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result.toarray(), expected, rtol=1e-5)


def test_scaled_multiplies_rows_and_columns_of_a_copy() -> None:
    matrix = sp.csr_array(with_gaps().astype(np.float32))
    before = matrix.copy()
    rows, columns = np.arange(40.0), np.linspace(-1, 1, 30)
    result = scaled(matrix, rows, columns)
    np.testing.assert_allclose(result.toarray(), rows[:, None] * before.toarray() * columns, rtol=1e-6)
    assert (matrix != before).nnz == 0


def test_a_start_is_spectral_of_length_one_and_noise_beyond_the_rank() -> None:
    matrix = sp.csr_array(dense(40, 30).astype(np.float32))
    start = spectral_start(matrix, 35, 0, CPU).numpy()
    assert start.shape == (70, 35)
    found = spectrum(matrix, 35, 2, 0, CPU)
    expected = torch.nn.functional.normalize(torch.cat([found.left, found.right])).numpy()
    assert np.abs(start[:, :30] - expected).max() < 0.06
    assert 0.005 < start[:, 30:].std() < 0.02
    np.testing.assert_array_equal(start, spectral_start(matrix, 35, 0, CPU).numpy())
    assert not np.allclose(start, spectral_start(matrix, 35, 1, CPU).numpy())
