from __future__ import annotations

import math
import random
import sys

import networkx as nx
import numpy as np
import pytest
import scipy.optimize
import scipy.special
from ties import as_networkx, tied

from graphrec.errors import MissingExtraError
from graphrec.social.communities import FITTED, find, places, seeded, tail_of
from graphrec.social.network import network_of

TWO_CLIQUES = [(a, b) for start in (0, 5) for a in range(start, start + 5) for b in range(a)] + [(4, 5)]
TWO_CLIQUES = [(a, b) for a, b in TWO_CLIQUES if (a < 5) == (b < 5) or (a, b) == (4, 5)]


@pytest.mark.parametrize("directed", [False, True])
def test_clustering_and_modularity_are_networkx_own(directed: bool) -> None:
    for seed in range(40):
        n = 14
        graph = nx.gnp_random_graph(n, 0.02 + 0.012 * seed, seed=seed, directed=directed)
        network = network_of(tied(n, graph.edges, directed=[directed]))
        found = find(network, seed=0)
        plain = as_networkx(n, graph.edges)
        assert found.clustering == pytest.approx(nx.average_clustering(plain))
        assert found.transitivity == pytest.approx(nx.transitivity(plain))
        alone = set(nx.isolates(plain))
        assert set(np.flatnonzero(found.community < 0)) == alone
        groups = [set(np.flatnonzero(found.community == c)) for c in range(found.community.max() + 1)]
        sizes = [len(group) for group in groups]
        assert sizes == sorted(sizes, reverse=True)
        assert 0 not in sizes
        if plain.size():
            wanted = nx.community.modularity(plain, [*groups, *({u} for u in alone)])
            assert found.modularity == pytest.approx(wanted)
            greedy = nx.community.modularity(plain, nx.community.greedy_modularity_communities(plain))
            assert found.modularity >= greedy - 0.05  # good communities, not just any


def test_planted_communities_are_found_largest_first() -> None:
    found = find(network_of(tied(12, [*TWO_CLIQUES, (9, 10)])), seed=0)
    assert found.community.tolist() == [1] * 5 + [0] * 6 + [-1]


@pytest.mark.parametrize("pairs", [[], [(1, 1), (2, 2)]], ids=["no ties", "only ties to oneself"])
def test_without_ties_nobody_is_in_a_community(pairs: list[tuple[int, int]]) -> None:
    found = find(network_of(tied(3, pairs)), seed=0)
    assert found.community.tolist() == [-1] * 3
    assert (found.clustering, found.transitivity) == (0.0, 0.0)
    assert math.isnan(found.modularity)
    empty = find(network_of(tied(0, [])), seed=0)
    assert len(empty.community) == 0
    assert math.isnan(empty.clustering)


def test_one_user_tied_to_everyone() -> None:
    found = find(network_of(tied(50, [(0, i) for i in range(1, 50)])), seed=0)
    assert set(found.community) == {0}
    assert (found.clustering, found.transitivity, found.modularity) == (0.0, 0.0, pytest.approx(0.0))


def test_the_seed_decides_and_pythons_generator_is_left_alone() -> None:
    graph = nx.gnp_random_graph(150, 0.03, seed=1)  # no clear communities: chance has much to say
    network = network_of(tied(150, graph.edges))
    runs = [find(network, seed).community.tolist() for seed in (0, 0, 1, 2)]
    assert runs[0] == runs[1]
    assert runs[0] != runs[2] or runs[0] != runs[3]
    random.seed(7)
    expected = random.random()
    random.seed(7)
    find(network, 3)
    assert random.random() == expected
    with pytest.raises(ZeroDivisionError), seeded(0):
        _ = 1 / 0


def test_the_power_law_is_the_most_likely_one() -> None:
    degrees = np.random.default_rng(0).zipf(2.5, 3000)
    tail = tail_of(degrees)
    assert tail is not None
    some = degrees[degrees >= tail.start]

    def unlikely(exponent: float) -> float:  # Clauset et al., eq. 3.5
        zeta = scipy.special.zeta(exponent, tail.start)
        return float(len(some) * np.log(zeta) + exponent * np.log(some).sum())

    best = scipy.optimize.minimize_scalar(unlikely, bounds=(1.1, 6), method="bounded").x
    assert tail.exponent == pytest.approx(best, abs=1e-3)
    assert tail.exponent == pytest.approx(2.5, abs=0.15)


def test_few_or_equal_degrees_have_no_tail() -> None:
    assert tail_of(np.arange(FITTED)) is None
    assert tail_of(np.full(500, 3)) is None
    assert tail_of(np.zeros(500, np.int64)) is None


def test_users_with_ties_are_drawn_near_each_other() -> None:
    network = network_of(tied(10, TWO_CLIQUES))
    at = places(network, seed=0)
    assert np.array_equal(at, places(network, seed=0))
    distance = np.linalg.norm(at[:, None] - at, axis=2)
    within, across = distance[:5, :5].max(), distance[:4, 6:].min()
    assert within < across
    assert places(network_of(tied(0)), seed=0).shape == (0, 2)


def test_a_missing_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "igraph", None)
    with pytest.raises(MissingExtraError, match=r"analysis of ties .* pip install 'graphrec\[analysis\]'"):
        find(network_of(tied(3, [(0, 1)])), seed=0)
