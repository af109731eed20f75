"""The rows of one label or relationship type: which column means what, which rows are bad, which are doubled."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Literal, NamedTuple, get_args

import numpy as np
import pyarrow as pa

from graphrec.data.check import (
    Broken,
    Faults,
    check_keys,
    check_property,
    check_times,
    check_weights,
    key_type,
    plain,
    plain_type,
    property_type,
    time_type,
    weight_type,
)
from graphrec.data.duplicates import Duplicates, Merging, regrouped
from graphrec.errors import ArgumentError, DataError, problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphrec.data.source import Source
    from graphrec.schema import KeyType, Node, Relationship

OnError = Literal["raise", "skip"]


class Column(NamedTuple):
    """A column of the source, what it means, and its name and type in the result."""

    source: str
    kind: Literal["key", "weight", "time", "property"]
    name: str
    type: pa.DataType


@dataclass(frozen=True)
class RowReport:
    """What checking found.

    Attributes:
        rows: how many rows the source has.
        reasons: how many of them are bad (and left out), by reason; each counts under its first one.
    """

    rows: int
    reasons: Mapping[str, int]

    @property
    def skipped(self) -> int:
        """How many rows are left out."""
        return sum(self.reasons.values())


class Rows:
    """The checked rows of one source under the graph's own names; made by `node_rows` and `edge_rows`.

    Call `check` on every source before anything is written: all that can be wrong with the rows is raised there.
    Then read `tables`, as often as needed. Memory holds a batch for `check` and about a million rows for `tables`.

    Attributes:
        source: where the rows come from.
        columns: the columns of the result.
        key_types: by label, the type of the keys found here; hand it on to the next source.
        merged: how many rows the last run of `tables` merged into others.
    """

    def __init__(
        self,
        source: Source,
        columns: list[Column],
        key_types: Mapping[str, KeyType],
        on_error: OnError,
        on_duplicate: Duplicates | None,
    ) -> None:
        if on_error not in get_args(OnError):
            raise ArgumentError(problem("on_error", "must be 'raise' or 'skip'", on_error))
        self.source = source
        self.columns = columns
        self.key_types = dict(key_types)
        self.merged = 0
        self._on_error = on_error
        self._on_duplicate = on_duplicate

    @property
    def schema(self) -> pa.Schema:
        """Names and types of the tables: the key columns, then weight, time and properties under their own names."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    def check(self) -> RowReport:
        """Read the whole source once and report the bad rows.

        Raises:
            DataError: with ``on_error="raise"`` there are bad rows: the message says for each column and rule how
                many, and shows the first; with ``on_duplicate="raise"`` there are doubled rows.
        """
        faults = Faults(self.source.argument)
        for _ in self._clean(faults):
            pass
        if self._on_error == "raise":
            faults.refuse()
        if self._on_duplicate == "raise":
            for _ in self.tables():
                pass
        return RowReport(faults.rows, faults.reasons)

    def tables(self, rows: int = 50_000) -> Iterator[pa.Table]:
        """Return the good rows, duplicates merged by the rule, in tables of at most ``rows`` rows.

        The same source gives the same tables. Where no rule is given, duplicates stay.
        """
        self.merged = 0
        good = self._good()
        if self._on_duplicate is None:
            yield from regrouped(good, rows)
            return
        names = {kind: tuple(c.name for c in self.columns if c.kind == kind) for kind in ("key", "weight", "time")}
        weight, time = next(iter(names["weight"]), None), next(iter(names["time"]), None)
        merging = Merging(self.source.argument, names["key"], self._on_duplicate, weight, time)
        for table in merging.stream(good, self.source.n_rows, rows):
            self.merged = merging.merged
            yield table

    def _good(self) -> Iterator[pa.Table]:
        faults = Faults(self.source.argument)
        for table in self._clean(faults):
            if self._on_error == "raise":
                faults.refuse()
            yield table

    def _clean(self, faults: Faults) -> Iterator[pa.Table]:
        for batch in self.source.batches([column.source for column in self.columns]):
            good = np.ones(len(batch), bool)
            arrays = []
            for column, given in zip(self.columns, batch.columns, strict=True):
                values = plain(given)
                array, broken = _checked(column, values)
                for rule, bad in broken:
                    bad = bad & good
                    if bad.any():
                        faults.add(column.source, rule, bad, values)
                        good &= ~bad
                arrays.append(array)
            faults.rows += len(batch)
            table = pa.table(arrays, schema=self.schema)
            yield table if good.all() else table.filter(pa.array(good))


