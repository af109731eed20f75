from __future__ import annotations

import threading
from dataclasses import dataclass, replace
from itertools import product
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import torch
from everything import everything
from planted import ITEMS, NEW, USERS, known_model, oracle, planted, seen

import graphrec.publish.columns as publishing
from graphrec.data.tables import NodeTable
from graphrec.errors import ArgumentError, ModelError, PublishError, StoreError
from graphrec.graph import Graph
from graphrec.models import ItemKNN
from graphrec.publish.record import Lock, find, live, locked


@pytest.fixture
def graph(any_store):
    return planted(any_store)


def stored(graph, node, place):
    keys, vectors = graph.store.read_vectors(node, place)
    return dict(zip(keys.to_pylist(), map(tuple, vectors.tolist()), strict=True))


def test_what_is_published_is_the_model_bit_for_bit(graph):
    model = known_model(graph.dataset())
    version = graph.publish(model, "m")
    assert (version.version, version.slot, version.dim, version.users, version.items) == (1, "a", 8, 12, 30)
    scale = version.scale
    users, items = stored(graph, graph.schema.user, "m_a"), stored(graph, graph.schema.item, "m_a")
    added = stored(graph, graph.schema.item, "m_a_in")
    for row, key in enumerate(USERS):
        assert users[key][:8] == tuple(model.user_vectors[row].tolist())
    for row, key in enumerate(ITEMS):
        assert tuple(np.float32(x) * np.float32(scale) for x in items[key][:8]) == tuple(model.item_vectors[row])
        assert added[key] == tuple(model.fold_in_vectors[row].tolist())
    if graph.store.capabilities.vector_index:
        assert version.index_recall == 1.0
        assert {(i.property, i.dim, i.state) for i in graph.store.describe().indexes} >= {("m_a", 9, "ONLINE")}


def test_the_name_of_another_schemas_model_is_refused(graph):
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    kept = live(graph.store, "m")
    assert graph.store.update_model("m", {"version": 1}, {"user_label": "Reader"})
    with pytest.raises(PublishError, match=r"must not be that of another schema's model. Got 'm'. It is of 'Reader'"):
        graph.publish(model, "m")
    assert live(graph.store, "m") == replace(kept, user_label="Reader")
    graph.query("MATCH (m:GraphrecModel {name: 'm'}) DETACH DELETE m")
    assert graph.publish(model, "m").version == 1


def test_a_node_that_is_a_user_and_an_item_is_refused(neo4j):
    graph = planted(neo4j)  # a node of a graph file has one label
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    user, item = (node.label.replace("`", "``") for node in (graph.schema.user, graph.schema.item))
    graph.query(f"MATCH (n:`{user}`) WITH n LIMIT 1 SET n:`{item}`, n.touched = true")
    with pytest.raises(
        PublishError, match=r"must not have a node that is '.*' and '.*'\. Got .*Take one of the labels"
    ):
        graph.publish(model, "m")
    assert live(graph.store, "m").version == 1
    graph.query(f"MATCH (n:`{user}`:`{item}`) REMOVE n:`{item}`")
    assert graph.publish(model, "m").version == 2


def test_versions_alternate_between_slots_and_are_never_given_twice(graph):
    data = graph.dataset()
    seen = [graph.publish(known_model(data, seed), "m") for seed in range(3)]
    assert [(v.version, v.slot) for v in seen] == [(1, "a"), (2, "b"), (3, "a")]
    assert graph.rollback("m").version == 2
    assert graph.rollback("m").version == 3  # a rollback can be undone
    assert graph.rollback("m").version == 2
    assert (graph.publish(known_model(data, 3), "m").version, live(graph.store, "m").slot) == (4, "a")
    frame = graph.models()
    assert list(frame[["name", "version", "previous", "rollback"]].iloc[0]) == ["m", 4, 2, True]


@pytest.mark.neo4j
def test_a_publish_that_is_refused_before_it_writes_leaves_what_a_rollback_would_bring(neo4j):
    graph = planted(neo4j)
    model = known_model(graph.dataset())
    for _ in range(2):
        graph.publish(model, "m")
    neo4j.query("DROP INDEX m_a", write=True)
    neo4j.query("CREATE INDEX m_a FOR (c:Customer) ON (c.title)", write=True)
    try:
        with pytest.raises(StoreError, match="need an index of the name 'm_a'"):
            graph.publish(model, "m")
    finally:
        neo4j.query("DROP INDEX m_a", write=True)
    assert graph.models()["rollback"].tolist() == [True]
    assert graph.rollback("m").version == 1


def test_there_is_nothing_to_roll_back_to_after_one_version(graph):
    graph.publish(known_model(graph.dataset()), "m")
    with pytest.raises(PublishError, match="no version to roll back to"):
        graph.rollback("m")


def test_vectors_that_the_new_version_does_not_have_are_gone(graph):
    data = graph.dataset()
    for seed in (0, 1):
        graph.publish(known_model(data, seed), "m")
    graph.store.delete_nodes(graph.schema.item, pa.array(["i29"]))
    third = known_model(graph.dataset(), 2, fold_in=False)
    third.user_vectors[5] = 0  # nothing is known of this user
    graph.publish(third, "m")
    assert set(stored(graph, graph.schema.item, "m_a")) == set(ITEMS[:29])
    assert set(stored(graph, graph.schema.user, "m_a")) == set(USERS) - {USERS[5]}
    assert stored(graph, graph.schema.item, "m_a_in") == {}


