"""The sums over paths, against NetworkX and dense products."""

from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from social.graphs import dense_sums, everybody, members_of, random_ties

from graphrec.social.paths import ADAMIC_ADAR, COMMON, RESOURCE_ALLOCATION, THREE_STEPS, Paths


@pytest.mark.parametrize("seed", range(8))
def test_undirected_sums_are_networkx_s_own(seed: int) -> None:
    ties = random_ties(seed)
    graph, n = nx.from_scipy_sparse_array(ties), ties.shape[0]
    pairs = [(u, v) for u in range(n) for v in range(n) if u != v]
    found = Paths(ties, ties, members_of(ties), 10**9).at(np.arange(n), everybody(n))
    common = [len(list(nx.common_neighbors(graph, u, v))) for u, v in pairs]
    assert [found[u, v, COMMON] for u, v in pairs] == common
    for place, index in (
        (ADAMIC_ADAR, nx.adamic_adar_index),
        (RESOURCE_ALLOCATION, nx.resource_allocation_index),
    ):
        expected = [p for _, _, p in index(graph, pairs)]
        np.testing.assert_allclose([found[u, v, place] for u, v in pairs], expected, rtol=1e-5)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("directed", [False, True])
def test_all_sums_are_dense_products(seed: int, directed: bool) -> None:
    ties = random_ties(seed, directed=directed)
    n = ties.shape[0]
    found = Paths(ties, ties, members_of(ties), 10**9, steps=3).at(np.arange(n), everybody(n))
    for place, expected in enumerate(dense_sums(ties)):
        np.testing.assert_allclose(found[..., place], expected, rtol=1e-4)


@pytest.mark.parametrize("seed", range(6))
def test_hubs_count_in_two_steps_and_end_three(seed: int) -> None:
    hub, ties = 4, random_ties(seed)
    n, sums = ties.shape[0], dense_sums(ties)
    found = Paths(ties, ties, members_of(ties), hub, steps=3).at(np.arange(n), everybody(n))
    for place in range(3):
        np.testing.assert_allclose(found[..., place], sums[place], rtol=1e-4)
    a, size = ties.toarray(), np.maximum(members_of(ties), 2)
    small = np.diag((members_of(ties) <= hub) / size)  # no path of three steps goes through a hub first
    third = a @ small @ a @ np.diag(1 / size) @ a
    third[:, members_of(ties) > hub] = 0
    np.testing.assert_allclose(found[..., THREE_STEPS], third, rtol=1e-4)


def test_things_in_common() -> None:
    of = sp.csr_array(np.array([[1, 1, 0], [0, 1, 1], [0, 1, 0], [0, 0, 0]], np.float32))
    to = of.T.tocsr()
    found = Paths(of, to, np.diff(to.indptr), 10**9).at(np.arange(4), everybody(4))
    third = 1 / np.log(3)  # three people have the second thing
    np.testing.assert_allclose(found[0, 1], [1, third, 1 / 3], rtol=1e-6)
    np.testing.assert_allclose(found[0, 0], [2, third + 1 / np.log(2), 1 / 3 + 1 / 2], rtol=1e-6)
    assert (found[3] == 0).all()
    assert (found[:, 3] == 0).all()


def test_nobody_has_nothing() -> None:
    ties = random_ties(5)
    others = np.array([[-1, 1, -1]], np.int32)
    found = Paths(ties, ties, members_of(ties), 10**9).at(np.array([0]), others)
    assert (found[0, [0, 2]] == 0).all()
