"""Models without training, for tests of what ranks and compares them."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from graphrec.data.tables import NodeTable

if TYPE_CHECKING:
    from numpy.typing import NDArray


def nodes(label: str, keys: list[str] | list[int]) -> NodeTable:
    """Return a node table of sorted keys."""
    return NodeTable(label, pa.array(sorted(keys)), pa.table({}))


def rounded(score: float) -> Decimal:
    """Return a score rounded to 6 significant digits."""
    if score == 0:
        return Decimal(0)
    exact = Decimal(score)
    return exact.quantize(Decimal(1).scaleb(exact.adjusted() - 5), ROUND_HALF_UP)


@dataclass
class Scores:
    """A scorer without vectors: a matrix of scores. It remembers how many users it was asked for at once."""

    users: NodeTable
    items: NodeTable
    matrix: NDArray[np.float32]
    name: str = "scores"
    asked: list[int] = field(default_factory=list)

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        self.asked.append(len(user_rows))
        found = self.matrix[user_rows]
        found.flags.writeable = False
        return found


@dataclass
class Vectors:
    """A scorer with vectors; a new user's vector is the sum of ``fold_in_vectors``."""

    users: NodeTable
    items: NodeTable
    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    fold_in_vectors: NDArray[np.float32] | None = None
    name: str = "vectors"
    fingerprint: str | None = None

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.user_vectors[user_rows] @ self.item_vectors.T

    def fold_in(self, histories: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        assert self.fold_in_vectors is not None
        return np.stack([self.fold_in_vectors[rows].sum(axis=0) for rows in histories]).astype(np.float32)
