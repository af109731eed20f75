"""Models that fit others first: to change their vectors, to add to them, or to be made of them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, model_validator

from graphrec.errors import GraphRecError
from graphrec.models import from_name
from graphrec.models.model import Model

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.models.fitted import FittedVectors
    from graphrec.models.fitted_model import FittedModel
    from graphrec.models.model import Run


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


def fitted_part(model: Model, data: Dataset, run: Run, number: int) -> tuple[FittedModel, dict[str, Any]]:
    """Fit one of a model's parts, and return with it what it chose: fields, and how many epochs were best."""
    checkpoint = run.checkpoint and run.checkpoint.with_name(f"{run.checkpoint.name}.{number}")
    found = model._fit(data, replace(run, checkpoint=checkpoint))
    chosen = {k: v for k, v in found.config.model_dump(mode="json").items() if v != getattr(model, k)}
    epochs = found.history.best_epoch if "epochs" in type(model).model_fields else 0
    return found, chosen | ({"epochs": epochs} if epochs else {})


def recorded(fitted: FittedVectors) -> dict[str, Any]:
    """Return the base as it was fitted, with the epochs that were best, so that fitting again chooses nothing."""
    config, epochs = fitted.config, fitted.history.best_epoch
    found = {"kind": config.kind, **config.model_dump(mode="json")}
    return found | ({"epochs": epochs} if epochs and "epochs" in found else {})
