"""Lists with fewer of the items that everybody has."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from graphrec.rank.rerank import Rerank

if TYPE_CHECKING:
    from graphrec.rank.rerank import Candidates, Known


class PopularityPenalty(Rerank):
    """Orders by ``relevance − strength · log(1 + n) / log(1 + n of the most popular item)``.

    Attributes:
        strength: 0 leaves a list as it was; at 1 the most popular item must be better than the least popular one by
            as much as the first candidate is better than the last.
    """

    kind: ClassVar[str] = "popularity-penalty"

    strength: Annotated[float, Field(ge=0)]

    def apply(self, found: Candidates, k: int, known: Known) -> Candidates:
        """See `Rerank.apply`."""
        popular = np.log1p(known.popularity())
        popular = popular / max(float(popular.max(initial=0)), 1e-30)
        values = found.relevance - self.strength * (popular[found.rows] if len(popular) else 0)
        return found.take(np.argsort(np.where(found.rows < 0, np.inf, -values), axis=1, kind="stable"))
