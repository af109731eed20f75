"""What every re-ranker is: a small frozen configuration that puts lists into another order.

A step is handed more candidates than places, best first, and hands them back in its own order. What it reads of the
model is the *relevance* of a place: the model's scores of a list, from 1 for the first candidate to 0 for the last.
Relevance stays with the places when candidates move, so a later step builds on the order that an earlier one made.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from graphrec.data.closed import Closed

if TYPE_CHECKING:
    from collections.abc import Callable

    import pyarrow as pa
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.rank.order import TopK


@dataclass(frozen=True)
class Known:
    """What steps may ask of the data, each only where a step needs it; items are rows of the lists.

    Attributes:
        labels: what the b users are called: their keys, or positions for new users.
        vectors: the items' vectors, float32 [n, d].
        popularity: how many target interactions each item has, [n].
        histories: what each user has, [b, n]; every stored entry counts 1.
        attribute: by the name of an attribute and the rows of items that are of interest, which items have which
            values, [n, m]; every stored entry is 1.
    """

    labels: pa.Array
    vectors: Callable[[], NDArray[np.float32]]
    popularity: Callable[[], NDArray[np.float64]]
    histories: Callable[[], sp.csr_array]
    attribute: Callable[[str, NDArray[np.int64]], sp.csr_array]


@dataclass(frozen=True, eq=False)
class Candidates:
    """The candidates of b users.

    Attributes:
        rows: int64 [b, d], item rows in the order of the list; −1 where there are fewer.
        scores: float64 [b, d], the model's own.
        relevance: float64 [b, d], of the places: 1 to 0.
        explored: bool [b, d], which were drawn at random.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]
    relevance: NDArray[np.float64]
    explored: NDArray[np.bool_]

    @classmethod
    def of(cls, best: TopK) -> Candidates:
        """Take a model's lists."""
        there = best.rows >= 0
        scores = np.where(there, best.scores, np.inf)
        last = scores.min(axis=1, initial=np.inf, keepdims=True)
        above = np.where(there, best.scores, 0) - np.where(np.isfinite(last), last, 0)
        width = above.max(axis=1, initial=0, keepdims=True)
        relevance = np.divide(above, width, out=np.zeros_like(above), where=there & (width > 0))
        return cls(best.rows, best.scores, relevance, np.zeros(best.rows.shape, bool))

    def take(self, order: NDArray[np.int64]) -> Candidates:
        """Return other candidates at the same places.

        Args:
            order: int64 [b, m], which candidate comes to each place; −1 is none.
        """
        none = order < 0
        rows = np.where(none, -1, np.take_along_axis(self.rows, order, axis=1))
        scores = np.where(none, -np.inf, np.take_along_axis(self.scores, order, axis=1))
        explored = np.take_along_axis(self.explored, order, axis=1) & ~none
        return replace(
            self, rows=rows, scores=scores, relevance=self.relevance[:, : order.shape[1]], explored=explored
        )

    def greedy(
        self,
        k: int,
        values: Callable[[int], NDArray[np.float64]],
        picked: Callable[[NDArray[np.int64]], None],
    ) -> Candidates:
        """Fill the first k places one after the other by what is best then; the others keep their order.

        Args:
            k: how many places.
            values: what each candidate is worth at a place (from 0), float64 [b, d]; of equals the first is taken.
            picked: told which candidate each user got, [b].
        """
        b, d = self.rows.shape
        users, free, place = np.arange(b), self.rows >= 0, np.full((b, d), d)
        for step in range(min(k, d)):
            chosen = np.where(free, values(step), -np.inf).argmax(axis=1)
            place[users, chosen] = np.where(free[users, chosen], step, place[users, chosen])
            free[users, chosen] = False
            picked(chosen)
        return self.take(np.argsort(place, axis=1, kind="stable"))

    def part(self, users: slice) -> Candidates:
        """Return the candidates of some of the users."""
        return Candidates(self.rows[users], self.scores[users], self.relevance[users], self.explored[users])

    @classmethod
    def joined(cls, parts: list[Candidates]) -> Candidates:
        """Return what `part` took apart."""
        names = ("rows", "scores", "relevance", "explored")
        return cls(*(np.concatenate([getattr(part, name) for part in parts]) for name in names))


class Rerank(Closed, ABC):
    """One step of re-ranking.

    Raises:
        ArgumentError: a field is unknown or impossible.
    """

    kind: ClassVar[str]

    @abstractmethod
    def apply(self, found: Candidates, k: int, known: Known) -> Candidates:
        """Return the candidates in another order.

        Args:
            found: at least as many as places, where there are so many.
            k: how many places the lists will have.
            known: what else may be asked.
        """

    def __str__(self) -> str:
        fields = ", ".join(f"{name}={value!r}" for name, value in self.model_dump(exclude_defaults=True).items())
        return f"{self.kind}({fields})"
