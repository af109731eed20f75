"""Properties as arrays: what each kind of feature reads, and counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.arrow import flattened, is_list, plain
from graphrec.errors import DataError, problem, shown

if TYPE_CHECKING:
    from typing import TypeAlias

    from numpy.typing import NDArray

    Column: TypeAlias = pa.Array | pa.ChunkedArray

_NUMBERS = (pa.types.is_integer, pa.types.is_floating, pa.types.is_boolean, pa.types.is_null)
_UNSPACED = r"[\p{Han}\p{Hiragana}\p{Katakana}\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}]"


def listed(column: Column, name: str) -> tuple[NDArray[np.int64], pa.Array]:
    """Return which node has which category, as text; of a column of lists, each element. Empty text is none.

    Raises:
        DataError: the values are neither text, whole numbers nor booleans.
    """
    values = _whole(column)
    rows = np.arange(len(values), dtype=np.int64)
    if is_list(values.type):
        rows, values = flattened(values)
    kind, found = values.type, values
    if pa.types.is_floating(kind):  # whole numbers are floats in pandas as soon as one is missing
        found = pc.if_else(pc.is_nan(values), None, values)
        whole = pc.all(pc.and_(pc.is_finite(found), pc.equal(found, pc.floor(found))), min_count=0).as_py()
        kind, found = (pa.int64(), pc.cast(found, pa.int64(), safe=False)) if whole else (kind, found)
    if not (
        _is_text(kind) or any(fits(kind) for fits in (pa.types.is_integer, pa.types.is_boolean, pa.types.is_null))
    ):
        rule, remedy = (
            "must hold text, whole numbers or booleans to be a category",
            "Make it a number, or convert it.",
        )
        raise DataError(problem(name, rule, str(kind), remedy))
    keys = pc.cast(found, pa.string())
    known = np.asarray(pc.fill_null(pc.not_equal(keys, ""), False), bool)
    return rows[known], keys.filter(pa.array(known))


def words(column: Column, name: str, *, shortest: int = 2) -> tuple[NDArray[np.int64], pa.Array]:
    """Return which node has which word, lower case and without accents, once for each time that it stands there.

    A word is ``shortest`` or more letters, digits or _ of any script. Where a script puts no spaces between words,
    as Chinese does, each two characters that follow each other are one.

    Raises:
        DataError: the values are no text.
    """
    texts = pc.utf8_lower(pc.utf8_normalize(text(column, name), form="NFKD"))
    texts = pc.utf8_normalize(pc.replace_substring_regex(texts, r"[\x{300}-\x{36F}]", ""), form="NFKC")
    texts = pc.replace_substring_regex(texts, f"({_UNSPACED}+)", r" \1 ")
    split = pc.utf8_split_whitespace(pc.replace_substring_regex(texts, r"[^\p{L}\p{M}\p{N}_]+", " "))
    rows, found = flattened(split)
    kept = np.asarray(pc.greater_equal(pc.utf8_length(found), shortest), bool)
    rows, found = rows[kept], found.filter(pa.array(kept))
    unspaced = np.asarray(pc.match_substring_regex(found, _UNSPACED), bool)
    if not unspaced.any():
        return rows, found
    whole = found.filter(pa.array(unspaced)).to_pylist()
    pairs = [[word[i : i + 2] for i in range(max(1, len(word) - 1))] for word in whole]
    cut = pa.array([pair for word in pairs for pair in word], pa.string())
    places = np.repeat(rows[unspaced], [len(word) for word in pairs])
    return np.concatenate([rows[~unspaced], places]), pa.concat_arrays([found.filter(pa.array(~unspaced)), cut])


def text(column: Column, name: str) -> pa.Array:
    """Return text, empty where there is none; lists of text joined.

    Raises:
        DataError: the values are no text.
    """
    values = _whole(column)
    if pa.types.is_null(values.type):
        return pa.array([""] * len(values), pa.string())
    if is_list(values.type) and _is_text(values.type.value_type):
        ends = np.append(0, np.cumsum(pc.fill_null(pc.list_value_length(values), 0)))
        parts = pc.fill_null(pc.cast(pc.list_flatten(values), pa.string()), "")
        values = pc.binary_join(pa.ListArray.from_arrays(pa.array(ends, pa.int32()), parts), " ")
    if not _is_text(values.type):
        raise DataError(
            problem(name, "must hold text", str(values.type), "Name it as a category or a number instead.")
        )
    return pc.fill_null(pc.cast(values, pa.string()), "")


def numbers(column: Column, name: str, keys: pa.Array | None = None) -> NDArray[np.float64]:
    """Return numbers, NaN where there is none or where it is infinite; ``keys`` are named in the error.

    Raises:
        DataError: the values are no numbers, booleans, dates or times.
    """
    values = _whole(column)
    kind = values.type
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind) or pa.types.is_time(kind):
        ticks = pa.time64("us") if pa.types.is_time(kind) else pa.timestamp("us")
        values = pc.cast(pc.cast(values, ticks, safe=False), pa.int64())
    elif not any(is_number(kind) for is_number in _NUMBERS):
        odd = pc.is_valid(values)
        if _is_text(kind):  # as which numbers come that stand beside others
            odd = pc.and_(odd, pc.invert(pc.match_substring_regex(values, r"^[-+]?[0-9.]+([eE][-+]?[0-9]+)?$")))
        at = max(pc.index(odd, True).as_py(), 0)
        of = "" if keys is None else f" of {keys[at].as_py()!r}"
        other = "a vector" if is_list(kind) else "a category or as words"
        remedy = f"Name it as {other} instead, or mend values such as {shown(values[at].as_py())}{of}."
        raise DataError(problem(name, "must hold numbers", str(kind), remedy))
    found = np.asarray(pc.fill_null(pc.cast(values, pa.float64(), safe=False), np.nan), np.float64)
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

    Args:
        column: lists; None and empty ones are none.
        name: of the property.
        width: how long they must be; None is as most of them are.

    Raises:
        DataError: they are no lists of finite numbers, or not all equally long.
    """
    values = _whole(column)
    if pa.types.is_null(values.type):
        return np.zeros((len(values), width or 0))
    if not (is_list(values.type) and any(is_number(values.type.value_type) for is_number in _NUMBERS)):
        raise DataError(problem(name, "must hold lists of numbers", str(values.type)))
    lengths = np.asarray(pc.fill_null(pc.list_value_length(values), 0), np.int64)
    width = width or int(np.bincount(lengths[lengths > 0], minlength=1).argmax())
    if (wrong := np.flatnonzero((lengths > 0) & (lengths != width))).size:
        rule = f"must hold vectors of {width} numbers, as the other nodes have"
        raise DataError(problem(name, rule, f"{lengths[wrong[0]]} numbers, {wrong.size:,} such nodes"))
    flat = np.asarray(pc.fill_null(pc.cast(pc.list_flatten(values), pa.float64(), safe=False), np.nan), np.float64)
    if not np.isfinite(flat).all():
        rule = "must hold finite numbers"
        raise DataError(problem(name, rule, float(flat[~np.isfinite(flat)][0]), "Mend or remove those vectors."))
    found = np.zeros((len(values), width))
    found[lengths > 0] = flat.reshape((lengths > 0).sum(), width)
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


