from __future__ import annotations

import numpy as np
import pytest
from interactions import dataset_of

from graphrec.errors import ModelError
from graphrec.models import Random


def test_scores_depend_on_seed_and_user_alone() -> None:
    data = dataset_of(np.eye(30, 20))
    model, other = Random(seed=1).fit(data), Random(seed=2).fit(data)
    rows = np.random.default_rng(0).permutation(30)
    np.testing.assert_allclose(model.score(rows), model.score(np.arange(30))[rows], rtol=1e-5, atol=1e-5)
    np.testing.assert_array_equal(model.user_vectors, Random(seed=1).fit(data).user_vectors)
    assert not np.allclose(model.score(rows), other.score(rows))
    with pytest.raises(ModelError, match="'random' cannot serve new users"):
        model.fold_in([np.array([0])])


def test_every_item_is_first_as_often() -> None:
    first = Random().fit(dataset_of(np.eye(4000, 5))).score(np.arange(4000)).argmax(1)
    # the item vectors are fixed, so an item's share varies with their geometry: 1/5 within a tenth
    np.testing.assert_allclose(np.bincount(first, minlength=5) / 4000, 0.2, atol=0.1)
