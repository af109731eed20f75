from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from planted import GREEDY, HIDING, ITEMS, NEW, USERS, known_model, oracle, planted, seen

import graphrec
from graphrec.errors import ArgumentError, GraphRecWarning, ModelError, StoreError, UnknownKeyError
from graphrec.graph import Graph
from graphrec.models import Spectral
from graphrec.online.live import Live
from graphrec.publish.record import live


@pytest.fixture
def graph(any_store):
    return planted(any_store)


@pytest.fixture
def model(graph):
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    return model


def vector(model, user):
    return model.user_vectors[model.users.rows([user])[0]]


def lists(frame):
    return {user: list(rows.item) for user, rows in frame.groupby("user", sort=False)}


def ways(graph):
    return ["memory", "database", *(["index"] if graph.store.capabilities.vector_index else [])]


def test_the_same_list_from_python_from_cypher_and_by_the_book(graph, model):
    data = graph.dataset()
    expected = {user: oracle(model, vector(model, user), seen(data, user), 7) for user in USERS}
    for via in ways(graph):
        frame = graph.recommend(USERS, 7, model="m", via=via)
        assert lists(frame) == expected, via
        assert list(frame["rank"][:3]) == [1, 2, 3]
        assert set(frame["path"]) == {"vector"}
        for _, row in frame.iterrows():
            item = model.item_vectors[model.items.rows([row["item"]])[0]].astype(np.float64)
            assert row["score"] == pytest.approx(item @ vector(model, row["user"]).astype(np.float64), rel=1e-12)
    offline = graphrec.recommend(model, data, USERS, 7)
    assert lists(offline) == expected


@pytest.mark.neo4j
def test_a_dropped_index_is_told_and_lists_are_made_without_it(neo4j):
    graph = planted(neo4j)
    graph.publish(known_model(graph.dataset()), "m")
    expected = graph.recommend(USERS, 7, model="m")
    neo4j.query("DROP INDEX m_a", write=True)
    with pytest.warns(GraphRecWarning, match="'m_a' is gone.*Publish again"):
        assert graph.recommend(USERS, 7, model="m", via="index").equals(expected)


def test_two_schemas_in_one_database_do_not_meet(graph, model):
    other = graphrec.Graph(graph.store, graphrec.GraphSchema())
    other.load(
        {"User": pd.DataFrame({"user_id": USERS}), "Item": pd.DataFrame({"item_id": ITEMS})},
        {"INTERACTED": pd.DataFrame({"source": USERS, "target": ITEMS[:12]})},
    )
    other.publish(known_model(other.dataset()), "other")
    for each, name in ((graph, "m"), (other, "other")):
        assert set(each.recommend(USERS[:1], 3).model) == {name}
        assert each.refresh().version.name == name
        assert each.cypher("topk") == each.cypher("topk", model=name)
    for job in (lambda: graph.recommend(USERS, model="other"), lambda: graph.refresh("other")):
        with pytest.raises(ModelError, match=r"'Customer' and .*Got 'other'. It is of 'User' and 'Item'"):
            job()
    graph.store.update_model("other", {}, {"user_label": None, "item_label": None})  # of an older graphrec
    with pytest.raises(UnknownKeyError, match="none given"):
        graph.refresh()
    assert other.refresh().version.name == "other"


def test_the_rendered_cypher_is_that_list_and_outlives_later_publishes(graph, model):
    text = graph.cypher("topk")

    def application(user, k=7):
        found = graph.query(text, user=user, k=k)
        assert list(found.columns) == ["item_id", "score"]
        return list(found.item_id)

    data = graph.dataset()
    assert application("u01") == oracle(model, vector(model, "u01"), seen(data, "u01"), 7)
    for seed, dim in ((1, 8), (2, 5), (3, 11)):  # both slots, and other widths
        tomorrow = known_model(data, seed, dim)
        graph.publish(tomorrow, "m")
        assert application("u01") == oracle(tomorrow, vector(tomorrow, "u01"), seen(data, "u01"), 7)
        assert application("nobody") == []
    graph.rollback("m")
    back = known_model(data, 2, 5)
    assert application("u01") == oracle(back, vector(back, "u01"), seen(data, "u01"), 7)


