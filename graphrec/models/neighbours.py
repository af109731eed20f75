"""The most similar columns of a sparse matrix, by blocks: never columns × columns.

A similarity needs the columns' inner products, which a sparse product gives for the pairs that share a row; those
that share none have a similarity of at most 0 and are nobody's neighbours. With n rows, norms ‖x‖ and means m:

* ``"cosine"``: x·y / (‖x‖ ‖y‖).
* ``"pearson"``: the cosine of x − m_x and y − m_y over all rows, an empty place being 0:
  (x·y − n m_x m_y) / √((‖x‖² − n m_x²) (‖y‖² − n m_y²)).
* ``"jaccard"``: rows in common / rows of either.

Shrinkage h multiplies by c / (c + h) for c rows in common: what rests on few rows counts less.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.models.model import Model
from graphrec.models.space import Choice, Distribution, Float, Int

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

Similarity = Literal["cosine", "pearson", "jaccard"]

BLOCK = 1 << 21
"""The most inner products at once, unless one column has more; each takes up to 100 bytes."""


class KNN(Model):
    """What models of neighbours have in common; each says which neighbours they are."""

    space: ClassVar[Mapping[str, Distribution]] = {
        "neighbours": Int(low=5, high=1000, log=True),
        "similarity": Choice("cosine", "pearson", "jaccard"),
        "shrinkage": Float(low=0.0, high=1000.0),
    }

    neighbours: Annotated[int, Field(ge=1)] = 100
    similarity: Similarity = "cosine"
    shrinkage: Annotated[float, Field(ge=0)] = 10.0
    weighted: bool = False


def neighbours(matrix: sp.csr_array, similarity: Similarity, shrinkage: float, k: int) -> sp.csr_array:
    """Return each column's k most similar other columns with a similarity above 0; of equals the first ones.

    Args:
        matrix: float32 [n, m], not negative, without stored zeros.
        similarity: see the head of this file.
        shrinkage: h.
        k: how many a column keeps at most.

    Returns:
        Float32 [m, m], row i holds the neighbours of column i.

    Cost: Σ over rows of entries² products; memory is a block beside the result, at most 8 k m bytes.
    """
    rows = matrix.astype(np.float64)
    columns, presence = rows.T.tocsr(), (rows > 0).astype(np.float64)
    needs_common = (similarity == "jaccard" or shrinkage > 0) and bool((rows.data != 1).any())
    measure = _Measure.of(columns, similarity, shrinkage)
    indices, values, lengths = [np.zeros(0, np.int32)], [np.zeros(0, np.float32)], [np.zeros(1, np.int64)]
    for start, end in _blocks(columns, presence):
        products = columns[start:end] @ rows
        common = (columns[start:end] > 0).astype(np.float64) @ presence if needs_common else products
        of = np.repeat(np.arange(start, end), np.diff(products.indptr))
        similar = measure(of, products.indices, products.data, common.data)
        kept = _best(products.indptr, products.indices, similar, k)
        indices.append(products.indices[kept])
        values.append(similar[kept].astype(np.float32))
        lengths.append(np.bincount(of[kept] - start, minlength=end - start))
    ends = np.cumsum(np.concatenate(lengths))
    found = sp.csr_array((np.concatenate(values), np.concatenate(indices), ends), shape=(matrix.shape[1],) * 2)
    found.sort_indices()
    return found


def knn_memory(m: int, n_interactions: int, k: int, *, weighted: bool) -> int:
    """Return the bytes that finding the neighbours of m columns takes at its peak, beyond the dataset."""
    return 60 * n_interactions + (100 if weighted else 75) * min(BLOCK, m * m) + 12 * m * min(k, m)


@dataclass(frozen=True)
class _Measure:
    """A similarity of columns, from what single columns and pairs of them add up to."""

    similarity: Similarity
    shrinkage: float
    n: int
    sizes: NDArray[np.int64]
    means: NDArray[np.float64]
    norms: NDArray[np.float64]

    @classmethod
    def of(cls, columns: sp.csr_array, similarity: Similarity, shrinkage: float) -> _Measure:
        n, means = columns.shape[1], columns.sum(1) / columns.shape[1]
        squares = (columns * columns).sum(1)
        if similarity == "pearson":
            around = squares - n * means**2
            squares = np.where(around > 1e-12 * squares, around, 0.0)  # a constant column is like none
        return cls(similarity, shrinkage, n, np.diff(columns.indptr), means, np.sqrt(squares))

    def __call__(
        self,
        one: NDArray[np.int64],
        other: NDArray[np.int64],
        product: NDArray[np.float64],
        common: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Return the similarity of each pair of columns; 0 with itself."""
        if self.similarity == "jaccard":
            above, below = common, self.sizes[one] + self.sizes[other] - common
        else:
            above, below = product, self.norms[one] * self.norms[other]
        if self.similarity == "pearson":
            above = product - self.n * self.means[one] * self.means[other]
        similar = np.divide(above, below, out=np.zeros_like(product), where=(below > 0) & (one != other))
        return similar * (common / (common + self.shrinkage)) if self.shrinkage > 0 else similar


def _blocks(columns: sp.csr_array, presence: sp.csr_array) -> Iterator[tuple[int, int]]:
    """Cut the columns where their inner products would become more than `BLOCK`."""
    most = np.minimum((columns > 0) @ np.diff(presence.indptr), columns.shape[0])
    ends = np.cumsum(most)
    start = 0
    while start < len(most):
        before = ends[start - 1] if start else 0
        end = max(start + 1, int(np.searchsorted(ends, before + BLOCK, side="right")))
        yield start, end
        start = end


def _best(
    indptr: NDArray[np.int64], indices: NDArray[np.int64], values: NDArray[np.float64], k: int
) -> NDArray[np.int64]:
    """Return the places of each row's k largest values above 0."""
    kept = []
    for start, end in pairwise(indptr.tolist()):
        row = values[start:end]
        chosen = np.flatnonzero(row > 0)
        if len(chosen) > k:
            last = np.partition(row, -k)[-k]
            tied = np.flatnonzero(row == last)
            chosen = np.flatnonzero(row > last)
            first = np.argsort(indices[start + tied])[: k - len(chosen)]
            chosen = np.concatenate([chosen, tied[first]])
        kept.append(start + np.sort(chosen))
    return np.concatenate([np.zeros(0, np.int64), *kept])
