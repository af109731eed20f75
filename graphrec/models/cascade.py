"""Candidates from one model, ranked by another."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from pydantic import Field

from graphrec.models.hybrid import Hybrid
from graphrec.models.space import Choice, Distribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.models.evidence import Evidence


class Cascade(Hybrid):
    """The first ``depth`` items of one model in the order of another's scores.

    Of whom the other tells nothing, so that all candidates score alike, the list is the first model's own.

    Attributes:
        candidates: the model that proposes: its ``kind`` and fields.
        ranker: the model that orders.
        depth: how many candidates.

    Cost: that of both.
    """

    kind: ClassVar[str] = "cascade"
    space: ClassVar[Mapping[str, Distribution]] = {"depth": Choice(25, 50, 100, 200, 400)}

    candidates: dict[str, Any] = Field({"kind": "item-knn"})
    ranker: dict[str, Any] = Field({"kind": "fusion"})

    @property
    def named(self) -> tuple[dict[str, Any], ...]:
        """See `Hybrid.named`."""
        return self.candidates, self.ranker

    @property
    def proposers(self) -> int:
        """See `Hybrid.proposers`."""
        return 1

    def with_parts(self, parts: list[dict[str, Any]]) -> Self:
        """See `Hybrid.with_parts`."""
        return self.model_copy(update={"candidates": parts[0], "ranker": parts[1]})

    def combine(self, evidence: Evidence) -> NDArray[np.float64]:
        """See `Hybrid.combine`."""
        first, scores = (evidence.scores[..., part].astype(np.float64) for part in (0, 1))
        scores = np.where(scores.any(axis=1, keepdims=True), scores, first)
        return np.where(evidence.places[..., 0] > 0, scores, -np.inf)
