from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from scorers import Scores

from graphrec import dataset_from_frames
from graphrec.data.split import HeldOut
from graphrec.errors import DataError, ModelError
from graphrec.evaluation.evaluate import evaluate
from graphrec.evaluation.ratings import rating_errors
from graphrec.models import BiasedMF

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.split import Split


@dataclass
class Rates(Scores):
    """Predicts its scores as ratings."""

    def predict(self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.matrix[user_rows, item_rows]


def given_split() -> Split:
    rows = [("u", "a", 1), ("u", "b", 4), ("u", "c", 5), ("v", "a", 2), ("v", "b", 0), ("w", "c", 3), ("w", "a", 1)]
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "weight"])
    return dataset_from_frames(frame).split("given", test=frame.iloc[[1, 2, 4]])


def threes(split: Split, name: str = "threes", rating: float = 3) -> Rates:
    return Rates(split.train.users, split.train.items, np.full((3, 3), rating, np.float32), name)


def test_held_out_parts_carry_their_ratings() -> None:
    split = given_split()
    assert split.test.ratings is not None
    assert split.test.ratings.toarray().tolist() == [[0, 4, 5], [0, 0, 0], [0, 0, 0]]
    assert split.test.ratings.nnz == split.test.n_pairs == 3  # a rating of 0 is one


def test_by_hand() -> None:
    split = given_split()
    rows = np.array([0, 1])
    errors = rating_errors("threes", threes(split), split.test, rows, ["rmse", "mae"])  # errors: u 1, 2; v 3
    assert errors["mae"].tolist() == [1.5, 3]
    assert errors["rmse"].tolist() == pytest.approx([np.sqrt(5 / 2), 3])


def test_figures_are_over_pairs_not_over_users() -> None:
    split = given_split()
    found = evaluate(threes(split), split, ["rmse", "mae", "recall@2"])
    values = dict(zip(found.frame()["metric"], found.frame()["value"], strict=True))
    assert values["mae"] == pytest.approx((1 + 2 + 3) / 3)
    assert values["rmse"] == pytest.approx(np.sqrt((1 + 4 + 9) / 3))
    frame = found.frame().set_index("metric")
    assert (frame["low"] <= frame["value"]).all()
    # two users are drawn: u twice gives 3/2, u and v 6/3, v twice 3
    assert frame.loc["mae", ["low", "high"]].tolist() == [1.5, 3]
    assert found.pairs is not None


def test_intervals_of_means_over_pairs_cover_as_often_as_they_say() -> None:
    generator = np.random.default_rng(0)
    inside = 0
    for trial in range(100):
        n = generator.integers(1, 8, 120)
        rows = [(user, item) for user in range(120) for item in generator.choice(40, n[user] + 1, replace=False)]
        frame = pd.DataFrame(rows, columns=["user_id", "item_id"]).assign(weight=generator.exponential(1, len(rows)))
        data = dataset_from_frames(frame)
        split = data.split("given", test=frame.groupby("user_id").head(4))
        zero = threes(split, rating=0)
        zero.matrix = np.zeros((120, len(data.items)), np.float32)
        row = evaluate(zero, split, ["rmse"], seed=trial).frame().iloc[0]
        inside += row["low"] < np.sqrt(2) < row["high"]  # E[x²] = 2
    assert 85 <= inside <= 100


def test_only_ratings_need_no_lists() -> None:
    split = given_split()
    model = threes(split)
    found = evaluate(model, split, ["mae"])
    assert model.asked == []
    assert "errors of ratings over all held-out pairs" in found.protocol
    assert "ranked" not in found.protocol


def test_models_are_compared_by_the_users_own_errors() -> None:
    split = given_split()
    found = evaluate([threes(split), threes(split, "fours", 4)], split, ["mae"])
    [row] = found.compare().to_dict("records")
    assert row["difference"] == pytest.approx(((0.5 - 1.5) + (4 - 3)) / 2)
    assert row["effect"] == 0


def test_what_cannot_be_judged() -> None:
    split = given_split()
    ranks = Scores(split.train.users, split.train.items, np.ones((3, 3), np.float32))
    with pytest.raises(ModelError, match="'scores' must predict ratings for 'rmse'"):
        evaluate(ranks, split, ["recall@1", "rmse"])
    scores = threes(split)
    scores.config = SimpleNamespace(rates=False)  # type: ignore[attr-defined]
    with pytest.raises(ModelError, match="it ranks only"):
        evaluate(scores, split, ["rmse"])
    bare = HeldOut(split.test.users, split.test.items, split.test.matrix)
    with pytest.raises(DataError, match="`mae` must have a rating of every held-out pair"):
        rating_errors("threes", threes(split), bare, np.array([0]), ["mae"])
    data = split.train
    new = data.split("given", test=[{"user_id": "v", "item_id": "c"}])  # a pair that the data does not hold
    with pytest.raises(DataError, match="without one"):
        evaluate(threes(split), new, ["rmse"])
    broken = threes(split, rating=np.nan)
    with pytest.raises(ModelError, match="predicted by 'threes' must be finite"):
        evaluate(broken, split, ["rmse"])


def test_ratings_that_were_weighed_for_training_are_not_compared_with_others() -> None:
    ratings = pd.DataFrame({"user_id": [*"uuuvvv"], "item_id": [*"abcabc"], "weight": [1.0, 4, 5, 2, 3, 3]})
    split = dataset_from_frames(ratings).split("random", validation=0, test=0.2, prepare={"kind": "log"})
    model = BiasedMF(dim=1).fit(split.train)
    with pytest.raises(DataError, match=r"on the scale of those held out. Got \['log'\]"):
        evaluate(model, split, ["recall@1", "rmse"])
    assert len(evaluate(model, split, ["recall@1"]).figures) == 1
