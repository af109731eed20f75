"""Lists whose items are unlike each other."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.rank.rerank import Candidates, Known, Rerank

if TYPE_CHECKING:
    from numpy.typing import NDArray

VECTORS = "vectors"
BLOCK_BYTES = 64 << 20


class MMR(Rerank):
    """Maximal marginal relevance: each place goes to what is relevant and unlike the places before it.

    A place is filled with the candidate of the largest ``(1 − share) · relevance − share · max cosine`` with any item
    of the list so far.

    Attributes:
        share: 0 leaves a list as it was, 1 looks at unlikeness alone.
        by: what items are compared by: ``"vectors"`` or an attribute's type, such as ``"HAS_GENRE"``. Two items
            without any such attribute, or with a zero vector, are unlike.

    Paper: Carbonell and Goldstein, The use of MMR, diversity-based reranking, SIGIR 1998.

    Cost: ``2 · k · depth · d`` multiplications a user.
    """

    kind: ClassVar[str] = "mmr"

    share: Annotated[float, Field(ge=0, le=1)]
    by: str = VECTORS

    def apply(self, found: Candidates, k: int, known: Known) -> Candidates:
        """See `Rerank.apply`."""
        rows = np.unique(found.rows[found.rows >= 0])
        unit = _unit(known.vectors() if self.by == VECTORS else known.attribute(self.by, rows))
        b, d = found.rows.shape
        height = max(1, BLOCK_BYTES // (4 * max(1, d * unit.shape[1])))
        blocks = [slice(start, start + height) for start in range(0, b, height)]
        return Candidates.joined([self._one(found.part(here), k, unit) for here in blocks]) if b else found

    def _one(self, found: Candidates, k: int, unit: NDArray[np.float32] | sp.csr_array) -> Candidates:
        vectors = _dense(unit, found.rows)
        users, nearest = np.arange(len(vectors)), np.full(found.rows.shape, -np.inf)

        def values(step: int) -> NDArray[np.float64]:
            like = nearest if step else np.zeros_like(nearest)
            return (1 - self.share) * found.relevance - self.share * like

        def picked(chosen: NDArray[np.int64]) -> None:
            np.maximum(nearest, np.matmul(vectors, vectors[users, chosen, :, None])[..., 0], out=nearest)

        return found.greedy(k, values, picked)


def _unit(vectors: NDArray[np.float32] | sp.csr_array) -> NDArray[np.float32] | sp.csr_array:
    """Return rows of length 1, or 0."""
    if isinstance(vectors, np.ndarray):
        norms = np.linalg.norm(vectors.astype(np.float64), axis=1, keepdims=True)
        return (vectors / np.where(norms > 0, norms, 1.0)).astype(np.float32)
    sizes = np.diff(vectors.indptr)
    values = np.repeat(1 / np.sqrt(np.maximum(sizes, 1)), sizes).astype(np.float32)
    return sp.csr_array((values, vectors.indices, vectors.indptr), shape=vectors.shape)


def _dense(unit: NDArray[np.float32] | sp.csr_array, rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the vectors of lists, [b, d, m]; of sparse ones only the columns that occur. Whatever for row −1."""
    if isinstance(unit, np.ndarray):
        return np.asarray(unit[rows])
    wanted = unit[np.maximum(rows, 0).ravel()]
    used, columns = np.unique(wanted.indices, return_inverse=True)
    found = np.zeros((rows.size, max(1, len(used))), np.float32)
    found[np.repeat(np.arange(rows.size), np.diff(wanted.indptr)), columns] = wanted.data
    return found.reshape(*rows.shape, -1)
