"""What only a real Neo4j server can show: errors, retries, exactly-once loads, foreign graphs, hostile names."""

from __future__ import annotations

import datetime
import os
import threading
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from graphrec.errors import ArgumentError, ConnectionFailedError, DataError, PublishError, StoreError
from graphrec.schema import Node, Relationship
from graphrec.store.neo4j import Neo4jStore
from graphrec.store.neo4j_session import check_version
from graphrec.store.protocol import Chunk, Fence
from graphrec.store.queries import quote

if TYPE_CHECKING:
    from neo4j_server import Neo4jServer

USER, ITEM = Node("User", "id"), Node("Item", "id")
RATED = Relationship("RATED", USER, ITEM, weight="stars", time="at")
COSINE = "OPTIONS {indexConfig: {`vector.dimensions`: 2, `vector.similarity_function`: 'cosine'}}"


def some_graph(store: Neo4jStore) -> None:
    for node, keys in ((USER, ["u1", "u2"]), (ITEM, ["i1", "i2"])):
        store.prepare_node(node, pa.schema([("key", pa.string())]))
        store.upsert_nodes(node, pa.table({"key": keys}), Chunk(node.label, 0))
    rows = pa.table({"source": ["u1", "u2"], "target": ["i1", "i2"], "stars": [4.5, None], "at": [1, None]})
    store.upsert_edges(RATED, rows, Chunk("RATED", 0))


# ---------------------------------------------------------------- connections


@pytest.mark.parametrize("version", ["4.4.38", "5.25.1", "", "x"])
def test_an_old_server_is_refused(version: str) -> None:
    with pytest.raises(ConnectionFailedError, match=r"needs Neo4j 5\.26"):
        check_version(version)


@pytest.mark.parametrize("version", ["5.26.0", "5.27-aura", "2025.01.0", "2026.08.1"])
def test_a_new_server_is_taken(version: str) -> None:
    check_version(version)


def test_no_server_at_the_address() -> None:
    with pytest.raises(ConnectionFailedError, match="No Neo4j server answers"):
        Neo4jStore("bolt://127.0.0.1:9", ("neo4j", "secret-word"))


def test_a_url_with_a_password_is_refused_unseen() -> None:
    with pytest.raises(ArgumentError, match="must not hold") as caught:
        Neo4jStore("bolt://neo4j:secret-word@127.0.0.1:9")
    assert "secret-word" not in str(caught.value)


@pytest.mark.parametrize(("url", "options"), [("nosuch://127.0.0.1", {}), ("bolt://127.0.0.1", {"colour": 1})])
def test_an_impossible_address_or_option(url: str, options: dict[str, int]) -> None:
    with pytest.raises(ArgumentError, match="must be a Neo4j address"):
        Neo4jStore(url, None, **options)  # type: ignore[arg-type]


def test_wrong_database(neo4j_server: Neo4jServer) -> None:
    with pytest.raises(ConnectionFailedError, match="SHOW DATABASES"):
        Neo4jStore(neo4j_server.uri, neo4j_server.auth, database="nosuch")


def test_refused_statement_quotes_neither_text_nor_values(neo4j: Neo4jStore) -> None:
    with pytest.raises(StoreError, match=r"refused a statement \(Neo\.ClientError") as caught:
        neo4j.query("RETURN $secret + ", {"secret": "secret-word"})
    assert "secret-word" not in str(caught.value)
    assert "$secret" not in str(caught.value)
    assert caught.value.__cause__ is not None


def test_reads_cannot_write(neo4j: Neo4jStore) -> None:
    with pytest.raises(StoreError, match="AccessMode"):
        neo4j.query("CREATE (:User {id: 'x'})")
    assert neo4j.query("MATCH (n) RETURN count(n) AS n")["n"].to_pylist() == [0]


def test_what_bolt_cannot_carry(neo4j: Neo4jStore) -> None:
    with pytest.raises(DataError, match="cannot be sent"):
        neo4j.query("RETURN $x", {"x": 2**70})


