"""Vectors by the library ``implicit``, its ways kept from the rest of the program."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from graphrec.errors import MissingExtraError, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray


def fit_vectors(
    what: str, model: Callable[[], Any], matrix: sp.csr_array, *, progress: bool
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return user and item vectors, float32 [n, d], of a model of that library.

    BLAS runs on one thread: the library has threads of its own, and both at once get in each other's way.

    Args:
        what: what errors call it.
        model: returns a model of the library.
        matrix: float32 [n_users, n_items].
        progress: draw a progress bar where standard error is a terminal.

    Raises:
        MissingExtraError: the extra ``baselines`` is not installed.
        ModelError: the numbers grew beyond all bounds.
    """
    try:
        from implicit.recommender_base import ModelFitError
    except ImportError as error:
        raise MissingExtraError.of(what, "baselines") from error
    with threadpool_limits(1, "blas"):  # after the import: only what is loaded by now is limited
        try:
            fitted = model()
            fitted.fit(sp.csr_matrix(matrix), show_progress=progress and sys.stderr.isatty())
        except ModelFitError as error:
            raise ModelError(f"The training of {what} diverged: {error}. Fit it with other options.") from error
    users, items = (np.ascontiguousarray(t, np.float32) for t in (fitted.user_factors, fitted.item_factors))
    return users, items
