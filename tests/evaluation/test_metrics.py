from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.errors import ArgumentError
from graphrec.evaluation.lists import Lists
from graphrec.evaluation.metrics import METRICS, Metric, parse_metric, parse_metrics, per_user, together


def test_names() -> None:
    assert parse_metric("NDCG@10") == Metric("ndcg", 10)
    assert str(parse_metric("recall@20")) == "recall@20"
    assert parse_metric("F1@5") == Metric("f1", 5)
    assert str(parse_metric("RMSE")) == "rmse"
    assert parse_metrics("hit@3") == (Metric("hit", 3),)
    assert parse_metrics(["hit@3", "HIT@3", "mrr@1", "mae"]) == (Metric("hit", 3), Metric("mrr", 1), Metric("mae", 0))


@pytest.mark.parametrize("name", ["recall", "recall@", "recall@0", "recall@-1", "recall@2.5", "@20", "", 20, None])
def test_what_is_no_name(name: Any) -> None:
    with pytest.raises(ArgumentError, match="`metric` must be a name and a number of places"):
        parse_metric(name)


def test_unknown_names() -> None:
    with pytest.raises(ArgumentError, match=r"Got 'recal@20'. Did you mean 'recall'"):
        parse_metric("recal@20")
    with pytest.raises(ArgumentError, match=r"Got 'rmse@20'. Did you mean 'rmse'"):
        parse_metric("rmse@20")
    with pytest.raises(ArgumentError, match="`metrics` must name at least one metric"):
        parse_metrics([])
    with pytest.raises(ArgumentError, match=r"`metric` must be a name.*Got None"):
        parse_metrics(None)


def test_each_name_has_its_function_and_its_kind() -> None:
    lists = Lists(np.array([[0, 1], [2, -1]]), sp.csr_array([[1.0, 0, 0], [0, 1, 0]]), sp.csr_array((2, 3)), 3)
    for kind in METRICS:
        metric = Metric(kind, 0 if kind in ("rmse", "mae") else 2)
        assert metric.per_user == (kind not in ("coverage", "gini"))
        assert metric.power == {"rmse": 2, "mae": 1}.get(kind, 0)
        if metric.k and metric.per_user:
            assert per_user(metric, lists).shape == (2,)
        elif metric.k:
            assert 0 <= together(metric, lists) <= 1
