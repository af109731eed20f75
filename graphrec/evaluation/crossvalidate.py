"""K-fold cross-validation: every pair is judged by a model that has not seen it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pandas as pd

from graphrec.data.dataset import check_dataset
from graphrec.data.folds import folds as folds_of
from graphrec.data.prepare import steps_of
from graphrec.errors import ArgumentError, problem
from graphrec.evaluation.evaluate import DEFAULT_METRICS, evaluate
from graphrec.evaluation.figures import Figure, overall
from graphrec.evaluation.metrics import parse_metrics

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.data.prepare import Steps
    from graphrec.evaluation.evaluation import Evaluation
    from graphrec.evaluation.metrics import Metric
    from graphrec.rank.scorer import Scorer


class Fits(Protocol):
    """What can be fitted: every model of `graphrec.models`."""

    @property
    def fit(self) -> Callable[..., Scorer]:
        """Fit to a dataset, with ``validation`` among the options."""


def cross_validate(
    models: Fits | Sequence[Fits] | Mapping[str, Fits],
    data: Dataset,
    folds: int = 5,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    validation: float = 0.1,
    seed: int = 0,
    prepare: Steps = (),
    **options: Any,
) -> Evaluation:
    """Fit and judge models once a fold, and pool what is found.

    Each target pair is in the test part of one fold; see `graphrec.data.folds.folds`. A user's figure is the mean of
    their figures in the folds in which they have a test pair, so that users stay independent of each other and
    intervals mean what they mean elsewhere. Coverage and Gini are means over the folds. Errors of ratings are over
    all pairs.

    Args:
        models: one model that is not fitted yet, several, or several by name.
        data: a whole dataset.
        folds: how many.
        metrics: as in `graphrec.evaluation.evaluate.evaluate`.
        validation: the fraction of a fold's other pairs that training may be steered by; 0 for none.
        seed: of the folds and the bootstrap.
        prepare: steps of preparation; what weighs interactions sees a fold's training part alone.
        options: further arguments of `Model.fit`.

    Raises:
        ArgumentError: an option is impossible, or something is fitted already.
        DataError: as in `graphrec.evaluation.evaluate.evaluate`.

    Cost: ``folds`` fits and evaluations of each model.
    """
    check_dataset(data)
    wanted = parse_metrics(metrics)
    named = _named(models)
    steps = steps_of(prepare)
    data = data.prepare([step for step in steps if step.before_split])
    found = []
    for split in folds_of(data, folds, validation=validation, seed=seed):
        split = replace(split, train=split.train.prepare([step for step in steps if not step.before_split]))
        fitted = [model.fit(split.train, validation=split.validation, **options) for model in named.values()]
        judged = dict(zip(named, fitted, strict=True)) if isinstance(models, Mapping) else fitted
        found.append(evaluate(judged, split, metrics, seed=seed))
    return _pooled(found, wanted, data, f"{folds} folds(validation={validation}, seed={seed})", seed)


def _named(models: Any) -> dict[Any, Fits]:
    several = models if isinstance(models, list | tuple) else [models]
    given = models if isinstance(models, Mapping) else dict(enumerate(several))
    for model in given.values():
        if isinstance(model, type) or not hasattr(model, "fit"):
            raise ArgumentError(
                problem("models", "must be models that are not fitted yet, such as Popularity()", model)
            )
    if not given:
        raise ArgumentError(problem("models", "must hold at least one model", models))
    return dict(given)


def _pooled(found: list[Evaluation], wanted: Sequence[Metric], data: Dataset, rule: str, seed: int) -> Evaluation:
    own = [metric for metric in wanted if metric.per_user]
    rows = pd.concat([each.per_user for each in found], ignore_index=True)
    for metric in own:  # an error becomes a sum over pairs, and a mean again below
        rows[str(metric)] = rows[str(metric)] ** (metric.power or 1) * (rows["pairs"] if metric.power else 1.0)
    groups = rows.groupby(["model", "user"], sort=False)
    users = groups[["pairs"]].sum()
    for metric in own:
        sums = groups[str(metric)].sum()
        users[str(metric)] = (sums / (users["pairs"] if metric.power else groups.size())) ** (1 / (metric.power or 1))
    users = users.reset_index()

    every = pd.concat([each.figures for each in found])
    mean = every.groupby(["model", "metric"])["value"].mean()
    figures = []
    for model in dict.fromkeys(every["model"]):
        part = users[users["model"] == model]
        values, pairs = part[list(map(str, own))].to_numpy(np.float64), part["pairs"].to_numpy(np.int64)
        value_of = dict(zip(own, overall(own, values, pairs, seed), strict=True))
        for metric in wanted:
            figure = value_of.get(metric) or Figure(float(mean[model, str(metric)]))
            figures.append((model, str(metric), *figure, len(part)))
    placed = [each.pairs for each in found if each.pairs is not None]
    return replace(
        found[0],
        figures=pd.DataFrame(figures, columns=list(every.columns)),
        per_user=users[["model", "user", "pairs", *map(str, own)]],
        rule=rule,
        notes=tuple(dict.fromkeys(note for each in found for note in each.notes)),
        pairs=pd.concat(placed, ignore_index=True) if placed else None,
        data=data,
    )
