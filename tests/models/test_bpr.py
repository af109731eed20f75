from __future__ import annotations

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.errors import ModelError
from graphrec.models import BPR, Popularity


def test_it_beats_popularity() -> None:
    split = dataset_of(communities()).split("random")
    model = BPR(dim=8, learning_rate=0.05).fit(split.train)
    figures = graphrec.evaluate([model, Popularity().fit(split.train)], split, metrics=["recall@5"])
    by_model = figures.frame().set_index("model")["value"]
    assert by_model["bpr"] > 1.5 * by_model["popularity"]


def test_the_last_numbers_are_one_and_the_bias() -> None:
    matrix = np.zeros((200, 3))
    matrix[:, 0], matrix[:20, 1], matrix[20:24, 2] = 1, 1, 1
    model = BPR(dim=2, epochs=200, reg=0.001).fit(dataset_of(matrix))
    assert model.user_vectors.shape == (200, 3)
    assert (model.user_vectors[:, -1] == 1).all()
    assert np.argsort(-model.item_vectors[:, -1]).tolist()[0] == 0


def test_the_same_seed_gives_the_same_vectors() -> None:
    data = dataset_of(communities())
    one, same, other = (BPR(dim=5, epochs=9, seed=seed).fit(data) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.user_vectors, same.user_vectors)
    np.testing.assert_array_equal(one.item_vectors, same.item_vectors)
    assert not np.allclose(one.item_vectors, other.item_vectors)


def test_a_diverging_fit_is_refused() -> None:
    with pytest.raises(ModelError, match="The training of BPR diverged"):
        BPR(learning_rate=1e30).fit(dataset_of(communities()))
