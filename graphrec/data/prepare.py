"""Preparation in small steps: filters come before a split, weights after it.

A filter (`MinWeight`, `Deduplicate`, `KCore`) says which interactions count at all, those of the test part included,
as is usual in the literature. A weight (`Log`, `TFIDF`, `BM25`, `TimeDecay`) may depend on all others, so it is
computed on what a model may see: on the training part, and on all data when a model is fitted again to all of it.

Steps change target interactions only. Nodes stay, so that a model fits the graph; one that has lost all its
interactions gets what a model gives to a node without any. What a filter takes away no model learns from, but it is
still known: it hides its item from lists, as other interactions do that are no targets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from graphrec.data.prepare_steps import Deduplicate, KCore, MinWeight, Step
from graphrec.data.prepare_weights import BM25, TFIDF, Log, TimeDecay
from graphrec.data.split import split as split_of
from graphrec.errors import ArgumentError, DataError, near, problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import TypeAlias

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import Split

    Steps: TypeAlias = Step | Mapping[str, Any] | Iterable[Step | Mapping[str, Any]]

STEPS: dict[str, type[Step]] = {s.kind: s for s in (MinWeight, KCore, Deduplicate, Log, TFIDF, BM25, TimeDecay)}


def step_of(fields: Mapping[str, Any]) -> Step:
    """Return a step by its kind and fields, such as ``{"kind": "k-core", "users": 5}``.

    Raises:
        ArgumentError: there is no such step, or a field is unknown or impossible.
    """
    kind = fields.get("kind") if isinstance(fields, Mapping) else fields
    rule = "must have a known kind in each step, as in {'kind': 'log'}"
    if not isinstance(fields, Mapping) or kind not in STEPS:
        remedy = near(str(kind), STEPS) if isinstance(fields, Mapping) else "Write a step as a table."
        raise ArgumentError(problem("prepare", rule, kind, remedy))
    return STEPS[kind](**{name: value for name, value in fields.items() if name != "kind"})


def steps_of(steps: Steps) -> tuple[Step, ...]:
    """Return steps, or the only one, checked: filters come first.

    Raises:
        ArgumentError: a step is unknown or impossible, or a filter follows a weight.
    """
    given: Any = [steps] if isinstance(steps, Step | Mapping) else steps
    if isinstance(given, str) or not hasattr(given, "__iter__"):
        raise ArgumentError(problem("prepare", "must be a list of steps, such as [{'kind': 'log'}]", given))
    made = tuple(each if isinstance(each, Step) else step_of(each) for each in given)
    for first, second in pairwise(made):
        if second.before_split and not first.before_split:
            raise ArgumentError(
                problem("prepare", f"must have {second.kind!r} before {first.kind!r}", [s.kind for s in made])
            )
    return made


def prepare(data: Dataset, steps: Steps) -> Dataset:
    """Return the dataset after some steps, which its ``preparation`` records.

    Raises:
        ArgumentError: a step is unknown or impossible, or a filter follows a weight, here or of an earlier call.
        DataError: a step cannot be applied to these interactions, or leaves none.
    """
    steps = steps_of(steps)
    steps_of([*data.preparation, *steps])
    for step in steps:
        data = replace(step.apply(data), preparation=(*data.preparation, step.to_json()))
    return data


def weighed(data: Dataset) -> list[str]:
    """Return the kinds of the steps that gave the interactions other weights."""
    return [step.kind for step in steps_of(data.preparation) if not step.before_split]


def check_unweighed(data: Dataset) -> None:
    """Go on only with weights that tell nothing of other interactions.

    Raises:
        DataError: a step has weighed them.
    """
    if kinds := weighed(data):
        remedy = "Take the data without these steps, and give them by `prepare=`: then they see train alone."
        raise DataError(problem("data", "must be split before it is weighed", kinds, remedy))


def prepared_split(data: Dataset, steps: Steps, rule: str, **options: Any) -> Split:
    """Split a dataset between the filters and the weights; see `graphrec.data.split.split`.

    Raises:
        DataError: the dataset was weighed already.
    """
    steps = steps_of(steps)
    check_unweighed(data)
    split = split_of(data.prepare([step for step in steps if step.before_split]), rule, **options)
    weights = [step for step in steps if not step.before_split]
    if not weights:
        return split
    return replace(split, train=split.train.prepare(weights), rest=partial(_weighed_rest, split, weights))


def _weighed_rest(split: Split, weights: Steps) -> Dataset:
    return split.without_test.prepare(weights)