def test_wrong_passwords_then_the_lock(own_server: Neo4jServer) -> None:
    messages = []
    for _ in range(5):
        with pytest.raises(ConnectionFailedError) as caught:
            Neo4jStore(own_server.uri, ("neo4j", "wrong-word"))
        messages.append(str(caught.value))
    assert "refuses this user or password" in messages[0]
    assert "Wait some seconds" in messages[-1]
    assert not any("wrong-word" in message for message in messages)
    with pytest.raises(ConnectionFailedError, match=r"refuses this user or password|Wait some seconds"):
        Neo4jStore(own_server.uri, None)
    time.sleep(5.5)  # the lock ends
    with Neo4jStore(own_server.uri, own_server.auth) as store:
        assert own_server.auth[1] not in repr(store)


def test_killed_server(own_server: Neo4jServer) -> None:
    with Neo4jStore(own_server.uri, own_server.auth, retry_s=1.0) as store:
        some_graph(store)
        own_server.kill()
        with pytest.raises(ConnectionFailedError, match="went away"):
            store.keys(USER)
        own_server.start()
        assert store.keys(USER).to_pylist() == ["u1", "u2"]


def test_a_restart_is_survived_by_retries(own_server: Neo4jServer) -> None:
    with Neo4jStore(own_server.uri, own_server.auth, retry_s=90.0) as store:
        some_graph(store)
        own_server.kill()
        found: list[pa.Array] = []
        reader = threading.Thread(target=lambda: found.append(store.keys(ITEM)))
        reader.start()
        own_server.start()
        reader.join(90)
        assert found[0].to_pylist() == ["i1", "i2"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_forked_processes_read_their_own_answers(neo4j: Neo4jStore) -> None:
    neo4j.query("RETURN 0 AS n")  # leaves a connection for the next one
    begun, parent = os.pipe()
    child = os.fork()
    if child == 0:
        with suppress(BaseException), neo4j._driver.session() as session, session.begin_transaction() as open_one:
            open_one.run("RETURN 1").consume()
            os.write(parent, b".")
            time.sleep(0.5)
            os._exit(open_one.run("RETURN 2 AS n").single(strict=True)["n"])
        os._exit(1)
    os.close(parent)
    os.read(begun, 1)
    os.close(begun)
    assert [neo4j.query("RETURN $n AS n", {"n": n})["n"].to_pylist() for n in (3, 4)] == [[3], [4]]
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 2


# ---------------------------------------------------------------- load


def test_a_repeated_chunk_is_written_once(neo4j: Neo4jStore) -> None:
    some_graph(neo4j)
    rows = pa.table({"source": ["u1"], "target": ["i2"], "stars": [1.0]})
    written = [neo4j.upsert_edges(RATED, rows, Chunk("again", 0, fresh=True)) for _ in range(3)]
    assert written == [1, 0, 0]
    assert neo4j.chunks_done("again") == 1
    assert neo4j.snapshot([USER, ITEM], [RATED]).edges["RATED"].num_rows == 3


def test_a_chunk_too_early_is_refused(neo4j: Neo4jStore) -> None:
    some_graph(neo4j)
    with pytest.raises(StoreError, match="Chunk 2 of a load"):
        neo4j.upsert_nodes(USER, pa.table({"key": ["u3"]}), Chunk("early", 2))
    assert neo4j.keys(USER).to_pylist() == ["u1", "u2"]
    assert neo4j.chunks_done("early") == 0


def test_a_failed_chunk_leaves_nothing(neo4j: Neo4jStore) -> None:
    neo4j.prepare_node(USER, pa.schema([]))
    rows = pa.table(
        {"key": [f"u{i}" for i in range(15_000)], "big": pa.array([1] * 14_999 + [2**64 - 1], pa.uint64())}
    )
    with pytest.raises(DataError, match="cannot be sent"):
        neo4j.upsert_nodes(USER, rows, Chunk("big", 0))  # the first batch of 10,000 rows went well
    assert len(neo4j.keys(USER)) == 0
    assert neo4j.chunks_done("big") == 0


def test_two_processes_with_one_load_write_it_once(neo4j: Neo4jStore) -> None:
    some_graph(neo4j)
    rows = pa.table({"source": ["u1", "u2"], "target": ["i2", "i1"]})
    counts: list[int] = []
    threads = [
        threading.Thread(target=lambda: counts.append(neo4j.upsert_edges(RATED, rows, Chunk("both", 0, fresh=True))))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts) == [0, 0, 0, 2]


def test_null_and_nan_leave_what_is_stored(neo4j: Neo4jStore) -> None:
    neo4j.prepare_node(ITEM, pa.schema([]))
    for number, price in enumerate([1.5, None, float("nan")]):
        rows = pa.table({"key": ["i1"], "price": pa.array([price], pa.float64())})
        neo4j.upsert_nodes(ITEM, rows, Chunk("null", number))
    assert neo4j.snapshot([Node("Item", "id", properties=["price"])], []).nodes["Item"]["price"].to_pylist() == [1.5]


def test_more_nodes_than_are_read_in_one_part(neo4j: Neo4jStore) -> None:
    n = 20_500  # a part is 20,000 ids
    neo4j.query("UNWIND range(1, $n) AS id CREATE (:User {id: id})", {"n": n}, write=True)
    assert sorted(neo4j.snapshot([USER], []).nodes["User"]["key"].to_pylist()) == list(range(1, n + 1))


def test_doubled_keys_are_named(neo4j: Neo4jStore) -> None:
    neo4j.query("UNWIND ['u1', 'u2', 'u2'] AS id CREATE (:User {id: id})", write=True)
    with pytest.raises(DataError, match=r"'id' of 'User' must be unique. Got 'u2' on 2 nodes"):
        neo4j.prepare_node(USER, pa.schema([]))
    with pytest.raises(DataError, match=r"Got 'u2' on 2 nodes"):
        neo4j.snapshot([USER], [])


def test_an_index_of_the_owner_is_left_alone(neo4j: Neo4jStore) -> None:
    with neo4j._driver.session() as session:
        session.run("CREATE INDEX theirs FOR (u:User) ON u.id").consume()
    neo4j.prepare_node(USER, pa.schema([]))
    assert neo4j.query("SHOW INDEXES YIELD name WHERE name = 'theirs' RETURN name").num_rows == 1


def test_deleting_nodes_with_many_relationships(neo4j: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.store.neo4j_load.CUT", 7)
    some_graph(neo4j)
    neo4j.query("MATCH (u:User {id: 'u1'}), (i:Item) UNWIND range(1, 20) AS n CREATE (u)-[:RATED]->(i)", write=True)
    assert neo4j.delete_nodes(USER, pa.array(["u1", "nobody"])) == 1
    assert neo4j.snapshot([USER, ITEM], [RATED]).edges["RATED"].num_rows == 1


# ---------------------------------------------------------------- foreign graphs

CUSTOMER = Node("Customer", "uuid")
PRODUCT = Node("Product", "sku", properties=["name", "added", "tags"])
BOUGHT = Relationship("BOUGHT", CUSTOMER, PRODUCT, weight="qty", time="at")


def test_a_foreign_graph(neo4j_store: Neo4jStore) -> None:
    neo4j_store.query(
        """
        CREATE (a:Customer:VIP {uuid: 'a'}), (b:Customer:`odd label` {uuid: 'b'}), (:Customer),
          (x:Supplier {uuid: 'x'}),
          (p:Product {sku: 7, name: 'pen', added: date('2020-01-02'), tags: ['x', 'y']}), (q:Product:New {sku: 8}),
          (nokey:Product {name: 'no sku'})
        CREATE (a)-[:BOUGHT {qty: 2, at: datetime('1970-01-01T01:00:05+01:00')}]->(p),
          (a)-[:BOUGHT {qty: 1.5, at: localdatetime('1970-01-01T00:01:00')}]->(p),
          (b)-[:BOUGHT {at: date('1970-01-02')}]->(q), (b)-[:BOUGHT {qty: 0, at: '1970-01-01 00:00:09'}]->(p),
          (b)-[:BOUGHT {qty: 3, at: 12.9}]->(q), (b)-[:BOUGHT {qty: 4, at: '1970-01-01T00:00:10Z'}]->(q),
          (x)-[:BOUGHT {qty: 9}]->(p), (b)-[:BOUGHT {qty: 9}]->(nokey), (a)-[:BOUGHT {qty: 9}]->(b),
          (b)-[:BOUGHT]->(q)
        """,
        write=True,
    )
    found = neo4j_store.snapshot([CUSTOMER, PRODUCT], [BOUGHT])
    customers, products = found.nodes["Customer"]["key"].to_pylist(), found.nodes["Product"]["key"].to_pylist()
    assert (sorted(customers), sorted(products)) == (["a", "b"], [7, 8])
    pen = found.nodes["Product"].to_pylist()[products.index(7)]
    assert pen == {"key": 7, "name": "pen", "added": datetime.date(2020, 1, 2), "tags": ["x", "y"]}
    edges = [
        (customers[e["source"]], products[e["target"]], e["weight"], e["time"])
        for e in found.edges["BOUGHT"].to_pylist()
    ]
    expected = [("a", 7, 2, 5), ("a", 7, 1.5, 60), ("b", 8, None, 86400), ("b", 7, 0, 9), ("b", 8, 3, 12)]
    expected += [("b", 8, 4, 10), ("b", 8, None, None)]
    assert sorted(edges, key=str) == sorted(expected, key=str)
    assert not found.moved
    purchases = neo4j_store.neighbours([BOUGHT], pa.array(["b", "nobody", "a"])).to_pylist()
    assert sorted(map(str, purchases)) == sorted(
        str({"source": s, "target": t}) for s, t in [("a", 7), ("b", 7), ("b", 8)]
    )
    assert neo4j_store.popular([BOUGHT], 5).to_pylist() == [{"key": 8, "count": 4}, {"key": 7, "count": 3}]

    told = neo4j_store.describe()
    assert {label: info.count for label, info in told.labels.items()} == {
        "Customer": 3, "VIP": 1, "odd label": 1, "Supplier": 1, "Product": 3, "New": 1
    }  # fmt: skip
    assert told.labels["Product"].properties["sku"] == "INTEGER"
    counts = {(r.source, r.target): r.count for r in told.relationships}
    assert counts["Customer", "Product"] == 8
    assert counts["odd label", "Product"] == 6
    assert ("Product", "Customer") not in counts


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ("{qty: 'two'}", "weight 'qty' of 'BOUGHT' must be a number. Got 'two'"),
        ("{qty: true}", "must be a number. Got True"),
        ("{qty: [1]}", r"must be a number. Got \[1\]"),
        ("{at: 'yesterday'}", "time 'at' of 'BOUGHT' must be epoch seconds.*yesterday"),
        ("{at: true}", "time 'at' of 'BOUGHT' must be epoch seconds"),
        ("{at: duration('P1D')}", "time 'at' of 'BOUGHT' must be epoch seconds"),
        ("{at: 0.0 / 0.0}", "time 'at' of 'BOUGHT' must be epoch seconds.*Got nan"),
        ("{at: 9223372036854775807}", "time 'at' of 'BOUGHT' must be epoch seconds.*Got 9223372036854775807"),
    ],
)
def test_weights_and_times_that_are_none(neo4j: Neo4jStore, properties: str, message: str) -> None:
    neo4j.query(f"CREATE (:Customer {{uuid: 'a'}})-[:BOUGHT {properties}]->(:Product {{sku: 1}})", write=True)
    with pytest.raises(DataError, match=message):
        neo4j.snapshot([CUSTOMER, PRODUCT], [BOUGHT])


