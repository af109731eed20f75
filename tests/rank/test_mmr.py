from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from candidates import drawn, knowing, lists, relevance

from graphrec.errors import ArgumentError
from graphrec.rank import mmr
from graphrec.rank.mmr import MMR
from graphrec.rank.order import TopK
from graphrec.rank.rerank import Candidates

GENERATOR = np.random.default_rng(0)
VECTORS = GENERATOR.normal(size=(60, 7))
GENRES = GENERATOR.random((60, 9)) < 0.25  # some items have none


def naive(best: TopK, k: int, share: float, vectors: Any) -> list[list[int]]:
    """The definition, item by item."""
    norms = np.linalg.norm(vectors, axis=1, keepdims=True)
    cosine = (vectors / np.where(norms > 0, norms, 1)) @ (vectors / np.where(norms > 0, norms, 1)).T
    found = []
    for rows, worth in zip(best.rows, relevance(best), strict=True):
        left, taken = [(int(row), w) for row, w in zip(rows, worth, strict=True) if row >= 0], []
        while left and len(taken) < k:
            value = [(1 - share) * w - share * max((cosine[i, j] for j in taken), default=0) for i, w in left]
            taken.append(left.pop(int(np.argmax(np.round(value, 6))))[0])
        found.append(taken + [i for i, _ in left])
    return found


@pytest.mark.parametrize("share", [0.0, 0.2, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("short", [False, True])
def test_vectors_by_the_definition(share: float, short: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    best = drawn(25, 60, 20, short=short)
    monkeypatch.setattr(mmr, "BLOCK_BYTES", 4 * 20 * 7 * 8)  # eight users at once
    found = MMR(share=share).apply(Candidates.of(best), 8, knowing(25, vectors=VECTORS))
    assert lists(found) == naive(best, 8, share, VECTORS.astype(np.float32).astype(np.float64))
    if share == 0:
        assert lists(found) == [[int(row) for row in rows if row >= 0] for rows in best.rows]
    for rows, scores, own, before in zip(found.rows, found.scores, best.rows, best.scores, strict=True):
        of = dict(zip(own.tolist(), before.tolist(), strict=True))
        assert [of[row] for row in rows.tolist()] == scores.tolist(), "scores are the model's own"


@pytest.mark.parametrize("share", [0.3, 0.8])
def test_attributes_by_the_definition(share: float, monkeypatch: pytest.MonkeyPatch) -> None:
    best = drawn(25, 60, 20, 3)
    monkeypatch.setattr(mmr, "BLOCK_BYTES", 4 * 20 * 9 * 8)
    found = MMR(share=share, by="HAS_GENRE").apply(Candidates.of(best), 8, knowing(25, attribute=GENRES))
    # equal cosines are common here: whatever was chosen must be worth as much as what the definition chooses
    norms = np.sqrt(np.maximum(GENRES.sum(1), 1))
    cosine = (GENRES / norms[:, None]) @ (GENRES / norms[:, None]).T
    for rows, before, worth in zip(found.rows, best.rows, relevance(best), strict=True):
        of, left = dict(zip(before.tolist(), worth.tolist(), strict=True)), set(before.tolist())
        for place in range(8):
            taken = rows[:place].tolist()

            def value(item: int, taken: list[int] = taken, of: dict[int, float] = of) -> float:
                return (1 - share) * of[item] - share * max((cosine[item, j] for j in taken), default=0)

            assert value(int(rows[place])) == pytest.approx(max(map(value, left)), abs=1e-6)
            left.remove(int(rows[place]))


def test_items_without_attributes_or_with_a_zero_vector_are_unlike_all() -> None:
    best = TopK(np.array([[0, 1, 2, 3]]), np.array([[4.0, 3.99, 3.98, 1]]))
    genres = [[1, 0], [1, 0], [0, 0], [0, 1]]
    found = MMR(share=0.5, by="G").apply(Candidates.of(best), 2, knowing(1, attribute=genres))
    assert lists(found, 2) == [[0, 2]]
    vectors = [[1, 0], [1, 0.1], [0, 0], [0, 1]]
    found = MMR(share=0.5).apply(Candidates.of(best), 2, knowing(1, vectors=vectors))
    assert lists(found, 2) == [[0, 2]]
    found = MMR(share=1.0, by="G").apply(Candidates.of(best), 4, knowing(1, attribute=np.zeros((4, 3))))
    assert lists(found) == [[0, 1, 2, 3]], "nothing tells them apart: the order stays"


def test_nobody_and_nothing() -> None:
    assert MMR(share=0.5).apply(Candidates.of(TopK.empty(0, 3)), 2, knowing(0, vectors=VECTORS)).rows.shape == (0, 3)
    found = MMR(share=0.5).apply(Candidates.of(TopK.empty(2, 3)), 2, knowing(2, vectors=VECTORS))
    assert lists(found) == [[], []]


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_impossible_shares_are_refused(share: float) -> None:
    with pytest.raises(ArgumentError, match="`share` should be"):
        MMR(share=share)
