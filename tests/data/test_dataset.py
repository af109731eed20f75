from __future__ import annotations

import random
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.dataset import Dataset, _in_order, key_hash
from graphrec.data.frames import dataset_from_frames
from graphrec.data.tables import UNDATED
from graphrec.errors import ArgumentError, DataError, GraphRecWarning
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social

SCHEMA = GraphSchema(
    user=Node("User", key="id"),
    item=Node("Movie", key="id", properties=("title",)),
    interactions=[
        Interaction("RATED", weight="stars", time="at", target=True),
        Interaction("VIEWED", hides=False),
    ],
    attributes=[Attribute("HAS_GENRE", to=Node("Genre", key="name"))],
    social=[Social("FRIEND")],
)


def build(
    users: list[Any] | None = None,
    movies: list[Any] | None = None,
    rated: list[tuple[Any, ...]] | None = None,
    viewed: list[tuple[Any, Any]] | None = None,
) -> Dataset:
    """A dataset from keys in the given order; edges name their ends by key."""
    users = ["u2", "u1", "u3"] if users is None else users
    movies = [30, 10, 20] if movies is None else movies
    rated = [("u1", 10, 4.0, 100), ("u2", 30, 2.0, 200)] if rated is None else rated
    nodes = {
        "User": pa.table({"key": users}),
        "Movie": pa.table({"key": movies, "title": [f"film {key}" for key in movies]}),
    }
    edges = {
        "RATED": pa.table(
            {
                "source": pa.array([users.index(row[0]) for row in rated], pa.int64()),
                "target": pa.array([movies.index(row[1]) for row in rated], pa.int64()),
                "weight": pa.array([row[2] for row in rated], pa.float64()),
                "time": pa.array([row[3] for row in rated], pa.int64()),
            }
        ),
        "VIEWED": pa.table(
            {
                "source": pa.array([users.index(user) for user, _ in viewed or []], pa.int64()),
                "target": pa.array([movies.index(movie) for _, movie in viewed or []], pa.int64()),
            }
        ),
    }
    return Dataset.from_tables(SCHEMA, nodes, edges)


def test_nodes_are_sorted_by_key_with_their_properties() -> None:
    data = build()
    assert data.users.keys.to_pylist() == ["u1", "u2", "u3"]
    assert data.items.keys.to_pylist() == [10, 20, 30]
    assert data.items.properties["title"].to_pylist() == ["film 10", "film 20", "film 30"]
    assert len(data.nodes["Genre"]) == len(data.edges["HAS_GENRE"]) == len(data.edges["FRIEND"]) == 0


@settings(deadline=None)
@given(st.data())
def test_edges_follow_their_nodes_against_a_loop(data: st.DataObject) -> None:
    users = data.draw(st.lists(st.text(max_size=3), min_size=1, max_size=8, unique=True))
    movies = data.draw(st.lists(st.integers(-5, 5), min_size=1, max_size=8, unique=True))
    pair = st.tuples(
        st.sampled_from(users), st.sampled_from(movies), st.floats(-9, 9), st.none() | st.integers(-9, 9)
    )
    rated = data.draw(st.lists(pair, max_size=20))
    built = build(users, movies, rated)
    edge = built.edges["RATED"]
    found = []
    for row in range(len(edge)):
        user = built.users.keys[int(edge.source_rows[row])].as_py()
        movie = built.items.keys[int(edge.target_rows[row])].as_py()
        assert edge.weight is not None
        assert edge.time is not None
        time = int(edge.time[row])
        found.append((user, movie, float(edge.weight[row]), None if time == UNDATED else time))
    assert found == rated


@settings(deadline=None)
@given(st.randoms(use_true_random=False))
def test_the_fingerprint_does_not_see_the_order_of_nodes_and_relationships(shuffler: random.Random) -> None:
    users, movies = ["a", "b", "c", "d"], [1, 2, 3]
    rated = [("a", 1, 1.0, 5), ("d", 3, 2.0, None), ("b", 2, 3.0, 7)]
    if parallel := shuffler.random() < 0.5:
        rated += [("a", 1, 1.0, 4), ("a", 1, 0.5, 9)]
    before = build(users, movies, rated).fingerprint
    assert (before == build(users, movies, rated[:3]).fingerprint) != parallel
    for each in (users, movies, rated):
        shuffler.shuffle(each)
    assert build(users, movies, rated).fingerprint == before


