"""Lists with some places for what would not have been shown."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import pandas as pd
from pydantic import Field

from graphrec.rank.rerank import Rerank

if TYPE_CHECKING:
    import pyarrow as pa
    from numpy.typing import NDArray

    from graphrec.rank.rerank import Candidates, Known

_STEP = np.uint64(0x9E3779B97F4A7C15)  # of SplitMix64, whose last steps are what `hash_array` does with numbers


class Explore(Rerank):
    """Gives a share of the places, drawn at random, to candidates from below the list, drawn at random.

    All candidates below the list are as likely; who has none there gets none. What was drawn is marked in the column
    ``explored`` of the frame. The draw depends on the seed and the user's key alone, so a call gives the same list
    again: take another seed, such as the number of the day, to explore anew.

    Attributes:
        share: of the places. Where that is no whole number, some lists have one more than others, so that the share
            is right over all.
        seed: of the draw.
    """

    kind: ClassVar[str] = "explore"

    share: Annotated[float, Field(ge=0, le=1)]
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def apply(self, found: Candidates, k: int, known: Known) -> Candidates:
        """See `Rerank.apply`."""
        b, d = found.rows.shape
        luck = _luck(self.seed, known.labels, 1 + k + d)
        below = np.maximum((found.rows >= 0).sum(axis=1) - k, 0)
        size = np.minimum((self.share * k + luck[:, 0]).astype(np.int64), below)[:, None]
        # the places, and the candidates below the list, whose numbers are lowest
        drawn = _ranks(luck[:, 1 : 1 + min(k, d)]) < size
        outside = (np.arange(d) < k) | (found.rows < 0)
        turn = _ranks(np.where(outside, 2.0, luck[:, 1 + k :]))
        taken = ~outside & (turn < size)
        order = np.argsort(taken, axis=1, kind="stable")  # who was not drawn, in the order of the list
        shown = np.zeros((b, d), bool)
        shown[:, : drawn.shape[1]] = drawn
        into = np.empty((b, d), np.int64)
        into[~shown] = order[np.arange(d) < d - size]
        into[shown] = np.argsort(np.where(taken, turn, d), axis=1, kind="stable")[np.arange(d) < size]
        moved = found.take(into)
        return replace(moved, explored=moved.explored | shown)


def _luck(seed: int, labels: pa.Array, m: int) -> NDArray[np.float64]:
    """Return numbers from 0 to 1 that the seed and each label alone decide, [b, m]."""
    if not len(labels):
        return np.zeros((0, m))
    numbers = np.asarray(pd.util.hash_array(labels.to_numpy(zero_copy_only=False)), np.uint64)
    start = pd.util.hash_array(numbers + np.uint64(seed))
    with np.errstate(over="ignore"):
        counted = np.asarray(start, np.uint64)[:, None] + np.arange(m, dtype=np.uint64) * _STEP
    return np.asarray(pd.util.hash_array(counted.ravel()) / 2.0**64, np.float64).reshape(-1, m)


def _ranks(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return how many of a row are lower than each."""
    return np.argsort(np.argsort(values, axis=1, kind="stable"), axis=1, kind="stable")
