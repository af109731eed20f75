from __future__ import annotations

import numpy as np
import pytest

from graphrec.models.choosing import GRID, best_weights


@pytest.mark.parametrize("n", [1, 2, 4])
def test_the_search_ends_at_least_where_it_began(n: int) -> None:
    generator = np.random.default_rng(n)
    table: dict[bytes, float] = {}

    def measured(weights: np.ndarray) -> float:
        assert weights.any()
        assert (weights >= 0).all()
        return table.setdefault((weights / weights.sum()).round(6).tobytes(), float(generator.random()))

    start = np.arange(1.0, n + 1)
    weights, best = best_weights(measured, n, start)
    assert weights.sum() == pytest.approx(1)
    assert measured(weights) == best >= max(measured(each) for each in (np.ones(n), *np.eye(n), start))


def test_it_finds_the_top_of_a_hill() -> None:
    goal = np.array([1.0, 0.2, 0.0])

    def measured(weights: np.ndarray) -> float:
        return -float(np.abs(weights / weights.max() - goal).sum())

    weights, best = best_weights(measured, 3)
    assert best == pytest.approx(0, abs=1e-9)
    np.testing.assert_allclose(weights, goal / 1.2)
    assert 0.2 in GRID
