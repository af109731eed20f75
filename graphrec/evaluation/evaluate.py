"""Compare models with held-out pairs: every item ranked, every user with a pair counted, intervals over users."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.data.pairs import entries
from graphrec.data.prepare import weighed
from graphrec.data.split import Split
from graphrec.data.split_rules import generator_of
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, ModelError, check_type, problem
from graphrec.evaluation.evaluation import Evaluation
from graphrec.evaluation.figures import Figure, overall
from graphrec.evaluation.leaks import check_split, shadows, steered
from graphrec.evaluation.lists import Lists
from graphrec.evaluation.metrics import parse_metrics, per_user, together
from graphrec.evaluation.ratings import rating_errors
from graphrec.rank.eligible import allowed_mask
from graphrec.rank.scorer import Scorer, known_by
from graphrec.rank.topk import topk_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.split import HeldOut
    from graphrec.evaluation.metrics import Metric

DEFAULT_METRICS = ("recall@20", "ndcg@20", "mrr@20", "hit@20", "coverage@20")


def evaluate(
    models: Scorer | Sequence[Scorer] | Mapping[str, Scorer],
    split: Split,
    metrics: Sequence[str] = DEFAULT_METRICS,
    *,
    on: str = "test",
    users: Sequence[Any] | None = None,
    candidates: Sequence[Any] | None = None,
    seed: int = 0,
) -> Evaluation:
    """Rank all items for each user with a held-out pair, and compare the lists with those pairs.

    Left out of a list is what the user was known to have before: every target interaction and everything that hides
    in ``split.train``, and, when the test part is judged, the validation pairs as well (nobody is shown them again by
    then; to count them as misses would punish the model that finds them). A split without a validation part is
    judged as in LightGCN's evaluation.

    The test part counts how often it was looked at, and warns where other models come than in an earlier call: who
    chooses among models by it has no test left. Choose with ``on="validation"``; give all models that are to be
    reported to one call.

    Args:
        models: one fitted model, several, or several by the name that the table shall show.
        split: what they were fitted on (``split.train``, or for the test ``split.without_test``) and are judged by.
        metrics: names such as ``"recall@20"``; see `graphrec.evaluation.metrics`.
        on: ``"test"`` or ``"validation"``.
        users: keys of the only users to count; those without a held-out pair are left out.
        candidates: keys of the only items to rank; held-out pairs with other items do not count.
        seed: of the bootstrap.

    Raises:
        ArgumentError: a metric or the seed is impossible, two models have one name, or there is no validation part.
        DataError: no user has a held-out pair, parts of the split share pairs (a leak), or for a metric of ratings
            they are missing, or were weighed in train.
        UnknownKeyError: a user or candidate is unknown.
        ModelError: a model has other users or items than the split, was fitted on other data than ``split.train`` or,
            where the test is judged, ``split.without_test`` (its figures would leak), has scores that are not finite,
            or predicts no ratings for a metric of ratings.

    Warns:
        GraphRecWarning: the test part was judged by other models before or steered a training, or an attribute looks
            as if it was made from held-out pairs.

    Cost: the top-k lists of all counted users for each model; see `graphrec.rank.topk.topk_vectors`.
    """
    check_type("split", split, Split, "Make one with `data.split()`.")
    wanted = parse_metrics(metrics)
    generator_of(seed)
    named = _named(models)
    for name, model in named.items():
        _check(name, model, split, on)
    truth, hidden = _parts(split, on)
    check_split(split)
    if any(metric.power for metric in wanted) and (kinds := weighed(split.train)):
        remedy = "Split without these steps, or take ranking metrics such as 'ndcg@20'."
        raise DataError(problem("split.train", "must hold ratings on the scale of those held out", kinds, remedy))
    rows = None if users is None else truth.users.require(users, "users")
    allowed = None
    if candidates is not None:
        if not hasattr(candidates, "__len__") or not len(candidates):
            raise ArgumentError(problem("candidates", "must hold at least one item", candidates))
        truth.items.require(candidates, "candidates")
        allowed = allowed_mask(truth.items, include=candidates)
    judged = _Judged.of(split, truth, hidden, on, rows, allowed)
    notes = [*split.notes, *shadows(split, truth), *(steered(truth) if on == "test" else ())]
    for note in notes[len(split.notes) :]:
        warnings.warn(note, GraphRecWarning, stacklevel=2)

    own, common = [m for m in wanted if m.per_user], [m for m in wanted if not m.per_user]
    figures, columns, pairs = [], [], []
    for name, model in named.items():
        found = judged.by(name, model, wanted)
        values = np.column_stack([*(found.values[m] for m in own), np.zeros((len(judged.rows), 0))])
        value_of = dict(zip(own, overall(own, values, judged.n_pairs, seed), strict=True))
        value_of |= {metric: Figure(found.together[metric]) for metric in common}
        figures += [(name, str(metric), *value_of[metric], len(judged.rows)) for metric in wanted]
        named_columns = {str(metric): found.values[metric] for metric in own}
        keys = truth.users.take(judged.rows).to_pandas()
        columns.append(pd.DataFrame({"model": name, "user": keys, "pairs": judged.n_pairs, **named_columns}))
        if found.unknown:
            notes.append(f"{name} knows nothing of {found.unknown:,} of the users: their lists are empty.")
        if found.places is not None:
            pairs.append(judged.frame(name, found.places))
    _look(truth, on, named)
    return Evaluation(
        pd.DataFrame(figures, columns=["model", "metric", "value", "low", "high", "n_users"]),
        pd.concat(columns, ignore_index=True),
        on,
        split.rule,
        tuple(notes),
        seed,
        pd.concat(pairs, ignore_index=True) if pairs else None,
        split.train,
        len(truth.looks),
        None if allowed is None else int(allowed.sum()),
    )


@dataclass(frozen=True, eq=False)
class _Found:
    """What one model gives: figures of users and of lists, places of held-out pairs, how many users it knows not."""

    values: dict[Metric, NDArray[np.float64]]
    together: dict[Metric, float]
    places: NDArray[np.int32] | None
    unknown: int


@dataclass(frozen=True, eq=False)
class _Judged:
    """Who is judged by what: rows of users, all of whom have a pair of ``part`` with an allowed item."""

    part: HeldOut
    rows: NDArray[np.int64]
    held_out: sp.csr_array
    hidden: sp.csr_array
    allowed: NDArray[np.bool_] | None
    train: sp.csr_array

    @classmethod
    def of(cls, split: Split, part: HeldOut, hidden: sp.csr_array, on: str, users: Any, allowed: Any) -> _Judged:
        if allowed is not None:
            part = _only(part, allowed)
        rows = np.flatnonzero(np.diff(part.matrix.indptr))
        if users is not None:
            rows = np.intersect1d(rows, users)
        if not len(rows):
            whose = "" if users is None else " of `users`"
            whose += "" if allowed is None else " with an item of `candidates`"
            remedy = "Name others." if whose else "Split otherwise."
            raise DataError(
                f"`split.{on}` must hold a pair of at least one user{whose} to judge by. Got none. {remedy}"
            )
        return cls(part, rows, part.matrix[rows], hidden[rows], allowed, split.train.interactions())

    @property
    def n_pairs(self) -> NDArray[np.int64]:
        return np.diff(self.held_out.indptr).astype(np.int64)

    def by(self, name: str, model: Scorer, wanted: Sequence[Metric]) -> _Found:
        values: dict[Metric, NDArray[np.float64]] = {}
        common: dict[Metric, float] = {}
        places, unknown = None, 0
        if depth := max(metric.k for metric in wanted):
            depth = min(depth, len(self.part.items))
            known = known_by(model, self.rows)
            best = topk_scores(model, self.rows, depth, hidden=self.hidden, allowed=self.allowed).of(known)
            unknown = int((~known).sum())
            n_eligible = len(self.part.items) if self.allowed is None else int(self.allowed.sum())
            lists = Lists(best.rows, self.held_out, self.train, n_eligible)
            values = {metric: per_user(metric, lists) for metric in wanted if metric.k and metric.per_user}
            common = {metric: together(metric, lists) for metric in wanted if not metric.per_user}
            places = lists.places
        if of_ratings := {metric.kind: metric for metric in wanted if metric.power}:
            errors = rating_errors(name, model, self.part, self.rows, list(of_ratings))
            values |= {of_ratings[kind]: error for kind, error in errors.items()}
        return _Found(values, common, places, unknown)

    def frame(self, name: str, places: NDArray[np.int32]) -> pd.DataFrame:
        users = np.repeat(self.rows, self.n_pairs)
        items = self.held_out.indices.astype(np.int64)
        return pd.DataFrame({"model": name, "user_row": users, "item_row": items, "place": places})


def _named(models: Any) -> dict[str, Scorer]:
    if not isinstance(models, list | tuple | Mapping):
        models = [models]
    pairs = list(models.items()) if isinstance(models, Mapping) else [(getattr(m, "name", m), m) for m in models]
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


def _check(name: str, model: Scorer, split: Split, on: str) -> None:
    train = split.train
    for side in ("users", "items"):
        if not getattr(model, side).keys.equals(getattr(train, side).keys):
            raise ModelError(f"The model {name!r} must have the {side} of the split. Fit it on split.train.")
    fitted_on = getattr(model, "fingerprint", None) or train.fingerprint
    if fitted_on == train.fingerprint:
        return
    if on != "test" or split.rest is None or fitted_on != split.without_test.fingerprint:
        raise ModelError(
            f"The model {name!r} must be fitted on split.train. It was fitted on other data, which may hold what it "
            "is to be judged by. Fit it on split.train."
        )


def _parts(split: Split, on: str) -> tuple[HeldOut, sp.csr_array]:
    """Return what is judged by, and what each user had before."""
    before = split.train.seen(targets=True)
    if on == "test":
        earlier = before if split.validation is None else before + split.validation.matrix
        return split.test, earlier
    if on != "validation":
        raise ArgumentError(problem("on", "must be 'test' or 'validation'", on))
    if split.validation is None:
        raise ArgumentError(problem("on", "must be 'test' for a split without a validation part", on))
    return split.validation, before


def _only(part: HeldOut, allowed: NDArray[np.bool_]) -> HeldOut:
    """Return the part without pairs of other items."""
    keep, ratings = allowed[part.matrix.indices], part.ratings
    return replace(
        part, matrix=entries(part.matrix, keep), ratings=None if ratings is None else entries(ratings, keep)
    )


def _look(part: HeldOut, on: str, named: Mapping[str, Scorer]) -> None:
    """Write down who is judged by the part, and warn where its test is used to choose."""
    models = frozenset(repr(getattr(model, "config", model.name)) for model in named.values())
    earlier = frozenset().union(*part.looks)
    part.looks.append(models)
    if on == "test" and earlier and models - earlier:
        warnings.warn(
            f"The test part of this split is looked at again (look {len(part.looks)}), now with other models. "
            "Figures by which models were chosen are too good. Choose with on='validation'; give all models "
            "that are to be reported to one call.",
            GraphRecWarning,
            stacklevel=3,
        )
