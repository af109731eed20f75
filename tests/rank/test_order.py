from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scorers import rounded

from graphrec.rank.order import TopK, best_of, order_keys


def test_order_keys_against_decimals() -> None:
    generator = np.random.default_rng(3)
    scores = generator.standard_normal(3000) * 10.0 ** generator.integers(-90, 80, 3000)
    edges = [0.0, -0.0, 1.0, -1.0, 999999.4, 999999.6, 1e6, 1000004.9, 1000005.1, 9.999996, 10.0, 1e-89, 1e77]
    scores = np.concatenate([scores, edges, scores * (1 + 1e-7)])
    keys, decimals = order_keys(scores).tolist(), [rounded(float(s)) for s in scores]
    for (ka, da), (kb, db) in zip(
        sorted(zip(keys, decimals, strict=True)), sorted(zip(keys, decimals, strict=True))[1:], strict=False
    ):
        assert (ka == kb) == (da == db)
        assert da <= db
    assert order_keys(np.array([-np.inf, -1e77])).argmin() == 0


def test_a_score_that_rounds_up_to_a_power_of_ten_equals_it() -> None:
    keys = order_keys(np.array([9.999996, 10.0, 10.00004, 10.00006, -9.999996, -10.0]))
    assert keys[0] == keys[1] == keys[2] < keys[3]
    assert keys[4] == keys[5] == -keys[0]


@pytest.mark.parametrize(
    ("sign", "error", "scored", "rows"), [(1, 0.2, [15, 100], [99, 98, 97]), (-1, 0.0, [15], [0, 1, 2])]
)
def test_error_bounds_decide_what_is_scored_exactly(
    sign: int, error: float, scored: list[int], rows: list[int]
) -> None:
    block = -np.arange(100, dtype=np.float32)[None] / 1000  # with sign 1 the wrong way round, by less than the error
    asked = []

    def exact(users: Any, columns: Any) -> Any:
        asked.append(columns.shape[1])
        return sign * columns / 1000

    best = best_of(block, 3, depth=1, unit=np.ones(1), error=np.array([error]), exact=exact)
    assert best.rows.tolist() == [rows]
    assert asked == scored


def test_put_and_empty() -> None:
    best = TopK.empty(3, 2)
    best.put(np.array([2, 0]), TopK(np.array([[5, 6], [7, -1]]), np.array([[1.0, 0.5], [3.0, -np.inf]])))
    assert best.rows.tolist() == [[7, -1], [-1, -1], [5, 6]]
    assert best.scores.tolist() == [[3, -np.inf], [-np.inf, -np.inf], [1, 0.5]]
