"""What may be tried for the fields of a model: small typed distributions, declared by models or read from TOML."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Self, get_args

from pydantic import Field, model_validator

from graphrec.data.closed import Closed
from graphrec.errors import ArgumentError, near, problem

if TYPE_CHECKING:
    from graphrec.models.model import Model


class Float(Closed):
    """Any number from ``low`` to ``high``, evenly or, with ``log``, evenly over its logarithm.

    Raises:
        ArgumentError: ``low`` is not below ``high``, or not above 0 with ``log``.
    """

    low: float
    high: float
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        _ordered(self)
        return self

    @property
    def ends(self) -> tuple[float, ...]:
        """The values that stand for all in a check."""
        return self.low, self.high

    @property
    def size(self) -> float:
        """How many values there are."""
        return math.inf

    def holds(self, value: Any) -> bool:
        """Return whether it could be drawn."""
        return isinstance(value, int | float) and self.low <= value <= self.high

    def suggest(self, trial: Any, name: str) -> float:
        """Draw a value for an Optuna trial."""
        return float(trial.suggest_float(name, self.low, self.high, log=self.log))


class Int(Closed):
    """A whole number from ``low`` to ``high`` by steps of ``step``; with ``log`` evenly over its logarithm.

    Raises:
        ArgumentError: ``low`` is not below ``high``, not above 0 with ``log``, or ``log`` stands beside a step.
    """

    low: int
    high: int
    step: Annotated[int, Field(ge=1)] = 1
    log: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.log and self.step != 1:
            raise ValueError("log and step exclude each other")
        if (self.high - self.low) % self.step:
            raise ValueError("high must lie a whole number of steps above low")
        _ordered(self)
        return self

    @property
    def ends(self) -> tuple[int, ...]:
        """The values that stand for all in a check."""
        return self.low, self.high

    @property
    def size(self) -> float:
        """How many values there are."""
        return (self.high - self.low) // self.step + 1

    def holds(self, value: Any) -> bool:
        """Return whether it could be drawn."""
        return isinstance(value, int) and self.low <= value <= self.high and not (value - self.low) % self.step

    def suggest(self, trial: Any, name: str) -> int:
        """Draw a value for an Optuna trial."""
        return int(trial.suggest_int(name, self.low, self.high, step=self.step, log=self.log))


class Choice(Closed):
    """One of some values.

    Raises:
        ArgumentError: there is none, or one stands twice.
    """

    values: Annotated[tuple[bool | int | float | str, ...], Field(min_length=1, strict=False)]

    def __init__(self, *values: bool | int | float | str) -> None:
        super().__init__(values=values)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if len(set(self.values)) < len(self.values):
            raise ValueError("a value must stand once")
        return self

    @property
    def ends(self) -> tuple[bool | int | float | str, ...]:
        """The values that stand for all in a check."""
        return self.values

    @property
    def size(self) -> float:
        """How many values there are."""
        return len(self.values)

    def holds(self, value: Any) -> bool:
        """Return whether it could be drawn."""
        return value in self.values

    def suggest(self, trial: Any, name: str) -> bool | int | float | str:
        """Draw a value for an Optuna trial."""
        value: bool | int | float | str = trial.suggest_categorical(name, list(self.values))
        return value


Distribution = Float | Int | Choice


def space_of(model: Model, given: Mapping[str, Any] | None = None) -> dict[str, Distribution]:
    """Return what to try for each field of a model.

    Args:
        model: whose fields are tried; the fields that are not stay as they are.
        given: by field a distribution, a list of values, or a table such as ``{"low": 1e-3, "high": 1e-1,
            "log": True}``. None takes the space that the model declares.

    Raises:
        ArgumentError: there is nothing to try, a field is unknown, or a value is impossible for it.
    """
    fields = type(model).model_fields
    space: dict[str, Distribution] = {}
    if given is not None and not isinstance(given, Mapping):
        raise ArgumentError(problem("space", "must be what to try by field, such as {'dim': [64, 128]}", given))
    for name, each in (model.space if given is None else given).items():
        if name not in fields:
            raise ArgumentError(problem("space", f"must name fields of {model.kind!r}", name, near(name, fields)))
        space[name] = _distribution(
            name, each, whole=int in {fields[name].annotation, *get_args(fields[name].annotation)}
        )
        for value in space[name].ends:
            type(model)(**{**model.model_dump(), name: value})
    if not space:
        remedy = "Give one, as {'FIELD': [VALUE, ...]} or [tune.space] in graphrec.toml."
        raise ArgumentError(problem("space", f"must hold a field of {model.kind!r} to try", dict(space), remedy))
    return space


def _distribution(name: str, given: Any, *, whole: bool) -> Distribution:
    if isinstance(given, Float | Int | Choice):
        return given
    if not isinstance(given, list | tuple | dict):
        form = "{low = LOW, high = HIGH} or a list of values"
        raise ArgumentError(problem(f"space.{name}", f"must be {form}", given))
    try:
        if isinstance(given, dict):
            return Int(**given) if whole else Float(**given)
        return Choice(*given)
    except ArgumentError as error:
        raise ArgumentError(f"`space.{name}` cannot be used: {error}") from None


def _ordered(space: Float | Int) -> None:
    if space.low >= space.high:
        raise ValueError("low must be below high")
    if space.log and space.low <= 0:
        raise ValueError("low must be above 0 with log")
