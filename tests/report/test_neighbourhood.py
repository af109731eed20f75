from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from ties import tied

from graphrec.errors import ArgumentError, MissingExtraError, UnknownKeyError
from graphrec.report.neighbourhood import NAMELESS, neighbourhood

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.data.dataset import Dataset

# 0 knows 2, 3, 4 (2 and 3 know each other); 2 and 3 lead to 5, 4 to 6; nobody leads to 7; 8 is far away
TIES = [(0, 2), (3, 0), (0, 4), (2, 3), (2, 5), (5, 3), (4, 6), (8, 7), (5, 6), (0, 0), (2, 0)]


def suggested(*keys: int, reason: str = "because") -> pd.DataFrame:
    n = len(keys)
    return pd.DataFrame(
        {"suggested": keys, "score": np.arange(n, 0, -1) / 2, "rank": np.arange(1, n + 1), "reason": [reason] * n}
    )


def traces(figure: Any) -> dict[str, Any]:
    return {trace.name: trace for trace in figure.data}


def people(figure: Any) -> dict[str, list[str]]:
    return {t.name: list(t.text) for t in figure.data if "markers" in t.mode}


def edges(figure: Any) -> dict[str, set[frozenset[str]]]:
    """The ends of each line, by the texts of the points that lie there."""
    at = {
        (x, y): text
        for trace in figure.data
        if "markers" in trace.mode
        for x, y, text in zip(trace.x, trace.y, trace.text, strict=True)
    }
    found = {}
    for trace in figure.data:
        if trace.mode == "lines":
            places = list(zip(trace.x, trace.y, strict=True))
            pairs = zip(places[::3], places[1::3], strict=True)
            found[trace.name] = {frozenset((at[a], at[b])) for a, b in pairs}
    return found


def called(*pairs: tuple[int, int]) -> set[frozenset[str]]:
    return {frozenset((f"User {a}", f"User {b}")) for a, b in pairs}


@pytest.fixture
def data() -> Dataset:
    return tied(9, TIES)


def test_friends_their_ties_and_the_ties_that_lead_to_suggested_people(data: Dataset) -> None:
    figure = neighbourhood(data, 0, suggested(5, 6, 7, reason="2 friends in common"))
    assert people(figure) == {
        "User 0": ["User 0"],
        "Friends": ["User 2", "User 3", "User 4"],
        "Suggested": ["User 5", "User 6", "User 7"],
    }
    assert edges(figure) == {
        "Ties of User 0": called((0, 2), (0, 3), (0, 4)),
        "Ties among friends": called((2, 3)),
        "Ties to suggested people": called((2, 5), (3, 5), (4, 6)),
    }
    assert figure.layout.title.text == "<b>User 0</b>: 3 friends, 3 suggested people"
    hover = list(traces(figure)["Suggested"].hovertext)
    assert (
        hover[0] == "<b>User 5</b><br>rank 1, score 1.5<br>2 friends in common<br>2 of the friends drawn lead there"
    )
    assert hover[2].endswith("0 of the friends drawn lead there")
    colours = [t.line.color if t.mode == "lines" else t.marker.color for t in figure.data]
    assert len({traces(figure)[name].marker.color for name in ("User 0", "Friends", "Suggested")}) == 3
    assert len(set(colours[:3])) == 3
    assert all(trace.showlegend is not False for trace in figure.data)


def test_directed_ties_make_friends_either_way() -> None:
    figure = neighbourhood(tied(4, [(0, 2), (3, 0)], directed=[True]), 0, suggested())
    assert people(figure)["Friends"] == ["User 2", "User 3"]


def test_names_by_argument_by_schema_or_keys(data: Dataset) -> None:
    figure = neighbourhood(data, 0, suggested(5), names={0: "Zoë", 2: "<b>Two</b>"})
    assert people(figure) == {"Zoë": ["Zoë"], "Friends": ["&lt;b&gt;Two&lt;/b&gt;", "3", "4"], "Suggested": ["5"]}


