from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from candidates import drawn, knowing, lists, relevance

from graphrec.errors import ArgumentError
from graphrec.rank import calibrated
from graphrec.rank.calibrated import Calibrated
from graphrec.rank.order import TopK
from graphrec.rank.rerank import Candidates

GENERATOR = np.random.default_rng(0)
GENRES = (GENERATOR.random((50, 6)) < 0.3).astype(float)  # some items have none
HISTORIES = (GENERATOR.random((25, 50)) < 0.2).astype(float)
HISTORIES[3] = 0


def mix(items: Any, genres: Any = GENRES) -> Any:
    """Return the mean over items of what each is, a last number for "none"."""
    whole = np.column_stack([genres, genres.sum(1) == 0])
    return (whole / whole.sum(1, keepdims=True))[list(items)].mean(0)


def divergence(p: Any, q: Any) -> float:
    """Return KL(p ‖ .99 q + .01 p)."""
    return float(sum(a * np.log(a / (0.99 * b + 0.01 * a)) for a, b in zip(p, q, strict=True) if a > 0))


def naive(best: TopK, k: int, strength: float) -> list[list[int]]:
    """The definition, item by item."""
    found = []
    for rows, worth, history in zip(best.rows, relevance(best), HISTORIES, strict=True):
        left = [(int(row), w) for row, w in zip(rows, worth, strict=True) if row >= 0]
        p, taken, total = mix(np.flatnonzero(history)) if history.any() else None, [], 0.0
        while left and len(taken) < k:
            of_lists = [0.0 if p is None else divergence(p, mix([*taken, item])) for item, _ in left]
            values = [(1 - strength) * (total + w) - strength * kl for (_, w), kl in zip(left, of_lists, strict=True)]
            item, w = left.pop(int(np.argmax(np.round(values, 9))))
            taken, total = [*taken, item], total + w
        found.append(taken + [item for item, _ in left])
    return found


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.7, 0.99])
@pytest.mark.parametrize("short", [False, True])
def test_lists_by_the_definition(strength: float, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calibrated, "BLOCK", 7)
    best = drawn(25, 50, 18, 1, short=short)
    known = knowing(25, histories=HISTORIES, attribute=GENRES)
    found = Calibrated(attribute="G", strength=strength).apply(Candidates.of(best), 8, known)
    assert lists(found) == naive(best, 8, strength)
    assert lists(found)[3] == [int(row) for row in best.rows[3] if row >= 0], "no history, no change"


def test_seven_of_ten_are_dramas_where_seven_of_ten_were() -> None:
    genres = np.array([[1, 0]] * 30 + [[0, 1]] * 30)
    history = np.zeros((1, 60))
    history[0, [*range(7), *range(30, 33)]] = 1
    best = TopK(np.array([[*range(7, 30), *range(33, 60)]]), -np.arange(50.0)[None])
    known = knowing(1, histories=history, attribute=genres)
    found = lists(Calibrated(attribute="G", strength=1.0).apply(Candidates.of(best), 10, known), 10)[0]
    assert sum(row < 30 for row in found) == 7
    assert found[0] == 7
    before = lists(Candidates.of(best), 10)[0]
    wanted = mix(np.flatnonzero(history), genres)
    worth = [divergence(wanted, mix(rows, genres)) for rows in (before, found)]
    assert worth[0] > 1
    assert worth[1] == pytest.approx(0, abs=1e-9)


def test_nobody() -> None:
    known = knowing(0, histories=np.zeros((0, 50)), attribute=GENRES)
    assert Calibrated(attribute="G", strength=0.5).apply(Candidates.of(TopK.empty(0, 3)), 2, known).rows.shape == (
        0,
        3,
    )
    with pytest.raises(ArgumentError, match="`strength` should be less than or equal to 1"):
        Calibrated(attribute="G", strength=2)
