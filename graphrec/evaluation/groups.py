"""Groups of users or items, for figures of each: by activity, by popularity, by what the graph says of them."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.arrow import flattened, is_list
from graphrec.errors import ArgumentError, near, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.schema import Attribute

    Rows = NDArray[np.int64]

MOST = 20
"""Groups of one property or attribute: the largest ones."""


class Grouping(NamedTuple):
    """A way to make groups.

    Attributes:
        of: ``"user"`` or ``"item"``.
        make: the names of the groups and their rows, from the rows that are judged and the number of buckets.
    """

    of: str
    make: Callable[[Rows, int], list[tuple[str, Rows]]]


def grouping(data: Dataset, name: str, argument: str = "name") -> Grouping:
    """Return the way of this name.

    Args:
        data: what says how active, popular or else they are.
        name: ``"activity"`` (a user's target interactions), ``"popularity"`` (an item's users), a property of users
            or items (as ``"Movie.year"``, or ``"year"`` where only one of them has it), or an attribute's type.
        argument: what the message calls it.

    Raises:
        ArgumentError: there is no such way; the message names those there are.
    """
    known = _known(data)
    found = [key for key in known if name in (key, key.partition(".")[2])] if isinstance(name, str) else []
    if name in known:
        return known[name]()
    if len(found) != 1:
        names = f"All: {', '.join(map(repr, known))}."
        remedy = names if found else f"{near(str(name), known)} {names}"
        raise ArgumentError(problem(argument, "must be the name of one grouping", name, remedy))
    return known[found[0]]()


def _known(data: Dataset) -> Mapping[str, Callable[[], Grouping]]:
    """Return what makes each way once it is asked for: groups of a vector on each item take long."""
    matrix = data.interactions()
    activity = np.diff(matrix.indptr).astype(np.int64)
    popularity = np.bincount(matrix.indices, minlength=len(data.items)).astype(np.int64)
    known = {"activity": partial(_by_value, "user", activity), "popularity": partial(_by_value, "item", popularity)}
    for of, table in (("user", data.users), ("item", data.items)):
        for column in table.properties.column_names:
            known[f"{table.label}.{column}"] = partial(_by_property, of, table.properties[column])
    return known | {each.type: partial(_by_attribute, data, each) for each in data.schema.attributes}


def _by_value(of: str, values: NDArray[Any], shown: Callable[[Any], str] | None = None) -> Grouping:
    def make(rows: Rows, buckets: int) -> list[tuple[str, Rows]]:
        known = rows[~np.isnan(values[rows])]
        here = values[known]
        _, value, count = np.unique(here, return_inverse=True, return_counts=True)
        middle = np.cumsum(count) - count / 2  # equal values stay together, in the bucket that their middle is in
        bucket = (middle * buckets / max(len(here), 1)).astype(np.int64)[value]
        groups = []
        for number in np.unique(bucket):
            inside = here[bucket == number]
            groups.append((_span(inside.min(), inside.max(), shown or _number), np.unique(known[bucket == number])))
        return groups

    return Grouping(of, make)


def _by_property(of: str, column: pa.ChunkedArray) -> Grouping:
    dates = pa.types.is_date(column.type) or pa.types.is_timestamp(column.type)
    numeric = dates or pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if numeric and pc.count_distinct(column).as_py() > MOST:
        column = pc.cast(pc.cast(column, pa.date32(), safe=False), pa.int32()) if dates else column
        return _by_value(of, pc.cast(column, pa.float64(), safe=False).to_numpy(), _day if dates else None)
    column, rows = column.combine_chunks(), np.arange(len(column))
    if is_list(column.type):  # each value is a group
        rows, column = flattened(column)
    plain = column if pa.types.is_primitive(column.type) else column.cast(pa.string())
    encoded = plain.dictionary_encode()
    names, codes = encoded.dictionary.to_pylist(), pc.fill_null(encoded.indices, -1).to_numpy()
    return Grouping(of, _members([str(name) for name in names], rows[codes >= 0], codes[codes >= 0]))


def _by_attribute(data: Dataset, attribute: Attribute) -> Grouping:
    edge = data.edges[attribute.type]
    keys = data.nodes[edge.target].keys.to_pylist()
    return Grouping(attribute.of, _members([str(key) for key in keys], edge.source_rows, edge.target_rows))


def _members(names: list[str], rows: Rows, groups: Rows) -> Callable[[Rows, int], list[tuple[str, Rows]]]:
    def make(judged: Rows, buckets: int) -> list[tuple[str, Rows]]:
        here = np.isin(rows, judged)
        counts = np.bincount(groups[here], minlength=len(names))
        largest = [int(group) for group in np.argsort(-counts, kind="stable")[:MOST] if counts[group]]
        return [(names[group], np.unique(rows[here & (groups == group)])) for group in largest]

    return make


def _span(low: Any, high: Any, shown: Callable[[Any], str]) -> str:
    return shown(low) if low == high else f"{shown(low)} to {shown(high)}"


def _number(value: Any) -> str:
    return f"{value:.0f}" if float(value).is_integer() else f"{value:.6g}"


def _day(value: Any) -> str:
    return str(np.datetime64(int(value), "D"))
