"""A random order for each user: the floor of every table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset


class Random(Model):
    """Random normal vectors: given the user, the scores are independent, so each order of the items is as likely.

    Attributes:
        dim: length of the vectors; the larger, the less alike are the orders of two users.
        seed: of the generator.
    """

    kind: ClassVar[str] = "random"

    dim: Annotated[int, Field(ge=1, le=4096)] = 64
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        generator = np.random.default_rng(self.seed)
        users, items = (
            generator.standard_normal((len(nodes), self.dim), np.float32) for nodes in (data.users, data.items)
        )
        return FittedVectors.of(self, data, users, items)
