from __future__ import annotations

import numpy as np
import pytest
from interactions import communities, dataset_of

from graphrec.models import UserKNN
from graphrec.models.model import target_matrix
from graphrec.models.neighbours import neighbours


@pytest.mark.parametrize("weighted", [False, True])
def test_scores_add_up_what_the_neighbours_have(weighted: bool) -> None:
    data = dataset_of(communities(1) * np.random.default_rng(0).integers(1, 5, (60, 40)))
    model = UserKNN(neighbours=5, similarity="jaccard", shrinkage=0, weighted=weighted).fit(data)
    taken = target_matrix(data, weighted=weighted)
    near = neighbours(taken.T.tocsr(), "jaccard", 0, 5).toarray()
    rows = np.array([7, 0, 7])
    expected = [[sum(near[u, v] * taken[v, i] for v in range(60)) for i in range(40)] for u in rows]
    np.testing.assert_allclose(model.score(rows), expected, rtol=1e-5, atol=1e-6)


def test_what_the_group_takes_comes_first() -> None:
    scores = UserKNN().fit(dataset_of(communities())).score(np.arange(60))
    own = np.arange(60)[:, None] % 4 == np.arange(40)[None] % 4
    assert (np.where(own, scores, np.inf).min(1) > np.where(own, -np.inf, scores).max(1)).all()


def test_memory_is_of_the_users() -> None:
    model = UserKNN(neighbours=50)
    assert model.memory(1_000_000, 10, 100) > model.memory(10, 1_000_000, 100) + 5 * 10**8
