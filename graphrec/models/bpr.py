"""Matrix factorisation by pairwise ranking, by the library ``implicit``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
from pydantic import Field

from graphrec.models.fitted import FittedVectors
from graphrec.models.implicit import fit_vectors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Distribution, Float, Int

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class BPR(Model):
    """Vectors by which a user's items come before items that they did not take; with a bias of each item.

    Vectors have ``dim + 1`` numbers: the last ones are 1 and the bias. Needs the extra ``baselines``.

    Attributes:
        dim: length of the vectors without the bias.
        learning_rate: of the stochastic gradient descent.
        reg: the larger, the shorter are the vectors.
        epochs: so many samples for each interaction.
        seed: of the first vectors and of the samples. The same seed gives the same vectors, which is why it runs on
            one thread.

    Paper: Rendle et al., BPR: Bayesian Personalized Ranking from Implicit Feedback, UAI 2009.
    """

    kind: ClassVar[str] = "bpr"
    space: ClassVar[Mapping[str, Distribution]] = {
        "dim": Int(low=16, high=256, log=True),
        "learning_rate": Float(low=1e-3, high=2e-1, log=True),
        "reg": Float(low=1e-4, high=1e-1, log=True),
        "epochs": Int(low=20, high=500, log=True),
    }

    dim: Annotated[int, Field(ge=1, le=4096)] = 64
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    reg: Annotated[float, Field(ge=0)] = 0.01
    epochs: Annotated[int, Field(ge=1)] = 100
    seed: Annotated[int, Field(ge=0, lt=2**32)] = 0

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        def model() -> Any:
            from implicit.cpu.bpr import BayesianPersonalizedRanking

            return BayesianPersonalizedRanking(
                self.dim,
                self.learning_rate,
                self.reg,
                iterations=self.epochs,
                num_threads=1,
                random_state=self.seed,
            )

        matrix = target_matrix(data)
        users, items = fit_vectors("BPR", model, matrix, progress=run.progress)
        users[np.diff(matrix.indptr) == 0] = 0  # as they began: noise
        items[np.bincount(matrix.indices, minlength=len(items)) == 0] = 0
        return FittedVectors.of(self, data, users, items)
