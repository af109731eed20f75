"""Items like those that a user took."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from graphrec.models.fitted_product import FittedProduct
from graphrec.models.model import Run, target_matrix
from graphrec.models.neighbours import KNN, knn_memory, neighbours

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class ItemKNN(KNN):
    """Scores an item by how similar the user's items are to it: ``Σ_j r_uj s_ij`` over its nearest neighbours j.

    Two items are similar where the same users had them; see `graphrec.models.neighbours`.

    Attributes:
        neighbours: how many neighbours an item keeps.
        similarity: ``"cosine"``, ``"pearson"`` or ``"jaccard"``.
        shrinkage: the larger, the less counts a similarity that rests on few users.
        weighted: use the weights of interactions; else each counts 1.

    Paper: Sarwar et al., Item-based Collaborative Filtering Recommendation Algorithms, WWW 2001.
    """

    kind: ClassVar[str] = "item-knn"
    by_items: ClassVar[bool] = True

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        return knn_memory(n_items, n_interactions, self.neighbours, weighted=self.weighted)

    def _fit(self, data: Dataset, run: Run) -> FittedProduct:
        matrix = target_matrix(data, weighted=self.weighted)
        similar = neighbours(matrix, self.similarity, self.shrinkage, self.neighbours)
        return FittedProduct.of(self, data, matrix, similar.T.tocsr())