def tf_idf(
    rows: NDArray[np.int64],
    keys: pa.Array,
    weight: NDArray[np.float64] | None,
    n: int,
    values: pa.Array,
    idf: NDArray[np.float64],
    *,
    new: float | None = None,
) -> tuple[sp.csr_array, NDArray[np.float64]]:
    """Return what `tally` does times how rare each value is, and the squares of what is no value, [n, m] and [n].

    Args:
        rows: see `tally`.
        keys: see `tally`.
        weight: see `tally`.
        n: see `tally`.
        values: see `tally`.
        idf: how rare each value is, [m].
        new: of texts, how rare a word is that is no value; counts are taken as ``1 + ln(count)``. None is no text,
            where other keys count for nothing.
    """
    found, others = tally(rows, keys, weight, n, values), np.zeros(n, np.float64)
    if new is not None:
        found.data = 1 + np.log(found.data)
        places, times = unlisted(rows, keys, values)
        others += np.bincount(places, (new * (1 + np.log(times))) ** 2, n)
    found.data *= idf[found.indices]
    return found, others


def unlisted(
    rows: NDArray[np.int64], keys: pa.Array, values: pa.Array
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return, for each node and each of its keys that is no value, the node's row and how often it stands."""
    new = ~np.asarray(pc.is_in(keys, values), bool)
    encoded = pc.dictionary_encode(keys.filter(pa.array(new)))
    size = max(1, len(encoded.dictionary))
    pairs, times = np.unique(rows[new] * size + np.asarray(encoded.indices, np.int64), return_counts=True)
    return pairs // size, times


def lengths_one(matrix: sp.csr_array, others: NDArray[np.float64] | float = 0.0) -> sp.csr_array:
    """Return the rows scaled to length 1, float32; zero rows stay zero.

    Args:
        matrix: [n, m].
        others: the sum of the squares of what a row has in no column, [n]: it counts in the length.
    """
    lengths = np.sqrt(np.asarray(matrix.multiply(matrix).sum(axis=1)).ravel() + others)
    scale = np.divide(1.0, lengths, out=np.zeros_like(lengths), where=lengths > 0)
    found = sp.csr_array(matrix, copy=True)
    found.data = (found.data * np.repeat(scale, np.diff(found.indptr))).astype(np.float32)
    return found


def scaled_columns(matrix: sp.csr_array, factors: NDArray[np.float64]) -> sp.csr_array:
    """Return the matrix with each column times a factor [m]; entries that become 0 go."""
    parts = (matrix.data * factors[matrix.indices]).astype(np.float32), matrix.indices, matrix.indptr
    found = sp.csr_array(parts, shape=matrix.shape, copy=True)
    found.eliminate_zeros()
    return found


def _whole(column: Column) -> pa.Array:
    whole: pa.Array = plain(column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column)
    fixed = pa.types.is_fixed_size_list(whole.type)  # its nulls have a length
    return pc.cast(whole, pa.list_(whole.type.value_type)) if fixed else whole


def _is_text(type: pa.DataType) -> bool:
    return bool(pa.types.is_string(type) or pa.types.is_large_string(type) or pa.types.is_string_view(type))
