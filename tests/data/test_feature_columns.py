from __future__ import annotations

import datetime
import time
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from graphrec.data.feature_columns import (
    counted,
    hats,
    lengths_one,
    listed,
    numbers,
    tally,
    text,
    vectors,
    words,
)
from graphrec.errors import DataError


def pairs(found: tuple[Any, pa.Array]) -> list[tuple[int, str]]:
    rows, values = found
    return list(zip(rows.tolist(), values.to_pylist(), strict=True))


@pytest.mark.parametrize(
    ("column", "wanted"),
    [
        (["a", None, "", "b"], [(0, "a"), (3, "b")]),
        ([7, None, -1], [(0, "7"), (2, "-1")]),
        ([True, False, None], [(0, "true"), (1, "false")]),
        (
            [1999.0, None, 2001.0],
            [(0, "1999"), (2, "2001")],
        ),  # whole numbers, as pandas has them beside a missing one
        ([1999.0, float("nan")], [(0, "1999")]),
        ([["x", "y"], None, [], ["y", None, "y"]], [(0, "x"), (0, "y"), (3, "y"), (3, "y")]),
        ([[1, 2], [2]], [(0, "1"), (0, "2"), (1, "2")]),
        ([None, None], []),
        ([], []),
        (["漢", "👍"], [(0, "漢"), (1, "👍")]),
    ],
)
def test_categories(column: list[Any], wanted: list[tuple[int, str]]) -> None:
    assert pairs(listed(pa.array(column), "c")) == wanted
    chunks = pa.chunked_array([pa.array(column), pa.array(column).slice(0, 0)])
    assert pairs(listed(chunks, "c")) == wanted


def test_categories_of_arrow_s_other_texts_and_lists() -> None:
    for kind in (pa.large_string(), pa.string_view(), pa.dictionary(pa.int32(), pa.string())):
        assert pairs(listed(pa.array(["a", None, "b"], pa.string()).cast(kind), "c")) == [(0, "a"), (2, "b")]
    fixed = pa.array([["a", "b"], None, ["b", "c"]], pa.list_(pa.string(), 2))
    assert pairs(listed(fixed, "c")) == [(0, "a"), (0, "b"), (2, "b"), (2, "c")]
    assert pairs(listed(pa.array([["a"], None, ["b"]], pa.large_list(pa.string())), "c")) == [(0, "a"), (2, "b")]


@pytest.mark.parametrize(
    ("column", "kind"),
    [
        ([1.5, 2.0], "double"),
        ([float("inf")], "double"),
        ([[1.5]], "double"),
        ([datetime.date(2020, 1, 1)], "date32"),
        ([{"a": 1}], "struct"),
    ],
)
def test_what_is_no_category_is_refused(column: list[Any], kind: str) -> None:
    with pytest.raises(DataError, match=f"`colour` must hold text, whole numbers or booleans .* Got '{kind}"):
        listed(pa.array(column), "colour")


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("The Matrix: the MATRIX!", ["the", "matrix", "the", "matrix"]),
        ("Amélie, l'été à Orléans", ["amelie", "ete", "orleans"]),
        ("A I 2 _ x2 50_50", ["x2", "50_50"]),
        ("ΟΔΎΣΣΕΙΑ Ёжик", ["οδυσσεια", "ежик"]),
        ("الف ليلة", ["الف", "ليلة"]),
        ("हिन्दी फ़िल्म", ["हिन्दी", "फ़िल्म"]),  # its vowel signs are marks, and belong to the word
        ("한국 영화", ["한국", "영화"]),
        ("卧虎藏龙", ["卧虎", "虎藏", "藏龙"]),
        ("千と千尋abc 力", ["abc", "千と", "と千", "千尋"]),
        ("👍🏽 😀 ♥", []),
        ("", []),
        ("  \t\n ", []),
    ],
)
def test_words(said: str, wanted: list[str]) -> None:
    import unicodedata

    found = pairs(words(pa.array([None, said]), "title"))
    assert [word for _, word in found] == [unicodedata.normalize("NFKC", word) for word in wanted]
    assert {row for row, _ in found} <= {1}


