from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec.data.rows import Rows, edge_rows, node_rows
from graphrec.data.source import Source
from graphrec.errors import ArgumentError, DataError
from graphrec.schema import GraphSchema, KeyType, Node, Relationship

USER, ITEM = Node("User", "uuid"), Node("Film Fan Item", "sku")
BOUGHT = Relationship("BOUGHT", USER, ITEM, "qty", "at")
BARE = Relationship("SEEN", Node("User", "user_id"), Node("Item", "item_id"))
UTC = datetime.UTC


def edges(frame: Any, relationship: Relationship = BARE, **options: Any) -> Rows:
    return edge_rows(Source.of(frame, "edges['X']"), relationship, **options)


def nodes(frame: Any, node: Node = Node("User", "id"), **options: Any) -> Rows:  # noqa: B008
    return node_rows(Source.of(frame, "nodes['User']"), node, **options)


def result(rows: Rows) -> pa.Table:
    rows.check()
    table = pa.concat_tables([rows.schema.empty_table(), *rows.tables()])
    assert table.schema == rows.schema
    table.validate(full=True)
    return table


def pairs(keys: list[Any], **columns: Any) -> pa.Table:
    return pa.table({"source": keys, "target": [f"i{row}" for row in range(len(keys))], **columns})


# ------------------------------------------------------------------ columns


@pytest.mark.parametrize(
    ("columns", "chosen"),
    [
        (["target", "source", "user_id", "sku", "uuid"], ("source", "target")),
        (["source", "uuid", "sku", "user_id", "film_fan_item_id"], None),  # `source` cannot be a property
        (["uuid", "sku", "user_id", "film_fan_item_id"], ("user_id", "film_fan_item_id")),
        (["sku", "uuid", "user_id"], ("uuid", "sku")),
        (["user_id", "sku"], ("user_id", "sku")),
        (["uuid", "film_fan_item"], ("uuid", "film_fan_item")),
        (["user", "film_fan_item"], ("user", "film_fan_item")),
    ],
)
def test_key_columns_are_found_in_order_of_preference(columns: list[str], chosen: tuple[str, str] | None) -> None:
    table = pa.table({name: [name] for name in columns} | {"qty": [1], "at": [2]})
    if chosen is None:
        with pytest.raises(DataError, match="must not have a property column named 'source'"):
            edges(table, BOUGHT)
        return
    rows = edges(table, BOUGHT)
    found = result(rows).to_pylist()[0]
    assert (found["source"], found["target"]) == chosen
    assert list(found)[:4] == ["source", "target", "qty", "at"]
    assert set(found) == {"source", "target", "qty", "at", *columns} - set(chosen) | {"source", "target"}


def test_key_columns_of_the_default_schema_and_of_ties() -> None:
    interacted = GraphSchema().relationships["INTERACTED"]
    frame = pd.DataFrame({"item_id": ["i"], "user_id": [3], "weight": [2], "timestamp": [4], "note": ["n"]})
    assert result(edges(frame, interacted)).to_pylist() == [
        {"source": 3, "target": "i", "weight": 2.0, "timestamp": 4, "note": "n"}
    ]
    person = Node("Customer", "id")
    tie = Relationship("KNOWS", person, person)
    for names in (("source", "target"), ("customer_id", "friend_id"), ("user_id", "friend_id")):
        table = pa.table(dict(zip(names, [["a"], ["b"]], strict=True)))
        assert result(edges(table, tie)).to_pylist() == [{"source": "a", "target": "b"}]


