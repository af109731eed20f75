from __future__ import annotations

from collections import Counter
from itertools import combinations

import networkx as nx
import numpy as np
import pytest

from graphrec.train.subgraph import Sampler, distinct

LIKES, LIKED, KNOWS = ("u", "likes", "i"), ("i", "liked", "u"), ("u", "knows", "u")
SIZES = {"u": 12, "i": 9, "tag": 3}


def graph(seed: int = 0) -> dict[tuple[str, str, str], np.ndarray]:
    """Return random relationships; user 5 has none, and nothing is tied to a tag."""
    generator = np.random.default_rng(seed)
    likes = np.stack((generator.random((12, 9)) < 0.4).nonzero())
    likes = likes[:, likes[0] != 5]
    knows = np.array([[0, 1, 2, 3], [1, 2, 3, 4]])
    return {LIKES: likes, LIKED: likes[::-1], KNOWS: knows}


def seeds() -> dict[str, np.ndarray]:
    return {"u": np.array([4, 5]), "i": np.array([7])}


@pytest.mark.parametrize("steps", [1, 2, 3])
def test_all_neighbours_are_those_that_networkx_walks_to(steps: int) -> None:
    edges = graph()
    whole = nx.DiGraph()
    whole.add_nodes_from((name, row) for name, n in SIZES.items() for row in range(n))
    for (source, _, target), rows in edges.items():
        whole.add_edges_from(((target, int(b)), (source, int(a))) for a, b in rows.T)
    found = Sampler(edges, SIZES).around(seeds(), [None] * steps, np.random.default_rng(0))
    distance = nx.multi_source_dijkstra_path_length(whole, {("u", 4), ("u", 5), ("i", 7)}, weight=None)
    for hops in range(steps + 1):
        near = {node for node, away in distance.items() if away <= hops}
        there = {(name, int(row)) for name in SIZES for row in found.nodes[name][: found.sizes[hops][name]]}
        assert there == near
    assert all(len(set(rows.tolist())) == len(rows) for rows in found.nodes.values())
    for hops in range(1, steps + 1):
        near = {node for node, away in distance.items() if away <= hops - 1}
        for kind, rows in found.into(hops).items():
            named = Counter(
                zip(found.nodes[kind[0]][rows[0]].tolist(), found.nodes[kind[2]][rows[1]].tolist(), strict=True)
            )
            assert named == Counter((a, b) for a, b in edges[kind].T.tolist() if (kind[2], b) in near)


def test_what_is_drawn_is_there_distinct_and_not_too_much() -> None:
    edges, generator = graph(), np.random.default_rng(3)
    sampler = Sampler(edges, SIZES)
    for _ in range(30):
        found = sampler.around({"u": np.arange(12)}, [2, 1], generator)
        for step, most in ((0, 2), (1, 1)):
            for kind, rows in found.edges[step].items():
                named = [(int(found.nodes[kind[0]][a]), int(found.nodes[kind[2]][b])) for a, b in rows.T]
                assert len(set(named)) == len(named)
                assert set(named) <= set(map(tuple, edges[kind].T.tolist()))
                drawn, all_of = Counter(b for _, b in named), Counter(edges[kind][1].tolist())
                assert all(n == min(most, all_of[b]) for b, n in drawn.items())


def test_the_mean_over_the_drawn_is_on_average_the_mean_over_all() -> None:
    edges, generator = graph(), np.random.default_rng(0)
    values = np.random.default_rng(1).normal(size=9)
    sampler, rounds = Sampler(edges, SIZES), 1000
    users = np.arange(12)
    sums = np.zeros((rounds, 12))
    for each in range(rounds):
        found = sampler.around({"u": users}, [2], generator)
        items, of = found.edges[0][LIKED]
        drawn = values[found.nodes["i"][items]]
        sums[each] = np.bincount(of, drawn, 12) / np.maximum(np.bincount(of, minlength=12), 1)
    for user in users:
        mine = edges[LIKES][1][edges[LIKES][0] == user]
        mean, error = sums[:, user].mean(), sums[:, user].std() / np.sqrt(rounds)
        assert mean == pytest.approx(values[mine].mean() if len(mine) else 0, abs=4.5 * error + 1e-12)
        assert (error > 1e-9) == (len(mine) > 2)


def test_every_set_is_drawn_alike_often() -> None:
    rounds = 20_000
    drawn = distinct(np.full(rounds, 5), 3, np.random.default_rng(0))
    sets = Counter(frozenset(row) for row in drawn.tolist())
    assert set(sets) == {frozenset(each) for each in combinations(range(5), 3)}
    expected = rounds / 10
    assert sum((n - expected) ** 2 / expected for n in sets.values()) < 27.9  # χ² of 9 degrees, 99.9 %


def test_the_same_generator_gives_the_same_and_calls_leave_nothing_behind() -> None:
    sampler = Sampler(graph(), SIZES)
    one, two, other = (sampler.around(seeds(), [2, 2], np.random.default_rng(s)) for s in (1, 1, 2))
    for name in SIZES:
        np.testing.assert_array_equal(one.nodes[name], two.nodes[name])
    for first, second in zip(one.edges, two.edges, strict=True):
        for kind in first:
            np.testing.assert_array_equal(first[kind], second[kind])
    assert any(not np.array_equal(one.nodes[name], other.nodes[name]) for name in SIZES)


def test_no_seed_and_no_neighbour_are_fine() -> None:
    sampler = Sampler({**graph(), ("tag", "of", "i"): np.zeros((2, 0), np.int64)}, SIZES)
    nothing = sampler.around({}, [3, None], np.random.default_rng(0))
    assert all(not len(rows) for rows in nothing.nodes.values())
    alone = sampler.around({"u": np.array([5]), "tag": np.array([2, 0])}, [3], np.random.default_rng(0))
    assert {name: rows.tolist() for name, rows in alone.nodes.items()} == {"u": [5], "i": [], "tag": [2, 0]}
    assert all(rows.shape == (2, 0) for rows in alone.edges[0].values())
