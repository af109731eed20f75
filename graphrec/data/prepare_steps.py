"""What a step of preparation is, and those that filter: they say which interactions count at all."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from pydantic import Field

from graphrec.data.closed import Closed
from graphrec.data.pairs import codes_of, target_tables
from graphrec.data.tables import EdgeTable
from graphrec.errors import DataError, problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset


class Step(Closed, ABC):
    """One step: frozen, and closed to unknown or impossible values.

    Raises:
        ArgumentError: a field is unknown or impossible.
    """

    kind: ClassVar[str]
    before_split: ClassVar[bool]

    @abstractmethod
    def apply(self, data: Dataset) -> Dataset:
        """Return the dataset after this step."""

    def to_json(self) -> dict[str, Any]:
        """Return what `step_of` reads: the kind and the fields."""
        return {"kind": self.kind, **self.model_dump(mode="json")}


class _Filter(Step):
    before_split: ClassVar[bool] = True

    def apply(self, data: Dataset) -> Dataset:
        """Return the dataset with fewer target interactions.

        Raises:
            DataError: none is left.
        """
        targets = target_tables(data)
        kept = self._keep(data, targets)
        before, left = sum(map(len, targets)), int(sum(keep.sum() for keep in kept))
        if not left:
            raise DataError(f"{self!r} must leave interactions. Got none left of {before:,}. Take smaller numbers.")
        edges = {edge.type: edge.select(keep) for edge, keep in zip(targets, kept, strict=True)}
        pruned = {edge.type: edge.select(~keep) for edge, keep in zip(targets, kept, strict=True) if not keep.all()}
        pruned = {name: _joined(data.pruned[name], e) if name in data.pruned else e for name, e in pruned.items()}
        note = f"{self!r} left {left:,} of {before:,} interactions."
        return replace(data.with_edges(edges, note), pruned={**data.pruned, **pruned})

    @abstractmethod
    def _keep(self, data: Dataset, targets: list[EdgeTable]) -> list[NDArray[np.bool_]]:
        """Return which rows of each target type stay."""


class MinWeight(_Filter):
    """Keep interactions of at least this weight; one without a weight has weight 1.

    Attributes:
        weight: the least weight that stays.
    """

    kind: ClassVar[str] = "min-weight"
    weight: float

    def _keep(self, data: Dataset, targets: list[EdgeTable]) -> list[NDArray[np.bool_]]:
        return [edge.weights >= self.weight for edge in targets]


class KCore(_Filter):
    """Keep the largest part where each user and each item has enough pairs, whatever their type.

    Cost: a few passes over the pairs.

    Attributes:
        users: the fewest pairs of a user.
        items: the fewest pairs of an item.
    """

    kind: ClassVar[str] = "k-core"
    users: Annotated[int, Field(ge=1)] = 5
    items: Annotated[int, Field(ge=1)] = 5

    def _keep(self, data: Dataset, targets: list[EdgeTable]) -> list[NDArray[np.bool_]]:
        codes = [codes_of(data, edge) for edge in targets]
        left = np.unique(np.concatenate(codes))
        while True:
            users, items = np.divmod(left, len(data.items))
            enough = (np.bincount(users)[users] >= self.users) & (np.bincount(items)[items] >= self.items)
            if enough.all():
                return [np.isin(each, left) for each in codes]
            left = left[enough]


class Deduplicate(Step):
    """Make the interactions of one user, item and type into one.

    Attributes:
        keep: ``"last"`` by time, of equal times the heavier; ``"first"``, of equal times the lighter; or one with the
            ``"sum"``, ``"max"`` or ``"mean"`` of the weights and the last time, since the result is known only then.
    """

    kind: ClassVar[str] = "deduplicate"
    before_split: ClassVar[bool] = True
    keep: Literal["last", "first", "sum", "max", "mean"] = "last"

    def apply(self, data: Dataset) -> Dataset:
        """Return the dataset with each pair once a type.

        Raises:
            DataError: the first or last of undated interactions is asked for.
        """
        edges = {edge.type: self._merged(data, edge) for edge in target_tables(data)}
        merged = sum(len(data.edges[name]) - len(edge) for name, edge in edges.items())
        return data.with_edges(edges, f"{self!r} merged {merged:,} interactions into others.")

    def _merged(self, data: Dataset, edge: EdgeTable) -> EdgeTable:
        codes, weights = codes_of(data, edge), edge.weights
        times = np.zeros(len(edge), np.int64) if edge.time is None else edge.time
        order = np.lexsort((weights, times, codes))
        codes = codes[order]
        change = codes[1:] != codes[:-1]
        starts = np.flatnonzero(np.append(True, change)[: len(codes)])
        ends = np.flatnonzero(np.append(change, True)[: len(codes)])
        if len(starts) == len(edge):
            return edge
        if self.keep in ("first", "last") and not edge.dated:
            remedy = "Take 'sum', 'max' or 'mean', or name the time in the schema."
            raise DataError(
                problem("keep", f"must not depend on time where {edge.type!r} is undated", self.keep, remedy)
            )
        kept = order[starts if self.keep == "first" else ends]
        result = edge.select(kept)
        if self.keep in ("first", "last"):
            return result
        combine = np.maximum if self.keep == "max" else np.add
        combined = combine.reduceat(weights[order], starts)
        return replace(result, weight=combined / (ends - starts + 1) if self.keep == "mean" else combined)


def _joined(first: EdgeTable, second: EdgeTable) -> EdgeTable:
    def both(one: Any, two: Any) -> Any:
        return None if one is None else np.concatenate([one, two])

    columns = ("source_rows", "target_rows", "weight", "time")
    joined = {name: both(getattr(first, name), getattr(second, name)) for name in columns}
    return EdgeTable(first.type, first.source, first.target, **joined)
