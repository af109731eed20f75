from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from interactions import dataset_of

from graphrec.data.dataset import Dataset
from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.models import BiasedMF, biased_mf
from graphrec.schema import GraphSchema, Interaction

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.models import FittedVectors


def ratings(seed: int = 0) -> NDArray[np.float64]:
    """Return ratings from a mean, biases and two factors, with NaN for 0; user 5 and item 7 have none."""
    generator = np.random.default_rng(seed)
    users, items = generator.normal(size=(40, 3)), generator.normal(size=(30, 3))
    full = 0.5 + users[:, :1] + items[:, 0] + users[:, 1:] @ items[:, 1:].T
    full = np.round(full * 2) / 2
    there = generator.random(full.shape) < 0.5
    there[5], there[:, 7] = False, False
    return np.where(there, np.where(full == 0, np.nan, full), 0)


def known(matrix: NDArray[np.float64]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    """Return where there is a rating, and the ratings less their mean."""
    there = matrix != 0
    values = np.nan_to_num(matrix)
    return there, np.where(there, values - values[there].mean(), 0)


def parts(model: FittedVectors) -> tuple[NDArray[np.float64], ...]:
    users, items = model.user_vectors.astype(np.float64), model.item_vectors.astype(np.float64)
    return users[:, :-2], users[:, -2], items[:, :-2], items[:, -1]


def ridge(
    there: NDArray[np.bool_], values: NDArray[np.float64], p: NDArray[np.float64], biases: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Return the factors and the bias of each row by dense normal equations."""
    found = []
    for mask, row in zip(there, values, strict=True):
        features = np.column_stack([p[mask], np.ones(mask.sum())])
        left = features.T @ features + np.diag([2.0, 2.0, 0.5])
        found.append(np.linalg.solve(left, features.T @ (row[mask] - biases[mask])))
    return np.array(found)


@pytest.mark.parametrize("numbers", [1, 300, 1 << 22])
def test_an_epoch_equals_dense_normal_equations(monkeypatch: pytest.MonkeyPatch, numbers: int) -> None:
    monkeypatch.setattr(biased_mf, "NUMBERS", numbers)
    matrix = ratings()
    there, values = known(matrix)
    mean = np.nan_to_num(matrix)[there].mean()
    fields = {"dim": 2, "reg": 2.0, "bias_reg": 0.5}
    _, _, q, item_biases = parts(BiasedMF(epochs=1, **fields).fit(dataset_of(matrix)))
    users = ridge(there, values, q, item_biases)
    items = ridge(there.T, values.T, users[:, :2], users[:, 2])
    model = BiasedMF(epochs=2, **fields).fit(dataset_of(matrix))
    p, user_biases, q, item_biases = parts(model)
    np.testing.assert_allclose(p, users[:, :2], atol=1e-5)
    np.testing.assert_allclose(user_biases - mean, users[:, 2], atol=1e-5)
    np.testing.assert_allclose(q, items[:, :2], atol=1e-5)
    np.testing.assert_allclose(item_biases, items[:, 2], atol=1e-5)


def test_the_inner_product_is_the_rating(monkeypatch: pytest.MonkeyPatch) -> None:
    model = BiasedMF(dim=2).fit(dataset_of(ratings()))
    p, user_biases, q, item_biases = parts(model)
    expected = user_biases[:, None] + item_biases + p @ q.T
    np.testing.assert_allclose(model.score(np.arange(40)), expected, atol=1e-5)
    monkeypatch.setattr("graphrec.models.fitted.PAIRS", 7)
    users, items = (rows.ravel() for rows in np.indices((40, 30)))
    found = model.predict(users, items)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected[users, items], atol=1e-5)
    assert model.predict(users[:0], items[:0]).shape == (0,)


def test_it_finds_what_was_planted() -> None:
    matrix = ratings(1)
    users, items = np.nonzero(matrix)
    held = np.random.default_rng(0).random(len(users)) < 0.1
    truth = np.nan_to_num(matrix[users[held], items[held]])
    matrix[users[held], items[held]] = 0
    model = BiasedMF(dim=2, reg=0.5, bias_reg=0.5, epochs=60).fit(dataset_of(matrix))
    error = np.sqrt(np.mean((model.predict(users[held], items[held]) - truth) ** 2))
    assert error < 0.35 * truth.std()


def test_who_has_no_rating_gets_the_mean_and_the_items_bias() -> None:
    matrix = ratings()
    model = BiasedMF(dim=2).fit(dataset_of(matrix))
    mean = np.nan_to_num(matrix)[matrix != 0].mean()
    p, user_biases, q, item_biases = parts(model)
    np.testing.assert_allclose(model.score(np.array([5]))[0], mean + item_biases, atol=1e-5)
    assert not p[5].any()
    assert not q[7].any()
    assert item_biases[7] == 0
    assert model.score(np.arange(40))[:, 7] == pytest.approx(user_biases)


def test_a_bias_alone_shrinks_by_its_number_of_ratings() -> None:
    matrix = np.full((4, 4), 2.0) + np.array([[3.0], [-1.0], [-1.0], [-1.0]])
    model = BiasedMF(dim=1, reg=1e9, bias_reg=4, epochs=50).fit(dataset_of(np.where(matrix == 0, np.nan, matrix)))
    np.testing.assert_allclose(parts(model)[1] - 2, np.array([3.0, -1, -1, -1]) * 4 / (4 + 4), atol=1e-5)


def test_the_same_seed_gives_the_same_vectors() -> None:
    data = dataset_of(ratings())
    one, same, other = (BiasedMF(dim=3, epochs=2, seed=seed).fit(data) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.user_vectors, same.user_vectors)
    assert not np.allclose(one.item_vectors[:, :-2], other.item_vectors[:, :-2])


def test_data_without_ratings_is_refused() -> None:
    schema = GraphSchema(interactions=[Interaction("LIKED")])
    nodes = {"User": pa.table({"key": ["u"]}), "Item": pa.table({"key": ["i"]})}
    unrated = Dataset.from_tables(schema, nodes, {"LIKED": pa.table({"source": [0], "target": [0]})})
    with pytest.raises(DataError, match="`LIKED` must have weights, which are the ratings"):
        BiasedMF().fit(unrated)
    with pytest.raises(DataError, match="`INTERACTED` must hold ratings to learn from"):
        BiasedMF().fit(dataset_of([[0.0, 0.0]]))
    with pytest.raises(DataError, match=r"`INTERACTED` must have finite weights\. Got inf"):
        BiasedMF().fit(dataset_of([[1e300, 1.0]]))
    with pytest.raises(ArgumentError, match="`reg` should be greater than 0"):
        BiasedMF(reg=0.0)


def test_ratings_beside_which_nothing_is_regular_are_refused() -> None:
    with pytest.raises(ModelError, match=r"`reg` must be large enough beside such ratings. Got 15.0. Raise it"):
        BiasedMF(dim=2).fit(dataset_of([[0, 1e30, 0, 1e30], [2e30, 0, 2e30, 0], [0, 3e30, 0, 3e30]]))