def test_keys_of_two_types(neo4j: Neo4jStore) -> None:
    neo4j.query("UNWIND ['1', 1] AS sku CREATE (:Product {sku: sku})", write=True)
    with pytest.raises(DataError, match=r"'sku' of 'Product' must be all strings or all integers. Got 1, '1'"):
        neo4j.keys(PRODUCT)


def test_keys_of_another_type_than_declared(neo4j: Neo4jStore) -> None:
    neo4j.query("CREATE (:Product {sku: 1})", write=True)
    with pytest.raises(DataError, match=r"must be of type string\. Got 1"):
        neo4j.keys(Node("Product", "sku", key_type="string"))


def test_a_graph_that_moves_during_the_export(neo4j: Neo4jStore, monkeypatch: pytest.MonkeyPatch) -> None:
    some_graph(neo4j)
    from graphrec.store import neo4j_read

    edges = neo4j_read._edges

    def others_write(*args: object) -> pa.Table:
        neo4j.query("MATCH (u:User {id: 'u1'}) DETACH DELETE u", write=True)
        return edges(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(neo4j_read, "_edges", others_write)
    moved = neo4j.snapshot([USER, ITEM], [RATED]).moved
    assert moved == ["nodes 'User': 2 before, 1 after", "relationships 'RATED': 2 before, 1 after"]


def test_the_order_of_text_keys_is_arrows(neo4j_store: Neo4jStore) -> None:
    keys = ["a", "B", "é", "\uffee", "\U0001f600", "\ue000", "aa", "", "日本" * 40, "a" * 200]
    neo4j_store.prepare_node(ITEM, pa.schema([]))
    neo4j_store.upsert_nodes(ITEM, pa.table({"key": keys}), Chunk("order", 0))
    text = "MATCH (i:Item) WITH i.id AS id, 1.0 AS score RETURN id ORDER BY score DESC, id LIMIT 100"
    assert neo4j_store.query(text)["id"].to_pylist() == pa.array(keys).sort().to_pylist()


# ---------------------------------------------------------------- names

hostile = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30),
    st.text(st.sampled_from("`\\u0060 {}$'\"\n/*@x*/")).filter(bool),
    st.sampled_from(["`", "``", "\\u0060", "\\\\u0060", "\\uu0060", "a`) DETACH DELETE n //", "`@key`", "/*@set*/"]),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(hostile, hostile)
