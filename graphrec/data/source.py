"""Users' frames and files as one thing: a source of Arrow batches that can be read again and again."""

from __future__ import annotations

import hashlib
import io
import re
import shutil
import tempfile
import weakref
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as csv
import pyarrow.parquet as pq

from graphrec.data.arrow import from_columns, from_pandas
from graphrec.data.cells import check_end, fitting
from graphrec.errors import ArgumentError, DataError, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

BATCH = 65_536
"""Rows read at a time."""

_ACCEPTED = "must be a pandas or polars frame, an Arrow table, a list of dicts, or a path to a .parquet or .csv file"
_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


class Source(ABC):
    """Rows with named columns, read in batches as often as needed.

    Made by `Source.of`. Parquet and CSV files are streamed, never held in memory. A `RecordBatchReader`, which can be
    read only once, is first written to a temporary Parquet file that lives as long as the source.

    A CSV file has no types, so its columns get the narrowest of integer, float, boolean and text that holds *all*
    their values (one pass over the file); numbers with leading zeros are text ("007" stays "007"), as are whole
    numbers that neither 64 bits nor a float hold; an empty cell is null, and dates stay text.

    Attributes:
        argument: what messages call this source, such as ``edges['RATED']``.
        names: the names of its columns.
        untyped: True where text may stand for a number (CSV).
    """

    untyped = False

    def __init__(self, argument: str, names: Sequence[str]) -> None:
        self.argument = argument
        self.names = list(names)
        if doubled := sorted({str(name) for name in self.names if self.names.count(name) > 1}):
            raise DataError(
                problem(argument, "must not have two columns of one name", doubled, "Rename or drop one.")
            )

    @staticmethod
    def of(frame: Any, argument: str) -> Source:
        """Return a source for a frame or a path.

        Args:
            frame: a pandas frame (its index is not read), anything with ``__arrow_c_stream__`` (Arrow tables, polars
                frames), a `pyarrow.RecordBatchReader`, a list of dicts, or the path of a .parquet or .csv file.
            argument: what messages call it.

        Raises:
            ArgumentError: it is something else, or there is no such file.
            DataError: a column has values of several types or two columns have one name; the file cannot be read.
        """
        if isinstance(frame, Source):
            return frame
        if isinstance(frame, str | PathLike):
            return _file(Path(frame).expanduser(), argument)
        if isinstance(frame, pa.RecordBatchReader):
            return _Spooled(frame, argument)
        if isinstance(frame, pd.DataFrame):
            return _Frame(from_pandas(frame, argument), argument)
        if isinstance(frame, list | tuple) and all(isinstance(row, Mapping) for row in frame):
            names = list(dict.fromkeys(name for row in frame for name in row))
            columns = ((name, [row.get(name) for row in frame]) for name in names)
            return _Frame(from_columns(columns, argument), argument)
        if hasattr(frame, "__arrow_c_stream__") and not isinstance(frame, pd.Series | pa.ChunkedArray):
            return _Frame(pa.table(frame), argument)
        raise ArgumentError(problem(argument, _ACCEPTED, type(frame).__name__))

    @property
    @abstractmethod
    def schema(self) -> pa.Schema:
        """The Arrow types of the columns."""

    @property
    @abstractmethod
    def n_rows(self) -> int:
        """How many rows there are."""

    @property
    @abstractmethod
    def fingerprint(self) -> str:
        """The same for the same rows given again: a hash of the content, or of a file's path, size and time."""

    @abstractmethod
    def batches(self, columns: Sequence[str], rows: int = BATCH) -> Iterator[pa.RecordBatch]:
        """Read these columns from the start, at most ``rows`` rows at a time."""

    def with_text(self, columns: Collection[str]) -> Source:
        """Return a source that reads these columns as text where it has no types of its own (CSV)."""
        return self


class _Frame(Source):
    def __init__(self, table: pa.Table, argument: str) -> None:
        super().__init__(argument, table.column_names)
        self._table = table.replace_schema_metadata(None)

    @property
    def schema(self) -> pa.Schema:
        return self._table.schema

    @property
    def n_rows(self) -> int:
        return int(self._table.num_rows)

    @cached_property
    def fingerprint(self) -> str:
        digest = _Digest()
        with pa.ipc.new_stream(digest, self.schema) as stream:
            stream.write_table(self._table, max_chunksize=BATCH)
        return digest.sha.hexdigest()

    def batches(self, columns: Sequence[str], rows: int = BATCH) -> Iterator[pa.RecordBatch]:
        yield from self._table.select(list(columns)).to_batches(max_chunksize=rows)


