"""The best linear item–item filter without a diagonal, in closed form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field
from scipy.linalg.lapack import dpotrf, dpotri

from graphrec.data.plan import available_memory, refuse
from graphrec.errors import ModelError, problem
from graphrec.models.fitted_product import FittedProduct
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Distribution, Float

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

NUMBERS = 1 << 22  # how many of the matrix are made at once


class EASE(Model):
    """Scores by ``r_u B``, where B minimises ``‖R − R B‖² + reg ‖B‖²`` with a diagonal of zeros.

    With ``P = (RᵀR + reg I)⁻¹``: ``B_ij = −P_ij / P_jj``. B is dense, items × items, and refused beforehand where it
    would not fit: 12 bytes for each of its numbers while it is made, 4 after, in memory and in the file.

    Attributes:
        reg: the larger, the more a rare item's numbers shrink.
        weighted: use the weights of interactions; else each counts 1.

    Paper: Steck, Embarrassingly Shallow Autoencoders for Sparse Data, WWW 2019.

    Cost: ``n_items³`` multiplications.
    """

    kind: ClassVar[str] = "ease"
    by_items: ClassVar[bool] = True
    space: ClassVar[Mapping[str, Distribution]] = {"reg": Float(low=1.0, high=10_000.0, log=True)}

    reg: Annotated[float, Field(gt=0)] = 250.0
    weighted: bool = False

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        return super().memory(n_users, n_items, n_interactions) + 12 * n_items**2

    def _fit(self, data: Dataset, run: Run) -> FittedProduct:
        matrix = target_matrix(data, weighted=self.weighted)
        need, free = self.memory(*matrix.shape, matrix.nnz), available_memory()
        if need > free:
            remedy = "Keep fewer items, by a k-core for example, or take item-knn, which needs no dense matrix."
            refuse(f"EASE of {len(data.items):,} items", need, free, remedy)
        return FittedProduct.of(self, data, matrix, _filter(matrix, self.reg))


def _filter(matrix: sp.csr_array, reg: float) -> NDArray[np.float32]:
    """Return B, float32 [n_items, n_items]."""
    n = matrix.shape[1]
    height = max(1, NUMBERS // n)
    blocks = [slice(start, min(start + height, n)) for start in range(0, n, height)]
    columns, rows = matrix.T.tocsr().astype(np.float64), matrix.astype(np.float64)
    inverse = np.empty((n, n))
    for block in blocks:
        inverse[block] = (columns[block] @ rows).toarray()
    inverse[np.diag_indices(n)] += reg
    # in place: LAPACK reads our rows as columns, so what it calls the lower triangle is the upper one here
    _, failed = dpotrf(inverse.T, lower=1, clean=0, overwrite_a=1)
    if not failed:
        _, failed = dpotri(inverse.T, lower=1, overwrite_c=1)
    if failed:
        raise ModelError(problem("reg", "must be large enough for a matrix that can be inverted", reg, "Raise it."))
    weights = np.empty((n, n), np.float32)
    for block in blocks:
        square, rest = (block, block), slice(block.stop, None)
        weights[square] = np.triu(inverse[square]) + np.triu(inverse[square], 1).T
        weights[block, rest] = inverse[block, rest]
        weights[rest, block] = inverse[block, rest].T
    weights /= -inverse.diagonal().astype(np.float32)
    np.fill_diagonal(weights, 0)
    return weights
