"""Any vector model with its users' vectors mixed with those of their friends."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.data.pairs import entries
from graphrec.errors import ModelError
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models.diffusion import diffused, friends_of
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Run, target_matrix
from graphrec.models.space import Distribution, Float, Int
from graphrec.models.wrapper import Wrapper, recorded

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut

STRENGTH, STRENGTHS = 3.0, (3.0, 1.0, 10.0, 0.0, 30.0)
SHARE = 4  # of the users with held-out items, one in so many is asked how strong friends shall be


class FriendTastes(Wrapper):
    """A vector model, ``base``, whose users' vectors are mixed with the mean of their friends'.

    A user with n items keeps ``n / (n + strength)`` of their own vector; see `graphrec.models.diffusion`. It helps
    users with few items, gives lists to those who have friends and no items yet, and leaves the others nearly as they
    were; who has no friends keeps exactly the vector of ``base``. Item vectors and fold-in are those of ``base``:
    somebody who is folded in by items is not asked for friends. The ties are those of ``schema.ties``; a split does
    not hold them out, and undated ties may be younger than the held-out items.

    Attributes:
        base: the model's ``kind`` and its fields.
        strength: how many items all friends together count as. None takes, of 0, 1, 3, 10 and 30, what is best on
            the validation part for the quarter of its users with the fewest items, and 3 where there is none.
        rounds: 1 hears friends, 2 also their friends, through them.

    Cost: that of the base; the mixing takes a second a million ties and 64 numbers, and six times that with a
    validation part.
    """

    kind: ClassVar[str] = "friend-tastes"
    space: ClassVar[Mapping[str, Distribution]] = {
        "strength": Float(low=0.3, high=30.0, log=True),
        "rounds": Int(low=1, high=3),
    }

    strength: Annotated[float, Field(ge=0)] | None = None
    rounds: Annotated[int, Field(ge=1, le=16)] = 2

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`. The ties come on top, 40 bytes each."""
        return self._base().memory(n_users, n_items, n_interactions) + 6 * 4 * self.width * n_users

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        target_matrix(data)
        friends_of(data)  # what is missing is said before the base is fitted
        fitted = self._base()._fit(data, run)
        if not isinstance(fitted, FittedVectors):
            raise ModelError(f"{fitted.name!r} cannot be mixed with friends: it has no vectors.")
        return self.over(fitted, data, validation=run.validation, metric=run.metric)

    def over(
        self, fitted: FittedVectors, data: Dataset, *, validation: HeldOut | None = None, metric: str = "ndcg@20"
    ) -> FittedVectors:
        """Return the same model with its users' vectors mixed: what fitting would give, from a base that is fitted.

        Args:
            fitted: the base; its configuration is recorded in place of ``base``.
            data: what it was fitted on.
            validation: chooses the strength where that is open.
            metric: what is measured on it.

        Raises:
            DataError: there are no ties.
            ModelError: the base was fitted on other data.
        """
        if fitted.fingerprint != data.fingerprint:
            raise ModelError(f"{fitted.name!r} must be mixed over the data that it was fitted on. Got other data.")
        friends, counts = friends_of(data), np.diff(target_matrix(data).indptr)
        strength = STRENGTH if self.strength is None else self.strength
        if self.strength is None and validation is not None:
            held_out = _of_few(validation.matrix, counts)

            def measured(strength: float) -> float:
                users = diffused(fitted.user_vectors, counts, friends, strength, self.rounds)
                return held_out_metric(users, fitted.item_vectors, data.seen(targets=True), held_out, metric)

            strength = max(STRENGTHS, key=measured)
        users = diffused(fitted.user_vectors, counts, friends, strength, self.rounds)
        config = self.model_copy(update={"base": recorded(fitted), "strength": strength})
        return fitted.changed(config=config, name=self.kind, user_vectors=users)


def _of_few(held_out: sp.csr_array, counts: NDArray[np.int64]) -> sp.csr_array:
    """Return the held-out pairs of the users with the fewest items."""
    rows = np.flatnonzero(np.diff(held_out.indptr))
    few = rows[np.argsort(counts[rows], kind="stable")[: -(-len(rows) // SHARE)]]
    kept = np.isin(np.arange(len(counts)), few).repeat(np.diff(held_out.indptr))
    return entries(held_out, kept)
