from __future__ import annotations

import pandas as pd
import pytest

from graphrec.errors import ArgumentError, SchemaError
from graphrec.graph import Graph
from graphrec.publish.numbers import write_numbers
from graphrec.schema import GraphSchema, Interaction, Node, Social, Suggestions

SCHEMA = GraphSchema(
    user=Node("Person", key="nick", name="called", properties=["city"]),
    item=Node("Song", key="id"),
    interactions=[Interaction("HEARD")],
    social=[Social("KNOWS", directed=True)],
    suggestions=Suggestions(hidden="shy", opted_out="out", deleted="gone"),
)


@pytest.fixture
def graph(any_store):
    graph = Graph(any_store, SCHEMA)
    people = pd.DataFrame(
        {"nick": ["a", "b", "c", "d"], "called": ["Ann", "Bo", "Cy", "Di"], "shy": [False, True] * 2}
    )
    graph.load(
        {"Person": people.assign(height=1.5), "Song": pd.DataFrame({"id": [1]})},
        {
            "KNOWS": pd.DataFrame({"source": ["a", "b", "d"], "target": ["b", "a", "d"]}),
            "HEARD": pd.DataFrame({"source": ["a"], "target": [1]}),
        },
    )
    return graph


def held(graph, name):
    found = graph.query(f"MATCH (p:Person) RETURN p.nick AS nick, p.`{name}` AS value, p.called AS called")
    assert sorted(found["called"]) == ["Ann", "Bo", "Cy", "Di"]  # nothing else changed, nobody was added
    return dict(zip(found["nick"], found["value"], strict=True))


def test_analyse_writes_communities_when_asked(graph):
    before = graph.dataset().fingerprint
    found = graph.analyse()
    assert found.values["reciprocity"] == 1
    assert found.hubs["name"].tolist() == ["Ann", None]  # read from the graph; Bo hides
    assert "community" not in graph.store.describe().labels["Person"].properties
    graph.analyse(write="odd `name`")
    assert held(graph, "odd ``name``") == {"a": 0, "b": 0, "c": -1, "d": -1}
    assert graph.dataset().fingerprint == before


def test_a_later_analysis_replaces_the_numbers_and_leaves_out_who_is_gone(graph):
    found = graph.analyse(write="group").communities
    graph.load({}, {"KNOWS": pd.DataFrame({"source": ["c"], "target": ["a"]})})
    numbers = pd.concat(
        [found.rename(columns={"community": "number"}), pd.DataFrame({"key": ["zoe"], "number": [0]})]
    )
    gone = graph.store, SCHEMA, SCHEMA.user, numbers, "group"
    for ask in (lambda: graph.analyse(write="group"), lambda: write_numbers(*gone)):
        with pytest.raises(ArgumentError, match=r"`write` must be new.*'group'"):
            ask()
    assert held(graph, "group") == {"a": 0, "b": 0, "c": -1, "d": -1}
    assert write_numbers(*gone, overwrite=True) == 4
    graph.analyse(write="group", overwrite=True)
    assert held(graph, "group") == {"a": 0, "b": 0, "c": 0, "d": -1}


def test_a_name_that_is_taken_or_none_is_refused(graph):
    for name in [
        "nick",
        "called",
        "city",
        "shy",
        "out",
        "gone",
        "height",
        "SUGGESTED_state",
        "",
        " ",
        "a\0b",
        "x" * 1001,
    ]:
        with pytest.raises(ArgumentError, match=r"`write` must .* Give another name"):
            graph.analyse(write=name, overwrite=True)
    assert graph.store.describe().labels["Person"].properties.keys() == {"nick", "called", "shy", "height"}


def test_a_graph_of_people_alone_will_do(any_store):
    graph = Graph(any_store, SCHEMA)
    graph.load(
        {"Person": pd.DataFrame({"nick": ["a", "b", "c"]})},
        {"KNOWS": pd.DataFrame({"source": ["a"], "target": ["b"]})},
    )
    found = graph.analyse(write="group")
    assert (found.values["users"], found.values["ties"], found.values["items"]) == (3, 1, 0)
    assert any("'Song'" in note for note in found.data.notes)
    rows = graph.query("MATCH (p:Person) RETURN p.nick AS nick, p.`group` AS value")
    assert dict(zip(rows["nick"], rows["value"], strict=True)) == {"a": 0, "b": 0, "c": -1}


def test_a_graph_without_the_users_is_refused(any_store):
    with pytest.raises(SchemaError, match=r"(?s)The ties between users .*'Person'"):
        Graph(any_store, SCHEMA).analyse()
