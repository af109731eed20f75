"""Nodes and relationships as arrays. The outside key and the dense row never share a name."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.arrow import plain
from graphrec.errors import DataError, UnknownKeyError, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.schema import KeyType


MANY = 500
"""Times as many keys as are looked for; where there are more, looking at all of them is what takes long."""


def as_keys(values: Any, argument: str) -> pa.Array:
    """Return keys as an Arrow array of ``string`` or ``int64``.

    Raises:
        DataError: keys are null, of mixed type, or neither text nor whole numbers.
    """
    try:
        if isinstance(values, str | bytes):
            raise TypeError("one key instead of a list of keys")
        array = values if isinstance(values, pa.Array | pa.ChunkedArray) else pa.array(values, from_pandas=True)
        if pa.types.is_uint64(array.type):
            array = pc.cast(array, pa.int64())
    except (pa.ArrowException, LookupError, OverflowError, TypeError, ValueError) as error:
        raise DataError(
            f"`{argument}` must hold keys of one type, all text or all whole numbers within 64 bits. Got "
            f"{shown(values)}. Give a list of keys; convert the column first, for example with .astype(str)."
        ) from error
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    array = plain(array)
    if not len(array) and (pa.types.is_null(array.type) or pa.types.is_floating(array.type)):
        return pa.array([], pa.string())  # an empty list has no type, an empty NumPy array is of floats
    if array.null_count:
        raise DataError(
            f"`{argument}` must not hold nulls. Got {array.null_count} of {len(array)}. Drop or fill those rows."
        )
    if pa.types.is_integer(array.type):
        return pc.cast(array, pa.int64())
    if pa.types.is_string(array.type):
        return array
    raise DataError(
        f"`{argument}` must hold text or whole numbers. Got values of type {array.type}. "
        "Convert the column first, for example with .astype(str) or .astype('int64')."
    )


def kind_of(keys: pa.Array) -> KeyType:
    """Return the word of a schema for the type of keys, which is string or int64."""
    return "integer" if pa.types.is_integer(keys.type) else "string"


@dataclass(frozen=True, eq=False)
class NodeTable:
    """The nodes of one label, in the order of their keys: row i is key i.

    Attributes:
        label: the node label.
        keys: ``string`` or ``int64``, sorted ascending, unique.
        properties: further columns, in the same order.
    """

    label: str
    keys: pa.Array
    properties: pa.Table

    def __len__(self) -> int:
        return len(self.keys)

    def rows(self, keys: Any, argument: str = "keys") -> NDArray[np.int64]:
        """Return the row of each key, −1 where it is unknown.

        A key of the other type (1 against "1") is unknown, never converted.
        """
        wanted = as_keys(keys, argument)
        if wanted.type != self.keys.type:
            return np.full(len(wanted), -1, dtype=np.int64)
        if len(wanted) < len(self) // MANY:  # to look for them one by one takes less than to hash all that there are
            return np.array([self._row(key) for key in wanted.to_pylist()], np.int64)
        found = pc.fill_null(pc.index_in(wanted, self.keys), -1)
        return np.asarray(found, dtype=np.int64)

    def _row(self, key: str | int) -> int:
        row = bisect_left(range(len(self)), key, key=lambda row: self.keys[row].as_py())
        return row if row < len(self) and self.keys[row].as_py() == key else -1

    def require(self, keys: Any, argument: str) -> NDArray[np.int64]:
        """Return the row of each key.

        Raises:
            UnknownKeyError: a key is unknown; the message names the first ones.
        """
        rows = self.rows(keys, argument)
        if (rows < 0).any():
            unknown = as_keys(keys, argument).take(pa.array(np.flatnonzero(rows < 0)[:3])).to_pylist()
            raise UnknownKeyError(
                f"`{argument}` must be keys of {self.label!r}. Got {int((rows < 0).sum())} unknown, such as "
                f"{shown(unknown)}. Keys here are {self.keys.type}, such as {shown(self.keys[:2].to_pylist())}."
            )
        return rows

    def take(self, rows: NDArray[np.int64] | Sequence[int]) -> pa.Array:
        """Return the keys of these rows."""
        return self.keys.take(pa.array(rows, pa.int64()))


@dataclass(frozen=True, eq=False)
class EdgeTable:
    """The relationships of one type, as rows of the node tables at both ends.

    Attributes:
        type: the relationship type.
        source: the label that it starts from.
        target: the label that it points to.
        source_rows: int64 [n].
        target_rows: int64 [n].
        weight: float64 [n], or None where the schema names no weight. Missing values are 1.
        time: int64 [n] epoch seconds, or None where the schema names no time. Missing values are `UNDATED`.
    """

    type: str
    source: str
    target: str
    source_rows: NDArray[np.int64]
    target_rows: NDArray[np.int64]
    weight: NDArray[np.float64] | None = None
    time: NDArray[np.int64] | None = None

    def __len__(self) -> int:
        return len(self.source_rows)

    @cached_property
    def dated(self) -> bool:
        """True where every row has a time."""
        return self.time is not None and bool((self.time != UNDATED).all())

    @property
    def weights(self) -> NDArray[np.float64]:
        """The weights of all rows, float64 [n]; 1 where the schema names none."""
        return np.ones(len(self)) if self.weight is None else self.weight

    @property
    def times(self) -> NDArray[np.int64]:
        """The times of all rows, int64 [n]; `UNDATED` where the schema names none."""
        return np.full(len(self), UNDATED) if self.time is None else self.time

    @property
    def undated(self) -> int:
        """How many rows have no time."""
        return int((self.times == UNDATED).sum())

    def select(self, keep: NDArray[np.bool_] | NDArray[np.int64]) -> EdgeTable:
        """Return the rows where ``keep`` (bool [n]) is true, or those at the places that it holds (int64 [m])."""
        return EdgeTable(
            self.type,
            self.source,
            self.target,
            self.source_rows[keep],
            self.target_rows[keep],
            None if self.weight is None else self.weight[keep],
            None if self.time is None else self.time[keep],
        )


UNDATED = np.iinfo(np.int64).min


def pair_matrix(pairs: pa.Table, sources: pa.Array, targets: NodeTable) -> sp.csr_array:
    """Return key pairs as a sparse 0/1 matrix.

    Args:
        pairs: the columns ``source`` and ``target`` (keys).
        sources: the keys of the rows, in their order, unique.
        targets: the keys of the columns.

    Returns:
        float32 [len(sources), len(targets)]; pairs with an unknown end are left out.
    """
    shape = (len(sources), len(targets))
    if not pairs.num_rows or not all(shape):
        none = np.zeros(0, np.int64)
        return ones(none, none, shape)
    rows = np.asarray(pc.fill_null(pc.index_in(as_keys(pairs["source"], "source"), sources), -1))
    columns = targets.rows(pairs["target"])
    known = (rows >= 0) & (columns >= 0)
    return ones(rows[known], columns[known], shape)


def ones(rows: NDArray[np.int64], columns: NDArray[np.int64], shape: tuple[int, int]) -> sp.csr_array:
    """Return a matrix with a 1 at these places, however often they are given, float32."""
    found = sp.coo_array((np.ones(len(rows), np.float32), (rows, columns)), shape=shape).tocsr()
    found.sum_duplicates()
    found.data[:] = 1
    return found