def test_hostile_names_are_only_names(neo4j: Neo4jStore, label: str, key: str) -> None:
    text = f"CREATE (n:{quote(label, 'neo4j')} {{{quote(key, 'neo4j')}: 1}}) "
    text += "WITH n, labels(n) AS labels, keys(n) AS keys DELETE n RETURN labels, keys"
    found = neo4j.query(text, write=True).to_pylist()
    assert found == [{"labels": [label], "keys": [key]}]


@pytest.mark.parametrize("odd", ["a b", "x`y", "\\u0060", "`@key`", "line\nend", "quo\"te'", "/*@set*/", "$k"])
def test_all_jobs_on_odd_names(neo4j_store: Neo4jStore, odd: str) -> None:
    user, item = Node(f"{odd} user", odd), Node(f"{odd} item", odd, properties=[f"{odd}2"])
    rated = Relationship(odd, user, item, weight=odd, time=f"{odd}t")
    neo4j_store.prepare_node(user, pa.schema([]))
    neo4j_store.prepare_relationship(rated, pa.schema([]))
    neo4j_store.upsert_nodes(user, pa.table({"key": [odd, "u"]}), Chunk("u", 0))
    neo4j_store.upsert_nodes(item, pa.table({"key": [odd, "i"], f"{odd}2": ["x", None]}), Chunk("i", 0))
    rows = pa.table({"source": [odd], "target": [odd], odd: [2.0], f"{odd}t": [3]})
    assert neo4j_store.upsert_edges(rated, rows, Chunk("e", 0, fresh=True)) == 1
    assert neo4j_store.upsert_edges(rated, rows, Chunk("e", 1)) == 1
    found = neo4j_store.snapshot([user, item], [rated])
    assert found.edges[odd].select(["weight", "time"]).to_pylist() == [{"weight": 2.0, "time": 3}]
    assert sorted(map(str, found.nodes[item.label][f"{odd}2"].to_pylist())) == ["None", "x"]
    assert neo4j_store.popular([rated], 1)["key"].to_pylist() == [odd]
    assert [(r.type, r.source, r.target) for r in neo4j_store.describe().relationships] == [
        (odd, user.label, item.label)
    ]
    assert neo4j_store.delete_nodes(user, pa.array([odd])) == 1


