from __future__ import annotations

import datetime
import pickle
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from graphrec.data.dataset import Dataset
from graphrec.data.frames import dataset_from_frames
from graphrec.data.split import HeldOut, Split, split
from graphrec.errors import ArgumentError, DataError, UnknownKeyError
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social

SCHEMA = GraphSchema(
    user=Node("User", key="id"),
    item=Node("Movie", key="id"),
    interactions=[
        Interaction("BOUGHT", weight="qty", time="at", target=True),
        Interaction("RENTED", time="at", target=True),
        Interaction("VIEWED", time="at"),
        Interaction("LIKED"),
    ],
    attributes=[Attribute("HAS_TAG", to=Node("Tag", key="name"))],
    social=[Social("FRIEND", time="since"), Social("FOLLOWS", directed=True)],
)
BARE = GraphSchema(interactions=[Interaction("I")])
Row = tuple[str, str, Any]  # the time may be None


def make(
    bought: list[Row],
    rented: list[Row] | None = None,
    viewed: list[Row] | None = None,
    liked: list[tuple[str, str]] | None = None,
    **more: Any,
) -> Dataset:
    def frame(rows: list[Row] | None) -> pd.DataFrame:
        return pd.DataFrame(rows or [], columns=["user_id", "movie_id", "at"])

    edges = {
        "RENTED": frame(rented),
        "VIEWED": frame(viewed),
        "LIKED": pd.DataFrame(liked or [], columns=["user_id", "movie_id"]),
        **more,
    }
    return dataset_from_frames(frame(bought).assign(qty=1.0), schema=SCHEMA, edges=edges)


def pairs(part: HeldOut | None) -> set[tuple[Any, Any]]:
    return set() if part is None else set(part.frame().itertuples(index=False, name=None))


def left(data: Dataset, *types: str) -> set[tuple[Any, Any]]:
    names = types or ("BOUGHT", "RENTED", "VIEWED", "LIKED")
    return {(row.source, row.target) for name in names for row in data.frame(name).itertuples()}


ROWS = st.lists(
    st.tuples(st.sampled_from("abc"), st.sampled_from("vwxyz"), st.integers(-3, 6)), min_size=1, max_size=30
)
RULES: dict[str, dict[str, Any]] = {
    "leave-last-out": {},
    "random": {"seed": 3, "test": 0.2, "validation": 0.3},
    "time": {"test": 0.2, "validation": 0.3},
    "cold-users": {"test": 0.3, "validation": 0.3, "seed": 2},
    "cold-users ": {"test": 0.3, "validation": 0.3, "seed": 2, "keep": 1},
    "cold-items": {"test": 0.2, "validation": 0.2, "seed": 2},
}


@settings(deadline=None, max_examples=60)
@given(
    bought=ROWS,
    rented=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("vwxyz"), st.integers(-3, 6)), max_size=8),
    viewed=ROWS,
    liked=st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("vwxyz")), max_size=8),
    case=st.sampled_from(sorted(RULES)),
)
def test_parts_are_a_partition_without_leaks_and_the_same_every_time(
    bought: list[Row], rented: list[Row], viewed: list[Row], liked: list[tuple[str, str]], case: str
) -> None:
    data, rule, options = make(bought, rented, viewed, liked), case.strip(), RULES[case]
    try:
        parts = data.split(rule, **options)
    except DataError as error:
        if "must leave pairs in every part" not in str(error):
            raise
        assume(False)
    validation, test, train = pairs(parts.validation), pairs(parts.test), left(parts.train, "BOUGHT", "RENTED")
    all_pairs = {(user, movie) for user, movie, _ in bought + rented}
    assert validation | test | train == all_pairs
    assert len(validation) + len(test) + len(train) == len(all_pairs)
    assert not left(parts.train) & (validation | test)  # of any type
    for part in (parts.validation, parts.test):
        assert part is not None
        assert part.users is data.users
        assert part.items is data.items
        assert part.matrix.dtype == np.float32
        assert set(part.matrix.data) == {1}
    assert parts.train.users is data.users
    dated = {"BOUGHT": bought, "RENTED": rented, "VIEWED": viewed}
    firsts = [min(at for *ends, at in bought + rented if tuple(ends) == pair) for pair in validation | test]
    cut = min(firsts) if rule == "time" else 99
    end = {"cold-users": 0, "cold-items": 1}.get(rule)
    cold = set() if end is None else {pair[end] for pair in validation | test}
    for name, rows in dated.items():  # every row is accounted for
        kept = [row for row in rows if row[:2] not in validation | test and row[2] < cut]
        kept = [row for row in kept if end is None or row[end] not in cold or row[:2] in train]
        assert sorted(parts.train.frame(name)["time"]) == sorted(at for *_, at in kept)
    shuffled = make(bought[::-1], rented[::-1], viewed[::-1], liked[::-1]).split(rule, **options)
    assert (pairs(shuffled.validation), pairs(shuffled.test)) == (validation, test)


