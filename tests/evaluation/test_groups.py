from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from graphrec import Attribute, GraphSchema, Interaction, Node, dataset_from_frames
from graphrec.errors import ArgumentError
from graphrec.evaluation.groups import MOST, grouping

if TYPE_CHECKING:
    from graphrec import Dataset


def dataset() -> Dataset:
    """User n has n + 1 of thirty items; users are of two towns, one of none; items have a year, even ones a tag."""
    schema = GraphSchema(
        user=Node("User", "user_id", properties=("town", "name", "likes")),
        item=Node("Movie", "movie_id", properties=("year", "name", "seen")),
        interactions=[Interaction("SAW", target=True)],
        attributes=[
            Attribute("HAS_TAG", Node("Tag", "name")),
            Attribute("LIVES_IN", Node("Town", "name"), of="user"),
        ],
    )
    rows = [(user, item) for user in range(10) for item in range(user + 1)]
    tags = [(item, "even") for item in range(0, 30, 2)] + [(item, "third") for item in range(0, 30, 3)]
    return dataset_from_frames(
        pd.DataFrame(rows, columns=["user_id", "movie_id"]),
        schema=schema,
        nodes={
            "User": pd.DataFrame(
                {
                    "user_id": range(10),
                    "town": ["A", "B"] * 4 + ["A", None],
                    "name": map(str, range(10)),
                    "likes": [["tea", "tea"], ["tea", "ale"], [], None, ["ale"]] * 2,
                }
            ),
            "Movie": pd.DataFrame(
                {"movie_id": range(30), "year": [*range(1990, 2019), None], "name": "x", "seen": [True, False] * 15}
            ),
        },
        edges={
            "HAS_TAG": pd.DataFrame(tags, columns=["movie_id", "tag"]),
            "LIVES_IN": pd.DataFrame({"user_id": [0, 0, 1], "town": ["Ulm", "Bern", "Ulm"]}),
        },
    )


def groups(name: str, judged: list[int], buckets: int = 2) -> dict[str, list[int]]:
    way = grouping(dataset(), name)
    return {group: rows.tolist() for group, rows in way.make(np.array(judged, np.int64), buckets)}


def test_buckets_hold_about_as_many_each() -> None:
    assert groups("activity", list(range(10))) == {"1 to 5": [0, 1, 2, 3, 4], "6 to 10": [5, 6, 7, 8, 9]}
    assert groups("activity", [0, 1, 2], 3) == {"1": [0], "2": [1], "3": [2]}
    assert groups("activity", [0, 1, 2], 1) == {"1 to 3": [0, 1, 2]}
    # item n has 10 - n users: the judged pairs decide where the middle is
    assert groups("popularity", [0, 0, 0, 0, 3, 9]) == {"1 to 7": [3, 9], "10": [0]}
    assert groups("popularity", [0, 3, 9, 9, 9]) == {"1": [9], "7 to 10": [0, 3]}
    assert groups("activity", []) == {}


def test_properties() -> None:
    assert groups("town", [0, 1, 2, 9]) == {"A": [0, 2], "B": [1]}
    assert groups("User.town", [1]) == {"B": [1]}
    assert groups("year", [0, 10, 20, 29]) == {"1990": [0], "2000 to 2010": [10, 20]}
    assert groups("seen", [0, 1, 2]) == {"True": [0, 2], "False": [1]}
    assert groups("likes", [0, 1, 2, 3, 4]) == {"tea": [0, 1], "ale": [1, 4]}, "a group for each value of a list"


def test_groups_are_made_of_what_is_asked_for_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.evaluation.groups._by_property", lambda *_: pytest.fail("such as long vectors"))
    assert grouping(dataset(), "activity").of == "user"


def test_whole_numbers_may_be_larger_than_floats_tell_apart() -> None:
    columns = {"movie_id": range(30), "at": np.arange(30) + 2**60 + 1}
    schema = GraphSchema(item=Node("Movie", "movie_id", properties=["at"]), interactions=[Interaction("TOOK")])
    took = pd.DataFrame({"user_id": 1, "movie_id": range(30)})
    data = dataset_from_frames(took, schema=schema, nodes={"Movie": pd.DataFrame(columns)})
    assert sum(len(rows) for _, rows in grouping(data, "at").make(np.arange(30), 2)) == 30


def test_large_whole_numbers_are_told_apart() -> None:
    schema = GraphSchema(item=Node("Item", "item_id", properties=("added",)), interactions=[Interaction("SAW")])
    added = pd.DataFrame({"item_id": range(30), "added": 1_700_000_000 + np.arange(30)})
    data = dataset_from_frames(
        pd.DataFrame({"user_id": 0, "item_id": range(30)}), schema=schema, nodes={"Item": added}
    )
    names = [name for name, _ in grouping(data, "added").make(np.arange(30), 2)]
    assert names == ["1700000000 to 1700000014", "1700000015 to 1700000029"]


def test_attributes_may_overlap() -> None:
    assert groups("LIVES_IN", [0, 1, 2]) == {"Ulm": [0, 1], "Bern": [0]}
    found = groups("HAS_TAG", [0, 1, 2, 6])
    assert list(found) == ["even", "third"], "the larger one first"
    assert found["third"] == [0, 6]


def test_of_many_names_the_largest_are_shown() -> None:
    data = dataset_from_frames(
        pd.DataFrame({"user_id": range(50), "item_id": 0}),
        schema=GraphSchema(user=Node("User", "user_id", properties=("name",)), interactions=[Interaction("SAW")]),
        nodes={"User": pd.DataFrame({"user_id": range(50), "name": ["same"] * 5 + [f"n{i}" for i in range(45)]})},
    )
    found = grouping(data, "name").make(np.arange(50), 4)
    assert len(found) == MOST
    assert found[0][0] == "same"


def test_unknown_names_are_refused_with_all_there_are() -> None:
    with pytest.raises(
        ArgumentError, match=r"Got 'activty'. Did you mean 'activity'\? All: 'activity', 'popularity',"
    ):
        grouping(dataset(), "activty")
    with pytest.raises(ArgumentError, match=r"Got 'name'.*'User.name'.*'Movie.name'.*'HAS_TAG', 'LIVES_IN'"):
        grouping(dataset(), "name")
    assert grouping(dataset(), "Movie.name").of == "item"


@pytest.mark.parametrize("unit", ["datetime64[ns]", "datetime64[us, UTC]", "date"])
def test_dates_are_put_into_buckets(unit: str) -> None:
    days = pd.Series(pd.date_range("2024-01-01", periods=MOST + 4, tz="UTC"))
    joined = days.dt.date if unit == "date" else days.dt.tz_localize(None) if "UTC" not in unit else days
    users = pd.DataFrame({"user_id": range(len(days)), "joined": joined.where(days.index > 0)})
    data = dataset_from_frames(
        pd.DataFrame({"user_id": range(len(days)), "item_id": 1}),
        schema=GraphSchema(
            user=Node("User", "user_id", properties=("joined",)), interactions=[Interaction("SAW", target=True)]
        ),
        nodes={"User": users},
    )
    found = grouping(data, "joined").make(np.arange(len(days)), 2)
    assert [name for name, _ in found] == ["2024-01-02 to 2024-01-12", "2024-01-13 to 2024-01-24"]
    assert np.concatenate([rows for _, rows in found]).tolist() == list(range(1, len(days)))  # one has none
