"""Items like those that a user took."""

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


class ItemKNN(Model):
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
        return knn_memory(n_items, n_interactions, self.neighbours, weighted=self.weighted)

    def _fit(self, data: Dataset, run: Run) -> FittedProduct:
        matrix = target_matrix(data, weighted=self.weighted)
        similar = neighbours(matrix, self.similarity, self.shrinkage, self.neighbours)
        return FittedProduct.of(self, data, matrix, similar.T.tocsr())