@settings(deadline=None, max_examples=50)
@given(bought=ROWS, rented=ROWS)
def test_leave_last_out_against_a_loop(bought: list[Row], rented: list[Row]) -> None:
    first: dict[tuple[str, str], int] = {}
    for user, movie, at in bought + rented:
        assert at is not None
        first[user, movie] = min(at, first.get((user, movie), at))
    test, validation = set(), set()
    for user in {user for user, _ in first}:
        ranked = sorted((at, movie) for (who, movie), at in first.items() if who == user)
        if len(ranked) >= 3:
            test.add((user, ranked[-1][1]))
            validation.add((user, ranked[-2][1]))
    assume(test)
    parts = make(bought, rented).split()
    assert (pairs(parts.test), pairs(parts.validation)) == (test, validation)


def test_leave_last_out_by_hand() -> None:
    bought: list[Row] = [("a", "x", 1), ("a", "y", 2), ("a", "z", 2), ("a", "x", 9), ("b", "x", 5), ("b", "y", 6)]
    parts = make(bought, viewed=[("a", "z", 0), ("b", "z", 99)], liked=[("a", "y")]).split("leave-last-out")
    assert pairs(parts.test) == {("a", "z")}  # x came first at 1; y and z are equal, z is the higher key
    assert pairs(parts.validation) == {("a", "y")}
    assert left(parts.train) == {("a", "x"), ("b", "x"), ("b", "y"), ("b", "z")}
    assert len(parts.train.edges["BOUGHT"]) == 4  # both rows of a-x
    assert parts.rule == "leave-last-out(test=1, validation=1)"
    assert parts.notes == ("1 of 2 users have fewer than 3 target pairs and stay whole in train.",)


def test_leave_more_out_or_no_validation() -> None:
    data = make([("a", movie, at) for at, movie in enumerate("vwxyz")])
    parts = data.split(test=2, validation=0)
    assert pairs(parts.test) == {("a", "y"), ("a", "z")}
    assert parts.validation is None
    assert parts.rule == "leave-last-out(test=2, validation=0)"
    parts = data.split(test=1, validation=3)
    assert pairs(parts.validation) == {("a", "w"), ("a", "x"), ("a", "y")}


def test_random_takes_fractions_of_all_pairs() -> None:
    data = make([(f"u{n % 50}", f"m{n % 41}", n) for n in range(1000)])
    parts = data.split("random", test=0.2, validation=0.05, seed=7)
    assert (parts.test.n_pairs, len(pairs(parts.validation))) == (200, 50)
    assert parts.rule == "random(test=0.2, validation=0.05, seed=7)"
    again, other = data.split("random", test=0.2, validation=0.05, seed=7), data.split("random", test=0.2, seed=8)
    assert pairs(again.test) == pairs(parts.test) != pairs(other.test)
    assert again.train.fingerprint == parts.train.fingerprint != data.fingerprint
    assert data.split("random", validation=0).validation is None


