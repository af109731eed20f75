"""Steps of preparation that weigh: they say how much an interaction counts."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from graphrec.data.pairs import codes_of, target_tables
from graphrec.data.prepare_steps import Step
from graphrec.data.tables import UNDATED
from graphrec.errors import DataError, problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import EdgeTable

    Floats = NDArray[np.float64]
    Rows = NDArray[np.int64]

DAY = 86_400
OLDEST = 100  # half-lives; float32 takes 2 ** -150 for 0, and what counts 0 nothing is learned of


class _Reweigh(Step):
    """Replaces a pair's whole weight; the interactions of one pair share the new one as they shared the old."""

    before_split: ClassVar[bool] = False

    def apply(self, data: Dataset) -> Dataset:
        """Return the dataset with other weights.

        Raises:
            DataError: a weight is negative.
        """
        targets = target_tables(data)
        weights = np.concatenate([edge.weights for edge in targets])
        if (weights < 0).any():
            remedy = "Filter them out first, with min-weight."
            raise DataError(problem(self.kind, "must have weights of at least 0", float(weights.min()), remedy))
        codes, places = np.unique(np.concatenate([codes_of(data, edge) for edge in targets]), return_inverse=True)
        old: Floats = np.bincount(places, weights, minlength=len(codes)).astype(np.float64)
        users, items = np.divmod(codes, len(data.items))
        new = self._new(old, users, items)
        shares = np.divide(new, old, out=np.zeros_like(new), where=old > 0)[places] * weights
        return _reweighed(data, targets, shares)

    @abstractmethod
    def _new(self, weights: Floats, users: Rows, items: Rows) -> Floats:
        """Return the pairs' new weights, of their weights and rows."""


class Log(_Reweigh):
    """``ln(1 + w)``: the tenth time counts less than the first."""

    kind: ClassVar[str] = "log"

    def _new(self, weights: Floats, users: Rows, items: Rows) -> Floats:
        return np.log1p(weights)


class TFIDF(_Reweigh):
    """``√w · (1 + ln((1 + N) / (1 + n)))`` with N users, n of them with the item: rare items say more."""

    kind: ClassVar[str] = "tf-idf"

    def _new(self, weights: Floats, users: Rows, items: Rows) -> Floats:
        total = len(np.unique(users))
        result: Floats = np.sqrt(weights) * (1 + np.log((1 + total) / (1 + np.bincount(items)[items])))
        return result


class BM25(_Reweigh):
    """Okapi BM25 (Robertson and Zaragoza, 2009), where a user is a document and an item a term.

    ``w (k1 + 1) / (w + k1 (1 − b + b l / l̄)) · ln(1 + (N − n + ½) / (n + ½))`` with N users, n of them with the
    item, l the weight of all the user's interactions, and l̄ its mean over users.

    Attributes:
        k1: how slowly weights saturate.
        b: how far a user with many interactions counts less for each.
    """

    kind: ClassVar[str] = "bm25"
    k1: Annotated[float, Field(gt=0)] = 1.2
    b: Annotated[float, Field(ge=0, le=1)] = 0.75

    def _new(self, weights: Floats, users: Rows, items: Rows) -> Floats:
        total, with_item = len(np.unique(users)), np.bincount(items)[items]
        lengths = np.bincount(users, weights)[users]
        mean = weights.sum() / max(total, 1)
        norm = 1 - self.b + self.b * np.divide(lengths, mean, out=np.ones_like(lengths), where=mean > 0)
        idf = np.log1p((total - with_item + 0.5) / (with_item + 0.5))
        result: Floats = weights * (self.k1 + 1) / (weights + self.k1 * norm) * idf
        return result


class TimeDecay(Step):
    """Halve the weight of an interaction for every half-life, of 100 at most, that it is older than the latest one.

    Attributes:
        half_life: in days.
    """

    kind: ClassVar[str] = "time-decay"
    before_split: ClassVar[bool] = False
    half_life: Annotated[float, Field(gt=0)]

    def apply(self, data: Dataset) -> Dataset:
        """Return the dataset with other weights.

        Raises:
            DataError: an interaction is undated.
        """
        targets = target_tables(data)
        times = np.concatenate([edge.times for edge in targets])
        if undated := sum(edge.undated for edge in targets):
            remedy = "Name the time in the schema, date them, or leave this step out."
            raise DataError(problem(self.kind, "must have dated interactions", f"{undated:,} undated", remedy))
        weights = np.concatenate([edge.weights for edge in targets])
        return _reweighed(data, targets, weights * decayed(times, self.half_life))


def decayed(times: NDArray[np.int64], half_life: float) -> Floats:
    """Return what interactions count by their age, 1 for the latest; those of 100 half-lives and more count alike.

    Args:
        times: epoch seconds, [n].
        half_life: in days.
    """
    ages = (times.max(initial=UNDATED) - times) / (DAY * half_life)
    counts: Floats = np.exp2(-np.minimum(ages, OLDEST))
    return counts


def _reweighed(data: Dataset, targets: list[EdgeTable], weights: Floats) -> Dataset:
    ends = np.cumsum([len(edge) for edge in targets])[:-1]
    parts = np.split(weights, ends)
    return data.with_edges({edge.type: replace(edge, weight=part) for edge, part in zip(targets, parts, strict=True)})
