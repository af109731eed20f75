from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from interactions import communities
from planted import SCHEMA, USERS, known_model, planted

from graphrec.errors import ArgumentError, SchemaError, StoreError, UnknownKeyError
from graphrec.graph import Graph, connect
from graphrec.models import FriendTastes, Fusion, LightGCN, Popularity, SoftmaxGCN, Spectral
from graphrec.schema import GraphSchema, Interaction, Node, Social

PARTS = [{"kind": "spectral", "dim": 8}, {"kind": "softmax-gcn", "dim": 8, "epochs": 3, "weight": 2.0}]
MODELS = [LightGCN(dim=8, epochs=3), Spectral(dim=8), SoftmaxGCN(dim=8, epochs=3), Fusion(parts=PARTS, dim=8)]


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.kind)
def test_the_whole_loop_by_the_readme(any_store, model):
    graph = planted(any_store)
    data = graph.dataset()
    split = data.split("random", test=0.2, validation=0.1)
    full = model.fit(split.train, validation=split.validation, progress=False).refit(data, progress=False)
    graph.publish(full, name="m")
    frame = graph.recommend(USERS, k=3)
    seen = data.seen().toarray()
    scores = np.where(seen, -np.inf, full.score(np.arange(len(USERS))))
    for row, user in enumerate(USERS):
        there = frame[frame.user == user]
        assert list(there.score) == pytest.approx(np.sort(scores[row])[::-1][: len(there)], rel=1e-5, abs=1e-6)
    assert list(frame.columns) == ["user", "item", "score", "rank", "model", "version", "path", "item_path"]
    assert set(frame.user) == set(USERS)
    assert data.hetero().validate()


def test_a_graph_that_the_schema_does_not_fit_is_refused_with_what_is_there(any_store):
    planted(any_store)
    wrong = GraphSchema(user=Node("Custmer", key="uuid"), item=SCHEMA.item, interactions=[Interaction("BOUGHT")])
    with pytest.raises(SchemaError, match="Did you mean 'Customer'"):
        Graph(any_store, wrong).dataset()


def test_who_has_only_friends_gets_one_list_from_python_and_cypher(any_store):
    graph = Graph(any_store, GraphSchema(interactions=[Interaction("PLAYED")], social=[Social("FRIEND")]))
    users, items = [f"u{u:02}" for u in range(60)], [f"i{i:02}" for i in range(40)]
    played = [(users[u], items[i]) for u, i in zip(*communities()[:59].nonzero(), strict=True)]
    friends = [(users[59], users[u]) for u in (3, 7, 11)] + [(users[u], users[(u + 4) % 59]) for u in range(59)]
    nodes = {"User": pd.DataFrame({"user_id": users}), "Item": pd.DataFrame({"item_id": items})}
    ties = {"PLAYED": played, "FRIEND": friends}
    graph.load(nodes, {name: pd.DataFrame(pairs, columns=["source", "target"]) for name, pairs in ties.items()})
    data = graph.dataset()
    fitted = FriendTastes(base={"kind": "spectral", "dim": 8}).fit(data)
    graph.publish(fitted, name="m")
    seen, frame = data.seen().toarray(), graph.recommend(users, k=5)
    for row, user in enumerate(users):
        scores = fitted.item_vectors.astype(np.float64) @ fitted.user_vectors[row].astype(np.float64)
        best = sorted((-float(f"{score:.5e}"), item) for item, score in enumerate(scores) if not seen[row, item])[:5]
        expected = [items[item] for _, item in best]
        assert list(frame.item[frame.user == user]) == expected
        if row in (0, 30, 59):
            assert list(graph.query(graph.cypher("topk"), user=user, k=5).item_id) == expected
    assert all(int(item[1:]) % 4 == 3 for item in frame.item[frame.user == users[59]])


def test_what_is_no_schema_is_refused_before_a_file_is_made(tmp_path):
    with pytest.raises(ArgumentError, match=r"`schema` must be a GraphSchema. Got 'dict'"):
        connect(tmp_path / "g.lbug", schema={"user": "User"})
    assert not list(tmp_path.iterdir())


def test_an_empty_graph_is_said_to_be_empty(any_store):
    with pytest.raises(SchemaError, match="nothing yet"):
        Graph(any_store, SCHEMA).dataset()


def test_the_snapshot_equals_what_was_loaded(any_store):
    graph = planted(any_store)
    data = graph.dataset()
    assert data.users.keys.to_pylist() == USERS
    prices = data.frame("Odd `label`")
    assert list(prices.price) == list(np.arange(30.0))
    tags = data.frame("HAS TAG")
    assert all(int(i[1:]) % 2 == (t == "odd") for i, t in zip(tags.source, tags.target, strict=True))
    assert graph.dataset().fingerprint == data.fingerprint


def test_models_are_listed_and_a_missing_one_is_named(any_store):
    graph = planted(any_store)
    assert graph.models().empty
    with pytest.raises(UnknownKeyError, match="None is published yet"):
        graph.recommend(["u00"])
    graph.publish(known_model(graph.dataset()), "m")
    assert graph.models()[["name", "version", "kind", "users", "items"]].iloc[0].tolist() == [
        "m",
        1,
        "popularity",
        12,
        30,
    ]


def test_cypher_may_be_run_and_values_are_parameters(any_store):
    graph = planted(any_store)
    found = graph.query("MATCH (u:Customer {uuid: $key}) RETURN u.uuid AS key", key="u01'}) DETACH DELETE u //")
    assert found.empty
    assert isinstance(found, pd.DataFrame)
    assert len(graph.dataset().users) == 12


def test_a_file_open_for_reading_runs_what_reads_and_refuses_what_writes(tmp_path):
    with connect(tmp_path / "g.lbug") as graph:
        played = pd.DataFrame({"source": list("aabb"), "target": [1, 2, 2, 3]})
        graph.load(edges={"INTERACTED": played}, on_missing="create")
        graph.publish(Popularity().fit(graph.dataset()), "m")
    with connect(tmp_path / "g.lbug", read_only=True) as graph:
        assert graph.query(graph.cypher("topk"), user="a", k=3).item_id.tolist() == [3]
        for text in ("CREATE (:User {user_id: 'z'})", "MATCH (u:User) DETACH DELETE u"):
            with pytest.raises(StoreError, match=r"open for reading only. Open it for writing"):
                graph.query(text)
        assert graph.query("MATCH (u:User) RETURN count(u) AS n").n.tolist() == [2]


def test_a_closed_graph_says_so(tmp_path):
    with connect(tmp_path / "g.lbug") as graph:
        assert "LadybugStore" in repr(graph)
    with pytest.raises(StoreError, match="closed"):
        graph.models()
