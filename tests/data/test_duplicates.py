from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphrec.data import duplicates
from graphrec.data.duplicates import Duplicates, Merging, regrouped
from graphrec.data.rows import edge_rows, node_rows
from graphrec.data.source import Source
from graphrec.errors import DataError
from graphrec.schema import Node, Relationship

ROW = st.tuples(
    st.sampled_from("abc"), st.integers(0, 3), st.integers(-3, 3), st.none() | st.integers(-2, 5), st.text(max_size=1)
)
RATED = Relationship("RATED", Node("User", "u"), Node("Item", "i"), "w", "t")


def as_table(rows: list[tuple[Any, ...]]) -> pa.Table:
    types = [pa.string(), pa.int64(), pa.float64(), pa.int64(), pa.string()]
    columns = [pa.array([row[i] for row in rows], type) for i, type in enumerate(types)]
    return pa.table(columns, names=["source", "target", "w", "t", "note"])


def by_loop(rows: list[tuple[Any, ...]], rule: str) -> dict[tuple[Any, Any], tuple[Any, ...]]:
    found: dict[tuple[Any, Any], tuple[Any, ...]] = {}
    for source, target, weight, time, note in rows:
        before = found.get((source, target))
        if before is not None and rule != "last":
            weight = before[0] + weight if rule == "sum" else max(before[0], weight)
            time = max((each for each in (before[1], time) if each is not None), default=None)
        found[source, target] = (weight, time, note)
    return found


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(ROW, max_size=40), rule=st.sampled_from(["last", "sum", "max"]), limit=st.sampled_from([3, 7, 1000])
)
def test_merging_against_a_loop_in_memory_and_out_of_core(
    rows: list[tuple[Any, ...]], rule: Duplicates, limit: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(duplicates, "IN_MEMORY", limit)
    source = Source.of(as_table(rows), "edges")
    merged = edge_rows(source, RATED, on_duplicate=rule)
    tables = list(merged.tables(4))
    assert all(0 < len(table) <= 4 for table in tables)
    found = [tuple(row.values()) for table in tables for row in table.to_pylist()]
    expected = by_loop(rows, rule)
    assert len(found) == len(expected)
    assert {(row[0], row[1]): row[2:] for row in found} == expected
    assert merged.merged == len(rows) - len(expected)
    assert [table.to_pylist() for table in merged.tables(4)] == [table.to_pylist() for table in tables]


def test_the_rows_that_stay_keep_their_order() -> None:
    rows = [("b", 1, 1, 1, ""), ("a", 1, 2, 2, ""), ("b", 1, 3, 3, "")]
    table = next(iter(edge_rows(Source.of(as_table(rows), "edges"), RATED, on_duplicate="sum").tables()))
    assert table["source"].to_pylist() == ["a", "b"]
    assert table["w"].to_pylist() == [2, 4]


def test_without_a_weight_sum_and_max_keep_the_latest_time() -> None:
    bare = Relationship("R", Node("User", "u"), Node("Item", "i"), time="t")
    table = pa.table({"source": ["a", "a"], "target": [1, 1], "t": [9, 3], "note": ["x", "y"]})
    for rule, time in (("sum", 9), ("max", 9), ("last", 3)):
        rows = edge_rows(Source.of(table, "edges"), bare, on_duplicate=rule)
        assert next(iter(rows.tables())).select(["t", "note"]).to_pylist() == [{"t": time, "note": "y"}]


def test_duplicates_stay_where_no_rule_is_given() -> None:
    rows = edge_rows(Source.of(as_table([("a", 1, 1, 1, "")] * 5), "edges"), RATED, on_duplicate=None)
    assert [len(table) for table in rows.tables(2)] == [2, 2, 1]
    assert rows.merged == 0


@pytest.mark.parametrize("limit", [2, 1000])
def test_raise_refuses_before_a_row_is_read(limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(duplicates, "IN_MEMORY", limit)
    rows = [("a", 1, 1, 1, ""), ("b", 1, 1, 1, ""), ("c", 2, 1, 1, ""), ("b", 1, 9, 9, "")]
    with pytest.raises(DataError, match=r"must hold each source and target once. Got \['b', 1\] more than once"):
        edge_rows(Source.of(as_table(rows), "edges"), RATED, on_duplicate="raise").check()
    edge_rows(Source.of(as_table(rows[:3]), "edges"), RATED, on_duplicate="raise").check()


def test_doubled_nodes() -> None:
    source = Source.of(pd.DataFrame({"id": [1, 2, 1], "name": ["old", "x", "new"]}), "nodes")
    rows = node_rows(source, Node("User", "id"))
    assert [row for table in rows.tables() for row in table.to_pylist()] == [
        {"key": 2, "name": "x"},
        {"key": 1, "name": "new"},
    ]
    assert rows.merged == 1
    with pytest.raises(DataError, match=r"must hold each key once. Got \[1\]"):
        node_rows(source, Node("User", "id"), on_duplicate="raise").check()


def test_skipped_rows_do_not_merge(tmp_path: Path) -> None:
    rows = [("a", 1, 1, 1, ""), ("a", 1, float("nan"), 2, "")]
    found = edge_rows(Source.of(as_table(rows), "edges"), RATED, on_error="skip", on_duplicate="last")
    assert next(iter(found.tables()))["t"].to_pylist() == [1]


def test_temporary_files_are_removed_also_when_reading_stops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr(duplicates, "IN_MEMORY", 10)
    rows = [("a", row, 1, 1, "") for row in range(100)]
    stream = edge_rows(Source.of(as_table(rows), "edges"), RATED).tables(5)
    next(stream)
    assert list(tmp_path.iterdir())
    stream.close()  # type: ignore[attr-defined]
    assert not list(tmp_path.iterdir())


def test_files_are_of_like_size_for_like_keys() -> None:
    merging = Merging("edges", ("source", "target"), "last")
    table = pa.table({"source": np.arange(100_000) // 10 * 4, "target": np.arange(100_000) % 10 * 4})
    sizes = np.bincount((merging._hash(table) % np.uint64(8)).astype(int), minlength=8)
    assert sizes.min() > 11_000
    assert sizes.max() < 14_000


@settings(deadline=None)
@given(st.lists(st.integers(0, 7), max_size=8), st.integers(1, 5))
def test_regrouping_keeps_rows_and_their_order(sizes: list[int], rows: int) -> None:
    numbers = iter(range(100))
    tables = [pa.table({"n": pa.array([next(numbers) for _ in range(size)], pa.int64())}) for size in sizes]
    groups = [table["n"].to_pylist() for table in regrouped(tables, rows)]
    assert [number for group in groups for number in group] == list(range(sum(sizes)))
    assert all(len(group) == rows for group in groups[:-1])
    assert all(0 < len(group) <= rows for group in groups[-1:])
