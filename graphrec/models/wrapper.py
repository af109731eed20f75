"""Models that fit another one first, and then change its vectors or add to them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from graphrec.errors import GraphRecError
from graphrec.models import from_name
from graphrec.models.model import Model

if TYPE_CHECKING:
    from graphrec.models.fitted import FittedVectors


class Wrapper(Model):
    """A model over a vector model, ``base``.

    Attributes:
        base: the model's ``kind`` and its fields.
    """

    base: dict[str, Any] = Field({"kind": "fusion"})

    @model_validator(mode="after")
    def _check_base(self) -> Self:
        try:
            self._base()
        except GraphRecError as error:
            raise ValueError(f"base must be a model that can be made: {error}") from None
        return self

    def _base(self) -> Model:
        fields = dict(self.base)
        return from_name(fields.pop("kind", ""), **fields)

    @property
    def width(self) -> int:
        """See `Model.width`."""
        return self._base().width


def recorded(fitted: FittedVectors) -> dict[str, Any]:
    """Return the base as it was fitted, with the epochs that were best, so that fitting again chooses nothing."""
    config, epochs = fitted.config, fitted.history.best_epoch
    found = {"kind": config.kind, **config.model_dump(mode="json")}
    return found | ({"epochs": epochs} if epochs and "epochs" in found else {})
