from __future__ import annotations

import numpy as np
import pytest
from interactions import communities, dataset_of

from graphrec.models import FittedVectors, LightGCN, Popularity
from graphrec.rank.scorer import VectorScorer
from graphrec.train.history import Epoch, History


@pytest.fixture
def model() -> FittedVectors:
    return LightGCN(dim=3, layers=1, epochs=2).fit(dataset_of(communities()), progress=False)


def test_it_is_a_vector_scorer(model: FittedVectors) -> None:
    assert isinstance(model, VectorScorer)
    rows = np.array([5, 2, 2])
    expected = [[sum(u * i for u, i in zip(user, item, strict=True)) for item in model.item_vectors] for user in
                model.user_vectors[rows]]  # fmt: skip
    np.testing.assert_allclose(model.score(rows), expected, rtol=1e-5, atol=1e-6)
    assert model.score(rows).dtype == np.float32
    assert repr(model).startswith("FittedVectors('lightgcn', 60 users, 40 items, d=3, ")


def test_predict_gives_the_scores_of_pairs(monkeypatch: pytest.MonkeyPatch, model: FittedVectors) -> None:
    users, items = np.random.default_rng(0).integers(0, 40, (2, 25))
    monkeypatch.setattr("graphrec.models.fitted.PAIRS", 10)
    found = model.predict(users, items)
    np.testing.assert_allclose(found, model.score(users)[np.arange(25), items], rtol=1e-5, atol=1e-6)
    assert found.dtype == np.float32


def test_fold_in_adds_up_each_item_once(model: FittedVectors) -> None:
    assert model.fold_in_vectors is not None
    found = model.fold_in([np.array([3, 8, 3]), np.array([], np.int64)])
    np.testing.assert_allclose(found[0], (model.fold_in_vectors[3] + model.fold_in_vectors[8]) / 2**0.5, rtol=1e-6)
    np.testing.assert_array_equal(found[1], np.zeros(3))
    assert model.fold_in([]).shape == (0, 3)


def test_refit_trains_as_many_epochs_as_were_best() -> None:
    data, config = dataset_of(communities()), LightGCN(dim=4, epochs=9)
    fitted = config.fit(data, progress=False)
    stopped = FittedVectors.of(
        config,
        data,
        fitted.user_vectors,
        fitted.item_vectors,
        None,
        History((Epoch(1, 0.5, 0.1), Epoch(2, 0.4, 0.1)), 2),
    )
    again = stopped.refit(data, progress=False)
    assert isinstance(again.config, LightGCN)
    assert (again.config.epochs, again.history.best_epoch, len(again.history.epochs)) == (2, 2, 2)
    np.testing.assert_array_equal(
        again.user_vectors, LightGCN(dim=4, epochs=2).fit(data, progress=False).user_vectors
    )
    other = dataset_of(communities(seed=1))
    assert Popularity().fit(data).refit(other).fingerprint == other.fingerprint
