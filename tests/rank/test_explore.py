from __future__ import annotations

import numpy as np
import pytest
from candidates import drawn, knowing, lists

from graphrec.errors import ArgumentError
from graphrec.rank.explore import Explore
from graphrec.rank.order import TopK
from graphrec.rank.rerank import Candidates


@pytest.mark.parametrize("share", [0.0, 0.07, 0.2, 0.55, 1.0])
def test_the_share_of_places_is_as_stated(share: float) -> None:
    best = drawn(1500, 60, 40)
    found = Explore(share=share).apply(Candidates.of(best), 10, knowing(1500))
    marked = found.explored[:, :10]
    assert not found.explored[:, 10:].any()
    assert marked.mean() == pytest.approx(share, abs=0.01)
    counts = marked.sum(axis=1)
    assert set(counts.tolist()) <= {int(share * 10), int(share * 10) + 1}
    if 0 < share < 1:
        assert marked.mean(axis=0) == pytest.approx(share, abs=0.05), "any place"
    for rows, drawn_here, before in zip(found.rows, marked, best.rows, strict=True):
        assert set(rows[:10][drawn_here].tolist()) <= set(before[10:].tolist()), "from below the list"
        kept = rows[:10][~drawn_here].tolist()
        assert kept == before[: len(kept)].tolist(), "the others are the first, in their order"
        assert sorted(rows.tolist()) == sorted(before.tolist())


def test_all_below_the_list_are_as_likely() -> None:
    best = TopK(np.tile(np.arange(30), (4000, 1)), np.tile(-np.arange(30.0), (4000, 1)))
    found = Explore(share=0.1).apply(Candidates.of(best), 10, knowing(4000))
    counts = np.bincount(found.rows[:, :10][found.explored[:, :10]], minlength=30)
    assert not counts[:10].any()
    assert counts[10:].min() > 150  # 200 each are expected
    assert counts[10:].max() < 250


def test_a_draw_depends_on_the_seed_and_the_user_alone() -> None:
    best, keys = drawn(20, 60, 40), [f"u{i}" for i in range(20)]
    whole = Explore(share=0.3).apply(Candidates.of(best), 10, knowing(20, labels=keys))
    order = np.random.default_rng(0).permutation(20)[:7]
    some = Explore(share=0.3).apply(
        Candidates.of(TopK(best.rows[order], best.scores[order])), 10, knowing(7, labels=[keys[i] for i in order])
    )
    np.testing.assert_array_equal(some.rows, whole.rows[order])
    np.testing.assert_array_equal(some.explored, whole.explored[order])
    tomorrow = Explore(share=0.3, seed=1).apply(Candidates.of(best), 10, knowing(20, labels=keys))
    assert (tomorrow.rows != whole.rows).any()


def test_who_has_nothing_below_the_list_gets_nothing_drawn() -> None:
    best = drawn(200, 60, 14, short=True)
    found = Explore(share=1.0).apply(Candidates.of(best), 10, knowing(200))
    below = np.maximum((best.rows >= 0).sum(axis=1) - 10, 0)
    np.testing.assert_array_equal(found.explored.sum(axis=1), below)
    assert [sorted(rows) for rows in lists(found)] == [
        sorted(r for r in rows if r >= 0) for rows in best.rows.tolist()
    ]
    assert Explore(share=0.5).apply(Candidates.of(TopK.empty(0, 3)), 2, knowing(0)).rows.shape == (0, 3)
    with pytest.raises(ArgumentError, match="`share` should be"):
        Explore(share=1.5)
