from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scorers import Scores, Vectors, nodes

from graphrec import dataset_from_frames, recommend, similar
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, ModelError, UnknownKeyError
from graphrec.models import Popularity

if TYPE_CHECKING:
    from graphrec import Dataset

COLUMNS = ["user", "item", "score", "rank", "model", "version", "path", "item_path"]


@pytest.fixture
def model(shop: Dataset) -> Vectors:
    """Everyone likes a best and f least, but bob the other way round."""
    items = np.float32([[6], [5], [4], [3], [2], [1]])
    return Vectors(shop.users, shop.items, np.float32([[1], [-1], [2], [1]]), items, items)


@pytest.fixture
def older() -> Vectors:
    """A model of yesterday: eve and joe are new since, z is gone, b, e and f are new."""
    items = np.float32([[1, 0], [0, 2], [3, 3], [9, 9]])
    users = np.float32([[1, 0], [0, 1], [5, 5]])
    return Vectors(nodes("Customer", ["ann", "bob", "zoe"]), nodes("Product", list("acdz")), users, items, items)


def lists(frame: pd.DataFrame) -> dict[Any, str]:
    assert list(frame.columns) == COLUMNS
    assert (frame.groupby("user")["rank"].agg(list).map(lambda ranks: ranks == list(range(1, len(ranks) + 1)))).all()
    return {user: "".join(part["item"]) for user, part in frame.groupby("user", sort=False)}


def test_lists_by_hand(shop: Dataset, model: Vectors) -> None:
    frame = recommend(model, shop, ["eve", "ann", "bob"], k=3)
    assert lists(frame) == {"eve": "bcd", "ann": "ef", "bob": "fea"}
    assert frame["score"].tolist() == [10, 8, 6, 2, 1, -1, -2, -6]
    assert set(frame["path"]) == {"vector"}
    assert set(frame["model"]) == {"vectors"}
    assert frame["version"].isna().all()


def test_seen_items_are_hidden_by_what_hides(shop: Dataset, model: Vectors) -> None:
    assert lists(recommend(model, shop, ["ann"])) == {"ann": "ef"}, "viewed d is hidden, carted f is not"
    assert lists(recommend(model, shop, ["ann"], exclude_seen=False)) == {"ann": "abcdef"}


def test_only_fitted_models_and_datasets(shop: Dataset, model: Vectors) -> None:
    with pytest.raises(ArgumentError, match=r"`model` must be a fitted model.*Call fit\(data\) first"):
        recommend(Popularity(), shop, ["ann"])  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"`data` must be a Dataset. Got 'DataFrame'"):
        recommend(model, pd.DataFrame(), ["ann"])  # type: ignore[arg-type]


def test_filters_compose(shop: Dataset, model: Vectors) -> None:
    def eve(**given: Any) -> str:
        return lists(recommend(model, shop, ["eve"], **given)).get("eve", "")

    assert eve(where={"HAS_GENRE": ["Comedy", "Drama"]}) == "bc"
    assert eve(where={"HAS_GENRE": "Comedy"}) == "b"
    assert eve(where={"HAS_GENRE": ["Comedy", "Drama"]}, exclude=["b"], include=["a", "b", "c", "f"]) == "c"
    assert eve(include=[]) == ""
    assert eve(include=["a"]) == ""
    assert eve(exclude=["a", "b"], k=1) == "c"


def test_users_are_answered_once_in_their_order(shop: Dataset, model: Vectors) -> None:
    assert list(lists(recommend(model, shop, pd.Series(["joe", "eve", "joe"]), k=2))) == ["joe", "eve"]


def test_nobody(shop: Dataset, model: Vectors) -> None:
    frame = recommend(model, shop, [])
    assert lists(frame) == {}
    assert frame["user"].dtype == recommend(model, shop, ["ann"])["user"].dtype


