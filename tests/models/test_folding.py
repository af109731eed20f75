from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.models import folding as module
from graphrec.models.folding import folding


def histories(n_users: int, n_items: int, seed: int = 0) -> sp.csr_array:
    generator = np.random.default_rng(seed)
    matrix = sp.csr_array((generator.random((n_users, n_items)) < 0.3).astype(np.float32))
    matrix.sort_indices()
    return matrix


def folded(matrix: sp.csr_array, fold_in: np.ndarray) -> np.ndarray:
    """Return each user's vector by all of their items."""
    return np.stack([fold_in[row > 0].sum(0) / max(1, (row > 0).sum()) ** 0.5 for row in matrix.toarray()])


def test_it_finds_the_map_that_made_the_users() -> None:
    generator = np.random.default_rng(1)
    matrix = histories(200, 12)
    fold_in, wanted = generator.normal(size=(12, 5)).astype(np.float32), generator.normal(size=(5, 3))
    ones = sp.csr_array(sp.eye_array(12, format="csr", dtype=np.float32))  # one item each: every draw is the history
    found = folding(fold_in, (fold_in @ wanted).astype(np.float32), np.zeros((5, 3), np.float32), ones)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=0.1)
    noisy = folding(
        fold_in, folded(matrix, fold_in @ wanted).astype(np.float32), np.zeros((5, 3), np.float32), matrix
    )
    for mine, made in zip(noisy.T, wanted.T, strict=True):
        assert np.corrcoef(mine, made)[0, 1] > 0.95


def test_it_is_the_ridge_regression_of_its_definition(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(2)
    matrix = histories(9, 7)
    fold_in, users, first = (generator.normal(size=s).astype(np.float32) for s in ((7, 4), (9, 3), (4, 3)))
    monkeypatch.setattr(module, "HISTORIES", 50)
    drawn: list[tuple[np.ndarray, np.ndarray]] = []
    real = module._histories

    def watched(matrix: sp.csr_array, rows: np.ndarray, generator: np.random.Generator) -> sp.csr_array:
        found = real(matrix, rows, generator)
        drawn.append((rows, found.toarray()))
        return found

    monkeypatch.setattr(module, "_histories", watched)
    found = folding(fold_in, users, first, matrix, seed=3)
    (rows, taken), *_ = drawn
    x = np.stack([fold_in[row > 0].astype(float).sum(0) / np.sqrt(row.sum()) for row in taken])
    strength = module.SHRINKAGE * (x**2).sum() / 4

    def cost(w: np.ndarray) -> float:
        return ((x @ w - users[rows]) ** 2).sum() + strength * ((w - first) ** 2).sum()

    for place in np.ndindex(4, 3):  # no step from it is a better one
        step = np.zeros((4, 3))
        step[place] = 1e-3
        assert cost(found) < min(cost(found + step), cost(found - step))


def test_histories_are_some_of_the_items_that_a_user_has(monkeypatch: pytest.MonkeyPatch) -> None:
    matrix = histories(40, 200)
    rows = np.random.default_rng(0).integers(0, 40, 4000)
    found = module._histories(matrix, rows, np.random.default_rng(1))
    assert found.shape == (4000, 200)
    assert set(np.unique(found.toarray())) == {0, 1}
    assert not (found.toarray() > matrix[rows].toarray()).any()
    sizes = found.sum(1)
    assert (sizes.min(), sizes.max()) == (pytest.approx(2, abs=1), module.MOST)
    assert np.median(sizes) == pytest.approx((module.LEAST + module.MOST) / 2, abs=1.5)
    mine = found[rows == 7].mean(0)[matrix[[7]].indices]  # each of a user's items as often as any other
    assert mine.min() > 0.5 * mine.mean()
    assert mine.max() < 2 * mine.mean()


def test_somebody_with_one_item_has_it() -> None:
    matrix = sp.csr_array(np.float32([[0, 1, 0], [0, 0, 0]]))
    found = module._histories(matrix, np.zeros(5, np.int64), np.random.default_rng(0))
    np.testing.assert_array_equal(found.toarray(), [[0, 1, 0]] * 5)


def test_users_without_items_teach_nothing() -> None:
    generator = np.random.default_rng(4)
    fold_in, first = generator.normal(size=(7, 4)).astype(np.float32), np.eye(4, dtype=np.float32)[:, :2]
    matrix = histories(9, 7)
    users = generator.normal(size=(9, 2)).astype(np.float32)
    more = sp.csr_array(sp.vstack([matrix, sp.csr_array((3, 7), dtype=np.float32)]))
    told = np.vstack([users, np.full((3, 2), 1e6, np.float32)])
    np.testing.assert_array_equal(folding(fold_in, users, first, matrix), folding(fold_in, told, first, more))
    nobody = sp.csr_array((2, 7), dtype=np.float32)
    np.testing.assert_array_equal(folding(fold_in, users[:2], first, nobody), first)


def test_items_that_add_nothing_leave_the_map_as_it_was() -> None:
    first = np.eye(4, dtype=np.float32)[:, :2]
    found = folding(np.zeros((7, 4), np.float32), np.ones((9, 2), np.float32), first, histories(9, 7))
    np.testing.assert_allclose(found, first, atol=1e-6)


def test_the_same_seed_learns_the_same() -> None:
    generator = np.random.default_rng(5)
    told = (generator.normal(size=s).astype(np.float32) for s in ((7, 4), (9, 3), (4, 3)))
    fold_in, users, first = told
    once, again, other = (folding(fold_in, users, first, histories(9, 7), seed=s) for s in (0, 0, 1))
    np.testing.assert_array_equal(once, again)
    assert not np.array_equal(once, other)
