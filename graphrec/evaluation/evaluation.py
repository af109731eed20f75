"""What `evaluate` finds: figures with intervals, and each user's figures behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.errors import ArgumentError, check_whole, near, problem
from graphrec.evaluation.bootstrap import LEVEL, mean_interval
from graphrec.evaluation.by import by_items, by_users
from graphrec.evaluation.figures import effect_and_p, holm
from graphrec.evaluation.groups import grouping
from graphrec.evaluation.metrics import parse_metric

if TYPE_CHECKING:
    from collections.abc import Hashable

    from graphrec.data.dataset import Dataset
    from graphrec.evaluation.metrics import Metric


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of one or more models on one held-out part. Printed, it is a table.

    Attributes:
        figures: a row for each model and metric: ``model``, ``metric``, ``value`` (the mean over users, for errors
            of ratings over pairs), ``low`` and ``high`` (95 % bootstrap interval over users, NaN where a metric
            belongs to all lists together), ``n_users``.
        per_user: a row for each model and user: ``model``, ``user``, ``pairs`` (how many are held out) and a column
            for each metric that belongs to a user.
        on: ``"test"`` or ``"validation"``.
        rule: how the data was split.
        notes: what a reader of the figures must know.
        seed: of the bootstrap.
        pairs: a row for each model and held-out pair: ``model``, ``user_row``, ``item_row`` and ``place`` (from 1 in
            the user's list, 0 where it is not in it); None where nothing was ranked.
        data: what says how active and popular users and items are: ``split.train``; for folds the whole data.
        looks: how many times the held-out part was judged by, this time included.
        candidates: how many items were ranked; None is all.
    """

    figures: pd.DataFrame
    per_user: pd.DataFrame
    on: str
    rule: str
    notes: tuple[str, ...] = ()
    seed: int = 0
    pairs: pd.DataFrame | None = None
    data: Dataset | None = None
    looks: int = 1
    candidates: int | None = None

    def frame(self) -> pd.DataFrame:
        """Return `figures`, to be changed at will."""
        return self.figures.copy()

    def compare(self, baseline: str | None = None) -> pd.DataFrame:
        """Return by how much each model beats a baseline, user by user.

        For errors of ratings it is the users' own errors that are compared.

        Args:
            baseline: a model's name; the first one by default.

        Returns:
            ``model``, ``baseline``, ``metric``, ``difference`` (mean over users of model − baseline), ``low`` and
            ``high`` (95 % paired bootstrap interval: one that holds 0 shows no difference), ``effect`` (Cohen's d
            of the paired differences), ``p`` (paired t test, two-sided), ``p_holm`` (corrected by Holm for all rows
            of this table: models × metrics), ``n_users``.

        Raises:
            ArgumentError: there is no such model.
        """
        names = list(dict.fromkeys(self.figures["model"]))
        baseline = names[0] if baseline is None else baseline
        if baseline not in names:
            raise ArgumentError(problem("baseline", "must be a model of this table", baseline, near(baseline, names)))
        metrics = list(map(str, self._metrics))
        values = {name: part[metrics].to_numpy() for name, part in self.per_user.groupby("model", sort=False)}
        rows = []
        for name in names:
            if name == baseline or not metrics:
                continue
            difference = values[name] - values[baseline]
            low, high = mean_interval(difference, seed=self.seed)
            found = (difference.mean(axis=0), low, high, *effect_and_p(difference))
            for metric, *values_of in zip(metrics, *(each.tolist() for each in found), strict=True):
                rows.append((name, baseline, metric, *values_of, len(difference)))
        columns = ["model", "baseline", "metric", "difference", "low", "high", "effect", "p", "n_users"]
        table = pd.DataFrame(rows, columns=columns)
        table.insert(8, "p_holm", holm(table["p"].to_numpy(np.float64)))
        return table

    def by(self, name: str, *, buckets: int = 4) -> pd.DataFrame:
        """Return the figures of groups of users, or of the held-out items of groups.

        A group of users has all metrics that belong to a user. A group of items has recall, of its held-out items
        alone: a user's hits among them / their number. Users and items may be in several groups of an attribute, or
        in none.

        Args:
            name: ``"activity"`` (the users by how many target interactions they have), ``"popularity"`` (the held-out
                items by how many users have them), a property of users or items, or an attribute's type.
            buckets: into how many groups of about equal size (users; held-out pairs) numbers and dates are put. Of
                names, the 20 largest groups are shown.

        Returns:
            ``model``, ``group``, ``metric``, ``value``, ``low``, ``high`` (95 % bootstrap interval over users),
            ``n_users``, ``n_pairs``.

        Raises:
            ArgumentError: there is no such grouping (the message names those there are), or the evaluation has
                nothing to group by it.
        """
        buckets = check_whole("buckets", buckets, 1)
        if self.data is None:
            raise ArgumentError(problem("name", "needs an evaluation that knows its data", name))
        way = grouping(self.data, name)
        if way.of == "user":
            return by_users(self.per_user, self._metrics, self.data.users, way, buckets, self.seed)
        if self.pairs is None:
            raise ArgumentError(problem("name", "needs a metric of lists, such as 'recall@20', to group items", name))
        depths = sorted({parse_metric(metric).k for metric in self.figures["metric"]} - {0})
        return by_items(self.pairs, depths, way, buckets, self.seed)

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the users' figures as plain values for JSON; no interval is None."""
        return {
            "on": self.on,
            "split": self.rule,
            "notes": list(self.notes),
            "seed": self.seed,
            "looks": self.looks,
            "figures": _plain(self.figures),
            "comparison": _plain(self.compare()),
        }

    @property
    def protocol(self) -> str:
        """How the figures came about, in a line."""
        users = int(self.figures["n_users"].iloc[0])
        metrics = [parse_metric(metric) for metric in self.figures["metric"]]
        ranked = "all items" if self.candidates is None else f"{self.candidates:,} items"
        ways = [f"{ranked} ranked, known ones left out"] if any(metric.k for metric in metrics) else []
        ways += ["errors of ratings over all held-out pairs"] if any(metric.power for metric in metrics) else []
        times = "for the first time" if self.looks == 1 else f"{self.looks} times by now"
        return (
            f"{self.on} part of split {self.rule}; {'; '.join(ways)}; mean over {users:,} users "
            f"[{LEVEL:.0%} bootstrap interval]; looked at {times}"
        )

    def table(self) -> pd.DataFrame:
        """Return the figures as text, a row a model and a column a metric: ``"0.1234 [0.1200, 0.1268]"``."""
        values = self.figures[["value", "low", "high"]].to_numpy(np.float64)
        cells = [
            f"{value:.4f}" + ("" if np.isnan(low) else f" [{low:.4f}, {high:.4f}]") for value, low, high in values
        ]
        return _wide(self.figures.assign(text=cells))

    def comparison_table(self, baseline: str | None = None) -> pd.DataFrame:
        """Return `compare` as text, a row a model and a column a metric: ``"+0.0123 d=0.31 p<.001"``.

        Raises:
            ArgumentError: there is no such model.
        """
        rows = self.compare(baseline)
        numbers = rows[["difference", "effect", "p_holm"]].to_numpy(np.float64).tolist()
        cells = [f"{mean:+.4f} d={d:.2f} " + ("p<.001" if p < 0.001 else f"p={p:.3f}") for mean, d, p in numbers]
        return _wide(rows.assign(text=cells))

    @property
    def compared(self) -> str:
        """What `comparison_table` shows by default, in a line."""
        baseline = self.figures["model"].iloc[0]
        return f"against {baseline}: mean difference, effect size (Cohen's d), paired t test (p, Holm-corrected)"

    @property
    def _metrics(self) -> list[Metric]:
        """Return the metrics that each user has."""
        return [parse_metric(column) for column in self.per_user.columns if column not in ("model", "user", "pairs")]

    def _parts(self) -> list[tuple[str, pd.DataFrame]]:
        """Return the tables to print, each with a line about it."""
        parts = [(self.protocol, self.table())]
        against = self.comparison_table()
        if len(against):
            parts.append((self.compared, against))
        return [(line, table.rename_axis(index=None, columns=None)) for line, table in parts]

    def __str__(self) -> str:
        parts = [f"{table.to_string()}\n{line}" for line, table in self._parts()]
        return "\n".join(["\n\n".join(parts), *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        from html import escape

        parts = [f"{table.to_html()}<p>{escape(line)}</p>" for line, table in self._parts()]
        return "".join([*parts, *(f"<p>{escape(f'note: {note}')}</p>" for note in self.notes)])


def _wide(texts: pd.DataFrame) -> pd.DataFrame:
    wide = texts.pivot(index="model", columns="metric", values="text")
    return wide.loc[list(dict.fromkeys(texts["model"])), list(dict.fromkeys(texts["metric"]))]


def _plain(frame: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Return rows with None for NaN and infinity."""
    rows: list[dict[Hashable, Any]] = frame.astype(object).to_dict("records")
    return [{k: None if isinstance(v, float) and not np.isfinite(v) else v for k, v in row.items()} for row in rows]