def test_unknown_users(shop: Dataset, model: Vectors) -> None:
    asked = ["eve", "x", "ann", "y"]
    with pytest.raises(UnknownKeyError, match=r"`users` must be known.*Got 2 unknown, such as \['x', 'y'\]"):
        recommend(model, shop, asked)
    with pytest.warns(GraphRecWarning, match="Got 2 unknown") as caught:
        assert list(lists(recommend(model, shop, asked, on_unknown="warn"))) == ["eve", "ann"]
    assert len(caught) == 1
    assert caught[0].filename == __file__
    frame = recommend(model, shop, asked, k=4, on_unknown="fallback")
    assert lists(frame) == {"eve": "bcde", "x": "abcd", "ann": "ef", "y": "abcd"}
    assert frame.groupby("user")["path"].first().to_dict() == dict.fromkeys(["eve", "ann"], "vector") | dict.fromkeys(
        ["x", "y"], "popularity"
    )
    assert frame[frame["user"] == "x"]["score"].tolist() == [2, 2, 2, 1], "how many bought it"
    with pytest.raises(ArgumentError, match=r"`on_unknown` must be 'raise', 'warn' or 'fallback'. Got 'skip'"):
        recommend(model, shop, ["ann"], on_unknown="skip")  # type: ignore[arg-type]


def test_integer_keys_are_not_text(shop: Dataset, model: Vectors) -> None:
    with pytest.raises(UnknownKeyError, match=r"\[1\]"):
        recommend(model, shop, [1])


def test_model_of_an_older_snapshot(shop: Dataset, older: Vectors) -> None:
    frame = recommend(older, shop, ["ann", "bob", "eve", "joe"], k=9, on_unknown="fallback", exclude_seen=False)
    assert lists(frame) == {"ann": "dac", "bob": "dca", "eve": "dac", "joe": "abcdef"}, "z is gone"
    assert frame.groupby("user")["path"].first().to_dict() == {
        "ann": "vector",
        "bob": "vector",
        "eve": "fold-in",
        "joe": "popularity",
    }
    frame = recommend(older, shop, ["ann", "bob", "eve", "joe"], k=9, on_unknown="fallback")
    assert lists(frame) == {"bob": "a", "eve": "dc", "joe": "abcdf"}, "joe viewed e"
    with pytest.raises(UnknownKeyError, match=r"\['joe'\]"):
        recommend(older, shop, ["eve", "joe"])
    with pytest.raises(UnknownKeyError, match=r"\['zoe'\]"):
        recommend(older, shop, ["zoe"])  # the model knows her, the data no longer does


def test_model_without_fold_in_does_not_know_new_users(shop: Dataset, older: Vectors) -> None:
    older.fold_in_vectors = None
    with pytest.raises(UnknownKeyError, match=r"\['eve'\]"):
        recommend(older, shop, ["ann", "eve"])
    with pytest.raises(ModelError, match="'vectors' cannot serve new users by their items"):
        recommend(older, shop, [["a"]])


def test_new_users_by_their_items(shop: Dataset, older: Vectors) -> None:
    frame = recommend(older, shop, [["a"], ["c", "a", "a"], ["d", "b"]], k=2)
    assert lists(frame) == {0: "dc", 1: "d", 2: "ca"}
    assert frame["score"].tolist() == [3, 0, 9, 6, 3]
    assert set(frame["path"]) == {"fold-in"}
    assert lists(recommend(older, shop, [["a"]], exclude_seen=False, k=2)) == {0: "da"}
    assert lists(recommend(older, shop, [["a"]], where={"HAS_GENRE": "Drama"})) == {0: "c"}
    with pytest.raises(UnknownKeyError, match=r"`users` must be keys of 'Product'.*'nothing'"):
        recommend(older, shop, [["a", "nothing"]])
    for nothing in ([[]], [["b"]]):  # no items, or none that the model knows
        with pytest.raises(UnknownKeyError, match=r"New `users` must say something that the model knows.*\[0\]"):
            recommend(older, shop, nothing)
    assert lists(recommend(older, shop, [["b"], ["a"]], k=2, on_unknown="fallback")) == {0: "ac", 1: "dc"}


