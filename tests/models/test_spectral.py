from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from interactions import communities, dataset_of, held_out_of

import graphrec
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import FittedVectors, Popularity, Spectral, load_model

WEIGHTS = np.random.default_rng(0).integers(1, 4, (60, 40))


def given() -> np.ndarray:
    noise = np.random.default_rng(2).random((60, 40)) < 0.05
    matrix = np.maximum(communities(1), noise) * WEIGHTS
    matrix[9], matrix[:, 6] = 0, 0
    return matrix


def power(base: Any, exponent: float) -> np.ndarray:
    return np.array([b**exponent if b > 0 else 0.0 for b in base])


def formula(matrix: np.ndarray, model: Spectral, dim: int) -> np.ndarray:
    """Return the scores as the class's docstring has them, float64 [n_users, n_items]."""
    matrix = matrix if model.weighted else (matrix > 0).astype(float)
    by_user, by_item = matrix.sum(1), matrix.sum(0)
    normal = power(by_user, -model.user_exponent)[:, None] * matrix * power(by_item, -model.item_exponent)
    _, s, v = np.linalg.svd(normal)
    s, v = s[:dim], v[:dim].T
    summed = matrix @ (power(by_item, -model.item_exponent)[:, None] * v * (s / s[0]) ** model.power)
    users = power((matrix > 0).sum(1), -0.5)[:, None] * summed
    return users @ (power(by_item, model.item_weight)[:, None] * v).T


@pytest.mark.parametrize("dim", [3, 20])
@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"user_exponent": 0.5, "item_exponent": 0.5, "item_weight": 0.0, "power": 0.0},
        {"user_exponent": 0.0, "item_exponent": 0.0, "item_weight": -0.5, "power": 2.0},
        {"user_exponent": 1.2, "item_exponent": 0.1, "item_weight": 1.0, "power": 1.0},
        {"weighted": True},
    ],
)
def test_scores_equal_the_formula(fields: dict[str, Any], dim: int) -> None:
    model = Spectral(dim=dim, **fields)
    scores = model.fit(dataset_of(given()), device="cpu").score(np.arange(60))
    expected = formula(given(), model, dim)
    np.testing.assert_allclose(scores, expected, atol=2e-4 * np.abs(expected).max())
    assert not scores[9].any()
    assert not scores[:, 6].any()


@pytest.mark.parametrize("fields", [{}, {"user_exponent": 0.9, "item_exponent": 0.2, "power": 0.0}])
def test_a_users_vector_is_the_fold_in_of_their_history(fields: dict[str, Any]) -> None:
    data = dataset_of(given())
    fitted = Spectral(dim=12, **fields).fit(data, device="cpu")
    matrix = data.interactions()
    folded = fitted.fold_in(np.split(matrix.indices, matrix.indptr[1:-1]))
    np.testing.assert_allclose(folded, fitted.user_vectors, atol=1e-5)
    assert np.abs(folded).max() > 0.1
    assert fitted.fold_in_vectors is not None
    assert not fitted.fold_in_vectors[6].any()  # nobody had it: it says nothing of a new user


def test_a_score_is_the_sum_of_a_part_for_each_item_of_the_history() -> None:
    fitted = Spectral(dim=12).fit(dataset_of(given()), device="cpu")
    assert fitted.fold_in_vectors is not None
    for user in (0, 31, 58):
        history = np.flatnonzero(given()[user])
        parts = fitted.fold_in_vectors[history] @ fitted.item_vectors.T / np.sqrt(len(history))
        np.testing.assert_allclose(parts.sum(0), fitted.score(np.array([user]))[0], atol=1e-5)


def test_it_beats_popularity() -> None:
    split = dataset_of(communities()).split("random")
    models = [Spectral(dim=8).fit(split.train), Popularity().fit(split.train)]
    by_model = graphrec.evaluate(models, split, metrics=["recall@5"]).frame().set_index("model")["value"]
    assert by_model["spectral"] > 1.5 * by_model["popularity"]


