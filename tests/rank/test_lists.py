from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scorers import nodes

from graphrec.data.new_user import NewUser
from graphrec.errors import ArgumentError, GraphRecWarning, UnknownKeyError
from graphrec.rank.lists import both, list_frame, settle_unknown, told_apart
from graphrec.rank.topk import TopK

LABELS = pa.array(["ann", "bob", "eve"])


@pytest.mark.parametrize(
    ("users", "new"),
    [
        (["a", "b"], {}),
        ([1, 2], {}),
        ([], {}),
        (pd.Series(["a"]), {}),
        (np.array([1, 2]), {}),
        (pa.array(["a"]), {}),
        ([["a"], ["b", "c"]], {0: ["a"], 1: ["b", "c"]}),
        ([[]], {0: []}),
        ([("a",), {"b"}], {0: ["a"], 1: ["b"]}),
        ([np.array([1])], {0: [1]}),
        (np.array([[1, 2], [3, 4]]), {0: [1, 2], 1: [3, 4]}),
        (pa.array([["a"]]), {0: ["a"]}),
        (["ann", ["a"], "bob", NewUser(items=("b",)), NewUser()], {1: ["a"], 3: ["b"], 4: []}),
    ],
)
def test_keys_and_new_users(users: Any, new: dict[int, list[Any]]) -> None:
    keys, found = told_apart(users)
    assert {place: list(user.items) for place, user in found} == new
    everybody = users.to_pylist() if isinstance(users, pa.Array) else list(users)
    assert list(pa.array(keys).to_pylist()) == [user for place, user in enumerate(everybody) if place not in new]


@pytest.mark.parametrize("users", ["ann", b"ann", 7, None])
def test_users_must_be_a_list(users: Any) -> None:
    with pytest.raises(ArgumentError, match="`users` must be a list of keys, of new users, or of lists"):
        told_apart(users)


def test_keys_and_new_users_come_in_the_order_in_which_they_were_asked_for() -> None:
    def answer(users: Any) -> pd.DataFrame:
        labels = list(range(len(users))) if told_apart(users)[1] else list(dict.fromkeys(users))
        return pd.DataFrame({"user": [label for label in labels for _ in range(2)], "rank": [1, 2] * len(labels)})

    frame = both([7, ["a"], 5, 7, NewUser()], answer)
    assert frame["user"].tolist() == [7, 7, "#1", "#1", 5, 5, "#4", "#4"]
    assert frame["rank"].tolist() == [1, 2] * 4
    with pytest.raises(ArgumentError, match="beside a key"):
        both(["#1", ["a"]], answer)


def test_unknown_users() -> None:
    def path() -> Any:
        return np.array(["vector", "", ""], dtype=object)

    with pytest.raises(UnknownKeyError, match=r"Got 2 unknown, such as \['bob', 'eve'\]"):
        settle_unknown(LABELS, path(), "raise")
    with pytest.warns(GraphRecWarning, match="Got 2 unknown"):
        assert settle_unknown(LABELS, path(), "warn").tolist() == [0]
    settled = path()
    assert settle_unknown(LABELS, settled, "fallback").tolist() == [0, 1, 2]
    assert settled.tolist() == ["vector", "popularity", "popularity"]
    assert settle_unknown(LABELS[:1], path()[:1], "raise").tolist() == [0]
    with pytest.raises(UnknownKeyError, match=r"New `users` must say something .* at the positions \[1, 2\]"):
        settle_unknown(pa.array([0, 1, 2]), path(), "raise", new=True)


def test_frame() -> None:
    best = TopK(np.array([[2, 0], [-1, -1], [1, -1]]), np.array([[9.0, 8], [-np.inf, -np.inf], [7, -np.inf]]))
    frame = list_frame(
        LABELS,
        nodes("Item", [10, 20, 30]),
        best,
        ("who", "what"),
        model="m",
        path=np.array(list("xyz")),
        item_path=np.array(list("pqr")),
    )
    assert frame.to_dict("list") == {
        "who": ["ann", "ann", "eve"],
        "what": [30, 10, 20],
        "score": [9, 8, 7],
        "rank": [1, 2, 1],
        "model": ["m"] * 3,
        "path": ["x", "x", "z"],
        "item_path": ["r", "p", "q"],
    }
