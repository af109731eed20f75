"""The rules for single values: keys, weights, times, properties. Each takes a column and says which rows break which.

Whole columns of an impossible type are refused by the `*_type` functions, before a row is read.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.arrow import flattened, is_list, plain, plain_type
from graphrec.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphrec.schema import KeyType

MAX_KEY_BYTES = 8_000
"""Longer keys do not fit into a Neo4j index entry; one rule for both databases keeps graphs portable."""

LAST_SECOND = 253_402_387_199  # of the last day that databases know, 9999-12-31; beyond are milliseconds or finer
_TO_SECONDS = {"s": 1, "ms": 1_000, "us": 1_000_000, "ns": 1_000_000_000}


class Rule(NamedTuple):
    """What a value must be; ``reason`` is the short name under which skipped rows are counted."""

    reason: str
    must: str
    remedy: str


_DROP = "Drop those rows or fill them."
NULL_IN_LIST = Rule("null in a list", "must not hold lists with null or NaN in them", _DROP)
NULL_KEY = Rule("null key", "must not be null", _DROP)
EMPTY_KEY = Rule("empty key", "must not be empty text", _DROP)
LONG_KEY = Rule("long key", f"must be at most {MAX_KEY_BYTES:,} bytes long", "Use shorter keys, such as a hash.")
BIG_INTEGER = Rule("integer beyond 64 bits", "must be below 2**63", "Load it as text, with .astype(str).")
NOT_WHOLE = Rule(
    "key that is not a whole number",
    "must hold whole numbers within 64 bits",
    "Mend or drop them, or declare the key as text, with key_type='string'.",
)
BAD_WEIGHT = Rule("weight that is not a finite number", "must hold finite numbers", _DROP)
MILLISECONDS = Rule(
    "time that is not in seconds",
    f"must be epoch seconds, at most {LAST_SECOND:,}; larger numbers look like milliseconds",
    "Divide them: // 1000 for milliseconds, // 10**9 for nanoseconds.",
)
BAD_TIME = Rule(
    "time that cannot be read",
    "must be whole epoch seconds, timestamps, or ISO 8601 text such as 2024-05-31T12:00:00Z",
    "Convert the column, for example with pandas.to_datetime or .astype('int64').",
)

Broken = list[tuple[Rule, "NDArray[np.bool_]"]]


@dataclass
class Faults:
    """Bad rows by column and rule: how many, and the first one."""

    argument: str
    rows: int = 0
    found: dict[tuple[str, Rule], tuple[int, int, Any]] = field(default_factory=dict)

    def add(self, column: str, rule: Rule, bad: NDArray[np.bool_], values: pa.Array) -> None:
        """Count the rows of a batch where ``bad`` is true; `rows` must be the number of rows before the batch."""
        at = int(bad.argmax())
        first = values[at]  # a moment that breaks a rule lies where Python has none
        found = first.value if pa.types.is_temporal(values.type) else first.as_py()
        count, row, value = self.found.get((column, rule), (0, self.rows + at, found))
        self.found[column, rule] = (count + int(bad.sum()), row, value)

    @property
    def reasons(self) -> dict[str, int]:
        """How many rows are bad, by reason; a row counts once."""
        return {f"{rule.reason} in {column!r}": count for (column, rule), (count, _, _) in self.found.items()}

    def refuse(self) -> None:
        """Raise `DataError` where there is any."""
        if self.found:
            raise DataError(
                "\n".join(
                    f"`{self.argument}`: column {column!r} {rule.must}. Got {shown(value)} in row {row} "
                    f"(counted from 0){f' and {count - 1:,} more such rows' if count > 1 else ''}. {rule.remedy}"
                    for (column, rule), (count, row, value) in self.found.items()
                )
            )


def key_type(where: str, type: pa.DataType, wanted: KeyType | None, *, untyped: bool) -> KeyType | None:
    """Return the kind of keys in a column of this type; None where it is empty and nothing says what it should be.

    Raises:
        DataError: it holds neither text nor whole numbers, or not the kind that is wanted.
    """
    if pa.types.is_null(type):
        return wanted
    if untyped and not pa.types.is_string(type) and not pa.types.is_integer(type):
        raise DataError(
            f"{where} must hold text or whole numbers within 64 bits. Got what reads as {type}. If these are names, "
            "declare the key as text, with key_type='string'."
        )
    if pa.types.is_floating(type):
        raise DataError(
            f"{where} must hold text or whole numbers. Got floats ({type}). In pandas a column of whole numbers with "
            "gaps becomes floats: drop the rows without a key, then .astype('int64')."
        )
    if not pa.types.is_string(type) and not pa.types.is_integer(type):
        raise DataError(
            f"{where} must hold text or whole numbers. Got values of type {type}. Convert the column, for "
            "example with .astype(str)."
        )
    kind: KeyType = "string" if pa.types.is_string(type) else "integer"
    if wanted is None or kind == wanted or (untyped and wanted == "integer"):
        return wanted or kind
    raise DataError(
        f"{where} must hold {wanted} keys, as the schema or the nodes that are there have it. Got {kind} keys. "
        f"Convert the column with .astype({'str' if wanted == 'string' else repr('int64')})."
    )


def check_keys(array: pa.Array, kind: KeyType) -> tuple[pa.Array, Broken]:
    """Return keys as ``string`` or ``int64`` and the rows that are null, empty, too long or too large."""
    broken = [(NULL_KEY, _mask(pc.is_null(array)))]
    if kind == "string":
        length = pc.binary_length(pc.cast(array, pa.string()))
        broken += [(EMPTY_KEY, _mask(pc.equal(length, 0))), (LONG_KEY, _mask(pc.greater(length, MAX_KEY_BYTES)))]
        return pc.cast(array, pa.string()), broken
    if pa.types.is_string(array.type):
        whole = _parsed(array, pa.int64(), _whole)
        return whole, [*broken, (NOT_WHOLE, _mask(pc.is_null(whole)))]
    whole, big = _int64(array)
    return whole, [*broken, (BIG_INTEGER, big)]


def weight_type(where: str, type: pa.DataType, *, untyped: bool) -> None:
    """Raise `DataError` where a column of this type holds no numbers."""
    numbers = pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_decimal(type)
    if not numbers and not pa.types.is_null(type) and not (untyped and pa.types.is_string(type)):
        raise DataError(
            f"{where} must hold numbers. Got values of type {type}. Convert the column, for example with "
            "pandas.to_numeric."
        )


def check_weights(array: pa.Array) -> tuple[pa.Array, Broken]:
    """Return weights as ``float64`` and the rows that are null, NaN or infinite (or, in a CSV file, no number)."""
    numbers = _parsed(array, pa.float64(), float)
    return numbers, [(BAD_WEIGHT, ~_mask(pc.is_finite(numbers)))]


def time_type(where: str, type: pa.DataType) -> None:
    """Raise `DataError` where a column of this type holds no times."""
    known = pa.types.is_integer(type) or pa.types.is_floating(type) or pa.types.is_string(type)
    if not (known or pa.types.is_timestamp(type) or pa.types.is_date(type) or pa.types.is_null(type)):
        raise DataError(f"{where} {BAD_TIME.must}. Got values of type {type}. {BAD_TIME.remedy}")


def check_times(array: pa.Array) -> tuple[pa.Array, Broken]:
    """Return times as ``int64`` epoch seconds and the rows that cannot be read; null stays null (undated).

    Times without a zone are taken as UTC. Fractions of a second are cut off.
    """
    type = array.type
    if pa.types.is_string(type):
        seconds = _iso_seconds(array)
        return seconds, [(BAD_TIME, _mask(pc.and_(pc.is_null(seconds), pc.is_valid(array))))]
    if pa.types.is_floating(type):
        array = pc.cast(array, pa.float64())
        given = pc.and_not(pc.is_valid(array), pc.fill_null(pc.is_nan(array), False))  # NaN is pandas' null
        usable = pc.and_(given, pc.fill_null(pc.and_(pc.is_finite(array), pc.equal(array, pc.floor(array))), False))
        near = pc.less_equal(pc.abs(pc.if_else(usable, array, 0.0)), LAST_SECOND)
        seconds = pc.cast(pc.if_else(pc.and_(usable, near), array, None), pa.int64())
        return seconds, [(BAD_TIME, _mask(pc.and_not(given, usable))), (MILLISECONDS, ~_mask(near))]
    if pa.types.is_timestamp(type) or pa.types.is_date(type):
        stamps = array if pa.types.is_timestamp(type) else pc.cast(array, pa.timestamp("ms"))
        whole, big = _floor(pc.cast(stamps, pa.int64()), _TO_SECONDS[stamps.type.unit]), np.zeros(len(array), bool)
    else:
        whole, big = _int64(array)
    far = _mask(pc.or_(pc.greater(whole, LAST_SECOND), pc.less(whole, -LAST_SECOND)))
    return whole, [(MILLISECONDS, big | far)]


def property_type(where: str, type: pa.DataType) -> pa.DataType:
    """Return the type under which a property column is handed on.

    Raises:
        DataError: it holds lists of lists, bytes or something else that is no property of a node.
    """
    if is_list(type) and not is_list(type.value_type):
        of = property_type(where, plain_type(type.value_type))
        return of if pa.types.is_null(of) else pa.list_(of)
    if pa.types.is_integer(type):
        return pa.int64()
    if pa.types.is_floating(type):
        return pa.float64()
    if pa.types.is_timestamp(type):
        return pa.timestamp("us", "UTC" if type.tz else None)
    if pa.types.is_date(type):
        return pa.date32()
    if pa.types.is_string(type) or pa.types.is_boolean(type) or pa.types.is_null(type):
        return type
    raise DataError(
        f"{where} must hold text, numbers, booleans, dates, timestamps, or lists of these. Got values of type "
        f"{type}. Drop the column, or turn it into text."
    )


def check_property(array: pa.Array, type: pa.DataType) -> tuple[pa.Array, Broken]:
    """Return property values under their type, NaN as null, and the rows whose integers are too large.

    A list with a null or NaN in it is bad.
    """
    if is_list(type):
        rows, given = flattened(array)
        values, broken = check_property(plain(given), type.value_type)
        bad = [(NULL_IN_LIST, _mask(pc.is_null(values))), *broken][::-1]
        ends = np.searchsorted(rows, np.arange(len(array) + 1))
        found = pa.ListArray.from_arrays(pa.array(ends, pa.int32()), values, mask=pc.is_null(array))
        return found, [(rule, np.isin(np.arange(len(array)), rows[of])) for rule, of in bad]
    if pa.types.is_integer(array.type):
        whole, big = _int64(array)
        return whole, [(BIG_INTEGER, big)]
    if pa.types.is_floating(array.type):
        floats = pc.cast(array, type)
        return pc.if_else(pc.is_nan(floats), None, floats), []
    return pc.cast(array, type, safe=False), []  # nanoseconds are cut to microseconds


def _mask(array: pa.Array) -> NDArray[np.bool_]:
    return np.array(pc.fill_null(array, False), dtype=bool)


def _int64(array: pa.Array) -> tuple[pa.Array, NDArray[np.bool_]]:
    if not pa.types.is_uint64(array.type):
        return pc.cast(array, pa.int64()), np.zeros(len(array), bool)
    big = pc.greater(array, pa.scalar(2**63 - 1, pa.uint64()))
    return pc.cast(pc.if_else(big, None, array), pa.int64()), _mask(big)


def _floor(whole: pa.Array, unit: int) -> pa.Array:
    missing = np.array(pc.is_null(whole))
    return pa.array(np.asarray(pc.fill_null(whole, 0)) // unit, mask=missing)  # Arrow's own division cuts towards 0


def _parsed(array: pa.Array, type: pa.DataType, parse: Callable[[str], Any]) -> pa.Array:
    """Cast a column; where text does not fit, parse value by value and leave null what cannot be read."""
    try:
        return pc.cast(array, type)
    except pa.ArrowInvalid:
        return pa.array([_try(parse, value) for value in array.to_pylist()], type)


def _try(parse: Callable[[str], Any], text: str | None) -> Any:
    try:
        return None if text is None else parse(text)
    except (ValueError, OverflowError):
        return None


def _whole(text: str) -> int | None:
    value = int(text) if re.fullmatch(r"[+-]?[0-9]{1,19}", text) else None
    return value if value is not None and -(2**63) <= value < 2**63 else None


def _iso_seconds(array: pa.Array) -> pa.Array:
    for stamps in (pa.timestamp("us"), pa.timestamp("us", "UTC")):
        try:
            return _floor(pc.cast(pc.cast(array, stamps), pa.int64()), _TO_SECONDS["us"])
        except pa.ArrowInvalid:
            continue
    return pa.array([_try(_iso_second, value) for value in array.to_pylist()], pa.int64())


def _iso_second(text: str) -> int | None:
    if not re.match(r"\d{4}-\d\d-\d\d", text):  # bare digits are numbers, not dates
        return None
    moment = datetime.fromisoformat(text)
    return int((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp() // 1)
