"""Against hand-computed fractions, and against loops over users and places."""

from __future__ import annotations

import math
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings

from graphrec.errors import ArgumentError
from graphrec.evaluation.metrics import METRICS, Metric, coverage, hits_of, parse_metric, parse_metrics, per_user


def figure(name: str, rows: list[list[int]], held_out: list[set[int]], n_items: int = 10) -> list[float]:
    matrix = np.zeros((len(rows), n_items), np.float32)
    for user, items in enumerate(held_out):
        matrix[user, list(items)] = 1
    truth = sp.csr_array(matrix)
    return per_user(parse_metric(name), hits_of(np.array(rows), truth), np.diff(truth.indptr)).tolist()


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
        ("hit@1", 0),
        ("hit@2", 1),
        ("mrr@1", 0),
        ("mrr@5", 1 / 2),
        ("ndcg@1", 0),
        ("ndcg@2", (1 / LOG3) / (1 + 1 / LOG3)),
        ("ndcg@5", (1 / LOG3 + 1 / LOG5) / (1 + 1 / LOG3 + 1 / LOG4)),
        ("ndcg@9", (1 / LOG3 + 1 / LOG5) / (1 + 1 / LOG3 + 1 / LOG4)),
    ],
)
def test_by_hand(name: str, value: float) -> None:
    assert figure(name, LIST, HELD_OUT) == pytest.approx([value], rel=1e-15)


def test_recall_is_of_all_held_out_items_not_of_k() -> None:
    assert figure("recall@2", [[0, 1]], [{0, 1, 2, 3}]) == [0.5]
    assert figure("ndcg@2", [[0, 1]], [{0, 1, 2, 3}]) == [1.0]


def test_coverage_by_hand() -> None:
    rows = np.array([[0, 1, 2], [0, 3, -1]])
    assert coverage(Metric("coverage", 1), rows, 8) == 1 / 8
    assert coverage(Metric("coverage", 3), rows, 8) == 4 / 8


def loop(kind: str, k: int, rows: list[int], truth: set[int]) -> float:
    places = [place for place, item in enumerate(rows[:k], 1) if item in truth]
    if kind == "recall":
        return len(places) / len(truth)
    if kind == "precision":
        return len(places) / k
    if kind == "hit":
        return float(len(places) > 0)
    if kind == "mrr":
        return 1 / places[0] if places else 0.0
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
    for kind in set(METRICS) - {"coverage"}:
        expected = [loop(kind, k, row, items) for row, items in zip(rows.tolist(), truth, strict=True)]
        assert figure(f"{kind}@{k}", rows.tolist(), truth, n) == pytest.approx(expected, rel=1e-12)


def test_names() -> None:
    assert parse_metric("NDCG@10") == Metric("ndcg", 10)
    assert str(parse_metric("recall@20")) == "recall@20"
    assert parse_metrics("hit@3") == (Metric("hit", 3),)
    assert parse_metrics(["hit@3", "HIT@3", "mrr@1"]) == (Metric("hit", 3), Metric("mrr", 1))


@pytest.mark.parametrize("name", ["recall", "recall@", "recall@0", "recall@-1", "recall@2.5", "@20", "", 20, None])
def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(ArgumentError, match="`metric` must be a name and a number of places"):
        parse_metric(name)


def test_unknown_names() -> None:
    with pytest.raises(ArgumentError, match=r"Got 'recal@20'. Did you mean 'recall'"):
        parse_metric("recal@20")
    with pytest.raises(ArgumentError, match="`metrics` must name at least one metric"):
        parse_metrics([])
