"""Which column of a user's frame means what: keys, weight, time, properties."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple

import pyarrow as pa

from graphrec.data.arrow import plain_type
from graphrec.data.check import key_type, property_type, time_type, weight_type
from graphrec.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphrec.data.source import Source
    from graphrec.schema import KeyType, Node, Relationship


class Column(NamedTuple):
    """A column of the source, what it means, and its name and type in the result."""

    source: str
    kind: Literal["key", "weight", "time", "property"]
    name: str
    type: pa.DataType


@dataclass(frozen=True)
class Layout:
    """The columns of a source in the order of the result, and the type of the keys by label."""

    source: Source
    columns: list[Column]
    key_types: dict[str, KeyType]


def node_layout(source: Source, node: Node, key_types: Mapping[str, KeyType]) -> Layout:
    """Find the key column, which has the name of the key property; all others are properties.

    Raises:
        DataError: it is missing, or a column is of an impossible type or name.
    """
    if node.key not in source.names:
        raise _missing(source, f"the key of {node.label!r}", [node.key])
    return _layout(source, {node.key: (node, "key")}, None, None, key_types)


def edge_layout(
    source: Source, relationship: Relationship, key_types: Mapping[str, KeyType], *, optional: bool
) -> Layout:
    """Find the key columns of both ends, weight and time; all others are properties.

    Raises:
        DataError: one is missing (weight and time may be where ``optional``), or is of an impossible type or name.
    """
    taken = {relationship.weight, relationship.time}
    pairs = [pair for pair in _pairs(relationship) if not taken.intersection(pair)]
    found = next((pair for pair in pairs if set(pair) <= set(source.names)), None)
    if found is None:
        what = f"the ends of {relationship.type!r}"
        raise _missing(source, what, [f"{first} and {second}" for first, second in pairs[:4]])
    for what, name in (("weight", relationship.weight), ("time", relationship.time)):
        if name and name not in source.names and not optional:
            raise _missing(source, f"the {what} of {relationship.type!r}", [name])
    ends = {found[0]: (relationship.source, "source"), found[1]: (relationship.target, "target")}
    return _layout(source, ends, relationship.weight, relationship.time, key_types)


def _pairs(relationship: Relationship) -> list[tuple[str, str]]:
    source, target = relationship.source, relationship.target
    pairs = [("source", "target")]
    if source.label == target.label:
        return [*pairs, *dict.fromkeys([(f"{_lower(source.label)}_id", "friend_id"), ("user_id", "friend_id")])]
    names = [(f"{_lower(end.label)}_id", end.key, _lower(end.label)) for end in (source, target)]
    ranked = sorted(product(range(3), repeat=2), key=lambda ij: (ij[0] != ij[1], sum(ij)))
    pairs += [(names[0][i], names[1][j]) for i, j in ranked if names[0][i] != names[1][j]]
    return list(dict.fromkeys(pairs))


def _lower(label: str) -> str:
    return label.lower().replace(" ", "_")


def _layout(
    source: Source,
    keys: Mapping[str, tuple[Node, str]],
    weight: str | None,
    time: str | None,
    key_types: Mapping[str, KeyType],
) -> Layout:
    wanted = {node.label: node.key_type or key_types.get(node.label) for node, _ in keys.values()}
    source = source.with_text([name for name, (node, _) in keys.items() if wanted[node.label] == "string"])
    found: dict[str, KeyType] = {}
    columns, properties = [], []
    for name, (node, result) in keys.items():
        if source.untyped and found.get(node.label) == "string":  # the other end of a tie decided
            source = source.with_text([name])
        kind = key_type(_where(source, name), _type(source, name), wanted[node.label], untyped=source.untyped)
        if kind:
            found[node.label] = wanted[node.label] = kind
        columns.append(Column(name, "key", result, pa.int64() if kind == "integer" else pa.string()))
    for name in source.names:
        where, type = _where(source, name), _type(source, name)
        if name == weight:
            weight_type(where, type, untyped=source.untyped)
            columns.append(Column(name, "weight", name, pa.float64()))
        elif name == time:
            time_type(where, type)
            columns.append(Column(name, "time", name, pa.int64()))
        elif name not in keys:
            properties.append(Column(name, "property", name, property_type(where, type)))
        if name not in keys:
            _check_name(source, name, [result for _, result in keys.values()])
    columns += [column for column in properties if not pa.types.is_null(column.type)]
    return Layout(source, columns, found)


def _type(source: Source, name: str) -> pa.DataType:
    return plain_type(source.schema.field(name).type) if source.n_rows else pa.null()  # no rows: any type will do


def _where(source: Source, name: str) -> str:
    return f"`{source.argument}`: column {name!r}"


def _check_name(source: Source, name: str, reserved: list[str]) -> None:
    if not name.strip() or "\0" in name or len(name) > 1000:
        raise DataError(
            f"`{source.argument}` must have column names of 1 to 1,000 characters without NUL. Got {shown(name)}. "
            "Rename or drop the column; pandas writes an unnamed one unless told to_csv(..., index=False)."
        )
    if name in reserved:
        raise DataError(
            f"`{source.argument}` must not have a property column named {name!r}, which is where the key goes. "
            f"Got the columns {shown(source.names)}. Rename or drop it."
        )


def _missing(source: Source, what: str, accepted: list[str]) -> DataError:
    return DataError(
        f"`{source.argument}` must have a column for {what}: {' or '.join(map(repr, accepted))}. "
        f"Got the columns {', '.join(map(repr, source.names)) or 'of an empty frame'}. "
        "Rename the column, or name it in the schema; in pandas reset_index() turns an index into one."
    )
