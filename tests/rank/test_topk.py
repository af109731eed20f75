"""Against a brute force in plain Python: score in float64, round, sort by rounded score and row."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from scorers import Scores, Vectors, nodes, rounded
from threadpoolctl import threadpool_info, threadpool_limits

from graphrec.errors import ArgumentError, ModelError
from graphrec.rank import topk
from graphrec.rank.topk import ItemVectors, TopK, topk_scores, topk_vectors


def brute_force(scores: Any, k: int, may: Any) -> list[list[tuple[int, float]]]:
    lists = []
    for user, row in enumerate(scores):
        eligible = [i for i in range(len(row)) if may[user][i]]
        eligible.sort(key=lambda i, row=row: (-rounded(float(row[i])), i))
        lists.append([(i, float(row[i])) for i in eligible[:k]])
    return lists


def true_scores(users: Any, items: Any, cosine: bool = False) -> Any:
    u, v = users.astype(np.float64), items.astype(np.float64)
    scores = np.array([[math.fsum(a * b) for b in v] for a in u]).reshape(len(u), len(v))
    if cosine:
        lengths = [np.array([math.hypot(*row) for row in side]) for side in (u, v)]
        with np.errstate(invalid="ignore", divide="ignore"):
            scores = np.nan_to_num(scores / lengths[0][:, None] / lengths[1])
    return scores


def same(found: TopK, expected: list[list[tuple[int, float]]], k: int) -> None:
    assert found.rows.shape == found.scores.shape == (len(expected), k)
    for rows, scores, wanted in zip(found.rows, found.scores, expected, strict=True):
        assert rows.tolist() == [i for i, _ in wanted] + [-1] * (k - len(wanted))
        np.testing.assert_allclose(scores[: len(wanted)], [s for _, s in wanted], rtol=1e-9, atol=0)
        assert np.isneginf(scores[len(wanted) :]).all()


@st.composite
def cases(draw: st.DrawFn) -> dict[str, Any]:
    generator = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    b, d = draw(st.integers(1, 3)), draw(st.integers(1, 6))
    n = draw(st.sampled_from([1500, 40, 700, 1, 5]))
    kind = draw(st.sampled_from(["whole", "few", "zero", "normal", "near"]))
    if kind == "near":  # scores that float32 cannot tell apart, and the rounding hardly
        base = generator.standard_normal(d)
        items = base * (1 + generator.integers(-40, 40, (n, 1)) * 1e-7)
    elif kind == "few":  # thousands of copies of a few vectors
        items = generator.standard_normal((3, d))[generator.integers(0, 3, n)]
    else:
        pool = {"whole": generator.integers(-3, 4, (n, d)), "zero": np.zeros((n, d)) * -1.0}
        items = pool.get(kind, generator.standard_normal((n, d)))
    users = generator.integers(-2, 3, (b, d)) if draw(st.booleans()) else generator.standard_normal((b, d))
    scale = st.sampled_from([-120, -60, 0, 0, 0, 3, 60, 120])
    return {
        "users": np.ldexp(np.asarray(users, np.float32), draw(scale)),
        "items": np.ldexp(np.asarray(items, np.float32), draw(scale)),
        "k": draw(st.sampled_from([1, 2, 7, 20, 60])),
        "hidden": generator.random((b, n)) < draw(st.sampled_from([0.3, 0, 0.97, 1])),
        "allowed": generator.random(n) < draw(st.sampled_from([0.9, 1, 0.1, 0])),
        "cosine": draw(st.booleans()),
    }


@settings(max_examples=200, deadline=None)
@given(cases())
def test_equals_brute_force(case: dict[str, Any]) -> None:
    users, items, k, cosine = case["users"], case["items"], case["k"], case["cosine"]
    may = ~case["hidden"] & case["allowed"]
    if cosine:
        may = may & items.any(axis=1) & users.any(axis=1)[:, None]
    hidden = sp.csr_array(case["hidden"].astype(np.float32))
    found = topk_vectors(users, items, k, hidden=hidden, allowed=case["allowed"], cosine=cosine)
    same(found, brute_force(true_scores(users, items, cosine), k, may), k)


@settings(max_examples=40, deadline=None)
@given(cases())
def test_scorer_without_vectors_equals_brute_force(case: dict[str, Any]) -> None:
    b, n = case["hidden"].shape
    with np.errstate(over="ignore"):
        scores = np.clip(true_scores(case["users"], case["items"]), -1e38, 1e38).astype(np.float32)
    scorer = Scores(nodes("U", list(range(b))), nodes("I", list(range(n))), scores)
    hidden = sp.csr_array(case["hidden"].astype(np.float32))
    found = topk_scores(scorer, np.arange(b), case["k"], hidden=hidden, allowed=case["allowed"])
    same(found, brute_force(scores, case["k"], ~case["hidden"] & case["allowed"]), case["k"])


def test_float32_alone_would_be_wrong() -> None:
    generator = np.random.default_rng(0)
    large = generator.standard_normal((4000, 8)) * 2e7
    items = np.hstack([large, -large, generator.standard_normal((4000, 2))]).astype(np.float32)
    ones = generator.standard_normal((5, 8))
    users = np.hstack([ones, ones, generator.standard_normal((5, 2))]).astype(np.float32)
    scores = true_scores(users, items)
    approximate = np.argsort(-(users @ items.T), axis=1, kind="stable")[:, :40]
    expected = brute_force(scores, 20, np.ones_like(scores, bool))
    wrong = [{i for i, _ in wanted} - set(row) for wanted, row in zip(expected, approximate.tolist(), strict=True)]
    assert any(wrong), "the case is meant to be too hard for float32"
    same(topk_vectors(users, items, 20), expected, 20)


def test_many_blocks_threads_and_levels_of_groups(monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(1)
    users = generator.standard_normal((37, 5), np.float32)
    items = generator.integers(-9, 10, (6007, 5)).astype(np.float32)
    hidden = sp.random_array((37, 6007), density=0.1, rng=generator, format="csr", dtype=np.float32)
    whole = topk_vectors(users, items, 9, hidden=hidden)
    same(whole, brute_force(true_scores(users, items), 9, hidden.toarray() == 0), 9)
    monkeypatch.setattr(topk, "BLOCK_BYTES", 4 * 6007 * 5)
    again = topk_vectors(users, items, 9, hidden=hidden)
    alone = topk_vectors(users[3:4], items, 9, hidden=hidden[[3]])
    for part, rows in ((again, slice(None)), (alone, slice(3, 4))):
        assert np.array_equal(part.rows, whole.rows[rows])
        assert np.array_equal(part.scores, whole.scores[rows]), "a score must not depend on who else is asked for"


def test_blocks_stay_within_the_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topk, "BLOCK_BYTES", 4 * 50 * 7)
    matrix = np.random.default_rng(0).random((20, 50), np.float32)
    scorer = Scores(nodes("U", list(range(20))), nodes("I", list(range(50))), matrix)
    found = topk_scores(scorer, np.arange(20), 3)
    assert scorer.asked == [7, 7, 6]
    assert np.array_equal(found.rows, np.argsort(-matrix, axis=1)[:, :3])


def test_identical_vectors_come_in_order_of_rows() -> None:
    items = np.tile(np.float32([0.1, -0.7]), (30_000, 1))
    assert topk_vectors(np.float32([[3, 1]]), items, 50).rows.tolist() == [list(range(50))]
    assert topk_vectors(np.float32([[0, 0]]), items, 50).rows.tolist() == [list(range(50))]
    items[20_000] *= 1.01  # −0.4 becomes smaller
    items[20_001] *= 0.99
    assert topk_vectors(np.float32([[3, 1]]), items, 3).rows.tolist() == [[20_001, 0, 1]]


def test_seen_all_but_three() -> None:
    generator = np.random.default_rng(2)
    users, items = generator.standard_normal((2, 4), np.float32), generator.standard_normal((5000, 4), np.float32)
    left = [17, 3000, 4999]
    seen = np.ones((2, 5000), np.float32)
    seen[0, left] = 0
    found = topk_vectors(users, items, 10, hidden=sp.csr_array(seen))
    assert sorted(found.rows[0].tolist()) == [-1] * 7 + left
    assert found.rows[1].tolist() == [-1] * 10
    assert np.isneginf(found.scores[1]).all()


def test_zero_user_and_negative_zero() -> None:
    items = np.float32([[-1, 0], [1, 0], [0, -1], [2, 2]])
    found = topk_vectors(np.float32([[0, 0], [-0.0, 0]]), items, 4)
    assert found.rows.tolist() == [[0, 1, 2, 3]] * 2


def test_cosine_leaves_zero_vectors_out() -> None:
    items = np.float32([[0, 0], [1, 0], [0, -1], [0, 0]])
    users = np.float32([[0, 0], [1, -2]])
    allowed = np.array([True, True, False, True])
    assert topk_vectors(users, items, 4, cosine=True).rows.tolist() == [[-1] * 4, [2, 1, -1, -1]]
    assert topk_vectors(users, items, 2, cosine=True, allowed=allowed).rows.tolist() == [[-1, -1], [1, -1]]


@pytest.mark.parametrize(("b", "n"), [(0, 5), (3, 0), (0, 0)])
def test_nobody_and_nothing(b: int, n: int) -> None:
    users, items = np.ones((b, 2), np.float32), np.ones((n, 2), np.float32)
    for cosine in (False, True):
        found = topk_vectors(users, items, 3, hidden=sp.csr_array((b, n)), allowed=np.ones(n, bool), cosine=cosine)
        assert found.rows.tolist() == [[-1] * 3] * b


def test_items_looked_through_beforehand() -> None:
    generator = np.random.default_rng(5)
    users, items = generator.standard_normal((3, 2), np.float32), generator.standard_normal((50, 2), np.float32)
    for cosine in (False, True):
        found = topk_vectors(users, ItemVectors.of(items), 4, cosine=cosine)
        assert np.array_equal(found, topk_vectors(users, items, 4, cosine=cosine))
    assert ItemVectors.of(items).peak == np.abs(items).max()
    with pytest.raises(ModelError, match="'mine' must be finite"):
        ItemVectors.of(np.float32([[1, -np.inf]]), "'mine'")


def test_near_scores_are_equal_and_go_by_row() -> None:
    items = np.float32([[1.0], [1.000001], [1.00001], [0.9999999]])
    assert topk_vectors(np.float32([[1]]), items, 4).rows.tolist() == [[2, 0, 1, 3]]


@pytest.mark.parametrize("k", [0, -1, True, 2.0, "3", None])
def test_k_must_be_a_whole_number(k: Any) -> None:
    with pytest.raises(ArgumentError, match="`k` must be a whole number of at least 1"):
        topk_vectors(np.ones((1, 2), np.float32), np.ones((3, 2), np.float32), k)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("cosine", [False, True])
def test_scores_that_are_not_finite_name_the_model(bad: float, cosine: bool) -> None:
    users, items = np.ones((2, 3), np.float32), np.ones((5, 3), np.float32)
    items[4, 1] = bad
    with pytest.raises(ModelError, match="'mine'"):
        topk_vectors(users, items, 2, cosine=cosine, name="'mine'")
    with pytest.raises(ModelError, match="'mine'"):
        topk_vectors(items[4:], users, 2, cosine=cosine, name="'mine'")
    scorer = Scores(nodes("U", [1]), nodes("I", [1, 2, 3]), np.float32([[0, bad, 1]]), name="theirs")
    with pytest.raises(ModelError, match="'theirs' must be finite"):
        topk_scores(scorer, np.array([0]), 1)


def test_a_scorer_must_score_every_item() -> None:
    scorer = Scores(nodes("U", [1]), nodes("I", [1, 2, 3]), np.zeros((1, 2), np.float32))
    with pytest.raises(ModelError, match=r"'scores' must be of shape \(1, 3\)"):
        topk_scores(scorer, np.array([0]), 1)


def test_shapes_must_fit() -> None:
    users, items = np.ones((2, 3), np.float32), np.ones((5, 3), np.float32)
    with pytest.raises(ArgumentError, match="`users` must be vectors"):
        topk_vectors(users[:, :2], items, 1)
    with pytest.raises(ArgumentError, match="`hidden` must be of shape"):
        topk_vectors(users, items, 1, hidden=sp.csr_array((1, 5)))
    with pytest.raises(ArgumentError, match="`allowed` must be of shape"):
        topk_vectors(users, items, 1, allowed=np.ones(4, bool))


def test_a_scorer_with_vectors_is_ranked_by_them() -> None:
    generator = np.random.default_rng(4)
    users, items = generator.standard_normal((3, 2), np.float32), generator.standard_normal((8, 2), np.float32)
    scorer = Vectors(nodes("U", [1, 2, 3]), nodes("I", list(range(8))), users, items)
    found = topk_scores(scorer, np.array([2, 0]), 4)
    same(found, brute_force(true_scores(users[[2, 0]], items), 4, np.ones((2, 8), bool)), 4)


def test_an_item_of_which_a_model_learned_nothing_is_in_no_list() -> None:
    items = np.float32([[-1], [0], [2], [0]])
    scorer = Vectors(nodes("U", [1]), nodes("I", list(range(4))), np.float32([[1]]), items)
    assert topk_scores(scorer, np.array([0]), 4).rows.tolist() == [[2, 0, -1, -1]]
    allowed = np.array([True, True, False, False])
    assert topk_scores(scorer, np.array([0]), 4, allowed=allowed).rows.tolist() == [[0, -1, -1, -1]]


def test_a_model_that_makes_lists_itself_is_asked_for_them() -> None:
    class Lists(Scores):
        def lists(self, user_rows: Any, k: int, *, hidden: Any, allowed: Any) -> TopK:
            return TopK(
                np.tile(user_rows[:, None], k), np.full((len(user_rows), k), float(allowed.sum() - hidden.nnz))
            )

    model = Lists(nodes("U", [1, 2]), nodes("I", [1, 2, 3]), np.zeros((2, 3), np.float32))
    hidden = sp.csr_array(np.array([[0, 1, 0]]))
    found = topk_scores(model, np.array([1]), 2, hidden=hidden, allowed=np.ones(3, np.bool_))
    assert (found.rows.tolist(), found.scores.tolist()) == ([[1, 1]], [[2.0, 2.0]])
    assert model.asked == []


def test_equal_by_rounding_but_not_among_the_best_of_float32() -> None:
    items = np.repeat(np.float32([1.000000, 1.000004]), 60)[:, None]
    assert topk_vectors(np.float32([[1]]), items, 20).rows.tolist() == [list(range(20))]


def test_sums_beyond_float32() -> None:
    items = np.float32([[1e38, 1e38], [3e38, 3e38], [-3e38, -3e38], [3e38, -3e38]])
    found = topk_vectors(np.float32([[1, 1], [1e38, 1e38]]), items, 4)
    assert found.rows.tolist() == [[1, 0, 3, 2]] * 2
    assert found.scores[0].tolist() == pytest.approx([6e38, 2e38, 0, -6e38], rel=1e-6)


def test_blas_threads_are_given_back() -> None:
    with threadpool_limits(2):
        before = [info["num_threads"] for info in threadpool_info()]
        topk_vectors(np.ones((2, 3), np.float32), np.ones((5, 3), np.float32), 2)
        assert [info["num_threads"] for info in threadpool_info()] == before
