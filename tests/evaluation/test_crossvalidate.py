from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec import cross_validate, evaluate
from graphrec.errors import ArgumentError
from graphrec.models import Popularity, Random

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec import Dataset
    from graphrec.data.tables import NodeTable

METRICS = ["recall@5", "ndcg@5", "coverage@5"]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return dataset_of(communities(users=40, items=30))


def test_a_users_figure_is_the_mean_of_their_folds(data: Dataset) -> None:
    found = cross_validate([Popularity(), Random()], data, 3, METRICS, seed=4)
    splits = list(data.folds(3, seed=4))
    each = [evaluate([Popularity().fit(s.train), Random().fit(s.train)], s, METRICS) for s in splits]
    for model in ("popularity", "random"):
        mine = found.per_user[found.per_user["model"] == model].set_index("user")
        for metric in ("recall@5", "ndcg@5"):
            expected: dict[Any, list[float]] = {}
            for one in each:
                rows = one.per_user[one.per_user["model"] == model]
                for user, value in zip(rows["user"], rows[metric], strict=True):
                    expected.setdefault(user, []).append(value)
            means = {user: np.mean(values) for user, values in expected.items()}
            assert mine[metric].to_dict() == pytest.approx(means)
            figure = found.figures.set_index(["model", "metric"]).loc[(model, metric)]
            assert figure["value"] == pytest.approx(np.mean(list(means.values())))
            assert figure["low"] < figure["value"] < figure["high"]
            assert figure["n_users"] == len(means) == 40
        spread = [one.figures.set_index(["model", "metric"])["value"][model, "coverage@5"] for one in each]
        row = found.figures.set_index(["model", "metric"]).loc[(model, "coverage@5")]
        assert row["value"] == pytest.approx(np.mean(spread))
        assert np.isnan(row["low"])


def test_every_pair_counts_once(data: Dataset) -> None:
    found = cross_validate(Popularity(), data, 4, METRICS)
    assert found.per_user["pairs"].sum() == data.interactions().nnz
    assert found.pairs is not None
    assert len(found.pairs.drop_duplicates(["user_row", "item_row"])) == data.interactions().nnz
    assert found.by("popularity", buckets=2)["n_pairs"].sum() == data.interactions().nnz
    assert found.by("activity", buckets=2)["n_pairs"].sum() == 2 * data.interactions().nnz  # two metrics
    assert found.rule == "4 folds(validation=0.1, seed=0)"
    assert "test part of split 4 folds(validation=0.1, seed=0); all items ranked" in found.protocol
    assert graphrec.cross_validate is cross_validate


@dataclass
class Mean:
    """Rates everything as the mean of what it was fitted on."""

    name: str = "mean"

    def fit(self, data: Dataset, **options: Any) -> Fitted:
        assert options["validation"] is None
        matrix = data.interactions(weighted=True)
        return Fitted(data.users, data.items, float(matrix.data.mean()))


@dataclass
class Fitted:
    users: NodeTable
    items: NodeTable
    mean: float
    name: str = "mean"

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.zeros((len(user_rows), len(self.items)), np.float32)

    def predict(self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return np.full(len(user_rows), self.mean, np.float32)


def test_errors_of_ratings_are_over_all_pairs() -> None:
    matrix = np.random.default_rng(0).integers(0, 6, (15, 12))
    data = dataset_of(matrix)
    found = cross_validate(Mean(), data, 3, ["rmse", "mae"], validation=0)
    errors = []
    for split in data.folds(3, validation=0):
        assert split.test.ratings is not None
        errors.append(split.test.ratings.data - split.train.interactions(weighted=True).data.mean())
    every = np.concatenate(errors).astype(np.float64)
    assert found.figures["value"].tolist() == pytest.approx(
        [np.sqrt((every**2).mean()), np.abs(every).mean()], rel=1e-5
    )


def test_names(data: Dataset) -> None:
    found = cross_validate({"a": Popularity(), "b": Popularity(weighted=True)}, data, 2, ["hit@3"])
    assert found.figures["model"].tolist() == ["a", "b"]
    assert found.compare()["difference"].tolist() == [0], "all weights are 1"
    with pytest.raises(ArgumentError, match=r"must have different names. Got 'popularity'"):
        cross_validate([Popularity(), Popularity(weighted=True)], data, 2)
    with pytest.raises(ArgumentError, match="must be models that are not fitted yet"):
        cross_validate(Popularity().fit(data), data, 2)
    with pytest.raises(ArgumentError, match="must be models that are not fitted yet"):
        cross_validate(Popularity, data, 2)
    with pytest.raises(ArgumentError, match="at least one model"):
        cross_validate([], data, 2)
    with pytest.raises(ArgumentError, match="Did you mean 'recall'"):
        cross_validate(Popularity(), data, 2, ["recal@3"])
    with pytest.raises(ArgumentError, match="`data` must be a Dataset"):
        cross_validate(Popularity(), pd.DataFrame())  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`folds` must be a whole number"):
        cross_validate(Popularity(), data, 1)


def test_preparation_filters_before_the_folds_and_weighs_in_each(data: Dataset) -> None:
    steps = [{"kind": "k-core", "users": 5, "items": 5}, {"kind": "log"}]
    found = cross_validate(Popularity(weighted=True), data, 2, ["recall@5"], prepare=steps)
    core = data.prepare(steps[:1])
    assert 0 < core.interactions().nnz < data.interactions().nnz
    assert found.per_user["pairs"].sum() == core.interactions().nnz
    values = []
    for split in core.folds(2):
        train = split.train.prepare(steps[1:])
        values.append(
            evaluate(Popularity(weighted=True).fit(train), replace(split, train=train), ["recall@5"]).per_user
        )
    each = pd.concat(values).groupby("user")["recall@5"].mean()
    assert found.figures["value"].item() == pytest.approx(each.mean())
