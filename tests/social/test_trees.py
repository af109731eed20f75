"""Compiled trees, against scikit-learn's own evaluation of them."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier
from threadpoolctl import threadpool_limits

from graphrec.social.trees import LEAVES, Trees


@pytest.mark.parametrize(("leaves", "trees"), [(2, 1), (3, 7), (15, 60), (LEAVES, 20)])
def test_sums_are_scikit_learn_s_own(leaves: int, trees: int) -> None:
    generator = np.random.default_rng(leaves)
    x = generator.normal(size=(4000, 6)).astype(np.float32)
    x[:, 1] = np.round(x[:, 1])  # few values, so that many stand exactly at a threshold or beside it
    x[:, 2] *= 1e-30
    y = x[:, 0] * x[:, 1] + 1e30 * x[:, 2] > generator.normal(size=4000)
    fitted = HistGradientBoostingClassifier(max_iter=trees, max_leaf_nodes=leaves, early_stopping=False)
    with threadpool_limits(1):  # threads that wait for each other take minutes on a busy machine
        fitted.fit(x, y)
    thresholds = np.concatenate([each[0].nodes["num_threshold"] for each in fitted._predictors]).astype(np.float32)
    x = np.concatenate([x, np.repeat(np.append(thresholds, [np.inf, -np.inf]), 6).reshape(-1, 6)])
    x = x[: len(x) // 5 * 5].astype(np.float32)
    expected = fitted.decision_function(x)
    found = Trees.of(fitted).score(x.reshape(-1, 5, 6))
    assert found.dtype == np.float64
    np.testing.assert_allclose(found.ravel(), expected, rtol=0, atol=1e-12)


def test_trees_that_learned_nothing() -> None:
    x, y = np.zeros((10, 2), np.float32), np.arange(10) < 3
    fitted = HistGradientBoostingClassifier(max_iter=3, min_samples_leaf=50).fit(x, y)
    found = Trees.of(fitted).score(x.reshape(5, 2, 2))
    np.testing.assert_allclose(found.ravel(), fitted.decision_function(x), atol=1e-12)
    assert Trees.of(fitted).score(np.zeros((0, 4, 2), np.float32)).shape == (0, 4)