def test_a_weight_column_is_never_taken_for_a_key() -> None:
    odd = Relationship("R", Node("User", "a"), Node("Item", "b"), weight="item_id")
    table = pa.table({"user_id": ["u"], "item_id": [2.5], "b": ["i"]})
    assert result(edges(table, odd)).to_pylist() == [{"source": "u", "target": "i", "item_id": 2.5}]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (
            ["user", "title"],
            r"a column for the ends of 'BOUGHT': 'source and target' or 'user_id and film_fan_item_id'",
        ),
        (
            ["user_id", "sku", "at"],
            r"a column for the weight of 'BOUGHT': 'qty'. Got the columns 'user_id', 'sku', 'at'",
        ),
        (["user_id", "sku", "qty"], r"a column for the time of 'BOUGHT': 'at'"),
    ],
)
def test_a_missing_column_says_what_is_there_and_what_would_do(columns: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        edges(pa.table({name: ["1"] for name in columns}), BOUGHT)


def test_weight_and_time_may_be_missing_where_they_are_optional() -> None:
    assert edges(pa.table({"user_id": [1], "sku": [2]}), BOUGHT, optional=True).schema.names == ["source", "target"]


def test_a_node_frame_has_its_key_under_its_own_name() -> None:
    table = result(nodes(pd.DataFrame({"name": ["A", None], "id": [7, 8]})))
    assert table.to_pylist() == [{"key": 7, "name": "A"}, {"key": 8, "name": None}]
    with pytest.raises(
        DataError, match=r"`nodes\['User'\]` must have a column for the key of 'User': 'id'. Got .*'ID'"
    ):
        nodes(pa.table({"ID": [1]}))
    with pytest.raises(DataError, match="must not have a property column named 'key'"):
        nodes(pa.table({"id": [1], "key": ["x"]}))
    assert result(nodes(pa.table({"key": [1]}), Node("User", "key"))).to_pylist() == [{"key": 1}]


@pytest.mark.parametrize("name", ["", " ", "x" * 1001])
def test_impossible_column_names_are_refused(name: str) -> None:
    with pytest.raises(DataError, match="must have column names of 1 to 1,000 characters without NUL"):
        nodes(pa.table({"id": [1], name: [2]}))


def test_odd_column_names_are_kept() -> None:
    odd = ["a b", "`x`", "MATCH (n) DETACH DELETE n", "Größe", "😀", "a.b"]
    assert nodes(pa.table({"id": [1]} | {name: [2] for name in odd})).schema.names == ["key", *odd]


# ------------------------------------------------------------------ keys


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        (["a", None, "c", None], r"column 'source' must not be null. Got None in row 1 .* and 1 more such rows"),
        (["a", "b", ""], r"must not be empty text. Got '' in row 2"),
        (["a", "x" * 8001], r"must be at most 8,000 bytes long. Got 'xxx.{1,90} in row 1 "),
        (["a", "é" * 4001], r"must be at most 8,000 bytes long"),
        (pa.array([1, 2**63], pa.uint64()), r"must be below 2\*\*63. Got 9223372036854775808 in row 1"),
        (pa.array([None, None], pa.null()), r"must not be null. Got None in row 0 .* and 1 more"),
        (pd.Series([1, None]), r"must hold text or whole numbers. Got floats .*drop the rows.*astype\('int64'\)"),
        ([1.5], r"Got floats"),
        ([True], r"Got values of type bool"),
        ([b"a"], r"Got values of type binary"),
        ([["a"]], r"Got values of type list"),
        ([datetime.date(2024, 1, 1)], r"Got values of type date32"),
    ],
)
def test_bad_keys_are_refused_with_the_first_row(keys: Any, message: str) -> None:
    with pytest.raises(DataError, match=message) as caught:
        edges(pairs(keys)).check()
    assert "`edges['X']`" in str(caught.value)
    assert len(str(caught.value)) < 500


@pytest.mark.parametrize(
    "key", ["it's", 'say "hi"', "a\nb", "😀", "`x`", "\\u0060", " a ", "null", "é" * 4000, "x" * 8000, "$x}) DELETE"]
)
def test_odd_keys_are_kept_as_they_are(key: str) -> None:
    assert result(edges(pairs([key])))["source"].to_pylist() == [key]


def test_numbers_and_kinds_of_text_become_int64_and_string() -> None:
    for values in (pa.array([1, 2], pa.uint8()), pa.array([1, 2], pa.uint64()), pa.array([1, 2], pa.int32())):
        assert result(edges(pairs(values)))["source"].type == pa.int64()
    text = pa.array(["a", "b"])
    views = pa.DictionaryArray.from_arrays(pa.array([0, 1], pa.uint32()), text.cast(pa.string_view()))  # polars
    for values in (text.cast(pa.large_string()), text.cast(pa.string_view()), text.dictionary_encode(), views):
        assert result(edges(pairs(values)))["source"].to_pylist() == ["a", "b"]


def test_key_types_are_compared_with_the_schema_and_the_graph() -> None:
    declared = Relationship("R", Node("User", "user_id", key_type="string"), Node("Item", "item_id"))
    with pytest.raises(DataError, match=r"column 'source' must hold string keys.* Got integer keys.*astype\(str\)"):
        edges(pairs([1]), declared)
    with pytest.raises(DataError, match=r"column 'target' must hold integer keys.* Got string keys"):
        edges(pairs([1]), key_types={"Item": "integer"})
    rows = edges(pairs([1]), key_types={"Item": "string"})
    assert rows.key_types == {"User": "integer", "Item": "string"}
    tie = Relationship("T", Node("User"), Node("User"))
    with pytest.raises(DataError, match="must hold integer keys"):
        edges(pa.table({"source": [1], "target": ["1"]}), tie)


