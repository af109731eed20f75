"""Compare models with held-out pairs: every item ranked, every user with a pair counted, intervals over users."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.errors import ArgumentError, DataError, ModelError, problem
from graphrec.evaluation.bootstrap import mean_interval
from graphrec.evaluation.evaluation import Evaluation
from graphrec.evaluation.metrics import coverage, hits_of, parse_metric, parse_metrics, per_user
from graphrec.rank.scorer import Scorer
from graphrec.rank.topk import topk_scores, topk_vectors

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut, Split

DEFAULT_METRICS = ("recall@20", "ndcg@20", "mrr@20", "hit@20", "coverage@20")


def evaluate(
    models: Scorer | Sequence[Scorer] | Mapping[str, Scorer],
    split: Split,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    on: str = "test",
    users: Sequence[Any] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Rank all items for each user with a held-out pair, and compare the lists with those pairs.

    Left out of a list is what the user was known to have before: every target interaction and everything that hides
    in ``split.train``, and, when the test part is judged, the validation pairs as well (nobody is shown them again by
    then; to count them as misses would punish the model that finds them). A split without a validation part is
    judged as in LightGCN's evaluation.

    Args:
        models: one fitted model, several, or several by the name that the table shall show.
        split: what they were fitted on (``split.train``) and are judged by.
        metrics: names such as ``"recall@20"``; see `graphrec.evaluation.metrics`.
        on: ``"test"`` or ``"validation"``.
        users: keys of the only users to count; those without a held-out pair are left out.
        seed: of the bootstrap.

    Raises:
        ArgumentError: a metric is unknown, two models have one name, or the split has no validation part.
        DataError: no user has a held-out pair.
        UnknownKeyError: a user is unknown.
        ModelError: a model has other users or items than the split, was fitted on other data than ``split.train``
            (its figures would leak), or has scores that are not finite.

    Cost: the top-k lists of all counted users for each model; see `graphrec.rank.topk.topk_vectors`.
    """
    wanted = parse_metrics(metrics)
    named = _named(models)
    for name, model in named.items():
        _check(name, model, split.train)
    truth, hidden = _parts(split, on)
    rows = np.flatnonzero(np.diff(truth.matrix.indptr))
    if users is not None:
        rows = np.intersect1d(rows, truth.users.require(users, "users"))
    if not len(rows):
        raise DataError(f"`split.{on}` must hold a pair of at least one user to judge by. Got none. Split otherwise.")

    held_out, hidden = truth.matrix[rows], hidden[rows]
    n_held_out = np.diff(held_out.indptr)
    figures, columns = [], []
    for name, model in named.items():
        best = topk_scores(model, rows, max(metric.k for metric in wanted), hidden=hidden)
        hits = hits_of(best.rows, held_out)
        mine = {str(m): per_user(m, hits, n_held_out) for m in wanted if m.per_user}
        low, high = mean_interval(np.column_stack([*mine.values(), np.zeros(len(rows))]), seed=seed)
        ends = dict(zip(mine, zip(low, high, strict=False), strict=False))
        for metric in wanted:
            key = str(metric)
            value = mine[key].mean() if metric.per_user else coverage(metric, best.rows, len(truth.items))
            figures.append((name, key, float(value), *ends.get(key, (np.nan, np.nan)), len(rows)))
        columns.append(pd.DataFrame({"model": name, "user": truth.users.take(rows).to_pandas(), **mine}))
    frame = pd.DataFrame(figures, columns=["model", "metric", "value", "low", "high", "n_users"])
    return Evaluation(frame, pd.concat(columns, ignore_index=True), on, split.rule, split.notes, seed)


def held_out_metric(
    user_vectors: NDArray[np.float32],
    item_vectors: NDArray[np.float32],
    seen: sp.csr_array,
    held_out: sp.csr_array,
    metric: str = "ndcg@20",
    *,
    users: int | None = None,
) -> float:
    """Return one figure fast, without an interval: for early stopping.

    Args:
        user_vectors: float32 [n_users, d].
        item_vectors: float32 [n_items, d].
        seen: [n_users, n_items], left out of the lists.
        held_out: [n_users, n_items], what the lists are judged by.
        metric: a name such as ``"ndcg@20"``.
        users: at most so many users, the same ones at each call; None is all.

    Raises:
        ArgumentError: the metric is unknown.
        DataError: no user has a held-out pair.
        ModelError: a vector holds NaN or infinity.
    """
    wanted = parse_metric(metric)
    rows = np.flatnonzero(np.diff(held_out.indptr))
    if not len(rows):
        raise DataError("`held_out` must hold a pair of at least one user. Got none.")
    if users is not None and users < len(rows):
        rows = np.sort(np.random.default_rng(0).choice(rows, users, replace=False))
    best = topk_vectors(user_vectors[rows], item_vectors, wanted.k, hidden=seen[rows])
    if not wanted.per_user:
        return coverage(wanted, best.rows, len(item_vectors))
    mine = held_out[rows]
    return float(per_user(wanted, hits_of(best.rows, mine), np.diff(mine.indptr)).mean())


def _named(models: Any) -> dict[str, Scorer]:
    if not isinstance(models, list | tuple | dict):
        models = [models]
    pairs = list(models.items()) if isinstance(models, dict) else [(getattr(m, "name", m), m) for m in models]
    names = [name for name, _ in pairs]
    if not pairs:
        raise ArgumentError(problem("models", "must hold at least one model", models))
    for name, model in pairs:
        if not isinstance(model, Scorer):
            raise ArgumentError(problem("models", "must be fitted models", model, "Call .fit(split.train) first."))
        if names.count(name) > 1:
            remedy = "Give a dictionary of names and models."
            raise ArgumentError(problem("models", "must have different names", name, remedy))
    return dict(pairs)


def _check(name: str, model: Scorer, train: Dataset) -> None:
    for side in ("users", "items"):
        if not getattr(model, side).keys.equals(getattr(train, side).keys):
            raise ModelError(f"The model {name!r} must have the {side} of the split. Fit it on split.train.")
    if (getattr(model, "fingerprint", None) or train.fingerprint) != train.fingerprint:
        raise ModelError(
            f"The model {name!r} must be fitted on split.train. It was fitted on other data, which may hold what it "
            "is to be judged by. Fit it on split.train."
        )


def _parts(split: Split, on: str) -> tuple[HeldOut, sp.csr_array]:
    """Return what is judged by, and what each user had before."""
    before = split.train.seen() + split.train.interactions()
    if on == "test":
        earlier = before if split.validation is None else before + split.validation.matrix
        return split.test, earlier
    if on != "validation":
        raise ArgumentError(problem("on", "must be 'test' or 'validation'", on))
    if split.validation is None:
        raise ArgumentError(problem("on", "must be 'test' for a split without a validation part", on))
    return split.validation, before
