from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.sparse as sp
from interactions import communities, dataset_of

import graphrec
from graphrec.errors import ModelError
from graphrec.models import EASE, FittedProduct, ItemKNN, UserKNN, load_model
from graphrec.rank.scorer import Scorer, VectorScorer

if TYPE_CHECKING:
    from pathlib import Path

MODELS = [ItemKNN(neighbours=7), UserKNN(neighbours=7, weighted=True), EASE(reg=3)]


@pytest.fixture(params=MODELS, ids=lambda config: config.kind)
def model(request: pytest.FixtureRequest) -> FittedProduct:
    fitted: FittedProduct = request.param.fit(dataset_of(communities(2)))
    return fitted


def test_it_is_a_scorer_without_vectors(model: FittedProduct) -> None:
    assert isinstance(model, Scorer)
    assert not isinstance(model, VectorScorer)
    scores = model.score(np.array([3, 0, 3]))
    assert (scores.shape, scores.dtype) == ((3, 40), np.float32)
    np.testing.assert_array_equal(scores[0], scores[2])
    assert model.score(np.array([], np.int64)).shape == (0, 40)
    assert repr(model).startswith(f"FittedProduct({model.config.kind!r}, 60 users, 40 items, ")


def test_save_and_load(tmp_path: Path, model: FittedProduct) -> None:
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert isinstance(loaded, FittedProduct)
    assert type(loaded.right) is type(model.right)
    np.testing.assert_array_equal(loaded.score(np.arange(60)), model.score(np.arange(60)))
    assert loaded.users.keys.equals(model.users.keys)
    assert loaded.items.keys.equals(model.items.keys)
    assert (loaded.config, loaded.fingerprint) == (model.config, model.fingerprint)
    loaded.save(tmp_path / "again")
    np.testing.assert_array_equal(load_model(tmp_path / "again").score(np.arange(60)), model.score(np.arange(60)))


def test_an_altered_file_is_refused(tmp_path: Path, model: FittedProduct) -> None:
    path = tmp_path / "m"
    model.save(path)
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ModelError, match="`path` must be a saved model"):
            load_model(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="`path` must be a saved model"):
        load_model(path)


def test_a_user_without_items_and_an_empty_matrix_score_nothing(tmp_path: Path) -> None:
    matrix = communities(2)
    matrix[4] = 0
    data = dataset_of(matrix)
    assert not ItemKNN().fit(data).score(np.array([4])).any()
    alone = FittedProduct.of(ItemKNN(), data, sp.csr_array((60, 40), dtype=np.float32), sp.csr_array((40, 40)))
    alone.save(tmp_path / "m")
    assert not load_model(tmp_path / "m").score(np.arange(60)).any()


def test_lists_and_figures_come_from_the_scores(model: FittedProduct) -> None:
    data = dataset_of(communities(2))
    found = graphrec.recommend(model, data, ["User-00009"], 3)
    scores = model.score(np.array([9]))[0]
    scores[data.seen()[[9]].indices] = -np.inf
    assert found["item"].tolist() == [f"Item-{row:05}" for row in np.lexsort((np.arange(40), -scores))[:3]]
    assert set(found["path"]) == {"score"}
    with pytest.raises(ModelError, match="cannot serve new users by their items"):
        graphrec.recommend(model, data, [["Item-00001"]], 3)
    with pytest.raises(ModelError, match="must have vectors"):
        graphrec.similar(model, ["Item-00001"], 3)  # type: ignore[arg-type]


def test_refit(model: FittedProduct) -> None:
    other = dataset_of(communities(5))
    again = model.refit(other)
    assert (again.fingerprint, again.config) == (other.fingerprint, model.config)


@pytest.mark.parametrize("config", MODELS, ids=lambda config: config.kind)
def test_it_knows_whoever_has_something_that_says_something(config: ItemKNN | UserKNN | EASE) -> None:
    matrix = np.zeros((5, 5))
    matrix[0, [0, 1]] = matrix[1, [1, 0]] = 1
    matrix[2, 4] = 1  # nobody else's
    matrix[4, [0, 1]] = 1
    model = config.fit(dataset_of(matrix))
    assert isinstance(model, FittedProduct)
    everyone = np.array([4, 3, 2, 1, 0])
    expected = model.score(everyone).any(axis=1)
    assert expected.tolist() == [True, False, False, True, True]
    assert model.knows(everyone).tolist() == expected.tolist()
    assert model.knows(np.array([], np.int64)).shape == (0,)
