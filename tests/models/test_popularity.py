from __future__ import annotations

import numpy as np
import pytest
from interactions import dataset_of

from graphrec.models import Popularity, load_model
from graphrec.rank.scorer import VectorScorer

MATRIX = [[5.0, 0.0, 1.0], [0.5, 0.0, 0.0], [0.25, 0.0, 9.0], [0.25, 2.0, 0.0]]


@pytest.mark.parametrize(("weighted", "expected"), [(False, [4, 1, 2]), (True, [6, 2, 10])])
def test_popularity_counts_users_or_adds_weights(weighted: bool, expected: list[float]) -> None:
    model = Popularity(weighted=weighted).fit(dataset_of(MATRIX))
    assert isinstance(model, VectorScorer)
    np.testing.assert_array_equal(model.score(np.array([3, 0])), [expected, expected])
    assert model.score(np.array([0])).dtype == np.float32


def test_new_users_get_the_same_order(tmp_path: object) -> None:
    model = Popularity().fit(dataset_of(MATRIX))
    scores = model.fold_in([np.array([1]), np.array([0, 2])]) @ model.item_vectors.T
    assert np.argsort(-scores, axis=1).tolist() == [[0, 2, 1]] * 2
    model.save(f"{tmp_path}/m")
    assert load_model(f"{tmp_path}/m").config == model.config
