from __future__ import annotations

import numpy as np
import pytest

from graphrec.models.compression import compression


def vectors(n: int, d: int, seed: int) -> np.ndarray:
    """Return vectors whose directions differ in strength and lean on each other."""
    generator = np.random.default_rng(seed)
    mixed = generator.normal(size=(n, d)) * np.geomspace(3, 0.3, d) @ generator.normal(size=(d, d))
    return mixed.astype(np.float32)


def duplicated(n: int, seed: int) -> np.ndarray:
    return np.hstack([vectors(n, 6, seed)] * 2)


def of_rank(n: int, rank: int, d: int, seed: int) -> np.ndarray:
    return vectors(n, rank, seed) @ vectors(rank, d, seed + 10)


def with_zeros(n: int, d: int, seed: int) -> np.ndarray:
    table = vectors(n, d, seed)
    table[[0, 4, n - 1]], table[:, 3] = 0, 0
    return table


CASES = {
    "plain": (vectors(50, 12, 0), vectors(40, 12, 1)),
    "few items": (vectors(50, 12, 0), vectors(7, 12, 1)),
    "few users": (vectors(3, 12, 0), vectors(40, 12, 1)),
    "duplicate columns": (duplicated(50, 0), duplicated(40, 1)),
    "duplicate columns of users": (duplicated(50, 0), vectors(40, 12, 1)),
    "rank 4 by rank 7": (of_rank(50, 4, 12, 0), of_rank(40, 7, 12, 1)),
    "nodes and columns of zeros": (with_zeros(50, 12, 0), with_zeros(40, 12, 1)),
    "one number": (vectors(50, 1, 0), vectors(40, 1, 1)),
    "short by long": (vectors(50, 12, 0) * np.float32(1e-4), vectors(40, 12, 1) * np.float32(1e3)),
}


@pytest.mark.parametrize("dim", [1, 3, 6, 12])
@pytest.mark.parametrize("case", CASES)
def test_it_is_the_truncated_decomposition_of_the_scores(case: str, dim: int) -> None:
    users, items = CASES[case]
    scores = users.astype(np.float64) @ items.astype(np.float64).T
    u, s, v = np.linalg.svd(scores, full_matrices=False)
    p, q = compression(users, items, dim)
    assert p.dtype == q.dtype == np.float32
    assert p.shape == q.shape
    assert p.shape[0] == users.shape[1]
    assert p.shape[1] <= dim
    found = (users @ p) @ (items @ q).T
    np.testing.assert_allclose(found, (u[:, :dim] * s[:dim]) @ v[:dim], atol=1e-4 * s[0])


def test_the_first_columns_are_the_best_of_their_own_rank() -> None:
    users, items = CASES["plain"]
    whole, short = compression(users, items, 12), compression(users, items, 5)
    for one, other in zip(whole, short, strict=True):
        np.testing.assert_array_equal(one[:, :5], other)


def test_both_sides_carry_the_same_strength() -> None:
    users, items = CASES["plain"]
    p, q = compression(users, items, 8)
    strength = np.linalg.svd(users @ items.T)[1][:8]
    for side in (users @ p, items @ q):
        np.testing.assert_allclose(side.T @ side, np.diag(strength), atol=1e-3 * strength[0])


def test_the_vectors_stay_as_they_were() -> None:
    users, items = vectors(20, 5, 0), vectors(20, 5, 1)
    compression(users, items, 3)
    np.testing.assert_array_equal(users, vectors(20, 5, 0))
    np.testing.assert_array_equal(items, vectors(20, 5, 1))
