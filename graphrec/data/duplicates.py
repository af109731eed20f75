"""Rows with the same key or pair become one, also where there are more of them than memory holds."""

from __future__ import annotations

import tempfile
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from numpy.typing import NDArray

Duplicates = Literal["last", "sum", "max", "raise"]

IN_MEMORY = 1_000_000
"""Rows that are merged in memory; larger sources are first divided into temporary files of about this size."""

_MOST_FILES = 256
_UNDATED = np.iinfo(np.int64).min


@dataclass
class Merging:
    """How rows with the same keys become one row.

    The last row stays. ``"sum"`` and ``"max"`` give it the sum or maximum of the weights and the latest time.
    ``"raise"`` refuses a second row.

    Attributes:
        argument: what messages call the source.
        keys: the columns that are to be unique together.
        rule: see above.
        weight: the weight column, or None.
        time: the time column, or None.
        merged: how many rows went into others so far.
    """

    argument: str
    keys: tuple[str, ...]
    rule: Duplicates
    weight: str | None = None
    time: str | None = None
    merged: int = 0

    def stream(self, tables: Iterable[pa.Table], n_rows: int, rows: int) -> Iterator[pa.Table]:
        """Return the merged rows in tables of at most ``rows`` rows, unique over all of them.

        The same source gives the same tables in the same order. Memory holds about `IN_MEMORY` rows,
        or all the rows of one pair where there are more.

        Args:
            tables: the rows, in order.
            n_rows: how many there are at most.
            rows: rows per table returned.
        """
        if n_rows <= IN_MEMORY:
            yield from regrouped((self.merge(table) for table in regrouped(tables, IN_MEMORY)), rows)
            return
        with tempfile.TemporaryDirectory(prefix="graphrec-") as folder:
            files = self._divide(tables, min(-(-n_rows // IN_MEMORY), _MOST_FILES), Path(folder))
            yield from regrouped((self.merge(_read(file)) for file in files), rows)

    def merge(self, table: pa.Table) -> pa.Table:
        """Return the rows of one table, merged, in the order of the rows that stay."""
        codes = np.zeros(len(table), np.int64)
        for key in self.keys:
            indices, values = _encoded(table[key])
            codes = codes * len(values) + indices
        ordered = np.sort(codes)
        last = np.append(ordered[1:] != ordered[:-1], True)[: len(table)]
        if last.all():
            return table
        order = np.argsort(codes, kind="stable")
        if self.rule == "raise":
            self._refuse(table, order[~last])
        self.merged += int((~last).sum())
        stay = order[last]
        back = np.argsort(stay)
        result = table.take(pa.array(stay[back]))
        if self.rule in ("sum", "max"):
            first = np.flatnonzero(np.append(True, last[:-1]))
            if self.weight:
                combine = np.add if self.rule == "sum" else np.maximum
                weights = combine.reduceat(table[self.weight].to_numpy()[order], first)[back]
                result = _replaced(result, self.weight, pa.array(weights))
            if self.time:
                times = np.asarray(table[self.time].fill_null(_UNDATED))
                latest = np.maximum.reduceat(times[order], first)[back]
                result = _replaced(result, self.time, pa.array(latest, mask=latest == _UNDATED))
        return result

    def _refuse(self, table: pa.Table, rows: NDArray[np.int64]) -> None:
        example = [table[key][int(rows.min())].as_py() for key in self.keys]
        raise DataError(
            f"`{self.argument}` must hold each {' and '.join(self.keys)} once. Got {shown(example)} more than once, "
            f"and at least {len(rows):,} such rows in all. Drop them, or give another `on_duplicate`."
        )

    def _divide(self, tables: Iterable[pa.Table], parts: int, folder: Path) -> list[Path]:
        """Write rows to files by a hash of their keys, in order; equal keys meet in one file."""
        files = [folder / f"{part}.arrow" for part in range(parts)]
        with ExitStack() as stack:
            writers: list[Any] = []
            for table in regrouped(tables, IN_MEMORY):
                writers = writers or [
                    stack.enter_context(pa.ipc.new_stream(str(file), table.schema)) for file in files
                ]
                part = (self._hash(table) % np.uint64(parts)).astype(np.uint8)
                grouped = table.take(pa.array(np.argsort(part, kind="stable")))
                ends = np.cumsum(np.bincount(part, minlength=parts))
                for writer, start, end in zip(writers, np.append(0, ends[:-1]), ends, strict=True):
                    writer.write_table(grouped.slice(start, end - start))
        return files if writers else []

    def _hash(self, table: pa.Table) -> NDArray[np.uint64]:
        total = np.zeros(len(table), np.uint64)
        for key in self.keys:
            indices, values = _encoded(table[key])
            hashed = pd.util.hash_array(values.to_numpy(zero_copy_only=False), categorize=False)
            total = total * np.uint64(0x9E3779B97F4A7C15) + hashed[indices]
        return total ^ (total >> np.uint64(32))


def regrouped(tables: Iterable[pa.Table], rows: int) -> Iterator[pa.Table]:
    """Return the same rows in tables of exactly ``rows`` rows (the last one may be shorter)."""
    held: list[pa.Table] = []
    count = 0
    for table in tables:
        start = 0
        while count + len(table) - start >= rows:
            take = rows - count
            yield pa.concat_tables([*held, table.slice(start, take)])
            held, count, start = [], 0, start + take
        if start < len(table):
            held.append(table.slice(start))
            count += len(table) - start
    if held:
        yield pa.concat_tables(held)


def _encoded(column: pa.ChunkedArray) -> tuple[NDArray[np.int64], pa.Array]:
    codes = column.dictionary_encode().combine_chunks()
    return codes.indices.to_numpy().astype(np.int64), codes.dictionary


def _replaced(table: pa.Table, name: str, values: pa.Array) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, values)


def _read(file: Path) -> pa.Table:
    with pa.ipc.open_stream(str(file)) as stream:
        return stream.read_all()
