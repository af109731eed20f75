"""Gradient-boosted trees, evaluated by compiled code for all candidates of a user at once, without a branch.

A leaf of a tree is a bit. Whoever does not meet the condition of an inner node loses the leaves on its left; the
first leaf that remains is theirs. The conditions of all trees are one list, read from its beginning to its end.

Paper: Lucchese and others, QuickScorer: a fast algorithm to rank documents with additive ensembles of regression
trees, SIGIR 2015.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.social.reach import by_blocks
from graphrec.social.table import njit

if TYPE_CHECKING:
    from numpy.typing import NDArray

LEAVES = 32
"""The most that a tree may have: the bits of a number."""
ALL = 0xFFFF_FFFF
PLACES = np.uint32(0x077C_B531)
"""A de Bruijn sequence: times a power of two, its first five bits are another number for each."""


@dataclass(frozen=True, eq=False)
class Trees:
    """A sum of t trees.

    Attributes:
        base: what everybody has.
        starts: int64 [t + 1], where the conditions of each tree begin.
        columns: int32 [s], of which number a condition is.
        most: float32 [s], the largest value that meets it.
        kept: uint32 [s], the leaves that are left to who does not meet it.
        values: float64 [t, 32], of the leaves, by `PLACES`.
    """

    base: float
    starts: NDArray[np.int64]
    columns: NDArray[np.int32]
    most: NDArray[np.float32]
    kept: NDArray[np.uint32]
    values: NDArray[np.float64]

    @classmethod
    def of(cls, fitted: Any) -> Trees:
        """Return the trees of a fitted `HistGradientBoostingClassifier` of two classes, fitted on float32.

        Trees have at most 32 leaves, and columns are numbers without gaps.
        """
        trees = [each[0].nodes for each in fitted._predictors]
        conditions: list[tuple[int, float, int]] = []
        starts, values = [0], np.zeros((len(trees), LEAVES))

        def below(nodes: NDArray[Any], at: int, leaves: list[float]) -> int:
            """Add what is below a node to the conditions and leaves; return these leaves as bits."""
            node = nodes[at]
            if node["is_leaf"]:
                leaves.append(node["value"])
                return 1 << (len(leaves) - 1)
            left, right = (below(nodes, node[side], leaves) for side in ("left", "right"))
            conditions.append((node["feature_idx"], node["num_threshold"], ALL ^ left))
            return left | right

        for tree, nodes in enumerate(trees):
            leaves: list[float] = []
            below(nodes, 0, leaves)
            bits = np.uint32(1) << np.arange(len(leaves), dtype=np.uint32)
            values[tree, (bits * PLACES) >> np.uint32(27)] = leaves
            starts.append(len(conditions))
        columns, most, kept = zip(*conditions, strict=True) if conditions else ((), (), ())
        exact = np.asarray(most, np.float64)
        rounded = exact.astype(np.float32)  # down, so that a float32 is compared as in float64
        rounded = np.where(rounded > exact, np.nextafter(rounded, np.float32(-np.inf)), rounded)
        return cls(
            float(fitted._baseline_prediction.item()), np.asarray(starts), np.asarray(columns, np.int32), rounded,
            np.asarray(kept, np.uint32), values,
        )  # fmt: skip

    def score(self, features: NDArray[np.float32]) -> NDArray[np.float64]:
        """Return sums, float64 [b, m], of what is known of candidates, [b, m, f]: the log-odds of a tie."""
        scores = np.full(features.shape[:2], self.base)

        def work(start: int, stop: int) -> None:
            here = slice(start, stop)
            _score(features[here], self.starts, self.columns, self.most, self.kept, self.values, scores[here])

        by_blocks(len(features), work)
        return scores


@njit(nogil=True)
def _score(features, starts, columns, most, kept, values, scores):  # type: ignore[no-untyped-def]  # numba finds the types
    m = features.shape[1]
    known = np.empty((features.shape[2], m), np.float32)
    left = np.empty(m, np.uint32)
    for b in range(len(features)):
        for i in range(m):
            for j in range(len(known)):
                known[j, i] = features[b, i, j]
        for t in range(len(values)):
            left[:] = ALL
            for s in range(starts[t], starts[t + 1]):
                column, x, less = known[columns[s]], most[s], kept[s]
                for i in range(m):
                    left[i] &= np.uint32(ALL) if column[i] <= x else less
            for i in range(m):
                first = left[i] & (~left[i] + np.uint32(1))
                scores[b, i] += values[t, np.uint32(np.uint32(first) * PLACES) >> np.uint32(27)]
