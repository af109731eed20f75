"""What every store must do with suggestions of people: over the oracle, a graph file and a Neo4j server."""

from __future__ import annotations

import datetime as dt
import random
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from store.contract import fill
from store.memory import MemoryStore
from store.suggested import (
    BLOCKS,
    DAY,
    DECLINED,
    FOLLOWS,
    FRIENDS,
    KNOWS,
    MUTES,
    NOW,
    PEOPLE,
    SCHEMA,
    STAMP,
    SUGGESTED,
    everybody,
    replace,
    rows_of,
    say,
    schema_of,
    shown,
    society,
    tie,
    twice,
    untie,
)

from graphrec.errors import ArgumentError, PublishError, SchemaError, UnknownKeyError
from graphrec.schema import GraphSchema, Interaction, Node, Relationship, Social, Suggestions
from graphrec.store.ladybug import LadybugStore
from graphrec.store.protocol import Fence
from graphrec.store.suggestions import SHOWN, Stamp, state_property

if TYPE_CHECKING:
    from graphrec.store.protocol import GraphStore

WHO = SCHEMA.suggestions


@pytest.fixture(params=["memory", "ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest) -> GraphStore:
    if request.param == "memory":
        return society(MemoryStore())
    name = {"ladybug": "ladybug_store", "neo4j": "kept"}[request.param]
    return society(request.getfixturevalue(name))


def others(store: GraphStore, user: str = "Ann", **options: Any) -> list[str]:
    return [row[1] for row in shown(store, user, **options)]


def stored(store: GraphStore) -> set[tuple[str, str]]:
    found = store.snapshot([SCHEMA.user], [SUGGESTED])
    keys, edges = found.nodes[SCHEMA.user.label]["key"].to_pylist(), found.edges[SUGGESTED.type]
    return {(keys[a], keys[b]) for a, b in zip(*edges.select([0, 1]).to_pydict().values(), strict=True)}


def test_lists_come_back_best_first_with_all_that_they_carry(store: GraphStore) -> None:
    assert replace(store, ("Ann", "Cy", 2, ["Bob"]), ("Ann", "Bob", 1, []), ("Dee", "Ann", 7, [])) == 3
    found = store.suggestions(SCHEMA, pa.array(["Ann"]), 10, NOW)
    assert found.to_pylist() == [
        dict(zip(SHOWN, ("Ann", "Bob", 1.0, 1, "no names", "blend", 3, NOW, STAMP.expires), strict=True)),
        dict(zip(SHOWN, ("Ann", "Cy", 0.5, 2, "with Bob", "blend", 3, NOW, STAMP.expires), strict=True)),
    ]
    assert shown(store, "Dee", "Ann", "Ann", "nobody", k=1) == [
        ("Ann", "Bob", 1, "no names"),
        ("Dee", "Ann", 1, "no names"),
    ]
    assert [row[:2] for row in shown(store)] == [("Ann", "Bob"), ("Ann", "Cy"), ("Dee", "Ann")]
    assert shown(store, "Ann", k=0) == shown(store, "nobody") == []


def test_a_users_list_is_replaced_and_the_others_stay(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, []), ("Ann", "Cy", 2, []), ("Bob", "Cy", 1, []))
    assert replace(store, ("Ann", "Dee", 1, []), users=["Ann", "Cy", "nobody"], state=9) == 1
    assert [row[:2] for row in shown(store)] == [("Ann", "Dee"), ("Bob", "Cy")]
    states = store.snapshot([Node(*_key(), properties=(state_property(SCHEMA),))], []).nodes[SCHEMA.user.label]
    known = dict(zip(states["key"].to_pylist(), states[state_property(SCHEMA)].to_pylist(), strict=True))
    assert known == {"Ann": 9, "Bob": 5, "Cy": 9, "Dee": None, "Eve": None, "Fay": None}
    assert replace(store, users=["Ann", "Bob"]) == 0
    assert shown(store) == []


def _key() -> tuple[str, str, str]:
    return SCHEMA.user.label, SCHEMA.user.key, "string"


def test_rows_of_people_who_are_gone_are_left_out(store: GraphStore) -> None:
    assert replace(store, ("Ann", "nobody", 1, []), ("nobody", "Ann", 1, []), ("Ann", "Cy", 2, ["nobody"])) == 1
    assert shown(store) == [("Ann", "Cy", 1, "with 1")]


def test_who_is_never_suggested_is_not_written(store: GraphStore) -> None:
    tie(store, FRIENDS, ("Ann", "Bob"), ("Cy", "Cy"))
    twice(store, FOLLOWS, ("Ann", "Cy"))
    tie(store, KNOWS, ("Ann", "Dee"))
    tie(store, BLOCKS, ("Dee", "Bob"))
    tie(store, MUTES, ("Cy", "Dee"))
    say(store, WHO.opted_out, {"Eve": True})
    say(store, WHO.deleted, {"Fay": True})
    store.decline(SCHEMA, "Dee", "Ann", NOW)
    wanted = {("Ann", "Dee"), ("Bob", "Cy"), ("Cy", "Ann"), ("Cy", "Bob")}
    assert replace(store, *everybody()) == len(wanted)
    assert stored(store) == wanted


def test_what_comes_between_two_people_counts_when_it_is_read(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, []), ("Ann", "Cy", 2, []))
    for relationship, pair, hidden in (
        (FRIENDS, ("Ann", "Bob"), True),
        (FRIENDS, ("Bob", "Ann"), True),
        (FOLLOWS, ("Ann", "Bob"), True),
        (FOLLOWS, ("Bob", "Ann"), False),
        (KNOWS, ("Ann", "Bob"), False),
        (BLOCKS, ("Ann", "Bob"), True),
        (MUTES, ("Bob", "Ann"), True),
        (FRIENDS, ("Bob", "Bob"), False),
        (BLOCKS, ("Ann", "Ann"), False),
    ):
        tie(store, relationship, pair)
        left = ["Cy"] if hidden else ["Bob", "Cy"]
        assert shown(store, "Ann") == [("Ann", other, rank, "no names") for rank, other in enumerate(left, 1)]
        untie(store, relationship, pair)
    assert others(store) == ["Bob", "Cy"]


