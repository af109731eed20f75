"""Lists that mix attributes as the user's history does."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.rank.rerank import Candidates, Known, Rerank

if TYPE_CHECKING:
    from numpy.typing import NDArray

SMOOTHING = 0.01  # of the history's mix in the list's, so that no logarithm is of 0
BLOCK = 512  # users at once


class Calibrated(Rerank):
    """Somebody with 70 % dramas and 30 % comedies gets seven dramas and three comedies.

    With p the share of each attribute value in the history and q in the list (an item's value is split evenly over
    its attributes; items without one are a value of their own), places are filled one after the other so that
    ``(1 − strength) · Σ relevance − strength · KL(p ‖ q)`` is largest. Who has no history keeps their list.

    Attributes:
        attribute: an attribute of items by its type, such as ``"HAS_GENRE"``.
        strength: 0 leaves a list as it was, 1 looks at the mix alone.

    Paper: Steck, Calibrated recommendations, RecSys 2018.

    Cost: ``k`` passes over the attributes of a user's candidates.
    """

    kind: ClassVar[str] = "calibrated"

    attribute: str
    strength: Annotated[float, Field(ge=0, le=1)]

    def apply(self, found: Candidates, k: int, known: Known) -> Candidates:
        """See `Rerank.apply`."""
        histories = known.histories()
        items = _shares(known.attribute(self.attribute, _of_interest(found.rows, histories)))
        wanted = _mix(histories, items)
        blocks = [slice(start, start + BLOCK) for start in range(0, len(found.rows), BLOCK)]
        parts = [self._one(found.part(here), k, items, wanted[here]) for here in blocks]
        return Candidates.joined(parts) if parts else found

    def _one(self, found: Candidates, k: int, items: sp.csr_array, wanted: sp.csr_array) -> Candidates:
        b, d = found.rows.shape
        have = items[np.maximum(found.rows, 0).ravel()]
        owner = np.repeat(np.arange(b * d), np.diff(have.indptr))  # the candidate of each of its attributes
        counts = _at(wanted, owner // d, have.indices)
        kept = counts > 0  # what the history does not have weighs nothing
        owner, added = owner[kept], have.data[kept].astype(np.float64)
        pairs = (owner // d) * items.shape[1] + have.indices[kept]
        _, first, pair = np.unique(pairs, return_index=True, return_inverse=True)
        p, mass = counts[kept][first], np.zeros(len(first))  # of each user and value

        def values(step: int) -> NDArray[np.float64]:
            before = (1 - SMOOTHING) * mass / (step + 1) + SMOOTHING * p
            gains = p[pair] * np.log1p((1 - SMOOTHING) * added / (step + 1) / before[pair])
            gain = np.bincount(owner, gains, minlength=b * d).reshape(b, d)
            return (1 - self.strength) * found.relevance + self.strength * gain

        def picked(chosen: NDArray[np.int64]) -> None:
            took = chosen[owner // d] == owner % d
            np.add.at(mass, pair[took], added[took])

        return found.greedy(k, values, picked)


def _at(matrix: sp.csr_array, rows: NDArray[Any], columns: NDArray[Any]) -> NDArray[np.float64]:
    found: Any = matrix[rows, columns]  # an array or, in other versions of SciPy, a sparse one
    return np.asarray(found.toarray() if hasattr(found, "toarray") else found, np.float64).ravel()


def _of_interest(rows: NDArray[np.int64], histories: sp.csr_array) -> NDArray[np.int64]:
    return np.union1d(rows[rows >= 0], histories.indices).astype(np.int64)


def _shares(attribute: sp.csr_array) -> sp.csr_array:
    """Return each item's mix, rows that sum to 1, with a last column for those without an attribute."""
    sizes = np.diff(attribute.indptr)
    none = np.flatnonzero(sizes == 0)
    n, m = attribute.shape
    rows = np.concatenate([np.repeat(np.arange(n), sizes), none])
    columns = np.concatenate([attribute.indices, np.full(len(none), m)])
    values = np.concatenate([np.repeat(1 / np.maximum(sizes, 1), sizes), np.ones(len(none))])
    return sp.csr_array((values, (rows, columns)), shape=(n, m + 1))


def _mix(lists: sp.csr_array, items: sp.csr_array) -> sp.csr_array:
    """Return the mean mix of each list's items, rows that sum to 1; an empty row for an empty list."""
    ones = sp.csr_array((np.ones(lists.nnz), lists.indices, lists.indptr), shape=lists.shape)
    found: sp.csr_array = (ones @ items).tocsr()
    found.data /= np.repeat(np.maximum(np.diff(lists.indptr), 1), np.diff(found.indptr))
    return found