def test_random_says_who_is_left_without_train() -> None:
    parts = make([("a", "x", 1), ("b", "y", 2)]).split("random", test=0.5, validation=0)
    assert parts.notes == ("1 users with test pairs have no target interaction in train.",)


def many(n_users: int = 40, n_movies: int = 30) -> Dataset:
    """Each user bought five movies and viewed another."""
    bought: list[Row] = [
        (f"u{u:02}", f"m{(u * 7 + 3 * j) % n_movies:02}", j) for u in range(n_users) for j in range(5)
    ]
    viewed: list[Row] = [(f"u{u:02}", f"m{(u * 7 + 1) % n_movies:02}", 0) for u in range(n_users)]
    tags = pd.DataFrame({"movie_id": sorted({m for _, m, _ in bought}), "tag": "any"})
    friends = pd.DataFrame({"source": [f"u{u:02}" for u in range(n_users - 1)], "target": "u39"})
    return make(bought, viewed=viewed, HAS_TAG=tags, FOLLOWS=friends)


@pytest.mark.parametrize("keep", [0, 2])
def test_cold_users_leave_train_whole_but_for_what_is_kept(keep: int) -> None:
    data = many()
    parts = data.split("cold-users", test=0.25, validation=0.1, keep=keep, seed=5)
    cold = {user for user, _ in pairs(parts.test)}
    steered = {user for user, _ in pairs(parts.validation)}
    assert (len(cold), len(steered), cold & steered) == (10, 4, set())
    assert parts.test.n_pairs == 10 * (5 - keep)
    bought = parts.train.frame("BOUGHT").groupby("source").size().to_dict()
    assert all(bought.get(user, 0) == (keep if user in cold | steered else 5) for user in data.users.keys.to_pylist())
    assert not {user for user, _ in left(parts.train, "VIEWED")} & (cold | steered), "views of other movies leave too"
    assert len(parts.train.edges["FOLLOWS"]) == 39, "what describes them stays"
    assert parts.rule == f"cold-users(test=0.25, validation=0.1, keep={keep}, seed=5)"
    said = ("10 users with test pairs have no target interaction in train.",)
    assert parts.notes == (() if keep else said)
    again, other = (data.split("cold-users", test=0.25, keep=keep, seed=seed) for seed in (5, 6))
    assert pairs(again.test) == pairs(parts.test) != pairs(other.test)


def test_which_pairs_are_kept_is_chance() -> None:
    data = make([(f"u{u}", f"m{m}", m) for u in range(400) for m in range(4)])
    parts = data.split("cold-users", test=0.9, validation=0, keep=1)
    cold = {user for user, _ in pairs(parts.test)}
    kept = parts.train.frame("BOUGHT").query("source in @cold")["target"].value_counts()
    assert len(cold) == 360
    assert kept.between(55, 125).all(), "90 each but for chance (deviation 8)"


def test_users_with_too_few_pairs_are_never_cold() -> None:
    data = make([("a", "x", 1), ("b", "x", 1), ("b", "y", 1), ("c", "x", 1), ("c", "y", 1), ("c", "z", 1)])
    parts = data.split("cold-users", test=0.5, validation=0, keep=2)
    assert {user for user, _ in pairs(parts.test)} == {"c"}
    with pytest.raises(DataError, match=r"must leave pairs in every part. Got none for validation and test"):
        data.split("cold-users", keep=3)


def test_cold_items_leave_train_whole() -> None:
    data = many()
    parts = data.split("cold-items", test=0.2, validation=0.1, seed=1)
    cold, steered = ({movie for _, movie in pairs(part)} for part in (parts.test, parts.validation))
    assert (len(cold), len(steered), cold & steered) == (6, 3, set())
    bought = left(data, "BOUGHT")
    assert pairs(parts.test) == {pair for pair in bought if pair[1] in cold}
    assert not {movie for _, movie in left(parts.train)} & (cold | steered), "views of them leave as well"
    assert len(parts.train.edges["HAS_TAG"]) == len(data.edges["HAS_TAG"]), "what describes them stays"
    assert parts.rule == "cold-items(test=0.2, validation=0.1, seed=1)"