# ---------------------------------------------------------------- vectors and records


def test_an_index_of_another_width_goes_with_its_vectors(neo4j_store: Neo4jStore) -> None:
    some_graph(neo4j_store)
    neo4j_store.update_model("m", None, {"lock": "t"})
    fence = Fence("m", "t", 1.0)
    neo4j_store.prepare_vectors(ITEM, "m_a", 2, index=True)
    vectors = np.array([[1, 2], [3, 4e-30]], np.float32)
    assert neo4j_store.write_vectors(ITEM, "m_a", pa.array(["i1", "i2"]), vectors, fence) == 2
    neo4j_store.prepare_vectors(ITEM, "m_a", 2, index=True)
    keys, found = neo4j_store.read_vectors(ITEM, "m_a")
    assert np.array_equal(found[np.argsort(keys.to_pylist())], vectors)
    neo4j_store.prepare_vectors(ITEM, "m_a", 3, index=True)
    assert len(neo4j_store.read_vectors(ITEM, "m_a")[0]) == 0
    (index,) = neo4j_store.describe().indexes
    assert (index.name, index.label, index.dim, index.state) == ("m_a", "Item", 3, "ONLINE")
    neo4j_store.drop_vectors(ITEM, "m_a")
    assert not neo4j_store.describe().indexes


