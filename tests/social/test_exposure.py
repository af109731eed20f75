"""A cap on how many lists one person stands in."""

from __future__ import annotations

import numpy as np
import pytest

from graphrec.errors import ArgumentError
from graphrec.social.exposure import Exposure

GENERATOR = np.random.default_rng(0)
ROWS = np.array([GENERATOR.permutation(30)[:12] for _ in range(50)], np.int32) % 20 - 1  # nobody, too
ROWS = np.array([[v if v not in row[:i] else -1 for i, v in enumerate(row)] for row in ROWS.tolist()], np.int32)
SCORES = GENERATOR.random(ROWS.shape)


def expected(cap: int, k: int) -> list[list[int]]:
    counts, lists = dict.fromkeys(range(30), 0), []
    for row in ROWS.tolist():
        lists.append([v for v in row if v >= 0 and counts[v] < cap][:k])
        for v in lists[-1]:
            counts[v] += 1
    return lists


@pytest.mark.parametrize(("cap", "k"), [(1, 3), (4, 3), (9, 5), (1000, 12), (1000, 20)])
def test_each_gets_the_best_who_have_places_left(cap: int, k: int) -> None:
    exposure = Exposure(30, cap)
    rows, scores = exposure.take(ROWS, SCORES, k)
    assert rows.shape == scores.shape == (50, k)
    assert [row[row >= 0].tolist() for row in rows] == expected(cap, k)
    for given, value, row, score in zip(ROWS, SCORES, rows, scores, strict=True):
        of = dict(zip(given.tolist(), value.tolist(), strict=True))
        length = int((row >= 0).sum())
        assert score[:length].tolist() == [of[int(v)] for v in row[:length]]
        assert (row[length:] == -1).all()
        assert np.isneginf(score[length:]).all()
    assert exposure.counts.max() <= cap
    assert exposure.counts.tolist() == np.bincount(rows[rows >= 0], minlength=30).tolist()


def test_going_on_is_as_if_nothing_had_been_cut_off() -> None:
    whole = Exposure(30, 4).take(ROWS, SCORES, 3)[0]
    first = Exposure(30, 4)
    begun = first.take(ROWS[:17], SCORES[:17], 3)[0]
    counts = np.bincount(begun[begun >= 0], minlength=30).astype(np.int64)
    rest = Exposure(30, 4, counts).take(ROWS[17:], SCORES[17:], 3)[0]
    np.testing.assert_array_equal(np.concatenate([begun, rest]), whole)
    assert counts.max() <= 4  # counted on in place


def test_who_stands_in_enough_lists_already_gets_no_more() -> None:
    counts = np.array([5, 0, 9], np.int64)
    rows, _ = Exposure(3, 5, counts).take(np.array([[0, 2, 1]], np.int32), np.zeros((1, 3)), 2)
    assert rows.tolist() == [[1, -1]]
    assert counts.tolist() == [5, 1, 9]


def test_wrong_arguments() -> None:
    for cap in (0, True, 1.5):
        with pytest.raises(ArgumentError, match="`cap` must be a whole number of at least 1"):
            Exposure(3, cap)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`counts` must be 3 numbers"):
        Exposure(3, 1, np.zeros(2, np.int64))
