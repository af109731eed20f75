"""The lists of several models merged: by places, or by scores on one scale."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

import numpy as np
from pydantic import Field, model_validator

from graphrec.errors import is_number
from graphrec.models.choosing import Judge, best_weights
from graphrec.models.hybrid import Hybrid
from graphrec.models.space import Distribution, Int

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.split import HeldOut
    from graphrec.models.evidence import Evidence
    from graphrec.models.fitted_hybrid import FittedHybrid

By = Literal["ranks", "scores"]

USERS = 4_000  # that choose at most
PARTS = ({"kind": "fusion"}, {"kind": "ease"}, {"kind": "item-knn"})


class RankFusion(Hybrid):
    """Orders candidates by a weighted sum over any models, with or without vectors.

    ``"ranks"``: reciprocal rank fusion, ``Σ weight / (constant + place)`` over the models that have the item among
    their first ``depth``. ``"scores"``: ``Σ weight · score / Σ weight``, each model's scores of a user's items on one
    scale (1 for the first, 0 for the last of its list).

    With a validation part the weights are searched for one at a time, beginning with the best of all alike, each
    model alone and the weights given, so none of these is better there; where ``by`` is open, the better of both is
    taken. What was chosen is in the fitted model's ``config``. Without one, weights are as given, and ``by`` is
    ``"ranks"``.

    Attributes:
        parts: for each model its ``kind``, its ``weight`` (1 unless told), and its own fields.
        by: see above.
        constant: the larger, the less the first places count more than the others.
        depth: how many candidates each model proposes.

    Paper: Cormack, Clarke and Büttcher, Reciprocal rank fusion outperforms Condorcet, SIGIR 2009.

    Cost: that of the parts, when fitted and for each list.
    """

    kind: ClassVar[str] = "rank-fusion"
    weighted: ClassVar[bool] = True
    space: ClassVar[Mapping[str, Distribution]] = {"constant": Int(low=1, high=200, log=True)}

    parts: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, strict=False)] = PARTS
    by: By | None = None
    constant: Annotated[int, Field(ge=0)] = 60

    @property
    def named(self) -> tuple[dict[str, Any], ...]:
        """See `Hybrid.named`."""
        return self.parts

    @property
    def weights(self) -> NDArray[np.float64]:
        """The parts' weights, [p]."""
        return np.array([part.get("weight", 1.0) for part in self.parts], np.float64)

    @model_validator(mode="after")
    def _check(self) -> Self:
        for weight in (part.get("weight", 1.0) for part in self.parts):
            if not is_number(weight) or not 0 <= weight < np.inf:
                raise ValueError(f"parts must have weights of at least 0. Got {weight!r}")
        if not self.weights.any():
            raise ValueError("parts must have at least one weight above 0")
        return self

    def with_parts(self, parts: list[dict[str, Any]]) -> Self:
        """See `Hybrid.with_parts`."""
        return self.model_copy(update={"parts": tuple(parts)})

    def combine(self, evidence: Evidence) -> NDArray[np.float64]:
        """See `Hybrid.combine`."""
        return self._sum(evidence, self.by or "ranks", self.weights)

    def choose(self, fitted: FittedHybrid, validation: HeldOut, metric: str) -> Self:
        """See `Hybrid.choose`."""
        judge = Judge.of(fitted, validation.matrix, metric, USERS)
        ways: tuple[By, ...] = ("ranks", "scores") if self.by is None else (self.by,)

        def measured(by: By, weights: NDArray[np.float64]) -> float:
            return judge.measured(self._sum(judge.evidence, by, weights))

        found = {by: best_weights(partial(measured, by), len(self.parts), self.weights) for by in ways}
        by = max(ways, key=lambda by: found[by][1])
        parts = [part | {"weight": float(w)} for part, w in zip(self.parts, found[by][0], strict=True)]
        return self.model_copy(update={"parts": tuple(parts), "by": by})

    def _sum(self, evidence: Evidence, by: By, weights: NDArray[np.float64]) -> NDArray[np.float64]:
        if by == "scores":
            return np.asarray(evidence.scores @ (weights / weights.sum()))
        reciprocal = np.where(evidence.places > 0, 1 / (self.constant + np.maximum(evidence.places, 1)), 0)
        return np.asarray(reciprocal @ weights)
