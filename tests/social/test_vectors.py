"""Who is nearest by vectors: the same as from all products."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.social.vectors import Vectors

N, D = 300, 9


def drawn(seed: int, spread: float) -> tuple[np.ndarray, np.ndarray, np.random.Generator]:
    generator = np.random.default_rng(seed)
    mine, theirs = generator.normal(size=(2, N, D)).astype(np.float32) * np.linspace(2, 0.1, D, dtype=np.float32)
    return mine, theirs * generator.pareto(spread, (N, 1)).astype(np.float32), generator


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("spread", [1.0, 30.0], ids=["few long ones", "about as long"])
def test_the_nearest_are_those_of_all_products(seed: int, spread: float) -> None:
    mine, theirs, generator = drawn(seed, spread)
    hidden, allowed = sp.random_array((N, N), density=0.05, format="csr", rng=seed), generator.random(N) < 0.8
    users = generator.permutation(N)
    found = Vectors(mine, theirs).nearest(users, 12, hidden[users], allowed)
    products = mine @ theirs.T
    may = allowed & (hidden.toarray() == 0)
    for u, rows in zip(users, found, strict=True):
        assert may[u, rows].all()
        best = np.sort(products[u, may[u]])[::-1][:12]
        np.testing.assert_allclose(products[u, rows], best, rtol=1e-5)
        assert len(set(rows.tolist())) == 12


def test_equal_ones_go_by_row_and_few_leave_places() -> None:
    ones = np.ones((5, D), np.float32)
    vectors, none = Vectors(ones, ones), sp.csr_array((5, 5))
    everybody = np.ones(5, np.bool_)
    assert vectors.nearest(np.array([0, 3]), 3, none, everybody).tolist() == [[0, 1, 2]] * 2
    assert vectors.nearest(np.array([1]), 7, none, everybody).tolist() == [[0, 1, 2, 3, 4, -1, -1]]
    assert vectors.nearest(np.array([1]), 2, none, ~everybody).tolist() == [[-1, -1]]


def test_who_has_no_vector_gets_the_longest_and_nobody_gets_them() -> None:
    some = np.outer([1, 0, 3, 0, 2], np.ones(D, np.float32)).astype(np.float32)
    found = Vectors(some, some).nearest(np.arange(4), 2, sp.csr_array((4, 5)), np.ones(5, np.bool_))
    assert found.tolist() == [[2, 4]] * 4
    more = Vectors(some, some).nearest(np.array([1]), 4, sp.csr_array((1, 5)), np.ones(5, np.bool_))
    assert sorted(more[0].tolist()) == [-1, 0, 2, 4]


def test_numbers_of_pairs() -> None:
    mine, theirs, _ = drawn(1, 3.0)
    theirs[7] = 0
    others = np.tile(np.arange(-1, N, dtype=np.int32), (N, 1))
    found = Vectors(mine, theirs).at(np.arange(N), others)
    assert (found[:, 0] == 0).all()
    assert (found[:, 8] == 0).all()
    lengths = np.linalg.norm(mine, axis=1)[:, None] * np.linalg.norm(theirs, axis=1)
    products = mine @ theirs.T
    np.testing.assert_allclose(found[:, 1:, 0], mine[:, :2] @ theirs[:, :2].T, atol=1e-4)
    np.testing.assert_allclose(found[:, 1:, 1], products, atol=1e-4)
    np.testing.assert_allclose(found[:, 1:, 2], products / np.where(lengths > 0, lengths, 1), atol=1e-5)