def test_the_same_seed_gives_the_same_vectors() -> None:
    matrix = (np.random.default_rng(0).random((150, 120)) < 0.1).astype(float)
    one, same, other = (Spectral(dim=4, iterations=0, seed=seed).fit(dataset_of(matrix)) for seed in (5, 5, 6))
    for name in ("user_vectors", "item_vectors", "fold_in_vectors"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.allclose(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("matrix", [[[1.0]], [[1.0, 0.0, 1.0]], [[1.0], [1.0]], np.ones((3, 4)), np.eye(3)])
def test_graphs_of_few_nodes_are_fine(matrix: Any) -> None:
    fitted = Spectral().fit(dataset_of(matrix))
    assert fitted.user_vectors.shape[1] == fitted.item_vectors.shape[1] == min(np.shape(matrix))
    scores = fitted.score(np.arange(len(matrix)))
    assert np.isfinite(scores).all()
    assert (scores[np.asarray(matrix) > 0] > 0.1).all()


def many(seed: int = 0) -> tuple[graphrec.Dataset, Any, np.ndarray]:
    """Return ten groups of users and of items, and a part held out."""
    matrix = communities(seed, users=200, items=150, groups=10)
    noise, hold = np.random.default_rng(seed).random((2, *matrix.shape)) < [[[0.05]], [[0.2]]]
    hold = hold * matrix
    data = dataset_of(np.maximum(matrix, noise) - hold)
    return data, held_out_of(data, sp.csr_array(hold.astype(np.float32))), hold


@pytest.mark.parametrize("metric", ["ndcg@20", "recall@5"])
def test_validation_chooses_the_dimension_and_records_it(metric: str) -> None:
    data, validation, _ = many()
    whole = Spectral(dim=140, power=0.0).fit(data)
    assert whole.config == Spectral(dim=140, power=0.0)
    assert whole.user_vectors.shape == (200, 140)
    tried = {
        dim: held_out_metric(
            whole.user_vectors[:, :dim], whole.item_vectors[:, :dim], data.seen(), validation.matrix, metric
        )
        for dim in (140, 70, 35)
    }
    fitted = Spectral(dim=140, power=0.0).fit(data, validation=validation, metric=metric)
    assert isinstance(fitted.config, Spectral)
    best = fitted.config.dim
    assert tried[best] == max(tried.values()) > min(tried.values())
    assert fitted.config == Spectral(dim=best, power=0.0)
    for name in ("user_vectors", "item_vectors", "fold_in_vectors"):
        np.testing.assert_array_equal(getattr(fitted, name), getattr(whole, name)[:, :best])
        assert getattr(fitted, name).flags.c_contiguous


def test_a_chosen_dimension_stays_when_fitted_again(tmp_path: Any) -> None:
    data, validation, _ = many()
    fitted = Spectral(dim=140, power=0.0).fit(data, validation=validation)
    assert isinstance(fitted.config, Spectral)
    assert fitted.config.dim < 140
    fitted.save(tmp_path / "m")
    again = load_model(tmp_path / "m").refit(data)
    assert isinstance(again, FittedVectors)
    assert again.config == fitted.config
    assert again.user_vectors.shape == fitted.user_vectors.shape


@pytest.mark.parametrize(("dim", "tried"), [(8, [8]), (32, [32]), (63, [63]), (64, [64, 32]), (512, [70, 35])])
def test_which_dimensions_are_tried(monkeypatch: pytest.MonkeyPatch, dim: int, tried: list[int]) -> None:
    data, found = dataset_of(communities(users=80, items=70)), []

    def measured(left: Any, right: Any, *_: Any, **__: Any) -> float:
        found.append(left.shape[1])
        assert left.shape[1] == right.shape[1]
        return 0.5

    monkeypatch.setattr("graphrec.models.spectral.held_out_metric", measured)
    fitted = Spectral(dim=dim).fit(
        data, validation=held_out_of(data, sp.csr_array(data.interactions().toarray() == 0))
    )
    assert found == tried
    assert fitted.user_vectors.shape[1] == tried[0]  # of equals the longest