def node_rows(
    source: Source,
    node: Node,
    *,
    key_types: Mapping[str, KeyType] | None = None,
    on_error: OnError = "raise",
    on_duplicate: Literal["last", "raise"] | None = "last",
) -> Rows:
    """Find the columns of a frame of nodes: the key under its own name, all others are properties.

    Args:
        source: the frame.
        node: label, key and key type.
        key_types: by label, the type of the keys that the graph holds already.
        on_error: what to do with bad rows.
        on_duplicate: which row stays where a key comes twice; None keeps all.

    Returns:
        Rows with the column ``key`` and the properties.

    Raises:
        ArgumentError: an option is unknown.
        DataError: the key column is missing, or a column is of an impossible type or name.
    """
    _one_of("on_duplicate", on_duplicate, ("last", "raise"))
    if node.key not in source.names:
        raise _missing(source, f"the key of {node.label!r}", [node.key])
    return _rows(source, {node.key: (node, "key")}, None, None, key_types or {}, on_error, on_duplicate)


def edge_rows(
    source: Source,
    relationship: Relationship,
    *,
    key_types: Mapping[str, KeyType] | None = None,
    on_error: OnError = "raise",
    on_duplicate: Duplicates | None = "last",
    optional: bool = False,
) -> Rows:
    """Find the columns of a frame of relationships.

    The two keys are, in this order: ``source`` and ``target``; the labels with ``_id`` (``user_id``, ``movie_id``),
    the names of the key properties (``uuid``, ``sku``), or the labels themselves (``movie``, ``genre``), in any
    combination of two different ones; for ties within one label ``user_id`` and ``friend_id``. Weight and time are
    under the names that the relationship gives. All other columns are properties.

    Args:
        source: the frame.
        relationship: type, ends, weight and time.
        key_types: by label, the type of the keys that the graph holds already.
        on_error: what to do with bad rows.
        on_duplicate: how rows of one pair become one (see `Merging`); None keeps all.
        optional: whether the weight and time columns may be missing.

    Returns:
        Rows with the columns ``source`` and ``target``, weight and time under their own names, and the properties.

    Raises:
        ArgumentError: an option is unknown.
        DataError: a column is missing, or a column is of an impossible type or name.
    """
    _one_of("on_duplicate", on_duplicate, get_args(Duplicates))
    taken = {relationship.weight, relationship.time}
    pairs = [pair for pair in _pairs(relationship) if not taken.intersection(pair)]
    found = next((pair for pair in pairs if set(pair) <= set(source.names)), None)
    if found is None:
        what = f"the ends of {relationship.type!r}"
        raise _missing(source, what, [f"{first} and {second}" for first, second in pairs])
    for what, name in (("weight", relationship.weight), ("time", relationship.time)):
        if name and name not in source.names and not optional:
            raise _missing(source, f"the {what} of {relationship.type!r}", [name])
    ends = {found[0]: (relationship.source, "source"), found[1]: (relationship.target, "target")}
    return _rows(source, ends, relationship.weight, relationship.time, key_types or {}, on_error, on_duplicate)


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


def _rows(
    source: Source,
    keys: Mapping[str, tuple[Node, str]],
    weight: str | None,
    time: str | None,
    key_types: Mapping[str, KeyType],
    on_error: OnError,
    on_duplicate: Duplicates | None,
) -> Rows:
    wanted = {node.label: node.key_type or key_types.get(node.label) for node, _ in keys.values()}
    source = source.with_text([name for name, (node, _) in keys.items() if wanted[node.label] == "string"])
    found: dict[str, KeyType] = {}
    columns, properties = [], []
    for name, (node, result) in keys.items():
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
    return Rows(source, columns, found, on_error, on_duplicate)


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


def _checked(column: Column, values: pa.Array) -> tuple[pa.Array, Broken]:
    if column.kind == "key":
        return check_keys(values, "integer" if pa.types.is_integer(column.type) else "string")
    if column.kind == "weight":
        return check_weights(values)
    return check_times(values) if column.kind == "time" else check_property(values, column.type)


def _missing(source: Source, what: str, accepted: list[str]) -> DataError:
    return DataError(
        f"`{source.argument}` must have a column for {what}: {' or '.join(map(repr, accepted))}. "
        f"Got the columns {', '.join(map(repr, source.names)) or 'of an empty frame'}. "
        "Rename the column, or name it in the schema; in pandas reset_index() turns an index into one."
    )


def _one_of(argument: str, value: str | None, known: tuple[str, ...]) -> None:
    if value is not None and value not in known:
        raise ArgumentError(problem(argument, f"must be one of {', '.join(known)}", value))
