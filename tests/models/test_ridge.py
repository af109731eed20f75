from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.models.ridge import ridge


@pytest.mark.parametrize("reg", [0.01, 1.0, 100.0])
def test_it_solves_the_normal_equations(reg: float) -> None:
    generator = np.random.default_rng(0)
    rows = sp.random_array((80, 30), density=0.2, rng=generator, format="csr", dtype=np.float32)
    targets = generator.normal(size=(80, 5)).astype(np.float32) + 3
    x = np.hstack([rows.toarray().astype(float), np.ones((80, 1))])
    penalty = np.diag([reg] * 30 + [0.0])
    wanted = np.linalg.solve(x.T @ x + penalty, x.T @ targets)
    found = ridge(rows, targets, reg)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, wanted, atol=2e-3)
    np.testing.assert_allclose(x @ found, x @ wanted, atol=2e-3)


def test_columns_that_no_row_has_and_targets_of_nothing_stay_zero() -> None:
    rows = sp.csr_array(np.array([[1.0, 0], [1.0, 0], [0, 0]]))
    targets = np.array([[2.0, 0], [2.0, 0], [0, 0]], np.float32)
    found = ridge(rows, targets, 1e-3)
    np.testing.assert_array_equal(found[1], 0)
    np.testing.assert_array_equal(found[:, 1], 0)
    assert found[0, 0] + found[2, 0] == pytest.approx(2, abs=1e-2)


def test_more_columns_than_could_be_squared() -> None:
    n = 100_000
    rows = sp.eye_array(n, format="csr", dtype=np.float32)
    targets = np.repeat(np.float32([[1.0], [3.0]]), n // 2, axis=0)
    found = ridge(rows, targets, 1.0)
    np.testing.assert_allclose(found[[0, -2, -1], 0], [-0.5, 0.5, 2.0], atol=1e-3)
