"""Figures of groups: tables that tell whom a model serves well."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.evaluation.figures import overall
from graphrec.evaluation.metrics import Metric

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.data.tables import NodeTable
    from graphrec.evaluation.groups import Grouping

COLUMNS = ["model", "group", "metric", "value", "low", "high", "n_users", "n_pairs"]


def by_users(
    per_user: pd.DataFrame, metrics: Sequence[Metric], users: NodeTable, way: Grouping, buckets: int, seed: int
) -> pd.DataFrame:
    """Return the figures of groups of users; see `graphrec.evaluation.evaluation.Evaluation.by`."""
    rows = users.rows(per_user["user"].to_numpy())
    groups = way.make(np.unique(rows), buckets)
    found = []
    for model, part in per_user.groupby("model", sort=False):
        values, pairs = part[list(map(str, metrics))].to_numpy(np.float64), part["pairs"].to_numpy(np.int64)
        mine = rows[(per_user["model"] == model).to_numpy()]
        for group, members in groups:
            inside = np.isin(mine, members)
            if metrics and inside.any():
                figures = overall(metrics, values[inside], pairs[inside], seed)
                size = (int(inside.sum()), int(pairs[inside].sum()))
                found += [(model, group, str(m), *f, *size) for m, f in zip(metrics, figures, strict=True)]
    return pd.DataFrame(found, columns=COLUMNS)


def by_items(pairs: pd.DataFrame, depths: Sequence[int], way: Grouping, buckets: int, seed: int) -> pd.DataFrame:
    """Return the recall of held-out items of groups; see `graphrec.evaluation.evaluation.Evaluation.by`."""
    metrics = [Metric("recall", k) for k in depths]
    groups = way.make(pairs["item_row"].to_numpy(), buckets)  # every model has the same pairs
    found = []
    for model, part in pairs.groupby("model", sort=False):
        users, items, places = (part[column].to_numpy() for column in ("user_row", "item_row", "place"))
        for group, members in groups:
            inside = np.isin(items, members)
            if not inside.any():
                continue
            rows, user = np.unique(users[inside], return_inverse=True)
            count = np.bincount(user)
            hits = [np.bincount(user, (places[inside] > 0) & (places[inside] <= k)) / count for k in depths]
            figures = overall(metrics, np.column_stack(hits), count, seed)
            size = (len(rows), int(inside.sum()))
            found += [(model, group, str(m), *f, *size) for m, f in zip(metrics, figures, strict=True)]
    return pd.DataFrame(found, columns=COLUMNS)