@pytest.mark.parametrize("wanted", ["string", "integer", None])
def test_a_source_without_rows_fits_every_type(wanted: KeyType | None) -> None:
    rows = nodes(pd.DataFrame({"id": np.array([]), "x": []}), Node("User", "id", key_type=wanted))
    assert rows.check().rows == 0
    assert list(rows.tables()) == []
    assert rows.key_types == ({"User": wanted} if wanted else {})
    assert rows.schema.field("key").type == (pa.int64() if wanted == "integer" else pa.string())


# ------------------------------------------------------------------ weights and times


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([1.0, None, 3.0], "must hold finite numbers. Got None in row 1"),
        ([1.0, float("nan")], "must hold finite numbers. Got nan in row 1"),
        ([float("-inf"), 1.0], "must hold finite numbers. Got -inf in row 0"),
        (["4.5", "x"], "must hold numbers. Got values of type string"),
        ([True, False], "must hold numbers. Got values of type bool"),
        (pa.array([None], pa.null()), "must hold finite numbers. Got None in row 0"),
    ],
)
def test_bad_weights_are_refused(weights: Any, message: str) -> None:
    weighted = Relationship("R", Node("User", "u"), Node("Item", "i"), weight="stars")
    with pytest.raises(DataError, match=f"column 'stars' {message}"):
        edges(pairs(["a"] * len(weights), stars=weights), weighted).check()


def test_negative_zero_and_whole_weights_are_accepted() -> None:
    weighted = Relationship("R", Node("User", "u"), Node("Item", "i"), weight="stars")
    for weights in (
        [-1, 0, 5],
        [-1.0, 0.0, 5.0],
        pa.array([-1, 0, 5], pa.decimal128(5, 2)),
        pa.array([-1, 0, 5], "f2"),
    ):
        table = result(edges(pairs(["a"] * 3, stars=weights), weighted))
        assert table["stars"].to_pylist() == [-1, 0, 5]
    assert result(edges(pairs(["a"], stars=[2**53 + 1]), weighted))["stars"].to_pylist() == [2.0**53]


DAY = 86_400
MOMENT = datetime.datetime(2024, 5, 31, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("times", "seconds"),
    [
        ([0, -5, None, 253_402_387_199], [0, -5, None, 253_402_387_199]),
        ([datetime.date(9999, 12, 31)], [253_402_214_400]),
        (pa.array([1, 2], pa.uint64()), [1, 2]),
        ([1.0, float("nan"), None, -3.0], [1, None, None, -3]),
        ([MOMENT, None], [int(MOMENT.timestamp()), None]),
        ([MOMENT.replace(tzinfo=None)], [int(MOMENT.timestamp())]),
        ([datetime.date(1970, 1, 3), datetime.date(1969, 12, 31)], [2 * DAY, -DAY]),
        (pa.array([1500, -1500], pa.timestamp("ms")), [1, -2]),
        (pa.array([1_700_000_000], pa.timestamp("s", "Europe/Berlin")), [1_700_000_000]),
        (pd.Series(pd.to_datetime(["1970-01-01T01:00+01:00", "2300-01-01T00:00Z"], utc=True)), [0, 10_413_792_000]),
        (pd.Series(["1970-01-01T01:00"]).astype("datetime64[s]").dt.tz_localize("Europe/Berlin"), [0]),
        (["1970-01-02", "1970-01-01 00:01", None], [DAY, 60, None]),
        (["1970-01-01T00:00:01Z", "1970-01-01T02:00:00+02:00"], [1, 0]),
        (["1970-01-01T00:00:01Z", "1970-01-02", None, "1969-12-31T23:59:59.5"], [1, DAY, None, -1]),
        (["2024-05-31T12:00:00.123456789"], [int(MOMENT.timestamp())]),
        (pa.array([None, None], pa.null()), [None, None]),
    ],
)
def test_times_become_epoch_seconds(times: Any, seconds: list[int | None]) -> None:
    dated = Relationship("R", Node("User", "u"), Node("Item", "i"), time="at")
    rows = edges(pairs(["a"] * len(times), at=times), dated)
    assert result(rows)["at"].to_pylist() == seconds
    assert rows.schema.field("at").type == pa.int64()


