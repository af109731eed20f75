from __future__ import annotations

import datetime
import gc
import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from graphrec.data.source import Source
from graphrec.errors import ArgumentError, DataError


class Stream:
    """What polars and others offer: nothing but Arrow's stream interface."""

    def __init__(self, table: pa.Table) -> None:
        self._table = table

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self._table.__arrow_c_stream__(requested_schema)


TABLE = pa.table({"user_id": ["a", "b", None, "d"], "n": [1, 2, 3, None], "x": [0.5, None, -1.0, 2.0]})


def read(source: Source, columns: list[str] | None = None, rows: int = 3) -> pa.Table:
    batches = list(source.batches(columns or source.names, rows))
    assert all(0 < len(batch) <= rows for batch in batches)
    return pa.Table.from_batches(batches) if batches else source.schema.empty_table()


def kinds(folder: Path) -> dict[str, Any]:
    pq.write_table(TABLE, folder / "rows.parquet")
    TABLE.to_pandas().to_csv(folder / "rows.csv", index=False)
    return {
        "arrow": TABLE,
        "batch": TABLE.combine_chunks().to_batches()[0],
        "reader": TABLE.to_reader(max_chunksize=1),
        "stream": Stream(TABLE),
        "dicts": TABLE.to_pylist(),
        "pandas": TABLE.to_pandas(types_mapper=pd.ArrowDtype),
        "parquet": folder / "rows.parquet",
        "csv": str(folder / "rows.csv"),
    }


def test_every_kind_of_frame_gives_the_same_rows_again_and_again(tmp_path: Path) -> None:
    for kind, frame in kinds(tmp_path).items():
        source = Source.of(frame, "rows")
        assert source.names == ["user_id", "n", "x"], kind
        assert source.n_rows == 4, kind
        first, second = read(source), read(source, rows=100)
        assert first.to_pylist() == second.to_pylist() == TABLE.to_pylist(), kind
        assert read(source, ["x", "n"]).column_names == ["x", "n"], kind
        assert source.schema.names == source.names, kind
        assert Source.of(source, "other") is source


def test_a_plain_pandas_frame_without_its_index() -> None:
    frame = pd.DataFrame({"u": [5, 6], "s": ["x", None], "f": [1.0, np.nan]}, index=[9, 8])
    assert read(Source.of(frame, "rows")).to_pylist() == [
        {"u": 5, "s": "x", "f": 1.0},
        {"u": 6, "s": None, "f": None},
    ]


def test_dicts_may_have_different_fields() -> None:
    rows = read(Source.of([{"a": 1}, {"b": "x", "a": 2}], "rows"))
    assert rows.to_pylist() == [{"a": 1, "b": None}, {"a": 2, "b": "x"}]


def test_the_fingerprint_of_a_frame_is_its_content() -> None:
    frame = TABLE.to_pandas()
    same = Source.of(frame, "rows").fingerprint
    assert Source.of(frame.copy(), "other").fingerprint == same
    changed = [
        frame.assign(n=[1, 2, 3, 4]),
        frame.rename(columns={"n": "m"}),
        frame.iloc[::-1],
        frame.iloc[:3],
        frame.drop(columns="x"),
    ]
    assert len({same, *(Source.of(other, "rows").fingerprint for other in changed)}) == 6


