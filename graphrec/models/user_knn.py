"""What users like this one took."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from graphrec.models.fitted_product import FittedProduct
from graphrec.models.model import Run, target_matrix
from graphrec.models.neighbours import KNN, knn_memory, neighbours

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class UserKNN(KNN):
    """Scores an item by how similar those who took it are to the user: ``Σ_v s_uv r_vi`` over nearest neighbours v.

    Two users are similar where they had the same items; see `graphrec.models.neighbours`.

    Attributes:
        neighbours: how many neighbours a user keeps.
        similarity: ``"cosine"``, ``"pearson"`` or ``"jaccard"``.
        shrinkage: the larger, the less counts a similarity that rests on few items.
        weighted: use the weights of interactions; else each counts 1.

    Paper: Resnick et al., GroupLens, CSCW 1994, which predicts ratings; this adds up, to rank.
    """

    kind: ClassVar[str] = "user-knn"

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        return knn_memory(n_users, n_interactions, self.neighbours, weighted=self.weighted)

    def _fit(self, data: Dataset, run: Run) -> FittedProduct:
        matrix = target_matrix(data, weighted=self.weighted)
        similar = neighbours(matrix.T.tocsr(), self.similarity, self.shrinkage, self.neighbours)
        return FittedProduct.of(self, data, similar, matrix)
