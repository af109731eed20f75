"""What the cells of a CSV file are: which types hold all of them, and whether the last one ends."""

from __future__ import annotations

import os
from decimal import Decimal
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import DataError, problem

if TYPE_CHECKING:
    from pathlib import Path


def fitting(cells: pa.Array, types: list[pa.DataType]) -> list[pa.DataType]:
    """Return those of some types that hold all of these cells (text without nulls) as they are."""
    if pc.any(pc.match_substring_regex(cells, r"^[+-]?0[0-9xX]")).as_py():
        return []
    return [type for type in types if _fits(cells, type) and not (pa.types.is_floating(type) and _rounded(cells))]


def check_end(path: Path, cell: str, argument: str) -> None:
    """Refuse a file that ends within quotes: Arrow takes all the rows behind the open one for its last cell.

    Args:
        path: the file.
        cell: the last cell of its last row.
        argument: what messages call the file.

    Raises:
        DataError: a quote is not closed.
    """
    raw = b'"' + cell.replace('"', '""').encode()
    if "\n" in cell and cell.strip() and _last(path, len(raw)) == raw:  # a closed one has a quote at its end
        remedy = 'Close it, or write a quote within a cell as "".'
        raise DataError(problem(argument, "must close every quote; one is open to the end of the file", cell, remedy))


def _last(path: Path, size: int) -> bytes:
    with path.open("rb") as file:
        file.seek(-min(size, path.stat().st_size), os.SEEK_END)
        return file.read(size)


def _fits(cells: pa.Array, type: pa.DataType) -> bool:
    try:
        pc.cast(cells, type)
    except pa.ArrowInvalid:
        return False
    return True


def _rounded(cells: pa.Array) -> bool:
    """Return whether whole numbers, such as long ids, would be others as floats."""
    if pc.max(pc.binary_length(cells)).as_py() < 16:  # a float holds all that are shorter
        return False
    long = cells.filter(pc.match_substring_regex(cells, r"^[+-]?[0-9]{16,}$")).to_pylist()
    return any(Decimal(cell) != float(cell) for cell in long)
