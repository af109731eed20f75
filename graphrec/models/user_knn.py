"""What users like this one took."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from graphrec.models.fitted_product import FittedProduct
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.neighbours import Similarity, knn_memory, neighbours
from graphrec.models.space import Choice, Distribution, Float, Int

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class UserKNN(Model):
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
    space: ClassVar[Mapping[str, Distribution]] = {
        "neighbours": Int(low=5, high=1000, log=True),
        "similarity": Choice("cosine", "pearson", "jaccard"),
        "shrinkage": Float(low=0.0, high=1000.0),
    }

    neighbours: Annotated[int, Field(ge=1)] = 100
    similarity: Similarity = "cosine"
    shrinkage: Annotated[float, Field(ge=0)] = 10.0
    weighted: bool = False

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        return knn_memory(n_users, n_interactions, self.neighbours, weighted=self.weighted)

    def _fit(self, data: Dataset, run: Run) -> FittedProduct:
        matrix = target_matrix(data, weighted=self.weighted)
        similar = neighbours(matrix.T.tocsr(), self.similarity, self.shrinkage, self.neighbours)
        return FittedProduct.of(self, data, similar, matrix)
