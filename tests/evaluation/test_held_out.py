from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from interactions import communities, dataset_of

from graphrec import evaluate
from graphrec.errors import ArgumentError, DataError
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import Spectral

SPLIT = dataset_of(communities(5)).split("random", test=0.1, validation=0.2)
MODEL = Spectral(dim=3).fit(SPLIT.train)
VECTORS = MODEL.user_vectors, MODEL.item_vectors


def test_it_is_that_of_the_table() -> None:
    assert SPLIT.validation is not None
    seen, truth = SPLIT.train.seen(), SPLIT.validation.matrix
    for metric in ("ndcg@2", "recall@3", "coverage@2"):
        expected = evaluate(MODEL, SPLIT, [metric], on="validation").frame()["value"].iloc[0]
        assert 0 < held_out_metric(*VECTORS, seen, truth, metric) == pytest.approx(expected)


def test_some_users_are_the_same_at_each_call() -> None:
    seen, truth = SPLIT.train.seen(), SPLIT.test.matrix
    several = {held_out_metric(*VECTORS, seen, truth, "mrr@9", users=7) for _ in range(3)}
    assert len(several) == 1
    assert several != {held_out_metric(*VECTORS, seen, truth, "mrr@9")}
    assert held_out_metric(*VECTORS, seen, truth, "mrr@9", users=60) == held_out_metric(
        *VECTORS, seen, truth, "mrr@9"
    )


def test_what_cannot_steer_is_refused() -> None:
    seen, truth = SPLIT.train.seen(), SPLIT.test.matrix
    with pytest.raises(DataError, match="`held_out` must hold a pair"):
        held_out_metric(*VECTORS, seen, sp.csr_array(truth.shape, dtype=np.float32))
    for metric in ("novelty@2", "gini@2", "arp@2", "rmse"):
        with pytest.raises(ArgumentError, match="must be one that more is better of: recall"):
            held_out_metric(*VECTORS, seen, truth, metric)
