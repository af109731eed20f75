from __future__ import annotations

import numpy as np
import pytest
from candidates import drawn, knowing, lists

from graphrec.errors import ArgumentError
from graphrec.rank.exposure import ExposureCap
from graphrec.rank.order import TopK
from graphrec.rank.rerank import Candidates


def shown(found: Candidates) -> np.ndarray:
    return np.bincount(found.rows[found.rows >= 0])


@pytest.mark.parametrize("fields", [{"share": 0.1}, {"count": 7}, {"share": 0.001}, {"count": 1}])
def test_no_item_stands_in_more_lists_than_it_may(fields: dict[str, float]) -> None:
    best = drawn(80, 40, 30, short=True)
    step = ExposureCap(**fields)
    found = step.apply(Candidates.of(best), 6, knowing(80))
    there = int((best.rows >= 0).any(axis=1).sum())
    cap = fields.get("count", max(1, int(fields.get("share", 0) * there)))
    assert step.cap(there) == cap
    assert shown(found).max() <= cap
    counts = shown(found)
    for rows, before in zip(lists(found), best.rows.tolist(), strict=True):
        candidates = [row for row in before if row >= 0]
        assert rows == [row for row in candidates if row in rows], "in their order, each once"
        if len(rows) < min(6, len(candidates)):
            assert all(counts[row] == cap for row in candidates if row not in rows), "short only where all are full"


def test_a_cap_that_nothing_reaches_changes_nothing() -> None:
    best = drawn(30, 40, 12)
    found = ExposureCap(share=1.0).apply(Candidates.of(best), 5, knowing(30))
    assert lists(found) == best.rows[:, :5].tolist()
    np.testing.assert_array_equal(found.scores, best.scores[:, :5])


def test_the_share_is_of_lists_that_have_candidates() -> None:
    rows = np.full((20, 3), -1, np.int64)
    rows[:10] = [0, 1, 2]
    best = TopK(rows, np.where(rows < 0, -np.inf, -rows.astype(float)))
    assert shown(ExposureCap(share=0.3).apply(Candidates.of(best), 3, knowing(20))).tolist() == [3, 3, 3]
    assert ExposureCap(share=0.29).cap(100) == 29
    assert ExposureCap(share=0.01).cap(1) == 1


def test_nobody_is_served_first_throughout() -> None:
    """All want the same items in the same order: luck, not place in the call, says who gets how much of the best."""
    b, n, k = 60, 60, 4
    best = TopK(np.tile(np.arange(n), (b, 1)), np.tile(-np.arange(float(n)), (b, 1)))
    found = ExposureCap(count=6).apply(Candidates.of(best), k, knowing(b))
    assert shown(found).tolist() == [6] * 40
    worth = found.rows.mean(axis=1)  # the mean place of what each got
    assert abs(np.corrcoef(np.arange(b), worth)[0, 1]) < 0.3
    greedy = (
        np.repeat(np.arange(10), 6) * 4 + 1.5
    )  # served list by list: the first ones get 0 to 3, the last 36 to 39
    assert worth.std() < 0.5 * greedy.std()
    for rounds in range(k):  # in a round everybody gets one of the next ten items
        assert set(found.rows[:, rounds].tolist()) == set(range(10 * rounds, 10 * rounds + 10))
    again = ExposureCap(count=6).apply(Candidates.of(best), k, knowing(b))
    np.testing.assert_array_equal(again.rows, found.rows)
    other = ExposureCap(count=6, seed=1).apply(Candidates.of(best), k, knowing(b))
    assert (other.rows != found.rows).any()


def test_nobody_and_nothing() -> None:
    assert ExposureCap(count=1).apply(Candidates.of(TopK.empty(0, 3)), 2, knowing(0)).rows.shape == (0, 2)
    assert lists(ExposureCap(count=1).apply(Candidates.of(TopK.empty(2, 3)), 2, knowing(2))) == [[], []]


@pytest.mark.parametrize("fields", [{}, {"share": 0.1, "count": 3}])
def test_either_share_or_count(fields: dict[str, float]) -> None:
    with pytest.raises(ArgumentError, match="either share or count must be given"):
        ExposureCap(**fields)
