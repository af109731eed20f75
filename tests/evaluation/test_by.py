"""Tables of groups against loops over users and held-out pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from interactions import communities, dataset_of

from graphrec import dataset_from_frames, evaluate
from graphrec.errors import ArgumentError
from graphrec.evaluation.evaluation import Evaluation
from graphrec.models import Popularity, Random

if TYPE_CHECKING:
    from graphrec.data.split import Split


@pytest.fixture(scope="module")
def split() -> Split:
    return dataset_of(communities(users=80, items=50)).split("random", seed=2, test=0.3)


@pytest.fixture(scope="module")
def found(split: Split) -> Evaluation:
    models = [Popularity().fit(split.train), Random().fit(split.train)]
    return evaluate(models, split, ["recall@5", "ndcg@10", "coverage@5"])


def test_by_activity(split: Split, found: Evaluation) -> None:
    table = found.by("activity", buckets=3)
    assert list(table.columns) == ["model", "group", "metric", "value", "low", "high", "n_users", "n_pairs"]
    degree = np.diff(split.train.interactions().indptr)
    users = split.train.users.rows(found.per_user["user"])
    judged = found.per_user.assign(degree=degree[users])
    assert table["n_users"].sum() == 2 * len(judged)  # two metrics
    for row in table.itertuples():
        ends = [int(end) for end in row.group.split(" to ")]
        mine = judged[(judged["model"] == row.model) & judged["degree"].between(ends[0], ends[-1])]
        assert row.value == pytest.approx(mine[row.metric].mean())
        assert (row.n_users, row.n_pairs) == (len(mine), mine["pairs"].sum())
        assert row.low <= row.value <= row.high
    assert set(table["metric"]) == {"recall@5", "ndcg@10"}, "coverage belongs to no user"


def test_by_popularity(split: Split, found: Evaluation) -> None:
    table = found.by("popularity", buckets=2)
    popularity = np.bincount(split.train.interactions().indices, minlength=50)
    assert set(table["metric"]) == {"recall@5", "recall@10"}
    assert table.groupby(["model", "metric"])["n_pairs"].sum().unique().tolist() == [split.test.n_pairs]
    assert found.pairs is not None
    for row in table.itertuples():
        ends = [int(end) for end in row.group.split(" to ")]
        k = int(row.metric.partition("@")[2])
        shares: dict[int, list[bool]] = {}
        for pair in found.pairs[found.pairs["model"] == row.model].itertuples():
            if ends[0] <= popularity[pair.item_row] <= ends[-1]:
                shares.setdefault(pair.user_row, []).append(0 < pair.place <= k)
        assert row.value == pytest.approx(np.mean([np.mean(hits) for hits in shares.values()]))
        assert row.n_users == len(shares)
    values = table[(table["model"] == "popularity") & (table["metric"] == "recall@10")]["value"].tolist()
    assert values[0] < values[1], "popularity finds what is popular"


def test_one_bucket_is_the_whole(found: Evaluation) -> None:
    figures = found.frame().set_index(["model", "metric"])
    for name, metric in (("activity", "ndcg@10"), ("popularity", "recall@5")):
        table = found.by(name, buckets=1)
        rows = table[table["metric"] == metric].set_index(["model", "metric"])
        for model in ("popularity", "random"):
            one = rows.loc[(model, metric), ["value", "low", "high", "n_users"]]
            assert one.tolist() == pytest.approx(figures.loc[(model, metric), one.index].tolist())


def test_what_cannot_be_grouped(split: Split, found: Evaluation) -> None:
    with pytest.raises(ArgumentError, match=r"must be the name of one grouping. Got 'age'.*'activity', 'popularity'"):
        found.by("age")
    with pytest.raises(ArgumentError, match="`buckets` must be a whole number"):
        found.by("activity", buckets=0)
    by_hand = Evaluation(found.figures, found.per_user, "test", "by hand")
    with pytest.raises(ArgumentError, match="needs an evaluation that knows its data"):
        by_hand.by("activity")
    without = Evaluation(found.figures, found.per_user, "test", "by hand", data=split.train)
    with pytest.raises(ArgumentError, match="needs a metric of lists"):
        without.by("popularity")


def test_without_figures_of_users_there_is_nothing_to_group(split: Split) -> None:
    found = evaluate(Popularity().fit(split.train), split, ["coverage@5"])
    assert found.by("activity").empty


def test_keys_of_users_may_be_numbers() -> None:
    generator = np.random.default_rng(0)
    frame = pd.DataFrame({"user_id": generator.integers(0, 30, 300), "item_id": generator.integers(0, 20, 300)})
    split = dataset_from_frames(frame).split("random")
    table = evaluate(Popularity().fit(split.train), split, ["hit@5"]).by("activity", buckets=np.int64(1))
    assert table["n_users"].item() == len(split.test.frame()["user_id"].unique())