def test_a_property_of_any_type_says_yes(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, ["Cy"]), ("Ann", "Dee", 2, []), ("Bob", "Ann", 1, []))
    day = dt.date(2020, 1, 1)
    for n, (yes, no) in enumerate(
        (
            (True, False),
            (-2, 0),
            (0.5, -0.0),
            ("false", ""),
            ("0", None),
            (dt.datetime(2020, 1, 1), None),
            (day, None),
        )
    ):
        for values, says in (({"Bob": no, "Cy": no}, False), ({"Bob": yes, "Cy": yes}, True)):
            if no is None and not says:
                continue
            name = f"p`{n if isinstance(store, LadybugStore) else 0}"  # there a property has one type
            say(store, name, values)
            for meaning in ("opted_out", "deleted"):
                left = ["Dee"] if says else ["Bob", "Dee"]
                people = schema_of(hidden=None, **{meaning: name})
                assert shown(store, schema=people) == [
                    *[("Ann", v, i, "with 1" if v == "Bob" and says else "no names" if v == "Dee" else "with Cy")
                      for i, v in enumerate(left, 1)],
                    *([] if says else [("Bob", "Ann", 1, "no names")]),
                ], (yes, no, says, meaning)  # fmt: skip
            named = shown(store, "Ann", schema=schema_of(hidden=name))[0]
            assert named == ("Ann", "Bob", 1, "with 1" if says else "with Cy")


def test_a_reason_names_nobody_who_does_not_want_it(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, ["Cy", "Eve", "Dee"]))
    full, brief = [("Ann", "Bob", 1, "with Cy, Eve, Dee")], [("Ann", "Bob", 1, "with 3")]
    assert shown(store) == full
    for relationship, pair in ((BLOCKS, ("Dee", "Ann")), (MUTES, ("Ann", "Cy"))):
        tie(store, relationship, pair)
        assert shown(store) == brief
        untie(store, relationship, pair)
        assert shown(store) == full
    store.delete_nodes(SCHEMA.user, pa.array(["Dee"]))
    assert shown(store) == brief