def test_one_who_has_seen_all_but_three_gets_those_three(graph, model):
    for k in (1, 3, 4, 100, 2**62):
        for via in ways(graph):
            found = list(graph.recommend([GREEDY], k, model="m", via=via).item)
            assert found == oracle(model, vector(model, GREEDY), set(ITEMS[3:]), k), (via, k)
        for recipe in ["topk", *(["topk_index"] if graph.store.capabilities.vector_index and k < 2**62 else [])]:
            text = graph.cypher(recipe, most=k)
            assert set(graph.query(text, user=GREEDY, k=k).item_id) <= set(ITEMS[:3])


def test_a_graph_file_refuses_a_longer_list_than_its_recipe_was_made_for(graph, model):
    text = graph.cypher("topk", most=5)
    assert len(graph.query(text, user="u01", k=5)) == 5
    if graph.store.capabilities.dialect == "ladybug":
        with pytest.raises(StoreError, match="k must be at most 5"):
            graph.query(text, user="u01", k=6)


def test_what_is_seen_is_what_the_graph_says_now(graph, model):
    first = graph.recommend(["u01"], 1, model="m").item[0]
    graph.load(edges={"BOUGHT": pd.DataFrame({"source": ["u01"], "target": [first], "qty": [1.0], "at": [9]})})
    for via in ways(graph):
        assert first not in set(graph.recommend(["u01"], 30, model="m", via=via).item)
        assert "i00" not in set(graph.recommend([HIDING], 30, model="m", via=via).item)
        everything = graph.recommend(["u01"], 30, model="m", via=via, exclude_seen=False)
        assert set(everything.item) == set(ITEMS)


def test_filters_compose_with_the_seen_filter(graph, model):
    data = graph.dataset()
    hidden = seen(data, "u02")
    cases = [
        ({"include": ["i01", "i05", "i09", "nothing"]}, lambda i: i in {"i01", "i05", "i09"}),
        ({"include": []}, lambda i: False),
        ({"exclude": ["i01", "i05", "nothing"]}, lambda i: i not in {"i01", "i05"}),
        ({"exclude": []}, lambda i: True),
        ({"where": {"HAS TAG": "odd"}}, lambda i: int(i[1:]) % 2 == 1),
        ({"where": {"HAS TAG": ["odd", "even"]}}, lambda i: True),
        ({"where": {"cheap": {"limit": 9.5}}}, lambda i: int(i[1:]) < 10),
        ({"where": {"cheap": 9.5, "HAS TAG": ["even"]}, "exclude": ["i02"]},
         lambda i: int(i[1:]) < 10 and int(i[1:]) % 2 == 0 and i != "i02"),
    ]  # fmt: skip
    for options, only in cases:
        expected = oracle(model, vector(model, "u02"), hidden, 8, only)
        for via in ways(graph):
            assert list(graph.recommend(["u02"], 8, model="m", via=via, **options).item) == expected, (via, options)


def test_an_item_that_is_deleted_while_vectors_are_read_is_in_no_list(graph, model, monkeypatch):
    best = list(graph.recommend(["u01"], 3, model="m").item)
    fresh, real = Graph(graph.store, graph.schema), type(graph.store).neighbours

    def neighbours(store, *arguments):
        store.delete_nodes(graph.schema.item, pa.array(best[:1]))
        return real(store, *arguments)

    monkeypatch.setattr(type(graph.store), "neighbours", neighbours)
    assert list(fresh.recommend(["u01"], 2, model="m").item) == best[1:]


