"""Personalised PageRank, against NetworkX."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from social.graphs import everybody, random_ties

from graphrec.social.pagerank import PageRank


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("directed", [False, True])
def test_walks_are_networkx_s_own(seed: int, directed: bool) -> None:
    ties = random_ties(seed, directed=directed)
    n = ties.shape[0]
    graph = nx.from_scipy_sparse_array(ties, create_using=nx.DiGraph)
    found = PageRank(ties, 0.15, 1e-7).at(np.arange(n), everybody(n))[..., 0]
    for u in range(n):
        exact = nx.pagerank(graph, 0.85, personalization={u: 1}, dangling={u: 1}, tol=1e-12, max_iter=1000)
        np.testing.assert_allclose(found[u], [exact[v] for v in range(n)], atol=2e-5)


@pytest.mark.parametrize("precision", [1e-2, 1e-4])
def test_no_value_is_too_high_and_what_is_left_is_bounded(precision: float) -> None:
    ties = random_ties(7)
    n, degrees = ties.shape[0], np.diff(ties.indptr)
    step = ties.toarray() / np.maximum(degrees, 1)[:, None]
    step[degrees == 0] = np.eye(n)[degrees == 0]
    exact = 0.15 * np.linalg.inv(np.eye(n) - 0.85 * step)
    found = PageRank(ties, 0.15, precision).at(np.arange(n), everybody(n))[..., 0]
    assert (found <= exact + 1e-6).all()
    missing = np.where(degrees > 0, 1 - found.sum(axis=1), 0)
    assert (missing <= precision * np.maximum(degrees, 1).sum() + 1e-5).all()


def test_the_nearest_are_the_ones_with_most_visits() -> None:
    ties = random_ties(11)
    n = ties.shape[0]
    walks = PageRank(ties, precision=1e-7)
    values = walks.at(np.arange(n), everybody(n))[..., 0]
    found = walks.nearest(np.arange(n), 4, ties, np.ones(n, np.bool_))
    for u in range(n):
        may = [v for v in range(n) if v != u and not ties[u, v] and values[u, v] > 0]
        best = sorted(may, key=lambda v: (-values[u, v], v))[:4]
        assert found.rows[u].tolist() == best + [-1] * (4 - len(best))


def test_walks_of_somebody_without_ties_stay() -> None:
    found = PageRank(sp.csr_array((3, 3), dtype=np.float32)).at(np.array([1]), everybody(3)[:1])
    np.testing.assert_allclose(found[0, :, 0], [0, 1, 0], atol=1e-4)