def test_what_has_expired_is_not_shown_and_goes(store: GraphStore) -> None:
    early = Stamp("blend", 2, NOW, NOW + 10)
    replace(store, ("Ann", "Bob", 1, []), stamp=early)
    replace(store, ("Bob", "Cy", 1, []), ("Cy", "Dee", 1, []))
    replace(store, ("Dee", "Ann", 1, []), stamp=Stamp("blend", 4, NOW, NOW - 1))
    assert others(store, now=NOW + 9.5) == ["Bob"]
    assert others(store, now=NOW - 99 * DAY) == ["Bob"]  # a clock that goes backwards
    assert others(store, now=NOW + 10) == []
    assert store.remove_suggestions(SCHEMA, NOW + 9) == 1
    assert store.remove_suggestions(SCHEMA, NOW + 10) == 1
    assert store.remove_suggestions(SCHEMA, NOW + 10, version=3) == 0
    assert stored(store) == {("Bob", "Cy"), ("Cy", "Dee")}
    assert store.remove_suggestions(SCHEMA, NOW, version=4) == 2
    assert stored(store) == set()


def test_a_decline_counts_for_a_time_and_is_renewed(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, []), ("Bob", "Ann", 1, []))
    store.decline(SCHEMA, "Ann", "Bob", NOW - 20 * DAY)
    assert shown(store) == [("Bob", "Ann", 1, "no names")]
    assert others(store, now=NOW - 40 * DAY) == []  # a clock that goes backwards
    assert others(store, now=NOW + 10 * DAY - 1) == []
    late = NOW + 10 * DAY
    replace(store, ("Ann", "Bob", 1, []), stamp=Stamp("blend", 3, late, late + DAY))
    assert others(store, now=late) == ["Bob"]
    store.decline(SCHEMA, "Ann", "Bob", NOW)
    assert others(store, now=late) == []
    assert replace(store, ("Ann", "Bob", 1, []), stamp=Stamp("blend", 3, late, late + DAY)) == 0
    assert len(store.neighbours([DECLINED], pa.array(["Ann"]))) == 1
    forever = schema_of(declined_days=None)
    assert replace(store, ("Ann", "Bob", 1, []), schema=forever, stamp=Stamp("b", 4, 2 * NOW, 3 * NOW)) == 0


def test_the_time_of_a_decline_may_be_of_any_type(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, []))
    young, old = (dt.datetime.fromtimestamp(NOW - days * DAY, dt.UTC).replace(tzinfo=None) for days in (29, 31))
    for n, (at, counts) in enumerate((
        ([float(NOW - 29 * DAY)], True),
        ([float(NOW - 31 * DAY)], False),
        ([young], True),
        ([old], False),
        (["2023-11-01T10:00:00"], True),
        (["2023-10-01 10:00:00"], False),
        (["2023-09-31"], False),
        (["2023-13-01"], True),
        (["last week"], True),
        (["2"], False),
        (pa.array([None], pa.int64()), True),
    )):  # fmt: skip
        name = f"N`O {n if isinstance(store, LadybugStore) else 0}"
        own, refused = schema_of(declined=name, declined_at="wh`en"), Relationship(name, SCHEMA.user, SCHEMA.user)
        if isinstance(store, MemoryStore) and at in (["2"], ["2023-09-31"]):
            continue  # the oracle reads no such text
        tie(store, refused, ("Ann", "Bob"), **{"wh`en": at})
        assert others(store, schema=own) == ([] if counts else ["Bob"]), at
        store.decline(own, "Ann", "Bob", NOW)  # in the type that is there
        assert others(store, schema=own) == [], at
        late = NOW + 32 * DAY
        if n in (2, 4, 10):
            store.prepare_suggestions(own)
            replace(store, ("Ann", "Bob", 1, []), stamp=Stamp("b", 1, late, 2 * NOW), schema=own)
            assert others(store, schema=own, now=late) == ["Bob"], at
        replace(store, ("Ann", "Bob", 1, []))
        untie(store, refused, ("Ann", "Bob"))