@pytest.mark.parametrize("users", [["u01"], [["i02", "i20"]], ["u01", ["i02", "i20"]]])
def test_a_call_during_which_other_versions_go_live_is_answered_by_one(graph, model, monkeypatch, users):
    real = type(graph.store).read_vectors
    waiting = [model, Spectral(dim=2).fit(graph.dataset())]
    graph.similar(["i05"], 1, model="m")  # item vectors of version 1 are held

    def read_vectors(*arguments):
        due, waiting[:] = list(waiting), []
        for each in due:  # the second one takes the slot of the version that is asked
            graph.publish(each, "m")
        return real(*arguments)

    monkeypatch.setattr(type(graph.store), "read_vectors", read_vectors)
    found = graph.recommend(users, 3, model="m")
    assert set(found.version) == {3}
    again = graph.recommend(users, 3, model="m")
    pd.testing.assert_frame_equal(found, again)
    waiting.extend([model, model])
    scores = graph.explain([("u01", "i05")], model="m").words.score
    assert scores.tolist() == graph.explain([("u01", "i05")], model="m").words.score.tolist()


def test_maps_are_those_of_the_very_version(graph, model, monkeypatch):
    monkeypatch.setattr("graphrec.online.live.read_maps", lambda _, version: version.created)
    held, version = Live(graph.store, graph.schema, "m"), live(graph.store, "m")
    assert held.maps(version) == version.created
    assert held.maps(replace(version, created="later")) == "later"  # the graph was emptied and filled anew


def test_an_item_that_is_deleted_is_in_no_list_any_more(graph, model):
    data = graph.dataset()
    hidden = seen(data, "u01")
    best = lists(graph.recommend(["u01"], 3, model="m"))["u01"]
    alike = list(graph.similar(["i05"], 3, model="m").similar)
    graph.store.delete_nodes(graph.schema.item, pa.array(sorted({best[0], alike[0]} - {"i05"})))
    gone = {best[0], alike[0]}
    expected = oracle(model, vector(model, "u01"), hidden, 3, lambda item: item not in gone)
    for via in ways(graph):
        assert lists(graph.recommend(["u01"], 3, model="m", via=via))["u01"] == expected, via
    assert not gone & set(graph.similar(["i05"], 29, model="m").similar)
    graph.store.delete_nodes(graph.schema.item, pa.array(["i05"]))
    with pytest.raises(UnknownKeyError, match="i05"):
        graph.similar(["i05"], 3, model="m")


def test_new_users_by_their_items(graph, model):
    history = ["i02", "i20", "i20", "i07"]
    rows = model.items.rows(sorted(set(history)))
    folded = model.fold_in_vectors[rows].astype(np.float64).sum(0) / np.sqrt(3)
    expected = oracle(model, folded, set(history), 6)
    frame = graph.recommend([history, ["i00"]], 6, model="m")
    assert lists(frame)[0] == expected
    assert set(frame.path) == {"fold-in"}
    assert list(graph.query(graph.cypher("new_user"), items=history, k=6).item_id) == expected
    assert graph.query(graph.cypher("new_user"), items=["nothing"], k=6).empty
    with pytest.raises(UnknownKeyError, match="nothing"):
        graph.recommend([["nothing"]], model="m")
    shown = [i.model_copy(update={"hides": False}) for i in graph.schema.interactions]
    plain = Graph(graph.store, graph.schema.model_copy(update={"interactions": tuple(shown)}))
    every = oracle(model, folded, set(history), 30)  # what somebody names is never given back
    assert lists(plain.recommend([history], 30, model="m"))[0] == every
    assert list(plain.query(plain.cypher("new_user"), items=history, k=30).item_id) == every


def test_one_who_came_after_the_publish_is_folded_in_from_the_graph(graph, model):
    graph.load(
        nodes={"Customer": pd.DataFrame({"uuid": [NEW]})},
        edges={
            "BOUGHT": pd.DataFrame({"source": [NEW] * 2, "target": ["i02", "i20"], "qty": [1.0, 2.0], "at": [1, 2]})
        },
    )
    frame = graph.recommend([NEW, "u01"], 6, model="m")
    assert lists(frame)[NEW] == list(graph.recommend([["i02", "i20"]], 6, model="m").item)
    assert list(frame.path) == ["fold-in"] * 6 + ["vector"] * 6


