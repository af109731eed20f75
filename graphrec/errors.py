"""Every error that graphrec raises on purpose.

The tree::

    GraphRecError
    ├── ArgumentError    (ValueError)         a wrong argument, configuration or model option
    ├── SchemaError      (ValueError)         the schema contradicts itself, or the graph
    ├── DataError        (ValueError)         wrong rows: columns, nulls, NaN, duplicate or mixed keys
    ├── UnknownKeyError  (KeyError)           a key that the graph or the dataset does not hold
    ├── ModelError       (RuntimeError)       a model file, a model of another graph, diverged training
    ├── MemoryPlanError  (MemoryError)        what was asked for will not fit into memory; nothing was begun
    ├── PublishError     (RuntimeError)       a publish that cannot go on: another publisher, nothing to roll back to
    ├── StoreError       (RuntimeError)       the database refused or failed
    │   └── ConnectionFailedError (ConnectionError)   no database, wrong password, locked or unreadable file
    └── MissingExtraError (ImportError)       an optional package is not installed

and `GraphRecWarning` (UserWarning): the answer is less than what was asked for.

Messages name the argument, the rule, the value found and the remedy; `problem` puts them together.
"""

from __future__ import annotations

import reprlib
from difflib import get_close_matches
from numbers import Integral
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class GraphRecError(Exception):
    """Root of all errors that graphrec raises on purpose."""


class ArgumentError(GraphRecError, ValueError):
    """An argument, an option or a configuration value breaks its rule."""


class SchemaError(GraphRecError, ValueError):
    """A schema contradicts itself or the graph that it describes."""


class DataError(GraphRecError, ValueError):
    """Rows that cannot be used as they are."""


class UnknownKeyError(GraphRecError, KeyError):
    """A user, item or model key that is not there."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""  # KeyError would print the repr


class ModelError(GraphRecError, RuntimeError):
    """A model cannot be read, does not belong to this graph, or did not train."""


class MemoryPlanError(GraphRecError, MemoryError):
    """What was asked for will not fit into memory; found out beforehand."""


class PublishError(GraphRecError, RuntimeError):
    """Publishing or rolling back cannot go on."""


class StoreError(GraphRecError, RuntimeError):
    """The database refused a statement or failed."""


class ConnectionFailedError(StoreError, ConnectionError):
    """The database cannot be reached or opened."""


class MissingExtraError(GraphRecError, ImportError):
    """An optional dependency is missing."""

    @classmethod
    def of(cls, what: str, extra: str) -> MissingExtraError:
        """Say which ``pip install`` brings what ``what`` needs."""
        return cls(f"{what} needs an optional package. Install it with: pip install 'graphrec[{extra}]'")


class GraphRecWarning(UserWarning):
    """The answer is less than what was asked for."""


_short = reprlib.Repr()
_short.maxstring = _short.maxother = 80


def shown(value: Any) -> str:
    """Return a short ``repr`` for messages: long values are cut, so that no message floods a log."""
    return _short.repr(value)


def problem(argument: str, rule: str, found: Any, remedy: str = "") -> str:
    """Return the one sentence form of our messages: argument, rule, value found, remedy."""
    text = f"`{argument}` {rule}. Got {shown(found)}."
    return f"{text} {remedy}" if remedy else text


def check_type(argument: str, value: Any, kind: type, remedy: str) -> None:
    """Go on only with a value of the class that an argument must be of.

    Raises:
        ArgumentError: it is another.
    """
    if not isinstance(value, kind):
        raise ArgumentError(problem(argument, f"must be a {kind.__name__}", type(value).__name__, remedy))


def is_number(value: Any) -> bool:
    """Return whether a value is a number of Python's own, as True and False are none."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def is_whole(value: Any) -> bool:
    """Return whether a value is a whole number, Python's or NumPy's, as True and False are none."""
    return isinstance(value, Integral) and not isinstance(value, bool)


def check_whole(argument: str, value: Any, least: int, most: int | None = None) -> int:
    """Return a whole number within its bounds; see `is_whole`.

    Raises:
        ArgumentError: it is none, or beyond them.
    """
    if not is_whole(value) or value < least or (most is not None and value > most):
        bounds = f"of at least {least}" if most is None else f"from {least:,} to {most:,}"
        raise ArgumentError(problem(argument, f"must be a whole number {bounds}", value))
    return int(value)


def impossible(kind: type, fields: Mapping[str, Any], error: Mapping[str, Any]) -> str:
    """Return the message for a field that pydantic refused: unknown, or against its rule."""
    name = str(error["loc"][0]) if error["loc"] else kind.__name__
    if error["type"] == "extra_forbidden":
        return problem(name, f"is not a field of {kind.__name__}", error["input"], near(name, fields))
    if error["type"] == "missing":
        return problem(name, f"must be given: {kind.__name__} has no default for it", error["input"])
    rule = error["msg"].removeprefix("Value error, ").removeprefix("Input ")
    default = fields[name].default if name in fields and not fields[name].is_required() else None
    return problem(name, rule, error["input"], "" if default is None else f"The default is {default!r}.")


def near(name: str, known: Iterable[str]) -> str:
    """Return "Did you mean 'x'?" where a known name is close to ``name``, else the list of known names."""
    names = sorted(known)
    close = get_close_matches(name, names, n=1)
    if close:
        return f"Did you mean {close[0]!r}?"
    return f"Known: {', '.join(map(repr, names))}." if names else "None is known."
