"""What people are called in tables and pictures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.data.dataset import Dataset
    from graphrec.schema import GraphSchema


def named(schema: GraphSchema) -> GraphSchema:
    """Return a schema under which a dataset also holds the users' names, and who hides them."""
    wanted = [name for name in (schema.user.name, schema.suggestions.hidden) if name]
    properties = tuple(dict.fromkeys([*schema.user.properties, *wanted]))
    return schema.model_copy(update={"user": schema.user.model_copy(update={"properties": properties})})


def hides_name(data: Dataset, rows: Sequence[int]) -> list[bool]:
    """Return for users by row who must not be named: by the schema's property, where the dataset holds it."""
    return [bool(value) for value in _property(data, data.schema.suggestions.hidden, rows)]


def names_of(data: Dataset, rows: Sequence[int]) -> list[str | None]:
    """Return the names of users by row; None where there is none, or where the user must not be named."""
    said = zip(_property(data, data.schema.user.name, rows), hides_name(data, rows), strict=True)
    return [None if value in (None, "") or secret else str(value) for value, secret in said]


def _property(data: Dataset, name: str | None, rows: Sequence[int]) -> list[Any]:
    if name not in data.users.properties.column_names:
        return [None] * len(rows)
    values: list[Any] = data.users.properties[name].take(pa.array(rows, pa.int64())).to_pylist()
    return values