class _Parquet(Source):
    def __init__(self, path: Path, argument: str) -> None:
        self.path = path
        with _reading(argument), pq.ParquetFile(path) as file:
            self._schema: pa.Schema = file.schema_arrow
            self._rows = int(file.metadata.num_rows)
        super().__init__(argument, [name for name in self._schema.names if not _PANDAS_INDEX.fullmatch(name)])

    @property
    def schema(self) -> pa.Schema:
        return self._schema

    @property
    def n_rows(self) -> int:
        return self._rows

    @property
    def fingerprint(self) -> str:
        return _file_fingerprint(self.path)

    def batches(self, columns: Sequence[str], rows: int = BATCH) -> Iterator[pa.RecordBatch]:
        with _reading(self.argument), pq.ParquetFile(self.path, buffer_size=1 << 20) as file:
            yield from file.iter_batches(rows, columns=list(columns))


class _Spooled(_Parquet):
    def __init__(self, reader: pa.RecordBatchReader, argument: str) -> None:
        folder = tempfile.mkdtemp(prefix="graphrec-")
        weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        path, digest = Path(folder) / "rows.parquet", _Digest()
        with pq.ParquetWriter(path, reader.schema) as file, pa.ipc.new_stream(digest, reader.schema) as stream:
            for batch in reader:
                file.write_batch(batch)
                stream.write_batch(batch)
        self._digest = digest.sha.hexdigest()
        super().__init__(path, argument)

    @property
    def fingerprint(self) -> str:
        return self._digest


class _Csv(Source):
    untyped = True

    def __init__(self, path: Path, argument: str, text: Collection[str] = ()) -> None:
        self.path, self._text = path, frozenset(text)
        with _reading(argument):
            reader = csv.open_csv(path, parse_options=_PARSE)
            names = reader.schema.names
            reader.close()
        super().__init__(argument, names)

    @property
    def schema(self) -> pa.Schema:
        return self._inferred[0]

    @property
    def n_rows(self) -> int:
        return self._inferred[1]

    @property
    def fingerprint(self) -> str:
        return _file_fingerprint(self.path)

    def with_text(self, columns: Collection[str]) -> Source:
        return _Csv(self.path, self.argument, self._text | set(columns))

    def batches(self, columns: Sequence[str], rows: int = BATCH) -> Iterator[pa.RecordBatch]:
        types = [self.schema.field(name).type for name in columns]
        for batch in self._cells(columns):
            arrays = [
                pa.nulls(len(batch)) if pa.types.is_null(type) else pc.cast(column, type)
                for column, type in zip(batch.columns, types, strict=True)
            ]
            typed = pa.record_batch(arrays, names=list(columns))
            yield from (typed.slice(start, rows) for start in range(0, len(typed), rows))

    def _cells(self, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
        convert = csv.ConvertOptions(
            column_types=dict.fromkeys(self.names, pa.string()),
            include_columns=list(columns),
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        )
        read = csv.ReadOptions(block_size=4 << 20)
        with _reading(self.argument), csv.open_csv(self.path, read, _PARSE, convert) as reader:
            yield from reader

    @cached_property
    def _inferred(self) -> tuple[pa.Schema, int]:
        fits = {name: [pa.int64(), pa.float64(), pa.bool_()] for name in self.names if name not in self._text}
        filled: set[str] = set(self._text)
        rows, end = 0, ""
        for batch in self._cells(self.names):
            rows += len(batch)
            end = (batch.columns[-1][-1].as_py() or "") if len(batch) else end
            for name, types in fits.items():
                cells = batch.column(name).drop_null()
                if len(cells):
                    filled.add(name)
                    types[:] = fitting(cells, types)
        check_end(self.path, end, self.argument)
        kinds = {name: (fits.get(name) or [pa.string()])[0] if name in filled else pa.null() for name in self.names}
        return pa.schema(list(kinds.items())), rows


_PARSE = csv.ParseOptions(newlines_in_values=True)


def _file(path: Path, argument: str) -> Source:
    kinds: dict[str, Callable[[Path, str], Source]] = {".parquet": _Parquet, ".csv": _Csv}
    kind = kinds.get(path.suffix.lower())
    if kind is None:
        raise ArgumentError(problem(argument, _ACCEPTED, str(path)))
    if not path.is_file():
        raise ArgumentError(problem(argument, "must be the path of a file that exists", str(path), "Check the path."))
    return kind(path, argument)


def _file_fingerprint(path: Path) -> str:
    state = path.stat()
    return hashlib.sha256(f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}".encode()).hexdigest()


@contextmanager
def _reading(argument: str) -> Iterator[None]:
    try:
        yield
    except (pa.ArrowException, OSError, UnicodeError) as error:
        text = str(error).splitlines()[0][:300] if str(error) else type(error).__name__
        if "straddl" in text:  # Arrow gives up where a row does not end within a block
            text = "a row is longer than 4 MB, or a quote before it is not closed"
        raise DataError(f"`{argument}` must be a readable file with a header and rows. Got: {text}.") from error


class _Digest(io.RawIOBase):
    def __init__(self) -> None:
        self.sha = hashlib.sha256()

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        self.sha.update(data)
        return len(data)
