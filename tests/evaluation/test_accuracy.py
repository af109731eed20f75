"""Against hand-computed fractions, and against loops over users and places."""

from __future__ import annotations

import math

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from sklearn.metrics import ndcg_score

from graphrec.evaluation.lists import Lists
from graphrec.evaluation.metrics import ACCURACY, parse_metric, per_user


def figure(name: str, rows: list[list[int]], held_out: list[set[int]], n_items: int = 10) -> list[float]:
    matrix = np.zeros((len(rows), n_items), np.float32)
    for user, items in enumerate(held_out):
        matrix[user, list(items)] = 1
    lists = Lists(np.array(rows), sp.csr_array(matrix), sp.csr_array(matrix.shape), n_items)
    return per_user(parse_metric(name), lists).tolist()


# one list: places 2 and 4 are hits; three items are held out
LIST, HELD_OUT = [[5, 2, 7, 1, 0]], [{1, 2, 9}]
LOG3, LOG4, LOG5 = math.log2(3), 2.0, math.log2(5)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("recall@5", 2 / 3),
        ("recall@3", 1 / 3),
        ("recall@1", 0),
        ("precision@5", 2 / 5),
        ("precision@2", 1 / 2),
        ("precision@8", 2 / 8),
        ("f1@5", 2 * (2 / 5) * (2 / 3) / (2 / 5 + 2 / 3)),
        ("f1@1", 0),
        ("hit@1", 0),
        ("hit@2", 1),
        ("mrr@1", 0),
        ("mrr@5", 1 / 2),
        ("map@1", 0),
        ("map@2", (1 / 2) / 2),
        ("map@5", (1 / 2 + 2 / 4) / 3),
        ("map@9", (1 / 2 + 2 / 4) / 3),
        ("ndcg@1", 0),
        ("ndcg@2", (1 / LOG3) / (1 + 1 / LOG3)),
        ("ndcg@5", (1 / LOG3 + 1 / LOG5) / (1 + 1 / LOG3 + 1 / LOG4)),
        ("ndcg@9", (1 / LOG3 + 1 / LOG5) / (1 + 1 / LOG3 + 1 / LOG4)),
    ],
)
def test_by_hand(name: str, value: float) -> None:
    assert figure(name, LIST, HELD_OUT) == pytest.approx([value], rel=1e-14)


def test_recall_is_of_all_held_out_items_and_the_others_of_what_fits() -> None:
    assert figure("recall@2", [[0, 1]], [{0, 1, 2, 3}]) == [0.5]
    assert figure("ndcg@2", [[0, 1]], [{0, 1, 2, 3}]) == [1.0]
    assert figure("map@2", [[0, 1]], [{0, 1, 2, 3}]) == [1.0]


def loop(kind: str, k: int, rows: list[int], truth: set[int]) -> float:
    places = [place for place, item in enumerate(rows[:k], 1) if item in truth]
    recall, precision = len(places) / len(truth), len(places) / k
    if kind == "recall":
        return recall
    if kind == "precision":
        return precision
    if kind == "f1":
        return 2 * recall * precision / (recall + precision) if places else 0.0
    if kind == "hit":
        return float(len(places) > 0)
    if kind == "mrr":
        return 1 / places[0] if places else 0.0
    if kind == "map":
        return sum(number / place for number, place in enumerate(places, 1)) / min(k, len(truth))
    ideal = sum(1 / math.log2(place + 1) for place in range(1, min(k, len(truth)) + 1))
    return sum(1 / math.log2(place + 1) for place in places) / ideal


@settings(deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.integers(1, 15), st.integers(1, 25))
def test_equals_a_loop(seed: int, b: int, n: int, k: int) -> None:
    generator = np.random.default_rng(seed)
    rows = np.array([generator.permutation(n) for _ in range(b)])
    rows = np.pad(rows, ((0, 0), (0, max(0, k - n))), constant_values=-1)[:, :k]
    rows[generator.random(b) < 0.2, k // 2 :] = -1
    truth = [set(generator.choice(n, generator.integers(1, n + 1), replace=False).tolist()) for _ in range(b)]
    for kind in ACCURACY:
        expected = [loop(kind, k, row, items) for row, items in zip(rows.tolist(), truth, strict=True)]
        found = figure(f"{kind}@{k}", rows.tolist(), truth, n)
        assert found == pytest.approx(expected, rel=1e-12)
        assert all(0 <= value <= 1 + 1e-12 for value in found)


def test_ndcg_is_that_of_scikit_learn() -> None:
    generator = np.random.default_rng(0)
    scores, truth = generator.random((20, 30)), generator.random((20, 30)) < 0.2
    truth[:, 0] = True
    rows = np.argsort(-scores, axis=1)[:, :10]
    found = figure("ndcg@10", rows.tolist(), [set(np.flatnonzero(row).tolist()) for row in truth], 30)
    assert np.mean(found) == pytest.approx(ndcg_score(truth, scores, k=10))
