"""A fitted model whose scores are a product of two matrices that are too wide to live on nodes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp

from graphrec.models.fitted_model import FittedModel

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.models.model import Model


@dataclass(frozen=True, eq=False)
class FittedProduct(FittedModel):
    """Neighbours and item–item filters: ``score(u, i) = left[u] · right[:, i]``.

    It ranks in Python and is compared as any other model, but has no vectors that a database could serve.

    Attributes:
        left: float32 [n_users, m], such as what each user took.
        right: float32 [m, n_items], sparse or dense, such as what each item says of the others.
    """

    left: sp.csr_array
    right: sp.csr_array | NDArray[np.float32]

    form: ClassVar[str] = "product"

    @classmethod
    def of(
        cls, config: Model, data: Dataset, left: sp.csr_array, right: sp.csr_array | NDArray[np.float32]
    ) -> FittedProduct:
        """Put the matrices of a model beside the keys of the dataset that it was fitted on."""
        return cls._beside(config, data, None, left=left, right=right)

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of all items for these users, float32 [b, n_items]."""
        scores = self.left[user_rows] @ self.right
        return np.asarray(scores.toarray() if sp.issparse(scores) else scores, np.float32)

    def knows(self, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `FittedModel.knows`: somebody who had nothing, or nothing that is like anything else, is not known."""
        had = self.left[user_rows]
        told, met = np.zeros(had.shape[1], bool), np.unique(had.indices)
        right = self.right[met]
        told[met] = np.diff(right.indptr) > 0 if sp.issparse(right) else right.any(axis=1)
        return np.asarray(abs(had) @ told > 0)

    def parts(
        self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64], histories: sp.csr_array
    ) -> sp.csr_array | None:
        """Return ``left[u, j] right[j, i]``, where j are items: those of the fit, whatever ``histories`` says."""
        if not self.config.by_items:
            return None
        had = self.left[user_rows].astype(np.float64)
        columns = np.repeat(item_rows, np.diff(had.indptr))
        had.data *= np.asarray(self.right[had.indices, columns])
        return had

    def _to_tensors(self) -> dict[str, NDArray[Any]]:
        right = {"right": self.right} if isinstance(self.right, np.ndarray) else _parts("right", self.right)
        return _parts("left", self.left) | right

    @classmethod
    def _from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
        return {side: tensors[side] if side in tensors else _whole(side, tensors) for side in ("left", "right")}

    def __repr__(self) -> str:
        users, items = self.left.shape[0], self.right.shape[1]
        return f"FittedProduct({self.name!r}, {users:,} users, {items:,} items, {self.fingerprint[:12]})"


def _parts(side: str, matrix: sp.csr_array) -> dict[str, NDArray[Any]]:
    parts = {name: getattr(matrix, name) for name in ("data", "indices", "indptr")}
    return {f"{side}/{name}": part for name, part in {**parts, "shape": np.array(matrix.shape)}.items()}


def _whole(side: str, tensors: dict[str, NDArray[Any]]) -> sp.csr_array:
    data, indices, indptr, shape = (tensors[f"{side}/{name}"] for name in ("data", "indices", "indptr", "shape"))
    return sp.csr_array((data, indices, indptr), shape=tuple(shape.tolist()))