def test_a_block_between_computing_and_writing_holds(store: GraphStore) -> None:
    computed = [("Ann", "Bob", 1, []), ("Ann", "Cy", 2, ["Bob"])]
    tie(store, BLOCKS, ("Bob", "Ann"))
    assert replace(store, *computed) == 1
    assert shown(store) == [("Ann", "Cy", 1, "with 1")]


def test_a_reason_that_names_somebody_who_was_forgotten_meanwhile_is_written_without_names(store: GraphStore) -> None:
    replace(
        store,
        ("Ann", "Bob", 1, ["Cy", "gone"]),
        ("Ann", "Dee", 2, []),
        ("Ann", "Eve", 3, ["Cy"]),
        ("Bob", "Cy", 1, []),
    )
    said = [("Ann", "Bob", 1, "with 2"), ("Ann", "Dee", 2, "no names"), ("Ann", "Eve", 3, "with Cy")]
    assert shown(store, "Ann") == said
    fill(store, [(SCHEMA.user, {"key": ["gone"]})])  # nothing of the reason is kept for who comes back
    assert shown(store, "Ann") == said


def test_writing_is_fenced_and_takes_its_progress_along(store: GraphStore) -> None:
    replace(store, ("Ann", "Bob", 1, []), progress={"done": 2, "note": "half", "share": 0.5, "whole": False})
    record = store.models()[0]
    assert {name: record[name] for name in ("done", "note", "share", "whole", "lock_until")} == {
        "done": 2,
        "note": "half",
        "share": 0.5,
        "whole": False,
        "lock_until": 1e9,
    }
    users = pa.table({"key": ["Ann"], "state": [1]})
    for fence in (Fence("m", "another", 5.0), Fence("none", "t", 5.0)):
        with pytest.raises(PublishError, match="taken over by another publisher"):
            store.replace_suggestions(SCHEMA, users, rows_of(("Ann", "Cy", 1, [])), STAMP, fence, {"done": 3})
    assert others(store) == ["Bob"]
    assert store.models() == [record]


def test_rows_that_break_a_rule_are_refused(store: GraphStore) -> None:
    for rows, message in (
        ([("Ann", "Bob", 1, []), ("Ann", "Bob", 2, [])], "each user and other once"),
        ([("Ann", "Bob", 1, []), ("Ann", "Cy", 1, [])], "each user and rank once"),
    ):
        with pytest.raises(ArgumentError, match=message):
            replace(store, *rows)
    with pytest.raises(ArgumentError, match="of the given users"):
        replace(store, ("Ann", "Bob", 1, []), users=["Cy"])
    with pytest.raises(ArgumentError, match="each key once"):
        replace(store, users=["Cy", "Cy"])
    rows = rows_of(("Ann", "Bob", 1, []))
    users = pa.table({"key": ["Ann"], "state": [1]})
    with pytest.raises(ArgumentError, match="must have the columns"):
        store.replace_suggestions(SCHEMA, users, rows.drop(["brief"]), STAMP, Fence("m", "t", 1.0), {})
    nan = rows.set_column(2, "score", pa.array([float("nan")]))
    with pytest.raises(ArgumentError, match=r"at most 3 people in a reason\. Got 4"):
        replace(store, ("Ann", "Bob", 1, ["Cy", "Dee", "Eve", "Fay"]))
    with pytest.raises(ArgumentError, match="finite"):
        store.replace_suggestions(SCHEMA, users, nan, STAMP, Fence("m", "t", 1.0), {})
    assert shown(store) == []


