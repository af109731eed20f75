"""What the driver hands out, as values that Arrow and pandas know."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pyarrow as pa
from neo4j.graph import Entity, Path
from neo4j.spatial import Point
from neo4j.time import Date, DateTime, Duration, Time

_PLAIN = {str, int, float, bool, bytes, type(None)}


def plain(value: Any) -> Any:
    """Return a node or relationship as its properties, a path as its nodes, dates and timestamps as Python's own."""
    if type(value) in _PLAIN:
        return value
    if isinstance(value, list):
        return [plain(part) for part in value]
    if isinstance(value, dict):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, Entity):
        return {name: plain(part) for name, part in value.items()}
    if isinstance(value, Path):
        return [plain(node) for node in value.nodes]
    if isinstance(value, DateTime | Date):
        return value.to_native()
    if isinstance(value, Time | Duration):
        return value.iso_format()
    if isinstance(value, Point):
        return list(value)
    return str(value)


def column(values: list[Any]) -> pa.Array:
    """Return values as one Arrow array.

    A plain value among lists is a list of one; values of types that do not go together become text.
    """
    if not set(map(type, values)) <= _PLAIN:
        values = [plain(value) for value in values]
    kinds = set(map(type, values)) - {type(None)}
    if list in kinds and len(kinds) > 1:  # as text a list would be one value
        values = [value if value is None or type(value) is list else [value] for value in values]
        kinds = {list}
    try:
        if kinds & {date, datetime} and len(kinds) > 1:  # Arrow would read numbers as microseconds or days
            raise pa.ArrowTypeError
        return pa.array(values)
    except (pa.ArrowInvalid, pa.ArrowTypeError):
        return pa.array([None if value is None else str(value) for value in values], pa.string())


def table(names: list[str], rows: list[list[Any]]) -> pa.Table:
    """Return rows as a table."""
    columns = zip(*rows, strict=True) if rows else ([] for _ in names)
    return pa.Table.from_arrays([column(list(values)) for values in columns], names=names)