def test_words_keep_their_rows_where_scripts_are_mixed() -> None:
    found = pairs(words(pa.array(["one 漢字 two", "漢字", None, "two"]), "title"))
    assert sorted(found) == [(0, "one"), (0, "two"), (0, "漢字"), (1, "漢字"), (3, "two")]


def test_text_of_lists_is_joined_and_what_is_none_is_empty() -> None:
    column = pa.array([["a", None, "b"], None, [], ["c"]])
    assert text(column, "t").to_pylist() == ["a  b", "", "", "c"]
    assert text(column.slice(3), "t").to_pylist() == ["c"]
    assert text(pa.nulls(2), "t").to_pylist() == ["", ""]
    with pytest.raises(DataError, match=r"`plot` must hold text. Got 'int64'"):
        text(pa.array([1]), "plot")


def test_numbers() -> None:
    values = numbers(pa.array([1.5, None, float("nan"), float("inf"), -2.0]), "n")
    np.testing.assert_array_equal(values, [1.5, np.nan, np.nan, np.nan, -2.0])
    np.testing.assert_array_equal(numbers(pa.array([True, None, False]), "n"), [1, np.nan, 0])
    np.testing.assert_array_equal(numbers(pa.nulls(2), "n"), [np.nan, np.nan])
    assert numbers(pa.array([2**40], pa.int64()), "n") == [2**40]
    assert numbers(pa.array([2**60 + 1], pa.int64()), "n") == [2**60], "to the nearest float"
    with pytest.raises(DataError, match=r"`n` must hold numbers. Got 'string'. Name it as a category or as words"):
        numbers(pa.array(["1"]), "n")
    with pytest.raises(DataError, match=r"must hold numbers. Got 'list<.*Name it as a vector instead"):
        numbers(pa.array([[1.0, 2.0]]), "n")
    with pytest.raises(DataError, match=r"must hold numbers. Got 'duration"):
        numbers(pa.array([datetime.timedelta(1)]), "n")


def test_a_moment_is_the_same_number_in_all_its_types() -> None:
    moment = datetime.datetime(2001, 2, 3, tzinfo=datetime.UTC)
    seconds = moment.timestamp()
    kinds = [pa.timestamp(unit, zone) for unit in ("s", "ms", "us", "ns") for zone in (None, "UTC")]
    for kind in [*kinds, pa.date32(), pa.date64()]:
        given = moment.date() if pa.types.is_date(kind) else moment.replace(tzinfo=None)
        if getattr(kind, "tz", None):
            given = moment
        assert numbers(pa.array([given, None], kind), "n")[0] == seconds * 1e6, kind
    fine = pa.array([seconds * 1e9 + 1]).cast(pa.int64()).cast(pa.timestamp("ns"))  # no whole microseconds
    assert numbers(fine, "n")[0] == pytest.approx(seconds * 1e6)
    for unit in ("s", "ms"):
        assert numbers(pa.array([datetime.time(0, 0, 2)], pa.time32(unit)), "n") == [2e6]
    assert numbers(pa.array([datetime.time(0, 0, 2)], pa.time64("us")), "n") == [2e6]


def test_hats_by_hand() -> None:
    found = hats(np.array([0, 1, 15, 20, 99, np.nan, -5]), np.array([0.0, 10.0, 20.0])).toarray()
    by_hand = [[1, 0, 0], [0.9, 0.1, 0], [0, 0.5, 0.5], [0, 0, 1], [0, 0, 1], [0, 0, 0], [1, 0, 0]]
    np.testing.assert_allclose(found, by_hand)
    np.testing.assert_array_equal(hats(np.array([3, np.nan, 4]), np.array([3.0])).toarray(), [[1], [0], [1]])


