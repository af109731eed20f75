from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pytest
from ties import tied

from graphrec.report.graph_figures import degree_figure, sample_figure, segments, sizes_figure
from graphrec.social.analysis import analyse


def test_the_degree_curve_is_the_share_of_users_with_so_many_or_more() -> None:
    (trace,) = degree_figure(analyse(tied(5, [(0, 1), (0, 2), (0, 3), (1, 2)])))["data"]
    assert trace["x"] == [1, 2, 3]  # degrees 3, 2, 2, 1, 0
    assert trace["y"] == pytest.approx([4 / 5, 3 / 5, 1 / 5])
    followed = degree_figure(analyse(tied(3, [(0, 1), (2, 1)], directed=[True])))
    assert [(t["name"], t["x"], t["y"]) for t in followed["data"]] == [
        ("Incoming", [2], pytest.approx([1 / 3])),
        ("Outgoing", [1], pytest.approx([2 / 3])),
    ]
    assert followed["layout"]["xaxis"]["type"] == followed["layout"]["yaxis"]["type"] == "log"


def test_sizes_stand_by_rank_and_long_lists_are_thinned() -> None:
    figure = sizes_figure(analyse(tied(8, [(0, 1), (1, 2), (0, 2), (4, 5)])))
    assert {t["name"]: (t["x"], t["y"]) for t in figure["data"]} == {
        "Communities": ([1, 2], [3, 2]),
        "Components": ([1, 2, 3, 4, 5], [3, 2, 1, 1, 1]),
    }
    components = sizes_figure(analyse(tied(5000, [(0, 1)])))["data"][1]
    assert len(components["x"]) <= 400
    assert (components["x"][0], components["x"][-1], components["y"][0]) == (1, 4999, 2)


def test_a_small_graph_is_drawn_whole() -> None:
    pairs = [(0, 1), (1, 2), (0, 2), (4, 5), (3, 3)]
    figure = sample_figure(analyse(tied(7, pairs)))
    assert figure["layout"]["meta"] == {"users": 5, "ties": 4, "of_ties": 4, "whole": True}
    edges, *groups = figure["data"]
    assert {trace["name"]: trace["text"] for trace in groups} == {
        "Community 0": ["User 0 (0)", "1", "User 2 (2)"],  # user 1 hides the name
        "Community 1": ["User 4 (4)", "User 5 (5)"],
    }
    points = {
        int(text.rstrip(")").split("(")[-1]): (x, y)
        for trace in groups
        for x, y, text in zip(trace["x"], trace["y"], trace["text"], strict=True)
    }
    places = list(zip(edges["x"], edges["y"], strict=True))
    assert places[2::3] == [(None, None)] * 4
    ends = [min(points, key=lambda u, p=place: math.dist(points[u], p)) for place in places if place[0] is not None]
    assert {frozenset(pair) for pair in zip(ends[::2], ends[1::2], strict=True)} == set(map(frozenset, pairs[:4]))


def test_a_large_graph_is_sampled_by_community(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.report.graph_figures.DRAWN_TIES", 50)
    graph = nx.planted_partition_graph(8, 70, 0.3, 0.002, seed=0)
    analysis = analyse(tied(560, graph.edges))
    figure = sample_figure(analysis)
    shown = figure["layout"]["meta"]
    assert shown == {"users": 360, "ties": 50, "of_ties": shown["of_ties"], "whole": False}
    edges, *groups = figure["data"]
    assert {(trace["name"], len(trace["x"])) for trace in groups} == {(f"Community {c}", 60) for c in range(6)}
    assert len(edges["x"]) == 150
    keys = {trace["name"]: [int(t.rstrip(")").split("(")[-1]) for t in trace["text"]] for trace in groups}
    among = graph.subgraph([key for each in keys.values() for key in each])
    assert shown["of_ties"] == among.size()
    community = analysis.communities["community"].to_numpy()
    degree = np.array([graph.degree(u) for u in range(560)])
    for name, drawn in keys.items():
        left_out = set(np.flatnonzero(community == int(name[-1]))) - set(drawn)
        assert max(degree[list(left_out)], default=0) <= min(degree[drawn])
    assert sample_figure(analysis) == figure


def test_segments_end_in_gaps() -> None:
    at = np.array([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    assert segments(at, np.array([[0, 1], [2, 0]])) == ([0, 2, None, 4, 0, None], [1, 3, None, 5, 1, None])
    assert segments(at, np.zeros((0, 2), np.int64)) == ([], [])