def test_users_and_items_share_a_property_and_only_items_have_an_index(neo4j: Neo4jStore) -> None:
    some_graph(neo4j)
    neo4j.update_model("m", None, {"lock": "t"})
    for node, key, index in ((ITEM, "i1", True), (USER, "u1", False)):
        neo4j.prepare_vectors(node, "m_a", 2, index=index)
        neo4j.write_vectors(node, "m_a", pa.array([key]), np.ones((1, 2), np.float32), Fence("m", "t", 1.0))
    neo4j.prepare_vectors(USER, "m_a", 3, index=False)
    assert [len(neo4j.read_vectors(node, "m_a")[0]) for node in (ITEM, USER)] == [1, 0]
    assert [(index.label, index.dim) for index in neo4j.describe().indexes] == [("Item", 2)]
    neo4j.prepare_vectors(USER, "m_a", 2, index=True)  # as after a change of the schema
    assert [(index.label, index.state) for index in neo4j.describe().indexes] == [("User", "ONLINE")]


@pytest.mark.parametrize(
    ("made", "kind"),
    [
        ("CREATE INDEX m_a FOR (p:Photo) ON (p.taken)", "a RANGE index of 'Photo'.'taken'"),
        ("CREATE CONSTRAINT m_a FOR (p:Photo) REQUIRE p.id IS UNIQUE", "a RANGE index of 'Photo'.'id'"),
        ("CREATE VECTOR INDEX m_a FOR (p:Photo) ON p.embedding " + COSINE, "a VECTOR index of 'Photo'.'embedding'"),
    ],
    ids=["range", "constraint", "vector"],
)
def test_an_index_of_somebody_else_stays_and_stands_in_the_way(neo4j: Neo4jStore, made: str, kind: str) -> None:
    some_graph(neo4j)
    neo4j.query(made, write=True)
    try:
        neo4j.prepare_vectors(USER, "m_a", 2, index=False)
        with pytest.raises(StoreError, match=rf"has for {kind}\. Publish under another name"):
            neo4j.prepare_vectors(ITEM, "m_a", 2, index=True)
        assert neo4j.query("SHOW INDEXES YIELD name, properties WHERE name = 'm_a'").num_rows == 1
    finally:
        neo4j.query(f"DROP {'CONSTRAINT' if 'CONSTRAINT' in made else 'INDEX'} m_a", write=True)