class Failing:
    """A store that fails at its n-th write of vectors, as a database that goes away."""

    def __init__(self, store, n):
        self._store, self._left = store, n

    def __getattr__(self, name):
        return getattr(self._store, name)

    def write_vectors(self, *arguments):
        self._left -= 1
        if not self._left:
            raise StoreError("the database went away")
        return self._store.write_vectors(*arguments)


class Churning(Failing):
    """A store from which others delete an item before its n-th write of vectors and after each one that follows."""

    def write_vectors(self, *arguments):
        self._left -= 1
        if self._left <= 0:
            self._store.delete_nodes(arguments[0], arguments[2][:1] if self._left == 0 else arguments[2][-1:])
        return self._store.write_vectors(*arguments)


def test_nodes_that_are_deleted_while_a_model_is_published_are_left_out(graph, monkeypatch):
    model = known_model(graph.dataset())
    monkeypatch.setattr(publishing, "MISSING", 0.1)
    Graph(Churning(graph.store, 2), graph.schema).publish(model, "m")
    left = graph.store.keys(graph.schema.item).to_pylist()
    assert 26 < len(left) < 30
    assert set(stored(graph, graph.schema.item, "m_a")) == set(left)
    monkeypatch.setattr(publishing, "MISSING", 0.0)
    with pytest.raises(PublishError, match=r"1 of 28 .* nodes vanished"):
        Graph(Churning(graph.store, 2), graph.schema).publish(known_model(graph.dataset()), "m")
    assert live(graph.store, "m").version == 1


@pytest.mark.parametrize("n", [1, 2, 3, 5])
def test_a_publish_that_fails_leaves_the_old_version_serving(graph, n, monkeypatch):
    monkeypatch.setattr(publishing, "ROWS", 10)
    data = graph.dataset()
    first = known_model(data)
    graph.publish(first, "m")
    graph.publish(known_model(data, 1), "m")
    before = graph.recommend(USERS, 5)
    with pytest.raises(StoreError, match="went away"):
        Graph(Failing(graph.store, n), graph.schema).publish(known_model(data, 2), "m")
    assert graph.recommend(USERS, 5).equals(before)
    with pytest.raises(PublishError, match="no version to roll back to"):  # half of that slot is the new model's
        graph.rollback("m")
    assert graph.publish(known_model(data, 2), "m").version == 3


def test_two_publishers_wait_for_each_other(graph):
    data = graph.dataset()
    models = [known_model(data, seed) for seed in range(4)]
    found, threads = [], []
    for model in models:
        threads.append(threading.Thread(target=lambda m=model: found.append((graph.publish(m, "m").version, m))))
        threads[-1].start()
    for thread in threads:
        thread.join()
    assert sorted(version for version, _ in found) == [1, 2, 3, 4]
    last = dict(found)[4]
    users = stored(graph, graph.schema.user, f"m_{live(graph.store, 'm').slot}")
    assert users["u00"][:8] == tuple(last.user_vectors[0].tolist())


def test_a_publisher_that_is_not_waited_for_is_refused(graph):
    with locked(graph.store, "m", 0), pytest.raises(PublishError, match="Another publisher"):
        graph.publish(known_model(graph.dataset()), "m", wait_s=0)
    assert find(graph.store, "m").get("lock") is None


def test_a_lock_whose_owner_died_is_taken_over(graph):
    with locked(graph.store, "m", 0) as lock:
        lock.set({"lock_owner": f"{find(graph.store, 'm')['lock_owner'].rpartition(':')[0]}:999999999"})
        assert graph.publish(known_model(graph.dataset()), "m", wait_s=0).version == 1
    with locked(graph.store, "n", 0) as lock:
        lock.set({"lock_owner": "elsewhere:1", "lock_until": 0.0})
        assert graph.publish(known_model(graph.dataset()), "n", wait_s=0).version == 1


def test_a_publisher_that_lost_its_lock_stops(graph, monkeypatch):
    monkeypatch.setattr(publishing, "ROWS", 10)
    data = graph.dataset()
    graph.publish(known_model(data), "m")
    before = graph.recommend(USERS, 5)

    def steal(what, done, total):
        Lock(graph.store, "m", find(graph.store, "m")["lock"]).set({"lock": "somebody else"})

    with pytest.raises(PublishError):
        graph.publish(known_model(data, 1), "m", progress=steal)
    assert graph.recommend(USERS, 5).equals(before)
    assert find(graph.store, "m")["lock"] == "somebody else"


def test_the_model_of_another_graph_is_refused(graph):
    model = known_model(graph.dataset())
    other = NodeTable("Customer", pa.array([f"x{i:02}" for i in range(12)]), pa.table({}))
    numbers = NodeTable("Customer", pa.array(range(12), pa.int64()), pa.table({}))
    for users in (other, numbers):
        with pytest.raises(ModelError, match="belongs to another graph"):
            graph.publish(replace(model, users=users), "m")
    with pytest.raises(ModelError, match="label 'Person'"):
        graph.publish(replace(model, users=replace(model.users, label="Person")), "m")
    assert graph.store.models() == []


