"""What training leaves behind: one record an epoch, and which epoch was best."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Self


@dataclass(frozen=True)
class Epoch:
    """One pass over the data.

    Attributes:
        epoch: its number, from 1.
        loss: the mean over its batches.
        seconds: how long it took, validation included.
        validation: the metric, higher is better; None where it was not measured.
    """

    epoch: int
    loss: float
    seconds: float
    validation: float | None = None


class StopTraining(Exception):  # noqa: N818  no error: it ends a training as the last epoch would
    """Raised by a callback: this epoch was the last, and the model keeps its best state."""


class Callback(Protocol):
    """Called after every epoch; raising `StopTraining` ends the training, anything else goes through."""

    def __call__(self, epoch: Epoch) -> None:
        """See the epoch that has just ended."""


@dataclass(frozen=True)
class History:
    """The record of a training.

    Attributes:
        epochs: one record an epoch.
        best_epoch: the epoch whose state the model has now; 0 where nothing was trained.
        interrupted: True where Ctrl-C ended it.
    """

    epochs: tuple[Epoch, ...] = ()
    best_epoch: int = 0
    interrupted: bool = False

    @classmethod
    def of_parts(cls, histories: Iterable[Self]) -> Self:
        """Return the longest of the records of a model's parts; Ctrl-C in any part ended the whole early."""
        found = list(histories)
        longest = max(found, key=lambda history: len(history.epochs))
        return replace(longest, interrupted=any(history.interrupted for history in found))

    @property
    def best_validation(self) -> float | None:
        """The metric at the best epoch; None without validation."""
        return next((e.validation for e in self.epochs if e.epoch == self.best_epoch), None)

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` reads."""
        return asdict(self)

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> Self:
        """Read what `to_json` gave."""
        return cls(tuple(Epoch(**epoch) for epoch in fields["epochs"]), fields["best_epoch"], fields["interrupted"])
