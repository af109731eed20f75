"""Against hand-computed fractions and loops over pairs of items."""

from __future__ import annotations

import itertools
import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

from graphrec.evaluation import beyond
from graphrec.evaluation.beyond import coverage, diversity, gini, novelty, popularity
from graphrec.evaluation.lists import Lists

TRAIN = np.array(
    [
        [1, 1, 0, 0],
        [1, 1, 0, 0],
        [1, 0, 1, 0],
        [1, 0, 0, 0],
        [0, 0, 0, 0],  # nobody's user: not among the users of train
    ]
)


def lists(rows: list[list[int]], train: np.ndarray = TRAIN, n_eligible: int | None = None) -> Lists:
    n = train.shape[1]
    held_out = sp.csr_array((len(rows), n), dtype=np.float32)
    return Lists(np.array(rows), held_out, sp.csr_array(train.astype(np.float32)), n_eligible or n)


def test_novelty_by_hand() -> None:
    found = novelty(lists([[0, 1], [1, 2], [3, -1], [-1, -1]]), 2)
    assert found.tolist() == pytest.approx(
        [(0 + 1) / 2, (1 + 2) / 2, 2, 0]
    )  # 4, 2, 1 of four users; nobody is as one


def test_popularity_by_hand() -> None:
    assert popularity(lists([[0, 1], [1, 2], [3, -1]]), 2).tolist() == [3, 1.5, 0]
    assert popularity(lists([[0, 1]]), 1).tolist() == [4]


def test_diversity_by_hand() -> None:
    # cosine of items 0 and 1 is 2/√(4·2), of 0 and 2 1/√4, of 1 and 2 0
    found = diversity(lists([[0, 1, -1], [0, 1, 2], [2, 3, -1], [0, -1, -1], [-1, -1, -1]]), 3)
    two = 2 / math.sqrt(8)
    assert found.tolist() == pytest.approx([1 - two, 1 - (two + 1 / 2) / 3, 1, 0, 0], abs=1e-6)
    assert diversity(lists([[0, 1, 2]]), 2).tolist() == pytest.approx([1 - two], abs=1e-6)


def test_coverage_by_hand() -> None:
    found = lists([[0, 1, 2], [0, 3, -1]], np.zeros((1, 8)))
    assert (coverage(found, 1), coverage(found, 3)) == (1 / 8, 4 / 8)
    assert coverage(lists([[0, 1]], n_eligible=2), 2) == 1


def test_gini_by_hand() -> None:
    assert gini(lists([[0], [1], [2], [3]]), 1) == 0  # all as often
    assert gini(lists([[0], [0], [0], [0]]), 1) == pytest.approx(3 / 4)  # one of four items
    assert gini(lists([[0], [0], [0], [0]], n_eligible=1), 1) == 0
    assert gini(lists([[-1], [-1]]), 1) == 0


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 2**32 - 1), st.integers(1, 7), st.integers(2, 12), st.integers(1, 14), st.booleans())
def test_equal_loops(seed: int, b: int, n: int, k: int, small_blocks: bool) -> None:
    generator = np.random.default_rng(seed)
    train = generator.random((9, n)) < generator.random(n)
    rows = np.array([generator.permutation(n) for _ in range(b)])
    rows = np.pad(rows, ((0, 0), (0, max(0, k - n))), constant_values=-1)
    rows[np.arange(rows.shape[1]) >= generator.integers(0, n + 1, b)[:, None]] = -1
    given_lists = lists(rows.tolist(), train)
    users, count = max(1, train.any(1).sum()), train.sum(0)
    with pytest.MonkeyPatch.context() as patch:
        if small_blocks:
            patch.setattr(beyond, "_BLOCK_BYTES", 8 * (n + 1))
        found = [f(given_lists, k).tolist() for f in (novelty, popularity, diversity)]
    shown = dict.fromkeys(range(n), 0)
    for user, row in enumerate(rows[:, :k].tolist()):
        items = [item for item in row if item >= 0]
        for item in items:
            shown[item] += 1
        bits = [-math.log2(max(count[item], 1) / users) for item in items]
        assert found[0][user] == pytest.approx(sum(bits) / len(items) if items else 0)
        assert found[1][user] == pytest.approx(sum(count[item] for item in items) / len(items) if items else 0)
        cosines = [
            (train[:, i] & train[:, j]).sum() / math.sqrt(count[i] * count[j]) if count[i] * count[j] else 0.0
            for i, j in itertools.combinations(items, 2)
        ]
        assert found[2][user] == pytest.approx(1 - sum(cosines) / len(cosines) if cosines else 0, abs=1e-5)
    pairs = sum(abs(x - y) for x in shown.values() for y in shown.values())
    total = sum(shown.values())
    assert gini(given_lists, k) == pytest.approx(pairs / (2 * n * total) if total else 0)
    assert coverage(given_lists, k) == pytest.approx(sum(x > 0 for x in shown.values()) / n)
