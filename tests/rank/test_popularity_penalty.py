from __future__ import annotations

import math

import numpy as np
import pytest
from candidates import drawn, knowing, lists, relevance

from graphrec.errors import ArgumentError
from graphrec.rank.order import TopK
from graphrec.rank.popularity_penalty import PopularityPenalty
from graphrec.rank.rerank import Candidates


@pytest.mark.parametrize("strength", [0.0, 0.4, 3.0])
def test_lists_by_the_definition(strength: float) -> None:
    best, counts = drawn(20, 40, 12, short=True), np.random.default_rng(1).integers(0, 500, 40)
    found = PopularityPenalty(strength=strength).apply(Candidates.of(best), 5, knowing(20, popularity=counts))
    for rows, worth, after in zip(best.rows, relevance(best), lists(found), strict=True):
        values = {
            int(row): w - strength * math.log(1 + counts[row]) / math.log(1 + counts.max())
            for row, w in zip(rows, worth, strict=True)
            if row >= 0
        }
        assert after == sorted(values, key=lambda row: -values[row])


def test_equals_keep_their_order_and_no_interactions_change_nothing() -> None:
    best = TopK(np.array([[3, 1, 2]]), np.array([[2.0, 2, 2]]))
    step = PopularityPenalty(strength=0.5)
    assert lists(step.apply(Candidates.of(best), 3, knowing(1, popularity=[9, 5, 5, 5]))) == [[3, 1, 2]]
    assert lists(step.apply(Candidates.of(best), 3, knowing(1, popularity=[0, 0, 0, 0]))) == [[3, 1, 2]]
    assert lists(step.apply(Candidates.of(best), 3, knowing(1, popularity=[0, 0, 4, 9]))) == [[1, 2, 3]]
    with pytest.raises(ArgumentError, match="`strength` should be greater than or equal to 0"):
        PopularityPenalty(strength=-1)
