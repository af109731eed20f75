"""A closed-form model: users and items in the leading singular vectors of the interactions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from graphrec.evaluation.held_out import held_out_metric
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.propagation import powers
from graphrec.models.space import Choice, Distribution, Float
from graphrec.models.spectrum import SPARE, normalised, spectrum
from graphrec.train.device import resolve

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

VALIDATION_USERS = 5_000
LEAST = 32  # of what is tried with a validation part


class Spectral(Model):
    """A low-pass filter of the user–item graph, in closed form: no training, seconds a million interactions.

    With ``N = D_u^-a R D_i^-b`` and its leading right singular vectors V and values s, a user's vector is ``d_u^-½
    Σ_{i in history} d_i^-b V_i (s/s_1)^p`` and an item's ``d_i^w V_i``. So the vector of a new user is what fitting
    with them would give, up to what they change in V, and a score is a sum of one part for each item of the history.

    Attributes:
        dim: length of the vectors. With a validation part it is the most that are tried: ``dim``, a half, a quarter
            and so on down to 32; the best is kept and recorded. The more interactions, the more is good.
        user_exponent: a, how little a user with many items counts.
        item_exponent: b, how little a popular item counts in a history.
        item_weight: w, how much popularity counts in a score.
        power: p, how much more the first singular vectors count.
        iterations: of the solver.
        weighted: use the weights of interactions; else each counts 1.
        seed: of the solver's first vectors.

    Papers: Shen et al., How Powerful is Graph Convolution for Recommendation?, CIKM 2021; Cremonesi et al., RecSys
    2010.
    """

    kind: ClassVar[str] = "spectral"
    space: ClassVar[Mapping[str, Distribution]] = {
        "dim": Choice(128, 256, 512, 1024),
        "user_exponent": Float(low=0.2, high=0.6),
        "item_exponent": Float(low=0.2, high=0.6),
        "item_weight": Float(low=0.0, high=0.6),
        "power": Float(low=0.0, high=0.5),
    }

    dim: Annotated[int, Field(ge=1, le=4096)] = 512
    user_exponent: Annotated[float, Field(ge=0, le=2)] = 0.3
    item_exponent: Annotated[float, Field(ge=0, le=2)] = 0.35
    item_weight: Annotated[float, Field(ge=-2, le=2)] = 0.2
    power: Annotated[float, Field(ge=0, le=2)] = 0.25
    iterations: Annotated[int, Field(ge=0, le=20)] = 2
    weighted: bool = False
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        columns = min(self.dim, n_users, n_items) + SPARE
        return 30 * n_interactions + 2 * columns * (5 * n_users + 9 * n_items)  # as measured

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        matrix = target_matrix(data, weighted=self.weighted)
        found = spectrum(
            normalised(matrix, self.user_exponent, self.item_exponent),
            self.dim,
            self.iterations,
            self.seed,
            resolve(run.device),
        )
        left, right, values = (each.cpu().numpy() for each in found)
        counts = np.diff(matrix.indptr).astype(np.float64)
        degrees = matrix.sum(0, dtype=np.float64)
        filtered = (values / max(values[0], 1e-30)) ** np.float32(self.power)
        user_scale = powers(matrix.sum(1, dtype=np.float64), self.user_exponent) * powers(counts, -0.5)
        users = left * filtered * _column(user_scale)
        items = right * _column(powers(degrees, self.item_weight))
        fold_in = right * filtered * _column(powers(degrees, -self.item_exponent))
        dim = self.dim
        if run.validation is not None:
            seen, held_out = data.seen(targets=True), run.validation.matrix

            def measured(dim: int) -> float:
                first, second = _first(users, dim), _first(items, dim)
                return held_out_metric(first, second, seen, held_out, run.metric, users=VALIDATION_USERS)

            dim = max(_halves(min(self.dim, users.shape[1])), key=measured)
        chosen = self.model_copy(update={"dim": dim})
        return FittedVectors.of(chosen, data, _first(users, dim), _first(items, dim), _first(fold_in, dim))


def _halves(dim: int) -> list[int]:
    return [dim >> i for i in range(dim.bit_length()) if not i or dim >> i >= LEAST]


def _first(vectors: NDArray[np.float32], dim: int) -> NDArray[np.float32]:
    return np.ascontiguousarray(vectors[:, :dim])


def _column(values: NDArray[np.float64]) -> NDArray[np.float32]:
    return values.astype(np.float32)[:, None]
