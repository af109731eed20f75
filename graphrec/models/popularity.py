"""Most popular items first: what every personal model must beat."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run, target_matrix

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class Popularity(Model):
    """Scores an item by its number of users, the same for everyone; vectors have one dimension.

    Attributes:
        weighted: add up the weights of its interactions instead.
    """

    kind: ClassVar[str] = "popularity"

    weighted: bool = False

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        counts = target_matrix(data, weighted=self.weighted).sum(0, dtype=np.float64).astype(np.float32)[:, None]
        return FittedVectors.of(self, data, np.ones((len(data.users), 1), np.float32), counts, np.ones_like(counts))
