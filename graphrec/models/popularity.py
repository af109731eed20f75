"""Most popular items first: what every personal model must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from graphrec.data.pairs import target_tables
from graphrec.data.prepare_weights import decayed
from graphrec.errors import DataError, problem
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Distribution, Float

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset


class Popularity(Model):
    """Scores an item by its number of users, the same for everyone; vectors have one dimension.

    Attributes:
        weighted: add up the weights of its interactions instead.
        half_life: in days. An interaction that is so much older than the newest of all counts half, one twice as old
            a quarter. A user who had an item several times counts by the last time, or with ``weighted`` by each.
            None: age does not matter.
    """

    kind: ClassVar[str] = "popularity"
    space: ClassVar[Mapping[str, Distribution]] = {"half_life": Float(low=1.0, high=3650.0, log=True)}

    weighted: bool = False
    half_life: Annotated[float, Field(gt=0)] | None = None

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        matrix = target_matrix(data, weighted=self.weighted)
        counts = matrix.sum(0, dtype=np.float64) if self.half_life is None else self._aged(data, self.half_life)
        vectors = counts.astype(np.float32)[:, None]
        return FittedVectors.of(self, data, np.ones((len(data.users), 1), np.float32), vectors, np.ones_like(vectors))

    def _aged(self, data: Dataset, half_life: float) -> NDArray[np.float64]:
        """Return what the interactions of each item count by now, float64 [n_items]."""
        tables = [edge for edge in target_tables(data) if len(edge)]
        for edge in tables:
            if not edge.dated:
                rule = f"must have a time on each relationship for half_life={half_life:g}"
                remedy = "Name the time property in the schema, drop the undated ones, or leave `half_life` out."
                raise DataError(problem(edge.type, rule, "some without", remedy))
        users = np.concatenate([edge.source_rows for edge in tables])
        items = np.concatenate([edge.target_rows for edge in tables])
        times = np.concatenate([edge.times for edge in tables])
        counts = decayed(times, half_life)
        if self.weighted:
            counts *= np.concatenate([edge.weights for edge in tables])
        else:
            newest = np.argsort(-times, kind="stable")
            pairs = users[newest] * len(data.items) + items[newest]
            last = newest[np.unique(pairs, return_index=True)[1]]
            items, counts = items[last], counts[last]
        return np.bincount(items, counts, minlength=len(data.items)).astype(np.float64)