def test_held_out_pairs_carry_their_weights() -> None:
    rows = pd.DataFrame([("a", "x", 2.0), ("a", "y", 0.0), ("b", "x", 3.0), ("a", "x", 0.5)])
    data = dataset_from_frames(rows.set_axis(["user_id", "item_id", "weight"], axis=1))
    test = data.split("given", test=rows[[0, 1]].iloc[:2].set_axis(["user_id", "item_id"], axis=1)).test
    assert test.ratings is not None
    assert test.ratings.data.tolist() == [2.5, 0]  # parallel interactions add up; a weight of 0 is one
    assert test.matrix.data.tolist() == [1, 1]
    new = data.split("given", test=[{"user_id": "b", "item_id": "y"}]).test
    assert new.ratings is not None
    assert np.isnan(new.ratings.data).all()
    bare = dataset_from_frames(rows[[0, 1]].set_axis(["user_id", "item_id"], axis=1), schema=BARE)
    assert bare.split("random").test.ratings is None


def timed() -> Dataset:
    return make(
        [
            ("a", "v", 10),
            ("a", "w", 20),
            ("b", "w", 20),
            ("b", "x", 30),
            ("c", "y", 30),
            ("c", "v", 40),
            ("a", "v", 45),
        ],
        viewed=[("a", "x", 5), ("c", "y", 5), ("a", "z", 20), ("b", "z", 19)],
        liked=[("c", "v"), ("a", "v")],
        FRIEND=pd.DataFrame({"source": ["a", "b", "c"], "target": ["b", "c", "a"], "since": [19, 20, None]}),
        FOLLOWS=pd.DataFrame({"source": ["a"], "target": ["b"]}),
        HAS_TAG=pd.DataFrame({"movie_id": ["v"], "tag": ["dark"]}),
    )


def test_a_time_split_by_moments() -> None:
    parts = timed().split("time", at=(20, 30))
    assert pairs(parts.validation) == {("a", "w"), ("b", "w")}  # the start itself is the later part
    assert pairs(parts.test) == {("b", "x"), ("c", "y"), ("c", "v")}  # a-v came at 10: its repeat is nobody's truth
    assert left(parts.train, "BOUGHT") == {("a", "v")}
    assert len(parts.train.edges["BOUGHT"]) == 1
    # dated rows from 20 on leave train; so does c-y, viewed before but held out
    assert left(parts.train, "VIEWED") == {("a", "x"), ("b", "z")}
    assert left(parts.train, "LIKED") == {("a", "v")}
    assert left(parts.train, "FRIEND") == {("a", "b"), ("c", "a")}
    assert len(parts.train.edges["HAS_TAG"]) == 1
    assert parts.rule == "time(at=1970-01-01T00:00:20, 1970-01-01T00:00:30 UTC)"
    said = "\n".join(parts.notes)
    for undated in ("2 LIKED", "1 FRIEND", "1 FOLLOWS", "1 HAS_TAG"):
        assert f"{undated} relationships have no time and stay in train" in said
    assert "2 users with test pairs have no target interaction in train" in said
    assert "BOUGHT" not in said


def test_a_time_split_by_fractions_and_with_one_moment() -> None:
    parts = timed().split("time", test=0.2, validation=0.2)  # of 6 pairs one each: 40 and 30, but two are at 30
    assert pairs(parts.test) == {("c", "v")}
    assert pairs(parts.validation) == {("b", "x"), ("c", "y")}
    parts = timed().split("time", at=40)
    assert (pairs(parts.test), parts.validation) == ({("c", "v")}, None)
    assert len(parts.train.edges["VIEWED"]) == 4