def test_hidden_people_are_neither_named_nor_shown_by_key() -> None:
    data = tied(6, [(0, 1), (0, 2), (1, 4), (2, 4), (2, 3)])  # user 1 hides by the schema
    figure = neighbourhood(data, 0, suggested(4, 3), hidden={3})
    assert people(figure) == {
        "User 0": ["User 0"],
        "Friends": ["User 2", NAMELESS],
        "Suggested": ["User 4", NAMELESS],
    }
    for names in (None, {1: "Ina", 3: "Tom"}):
        text = neighbourhood(data, 0, suggested(4, 3), hidden={3}, names=names).to_json()
        assert not any(name in text for name in ("User 1", "User 3", "Ina", "Tom"))
    assert NAMELESS in neighbourhood(data, 3, suggested(), hidden={3}).layout.title.text


def test_a_hub_is_bounded_and_the_title_says_so() -> None:
    n = 300
    ties = [(0, i) for i in range(2, n - 5)] + [(i, n - 1) for i in (50, 60, 70)] + [(80, 81), (80, 82)]
    figure = neighbourhood(tied(n, ties), 0, suggested(n - 1, n - 2, n - 3), most=5)
    title = "<b>User 0</b>: 5 of 293 friends drawn, 3 suggested people"
    assert figure.layout.title.text == title
    assert people(figure)["Friends"] == ["User 50", "User 60", "User 70", "User 80", "User 81"]
    assert len(edges(figure)["Ties to suggested people"]) == 3
    few = neighbourhood(tied(n, ties), 0, suggested(n - 1, n - 2), most=1)
    assert "1 of 2 suggested people drawn" in few.layout.title.text
    assert people(few) == {"User 0": ["User 0"], "Friends": ["User 50"], "Suggested": [f"User {n - 1}"]}


def test_without_ties_or_suggestions_the_picture_says_so(data: Dataset) -> None:
    lonely = tied(3, [(1, 2), (0, 0)])
    figure = neighbourhood(lonely, 0, suggested())
    assert people(figure) == {"User 0": ["User 0"]}
    assert edges(figure) == {}
    assert figure.layout.title.text == "<b>User 0</b>: 0 friends, 0 suggested people"
    strangers = neighbourhood(lonely, 0, suggested(2))
    assert people(strangers) == {"User 0": ["User 0"], "Suggested": ["User 2"]}
    assert strangers.layout.title.text.endswith("0 friends, 1 suggested person")
    friends_only = neighbourhood(data, 7, suggested())
    assert people(friends_only) == {"User 7": ["User 7"], "Friends": ["User 8"]}


def test_people_who_are_tied_by_now_and_other_users_lists_are_left_out(data: Dataset) -> None:
    both = pd.concat([suggested(2, 5, 0).assign(user=0), suggested(6).assign(user=1)])
    figure = neighbourhood(data, 0, both)
    assert people(figure)["Suggested"] == ["User 5"]
    assert figure.layout.title.text.endswith("1 suggested person; 2 suggested and tied by now, left out")


def test_points_do_not_lie_on_each_other() -> None:
    n = 200
    rng = np.random.default_rng(0)
    ties = [(0, i) for i in range(1, 100)] + [tuple(pair) for pair in rng.integers(1, n, (400, 2)).tolist()]
    new: Sequence[int] = [i for i in range(120, 140) if (0, i) not in ties]
    figure = neighbourhood(tied(n, ties), 0, suggested(*new))
    at = np.array([(x, y) for t in figure.data if "markers" in t.mode for x, y in zip(t.x, t.y, strict=True)])
    assert len(np.unique(at, axis=0)) == len(at) == 1 + 60 + 20
    assert traces(figure)["Friends"].mode == "markers"  # sixty labels would hide one another
    assert traces(figure)["Suggested"].mode == "markers+text"
    many = neighbourhood(tied(n, []), 0, suggested(*range(120, 180)))
    assert traces(many)["Suggested"].mode == "markers"


def test_what_cannot_be_drawn_is_refused(data: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UnknownKeyError, match="`user` must be keys of 'User'"):
        neighbourhood(data, 99, suggested())
    with pytest.raises(UnknownKeyError, match=r"`suggestions.suggested` must be keys"):
        neighbourhood(data, 0, suggested(99))
    with pytest.raises(ArgumentError, match=r"`suggestions` must have the columns .*reason"):
        neighbourhood(data, 0, suggested(5).drop(columns="reason"))
    for most in (0, 2.5, True):
        with pytest.raises(ArgumentError, match="`most` must be a whole number of at least 1"):
            neighbourhood(data, 0, suggested(), most=most)  # type: ignore[arg-type]
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtraError, match=r"graphrec\[report\]"):
        neighbourhood(data, 0, suggested())