def test_the_fingerprint_of_a_file_is_path_size_and_time(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("u\n1\n")
    os.utime(path, (1, 1))
    first = Source.of(path, "rows").fingerprint
    assert Source.of(str(path), "rows").fingerprint == first
    os.utime(path, (2, 2))
    assert Source.of(path, "rows").fingerprint != first


def test_a_reader_is_kept_in_a_temporary_file_as_long_as_its_source(tmp_path: Path) -> None:
    source = Source.of(TABLE.to_reader(), "rows")
    folder = source.path.parent  # type: ignore[attr-defined]
    assert folder.is_dir()
    assert source.fingerprint == Source.of(TABLE.to_reader(), "rows").fingerprint
    assert source.fingerprint != Source.of(TABLE.slice(1).to_reader(), "rows").fingerprint
    del source
    gc.collect()
    assert not folder.exists()


def test_parquet_is_read_in_batches_and_without_the_index_of_pandas(tmp_path: Path) -> None:
    frame = pd.DataFrame({"u": range(10)}, index=range(5, 15)).iloc[[0, 3, 4]]
    frame.to_parquet(tmp_path / "a.parquet", index=True)
    source = Source.of(tmp_path / "a.parquet", "rows")
    assert source.names == ["u"]
    assert [len(batch) for batch in source.batches(["u"], 2)] == [2, 1]


@pytest.mark.parametrize(
    ("cells", "type", "values"),
    [
        (["1", "-2", ""], pa.int64(), [1, -2, None]),
        (["1", "2.5", "1e3"], pa.float64(), [1, 2.5, 1000]),
        (["true", "False", ""], pa.bool_(), [True, False, None]),
        (["007", "8"], pa.string(), ["007", "8"]),
        (["0x1F", "2"], pa.string(), ["0x1F", "2"]),
        (["0", "-0.5"], pa.float64(), [0, -0.5]),
        (["NA", "null", "None"], pa.string(), ["NA", "null", "None"]),
        (["2024-01-01", "2024-01-02"], pa.string(), ["2024-01-01", "2024-01-02"]),
        (["1", "x"], pa.string(), ["1", "x"]),
        (["", ""], pa.null(), [None, None]),
        (['"a\nb"', '"say ""hi"""', "'😀`"], pa.string(), ["a\nb", 'say "hi"', "'😀`"]),
        (["99999999999999999999", "1"], pa.string(), ["99999999999999999999", "1"]),
        (["10000000000000000", "0.5"], pa.float64(), [1e16, 0.5]),
    ],
)
def test_csv_columns_get_the_narrowest_type_of_all_values(
    tmp_path: Path, cells: list[str], type: pa.DataType, values: list[Any]
) -> None:
    path = tmp_path / "a.csv"
    path.write_text("id,v\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells)))
    source = Source.of(path, "rows")
    assert source.schema.field("v").type == type
    assert read(source)["v"].to_pylist() == values


def test_a_late_value_decides_too(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    n = 700_000  # more than one block
    with path.open("w") as file:
        file.write("u,v\n" + "1,12345\n" * n + "2,0.5\n")
    source = Source.of(path, "rows")
    assert source.schema.types == [pa.int64(), pa.float64()]
    assert source.n_rows == n + 1
    assert sum(batch.column("v").sum().as_py() for batch in source.batches(["v"])) == 12345 * n + 0.5


def test_csv_columns_can_be_read_as_text(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text("u,v\n1,1\n20,2\n")
    source = Source.of(path, "rows").with_text(["u"])
    assert read(source).to_pylist() == [{"u": "1", "v": 1}, {"u": "20", "v": 2}]
    assert source.untyped


def test_a_quote_that_is_not_closed_does_not_take_the_rest_of_a_csv_file(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_text('u,v\n1,"the ""first"""\n2,"Alien\n3,Brazil\n')
    with pytest.raises(DataError, match=r'`rows` must close every quote.*Got \'Alien\\n3,Brazil\\n\'.*a cell as ""'):
        read(Source.of(path, "rows"))
    path.write_text("u,v\n" + '1,"' + "2,x\n" * 3_000_000)
    with pytest.raises(DataError, match="longer than 4 MB, or a quote before it is not closed"):
        read(Source.of(path, "rows"))


def test_csv_without_rows_and_with_a_byte_order_mark(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(b"\xef\xbb\xbfu,v\n")
    source = Source.of(path, "rows")
    assert (source.names, source.n_rows, read(source).num_rows) == (["u", "v"], 0, 0)


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("empty.csv", b""),
        ("ragged.csv", b"a,b\n1,2\n1\n"),
        ("latin.csv", b"a,b\n\xe9t\xe9,1\n"),
        ("utf16.csv", "id\na\nb\n".encode("utf-16")),
        ("empty.parquet", b""),
        ("text.parquet", b"a,b\n1,2\n"),
        ("cut.parquet", b"PAR1\x00\x00"),
    ],
)
def test_unreadable_files_are_refused(tmp_path: Path, name: str, content: bytes) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(DataError, match="`rows` must be a readable file"):
        read(Source.of(path, "rows"))


@pytest.mark.parametrize(
    ("frame", "rule"),
    [
        ("ratings.xlsx", "or a path to a .parquet or .csv file. Got 'ratings.xlsx'"),
        ("no/such/file.csv", "must be the path of a file that exists"),
        (7, "must be a pandas or polars frame.* Got 'int'"),
        (None, "Got 'NoneType'"),
        ([("a", 1)], "Got 'list'"),
        (pd.Series([1]), "Got 'Series'"),
        (pa.chunked_array([[1]]), "Got 'ChunkedArray'"),
    ],
)
def test_other_things_are_refused(frame: Any, rule: str) -> None:
    with pytest.raises(ArgumentError, match=rule) as caught:
        Source.of(frame, "edges['RATED']")
    assert "`edges['RATED']`" in str(caught.value)


@pytest.mark.parametrize(
    ("values", "row", "value"),
    [
        (["a", "b", 3], 2, "3"),
        ([1, "b"], 1, "'b'"),
        ([None, "a", 1], 2, "1"),
        ([1, 2**70], 1, str(2**70)),
        (["a", "\ud800"], 1, "ud800"),
        ([object()], 0, "object"),
        ([datetime.date(2024, 1, 1), "x"], 1, "'x'"),
    ],
)
def test_columns_of_several_types_are_refused_with_the_row(values: list[Any], row: int, value: str) -> None:
    for frame in (pd.DataFrame({"u": pd.Series(values, dtype=object)}), [{"u": each} for each in values]):
        with pytest.raises(
            DataError, match=rf"`rows`: column 'u' must hold values of one type.*in row {row} "
        ) as caught:
            Source.of(frame, "rows")
        assert value in str(caught.value)
        assert len(str(caught.value)) < 500


def test_column_names_must_be_text_and_different(tmp_path: Path) -> None:
    for name in (0, "a\0b", "\ud800", None):
        with pytest.raises(DataError, match="must have text without NUL as column names"):
            Source.of(pd.DataFrame([[1]], columns=pd.Index([name], dtype=object)), "rows")
    path = tmp_path / "a.csv"
    path.write_text("a,b,a\n1,2,3\n")
    for frame in (path, pd.DataFrame([[1, 2]], columns=["a", "a"]), pa.table([[1], [2]], names=["a", "a"])):
        with pytest.raises(DataError, match=r"must not have two columns of one name. Got \['a'\]"):
            Source.of(frame, "rows")
