"""Scores for suggesting people, judged by held-out ties, and what a cap on exposure costs them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd

from graphrec.errors import ArgumentError, problem
from graphrec.evaluation.evaluate import evaluate
from graphrec.evaluation.metrics import parse_metrics
from graphrec.friends.job import BLOCK
from graphrec.friends.lists import SPARE
from graphrec.friends.report import exposure_of
from graphrec.rank.order import TopK
from graphrec.social.exposure import Exposure
from graphrec.social.friends import FittedFriends, dense
from graphrec.social.people import hold_out_ties

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import NodeTable
    from graphrec.evaluation.evaluation import Evaluation
    from graphrec.social.friends import By, Friends

METRICS = ("recall@20", "mrr@20", "ndcg@20")
SCORES: tuple[By, ...] = ("adamic-adar", "pagerank", "vectors", "blend")


@dataclass(frozen=True, eq=False)
class JudgedTies:
    """What scores are worth.

    Attributes:
        evaluation: figures by held-out ties; a model is called by its score, and with a cap also
            ``"score, cap 50"``.
        exposure: None without a cap. A row for each score without and with it: ``score``, ``cap``, the first metric
            that belongs to a user and what the cap changes in it (``difference``, ``low``, ``high``, ``p``: paired,
            see `Evaluation.compare`), and of the lists of everybody: ``gini`` of how often people are shown,
            ``coverage`` (the share of them who are shown) and ``most`` (in how many lists one stands at most).
    """

    evaluation: Evaluation
    exposure: pd.DataFrame | None


def evaluate_ties(
    data: Dataset,
    scores: Sequence[Friends],
    *,
    test: float = 0.1,
    by: Literal["random", "time"] = "random",
    seed: int = 0,
    metrics: Sequence[str] = METRICS,
    cap: int | None = None,
) -> JudgedTies:
    """Hold out ties, fit scores without them, and compare their lists with them.

    Ranked are all people to whom a user has no tie in train; friends of friends, the hard ones, among them.

    Args:
        data: users with ties.
        scores: what to compare, each ``by`` once.
        test: which fraction of the ties is held out.
        by: ``"random"``, or ``"time"``: the last ones.
        seed: of what is held out, and of the intervals.
        metrics: see `graphrec.evaluation.metrics`.
        cap: judge each score also where nobody stands in more lists than this. Lists are then made for all users, in
            the order of their keys, as the job makes them.

    Raises:
        ArgumentError: an option is impossible, or a score is given twice.
        DataError: there are too few ties, or undated ones where times are needed.
        SchemaError: the schema names no ties.
    """
    wanted = parse_metrics(metrics)
    length = max(metric.k for metric in wanted)
    names = [config.by for config in scores]
    if not names or len(set(names)) < len(names):
        raise ArgumentError(problem("scores", "must be one or more different ones", names))
    if not length:
        raise ArgumentError(problem("metrics", "must be of lists", list(metrics), "Take recall@20, for example."))
    if cap is not None and not any(metric.per_user for metric in wanted):
        rule = "must hold one that belongs to a user, to say what a cap changes"
        raise ArgumentError(problem("metrics", rule, list(metrics), "Add recall@20, for example."))
    split = hold_out_ties(data, test=test, validation=0.0, by=by, seed=seed)
    models: dict[str, FittedFriends | Listed] = {}
    shown: dict[str, NDArray[np.int64]] = {}
    for config in scores:
        fitted = config.fit(split.train)
        models[config.by] = fitted
        if cap is None:
            continue
        for name, most in ((config.by, len(split.train.users)), (_capped(config.by, cap), cap)):
            models[name], shown[name] = _with_cap(fitted, name, most, length)
    found = evaluate(models, split, metrics, seed=seed)
    return JudgedTies(found, None if cap is None else _exposure(found, shown, names, cap))


@dataclass(frozen=True, eq=False)
class Listed:
    """Lists of everybody that were made at once, since those of one user depend on the others'; a `Scorer`."""

    name: str
    fitted: FittedFriends
    best: TopK

    @property
    def users(self) -> NodeTable:
        """The users' keys."""
        return self.fitted.users

    @property
    def items(self) -> NodeTable:
        """The keys of the people."""
        return self.fitted.items

    @property
    def fingerprint(self) -> str:
        """Of the dataset that was fitted."""
        return self.fitted.fingerprint

    def lists(self, user_rows: NDArray[np.int64], k: int, *, hidden: object = None, allowed: object = None) -> TopK:
        """Return the lists of these users; who was not to be in them was left out when they were made."""
        return TopK(self.best.rows[user_rows, :k], self.best.scores[user_rows, :k])

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return scores of all people, float32 [b, n]; who is in no list of a user has less than all who are."""
        return dense(self.best.rows[user_rows], self.best.scores[user_rows], len(self.items))


def _with_cap(fitted: FittedFriends, name: str, cap: int, k: int) -> tuple[Listed, NDArray[np.int64]]:
    """Return everybody's lists, and in how many each one stands."""
    everybody = np.arange(len(fitted.users))
    exposure, best = Exposure(len(everybody), cap), TopK.empty(len(everybody), k)
    for users in np.array_split(everybody, -(-len(everybody) // BLOCK)):
        found = fitted.suggest(users, SPARE * k)
        best.rows[users], best.scores[users] = exposure.take(found.rows, found.scores, k)
    return Listed(name, fitted, best), exposure.counts


def _exposure(found: Evaluation, shown: dict[str, NDArray[np.int64]], names: Sequence[str], cap: int) -> pd.DataFrame:
    first = next(iter(found.compare()["metric"]))
    values = found.figures[found.figures["metric"] == first].set_index("model")["value"]
    rows = []
    for name in names:
        compared = found.compare(name)
        of = (compared["model"] == _capped(name, cap)) & (compared["metric"] == first)
        changes = compared.loc[of, ["difference", "low", "high", "p"]].iloc[0].to_dict()
        for model, most, change in ((name, None, {}), (_capped(name, cap), cap, changes)):
            spread, n = exposure_of(shown[model]), len(shown[model])
            rows.append(
                {"score": name, "cap": most, first: values[model]}
                | {what: change.get(what) for what in changes}
                | {
                    "gini": spread.get("gini"),
                    "coverage": 1 - spread.get("nobody", n) / n,
                    "most": shown[model].max(),
                }
            )
    caps = pd.Series([row["cap"] for row in rows], dtype=object)  # else whole numbers beside None become floats
    return pd.DataFrame(rows).assign(cap=caps)


def _capped(name: str, cap: int) -> str:
    return f"{name}, cap {cap}"