@pytest.mark.parametrize("parallel", [False, True])
@pytest.mark.parametrize("columns", [2, 3, 4])
@pytest.mark.parametrize("most", [1, 40, 2**31 - 1])  # so large that a place has no room beside a pair of rows
def test_columns_are_put_in_order_as_by_all_of_them(most: int, columns: int, parallel: bool) -> None:
    generator = np.random.default_rng(0)
    pairs = np.unique(generator.integers(0, most + 1, (300, 2)), axis=0)
    pairs = generator.permutation(np.vstack([pairs, pairs[:20]]) if parallel else pairs)
    rest = [generator.random(len(pairs)), generator.integers(0, 9, len(pairs))]
    unordered = [pairs[:, 0].copy(), pairs[:, 1].copy(), *rest][:columns]
    order = np.lexsort(unordered[::-1])
    for found, column in zip(_in_order(unordered), unordered, strict=True):
        np.testing.assert_array_equal(found, column[order])
        assert found.dtype == column.dtype


def test_nothing_is_in_order() -> None:
    assert [len(column) for column in _in_order([np.zeros(0, np.int64)] * 3)] == [0, 0, 0]


def test_the_fingerprint_sees_every_change_of_a_key_or_a_relationship() -> None:
    users, movies = ["a", "b", "c"], [1, 2, 3]
    rated = [("a", 1, 1.0, 5), ("b", 2, 3.0, 7)]
    seen = {
        build(users, movies, rated).fingerprint,
        build(["a", "b", "x"], movies, rated).fingerprint,
        build(["a", "b"], movies, rated).fingerprint,
        build(users, [1, 2, 4], rated).fingerprint,
        build(users, movies, rated[:1]).fingerprint,
        build(users, movies, [*rated, rated[0]]).fingerprint,
        build(users, movies, [("a", 1, 1.0, 5), ("c", 2, 3.0, 7)]).fingerprint,
        build(users, movies, [("a", 1, 1.0, 5), ("b", 3, 3.0, 7)]).fingerprint,
        build(users, movies, [("a", 1, 1.5, 5), ("b", 2, 3.0, 7)]).fingerprint,
        build(users, movies, [("a", 1, 1.0, 5), ("b", 2, 3.0, 8)]).fingerprint,
        build(users, movies, [("a", 1, 1.0, 5), ("b", 2, 3.0, None)]).fingerprint,
        build(users, movies, rated, [("a", 1)]).fingerprint,
    }
    assert len(seen) == 12


def test_key_hash_sees_borders_type_and_order() -> None:
    lists = [
        pa.array(["ab", "c"]),
        pa.array(["a", "bc"]),
        pa.array(["abc"]),
        pa.array(["c", "ab"]),
        pa.array(["", "abc"]),
        pa.array(["1"]),
        pa.array([1]),
        pa.array([1, 0]),
        pa.array([], pa.string()),
        pa.array([], pa.int64()),
    ]
    assert len({key_hash(keys) for keys in lists}) == len(lists)


def test_key_hash_does_not_see_where_a_slice_comes_from() -> None:
    assert key_hash(pa.array(["x", "ab", "c", "y"])[1:3]) == key_hash(pa.array(["ab", "c"]))
    assert key_hash(pa.array([9, 1, 2, 9])[1:3]) == key_hash(pa.array([1, 2]))


def test_interactions_add_up_and_seen_is_what_hides() -> None:
    rated = [("u1", 10, 2.0, 1), ("u1", 10, 3.0, 2), ("u2", 30, -1.0, 3), ("u3", 20, 0.0, 4)]
    data = build(rated=rated, viewed=[("u3", 30)])
    np.testing.assert_array_equal(data.interactions(weighted=True).toarray(), [[5, 0, 0], [0, 0, -1], [0, 0, 0]])
    np.testing.assert_array_equal(data.interactions().toarray(), [[1, 0, 0], [0, 0, 1], [0, 1, 0]])
    np.testing.assert_array_equal(data.seen().toarray(), [[1, 0, 0], [0, 0, 1], [0, 1, 0]])  # VIEWED hides nothing
    assert data.interactions().dtype == data.seen().dtype == np.float32


