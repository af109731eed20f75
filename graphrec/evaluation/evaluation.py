"""What `evaluate` finds: figures with intervals, and each user's figures behind them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.errors import ArgumentError, near, problem
from graphrec.evaluation.bootstrap import LEVEL, mean_interval

if TYPE_CHECKING:
    from collections.abc import Hashable


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Figures of one or more models on one held-out part. Printed, it is a table.

    Attributes:
        figures: a row for each model and metric: ``model``, ``metric``, ``value`` (the mean over users), ``low``
            and ``high`` (95 % bootstrap interval over users, NaN for coverage), ``n_users``.
        per_user: a row for each model and user: ``model``, ``user`` and a column for each metric but coverage.
        on: ``"test"`` or ``"validation"``.
        rule: how the data was split.
        notes: what a reader of the figures must know.
        seed: of the bootstrap.
    """

    figures: pd.DataFrame
    per_user: pd.DataFrame
    on: str
    rule: str
    notes: tuple[str, ...] = ()
    seed: int = 0

    def frame(self) -> pd.DataFrame:
        """Return `figures`, to be changed at will."""
        return self.figures.copy()

    def compare(self, baseline: str | None = None) -> pd.DataFrame:
        """Return by how much each model beats a baseline, user by user.

        Args:
            baseline: a model's name; the first one by default.

        Returns:
            ``model``, ``baseline``, ``metric``, ``difference`` (mean over users of model − baseline), ``low`` and
            ``high`` (95 % paired bootstrap interval: one that holds 0 shows no difference), ``n_users``.

        Raises:
            ArgumentError: there is no such model.
        """
        names = list(dict.fromkeys(self.figures["model"]))
        baseline = names[0] if baseline is None else baseline
        if baseline not in names:
            raise ArgumentError(problem("baseline", "must be a model of this table", baseline, near(baseline, names)))
        metrics = list(self.per_user.columns[2:])
        values = {name: part[metrics].to_numpy() for name, part in self.per_user.groupby("model", sort=False)}
        rows = []
        for name in names:
            if name == baseline or not metrics:
                continue
            difference = values[name] - values[baseline]
            low, high = mean_interval(difference, seed=self.seed)
            for metric, *ends in zip(metrics, difference.mean(axis=0), low, high, strict=True):
                rows.append((name, baseline, metric, *map(float, ends), len(difference)))
        return pd.DataFrame(rows, columns=["model", "baseline", "metric", "difference", "low", "high", "n_users"])

    def to_dict(self) -> dict[str, Any]:
        """Return everything but the users' figures as plain values for JSON; no interval is None."""
        figures: list[dict[Hashable, Any]] = self.figures.astype(object).to_dict("records")
        plain = [{k: None if isinstance(v, float) and np.isnan(v) else v for k, v in row.items()} for row in figures]
        return {"on": self.on, "split": self.rule, "notes": list(self.notes), "seed": self.seed, "figures": plain}

    @property
    def protocol(self) -> str:
        """How the figures came about, in a line."""
        users = int(self.figures["n_users"].iloc[0])
        return (
            f"{self.on} part of split {self.rule}; all items ranked, known ones left out; mean over {users:,} users "
            f"[{LEVEL:.0%} bootstrap interval]"
        )

    def table(self) -> pd.DataFrame:
        """Return the figures as text, a row a model and a column a metric: ``"0.1234 [0.1200, 0.1268]"``."""
        values = self.figures[["value", "low", "high"]].to_numpy(np.float64)
        cells = [
            f"{value:.4f}" + ("" if np.isnan(low) else f" [{low:.4f}, {high:.4f}]") for value, low, high in values
        ]
        texts = self.figures.assign(text=cells)
        wide = texts.pivot(index="model", columns="metric", values="text")
        return wide.loc[list(dict.fromkeys(texts["model"])), list(dict.fromkeys(texts["metric"]))]

    def __str__(self) -> str:
        wide = self.table().rename_axis(index=None, columns=None)
        return "\n".join([wide.to_string(), self.protocol, *(f"note: {note}" for note in self.notes)])

    def _repr_html_(self) -> str:
        from html import escape

        lines = [self.protocol, *(f"note: {note}" for note in self.notes)]
        wide = self.table().rename_axis(index=None, columns=None)
        return wide.to_html() + "".join(f"<p>{escape(line)}</p>" for line in lines)