def test_a_model_without_vectors_is_refused(graph):
    before = everything(graph.store)
    model = ItemKNN().fit(graph.dataset())
    with pytest.raises(ArgumentError, match=r"`model` must have vectors that can.*item-knn.*recommend"):
        graph.publish(model, "movies")
    with pytest.raises(ArgumentError, match=r"`model` must be a fitted model.*Call fit\(data\) first"):
        graph.publish(ItemKNN(), "movies")
    assert everything(graph.store) == before


def test_a_few_nodes_may_be_gone_and_new_ones_may_have_come(graph):
    model = known_model(graph.dataset())
    graph.store.delete_nodes(graph.schema.item, pa.array(["i29"]))
    graph.load(nodes={"Customer": pd.DataFrame({"uuid": [NEW]})})
    version = graph.publish(model, "m")
    assert (version.users, version.items) == (12, 29)
    assert version.index_recall in (None, 1.0)  # lists of what is there


@dataclass
class Own:
    """Vectors of a program that knows nothing of our models."""

    users: object
    items: object
    user_vectors: object
    item_vectors: object
    fold_in_vectors: object = None
    name: str = "own"


def test_own_vectors_are_published_and_served(graph):
    data = graph.dataset()
    model = known_model(data, fold_in=False)
    version = graph.publish(Own(data.users, data.items, model.user_vectors, model.item_vectors), "own")
    assert (version.kind, version.fold_in, version.fingerprint) == ("own", False, "")
    row = data.users.rows(USERS[:1])[0]
    best = oracle(model, model.user_vectors[row], seen(data, USERS[0]), 5)
    assert graph.recommend(USERS[:1], 5)["item"].tolist() == best


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"user_vectors": np.zeros((11, 8), np.float32)}, r"`user_vectors` of 'own' .*float32 \[12, 8\].*\[11, 8\]"),
        ({"item_vectors": np.zeros((60, 8), np.float32)}, r"`item_vectors` of 'own' .*\[30, 8\].*\[60, 8\]"),
        ({"item_vectors": np.zeros((30, 4), np.float32)}, r"`item_vectors` .*\[30, 8\].*\[30, 4\]"),
        ({"item_vectors": np.zeros((30, 8))}, r"`item_vectors` .*Got ndarray float64 \[30, 8\]"),
        ({"item_vectors": torch.zeros(30, 8)}, r"`item_vectors` .*NumPy.*Got Tensor torch.float32 \[30, 8\]"),
        ({"item_vectors": [[0.0] * 8] * 30}, r"`item_vectors` .*Got list"),
        ({"fold_in_vectors": np.zeros((30, 4), np.float32)}, r"`fold_in_vectors` .*\[30, 8\].*\[30, 4\]"),
        ({"users": USERS}, r"`users` of 'own' must be a table of nodes. Got 'list'. Take `data.users`"),
        ({"fold_in_vectors": ...}, r"`model` must have name, users.*fold_in_vectors` may be None"),
    ],
)
def test_vectors_that_do_not_stand_beside_the_keys_are_refused(graph, change, match):
    data = graph.dataset()
    given = known_model(data)
    model = Own(data.users, data.items, given.user_vectors, given.item_vectors, given.fold_in_vectors)
    for name, value in change.items():
        setattr(model, name, value)
    if model.fold_in_vectors is ...:
        model = SimpleNamespace(**{name: value for name, value in vars(model).items() if value is not ...})
    with pytest.raises(ArgumentError, match=match):
        graph.publish(model, "m")
    assert graph.store.models() == []


def test_vectors_that_are_not_finite_are_refused(graph):
    data = graph.dataset()
    for what, value in product(["user_vectors", "item_vectors", "fold_in_vectors"], [np.nan, np.inf]):
        model = known_model(data)
        getattr(model, what)[3, 2] = value
        with pytest.raises(ModelError, match=f"`{what}`"):
            graph.publish(model, "m")
    assert graph.store.models() == []


def test_names_that_cannot_be_part_of_a_property_are_refused(graph):
    model = known_model(graph.dataset())
    for name in ("", "1m", "a b", "a`b", "x" * 42, "m_a'", None):
        with pytest.raises(ArgumentError, match="`name` must be a letter"):
            graph.publish(model, name)


def test_names_that_differ_only_in_case_take_no_vectors_from_each_other(graph):
    first, second = (known_model(graph.dataset(), seed) for seed in (1, 2))
    graph.publish(first, "m")
    before = graph.recommend(USERS, 5, model="m")
    if graph.store.capabilities.dialect == "ladybug":
        with pytest.raises(StoreError, match=r"what 'm_a' of 'Customer' holds: values of type DOUBLE.*another name"):
            graph.publish(second, "M")
    else:
        graph.publish(second, "M")
    assert graph.recommend(USERS, 5, model="m").equals(before)
