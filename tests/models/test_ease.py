from __future__ import annotations

import numpy as np
import pytest
from interactions import communities, dataset_of

from graphrec.errors import MemoryPlanError, ModelError
from graphrec.models import EASE, ease
from graphrec.models.model import target_matrix


def weighted() -> np.ndarray:
    matrix = communities(2) * np.random.default_rng(0).integers(1, 4, (60, 40))
    matrix[:, 11] = 0
    return matrix


@pytest.mark.parametrize("numbers", [1, 100, 1 << 22])
@pytest.mark.parametrize("with_weights", [False, True])
def test_the_filter_equals_the_dense_inverse(
    monkeypatch: pytest.MonkeyPatch, with_weights: bool, numbers: int
) -> None:
    monkeypatch.setattr(ease, "NUMBERS", numbers)
    data = dataset_of(weighted())
    model = EASE(reg=3, weighted=with_weights).fit(data)
    taken = target_matrix(data, weighted=with_weights).toarray().astype(np.float64)
    inverse = np.linalg.inv(taken.T @ taken + 3 * np.eye(40))
    expected = np.eye(40) - inverse / np.diag(inverse)
    np.testing.assert_allclose(model.right, expected, atol=1e-6)
    np.testing.assert_array_equal(np.diag(model.right), np.zeros(40))
    rows = np.array([4, 59, 4])
    np.testing.assert_allclose(model.score(rows), taken[rows] @ expected, atol=1e-5)


def test_no_other_filter_without_a_diagonal_is_better() -> None:
    """The gradient of the loss is 0 but on the diagonal."""
    data = dataset_of(weighted())
    taken = target_matrix(data).toarray().astype(np.float64)
    found = np.asarray(EASE(reg=2).fit(data).right, np.float64)
    gradient = taken.T @ (taken @ found - taken) + 2 * found
    np.testing.assert_allclose(gradient - np.diag(np.diag(gradient)), 0, atol=1e-4)
    assert np.abs(np.diag(gradient)).max() > 1


def test_it_refuses_what_would_not_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    assert EASE().memory(10, 100_000, 1000) > 12 * 10**10
    monkeypatch.setattr(ease, "available_memory", lambda: 10_000)
    monkeypatch.setattr(ease, "_filter", lambda *_: pytest.fail("it has begun"))
    with pytest.raises(MemoryPlanError, match=r"EASE of 40 items needs about .* GB of memory.*free.*item-knn"):
        EASE().fit(dataset_of(weighted()))


def test_too_small_a_regularisation_is_refused() -> None:
    same = np.ones((30, 5))
    with pytest.raises(ModelError, match="`reg` must be large enough"):
        EASE(reg=1e-300).fit(dataset_of(same))