def test_model_without_vectors(shop: Dataset) -> None:
    scorer = Scores(
        nodes("Customer", ["ann", "bob", "eve"]), nodes("Product", list("adz")), np.float32([[1, 2, 9]] * 3)
    )
    frame = recommend(scorer, shop, ["bob", "eve", "joe"], on_unknown="fallback", k=2)
    assert lists(frame) == {"bob": "a", "eve": "d", "joe": "ab"}
    assert frame["path"].tolist() == ["score", "score", "popularity", "popularity"]
    with pytest.raises(ModelError, match="'scores' cannot serve new users"):
        recommend(scorer, shop, [["a"]])
    with pytest.raises(ModelError, match="'scores' must have vectors"):
        similar(scorer, ["a"])  # type: ignore[arg-type]


@pytest.mark.parametrize("more", [-1, 1])
def test_a_model_without_a_score_for_each_of_its_items_is_refused(shop: Dataset, more: int) -> None:
    shape = (len(shop.users), len(shop.items) + more)
    model = Scores(shop.users, shop.items, np.zeros(shape, np.float32))
    with pytest.raises(ModelError, match=rf"'scores' must be of shape \(1, {len(shop.items)}\)"):
        recommend(model, shop, shop.users.keys.to_pylist()[:1])


def test_model_of_another_graph(shop: Dataset) -> None:
    other = Vectors(nodes("U", ["ann"]), nodes("I", ["x"]), np.ones((1, 2), np.float32), np.ones((1, 2), np.float32))
    with pytest.raises(ModelError, match="'vectors' must be of this graph"):
        recommend(other, shop, ["ann"])


@pytest.mark.parametrize("k", [0, True, 1.5])
def test_k(shop: Dataset, model: Vectors, k: Any) -> None:
    with pytest.raises(ArgumentError, match="`k` must be a whole number"):
        recommend(model, shop, ["ann"], k)
    with pytest.raises(ArgumentError, match="`k` must be a whole number"):
        similar(model, ["a"], k)


def test_integer_keys() -> None:
    data = dataset_from_frames(pd.DataFrame({"user_id": [10, 9, 2], "item_id": [1, 20, 3]}))
    model = Vectors(data.users, data.items, np.ones((3, 1), np.float32), np.float32([[1], [1], [1]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        frame = recommend(model, data, [10, 2])
    assert frame["user"].tolist() == [10, 10, 2, 2]
    assert frame["item"].tolist() == [3, 20, 1, 20], "equal scores go by key, as numbers"


def test_similar_by_hand(shop: Dataset) -> None:
    items = np.float32([[1, 0], [3, 4], [0, 0], [2e-30, 2e-30], [-5, 0], [1e30, 0]])
    model = Vectors(shop.users, shop.items, np.ones((4, 2), np.float32), items)
    frame = similar(model, ["b", "a", "b", "c"], k=9)
    assert list(frame.columns) == ["item", "similar", "score", "rank", "model", "version"]
    assert {key: "".join(part["similar"]) for key, part in frame.groupby("item", sort=False)} == {
        "b": "dafe",
        "a": "fdbe",
    }, "c has no vector: like nothing, and nothing is like it"
    assert frame["score"].tolist() == pytest.approx([7 / 5 / 2**0.5, 0.6, 0.6, -0.6, 1, 0.5**0.5, 0.6, -1], rel=1e-12)
    assert similar(model, ["a"], k=1)["similar"].tolist() == ["f"]
    assert similar(model, ["a"], exclude=["f"], include=["f", "b"])["similar"].tolist() == ["b"]
    with pytest.raises(UnknownKeyError, match="`items` must be keys of 'Product'"):
        similar(model, ["a", "nothing"])
    for items in ("a", 20, None, [["a"]], pd.DataFrame({"item": ["a"]})):
        with pytest.raises(DataError, match="`items` must hold"):
            similar(model, items)  # type: ignore[arg-type]
