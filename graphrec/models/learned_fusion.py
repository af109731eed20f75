"""A ranker over the candidates of several models, learned from pairs that none of them was fitted on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from graphrec.data.split import split as split_of
from graphrec.models.choosing import Judge, best_weights
from graphrec.models.hybrid import Hybrid
from graphrec.models.model import target_matrix
from graphrec.models.ranker import features, learned, n_features
from graphrec.models.space import Choice, Distribution

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut
    from graphrec.models.evidence import Evidence
    from graphrec.models.fitted_hybrid import FittedHybrid
    from graphrec.models.model import Run

USERS = 4_000  # that teach at most
FOLDS = 4
SURE = 2  # standard errors by which the formula must be better than what is simpler
HELD_OUT = 0.1  # of the pairs, where there is no validation part
FEWEST = 100  # pairs to hold some of them out
PARTS = ({"kind": "fusion"}, {"kind": "ease"}, {"kind": "item-knn"})


class LearnedFusion(Hybrid):
    """Orders candidates by a linear formula of what any models say of them; see `graphrec.models.ranker.features`.

    The formula is learned from the validation part, on which the parts are not fitted. Three quarters of its users
    teach it and the last judges, four times in turn; likewise a weighted sum of scores, one of reciprocal places, and
    each part alone. What is best when judged by users who did not teach it is then learned from all of them, and the
    formula must be better than the others by two standard errors. So it is not used where it only remembers, and what
    comes out is seldom worse than the best part. Without a validation part a tenth of the pairs is held out for that,
    and the parts are then fitted again to all.

    What was chosen is in the fitted model's ``config``: fitting that to more data chooses nothing any more.

    Attributes:
        parts: for each model its ``kind`` and its own fields.
        coefficients: of the formula; None learns them.
        reg: the larger, the smaller are learned coefficients.
        depth: how many candidates each model proposes.

    Cost: that of the parts, once or twice; seconds to learn; for each list that of all parts.
    """

    kind: ClassVar[str] = "learned-fusion"
    space: ClassVar[Mapping[str, Distribution]] = {"depth": Choice(50, 100, 200)}

    parts: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, strict=False)] = PARTS
    coefficients: Annotated[tuple[float, ...], Field(strict=False)] | None = None
    reg: Annotated[float, Field(gt=0)] = 1e-3

    @property
    def named(self) -> tuple[dict[str, Any], ...]:
        """See `Hybrid.named`."""
        return self.parts

    @model_validator(mode="after")
    def _check(self) -> Self:
        wanted = n_features(len(self.parts))
        if self.coefficients is not None and len(self.coefficients) != wanted:
            raise ValueError(f"coefficients must be {wanted} numbers for {len(self.parts)} parts")
        return self

    def with_parts(self, parts: list[dict[str, Any]]) -> Self:
        """See `Hybrid.with_parts`."""
        return self.model_copy(update={"parts": tuple(parts)})

    def combine(self, evidence: Evidence) -> NDArray[np.float64]:
        """See `Hybrid.combine`."""
        given = self.coefficients
        return features(evidence) @ (self._alike() if given is None else np.array(given, np.float64))

    def _fit(self, data: Dataset, run: Run) -> FittedHybrid:
        if self.coefficients is not None or run.validation is not None:
            return super()._fit(data, run)
        if target_matrix(data).nnz < FEWEST:
            return self.model_copy(update={"coefficients": tuple(self._alike().tolist())})._fit(data, run)
        split = split_of(data, "random", test=HELD_OUT, validation=0)  # also where data is weighed: as in a fit
        inner = replace(run, validation=split.test, checkpoint=run.checkpoint and _beside(run.checkpoint))
        learned_on = super()._fit(split.train, inner)
        chosen: Self = learned_on.config  # type: ignore[assignment]  # of this class
        found = chosen._fit(data, run)
        interrupted = learned_on.history.interrupted or found.history.interrupted
        return replace(found, history=replace(found.history, interrupted=interrupted))

    def choose(self, fitted: FittedHybrid, validation: HeldOut, metric: str) -> Self:
        """See `Hybrid.choose`."""
        if self.coefficients is not None:
            return self
        judge = Judge.of(fitted, validation.matrix, metric, USERS)
        x, p = features(judge.evidence), len(self.parts)
        there, hits = judge.evidence.rows >= 0, judge.hits

        def formula(users: NDArray[np.int64]) -> NDArray[np.float64]:
            return learned(x[users], there[users], hits[users], self.reg)

        def weighted(first: int) -> Any:
            def fit(users: NDArray[np.int64]) -> NDArray[np.float64]:
                block = x[users, :, first : first + p]
                return self._padded(first, best_weights(lambda w: judge.measured(block @ w, users), p)[0])

            return fit

        def alone(part: int) -> Any:
            return lambda users: self._padded(part, np.ones(1))

        ways = [*map(alone, range(p)), weighted(0), weighted(p), formula]
        folds = np.array_split(np.random.default_rng(0).permutation(len(x)), FOLDS)
        folds = [np.sort(fold) for fold in folds if len(fold)]
        worth = np.zeros((len(ways), len(x)))  # of each user, by what others taught
        for fold in folds:
            others = np.setdiff1d(np.arange(len(x)), fold)
            if len(others):
                worth[:, fold] = [judge.each(x[fold] @ way(others), fold) for way in ways]
        chosen = int(np.argmax(worth[:-1].mean(axis=1)))
        gain = worth[-1] - worth[chosen]
        if gain.mean() > SURE * gain.std() / np.sqrt(len(gain)):
            chosen = len(ways) - 1
        best = ways[chosen](np.arange(len(x)))
        return self.model_copy(update={"coefficients": tuple(best.tolist())})

    def _alike(self) -> NDArray[np.float64]:
        return self._padded(0, np.ones(len(self.parts)))

    def _padded(self, first: int, values: NDArray[np.float64]) -> NDArray[np.float64]:
        found = np.zeros(n_features(len(self.parts)))
        found[first : first + len(values)] = values
        return found


def _beside(path: Any) -> Any:
    return path.with_name(f"{path.name}.learning")
