from __future__ import annotations

import json

import pytest
from planted import planted
from store.memory import MemoryStore

from graphrec.publish.drift import drifted, sizes
from graphrec.publish.version import Version


def version(graph):
    return Version("m", 7, "a", "x", 8, 1.0, False, True, "f", 3, 4, "2026-01-01", graph=graph)


def test_sizes_count_what_is_predicted():
    graph = planted(MemoryStore())
    interactions = len(graph.dataset().edges["BOUGHT"])
    assert json.loads(sizes(graph.store, graph.schema)) == {"users": 12, "items": 30, "interactions": interactions}


def test_sizes_leave_out_relationships_of_the_same_type_between_other_labels():
    graph = planted(MemoryStore())
    user, item = graph.schema.user.label, graph.schema.item.label
    before, plan = sizes(graph.store, graph.schema), graph.plan()
    for ends in (("Company", item), (user, "Featured")):
        graph.store.edges["BOUGHT", *ends] = graph.store.edges["BOUGHT", user, item]
    assert sizes(graph.store, graph.schema) == before
    assert graph.plan().interactions == plan.interactions


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"users": 110, "items": 10, "interactions": 5000}, []),
        ({"users": 111, "items": 9, "interactions": 5000}, ["111 users, 11% more than the 100 when version 7"]),
        ({"users": 100, "items": 12, "interactions": 9999}, ["12 items, 20% more", "9,999 interactions, 100% more"]),
    ],
)
def test_more_than_a_tenth_is_drift(now, said):
    then = json.dumps({"users": 100, "items": 10, "interactions": 5000})
    found = drifted(version(then), json.dumps(now))
    assert len(found) == len(said)
    assert all(part in text for part, text in zip(said, found, strict=True))


def test_a_record_of_an_older_graphrec_says_nothing():
    assert drifted(version(None), json.dumps({"users": 5, "items": 5, "interactions": 5})) == []
    assert drifted(version('{"users": 0, "items": 1}'), '{"users": 5, "items": 1, "interactions": 5}') == []
