from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize

from graphrec.models.evidence import Evidence
from graphrec.models.ranker import features, learned, n_features


def test_features_by_hand() -> None:
    evidence = Evidence(
        np.array([[4, 7, -1]]),
        np.float32([[[1, 0.5], [0, -1], [0, 0]]]),
        np.int32([[[1, 0], [0, 2], [0, 0]]]),
        np.float32([[0.4, 1, 0]]),
        np.float32([0.5]),
    )
    found = features(evidence)
    assert found.shape == (1, 3, n_features(2))
    expected = [1, 0.5, 1, 0, 0.4, 0.2, 0.5, 0.25, 0.4, 0.2]
    np.testing.assert_allclose(found[0, 0], expected, rtol=1e-6)
    np.testing.assert_allclose(found[0, 1], [0, -1, 0, 61 / 62, 1, 0.5, 0, -0.5, 0, -1], rtol=1e-6)
    assert not found[0, 2].any()


def test_it_is_the_minimum_of_the_loss() -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(30, 9, 3)).astype(np.float32) * [1, 5, 0.2] + [0, 3, -1]
    x = x.astype(np.float32)
    there = generator.random((30, 9)) < 0.8
    hits = (x @ [1.0, 0.1, 2] + generator.gumbel(size=(30, 9)) > 2) & there
    found = learned(x, there, hits, 0.05)

    rows = x[hits.any(axis=1)][there[hits.any(axis=1)]].astype(np.float64)
    scale = rows.std(axis=0)

    def loss(w: np.ndarray) -> float:
        total, n = 0.0, 0
        for user in np.flatnonzero(hits.any(axis=1)):
            values = x[user, there[user]].astype(np.float64) @ (w / scale)
            own = hits[user, there[user]]
            total += np.log(np.exp(values).sum()) - values[own].mean()
            n += 1
        return total / n + 0.025 * float(w @ w)

    best = minimize(loss, np.zeros(3), method="BFGS").x
    np.testing.assert_allclose(found * scale, best, atol=2e-3)
    assert check_grad(loss, lambda w: np.zeros(3), found * scale) < 1e-2


def test_nothing_to_learn_from_and_numbers_that_never_change() -> None:
    x = np.ones((4, 5, 3), np.float32)
    there = np.ones((4, 5), bool)
    assert learned(x, there, np.zeros((4, 5), bool), 0.1).tolist() == [0, 0, 0]
    x[..., 0] = np.arange(5)
    hits = np.zeros((4, 5), bool)
    hits[:, 4] = True
    found = learned(x, there, hits, 0.1)
    assert found[0] > 0
    assert found[1:].tolist() == [0, 0]


@pytest.mark.parametrize("reg", [1e-3, 1.0])
def test_a_larger_reg_gives_smaller_coefficients(reg: float) -> None:
    generator = np.random.default_rng(0)
    x = generator.normal(size=(50, 10, 4)).astype(np.float32)
    hits = np.zeros((50, 10), bool)
    hits[np.arange(50), x[..., 1].argmax(axis=1)] = True
    one, more = (learned(x, np.ones((50, 10), bool), hits, each) for each in (reg, 3 * reg))
    assert np.abs(one).argmax() == 1
    assert np.linalg.norm(more) < np.linalg.norm(one)
