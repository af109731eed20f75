"""New users, hot, warm and cold, in one call, from both databases: lists by the book, and what served each row."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from newcomers import CITY, SCHEMA, TAG, arrive, by_loop, item_values, mapped, newcomers_graph, user_values

import graphrec
from graphrec import NewUser
from graphrec.data.described import described
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, ModelError, UnknownKeyError
from graphrec.store.queries import quote

WORDS = "quiet science fiction deep blue from the seventies"
SENTENCE = "Quiet SCIENCE fiction, deep-blue, from the seventies"


@pytest.fixture
def graph(any_store):
    return newcomers_graph(any_store)


@pytest.fixture
def model(graph):
    model = mapped(graph.dataset())
    graph.publish(model, "m")
    return model


def best(model, vector, k, hidden=()):
    scores = model.item_vectors.astype(np.float64) @ np.asarray(vector, np.float64)
    named = zip(scores, model.items.keys.to_pylist(), strict=True)
    order = sorted((-float(f"{score:.4e}"), item) for score, item in named if item not in hidden)
    return [item for _, item in order[:k]]


def lists(frame):
    return {user: list(part.item) for user, part in frame.groupby("user", sort=False)}


def parts(model, *items):
    """What items add to a new user, also i90, which the model does not know."""
    rows = {item: int(model.items.rows([item])[0]) for item in items}
    new = by_loop(model.item_map, item_values(90), "fold_in")
    return [new if row < 0 else model.fold_in_vectors[row].astype(np.float64) for row in rows.values()]


def text_part(model):
    tags = {"science fiction": 1.0}
    return by_loop(model.item_map, {TAG: tags, "title": WORDS, "col`our": "deep blue"}, "fold_in", amount=False)


def test_hot_warm_and_cold_in_one_call(graph, model):
    arrive(graph)
    who = NewUser(items=["i02", "i90"], attributes={CITY: ["Paris"], "age": 30}, text=SENTENCE)
    asked = ["u00", ["i01", "i90"], "u90", who, "u91", NewUser(text=SENTENCE), NewUser(attributes={"age": 53})]
    frame = graph.recommend(asked, 6)
    assert list(dict.fromkeys(frame.user)) == ["u00", "#1", "u90", "#3", "u91", "#5", "#6"]
    assert {user: set(part.path) for user, part in frame.groupby("user")} == {
        "u00": {"vector"},
        "#1": {"fold-in"},
        "u90": {"attributes"},
        "#3": {"fold-in+text+attributes"},
        "u91": {"fold-in"},
        "#5": {"text"},
        "#6": {"attributes"},
    }
    said = by_loop(model.user_map, {CITY: {"Paris": 1.0}, "age": 30.0})
    vectors = {
        "#1": (sum(parts(model, "i01", "i90")) / np.sqrt(2), {"i01"}),
        "u90": (by_loop(model.user_map, user_values(90)), ()),
        "#3": ((sum(parts(model, "i02", "i90")) + text_part(model) + said) / 2, {"i02"}),
        "u91": (sum(parts(model, "i02", "i90", "i17")) / np.sqrt(3), {"i02", "i17"}),
        "#5": (text_part(model), ()),
        "#6": (by_loop(model.user_map, {"age": 53.0}), ()),
    }
    found = lists(frame)
    for user, (vector, hidden) in vectors.items():
        assert found[user] == best(model, vector, 6, hidden), user
        row = frame[(frame.user == user) & (frame["rank"] == 1)].iloc[0]
        item = model.item_vectors[model.items.rows([row["item"]])[0]].astype(np.float64)
        assert row["score"] == pytest.approx(item @ vector, rel=1e-5)
    assert set(frame.loc[frame.item == "i05", "item_path"]) <= {"attributes"}
    assert set(frame.loc[frame.item != "i05", "item_path"]) == {"vector"}
    by_database = graph.recommend(asked, 6, via="database")
    pd.testing.assert_frame_equal(frame, by_database)
    alone = graph.recommend([who, ["i01", "i90"]], 6)
    assert lists(alone) == {0: found["#3"], 1: found["#1"]}
    assert list(graph.query(graph.cypher("new_user"), items=["i01", "i03"], k=5).item_id) == list(
        graph.recommend([["i01", "i03"]], 5).item
    )


def test_python_alone_says_the_same(graph, model):
    arrive(graph)
    data = graph.dataset()
    who = NewUser(items=["i02", "i90"], attributes={CITY: ["Paris"], "age": 30}, text=SENTENCE)
    asked = ["u00", ["i01", "i90"], "u90", who, "u91", NewUser(text=SENTENCE), "u03"]
    online = graph.recommend(asked, 30)
    offline = graphrec.recommend(model, data, asked, 30)
    with pytest.warns(GraphRecWarning):
        graph.refresh()
    after = graph.recommend(asked, 30)
    columns = ["user", "item", "path", "item_path"]
    assert after[columns].equals(offline[columns]), "the data's new items are in both"
    assert after.score.tolist() == pytest.approx(offline.score.tolist(), rel=1e-5, abs=1e-6)
    old = offline[~offline.item.isin(["i90", "i91"])].reset_index(drop=True)
    assert online[columns].equals(old[columns])
    assert set(offline.loc[offline.item.isin(["i05", "i90", "i91"]), "item_path"]) == {"attributes"}
    vectors = model.item_map.vectors(described(data, "item"))
    row = offline[(offline.user == "u00") & (offline.item == "i90")].iloc[0]
    expected = vectors[data.items.rows(["i90"])[0]] @ model.user_vectors[0]
    assert row["score"] == pytest.approx(float(expected), rel=1e-5)


def test_nothing_said_and_nothing_known(graph, model):
    nothing = [
        NewUser(),
        NewUser(text="  "),
        NewUser(text="zzz 1970"),
        NewUser(attributes={CITY: ["Rome"]}),
        NewUser(attributes={CITY: [], "age": None}),
        [],
    ]
    for user in nothing:
        with pytest.raises(UnknownKeyError, match=r"New `users` must say something that the model knows.*\[0\]"):
            graph.recommend([user])
    with pytest.warns(GraphRecWarning, match="Got 6 who do not"):
        assert graph.recommend([*nothing, ["i01"]], 3, on_unknown="warn").user.tolist() == [6, 6, 6]
    frame = graph.recommend(nothing[:1], 3, on_unknown="fallback")
    assert frame.path.tolist() == ["popularity"] * 3
    assert lists(graph.recommend([NewUser(["i01"], {CITY: "Rome"}, "zzz")], 4)) == lists(
        graph.recommend([["i01"]], 4)
    )


def test_what_cannot_be_read_is_refused(graph, model):
    cases = [
        (NewUser(attributes={"LIVES:IN": ["Paris"]}), "must name what describes users.*Did you mean"),
        (NewUser(attributes={TAG: ["Sci-Fi"]}), "must name what describes users"),
        (NewUser(attributes={"age": "thirty"}), "age"),
    ]
    for user, message in cases:
        with pytest.raises(ValueError, match=message):
            graph.recommend([user])
    with pytest.raises(UnknownKeyError, match=r"`users` must be keys of .*'i77'"):
        graph.recommend([["i01", "i77"]])
    with pytest.raises(UnknownKeyError, match=r"\[7\]"):
        graph.recommend([[7]])
    with pytest.raises(DataError, match="keys of one type"):
        graph.recommend([["i01"], [7]])
    with pytest.raises(ArgumentError, match="beside a key"):
        graph.recommend(["#1", ["i01"]])
    bare = mapped(graph.dataset(), users=False)
    graph.publish(bare, "bare")
    with pytest.raises(ModelError, match="'bare' cannot serve new users by attributes"):
        graph.recommend([NewUser(attributes={"age": 3})], model="bare")
    assert graph.recommend([NewUser(text="quiet")], 2, model="bare").path.tolist() == ["text"] * 2


def test_items_without_anything_count_for_nothing(graph, model):
    arrive(graph)
    assert lists(graph.recommend([["i01", "i99"]], 4)) == lists(graph.recommend([["i01"]], 4))
    with pytest.raises(UnknownKeyError, match=r"\[0\]"):
        graph.recommend([["i99"]])
    graph.publish(replace(model, item_map=None, user_map=None), "plain")
    plain = [lists(graph.recommend([items], 4, model="plain")) for items in (["i01", "i99", "i90"], ["i01"])]
    assert plain[0] == plain[1], "also by a model that maps no attributes"
    with pytest.raises(UnknownKeyError, match=r"`users` must be keys of .*'i77'"):
        graph.recommend([["i01", "i77"]], model="plain")


def test_words_are_found_whole_and_in_any_case(graph, model):
    def path(text):
        return graph.recommend([NewUser(text=text)], 1, on_unknown="fallback").path[0]

    assert path("SCI FI!") == path("back`TICK") == path("ZAZOŁĆ") == path("日本の映画") == "text"
    assert path("scientific") == path("backtick") == "popularity"
    assert SCHEMA.item.name is None


def test_what_cannot_be_read_counts_for_nothing_and_refuses_nobody(graph, model):
    arrive(graph)
    label, dialect = SCHEMA.item.label, graph.store.capabilities.dialect
    expected = lists(graph.recommend(["u90", ["i02", "i17"]], 4))
    text = f"MATCH (:{quote(label, dialect)} {{`sku no`: 'i90'}})-[r]->(:Tag) SET r.`how much` = $weight"
    graph.query(text, weight=float("nan"))
    found = lists(graph.recommend(["u90", "u91", ["i02", "i17", "i90"]], 4))
    assert found["u90"] == expected["u90"]
    assert found["u91"] == found["#2"] == expected["#1"]
