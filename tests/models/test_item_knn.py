from __future__ import annotations

import numpy as np
import pytest
from interactions import communities, dataset_of

from graphrec.errors import ArgumentError
from graphrec.models import ItemKNN
from graphrec.models.model import target_matrix
from graphrec.models.neighbours import neighbours


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_add_up_the_neighbours_that_the_user_has(weighted: bool) -> None:
    data = dataset_of(communities(1) * np.random.default_rng(0).integers(1, 5, (60, 40)))
    model = ItemKNN(neighbours=5, similarity="pearson", shrinkage=2, weighted=weighted).fit(data)
    taken = target_matrix(data, weighted=weighted)
    near = neighbours(taken, "pearson", 2, 5).toarray()
    rows = np.array([7, 0, 7])
    expected = [[sum(taken[u, j] * near[i, j] for j in range(40)) for i in range(40)] for u in rows]
    np.testing.assert_allclose(model.score(rows), expected, rtol=1e-5, atol=1e-6)


def test_what_the_group_takes_comes_first() -> None:
    scores = ItemKNN().fit(dataset_of(communities())).score(np.arange(60))
    own = np.arange(60)[:, None] % 4 == np.arange(40)[None] % 4
    assert (np.where(own, scores, np.inf).min(1) > np.where(own, -np.inf, scores).max(1)).all()


def test_impossible_fields_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"`similarity` .*'cosine'.*Got 'euclid'"):
        ItemKNN(similarity="euclid")
    with pytest.raises(ArgumentError, match=r"`neighbours` should be greater than or equal to 1\. Got 0"):
        ItemKNN(neighbours=0)
    with pytest.raises(ArgumentError, match="`shrinkage` should be greater than or equal to 0"):
        ItemKNN(shrinkage=-1)


def test_memory_does_not_grow_with_the_square_of_the_items() -> None:
    model = ItemKNN(neighbours=50)
    assert model.memory(10, 2_000_000, 100) < 2.2 * model.memory(10, 1_000_000, 100)
    assert model.memory(10, 100, 100) < model.memory(10, 100, 10_000)
