"""Lists in which no item stands too often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from graphrec.rank.rerank import Rerank

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.rank.rerank import Candidates, Known


class ExposureCap(Rerank):
    """No item stands in more than a share, or a number, of the lists of one run.

    Places are given out in rounds: in each, every list gets the best of its candidates that may still be shown, one
    item. Where an item has fewer places left than lists want it in a round, a new random order of the lists decides,
    so that nobody is served first throughout. A list is shorter where its candidates are used up; give more ``depth``
    then, or a larger cap.

    It must be the last step, as what comes after could show an item more often. Keys and new users are asked for in
    two calls, since their lists are made apart.

    Attributes:
        share: of all lists of the call that have candidates; at least one list is always allowed.
        count: how many lists.
        seed: of the random orders.
    """

    kind: ClassVar[str] = "exposure-cap"

    share: Annotated[float, Field(gt=0, le=1)] | None = None
    count: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.share is None) == (self.count is None):
            raise ValueError("either share or count must be given")
        return self

    def cap(self, lists: int) -> int:
        """Return in how many of so many lists an item may stand."""
        return self.count or max(1, int((self.share or 0) * lists * (1 + 1e-12)))  # .29 * 100 is 28.999...

    def apply(self, found: Candidates, k: int, known: Known) -> Candidates:
        """See `Rerank.apply`."""
        rows = found.rows
        lists = int((rows >= 0).any(axis=1).sum())
        left = np.full(int(rows.max(initial=-1)) + 1, self.cap(lists), np.int64)
        generator = np.random.default_rng(self.seed)
        order = np.full((len(rows), min(k, rows.shape[1])), -1, np.int64)
        at = np.zeros(len(rows), np.int64)  # the first candidate that was not looked at
        for place in range(order.shape[1]):
            turn = np.empty(len(rows), np.int64)
            turn[generator.permutation(len(rows))] = np.arange(len(rows))
            waiting = np.arange(len(rows))
            while len(waiting):
                waiting = waiting[_advance(rows, at, left, waiting)]
                wanted = rows[waiting, at[waiting]]
                first = np.lexsort((turn[waiting], wanted))
                item, start, size = np.unique(wanted[first], return_index=True, return_counts=True)
                number = np.arange(len(first)) - np.repeat(start, size)  # who comes how early for their item
                got = first[number < np.repeat(left[item], size)]
                left[item] -= np.minimum(size, left[item])
                served = waiting[got]
                order[served, place] = at[served]
                at[served] += 1
                waiting = np.delete(waiting, got)
        return found.take(order)


def _advance(
    rows: NDArray[np.int64], at: NDArray[np.int64], left: NDArray[np.int64], users: NDArray[np.int64]
) -> NDArray[np.bool_]:
    """Move users on to their next candidate with places left, and return who has one."""
    going = np.arange(len(users))
    found = np.zeros(len(users), bool)
    while len(going):
        going = going[at[users[going]] < rows.shape[1]]
        going = going[rows[users[going], at[users[going]]] >= 0]
        full = left[rows[users[going], at[users[going]]]] == 0
        found[going[~full]] = True
        going = going[full]
        at[users[going]] += 1
    return found
