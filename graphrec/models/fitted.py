"""A fitted model of vectors whose inner products are the scores."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from graphrec.data.feature_map import FeatureMap
from graphrec.errors import ModelError
from graphrec.models.fitted_model import FittedModel
from graphrec.rank.attribution import history_parts
from graphrec.rank.scorer import check_vectors

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.models.model import Model
    from graphrec.train.history import History

PAIRS = 1 << 16  # pairs that are predicted at once
_ARRAYS = ("user_vectors", "item_vectors", "fold_in_vectors", "cold_items", "cold_users")
_MAPS = ("item_map", "user_map")


@dataclass(frozen=True, eq=False)
class FittedVectors(FittedModel):
    """What every vector model is once it is fitted; a `graphrec.rank.scorer.VectorScorer`.

    Attributes:
        user_vectors: float32 [n_users, d].
        item_vectors: float32 [n_items, d].
        fold_in_vectors: float32 [n_items, d], what each item adds to a new user; None where the model cannot.
        item_map: gives vectors to items from what describes them; None where the model cannot.
        user_map: likewise to users.
        cold_items: bool [n_items], whose vectors ``item_map`` gave, for want of interactions; None is nobody.
        cold_users: likewise of users.
    """

    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    fold_in_vectors: NDArray[np.float32] | None
    item_map: FeatureMap | None = field(default=None, kw_only=True)
    user_map: FeatureMap | None = field(default=None, kw_only=True)
    cold_items: NDArray[np.bool_] | None = field(default=None, kw_only=True)
    cold_users: NDArray[np.bool_] | None = field(default=None, kw_only=True)

    form: ClassVar[str] = "vectors"

    @classmethod
    def of(
        cls,
        config: Model,
        data: Dataset,
        user_vectors: NDArray[np.float32],
        item_vectors: NDArray[np.float32],
        fold_in_vectors: NDArray[np.float32] | None = None,
        history: History | None = None,
    ) -> FittedVectors:
        """Put the vectors of a model beside the keys of the dataset that it was fitted on.

        Args:
            config: the model.
            data: what it was fitted on; row i of the vectors is key i of ``data.users`` and ``data.items``.
            user_vectors: float32 [n_users, d].
            item_vectors: float32 [n_items, d].
            fold_in_vectors: float32 [n_items, d], or None; see `fold_in`.
            history: the record of its training.

        Raises:
            ArgumentError: vectors are of another type or shape.
        """
        vectors = {"user_vectors": user_vectors, "item_vectors": item_vectors, "fold_in_vectors": fold_in_vectors}
        fitted = cls._beside(config, data, history, **vectors)
        check_vectors(fitted)
        return fitted

    def changed(self, **values: Any) -> FittedVectors:
        """Return the vectors with other values of some fields, without a network that made the old ones."""
        return FittedVectors(**{each.name: getattr(self, each.name) for each in fields(FittedVectors)} | values)

    def knows(self, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `FittedModel.knows`: somebody whose vector is zero is not known."""
        return np.asarray(self.user_vectors[user_rows].any(axis=1))

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of all items for these users, float32 [b, n_items]."""
        return self.user_vectors[user_rows] @ self.item_vectors.T

    def predict(self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of pairs, float32 [n]; of a model of ratings they are ratings.

        Args:
            user_rows: int64 [n].
            item_rows: int64 [n].
        """
        scores = np.empty(len(user_rows), np.float32)
        for start in range(0, len(scores), PAIRS):
            here = slice(start, start + PAIRS)
            scores[here] = np.vecdot(self.user_vectors[user_rows[here]], self.item_vectors[item_rows[here]])
        return scores

    def fold_in(self, histories: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return vectors for new users without training: ``Σ fold_in_vectors[history] / √|history|``.

        Args:
            histories: for each user the rows of their items; one that stands twice counts once.

        Returns:
            Float32 [b, d]; zero where the history is empty.

        Raises:
            ModelError: this model cannot fold in.
        """
        if self.fold_in_vectors is None:
            raise ModelError(f"{self.name!r} cannot serve new users by their items. Fit it again with them.")
        vectors = np.zeros((len(histories), self.fold_in_vectors.shape[1]), np.float32)
        for row, history in enumerate(map(np.unique, histories)):
            if len(history):
                vectors[row] = self.fold_in_vectors[history].sum(0) / np.sqrt(len(history))
        return vectors

    def parts(
        self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64], histories: sp.csr_array
    ) -> sp.csr_array | None:
        """See `graphrec.rank.attribution.history_parts`; None where the model cannot fold in."""
        if self.fold_in_vectors is None:
            return None
        return history_parts(self.item_vectors[item_rows], self.fold_in_vectors, histories)

    def _to_tensors(self) -> dict[str, NDArray[Any]]:
        tensors = {name: getattr(self, name) for name in _ARRAYS if getattr(self, name) is not None}
        for name in _MAPS:
            tensors |= {} if getattr(self, name) is None else getattr(self, name).to_tensors(name)
        return tensors

    @classmethod
    def _from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
        return {name: tensors.get(name) for name in _ARRAYS} | {
            name: FeatureMap.from_tensors(name, tensors) for name in _MAPS
        }

    def __repr__(self) -> str:
        (users, dim), items = self.user_vectors.shape, len(self.items)
        counts = f"{users:,} users, {items:,} items, d={dim}"
        return f"{type(self).__name__}({self.name!r}, {counts}, {self.fingerprint[:12]})"
