from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import GREEDY, ITEMS, NEW, SCHEMA, USERS, known_model, planted

import graphrec
from graphrec.errors import ArgumentError, SchemaError, UnknownKeyError
from graphrec.graph import Graph
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

ODD = r"It's \u0041 `place`"
RICH = SCHEMA.model_copy(
    update={
        "item": Node("Odd `label`", key="sku no", name="price", properties=["price"]),
        "interactions": (*SCHEMA.interactions[:1], Interaction("RENTED", weight="days", time="when", target=True)),
        "attributes": (
            *SCHEMA.attributes,
            Attribute("MADE BY", to=Node(ODD, key="no", name="called")),
            Attribute("LIVES_IN", to=Node("Town", key="name"), of="user"),
        ),
    }
)


@pytest.fixture
def graph(any_store):
    """The planted graph with a second target, makers whose keys are numbers, and towns of users."""
    planted(any_store)
    graph = Graph(any_store, RICH)
    rng = np.random.default_rng(2)
    rented = sorted({(USERS[u], ITEMS[i]) for u, i in rng.integers(0, [11, 29], (30, 2))})
    when = pd.Series(pd.to_datetime(rng.integers(10**8, 10**9, len(rented)), unit="s"))
    when[3] = pd.NaT
    graph.load(
        nodes={
            ODD: pd.DataFrame({"no": range(5), "called": ["Ann", "", None, "Ann", "Di's"]}),
            "Town": pd.DataFrame({"name": ["Bern", "Rome"]}),
            "Customer": pd.DataFrame({"uuid": [NEW]}),
        },
        edges={
            "RENTED": pd.DataFrame(rented, columns=["source", "target"]).assign(days=range(len(rented)), when=when),
            "MADE BY": pd.DataFrame({"source": ITEMS[:25], "target": [i % 5 for i in range(25)]}),
            "LIVES_IN": pd.DataFrame({"source": USERS[:8], "target": ["Bern", "Rome"] * 4}),
        },
    )
    return graph


def same(online, offline):
    assert online.side == offline.side
    for name in ("activity", "attributes", "affinity", "similar"):
        one, other = getattr(online, name), getattr(offline, name)
        pd.testing.assert_frame_equal(one, other, check_dtype=False, check_index_type=False, rtol=1e-6)
    for name in ("share", "base", "lift", "score"):  # the same numbers, not only near ones
        assert online.affinity[name].tolist() == offline.affinity[name].tolist()


def test_the_graph_says_what_the_data_says(graph):
    data = graph.dataset()
    same(graph.profile(users=[*USERS[::-1], NEW]), graphrec.profile(None, data, users=[*USERS[::-1], NEW]))
    same(graph.profile(items=ITEMS, k=3), graphrec.profile(None, data, items=ITEMS, k=3))
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    same(graph.profile(items=ITEMS[:4], k=3), graphrec.profile(model, data, items=ITEMS[:4], k=3))
    assert graph.profile(users=[NEW]).activity.interactions.tolist() == [0]
    assert graph.profile(users=[NEW]).affinity.empty
    assert len(graph.profile(users=[]).activity) == 0
    assert "1970-01-01" in str(graph.profile(users=[GREEDY]))


def test_the_recipe_gives_pythons_figures_in_one_statement(graph):
    text = graph.cypher("profile")
    for user in [USERS[0], GREEDY, USERS[7]]:
        found = graph.query(text, user=user, k=4)
        expected = graph.profile(users=[user], k=4).affinity.drop(columns="user")
        assert len(expected) > 3
        for kind in ("Tag", ODD):
            one, other = (f[f["attribute"] == kind].reset_index(drop=True) for f in (found, expected))
            pd.testing.assert_frame_equal(one, other.astype({"value": str}), check_dtype=False, rtol=0, atol=0)
        assert set(found["attribute"]) == {"Tag", ODD}
    assert graph.query(text, user=NEW, k=4).empty
    assert graph.query(text, user="nobody", k=4).empty


def test_a_model_is_no_condition_and_its_name_may_be_given(graph):
    assert graph.profile(items=ITEMS[:2]).similar.empty
    with pytest.raises(UnknownKeyError, match="`model`"):
        graph.profile(items=ITEMS[:2], model="m")
    for seed, name in enumerate(["m", "n"]):
        graph.publish(known_model(graph.dataset(), seed), name)
    assert graph.profile(items=ITEMS[:2]).similar.empty  # which one is not said
    graph.load(nodes={"Odd `label`": pd.DataFrame({"sku no": ["new"], "price": [1.5]})})
    found = graph.profile(items=["new", ITEMS[2]], model="n", k=4)
    assert found.similar.item.tolist() == [ITEMS[2]] * 4
    assert found.similar.similar.tolist() == graph.similar([ITEMS[2]], 4, model="n").similar.tolist()
    assert found.activity.popularity.tolist()[0] == 1 + int(
        (graph.profile(items=ITEMS).activity.interactions > 0).sum()
    )


def test_a_cluster_that_was_written_is_shown(graph):
    assert "cluster" not in graph.profile(users=USERS[:2]).activity
    graph.load(nodes={"Customer": pd.DataFrame({"uuid": USERS[:3], "group": [2, 0, 1]})})
    assert graph.profile(users=[USERS[2], USERS[0]], cluster="group").activity.cluster.tolist() == [1, 2]
    assert "cluster" not in graph.profile(items=ITEMS[:2], cluster="price").activity  # no whole numbers


def test_what_cannot_be_asked(graph):
    for given in ({}, {"users": USERS[:1], "items": ITEMS[:1]}):
        with pytest.raises(ArgumentError, match="`users` must be given, or `items`"):
            graph.profile(**given)
    for given in ({"users": ["nobody"]}, {"items": ["nothing"]}, {"users": [1]}):
        with pytest.raises(UnknownKeyError, match="1 unknown"):
            graph.profile(**given)
    bare = Graph(graph.store, GraphSchema(SCHEMA.user, SCHEMA.item, SCHEMA.interactions))
    assert bare.profile(users=USERS[:1]).affinity.empty
    with pytest.raises(SchemaError, match="attributes of items"):
        bare.cypher("profile")


def test_a_graph_with_nothing_but_nodes(any_store):
    graph = Graph(any_store, RICH)
    graph.load(nodes={"Customer": pd.DataFrame({"uuid": ["a"]}), "Odd `label`": pd.DataFrame({"sku no": ["x"]})})
    assert graph.profile(users=["a"]).activity.interactions.tolist() == [0]
    found = graph.profile(items=["x"])
    assert found.activity.popularity.tolist() == [1]
    assert found.attributes.empty
