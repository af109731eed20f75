from __future__ import annotations

import sys

import numpy as np
import pytest
from interactions import communities, dataset_of
from threadpoolctl import threadpool_info, threadpool_limits

import graphrec
from graphrec.errors import MissingExtraError
from graphrec.models import ALS, Popularity


@pytest.mark.parametrize("weighted", [False, True])
def test_the_vectors_solve_the_normal_equations(weighted: bool) -> None:
    matrix = communities(1) * np.random.default_rng(0).integers(1, 4, (60, 40))
    matrix[9], matrix[:, 6] = 0, 0
    model = ALS(dim=3, alpha=4, reg=2, epochs=300, weighted=weighted).fit(dataset_of(matrix))
    users, items = model.user_vectors.astype(np.float64), model.item_vectors.astype(np.float64)
    weights = 4 * (matrix if weighted else matrix > 0)
    for own, others, rows in ((users, items, weights), (items, users, weights.T)):
        for vector, row in zip(own, rows, strict=True):
            confidence = np.where(row > 0, row, 1)
            left = others.T @ (others * confidence[:, None]) + 2 * np.eye(3)
            expected = np.linalg.solve(left, others.T @ (confidence * (row > 0)))
            np.testing.assert_allclose(vector, expected, atol=1e-3)
    assert not users[9].any()
    assert not items[6].any()


def test_it_beats_popularity() -> None:
    split = dataset_of(communities()).split("random")
    figures = graphrec.evaluate(
        [ALS(dim=8).fit(split.train), Popularity().fit(split.train)], split, metrics=["recall@5"]
    )
    by_model = figures.frame().set_index("model")["value"]
    assert by_model["als"] > 1.5 * by_model["popularity"]


def test_the_same_seed_gives_the_same_vectors_and_blas_keeps_its_threads() -> None:
    data = dataset_of(communities())
    with threadpool_limits(2):
        before = threadpool_info()
        one, same, other = (ALS(dim=5, seed=seed).fit(data) for seed in (5, 5, 6))
        threads = {pool["filepath"]: pool["num_threads"] for pool in threadpool_info()}
    np.testing.assert_array_equal(one.user_vectors, same.user_vectors)
    np.testing.assert_array_equal(one.item_vectors, same.item_vectors)
    assert not np.allclose(one.item_vectors, other.item_vectors)
    assert all(threads[pool["filepath"]] == pool["num_threads"] for pool in before)


def test_without_the_library_it_says_what_brings_it(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.split(".")[0] == "implicit"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "implicit", None)
    with pytest.raises(MissingExtraError, match=r"ALS needs .*pip install 'graphrec\[baselines\]'"):
        ALS().fit(dataset_of(communities()))
