"""The rows of one label or relationship type: checked, cleaned, and each once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
import pyarrow as pa

from graphrec.data.arrow import plain
from graphrec.data.check import (
    Broken,
    Faults,
    check_keys,
    check_property,
    check_times,
    check_weights,
)
from graphrec.data.columns import Layout, edge_layout, node_layout
from graphrec.data.duplicates import Duplicates, Merging, regrouped
from graphrec.errors import ArgumentError, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from graphrec.data.columns import Column
    from graphrec.data.source import Source
    from graphrec.schema import KeyType, Node, Relationship

OnError = Literal["raise", "skip"]


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

    def __init__(self, layout: Layout, on_error: OnError, on_duplicate: Duplicates | None) -> None:
        _one_of("on_error", on_error, get_args(OnError))
        self.source = layout.source
        self.columns = layout.columns
        self.key_types = layout.key_types
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
    _one_of("on_duplicate", on_duplicate, ("last", "raise", None))
    return Rows(node_layout(source, node, key_types or {}), on_error, on_duplicate)


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
    _one_of("on_duplicate", on_duplicate, (*get_args(Duplicates), None))
    return Rows(edge_layout(source, relationship, key_types or {}, optional=optional), on_error, on_duplicate)


def _checked(column: Column, values: pa.Array) -> tuple[pa.Array, Broken]:
    if column.kind == "key":
        return check_keys(values, "integer" if pa.types.is_integer(column.type) else "string")
    if column.kind == "weight":
        return check_weights(values)
    return check_times(values) if column.kind == "time" else check_property(values, column.type)


def _one_of(argument: str, value: str | None, known: tuple[str | None, ...]) -> None:
    if value not in known:
        raise ArgumentError(problem(argument, f"must be one of {', '.join(map(repr, known))}", value))