@pytest.mark.parametrize(
    ("times", "message"),
    [
        ([5, 1_700_000_000_000], "larger numbers look like milliseconds. Got 1700000000000 in row 1.*// 1000"),
        ([-(10**12)], "look like milliseconds"),
        (pa.array([2**62], pa.timestamp("s")), "look like milliseconds"),
        (pa.array([2**31 - 1], pa.date32()), "look like milliseconds"),
        ([1.7e12], "look like milliseconds"),
        (pa.array([2**63], pa.uint64()), "look like milliseconds"),
        ([1.5], "whole epoch seconds.* Got 1.5 in row 0"),
        ([float("inf")], "whole epoch seconds"),
        (["2024-01-01", "yesterday"], "Got 'yesterday' in row 1"),
        (["1700000000"], "Got '1700000000' in row 0"),
        (["2024-13-01", "1112486027", "20240101"], "Got '2024-13-01' in row 0.* and 2 more"),
        (["2024-01-01", ""], "Got '' in row 1"),
        ([True], "Got values of type bool"),
        ([datetime.time(3)], "Got values of type time64"),
        ([datetime.timedelta(3)], "Got values of type duration"),
    ],
)
def test_bad_times_are_refused(times: Any, message: str) -> None:
    dated = Relationship("R", Node("User", "u"), Node("Item", "i"), time="at")
    with pytest.raises(DataError, match=f"column 'at' .*{message}"):
        edges(pairs(["a"] * len(times), at=times), dated).check()


# ------------------------------------------------------------------ properties


def test_properties_have_six_types_and_no_nan() -> None:
    table = pa.table(
        {
            "id": ["a", "b"],
            "float": pa.array([1.5, float("nan")], pa.float32()),
            "int": pa.array([1, None], pa.int8()),
            "text": pa.array(["x", None]).dictionary_encode(),
            "bool": [True, None],
            "day": [datetime.date(2024, 1, 1), None],
            "moment": pa.array([1, None], pa.timestamp("ns", "Europe/Berlin")),
            "nothing": pa.nulls(2),
        }
    )
    rows = nodes(table)
    types = [pa.string(), pa.float64(), pa.int64(), pa.string(), pa.bool_(), pa.date32(), pa.timestamp("us", "UTC")]
    assert rows.schema.types == types
    first, second = result(rows).to_pylist()
    assert first["float"] == 1.5
    assert first["day"] == datetime.date(2024, 1, 1)
    assert all(value is None for name, value in second.items() if name != "key")


def test_lists_are_properties_too() -> None:
    table = pa.table(
        {
            "id": [1, 2, 3],
            "tags": pa.array([["a", "b"], None, []], pa.large_list(pa.large_string())),
            "image": pa.array([[1, 2], None, [3, 4]], pa.list_(pa.float32(), 2)),
            "sizes": pa.array([[1], [2, 3], None], pa.list_(pa.uint8())),
            "empty": [[], [], None],
        }
    )
    rows = nodes(table)
    assert rows.schema.types[1:] == [pa.list_(pa.string()), pa.list_(pa.float64()), pa.list_(pa.int64())]
    assert result(rows).to_pylist() == [
        {"key": 1, "tags": ["a", "b"], "image": [1, 2], "sizes": [1]},
        {"key": 2, "tags": None, "image": None, "sizes": [2, 3]},
        {"key": 3, "tags": [], "image": [3, 4], "sizes": None},
    ]
    bad = pa.table({"id": [1, 2, 3], "image": [[1.0], [2.0, None], [float("nan")]]})
    with pytest.raises(
        DataError, match=r"column 'image' must not hold lists with null or NaN in them. Got \[2.0, None\]"
    ):
        nodes(bad).check()
    assert len(result(nodes(bad, on_error="skip"))) == 1


@pytest.mark.parametrize(
    "values", [[[["a"]]], [{"a": 1}], [b"x"], [datetime.time(1)], pa.array([1], pa.decimal128(3, 1))]
)
def test_lists_of_lists_and_other_properties_are_refused(values: Any) -> None:
    with pytest.raises(
        DataError, match=r"column 'p' must hold text, numbers.* Drop the column, or turn it into text"
    ):
        nodes(pa.table({"id": [1], "p": values}))


def test_large_integers_are_refused() -> None:
    table = pa.table({"id": [1, 2], "p": pa.array([2**63, 5], pa.uint64())})
    with pytest.raises(DataError, match=r"column 'p' must be below 2\*\*63"):
        nodes(table).check()
    assert result(nodes(table, on_error="skip")).to_pylist() == [{"key": 2, "p": 5}]


# ------------------------------------------------------------------ skip, report


def test_all_faults_are_reported_at_once_and_nothing_is_read_before() -> None:
    rows = edges(pairs(["a", None, "", "b"], qty=[1.0, 2.0, 3.0, float("nan")], at=[1, 2, 3, 10**13]), BOUGHT)
    with pytest.raises(DataError) as caught:
        rows.check()
    lines = str(caught.value).splitlines()
    assert [line.split("column ")[1].split(" ")[0] for line in lines] == ["'source'", "'source'", "'qty'"]
    with pytest.raises(DataError, match="must not be null"):
        list(rows.tables())