@pytest.mark.parametrize("weighted", [False, True])
def test_users_without_items_and_types_that_hide_nothing_give_empty_matrices(weighted: bool) -> None:
    schema = GraphSchema(user=Node("User", key="id"), interactions=[Interaction("TOOK", target=True, hides=False)])
    people = Dataset.from_tables(schema, {"User": pa.table({"key": ["a", "b"]})}, {})
    assert people.interactions(weighted=weighted).shape == people.seen().shape == (2, 0)


def test_targets_may_count_as_seen_where_they_hide_nothing() -> None:
    schema = GraphSchema(interactions=[Interaction("TOOK", target=True, hides=False), Interaction("SAW")])
    took, saw = (pd.DataFrame({"user_id": [1], "item_id": [item]}) for item in (7, 8))
    data = dataset_from_frames(took, schema=schema, edges={"SAW": saw})
    assert [data.seen(targets=targets).toarray().tolist() for targets in (False, True)] == [[[0, 1]], [[1, 1]]]


def test_times_that_look_like_milliseconds_are_told_once() -> None:
    rated = [("u1", 10, 4.0, 1_600_000_000_000), ("u2", 30, 2.0, 1_600_000_000_001), ("u2", 10, 2.0, 5)]
    with pytest.warns(GraphRecWarning) as said:
        build(rated=rated)
    [message] = [str(each.message) for each in said]
    assert message.startswith("`RATED.at` should be epoch seconds before the year 10000. Got 1600000000001. It looks")
    build(rated=[("u1", 10, 4.0, 253_402_300_799)])  # 9999-12-31, which stands for "no end"


def test_missing_weights_are_one_and_missing_times_are_undated() -> None:
    nodes = {"User": pa.table({"key": ["u"]}), "Movie": pa.table({"key": ["m"], "title": ["M"]})}
    table = pa.table({"source": [0, 0], "target": [0, 0], "weight": pa.array([None, 2.0])})
    edge = Dataset.from_tables(SCHEMA, nodes, {"RATED": table}).edges["RATED"]
    assert edge.weight is not None
    assert edge.time is not None
    assert (edge.weight.tolist(), edge.time.tolist()) == ([1, 2], [UNDATED, UNDATED])


@pytest.mark.parametrize("weight", [float("nan"), float("inf"), float("-inf")])
def test_weights_that_are_not_finite_are_refused(weight: float) -> None:
    with pytest.raises(DataError, match=r"`RATED\.stars` must be finite"):
        build(rated=[("u1", 10, weight, 1)])


def test_doubled_null_and_mixed_keys_are_refused() -> None:
    for keys, rule in (
        (pa.array(["a", "b", "a"]), "must be unique. Got 'a' more than once"),
        (pa.array(["a", None]), "must not hold nulls"),
        (pa.array([1.5]), "text or whole numbers"),
    ):
        with pytest.raises(DataError, match=rule) as caught:
            Dataset.from_tables(SCHEMA, {"User": pa.table({"key": keys})}, {})
        assert "`User.id`" in str(caught.value)


def test_an_empty_graph_is_a_dataset() -> None:
    data = Dataset.from_tables(SCHEMA, {}, {})
    assert data.interactions(weighted=True).shape == data.seen().shape == (0, 0)
    assert data.frame("RATED").empty
    assert data.fingerprint != Dataset.from_tables(GraphSchema(), {}, {}).fingerprint


def test_frames_have_keys_and_a_wrong_name_is_met_with_the_near_one() -> None:
    data = build(rated=[("u1", 10, 4.0, 100), ("u2", 30, 2.0, None)])
    frame = data.frame("RATED")
    assert frame[["source", "target", "weight"]].values.tolist() == [["u1", 10, 4.0], ["u2", 30, 2.0]]
    assert frame["time"].isna().tolist() == [False, True]
    assert data.frame("Movie").to_dict("list") == {"id": [10, 20, 30], "title": ["film 10", "film 20", "film 30"]}
    with pytest.raises(ArgumentError, match="Did you mean 'RATED'"):
        data.frame("RATES")


def test_with_edges_leaves_the_original_alone() -> None:
    data = build()
    less = data.with_edges({"RATED": data.edges["RATED"].select(np.array([True, False]))}, "a note")
    assert (len(data.edges["RATED"]), len(less.edges["RATED"])) == (2, 1)
    assert (data.notes, less.notes) == ((), ("a note",))
    assert less.fingerprint != data.fingerprint
    assert less.users is data.users
    assert "Movie: 3" in repr(data)
