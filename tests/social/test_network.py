from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ties import as_networkx, tied

from graphrec.errors import SchemaError
from graphrec.schema import GraphSchema
from graphrec.social.network import network_of

if TYPE_CHECKING:
    from graphrec.social.network import Network

N = 7
PAIRS = st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)), max_size=30)


def arcs(network: Network) -> set[tuple[int, int]]:
    return set(zip(network.source.tolist(), network.target.tolist(), strict=True))


def assortativity_by_networkx(graph: nx.Graph) -> float:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # NetworkX divides by zero where nothing varies
        return float(nx.degree_assortativity_coefficient(graph)) if graph.size() else math.nan


@given(PAIRS, st.booleans())
@settings(max_examples=150, deadline=None)
def test_ties_are_what_networkx_keeps_of_the_rows(pairs: list[tuple[int, int]], directed: bool) -> None:
    network = network_of(tied(N, pairs, directed=[directed]))
    graph = as_networkx(N, pairs, directed=directed)
    assert arcs(network) == (set(graph.edges) if directed else {(min(e), max(e)) for e in graph.edges})
    assert network.self_ties == sum(a == b for a, b in pairs)
    assert len(network) + network.self_ties + network.duplicates == len(pairs)
    sizes = nx.weakly_connected_components(graph) if directed else nx.connected_components(graph)
    assert network.components().tolist() == sorted(map(len, sizes), reverse=True)
    found = network.degrees()
    if directed:
        strong = sorted(map(len, nx.strongly_connected_components(graph)), reverse=True)
        assert network.components(strong=True).tolist() == strong
        assert found["in"].tolist() == [graph.in_degree(u) for u in range(N)]
        assert found["out"].tolist() == [graph.out_degree(u) for u in range(N)]
        plain = {(min(e), max(e)) for e in graph.to_undirected().edges}
        assert arcs(network.undirected()) == plain
    else:
        assert found["degree"].tolist() == [graph.degree(u) for u in range(N)]
        assert network.undirected() is network


@pytest.mark.parametrize("directed", [False, True])
def test_assortativity_is_networkx_own(directed: bool) -> None:
    seen = 0
    for seed in range(40):
        graph = nx.gnp_random_graph(12, 0.05 + 0.01 * seed, seed=seed, directed=directed)
        found = network_of(tied(12, graph.edges, directed=[directed])).assortativity()
        wanted = assortativity_by_networkx(graph)
        assert found == pytest.approx(wanted, abs=1e-9, nan_ok=True)
        seen += not math.isnan(found)
    assert seen > 30


@pytest.mark.parametrize("directed", [False, True])
def test_degrees_that_do_not_vary_have_no_correlation(directed: bool) -> None:
    ring = [(i, (i + 1) % 7) for i in range(7)]
    assert math.isnan(network_of(tied(7, ring, directed=[directed])).assortativity())
    assert math.isnan(network_of(tied(7, [], directed=[directed])).assortativity())


def test_a_star_is_as_disassortative_as_can_be() -> None:
    assert network_of(tied(9, [(0, i) for i in range(1, 9)])).assortativity() == pytest.approx(-1)


@given(PAIRS, PAIRS)
@settings(max_examples=100, deadline=None)
def test_where_one_type_is_directed_undirected_ties_run_both_ways(
    friends: list[tuple[int, int]], follows: list[tuple[int, int]]
) -> None:
    network = network_of(tied(N, friends, follows, directed=[False, True]))
    both = {pair for a, b in friends for pair in ((a, b), (b, a)) if a != b}
    assert network.directed
    assert arcs(network) == both | {(a, b) for a, b in follows if a != b}
    # a row is repeated where it adds nothing to the rows before it, friends first
    known: set[tuple[int, int]] = set()
    repeated = 0
    for a, b, ways in [*((a, b, 2) for a, b in friends), *((a, b, 1) for a, b in follows)]:
        added = {(a, b), (b, a)} if ways == 2 else {(a, b)}
        if a != b:
            repeated += added <= known
            known |= added
    assert network.duplicates == repeated
    assert network.self_ties == sum(a == b for a, b in [*friends, *follows])


def test_only_the_target_ties_count() -> None:
    data = tied(4, [(0, 1)], [(2, 3)], directed=[False, True])
    schema = data.schema.model_copy(
        update={"social": (data.schema.social[0], data.schema.social[1].model_copy(update={"target": False}))}
    )
    network = network_of(type(data)(schema, data.nodes, data.edges))
    assert (network.directed, arcs(network)) == (False, {(0, 1)})


def test_a_schema_without_ties_says_how_to_name_them() -> None:
    data = tied(3, [(0, 1)])
    with pytest.raises(SchemaError, match=r"names no ties .* social"):
        network_of(type(data)(GraphSchema(), data.nodes, data.edges))


def test_users_without_number_and_rows_of_many_users() -> None:
    assert network_of(tied(0)).components().tolist() == []
    n = 100_000  # pairs as one number must not overflow 32 bits
    network = network_of(tied(n, [(n - 1, n - 2), (n - 2, n - 1), (0, n - 1)]))
    assert arcs(network) == {(n - 2, n - 1), (0, n - 1)}
    assert network.duplicates == 1
    assert np.array_equal(network.components()[:2], [3, 1])
