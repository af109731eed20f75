"""Arrow columns and Ladybug's types, in both directions."""

from __future__ import annotations

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import DataError

_TYPES = {pa.string(): "STRING", pa.int64(): "INT64", pa.float64(): "DOUBLE", pa.bool_(): "BOOL", pa.date32(): "DATE"}


def arrow_type(type: pa.DataType, column: str) -> pa.DataType:
    """Return the Arrow type in which a column is stored.

    Raises:
        DataError: Ladybug has no place for it.
    """
    if pa.types.is_dictionary(type):
        return arrow_type(type.value_type, column)
    if pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type):
        return pa.string()
    if pa.types.is_integer(type):
        return pa.int64()
    if pa.types.is_floating(type):
        return pa.float64()
    if pa.types.is_date(type):
        return pa.date32()
    if pa.types.is_timestamp(type):
        return pa.timestamp("us")
    if pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type):
        return pa.list_(arrow_type(type.value_type, column))
    if type == pa.bool_():
        return type
    raise DataError(
        f"The column {column!r} has the type {type}, which the graph file cannot hold. Convert it to text, numbers, "
        "booleans, dates or lists of these, or leave it out."
    )


def ladybug_type(type: pa.DataType, column: str) -> str:
    """Return the name of Ladybug's type for a column."""
    stored = arrow_type(type, column)
    if pa.types.is_list(stored):
        return f"{ladybug_type(stored.value_type, column)}[]"
    return "TIMESTAMP" if pa.types.is_timestamp(stored) else _TYPES[stored]


def as_stored(values: pa.ChunkedArray, column: str) -> pa.ChunkedArray:
    """Return a column in the type in which it is stored.

    Raises:
        DataError: a value does not fit.
    """
    stored = arrow_type(values.type, column)
    if pa.types.is_timestamp(values.type) and values.type.tz is not None:
        values = pc.cast(values, pa.timestamp(values.type.unit))  # UTC, as everywhere in graphrec
    try:
        return pc.cast(values, stored)
    except pa.ArrowInvalid as error:
        raise DataError(f"The column {column!r} holds a value that does not fit {stored}: {error}") from error


def as_keys(values: pa.ChunkedArray) -> pa.Array:
    """Return stored keys as ``int64`` or ``string``."""
    stored = pa.int64() if pa.types.is_integer(values.type) else pa.string()
    return pc.cast(values, stored).combine_chunks()


def as_seconds(values: pa.ChunkedArray, what: str) -> pa.ChunkedArray:
    """Return times as whole epoch seconds, from numbers, temporal values or ISO 8601 text.

    Raises:
        DataError: they are none of these.
    """
    try:
        if pa.types.is_string(values.type):
            values = pc.cast(pc.replace_substring(pc.utf8_trim_whitespace(values), " ", "T"), pa.timestamp("us"))
        if pa.types.is_date(values.type):
            values = pc.cast(values, pa.timestamp("us"))
        if pa.types.is_timestamp(values.type):
            ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[values.type.unit]
            values = pc.divide(pc.cast(pc.cast(values, pa.int64()), pa.float64()), float(ticks))
        return pc.cast(pc.floor(values) if pa.types.is_floating(values.type) else values, pa.int64())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise DataError(
            f"The time {what} must be epoch seconds, a temporal value or ISO 8601 text. Got {values.type}: {error}"
        ) from error


def as_numbers(values: pa.ChunkedArray, what: str) -> pa.ChunkedArray:
    """Return weights as ``float64``.

    Raises:
        DataError: they are no numbers.
    """
    if not (pa.types.is_integer(values.type) or pa.types.is_floating(values.type) or pa.types.is_null(values.type)):
        raise DataError(f"The weight {what} must be a number. Got {values.type}. Convert it in the graph.")
    return pc.cast(values, pa.float64())
