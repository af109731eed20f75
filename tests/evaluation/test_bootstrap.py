from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from graphrec.evaluation import bootstrap
from graphrec.evaluation.bootstrap import mean_interval


def test_agrees_with_scipy() -> None:
    generator = np.random.default_rng(0)
    values = np.column_stack([generator.random(400) < 0.2, generator.exponential(size=400)]).astype(np.float64)
    low, high = mean_interval(values, resamples=20_000, seed=1)
    for column in range(2):
        expected = scipy.stats.bootstrap(
            (values[:, column],), np.mean, n_resamples=20_000, method="percentile", rng=np.random.default_rng(2)
        )
        width = expected.confidence_interval.high - expected.confidence_interval.low
        assert low[column] == pytest.approx(expected.confidence_interval.low, abs=0.03 * width)
        assert high[column] == pytest.approx(expected.confidence_interval.high, abs=0.03 * width)


def test_resamples_are_multinomial_in_small() -> None:
    # two users: the mean of two draws is 0, 1/2, 1 with 1/4, 1/2, 1/4
    low, high = mean_interval(np.array([[0.0], [1.0]]), level=0.6)
    assert (low[0], high[0]) == (0, 1)
    low, high = mean_interval(np.array([[0.0], [1.0]]), level=0.4)
    assert (low[0], high[0]) == (0.5, 0.5)


def test_seed_and_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    values = np.random.default_rng(0).random((50, 2))
    first = mean_interval(values, seed=3)
    assert np.array_equal(mean_interval(values, seed=3), first)
    assert not np.array_equal(mean_interval(values, seed=4), first)
    monkeypatch.setattr(bootstrap, "_BLOCK", 50 * 7)
    np.testing.assert_allclose(mean_interval(values, seed=3), first, rtol=1e-12)


def test_columns_share_their_resamples() -> None:
    values = np.random.default_rng(0).random((30, 1))
    low, high = mean_interval(np.hstack([values, values + 1, -values]))
    np.testing.assert_allclose(low[1] - 1, low[0], rtol=1e-12)
    np.testing.assert_allclose(-high[2], low[0], rtol=1e-12)


def test_one_user_has_no_width() -> None:
    low, high = mean_interval(np.array([[0.3]]))
    assert low == high == pytest.approx([0.3])
