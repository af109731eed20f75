"""The recipes on people, run as an application runs them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import pytest
from store.contract import connect, fill
from store.suggested import (
    BLOCKS,
    DAY,
    FOLLOWS,
    FRIENDS,
    SCHEMA,
    replace,
    say,
    schema_of,
    shown,
    society,
    tie,
)

from graphrec.errors import SchemaError
from graphrec.schema import GraphSchema, Interaction, Node, Social, Suggestions
from graphrec.store.protocol import GraphDescription, RelationshipInfo
from graphrec.store.recipes_people import recipe_on_people
from graphrec.store.suggestions import Stamp

if TYPE_CHECKING:
    from graphrec.store.protocol import GraphStore

COLUMNS = ["user_id", "score", "rank", "reason", "model", "version", "created", "expires"]
ROWS = [
    ("Ann", "Bob", 1, ["Dee", "Eve", "Cy"]),
    ("Ann", "Cy", 4, []),
    ("Ann", "Dee", 5, ["Bob"]),
    ("Ann", "Eve", 6, ["Eve"]),
]


def run(store: GraphStore, name: str, schema: GraphSchema = SCHEMA, **values: Any) -> list[dict[str, Any]]:
    text = recipe_on_people(store.capabilities.dialect, name, schema, store.describe())
    found: list[dict[str, Any]] = store.query(text, values, write=name == "decline").to_pylist()
    return found


def test_my_suggestions_are_those_of_the_read(any_store: GraphStore) -> None:
    store, now = society(any_store), int(time.time())
    assert run(store, "friends", user="Ann", k=5) == []
    stamp = Stamp("blend", 3, now, now + DAY)
    replace(store, *ROWS, stamp=stamp)

    def agree(k: int = 10) -> list[tuple[Any, ...]]:
        found = run(store, "friends", user="Ann", k=k)
        listed = [("Ann", row["user_id"], row["rank"], row["reason"]) for row in found]
        assert listed == shown(store, "Ann", k=k, now=now)
        return listed

    assert [row[1:3] for row in agree()] == [("Bob", 1), ("Cy", 2), ("Dee", 3), ("Eve", 4)]
    assert len(agree(2)) == 2
    first = run(store, "friends", user="Ann", k=1)[0]
    assert list(first) == COLUMNS
    assert list(first.values()) == ["Bob", 1.0, 1, "with Dee, Eve, Cy", "blend", 3, now, stamp.expires]
    tie(store, BLOCKS, ("Cy", "Ann"))
    assert [row[1:] for row in agree()] == [("Bob", 1, "with 3"), ("Dee", 2, "with Bob"), ("Eve", 3, "with Eve")]
    say(store, SCHEMA.suggestions.hidden, {"Bob": True})
    assert agree()[1] == ("Ann", "Dee", 2, "with 1")
    assert run(store, "decline", user="Ann", other="Dee") == [{"declined": 1}]
    assert run(store, "decline", user="Ann", other="Dee") == [{"declined": 1}]
    assert [row[1:3] for row in agree()] == [("Bob", 1), ("Eve", 2)]
    assert [row[1] for row in shown(store, "Ann", now=now - DAY)] == ["Bob", "Eve"]
    replace(store, ("Ann", "Bob", 1, []), stamp=Stamp("blend", 4, now - DAY, now - 1))
    assert agree() == []
    assert run(store, "friends", user="nobody", k=5) == []
    for other in ("nobody", "Ann"):
        assert run(store, "decline", user="Ann", other=other) == [{"declined": 0}]


def test_a_decline_is_written_in_the_type_that_is_there(any_store: GraphStore) -> None:
    now = int(time.time())
    store, old = society(any_store), "2001-02-03T04:05:06"
    replace(store, ("Ann", "Bob", 1, []), stamp=Stamp("m", 1, now, now + DAY))
    own = schema_of(declined="RE`FUSED")
    refused = type(BLOCKS)("RE`FUSED", SCHEMA.user, SCHEMA.user)
    tie(store, refused, ("Cy", "Dee"), ("Ann", "Bob"), **{"a`t": [old, old]})
    assert len(shown(store, "Ann", schema=own, now=now)) == 1
    run(store, "decline", own, user="Ann", other="Bob")
    assert shown(store, "Ann", schema=own, now=now) == []


def test_why_names_what_may_be_named_and_counts_the_rest(any_store: GraphStore) -> None:
    store = society(any_store)
    tie(store, FRIENDS, ("Ann", "Cy"), ("Cy", "Bob"), ("Dee", "Ann"), ("Bob", "Dee"), ("Eve", "Ann"), ("Eve", "Bob"))
    tie(store, FRIENDS, ("Fay", "Ann"), ("Ann", "Ann"), ("Bob", "Bob"), ("Bob", "Fay"), ("Cy", "Ann"))
    tie(store, FOLLOWS, ("Ann", "Eve"))
    for interaction, pairs in (
        ("PLAY`ED", [("Ann", 1), ("Ann", 2), ("Ann", 3), ("Bob", 2), ("Bob", 3)]),
        ("LIKED", [("Ann", 1), ("Bob", 1), ("Cy", 1)]),
    ):
        edge = SCHEMA.relationships[interaction]
        connect(store, edge, {"source": [u for u, _ in pairs], "target": [i for _, i in pairs]})
    city = SCHEMA.relationships["LIVES 'IN'"]
    fill(store, [(city.target, {"key": ["Ro'me"]})])
    connect(store, city, {"source": ["Ann", "Bob"], "target": ["Ro'me", "Ro'me"]})

    def why(user: str = "Ann", other: str = "Bob") -> set[tuple[Any, ...]]:
        found = run(store, "friends_why", user=user, other=other)
        assert all(list(row) == ["kind", "type", "name", "count"] for row in found)
        assert len(found) == len({tuple(row.values()) for row in found})
        return {tuple(row.values()) for row in found}

    things = {
        ("item", "PLAY`ED", "Two", 2),
        ("item", "LIKED", "One", 1),
        ("attribute", "LIVES 'IN'", "Ro'me", 1),
    }
    names = [("friend", "FRIEND`S", f"{name}!", 1) for name in ("Cy", "Dee", "Eve", "Fay")]
    assert why() == {*names, *things}
    say(store, SCHEMA.suggestions.hidden, {"Cy": True})
    say(store, SCHEMA.suggestions.deleted, {"Fay": True})
    tie(store, BLOCKS, ("Ann", "Eve"))
    assert why() == {names[1], ("friend", "FRIEND`S", None, 2), *things}
    assert why("Ann", "nobody") == why("Ann", "Ann") == why("Ann", "Dee") == set()
    tie(store, BLOCKS, ("Bob", "Ann"))
    assert why() == set()


def test_directed_ties_and_integer_keys_without_names(any_store: GraphStore) -> None:
    schema = GraphSchema(
        Node("P", "id", "integer"),
        interactions=[Interaction("R")],
        social=[Social("FOLLOWS", directed=True)],
        suggestions=Suggestions("SUGGESTED", declined="D"),
    )
    fill(any_store, [(schema.user, {"key": [1, 2, 3, 4]}), (schema.item, {"key": ["i"]})])
    connect(any_store, schema.relationships["R"], {"source": [1, 4], "target": ["i", "i"]})
    follows = {"source": [1, 2, 4, 1], "target": [2, 3, 3, 4]}
    connect(any_store, schema.relationships["FOLLOWS"], follows)
    any_store.prepare_suggestions(schema)
    now = int(time.time())
    replace(any_store, (1, 3, 1, [2, 4]), schema=schema, stamp=Stamp("m", 1, now, now + DAY))
    assert [row["user_id"] for row in run(any_store, "friends", schema, user=1, k=3)] == [3]
    found = run(any_store, "friends_why", schema, user=1, other=3)
    assert {(row["name"], row["count"]) for row in found} == {("2", 1), ("4", 1)}
    assert run(any_store, "friends_why", schema, user=3, other=1) == []
    run(any_store, "decline", schema, user=1, other=3)
    assert run(any_store, "friends", schema, user=1, k=3) == []


@pytest.mark.parametrize("directed", [(False, False), (True, True), (True, False)])
def test_ties_of_several_types_are_one_network(any_store: GraphStore, directed: tuple[bool, bool]) -> None:
    """Somebody is in common over ties of any type that run the right way, and counts once."""
    schema = GraphSchema(
        Node("P", "id", "integer"),
        interactions=[Interaction("R")],
        social=[Social(type, directed=way, target=True) for type, way in zip("A`B", directed, strict=False)],
        suggestions=Suggestions("SUGGESTED"),
    )
    a, b = (schema.relationships[tie.type] for tie in schema.social)
    fill(any_store, [(schema.user, {"key": [0, 1, 2, 3, 4, 9]}), (schema.item, {"key": ["i"]})])
    steps = {a: [(0, 1), (0, 2), (9, 3), (0, 4)], b: [(1, 9), (2, 9), (3, 0), (0, 4), (9, 4)]}
    steps[a].append((2, 9))  # 2 is in common twice
    for edge, pairs in steps.items():
        connect(any_store, edge, {"source": [s for s, _ in pairs], "target": [t for _, t in pairs]})
    any_store.prepare_suggestions(schema)
    out = {(s, t) for edge, pairs in steps.items() for s, t in pairs}
    for edge, way in zip(steps, directed, strict=True):
        out |= set() if way else {(t, s) for s, t in steps[edge]}
    found = run(any_store, "friends_why", schema, user=0, other=9)
    expected = {str(m) for m in (1, 2, 3, 4) if {(0, m), (m, 9)} <= out}
    assert {(row["type"], row["name"], row["count"]) for row in found} == {("A or `", m, 1) for m in expected}
    assert expected == {(False, False): set("1234"), (True, True): set("12"), (True, False): set("124")}[directed]


@pytest.mark.parametrize("dialect", ["neo4j", "ladybug"])
def test_what_a_schema_must_name(dialect: Any) -> None:

    tie = RelationshipInfo("SUGGESTED", "User", "User", 0, {})
    nothing = GraphDescription({}, [tie])
    with pytest.raises(SchemaError, match="no relationship for declined"):
        recipe_on_people(dialect, "decline", GraphSchema(), nothing)
    with pytest.raises(SchemaError, match="no ties"):
        recipe_on_people(dialect, "friends_why", GraphSchema(), nothing)


def test_a_graph_file_must_be_prepared() -> None:
    with pytest.raises(SchemaError, match=r"no relationship types .*MUTES.* yet\. Suggest people once"):
        recipe_on_people("ladybug", "friends", SCHEMA, GraphDescription({}, []))
    assert recipe_on_people("neo4j", "friends", SCHEMA, GraphDescription({}, []))
