"""Configurations: frozen, and closed to unknown or impossible fields."""

from __future__ import annotations

from typing import Any

from pydantic import BaseModel, ConfigDict, ValidationError

from graphrec.errors import ArgumentError, impossible


class Closed(BaseModel):
    """What a model, a step of preparation and a search space have in common.

    Raises:
        ArgumentError: a field is unknown or impossible; the message names field, rule, value and what would do.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            lines = (impossible(type(self), type(self).model_fields, each) for each in error.errors())
            raise ArgumentError("\n".join(lines)) from None
