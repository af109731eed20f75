from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scorers import nodes

from graphrec.errors import ArgumentError, GraphRecWarning, UnknownKeyError
from graphrec.rank.lists import are_histories, list_frame, settle_unknown
from graphrec.rank.topk import TopK

LABELS = pa.array(["ann", "bob", "eve"])


@pytest.mark.parametrize(
    ("users", "histories"),
    [
        (["a", "b"], False),
        ([1, 2], False),
        ([], False),
        (pd.Series(["a"]), False),
        (np.array([1, 2]), False),
        (pa.array(["a"]), False),
        ([["a"], ["b", "c"]], True),
        ([[]], True),
        ([("a",), {"b"}], True),
        ([np.array([1])], True),
        (np.array([[1, 2], [3, 4]]), True),
        (pa.array([["a"]]), True),
    ],
)
def test_keys_or_histories(users: Any, histories: bool) -> None:
    assert are_histories(users) is histories


@pytest.mark.parametrize("users", ["ann", b"ann", 7, None])
def test_users_must_be_a_list(users: Any) -> None:
    with pytest.raises(ArgumentError, match="`users` must be a list of keys, or a list of lists"):
        are_histories(users)


def test_keys_and_histories_are_not_mixed() -> None:
    with pytest.raises(ArgumentError, match="`users` must hold either keys or lists"):
        are_histories(["ann", ["a"]])


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


def test_frame() -> None:
    best = TopK(np.array([[2, 0], [-1, -1], [1, -1]]), np.array([[9.0, 8], [-np.inf, -np.inf], [7, -np.inf]]))
    frame = list_frame(
        LABELS, nodes("Item", [10, 20, 30]), best, ("who", "what"), model="m", path=np.array(list("xyz"))
    )
    assert frame.to_dict("list") == {
        "who": ["ann", "ann", "eve"],
        "what": [30, 10, 20],
        "score": [9, 8, 7],
        "rank": [1, 2, 1],
        "model": ["m"] * 3,
        "path": ["x", "x", "z"],
    }
