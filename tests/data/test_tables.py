from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from graphrec.data.tables import MANY, UNDATED, EdgeTable, NodeTable, as_keys, pair_matrix
from graphrec.errors import DataError, UnknownKeyError


def nodes(keys: list[str] | list[int]) -> NodeTable:
    return NodeTable("User", as_keys(keys, "keys"), pa.table({}))


@pytest.mark.parametrize(
    ("given_keys", "type", "values"),
    [
        (["b", "a"], pa.string(), ["b", "a"]),
        ([3, 1], pa.int64(), [3, 1]),
        (np.array([3, 1], np.uint8), pa.int64(), [3, 1]),
        (pd.Series(["b", "a"], dtype="category"), pa.string(), ["b", "a"]),
        (pd.Index(["b"]), pa.string(), ["b"]),
        (pa.chunked_array([["a"], ["b"]]), pa.string(), ["a", "b"]),
        (pa.array(["a"], pa.large_string()), pa.string(), ["a"]),
        (pa.array(["a"], pa.string_view()), pa.string(), ["a"]),
        (pa.DictionaryArray.from_arrays([0], pa.array(["a"], pa.string_view())), pa.string(), ["a"]),
        ([], pa.string(), []),
        (np.array([]), pa.string(), []),
        (["it's", "a\nb", "😀", "`x`"], pa.string(), ["it's", "a\nb", "😀", "`x`"]),
    ],
)
def test_keys_are_text_or_whole_numbers(given_keys: object, type: pa.DataType, values: list[object]) -> None:
    keys = as_keys(given_keys, "users")
    assert keys.type == type
    assert keys.to_pylist() == values


@pytest.mark.parametrize(
    ("given_keys", "rule"),
    [
        (["a", 1], "of one type"),
        ([1, "a"], "of one type"),
        ([2**70], "within 64 bits"),
        (np.array([2**63], np.uint64), "within 64 bits"),
        (["\ud800"], "of one type"),
        ("u1", "Give a list of keys"),
        (7, "Give a list of keys"),
        (["a", None], "must not hold nulls. Got 1 of 2"),
        (pd.Series([1, None]), "must not hold nulls"),
        ([1.0, 2.0], "text or whole numbers. Got values of type double"),
        ([True], "Got values of type bool"),
        ([b"a"], "Got values of type binary"),
    ],
)
def test_other_keys_are_refused(given_keys: object, rule: str) -> None:
    with pytest.raises(DataError, match=rule) as caught:
        as_keys(given_keys, "users")
    assert "`users`" in str(caught.value)


def test_rows_and_take_are_inverse_and_unknown_keys_are_minus_one() -> None:
    table = nodes(["a", "b", "c"])
    assert table.rows(["c", "x", "a", "c"]).tolist() == [2, -1, 0, 2]
    assert table.take([2, 0]).to_pylist() == ["c", "a"]
    assert table.require(["b"], "users").tolist() == [1]


def test_a_key_of_the_other_type_is_unknown() -> None:
    assert nodes(["1", "2"]).rows([1, 2]).tolist() == [-1, -1]
    assert nodes([1, 2]).rows(["1", "2"]).tolist() == [-1, -1]


def test_require_names_the_unknown_keys_and_what_keys_look_like() -> None:
    with pytest.raises(UnknownKeyError, match=r"`users` must be keys of 'User'. Got 2 unknown, such as \['y', 'x'\]"):
        nodes(["a", "b"]).require(["y", "a", "x"], "users")
    with pytest.raises(UnknownKeyError, match=r"Keys here are int64, such as \[1, 2\]"):
        nodes([1, 2]).require(["1"], "users")


def test_an_edge_table_is_selected_in_all_its_columns() -> None:
    edge = EdgeTable(
        "RATED",
        "User",
        "Item",
        np.array([0, 1, 2]),
        np.array([3, 4, 5]),
        np.array([1.0, 2.0, 3.0]),
        np.array([7, UNDATED, 9]),
    )
    kept = edge.select(np.array([True, False, True]))
    assert (kept.source_rows.tolist(), kept.target_rows.tolist()) == ([0, 2], [3, 5])
    assert kept.weight is not None
    assert kept.time is not None
    assert (kept.weight.tolist(), kept.time.tolist()) == ([1, 3], [7, 9])
    assert (edge.dated, kept.dated, len(edge), len(kept)) == (False, True, 3, 2)
    bare = EdgeTable("SEEN", "User", "Item", np.array([0]), np.array([0])).select(np.array([True]))
    assert (bare.weight, bare.time, bare.dated) == (None, None, False)
    assert (edge.undated, kept.undated, bare.undated, bare.times.tolist()) == (1, 0, 1, [UNDATED])


@settings(deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcx"), st.sampled_from([1, 2, 3, 9]))))
def test_pair_matrix_against_a_loop(pairs: list[tuple[str, int]]) -> None:
    targets = nodes([1, 2, 3])
    table = pa.table({"source": [u for u, _ in pairs], "target": [i for _, i in pairs]})
    expected = np.zeros((3, 3), np.float32)
    for user, item in pairs:
        if user in "cab" and item != 9:
            expected["cab".index(user), item - 1] = 1
    np.testing.assert_array_equal(pair_matrix(table, pa.array(["c", "a", "b"]), targets).toarray(), expected)


@pytest.mark.parametrize("kind", [str, int])
def test_a_few_keys_are_found_without_hashing_all(kind: type, monkeypatch: pytest.MonkeyPatch) -> None:
    generator = np.random.default_rng(0)
    numbers = np.unique(generator.integers(-9_000, 9_000, 4 * MANY))
    keys = numbers.tolist() if kind is int else sorted({chr(0x20 + 3 * abs(i)) + "é🎬z"[i % 4 :] for i in numbers})
    table = NodeTable("Item", pa.array(keys), pa.table({}))
    strangers = [10_000, -10_000] if kind is int else ["", "\U0010ffff"]
    expected = {key: row for row, key in enumerate(keys)}
    monkeypatch.setattr("graphrec.data.tables.pc.index_in", None)
    for key in [*keys[::37], keys[-1], *strangers]:
        assert table.rows([key]).tolist() == [expected.get(key, -1)]
    assert table.rows([strangers[0], keys[5]]).tolist() == [-1, 5]