def test_the_index_is_unquantised_cosine(neo4j_store: Neo4jStore) -> None:
    neo4j_store.prepare_vectors(ITEM, "m_a", 2, index=True)
    text = "SHOW VECTOR INDEXES YIELD options RETURN options.indexConfig AS c"
    (config,) = neo4j_store.query(text)["c"].to_pylist()
    assert config["vector.similarity_function"].lower() == "cosine"
    assert config.get("vector.quantization.enabled", False) is False
    assert config.get("vector.quantization.type", "NONE") == "NONE"  # how later releases tell it
    assert {"vector.quantization.enabled", "vector.quantization.type"} & config.keys()
    assert (config["vector.hnsw.m"], config["vector.dimensions"]) == (32, 2)


def test_vectors_without_the_lock_are_not_written(neo4j: Neo4jStore) -> None:
    some_graph(neo4j)
    neo4j.update_model("m", None, {"lock": "other", "lock_until": 7.0})
    neo4j.prepare_vectors(ITEM, "m_a", 1, index=False)
    one = np.ones((1, 1), np.float32)
    for fence in (Fence("m", "mine", 9.0), Fence("nosuch", "mine", 9.0)):
        with pytest.raises(PublishError, match="taken over"):
            neo4j.write_vectors(ITEM, "m_a", pa.array(["i1"]), one, fence)
        with pytest.raises(PublishError, match="taken over"):
            neo4j.clear_vectors(ITEM, "m_a", pa.array(["i1"]), fence)
    assert len(neo4j.read_vectors(ITEM, "m_a")[0]) == 0
    assert neo4j.models() == [{"name": "m", "lock": "other", "lock_until": 7.0}]


def test_vectors_that_are_not_finite(neo4j: Neo4jStore) -> None:
    with pytest.raises(ArgumentError, match="must be finite"):
        neo4j.write_vectors(ITEM, "m_a", pa.array(["i1"]), np.array([[np.nan]], np.float32), Fence("m", "t", 1.0))


def test_one_of_many_creators_wins(neo4j: Neo4jStore) -> None:
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: won.append(neo4j.update_model("m", None, {"n": n}))) for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]
    assert len(neo4j.models()) == 1


def test_one_of_many_changers_wins(neo4j: Neo4jStore) -> None:
    neo4j.update_model("m", None, {"n": -1})
    won: list[bool] = []
    threads = [
        threading.Thread(target=lambda n=n: won.append(neo4j.update_model("m", {"n": -1}, {"n": n})))
        for n in range(8)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == [False] * 7 + [True]


def test_a_plain_value_among_lists_is_a_list_of_one(neo4j: Neo4jStore) -> None:
    neo4j.query(
        "CREATE (:Item {id: 'a', tags: ['x', 'y']}), (:Item {id: 'b', tags: 'z'}), (:Item {id: 'c'})", write=True
    )
    found = neo4j.snapshot([Node("Item", "id", properties=["tags"])], []).nodes["Item"]
    assert dict(zip(*found.to_pydict().values(), strict=True)) == {"a": ["x", "y"], "b": ["z"], "c": None}


def test_a_node_that_another_one_deletes_meanwhile_is_looked_for_again(neo4j: Neo4jStore) -> None:
    neo4j.query("CREATE (:Item {id: 'a'})", write=True)
    calls: list[int] = []

    def work(tx: Any) -> int:
        calls.append(1)
        if len(calls) == 1:
            tx.run("MATCH (n:Item) DELETE n WITH n CALL db.create.setNodeVectorProperty(n, 'v', [1.0])").consume()
        return int(tx.run("MATCH (n:Item) RETURN count(n) AS n").single(strict=True)["n"])

    assert neo4j._write(work) == 1
    assert len(calls) == 2