def test_skipped_rows_are_counted_once_under_their_first_reason() -> None:
    frame = pairs(
        ["a", None, "", "b", "c", None], qty=[1.0, None, 3.0, None, 5.0, 6.0], at=[1, 2, 3, 10**13, 10**13, 6]
    )
    rows = edges(frame, BOUGHT, on_error="skip")
    report = rows.check()
    assert (report.rows, report.skipped) == (6, 5)
    assert report.reasons == {
        "null key in 'source'": 2,
        "empty key in 'source'": 1,
        "weight that is not a finite number in 'qty'": 1,
        "time that is not in seconds in 'at'": 1,
    }
    assert result(rows).to_pylist() == [{"source": "a", "target": "i0", "qty": 1.0, "at": 1}]


def test_row_numbers_count_over_batches() -> None:
    keys: list[str | None] = ["k"] * 150_000
    keys[140_000] = None
    with pytest.raises(DataError, match="Got None in row 140000 "):
        edges(pairs(keys)).check()


@pytest.mark.parametrize(
    ("option", "value", "known"),
    [("on_error", "ignore", "'raise', 'skip'"), ("on_duplicate", "first", "'last', 'sum', 'max', 'raise'")],
)
def test_unknown_options_are_refused(option: str, value: str, known: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{option}` must be one of {known}.*Got '{value}'"):
        edges(pairs(["a"]), BARE, **{option: value})
    with pytest.raises(ArgumentError, match="`on_duplicate` must be one of 'last', 'raise'"):
        nodes(pa.table({"id": [1]}), on_duplicate="sum")


# ------------------------------------------------------------------ CSV has no types


def csv(folder: Path, text: str) -> Path:
    path = folder / "rows.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_a_declared_text_key_is_never_read_as_a_number(tmp_path: Path) -> None:
    path = csv(tmp_path, "id,n\n7,1\n12,2\n")
    assert result(nodes(path, Node("User", "id", key_type="string")))["key"].to_pylist() == ["7", "12"]
    assert result(nodes(path, key_types={"User": "string"}))["key"].to_pylist() == ["7", "12"]
    assert result(nodes(path))["key"].to_pylist() == [7, 12]
    assert result(nodes(csv(tmp_path, "id,n\n007,1\n12,2\n")))["key"].to_pylist() == ["007", "12"]
    tie = Relationship("T", Node("User"), Node("User"))
    assert result(edges(csv(tmp_path, "source,target\na,1\n"), tie)).to_pylist() == [{"source": "a", "target": "1"}]


@pytest.mark.parametrize("cell", ["18446744073709551616", "1e5", "nan", "true"])
def test_csv_keys_that_read_as_something_else_say_how_they_stay_text(tmp_path: Path, cell: str) -> None:
    path = csv(tmp_path, f"id\n{cell}\n")
    with pytest.raises(DataError, match=r"declare the key as text, with key_type='string'"):
        nodes(path)
    assert result(nodes(path, Node("User", "id", key_type="string")))["key"][0].as_py() == cell


def test_bad_cells_can_be_skipped(tmp_path: Path) -> None:
    rating = Relationship(
        "R", Node("User", "u", key_type="integer"), Node("Item", "i", key_type="string"), "stars", "at"
    )
    text = "source,target,stars,at\n1,001,4.5,5\nx,2,1,6\n3,,1,7\n4,NA,n/a,8\n5,5,nan,9\n6,6,3,2024\n"
    text += "9223372036854775807,7,1,1\n9223372036854775808,8,1,1\n"
    path = csv(tmp_path, text)
    with pytest.raises(DataError, match=r"'source' must hold whole numbers within 64 bits. Got 'x' in row 1"):
        edges(path, rating).check()
    rows = edges(path, rating, on_error="skip")
    assert rows.check().reasons == {
        "key that is not a whole number in 'source'": 2,
        "null key in 'target'": 1,
        "weight that is not a finite number in 'stars'": 2,
    }
    assert result(rows).to_pylist() == [
        {"source": 1, "target": "001", "stars": 4.5, "at": 5},
        {"source": 6, "target": "6", "stars": 3.0, "at": 2024},
        {"source": 2**63 - 1, "target": "7", "stars": 1.0, "at": 1},
    ]


def test_an_unnamed_csv_column_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    pd.DataFrame({"id": [1]}).to_csv(path)
    with pytest.raises(DataError, match="index=False"):
        nodes(path)