def test_unknown_users_by_rule(graph, model):
    with pytest.raises(UnknownKeyError, match="nobody"):
        graph.recommend(["u01", "nobody"], model="m")
    with pytest.warns(GraphRecWarning, match="nobody") as told:
        assert set(graph.recommend(["u01", "nobody"], model="m", on_unknown="warn").user) == {"u01"}
    assert told[0].filename == __file__
    frame = graph.recommend(["nobody"], 5, model="m", on_unknown="fallback")
    counts = graph.dataset().frame("BOUGHT").target.value_counts()
    assert list(frame.item) == sorted(ITEMS, key=lambda i: (-counts.get(i, 0), i))[:5]
    assert set(frame.path) == {"popularity"}


def test_popularity_is_counted_for_the_items_with_vectors_whatever_others_have(graph):
    model = known_model(graph.dataset())
    counts = graph.dataset().frame("BOUGHT").target.value_counts()
    few = sorted(ITEMS, key=lambda i: (counts.get(i, 0), i))[10:14]  # all others have more, or nothing
    model.item_vectors[~np.isin(model.items.keys.to_pylist(), few)] = 0
    graph.publish(model, "m")
    frame = graph.recommend(["nobody"], 5, model="m", on_unknown="fallback")
    best = sorted(few, key=lambda i: (-counts.get(i, 0), i))
    assert dict(zip(frame.item, frame.score, strict=True)) == {i: counts.get(i, 0) for i in best}
    assert list(frame.item) == best


def test_similar_items(graph, model):
    items = model.item_vectors.astype(np.float64)
    unit = items / np.linalg.norm(items, axis=1, keepdims=True)
    for item in ("i05", "i10"):
        row = model.items.rows([item])[0]
        named = zip(unit @ unit[row], model.items.keys.to_pylist(), strict=True)
        expected = [i for _, i in sorted((-float(f"{s:.5e}"), i) for s, i in named if i != item)][:6]
        frame = graph.similar([item], 6, model="m")
        assert list(frame.similar) == expected
        found = graph.query(graph.cypher("similar"), item=item, k=6)
        assert list(found.item_id) == expected
        assert np.allclose(found.score, frame.score, rtol=1e-6)
    assert graph.similar(["i10"], 1, model="m").similar[0] == "i11"


def test_models_that_cannot_fold_in_say_so(graph):
    graph.publish(known_model(graph.dataset()), "m")
    graph.publish(known_model(graph.dataset(), fold_in=False), "m")
    with pytest.raises(ModelError, match="cannot serve new users"):
        graph.recommend([["i01"]], model="m")
    assert graph.query(graph.cypher("new_user"), items=["i01"], k=3).empty


def test_arguments_are_checked(graph, model):
    cases = [
        ({"k": 0}, "`k`"),
        ({"k": True}, "`k`"),
        ({"users": "u01"}, "`users` must be a list"),
        ({"via": "magic"}, "`via`"),
        ({"on_unknown": "shrug"}, "`on_unknown`"),
        ({"where": {"HAS TAGG": "odd"}}, "Did you mean 'HAS TAG'"),
        ({"where": {"cheap": {"limt": 3}}}, "limit"),
        ({"include": "i01"}, "`include`"),
        ({"exclude": [1]}, "`exclude`"),
    ]
    for arguments, message in cases:
        with pytest.raises(ArgumentError, match=message):
            graph.recommend(**{"users": ["u01"], "model": "m", **arguments})


def test_the_only_model_needs_no_name_and_a_missing_one_is_named(graph, model):
    assert list(graph.recommend(["u01"]).item) == list(graph.recommend(["u01"], model="m").item)
    with pytest.raises(UnknownKeyError, match="Known: 'm'"):
        graph.recommend(["u01"], model="M")
    graph.publish(known_model(graph.dataset(), 5), "second")
    with pytest.raises(UnknownKeyError, match="second"):
        graph.recommend(["u01"])