@pytest.mark.parametrize(
    "at",
    [
        (1_704_067_200, 1_706_745_600),
        ("2024-01-01", "2024-02-01"),
        ("2024-01-01T01:00:00+01:00", 1_706_745_600),
        [datetime.datetime(2024, 1, 1), pd.Timestamp("2024-02-01", tz="UTC")],
        (datetime.date(2024, 1, 1), datetime.date(2024, 2, 1)),
        (np.datetime64("2024-01-01"), np.datetime64("2024-02-01", "ns")),
        np.array(["2024-01-01", "2024-02-01"], "datetime64[D]"),
        np.array([1_704_067_200, 1_706_745_600]),
        pd.DatetimeIndex(["2024-01-01T01:00", "2024-02-01T01:00"], tz="Europe/Paris"),
    ],
)
def test_moments_can_be_given_in_many_ways(at: Any) -> None:
    parts = make([("a", "x", 0), ("a", "y", 1_704_067_200), ("a", "z", 1_706_745_600)]).split("time", at=at)
    assert (pairs(parts.validation), pairs(parts.test)) == ({("a", "y")}, {("a", "z")})


def test_given_pairs() -> None:
    data = make([("a", "x", None), ("a", "y", 2), ("b", "x", 3)], viewed=[("a", "x", 1), ("b", "y", 1)])
    parts = data.split("given", test=pd.DataFrame({"user_id": ["a", "a"], "movie_id": ["x", "x"]}))
    assert (pairs(parts.test), parts.validation) == ({("a", "x")}, None)
    assert left(parts.train) == {("a", "y"), ("b", "x"), ("b", "y")}
    new = data.split("given", test=[{"source": "b", "target": "y"}], validation=parts.test.frame())
    assert (pairs(new.test), pairs(new.validation)) == ({("b", "y")}, {("a", "x")})  # b-y was never bought before
    assert left(new.train) == {("a", "y"), ("b", "x")}
    assert new.rule == "given(test=1 pairs, validation=1 pairs)"


def test_given_pairs_of_a_split_make_the_same_split() -> None:
    data = make([(f"u{n % 9}", f"m{n % 7}", n) for n in range(60)])
    one = data.split("random", seed=1)
    assert one.validation is not None
    two = data.split("given", test=one.test.frame(), validation=one.validation.frame())
    assert two.train.fingerprint == one.train.fingerprint
    np.testing.assert_array_equal(two.test.matrix.toarray(), one.test.matrix.toarray())


def test_a_fraction_of_what_is_not_given_for_the_test() -> None:
    data = make([(f"u{n % 9}", f"m{n % 7}", n) for n in range(60)])
    test = data.split("random", seed=1).test.frame()
    parts, again = (data.split("given", test=test, validation=0.25, seed=3) for _ in range(2))
    assert parts.validation is not None
    rest = left(data, "BOUGHT") - pairs(parts.test)
    assert parts.validation.n_pairs == round(0.25 * len(rest))
    assert pairs(parts.validation) < rest
    assert left(parts.train) == rest - pairs(parts.validation)
    assert parts.train.fingerprint == again.train.fingerprint
    assert parts.rule == f"given(test={len(test)} pairs, validation=0.25, seed=3)"
    assert pairs(parts.validation) != pairs(data.split("given", test=test, validation=0.25, seed=4).validation)
    for none in (0, 0.0, None):
        assert data.split("given", test=test, validation=none).validation is None
    for wrong in (1.5, -0.1, True, 1):
        with pytest.raises(ArgumentError, match="`validation` must be a fraction"):
            data.split("given", test=test, validation=wrong)


