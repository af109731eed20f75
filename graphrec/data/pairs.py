"""Pairs of user and item: as one number each, and as the places of a sparse matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import EdgeTable

    Codes = NDArray[np.int64]  # pairs as user_row * n_items + item_row, ascending and unique

T = TypeVar("T", np.int64, np.uint64)


def target_tables(data: Dataset) -> list[EdgeTable]:
    """Return the interactions to predict, a table for each type."""
    return [data.edges[kind.type] for kind in data.schema.targets]


def joins_pairs(data: Dataset, edge: EdgeTable) -> bool:
    """Return whether a relationship joins users and items, whatever it means and whichever way it points."""
    return {edge.source, edge.target} == {data.schema.user.label, data.schema.item.label}


def codes_of(data: Dataset, edge: EdgeTable) -> NDArray[np.int64]:
    """Return each row's pair of user and item as one number, in the order of the rows."""
    users, items = edge.source_rows, edge.target_rows
    if edge.source == data.schema.item.label:
        users, items = items, users
    return users * np.int64(len(data.items)) + items


def distinct(values: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return the distinct values, ascending (`numpy.unique` hashes, which takes ten times as long)."""
    ordered = np.sort(values)
    first = np.append(True, ordered[1:] != ordered[:-1])[: len(ordered)]
    result: NDArray[np.int64] = ordered if first.all() else ordered[first]
    return result


def matrix_of(codes: Codes, shape: tuple[int, int]) -> sp.csr_array:
    """Return pairs as a matrix of ones, float32 of this shape."""
    users, items = np.divmod(codes, shape[1])
    indptr = np.append(0, np.cumsum(np.bincount(users, minlength=shape[0])))
    return sp.csr_array((np.ones(len(codes), np.float32), items, indptr), shape=shape)


def codes_in(matrix: sp.csr_array) -> Codes:
    """Return the pairs of a matrix, in the order of its entries."""
    rows = np.repeat(np.arange(matrix.shape[0], dtype=np.int64), np.diff(matrix.indptr))
    return rows * matrix.shape[1] + matrix.indices


def row_sums(matrix: sp.csr_array, values: NDArray[T]) -> NDArray[T]:
    """Return for each row the sum of whole numbers, one a column, at its stored places; it may wrap around."""
    ends = np.zeros(matrix.nnz + 1, values.dtype)
    np.cumsum(values[matrix.indices], out=ends[1:])
    return ends[matrix.indptr[1:]] - ends[matrix.indptr[:-1]]


def entries(matrix: sp.csr_array, keep: NDArray[np.bool_]) -> sp.csr_array:
    """Return a matrix with those of its stored entries where ``keep`` (bool [nnz]) is true."""
    ends = np.append(0, np.cumsum(keep))[matrix.indptr]
    return sp.csr_array((matrix.data[keep], matrix.indices[keep], ends), shape=matrix.shape)
