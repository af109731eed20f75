from __future__ import annotations

import numpy as np
import pytest
import scipy.stats

from graphrec.evaluation.figures import effect_and_p, holm, overall
from graphrec.evaluation.metrics import Metric


def test_means_over_users_and_over_pairs() -> None:
    metrics = [Metric("rmse", 0), Metric("hit", 1), Metric("mae", 0)]
    values = np.array([[2.0, 1, 2], [0.0, 0, 0], [1.0, 0, 1]])
    found = overall(metrics, values, np.array([1, 2, 5]), seed=0)
    assert [figure.value for figure in found] == pytest.approx([np.sqrt((4 + 5) / 8), 1 / 3, (2 + 5) / 8])
    assert all(figure.low <= figure.value <= figure.high for figure in found)
    assert overall([], np.zeros((3, 0)), np.ones(3, np.int64), 0) == []


def test_effect_and_p_are_those_of_the_paired_t_test() -> None:
    generator = np.random.default_rng(0)
    one, other = generator.random((30, 4)), generator.random((30, 4)) + np.array([0, 0.1, 0.3, 1])
    effect, p = effect_and_p(other - one)
    found = scipy.stats.ttest_rel(other, one)
    np.testing.assert_allclose(p, found.pvalue)
    np.testing.assert_allclose(effect, found.statistic / np.sqrt(30))


def test_p_is_uniform_where_nothing_differs() -> None:
    generator = np.random.default_rng(1)
    p = effect_and_p(generator.normal(size=(50, 2000)))[1]
    assert scipy.stats.kstest(p, "uniform").pvalue > 0.01
    assert (p < 0.05).mean() == pytest.approx(0.05, abs=0.015)


def test_users_without_spread() -> None:
    effect, p = effect_and_p(np.array([[0.0, 0.1, -0.1]] * 7))
    assert effect.tolist() == [0, np.inf, -np.inf]
    assert p.tolist() == [1, 0, 0]
    assert np.isnan(effect_and_p(np.array([[0.1]]))).all()


def test_holm_by_hand() -> None:
    assert holm(np.array([0.01, 0.04, 0.03])).tolist() == pytest.approx([0.03, 0.06, 0.06])
    assert holm(np.array([0.5, np.nan, 0.9])).tolist() == pytest.approx([1, np.nan, 1], nan_ok=True)
    assert holm(np.zeros(0)).tolist() == []


def test_holm_keeps_the_chance_of_any_false_alarm() -> None:
    generator = np.random.default_rng(0)
    alarms = [(holm(generator.random(6)) < 0.05).any() for _ in range(2000)]
    assert np.mean(alarms) == pytest.approx(0.05, abs=0.015)