def test_vectors() -> None:
    column = pa.array([[1.0, 2.0], None, [], [3.0, 4.0]])
    wanted = [[1, 2], [0, 0], [0, 0], [3, 4]]
    np.testing.assert_array_equal(vectors(column, "image"), wanted)
    np.testing.assert_array_equal(vectors(column.slice(1), "image"), wanted[1:])
    np.testing.assert_array_equal(vectors(pa.array([[1, 2]]), "image", 2), [[1, 2]])
    fixed = pa.array([[1.0, 2.0], None, [3.0, 4.0]], pa.list_(pa.float32(), 2))
    np.testing.assert_array_equal(vectors(fixed, "image"), [[1, 2], [0, 0], [3, 4]])
    assert vectors(pa.nulls(3), "image").shape == (3, 0)
    assert vectors(pa.nulls(3), "image", 5).shape == (3, 5)
    assert vectors(pa.array([[]], pa.list_(pa.float64())), "image").shape == (1, 0)


@pytest.mark.parametrize(
    ("column", "width", "match"),
    [
        ([[1.0, 2.0], [3.0, 4.0], [1.0]], None, "`image` must hold vectors of 2 numbers, .* Got '1 numbers, 1 such"),
        ([[1.0], [2.0], [1.0, 2.0, 3.0]], None, "must hold vectors of 1 numbers"),  # most are right
        ([[1.0, 2.0]], 3, "must hold vectors of 3 numbers"),
        ([[1.0, float("nan")]], None, "must hold finite numbers. Got nan"),
        ([[1.0, None]], None, "must hold finite numbers. Got nan"),
        ([[float("-inf")]], None, "must hold finite numbers. Got -inf"),
        ([["1", "2"]], None, "must hold lists of numbers"),
        ([1.0], None, "must hold lists of numbers. Got 'double'"),
    ],
)
def test_vectors_that_cannot_be_used_are_refused(column: list[Any], width: int | None, match: str) -> None:
    with pytest.raises(DataError, match=match):
        vectors(pa.array(column), "image", width)


def test_tallies_against_a_loop() -> None:
    generator = np.random.default_rng(0)
    rows, places = generator.integers(0, 50, 400), generator.integers(0, 30, 400)
    weight = generator.integers(-3, 4, 400).astype(float)
    keys = pa.array(places)
    values, having = counted(rows, keys)
    nodes = {key: {row for row, place in zip(rows, places, strict=True) if place == key} for key in set(places)}
    wanted = sorted(((str(key), len(each)) for key, each in nodes.items()), key=lambda pair: (-pair[1], pair[0]))
    assert list(zip(values.to_pylist(), having.tolist(), strict=True)) == wanted
    kept = values.slice(0, 20)
    for each in (weight, None):
        table = np.zeros((50, 20))
        for i, (row, place) in enumerate(zip(rows, places, strict=True)):
            if str(place) in kept.to_pylist():
                table[row, kept.to_pylist().index(str(place))] += 1 if each is None else each[i]
        found = tally(rows, keys, each, 50, kept)
        np.testing.assert_allclose(found.toarray(), table)
        assert (found.data != 0).all()


def test_counting_nothing() -> None:
    values, having = counted(np.zeros(0, np.int64), pa.array([], pa.string()))
    assert (len(values), len(having)) == (0, 0)
    assert tally(np.zeros(0, np.int64), pa.array([], pa.int64()), None, 3, pa.array(["a"])).toarray().tolist() == [
        [0],
        [0],
        [0],
    ]


def test_rows_of_length_one() -> None:
    found = lengths_one(
        tally(np.array([0, 0, 2]), pa.array(["a", "b", "a"]), np.array([3.0, 4, 9]), 3, pa.array(["a", "b"]))
    )
    np.testing.assert_allclose(found.toarray(), [[0.6, 0.8], [0, 0], [1, 0]])
    assert found.dtype == np.float32


def test_a_hundred_thousand_categories_take_no_time() -> None:
    generator = np.random.default_rng(0)
    column = pa.array([f"tag {i}" for i in generator.permutation(200_000) // 2])
    began = time.perf_counter()
    rows, keys = listed(column, "c")
    values, having = counted(rows, keys)
    found = tally(rows, keys, None, 200_000, values)
    assert time.perf_counter() - began < 10  # half a second; a loop over values would take hours
    assert (len(values), set(having.tolist()), found.nnz) == (100_000, {2}, 200_000)
