"""Matrix factorisation of implicit feedback by alternating least squares, by the library ``implicit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

from graphrec.models.fitted import FittedVectors
from graphrec.models.implicit import fit_vectors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Distribution, Float, Int

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class ALS(Model):
    """Vectors that minimise ``Σ_ui c_ui (p_ui − x_u · y_i)² + reg (‖x‖² + ‖y‖²)`` over all pairs.

    p is 1 and c is ``alpha · weight`` where there is an interaction; elsewhere p is 0 and c is 1. Needs the extra
    ``baselines``.

    Attributes:
        dim: length of the vectors.
        alpha: how much more an interaction counts than none.
        reg: the larger, the shorter are the vectors. The defaults of alpha and reg rank better on held-out data than
            the library's own.
        epochs: how often the vectors of users and items are solved for in turn.
        weighted: use the weights of interactions; else each counts 1.
        seed: of the first vectors. The same seed gives the same vectors.

    Paper: Hu, Koren, Volinsky, Collaborative Filtering for Implicit Feedback Datasets, ICDM 2008.
    """

    kind: ClassVar[str] = "als"
    space: ClassVar[Mapping[str, Distribution]] = {
        "dim": Int(low=16, high=256, log=True),
        "alpha": Float(low=1.0, high=100.0, log=True),
        "reg": Float(low=1e-3, high=1e3, log=True),
        "epochs": Int(low=5, high=50, log=True),
    }

    dim: Annotated[int, Field(ge=1, le=4096)] = 64
    alpha: Annotated[float, Field(gt=0)] = 10.0
    reg: Annotated[float, Field(ge=0)] = 50.0
    epochs: Annotated[int, Field(ge=1)] = 15
    weighted: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        def model() -> Any:
            from implicit.cpu.als import AlternatingLeastSquares

            return AlternatingLeastSquares(
                self.dim, self.reg, self.alpha, iterations=self.epochs, random_state=self.seed
            )

        matrix = target_matrix(data, weighted=self.weighted)
        return FittedVectors.of(self, data, *fit_vectors("ALS", model, matrix, progress=run.progress))
