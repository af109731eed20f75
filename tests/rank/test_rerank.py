from __future__ import annotations

import numpy as np
import pytest
from candidates import drawn, lists, relevance

from graphrec.errors import ArgumentError
from graphrec.rank.mmr import MMR
from graphrec.rank.order import TopK
from graphrec.rank.rerank import Candidates


@pytest.mark.parametrize("short", [False, True])
def test_relevance_is_of_the_places(short: bool) -> None:
    best = drawn(30, 50, 9, short=short)
    found = Candidates.of(best)
    np.testing.assert_allclose(found.relevance, relevance(best), atol=1e-12)
    turned = found.take(np.tile(np.arange(9)[::-1], (30, 1)))
    np.testing.assert_array_equal(turned.relevance, found.relevance)
    np.testing.assert_array_equal(turned.rows, best.rows[:, ::-1])
    np.testing.assert_array_equal(turned.scores, best.scores[:, ::-1])


def test_lists_of_equals_one_item_or_none_have_no_relevance() -> None:
    rows = np.array([[4, 5, 6], [4, -1, -1], [-1, -1, -1]])
    scores = np.array([[2.0, 2, 2], [7, -np.inf, -np.inf], [-np.inf] * 3])
    assert not Candidates.of(TopK(rows, scores)).relevance.any()
    assert Candidates.of(TopK.empty(0, 3)).relevance.shape == (0, 3)


def test_an_order_may_leave_places_empty() -> None:
    found = Candidates.of(drawn(2, 9, 4)).take(np.array([[2, -1], [-1, -1]]))
    assert found.rows[0, 1] == -1
    assert np.isneginf(found.scores[0, 1])
    assert lists(found)[1] == []


def test_greedy_fills_places_with_what_is_best_then_and_keeps_the_rest() -> None:
    found = Candidates.of(drawn(20, 30, 6, short=True))
    worth, seen = np.random.default_rng(1).integers(0, 3, (4, 20, 6)).astype(float), []
    after = found.greedy(4, lambda step: worth[step], lambda chosen: seen.append(chosen.copy()))
    assert len(seen) == 4
    for user, row in enumerate(found.rows.tolist()):
        left, expected = [place for place, item in enumerate(row) if item >= 0], []
        for step in range(min(4, len(left))):
            best = max(left, key=lambda place: (worth[step, user, place], -place))
            expected.append(row[best])
            left.remove(best)
        assert lists(after)[user] == expected + [row[place] for place in left]


def test_a_step_names_itself_by_its_fields() -> None:
    assert str(MMR(share=0.3)) == "mmr(share=0.3)"
    assert str(MMR(share=0.3, by="HAS_GENRE")) == "mmr(share=0.3, by='HAS_GENRE')"
    with pytest.raises(ArgumentError, match=r"`shar` is not a field of MMR. Got 0.3. Did you mean 'share'"):
        MMR(shar=0.3)  # type: ignore[call-arg]
