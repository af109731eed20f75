"""Batches: pairs beside an item that the user does not have, or users with all that they have."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    import scipy.sparse as sp
    from numpy.typing import NDArray


class Triples(NamedTuple):
    """A batch of BPR: each user beside an item they have and one they have not; int64 [b] each."""

    users: NDArray[np.int64]
    positives: NDArray[np.int64]
    negatives: NDArray[np.int64]


class Drawn:
    """What is drawn by a generator of its own."""

    def __init__(self, seed: int) -> None:
        self.generator = np.random.default_rng(seed)

    @property
    def state(self) -> dict[str, Any]:
        """The generator's state, as JSON holds it; set it between epochs to go on from there."""
        return dict(self.generator.bit_generator.state)

    @state.setter
    def state(self, state: dict[str, Any]) -> None:
        self.generator.bit_generator.state = state


class BPRBatches(Drawn):
    """As many triples an epoch as there are positive pairs, each pair with a fresh negative.

    With ``by="pairs"`` an epoch is one pass over all pairs in a new random order, so that a user weighs as much as
    they have items. With ``by="users"`` each triple is a user, drawn uniformly and with replacement, and one of their
    items, so that every user weighs alike: the sampling of He et al.'s LightGCN.

    A negative is drawn uniformly from the items that the user does not have, exactly and without rejection: a random
    rank among them is turned into the item of that rank by one binary search. Before the user's j-th positive p_j lie
    ``p_j − j`` other items, so the item of rank r is r plus the number of positives with ``p_j − j <= r``.

    Users who have every item have no negative: their pairs are left out and counted in `left_out`.

    Args:
        matrix: [n_users, n_items]; every stored entry is a positive pair.
        batch_size: pairs a batch; the last one of an epoch may be smaller.
        seed: of the generator.
        by: what an epoch goes over.

    Cost: about 30 bytes a pair in memory; a batch of 2,048 takes about a millisecond.
    """

    def __init__(
        self, matrix: sp.csr_array, batch_size: int, seed: int, by: Literal["pairs", "users"] = "pairs"
    ) -> None:
        matrix = matrix if matrix.has_sorted_indices else matrix.sorted_indices()
        degrees = np.diff(matrix.indptr).astype(np.int64)
        n_users, self._width = matrix.shape[0], matrix.shape[1] + 1
        self._start, self._degrees = matrix.indptr.astype(np.int64), degrees
        self._others = matrix.shape[1] - degrees
        self._items = matrix.indices
        self._users = np.repeat(np.arange(n_users, dtype=matrix.indices.dtype), degrees)
        before = self._items - (np.arange(matrix.nnz) - self._start[self._users])
        self._codes = before + self._users * np.int64(self._width)
        self._pairs = np.flatnonzero(self._others[self._users])
        self._batch_size, self._by = batch_size, by
        super().__init__(seed)
        self.left_out = matrix.nnz - len(self._pairs)

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self._pairs) // self._batch_size)

    def __iter__(self) -> Iterator[Triples]:
        """Yield one epoch; the generator moves on as batches are taken."""
        order = self.generator.permutation(self._pairs) if self._by == "pairs" else self._by_users()
        for start in range(0, len(order), self._batch_size):
            pairs = order[start : start + self._batch_size]
            users = self._users[pairs].astype(np.int64)
            yield Triples(users, self._items[pairs].astype(np.int64), self.negatives(users))

    def _by_users(self) -> NDArray[np.int64]:
        """Return as many pairs as an epoch has: of users uniformly drawn, one of theirs each."""
        able = np.flatnonzero((self._degrees > 0) & (self._others > 0))
        if not len(able):
            return self._pairs
        users = able[self.generator.integers(0, len(able), len(self._pairs))]
        return self._start[users] + self.generator.integers(0, self._degrees[users])

    def negatives(self, users: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return for each user an item that they do not have, uniformly drawn, int64 [b]."""
        ranks: NDArray[np.int64] = self.generator.integers(0, self._others[users])
        codes = users * self._width + ranks
        order = np.argsort(codes)  # neighbours in the search lie together in memory
        passed = np.empty_like(codes)
        passed[order] = np.searchsorted(self._codes, codes[order], side="right")
        return ranks + passed - self._start[users]


class UserBatches(Drawn):
    """One pass over all users who have an item, in a new random order.

    Args:
        matrix: [n_users, n_items]; every stored entry is a positive pair.
        batch_size: users a batch; the last one of an epoch may be smaller.
        seed: of the generator.
    """

    def __init__(self, matrix: sp.csr_array, batch_size: int, seed: int) -> None:
        self._users = np.flatnonzero(np.diff(matrix.indptr))
        self._batch_size = batch_size
        super().__init__(seed)

    def __len__(self) -> int:
        """Batches an epoch."""
        return -(-len(self._users) // self._batch_size)

    def __iter__(self) -> Iterator[NDArray[np.int64]]:
        """Yield the rows of users, int64 [b]; the generator moves on as batches are taken."""
        order = self.generator.permutation(self._users)
        for start in range(0, len(order), self._batch_size):
            yield order[start : start + self._batch_size]

    def negatives(self, n: int, most: int) -> NDArray[np.int64] | None:
        """Return so many of n items, drawn without repetition, sorted; None where there are no more."""
        return np.sort(self.generator.choice(n, most, replace=False, shuffle=False)) if n > most else None
