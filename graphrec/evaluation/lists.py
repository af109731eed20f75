"""Lists beside the truth: all that a metric of lists may look at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from graphrec.data.pairs import codes_in

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Lists:
    """The lists of b users.

    Attributes:
        rows: item rows, best first, int64 [b, k]; −1 where a list is shorter.
        held_out: [b, n_items], canonical; every stored entry is a held-out pair. Each user has one.
        train: the target interactions that models learnt from, 0/1 [n_users, n_items].
        n_eligible: how many items could stand in a list.
    """

    rows: NDArray[np.int64]
    held_out: sp.csr_array
    train: sp.csr_array
    n_eligible: int

    @cached_property
    def hits(self) -> NDArray[np.bool_]:
        """Where a list holds a held-out item, bool [b, k]."""
        return hits_of(self.rows, self.held_out)

    @cached_property
    def n_held_out(self) -> NDArray[np.int64]:
        """How many held-out items each user has, [b]."""
        return np.diff(self.held_out.indptr).astype(np.int64)

    @cached_property
    def popularity(self) -> NDArray[np.float64]:
        """How many users have each item in train, [n_items]."""
        return np.bincount(self.train.indices, minlength=self.train.shape[1]).astype(np.float64)

    @cached_property
    def n_train_users(self) -> int:
        """How many users have an item in train."""
        return int((np.diff(self.train.indptr) > 0).sum())

    @cached_property
    def places(self) -> NDArray[np.int32]:
        """The place (from 1) of each held-out pair in its user's list, in the order of ``held_out``; 0: not there."""
        n = self.held_out.shape[1]
        user, column = np.nonzero(self.hits)
        found = np.zeros(self.held_out.nnz, np.int32)
        found[np.searchsorted(codes_in(self.held_out), user * n + self.rows[user, column])] = column + 1
        return found

    def mean_over(self, values: NDArray[np.float64], k: int) -> NDArray[np.float64]:
        """Return the mean of an item's value over the first k places of each list, [b]; 0 for an empty list."""
        rows = self.rows[:, :k]
        there = rows >= 0
        return np.asarray(np.where(there, values[rows], 0.0).sum(1) / np.maximum(there.sum(1), 1))


def hits_of(rows: NDArray[np.int64], held_out: sp.csr_array) -> NDArray[np.bool_]:
    """Return where a list holds a held-out item.

    Args:
        rows: item rows of the lists, [b, k], −1 where a list is shorter.
        held_out: [b, n_items], canonical; every stored entry counts.

    Returns:
        Bool [b, k].
    """
    n = held_out.shape[1]
    true = np.append(np.sort(codes_in(held_out)), -1)
    listed = np.arange(len(rows), dtype=np.int64)[:, None] * n + rows
    return np.asarray((rows >= 0) & (true[np.searchsorted(true[:-1], listed)] == listed))