@pytest.mark.parametrize("rule", RULES)
def test_without_test_is_all_that_a_split_without_validation_trains_on(rule: str) -> None:
    data = make([(f"u{n % 9}", f"m{n * n % 11}", n) for n in range(90)], viewed=[("u1", "m5", 3), ("u2", "m3", 88)])
    parts = data.split(rule.strip(), **RULES[rule])
    assert parts.validation is not None
    assert parts.rest is not None
    assert left(parts.without_test, "BOUGHT") == left(data, "BOUGHT") - pairs(parts.test)
    assert left(parts.without_test) >= left(parts.train)
    only = data.split("given", test=parts.test.frame())
    assert only.without_test is only.train
    assert left(parts.without_test) <= left(only.train)
    if rule in ("leave-last-out", "random"):
        assert parts.without_test.fingerprint == only.train.fingerprint


def test_without_test_by_time_and_by_cold_users_keeps_what_belongs_to_validation() -> None:
    rows: list[Row] = [("a", "x", 0), ("a", "y", 10), ("b", "x", 20), ("b", "z", 30)]
    data = make(rows, viewed=[("a", "z", 15), ("b", "y", 25)])
    parts = data.split("time", at=(10, 20))
    assert left(parts.train) == {("a", "x")}
    assert left(parts.without_test) == {("a", "x"), ("a", "y"), ("a", "z")}
    more: list[Row] = [*rows, ("c", "x", 1), ("c", "y", 1)]
    cold = make(more, viewed=[(user, "v", 9) for user in "abc"]).split("cold-users", test=0.3, validation=0.3, seed=0)
    (tested,), (validated,) = ({user for user, _ in pairs(part)} for part in (cold.test, cold.validation))
    assert {user for user, _ in left(cold.train)} == {"a", "b", "c"} - {tested, validated}
    assert {user for user, _ in left(cold.without_test)} == {"a", "b", "c"} - {tested}


def test_without_test_of_a_split_put_together_by_hand() -> None:
    parts = make([(f"u{n % 9}", f"m{n % 7}", n) for n in range(60)]).split("random")
    by_hand = Split(parts.train, parts.validation, parts.test, "mine")
    with pytest.raises(ArgumentError, match=r"`split` must come from `data.split`"):
        _ = by_hand.without_test


def test_given_pairs_that_cannot_be() -> None:
    data = make([("a", "x", 1), ("a", "y", 2), ("b", "x", 3)])
    one = [{"source": "a", "target": "x"}]
    with pytest.raises(
        UnknownKeyError, match=r"`test items` must be keys of 'Movie'. Got 1 unknown, such as \['q'\]"
    ):
        data.split("given", test=[{"source": "a", "target": "q"}])
    with pytest.raises(DataError, match="column 'source' must hold string keys"):
        data.split("given", test=[{"source": 1, "target": "x"}])
    with pytest.raises(DataError, match=r"`validation` must not share pairs with `test`. Got \('a', 'x'\)"):
        data.split("given", test=one, validation=one)
    with pytest.raises(ArgumentError, match="`test` must be a frame of pairs"):
        data.split("given")


