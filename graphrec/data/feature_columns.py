"""Properties as arrays: what each kind of feature reads, and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.errors import DataError, problem

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Column: TypeAlias = pa.Array | pa.ChunkedArray

_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)


def listed(column: Column, name: str) -> tuple[NDArray[np.int64], pa.Array]:
    """Return which node has which category, as text; of a column of lists, each element.

    Raises:
        DataError: the values are neither text, whole numbers nor booleans.
    """
    values = _whole(column)
    rows = np.arange(len(values), dtype=np.int64)
    if _is_list(values.type):
        rows, values = np.asarray(pc.list_parent_indices(values), np.int64), pc.list_flatten(values)
    if not (_is_text(values.type) or pa.types.is_integer(values.type) or pa.types.is_boolean(values.type)):
        if not pa.types.is_null(values.type):
            rule = "must hold text, whole numbers or booleans to be a category"
            raise DataError(problem(name, rule, str(values.type), "Make it a number or a vector, or convert it."))
        return rows[:0], pa.array([], pa.string())
    known = np.asarray(pc.is_valid(values))
    return rows[known], pc.cast(values.filter(pa.array(known)), pa.string())


def words(column: Column, name: str) -> tuple[NDArray[np.int64], pa.Array]:
    """Return which node has which word, lower case and without accents, once for each time that it stands there.

    A word is two or more letters, digits or _ of any script. A script without spaces gives long words, which few
    texts share: use sentences there.

    Raises:
        DataError: the values are no text.
    """
    texts = pc.utf8_lower(pc.utf8_normalize(text(column, name), form="NFKD"))
    texts = pc.replace_substring_regex(texts, r"\p{M}", "")
    split = pc.utf8_split_whitespace(pc.replace_substring_regex(texts, r"[^\p{L}\p{N}_]+", " "))
    rows, found = np.asarray(pc.list_parent_indices(split), np.int64), pc.list_flatten(split)
    kept = np.asarray(pc.greater(pc.utf8_length(found), 1), bool)
    return rows[kept], found.filter(pa.array(kept))


def text(column: Column, name: str) -> pa.Array:
    """Return text, empty where there is none; lists of text joined.

    Raises:
        DataError: the values are no text.
    """
    values = _whole(column)
    if pa.types.is_null(values.type):
        return pa.array([""] * len(values), pa.string())
    if _is_list(values.type) and _is_text(values.type.value_type):
        values = pc.binary_join(pc.cast(values, pa.list_(pa.string())), " ")
    if not _is_text(values.type):
        raise DataError(
            problem(name, "must hold text", str(values.type), "Name it as a category or a number instead.")
        )
    return pc.fill_null(pc.cast(values, pa.string()), "")


def numbers(column: Column, name: str) -> NDArray[np.float64]:
    """Return numbers, NaN where there is none or where it is infinite.

    Raises:
        DataError: the values are no numbers, booleans, dates or times.
    """
    values = _whole(column)
    kind = values.type
    if pa.types.is_temporal(kind):
        values = pc.cast(pc.cast(values, pa.timestamp("us")), pa.int64())
    elif not any(is_number(kind) for is_number in _NUMBERS):
        raise DataError(problem(name, "must hold numbers", str(kind), "Name it as a category or as words instead."))
    found = np.asarray(pc.fill_null(pc.cast(values, pa.float64()), np.nan), np.float64)
    return np.where(np.isinf(found), np.nan, found)


def hats(values: NDArray[np.float64], peaks: NDArray[np.float64]) -> sp.csr_array:
    """Return the shares of the two peaks that a number lies between, [n, m]; beyond the ends that end has all."""
    rows = np.flatnonzero(~np.isnan(values))
    place = np.interp(values[rows], peaks, np.arange(len(peaks)))
    low = np.floor(place).astype(np.int64)
    share = place - low
    both = np.concatenate([low, np.minimum(low + 1, len(peaks) - 1)])
    found = sp.coo_array((np.concatenate([1 - share, share]), (np.tile(rows, 2), both)), (len(values), len(peaks)))
    return found.tocsr()


def vectors(column: Column, name: str, width: int | None = None) -> NDArray[np.float64]:
    """Return lists of numbers as one matrix [n, width], zero where there is none.

    Raises:
        DataError: they are no lists of finite numbers, or not all equally long.
    """
    values = _whole(column)
    if pa.types.is_null(values.type):
        return np.zeros((len(values), width or 0))
    if not _is_list(values.type):
        raise DataError(problem(name, "must hold lists of numbers", str(values.type)))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0), np.int64)
    width = width or int(lengths.max(initial=0))
    if (wrong := np.flatnonzero((lengths > 0) & (lengths != width))).size:
        rule = f"must hold vectors of {width} numbers, as the other nodes have"
        raise DataError(problem(name, rule, f"{lengths[wrong[0]]} numbers, {wrong.size:,} such nodes"))
    flat = np.asarray(pc.fill_null(pc.cast(pc.list_flatten(values), pa.float64()), np.nan), np.float64)
    if not np.isfinite(flat).all():
        rule = "must hold finite numbers"
        raise DataError(problem(name, rule, float(flat[~np.isfinite(flat)][0]), "Mend or remove those vectors."))
    found = np.zeros((len(values), width))
    found[lengths > 0] = flat.reshape(-1, width)
    return found


def counted(rows: NDArray[np.int64], keys: pa.Array) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the distinct keys as text and how many nodes have each, the most frequent first, equal ones by key."""
    encoded = pc.dictionary_encode(pc.cast(keys, pa.string()))
    places = np.asarray(encoded.indices, np.int64)
    pairs = np.unique(rows * max(1, len(encoded.dictionary)) + places)
    having = np.bincount(pairs % max(1, len(encoded.dictionary)), minlength=len(encoded.dictionary))
    order = np.lexsort([np.asarray(pc.rank(encoded.dictionary, sort_keys="ascending")), -having])
    return encoded.dictionary.take(pa.array(order)), having[order]


def tally(
    rows: NDArray[np.int64], keys: pa.Array, weight: NDArray[np.float64] | None, n: int, values: pa.Array
) -> sp.csr_array:
    """Return how often, or with which weight, each node has each of these values, float64 [n, m].

    Other values are left out; who has one several times has the sum.
    """
    places = np.asarray(pc.fill_null(pc.index_in(pc.cast(keys, pa.string()), values), -1), np.int64)
    kept = places >= 0
    counts = np.ones(len(rows)) if weight is None else weight
    found = sp.coo_array((counts[kept], (rows[kept], places[kept])), (n, len(values))).tocsr()
    found.eliminate_zeros()
    return found


def lengths_one(matrix: sp.csr_array) -> sp.csr_array:
    """Return the rows scaled to length 1, float32; zero rows stay zero."""
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel())
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    found = sp.csr_array(matrix, copy=True)
    found.data = (found.data * np.repeat(scale, np.diff(found.indptr))).astype(np.float32)
    return found


def _whole(column: Column) -> pa.Array:
    whole: pa.Array = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    return pc.cast(whole, whole.type.value_type) if pa.types.is_dictionary(whole.type) else whole


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type))


def _is_list(type: pa.DataType) -> bool:
    return bool(pa.types.is_list(type) or pa.types.is_large_list(type) or pa.types.is_fixed_size_list(type))
