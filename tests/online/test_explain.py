from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import HIDING, ITEMS, NEW, USERS, known_model, planted

import graphrec
from graphrec.errors import ArgumentError, UnknownKeyError
from graphrec.schema import Attribute, Node


@pytest.fixture
def graph(any_store):
    return planted(any_store)


@pytest.fixture
def model(graph):
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    return model


def test_the_graph_says_what_the_model_says(graph, model):
    pairs = [(user, item) for user in USERS[:4] for item in ITEMS[:6]]
    online, offline = graph.explain(pairs), graphrec.explain(model, graph.dataset(), pairs)
    pd.testing.assert_frame_equal(online.parts, offline.parts, rtol=1e-9, atol=1e-9)
    pd.testing.assert_frame_equal(online.paths, offline.paths)
    pd.testing.assert_frame_equal(online.words, offline.words, rtol=1e-9, atol=1e-9)
    assert (online.paths.attribute == "Tag").all()
    sums = online.parts.groupby(["user", "item"], sort=False)["part"].sum()
    np.testing.assert_allclose(sums, online.words.score, atol=1e-9)


def test_the_recipe_gives_the_same_parts_in_one_statement(graph, model):
    text = graph.cypher("explain")
    for seed in (0, 3):  # both slots
        if seed:
            graph.publish(known_model(graph.dataset(), seed, 5), "m")
        for user, item in [(USERS[0], ITEMS[1]), (HIDING, "i10")]:
            found = graph.query(text, user=user, item=item)
            expected = graph.explain([(user, item)]).parts
            assert found.because.tolist()[1:] == expected.because.tolist()[1:]
            assert found.because.isna().tolist() == [True] + [False] * (len(found) - 1)
            np.testing.assert_allclose(found.part, expected.part, atol=1e-5)
            assert found.part.sum() == pytest.approx(expected.score[0], abs=1e-5)
        assert graph.query(text, user="nobody", item=ITEMS[0]).empty
        assert graph.query(text, user=USERS[0], item="nothing").empty


def test_somebody_who_came_later_is_wholly_their_history(graph, model):
    bought = pd.DataFrame({"source": [NEW] * 3, "target": ITEMS[5:8], "qty": 1.0, "at": 0})
    graph.load(nodes={"Customer": pd.DataFrame({"uuid": [NEW]})}, edges={"BOUGHT": bought})
    found = graph.explain(graph.recommend([NEW], 2))
    own = found.parts[found.parts.because.isna()]
    np.testing.assert_allclose(own.part, 0, atol=1e-5)
    assert set(found.parts.because.dropna()) == set(ITEMS[5:8])
    by_cypher = graph.query(graph.cypher("explain"), user=NEW, item=found.words.item[0])
    first = found.parts[found.parts.item == found.words.item[0]]
    np.testing.assert_allclose(by_cypher.part, first.part, atol=1e-5)


def test_a_model_that_cannot_fold_in_has_own_parts_alone(graph):
    graph.publish(known_model(graph.dataset(), fold_in=False), "m")
    found = graph.explain([(USERS[0], ITEMS[0])])
    assert found.parts.because.isna().all()
    assert found.parts.part.tolist() == found.words.score.tolist()
    by_cypher = graph.query(graph.cypher("explain"), user=USERS[0], item=ITEMS[0])
    assert by_cypher.because.isna().tolist() == [True]
    np.testing.assert_allclose(by_cypher.part, found.parts.part, atol=1e-5)


def test_names_are_what_people_read(any_store):
    graph = planted(any_store)
    item = graph.schema.item.model_copy(update={"name": "title"})
    tag = Attribute("HAS TAG", to=Node("Tag", key="name", name="said"))
    named = graphrec.Graph(any_store, graph.schema.model_copy(update={"item": item, "attributes": (tag,)}))
    titles = pd.DataFrame({"sku no": ITEMS[:29], "title": [f"The {key}" for key in ITEMS[:29]]})
    named.load(nodes={"Odd `label`": titles, "Tag": pd.DataFrame({"name": ["odd"], "said": ["O'dd"]})})
    model = known_model(named.dataset())
    named.publish(model, "m")
    pairs = [(USERS[0], item) for item in ITEMS[:4]]
    found = named.explain(pairs)
    assert "because of The i" in found.words.text[0] or ITEMS[29] in found.words.text[0]
    assert set(found.paths.value) == {"even", "O'dd"}
    offline = graphrec.explain(model, named.dataset(), pairs)
    pd.testing.assert_frame_equal(found.paths, offline.paths)
    assert found.words.text.tolist() == offline.words.text.tolist()


def test_for_an_empty_name_the_key_is_read(graph, model, any_store):
    item = graph.schema.item.model_copy(update={"name": "title"})
    named = graphrec.Graph(any_store, graph.schema.model_copy(update={"item": item}))
    named.load(nodes={"Odd `label`": pd.DataFrame({"sku no": ITEMS, "title": ""})})
    pairs = [(USERS[0], item) for item in ITEMS[:4]]
    texts = graph.explain(pairs).words.text.tolist()
    assert named.explain(pairs).words.text.tolist() == texts
    assert graphrec.explain(model, named.dataset(), pairs).words.text.tolist() == texts


def test_what_cannot_be_explained(graph, model):
    with pytest.raises(UnknownKeyError, match="nobody"):
        graph.explain([("nobody", ITEMS[0])])
    with pytest.raises(UnknownKeyError, match="nothing"):
        graph.explain([(USERS[0], "nothing")])
    graph.load({"Odd `label`": pd.DataFrame({"sku no": ["i99"]})})
    with pytest.raises(UnknownKeyError, match=r"`pairs` must name items with vectors in 'm'. Got 1 .*'i99'.*refresh"):
        graph.explain([(USERS[0], "i99")])
    with pytest.raises(ArgumentError, match="pairs"):
        graph.explain("u01")
    empty = graph.explain([])
    assert [len(frame) for frame in (empty.parts, empty.paths, empty.words)] == [0, 0, 0]