@pytest.mark.parametrize("rule", ["leave-last-out", "time"])
def test_undated_targets_need_another_rule(rule: str) -> None:
    with pytest.raises(DataError, match=r"needs a time on every 'RENTED'. Got 1 of 2 without one.*split\('random'\)"):
        make([("a", "x", 1)], rented=[("a", "y", None), ("a", "z", 2)]).split(rule)
    bare = dataset_from_frames(
        pd.DataFrame({"user_id": [1, 1, 1], "item_id": [1, 2, 3]}),
        schema=GraphSchema(interactions=[Interaction("I")]),
    )
    with pytest.raises(DataError, match="Got 3 of 3 without one"):
        bare.split(rule)
    assert bare.split("random").test.n_pairs == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"rule": "leave-one-out"}, "`rule` must be one of leave-last-out, .*Did you mean 'leave-last-out'"),
        ({"rule": 7}, "`rule` must be one of"),
        ({"rule": "random", "test": 0}, "`test` must be a fraction, above 0 and below 1"),
        ({"rule": "random", "test": 1.0}, "`test` must be a fraction"),
        ({"rule": "random", "test": True}, "`test` must be a fraction"),
        ({"rule": "random", "test": "a tenth"}, "`test` must be a fraction"),
        ({"rule": "random", "validation": -0.1}, "`validation` must be a fraction, of at least 0 and below 1"),
        ({"rule": "time", "validation": float("nan")}, "`validation` must be a fraction"),
        ({"rule": "random", "test": 0.5, "validation": 0.5}, "must add up to less than 1. Got 1.0"),
        ({"rule": "random", "seed": -1}, "`seed` must be a whole number"),
        ({"rule": "random", "seed": 1.5}, "`seed` must be a whole number"),
        ({"rule": "random", "at": 5}, "`at` belongs to the rule 'time'"),
        ({"rule": "random", "keep": 1}, "`keep` belongs to the rule 'cold-users'"),
        ({"rule": "cold-items", "keep": 1}, "`keep` belongs to the rule 'cold-users'"),
        ({"rule": "cold-users", "keep": -1}, "`keep` must be a count of at least 0"),
        ({"rule": "cold-users", "keep": True}, "`keep` must be a count"),
        ({"rule": "cold-users", "test": 2}, "`test` must be a fraction"),
        ({"rule": "cold-items", "seed": "x"}, "`seed` must be a whole number"),
        ({"test": 0}, "`test` must be a count of at least 1"),
        ({"test": 0.1}, "`test` must be a count"),
        ({"validation": -1}, "`validation` must be a count of at least 0"),
        ({"validation": True}, "`validation` must be a count"),
        ({"rule": "time", "at": (30, 20)}, "must put the validation start before the test start"),
        ({"rule": "time", "at": (20, 20)}, "must put the validation start before the test start"),
        ({"rule": "time", "at": (1, 2, 3)}, "must be one or two moments"),
        ({"rule": "time", "at": ()}, "must be one or two moments"),
        ({"rule": "time", "at": "soon"}, "must be one or two moments"),
        ({"rule": "time", "at": (1, None)}, "must be one or two moments"),
        ({"rule": "time", "at": 1_700_000_000_000}, "must be one or two moments"),
        ({"rule": "time", "at": True}, "must be one or two moments"),
        ({"rule": "time", "at": object()}, "must be one or two moments"),
        ({"rule": "time", "at": 20, "test": 0.1}, "`at` and the fractions `validation`, `test` exclude each other"),
    ],
)
def test_impossible_options_are_refused(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        split(timed(), **options)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (make([]), {}, "must hold target interactions to split"),
        (make([], viewed=[("a", "x", 1)]), {"rule": "random"}, "must hold target interactions"),
        (make([("a", "x", 1)]), {"rule": "random"}, "Got none for train and validation from 1 pairs"),
        (make([("a", "x", 1), ("a", "y", 2)]), {}, "Got none for validation and test from 2 pairs.*validation=0"),
        (make([("a", "x", 1), ("a", "y", 1), ("a", "z", 1)]), {"rule": "time"}, "Got none for train and validation"),
        (timed(), {"rule": "time", "at": (31, 99)}, "Got none for test"),
        (timed(), {"rule": "time", "at": 5}, "Got none for train"),
    ],
)
def test_empty_parts_are_refused(data: Dataset, options: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        data.split(**options)


def test_reprs_are_short() -> None:
    parts = timed().split("time", at=(20, 30))
    assert isinstance(parts, Split)
    assert repr(parts.test) == "HeldOut(3 pairs of 2 users)"
    assert len(repr(parts)) < 2000


@pytest.mark.parametrize("steps", [(), [{"kind": "bm25"}]])
def test_a_split_goes_to_another_process_whole(steps: Any) -> None:
    parts = timed().split("time", at=(20, 30), prepare=steps)
    again = pickle.loads(pickle.dumps(parts))
    assert again.train.fingerprint == parts.train.fingerprint
    assert again.without_test.fingerprint == parts.without_test.fingerprint
    assert again.test.frame().equals(parts.test.frame())
