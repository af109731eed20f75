"""Columns of all makes as plain Arrow, with errors that name the row."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import DataError, problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from numpy.typing import NDArray


def from_pandas(frame: pd.DataFrame, argument: str) -> pa.Table:
    """Return a frame's columns as an Arrow table; the index is left out."""
    return from_columns(((name, frame.iloc[:, i]) for i, name in enumerate(frame.columns)), argument)


def from_columns(columns: Iterable[tuple[Any, Any]], argument: str) -> pa.Table:
    """Return named columns of Python values as an Arrow table.

    Raises:
        DataError: a name is no text, or a column has values of several types; the message shows the first.
    """
    names, arrays = [], []
    for name, values in columns:
        if not isinstance(name, str) or "\0" in name or any("\ud800" <= c <= "\udfff" for c in name):
            raise DataError(problem(argument, "must have text without NUL as column names", name, "Rename it."))
        try:
            arrays.append(pa.array(values, from_pandas=True))
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            row, value = _first_misfit(values)
            raise DataError(
                f"`{argument}`: column {name!r} must hold values of one type that Arrow knows: text, whole numbers "
                f"within 64 bits, floats, booleans, dates or times. Got {shown(value)} in row {row} (counted from 0)."
                " Convert the column first, for example with .astype(str)."
            ) from error
        names.append(name)
    return pa.table(arrays, names=names)


def _first_misfit(values: Iterable[Any]) -> tuple[int, Any]:
    kind: pa.DataType | None = None
    for row, value in enumerate(values):
        try:
            found = pa.array([value], from_pandas=True).type
        except (pa.ArrowException, OverflowError, TypeError, ValueError):
            return row, value
        if not pa.types.is_null(found):
            if kind is not None and found != kind:
                return row, value
            kind = found
    return 0, None


def plain(array: pa.Array) -> pa.Array:
    """Return dictionaries decoded and every kind of text as ``string``."""
    if pa.types.is_dictionary(array.type):
        return plain(array.dictionary).take(array.indices)  # Arrow itself cannot decode all kinds of text
    return pc.cast(array, plain_type(array.type)) if array.type != plain_type(array.type) else array


def plain_type(type: pa.DataType) -> pa.DataType:
    """Return the type that `plain` gives."""
    if pa.types.is_dictionary(type):
        return plain_type(type.value_type)
    return pa.string() if pa.types.is_large_string(type) or pa.types.is_string_view(type) else type


def flattened(lists: pa.Array) -> tuple[NDArray[np.int64], pa.Array]:
    """Return the elements of all lists, and the row that each is of."""
    if pa.types.is_fixed_size_list(lists.type):
        lists = pc.cast(lists, pa.list_(lists.type.value_type))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(lists), 0), np.int64)
    return np.repeat(np.arange(len(lists)), lengths), pc.list_flatten(lists)


def is_list(type: pa.DataType) -> bool:
    """Return whether a type is of lists, of whichever make."""
    return bool(pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type))
