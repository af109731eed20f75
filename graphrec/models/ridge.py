"""Linear maps from sparse rows to vectors, by least squares."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

ENOUGH, MOST = 1e-5, 300  # of the residual, and steps


def ridge(rows: sp.csr_array, targets: NDArray[np.float32], reg: float) -> NDArray[np.float32]:
    """Return W, float32 [m + 1, d], that minimises ``Σ_i |x_i W[:-1] + W[-1] − y_i|² + reg |W[:-1]|²``.

    By conjugate gradients with the diagonal as preconditioner, all columns of W side by side: no m × m matrix is
    made, so a hundred thousand columns are no more than their values.

    Args:
        rows: x, [n, m].
        targets: y, [n, d].
        reg: above 0.

    Cost: some 20 to 300 steps of two products of the sparse rows with d columns; five arrays of the size of W in
    double precision.
    """
    blocks: Any = [rows, np.ones((rows.shape[0], 1))]
    x: Any = sp.hstack(blocks, format="csr", dtype=np.float64)
    by_column = x.T.tocsr()
    penalty = np.full((x.shape[1], 1), float(reg))
    penalty[-1] = 0
    diagonal = by_column.multiply(x.T).sum(axis=1)[:, None] + penalty
    residual = by_column @ targets.astype(np.float64)
    found = np.zeros_like(residual)
    step = along = residual / np.maximum(diagonal, 1e-30)
    squares = first = (residual * along).sum(0)
    for _ in range(MOST):
        if (squares <= ENOUGH**2 * first).all():
            break
        image = by_column @ (x @ step) + penalty * step
        length = squares / np.maximum((step * image).sum(0), 1e-300)
        found += length * step
        residual -= length * image
        along = residual / np.maximum(diagonal, 1e-30)
        before, squares = squares, (residual * along).sum(0)
        step = along + squares / np.maximum(before, 1e-300) * step
    return np.asarray(found, np.float32)