def test_only_known_people_decline_somebody_else(store: GraphStore) -> None:
    with pytest.raises(UnknownKeyError, match=r"'u `id' of 'Us er`'\. Got 'nobody'"):
        store.decline(SCHEMA, "Ann", "nobody", NOW)
    with pytest.raises(UnknownKeyError, match="Got 'nobody', 'neither'"):
        store.decline(SCHEMA, "nobody", "neither", NOW)
    with pytest.raises(ArgumentError, match="somebody else"):
        store.decline(SCHEMA, "Ann", "Ann", NOW)
    with pytest.raises(SchemaError, match="no relationship for declined"):
        store.decline(schema_of(declined=None), "Ann", "Bob", NOW)
    assert store.known_users(SCHEMA, pa.array(["Ann", "nobody", "Ann"])).to_pylist() == ["Ann"]
    assert len(store.known_users(SCHEMA, pa.array([7]))) == 0


def test_nothing_is_there_before_it_is_prepared_and_preparing_again_changes_nothing(store: GraphStore) -> None:
    new = schema_of(type="NEW", blocks=("B1", "B2"), declined="D", opted_out="o", deleted="d", hidden="h")
    assert shown(store, "Ann", schema=new) == shown(store, schema=new) == []
    assert store.remove_suggestions(new, NOW, 1) == 0
    replace(store, ("Ann", "Bob", 1, ["Cy"]))
    assert shown(store, "Ann", schema=schema_of(blocks=("B1",), declined="D", hidden="h")) == [
        ("Ann", "Bob", 1, "with Cy")
    ]
    for _ in range(2):
        store.prepare_suggestions(new)
        store.prepare_suggestions(SCHEMA)
    assert shown(store, "Ann", schema=new) == []
    assert others(store) == ["Bob"]
    store.decline(new, "Ann", "Bob", NOW)
    assert others(store) == ["Bob"]


def test_integer_keys(any_store: GraphStore) -> None:
    schema = GraphSchema(
        Node("P", "id", "integer"),
        interactions=[Interaction("R")],
        social=[Social("F")],
        suggestions=Suggestions(blocks=("B",), declined="D", hidden="h"),
    )
    keys = [2**62, -1, 0, 7, 8, 9]
    fill(any_store, [(schema.user, {"key": keys})])
    any_store.prepare_suggestions(schema)
    assert replace(any_store, (-1, 2**62, 1, [0, 7]), (-1, 0, 2, []), schema=schema) == 2
    assert shown(any_store, -1, schema=schema) == [(-1, 2**62, 1, "with 0, 7"), (-1, 0, 2, "no names")]
    any_store.decline(schema, -1, 0, NOW)
    assert len(shown(any_store, schema=schema)) == 1
    assert any_store.suggestions(schema, pa.array(["-1"]), 5, NOW).num_rows == 0
    assert any_store.suggestions(schema, None, 5, NOW)["other"].type == pa.int64()


def test_churn_between_writing_and_reading_changes_what_a_plain_function_says(store: GraphStore) -> None:
    if isinstance(store, MemoryStore):
        pytest.skip("it is the oracle")
    oracle, chance = society(MemoryStore()), random.Random(5)
    kinds = [FRIENDS, FOLLOWS, KNOWS, BLOCKS, MUTES, DECLINED]
    seen = 0
    for step in range(25):
        pair = (chance.choice(PEOPLE), chance.choice(PEOPLE))
        kind, act, when = chance.choice(kinds), chance.random(), NOW + chance.choice([0, 5, 29, 31, 80]) * DAY
        value = chance.random() < 0.3
        named = chance.sample(PEOPLE, 2)
        for each in (store, oracle):
            if act < 0.3:
                tie(each, kind, pair, **({"a`t": [when - 30 * DAY]} if kind is DECLINED else {}))
            elif act < 0.5:
                untie(each, kind, pair)
            elif act < 0.7:
                say(each, [WHO.opted_out, WHO.deleted, WHO.hidden][step % 3], {pair[0]: value})
            else:
                rows = [(pair[0], v, rank, named) for rank, v in enumerate(PEOPLE, 1)]
                replace(each, *rows, stamp=Stamp("m", step, when, when + 9 * DAY))
        seen += len(shown(oracle, now=when))
        assert shown(store, now=when) == shown(oracle, now=when), step
    assert seen > 15
