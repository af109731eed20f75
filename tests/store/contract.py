"""What every `GraphStore` must do. A subclass of `StoreContract` with a fixture ``store`` (empty) runs it."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest

from graphrec.errors import ArgumentError, DataError, PublishError, StoreError
from graphrec.schema import Node, Relationship
from graphrec.store.protocol import Chunk, Fence

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.store.protocol import GraphStore, Record

USER = Node("User", "uid", "string", ("name",))
ITEM = Node("Item", "sku", "integer", ("title", "year", "price", "fresh"))
RATED = Relationship("RATED", USER, ITEM, "stars", "at")
VIEWED = Relationship("VIEWED", USER, ITEM)
FRIEND = Relationship("FRIEND", USER, USER)
ALL = (RATED, VIEWED, FRIEND)

HOSTILE = {
    "space": "a b",
    "backtick": "x`y",
    "backtick first": "`",
    "backticks": "``a``",
    "newline": "n\nl",
    "quotes": "q'\"",
    "escape": r"\u0060",
    "escape in the middle": r"a\u0060) DETACH DELETE (n",
    "backslashes": "a\\\\",
    "cypher": "X {}) MATCH (n) DETACH DELETE n //",
    "comment": "/*@where*/",
    "role": "`@label`",
    "dollar": "$user",
    "emoji": "😀 Bücher",
    "statement": "A; DROP TABLE B",
    "long": "n" * 400,
}


def fill(store: GraphStore, nodes: Sequence[tuple[Node, dict[str, Any]]]) -> None:
    """Write nodes given as columns."""
    for node, columns in nodes:
        rows = pa.table(columns)
        store.prepare_node(node, rows.schema)
        load = f"nodes {node.label}"
        store.upsert_nodes(node, rows, Chunk(load, 0))
        store.finish_load(load)


def connect(store: GraphStore, edge: Relationship, columns: dict[str, Any], *, fresh: bool = False) -> int:
    """Write relationships given as columns."""
    rows = pa.table(columns)
    store.prepare_relationship(edge, rows.schema)
    written = store.upsert_edges(edge, rows, Chunk(f"edges {edge.type}", 0, fresh))
    store.finish_load(f"edges {edge.type}")
    return written


def state(store: GraphStore, nodes: Sequence[Node], edges: Sequence[Relationship]) -> dict[str, Any]:
    """Return everything that a snapshot holds, without order."""
    found = store.snapshot(nodes, edges)
    known: dict[str, Any] = {}
    for label, table in found.nodes.items():
        rows = table.to_pylist()
        known[label] = {(type(row["key"]).__name__, row["key"]): row for row in rows}
        assert len(known[label]) == len(rows), f"doubled keys in {label}"
    for edge in edges:
        table = found.edges[edge.type]
        source, target = found.nodes[edge.source.label]["key"], found.nodes[edge.target.label]["key"]
        known[edge.type] = Counter(
            (source[row.pop("source")].as_py(), target[row.pop("target")].as_py(), *row.values())
            for row in table.to_pylist()
        )
    return known


def vectors_of(store: GraphStore, node: Node, place: str, keys: pa.Array | None = None) -> dict[Any, bytes]:
    """Return vectors by key, as bytes."""
    found, vectors = store.read_vectors(node, place, keys)
    assert vectors.dtype == np.float32
    assert len(found) == len(vectors)
    return {key: vector.tobytes() for key, vector in zip(found.to_pylist(), vectors, strict=True)}


def lock(store: GraphStore, token: str = "t", name: str = "m") -> Fence:
    """Take a model's lock as a publisher does."""
    record = next((r for r in store.models() if r["name"] == name), None)
    assert store.update_model(name, None if record is None else {}, {"lock": token})
    return Fence(name, token, 1e9)


@pytest.fixture
def small(store: GraphStore) -> GraphStore:
    """Three users, four items, some relationships."""
    fill(
        store,
        [
            (USER, {"key": ["u1", "u2", "u3"], "name": ["Ann", None, "Bob"]}),
            (
                ITEM,
                {
                    "key": [1, 2, 3, 4],
                    "title": ["A", "B", None, "D"],
                    "year": [1990, None, 2000, 2010],
                    "price": [1.5, 2.0, None, 0.1],
                    "fresh": [True, False, None, True],
                },
            ),
        ],
    )
    edges = {"source": ["u1", "u1", "u2"], "target": [1, 2, 1], "stars": [5.0, 3.5, None], "at": [10, None, -30]}
    assert connect(store, RATED, edges) == 3
    assert connect(store, VIEWED, {"source": ["u1", "u2"], "target": [1, 3]}) == 2
    assert connect(store, FRIEND, {"source": ["u1", "u2"], "target": ["u2", "u2"]}) == 2
    return store


class StoreContract:
    # ---------------------------------------------------------------- an empty graph

    def test_an_empty_graph_has_nothing_and_refuses_nothing(self, store: GraphStore) -> None:
        assert len(store.keys(USER)) == 0
        found = store.snapshot([USER, ITEM], ALL)
        assert {label: table.num_rows for label, table in found.nodes.items()} == {"User": 0, "Item": 0}
        assert found.nodes["Item"].column_names == ["key", "title", "year", "price", "fresh"]
        assert {type: table.num_rows for type, table in found.edges.items()} == dict.fromkeys(
            ("RATED", "VIEWED", "FRIEND"), 0
        )
        rated = found.edges["RATED"].schema
        assert (rated.names, rated.types) == (
            ["source", "target", "weight", "time"],
            [pa.int64(), pa.int64(), pa.float64(), pa.int64()],
        )
        assert found.edges["FRIEND"].column_names == ["source", "target"]
        assert not found.moved
        assert store.neighbours([RATED, VIEWED], pa.array(["u1"])).num_rows == 0
        assert store.popular([RATED], 3).num_rows == 0
        assert store.models() == []
        assert store.chunks_done("never seen") == 0
        store.finish_load("never seen")
        assert store.delete_nodes(USER, pa.array(["u1"])) == 0
        assert store.read_vectors(USER, "m_a")[1].shape[0] == 0
        described = store.describe()
        assert not any(info.count for info in described.labels.values())
        assert not any(info.count for info in described.relationships)

    def test_writing_no_rows_counts_as_a_chunk(self, store: GraphStore) -> None:
        rows = pa.table({"key": pa.array([], pa.string()), "name": pa.array([], pa.string())})
        store.prepare_node(USER, rows.schema)
        assert store.upsert_nodes(USER, rows, Chunk("n", 0)) == 0
        edges = pa.table({"source": pa.array([], pa.string()), "target": pa.array([], pa.int64())})
        store.prepare_relationship(RATED, edges.schema)
        assert store.upsert_edges(RATED, edges, Chunk("e", 0)) == 0
        assert store.upsert_edges(RATED, edges, Chunk("e", 1, fresh=True)) == 0
        assert (store.chunks_done("n"), store.chunks_done("e")) == (1, 2)
        assert store.delete_nodes(USER, pa.array([], pa.string())) == 0

    # ---------------------------------------------------------------- nodes

    def test_nodes_come_back_as_they_went_in(self, small: GraphStore) -> None:
        found = small.snapshot([USER, ITEM], [])
        users, items = found.nodes["User"], found.nodes["Item"]
        assert users["key"].type == pa.string()
        assert items["key"].type == pa.int64()
        assert {row["key"]: row["name"] for row in users.to_pylist()} == {"u1": "Ann", "u2": None, "u3": "Bob"}
        rows = sorted((tuple(row.values()) for row in items.to_pylist()), key=lambda row: row[0])
        assert rows == [
            (1, "A", 1990, 1.5, True),
            (2, "B", None, 2.0, False),
            (3, None, 2000, None, None),
            (4, "D", 2010, 0.1, True),
        ]
        assert sorted(small.keys(ITEM).to_pylist()) == [1, 2, 3, 4]
        assert small.keys(USER).type == pa.string()

    def test_an_upsert_sets_what_is_given_and_a_null_leaves_what_is_stored(self, small: GraphStore) -> None:
        rows = pa.table(
            {
                "key": [2, 3, 9],
                "title": ["Z", None, "new"],
                "year": pa.array([None, 2001, None], pa.int64()),
                "extra": ["e", "f", None],
            }
        )
        small.prepare_node(ITEM, rows.schema)
        assert small.upsert_nodes(ITEM, rows, Chunk("more", 0)) == 3
        wider = Node("Item", "sku", "integer", (*ITEM.properties, "extra"))
        found = {row["key"]: row for row in small.snapshot([wider], []).nodes["Item"].to_pylist()}
        assert found[2] == {"key": 2, "title": "Z", "year": None, "price": 2.0, "fresh": False, "extra": "e"}
        assert found[3] == {"key": 3, "title": None, "year": 2001, "price": None, "fresh": None, "extra": "f"}
        assert found[9] == {"key": 9, "title": "new", "year": None, "price": None, "fresh": None, "extra": None}
        assert found[1]["title"] == "A"

    def test_nodes_of_only_a_key(self, store: GraphStore) -> None:
        for number in range(2):
            rows = pa.table({"key": ["a", "b"] if number else ["b", "c"]})
            store.prepare_node(USER, rows.schema)
            assert store.upsert_nodes(USER, rows, Chunk("keys", number)) == 2
        assert sorted(store.keys(USER).to_pylist()) == ["a", "b", "c"]

    @pytest.mark.parametrize(
        "keys", [["", " ", "\n", "'", '"', "\\", "`", "😀", "é", "e\u0301", "x" * 7000], [0, -1, 2**63 - 1, -(2**63)]]
    )
    def test_keys_are_kept_as_given(self, store: GraphStore, keys: list[Any]) -> None:
        node = Node("K", "k", properties=("p",))
        fill(store, [(node, {"key": keys, "p": list(range(len(keys)))})])
        assert {row["key"]: row["p"] for row in store.snapshot([node], []).nodes["K"].to_pylist()} == {
            key: i for i, key in enumerate(keys)
        }
        loop = Relationship("LOOP", node, node)
        assert connect(store, loop, {"source": keys, "target": keys[::-1]}) == len(keys)
        found = store.neighbours([loop], pa.array(keys)).to_pylist()
        assert {(row["source"], row["target"]) for row in found} == set(zip(keys, keys[::-1], strict=True))
        assert store.delete_nodes(node, pa.array(keys[:2])) == 2
        assert sorted(store.keys(node).to_pylist()) == sorted(keys[2:])

    def test_a_property_that_no_node_has_is_null(self, small: GraphStore) -> None:
        node = Node("User", "uid", "string", ("name", "nowhere"))
        table = small.snapshot([node], []).nodes["User"]
        assert table["nowhere"].null_count == 3

    def test_more_rows_than_one_batch(self, store: GraphStore, monkeypatch: pytest.MonkeyPatch) -> None:
        for module in ("neo4j_load", "ladybug_load"):
            monkeypatch.setattr(f"graphrec.store.{module}.ROWS", 1_000)
        monkeypatch.setattr("graphrec.store.neo4j_read.KEYS", 1_000)
        n = 2_345
        keys = pa.array([f"k{i}" for i in range(n)])
        rows = pa.table({"key": keys, "name": [str(i) for i in range(n)]})
        store.prepare_node(USER, rows.schema)
        assert store.upsert_nodes(USER, rows.slice(0, 1_200), Chunk("many", 0)) == 1_200
        assert store.upsert_nodes(USER, rows.slice(600), Chunk("many", 1)) == n - 600
        table = store.snapshot([USER], []).nodes["User"]
        assert {row["key"]: row["name"] for row in table.to_pylist()} == {f"k{i}": str(i) for i in range(n)}
        assert store.delete_nodes(USER, keys.slice(0, 2_200)) == 2_200
        assert sorted(store.keys(USER).to_pylist()) == sorted(keys.slice(2_200).to_pylist())

    # ---------------------------------------------------------------- relationships

    def test_relationships_come_back_with_weights_and_times(self, small: GraphStore) -> None:
        found = state(small, [USER, ITEM], ALL)
        assert found["RATED"] == {("u1", 1, 5.0, 10): 1, ("u1", 2, 3.5, None): 1, ("u2", 1, None, -30): 1}
        assert found["VIEWED"] == {("u1", 1): 1, ("u2", 3): 1}
        assert found["FRIEND"] == {("u1", "u2"): 1, ("u2", "u2"): 1}

    def test_relationships_are_merged_by_their_ends(self, small: GraphStore) -> None:
        more = {"source": ["u1", "u3", "u2"], "target": [1, 4, 1], "stars": [1.0, 2.0, 4.0], "at": [None, 7, None]}
        assert connect(small, RATED, more) == 3
        assert state(small, [USER, ITEM], [RATED])["RATED"] == {
            ("u1", 1, 1.0, 10): 1,
            ("u1", 2, 3.5, None): 1,
            ("u2", 1, 4.0, -30): 1,
            ("u3", 4, 2.0, 7): 1,
        }

    @pytest.mark.parametrize("fresh", [False, True])
    def test_rows_without_both_ends_are_left_out(self, small: GraphStore, fresh: bool) -> None:
        edge = Relationship("LIKES", USER, ITEM, "w")
        columns = {"source": ["u1", "nobody", "u2"], "target": [1, 1, 99], "w": [1.0, 2.0, 3.0]}
        assert connect(small, edge, columns, fresh=fresh) == 1
        assert state(small, [USER, ITEM], [edge])["LIKES"] == {("u1", 1, 1.0): 1}

    def test_parallel_relationships_stay_apart_and_are_never_overwritten_by_one(self, small: GraphStore) -> None:
        edge = Relationship("BOUGHT", USER, ITEM, "n", "at")
        rows = {"source": ["u1", "u2"], "target": [1, 2], "n": [1, 7], "at": [5, 6]}
        assert connect(small, edge, rows, fresh=True) == 2
        assert connect(small, edge, {**rows, "n": [2, 8]}, fresh=True) == 2
        both = Counter({("u1", 1, 1.0, 5): 1, ("u1", 1, 2.0, 5): 1, ("u2", 2, 7.0, 6): 1, ("u2", 2, 8.0, 6): 1})
        assert state(small, [USER, ITEM], [edge])["BOUGHT"] == both
        assert small.neighbours([edge], pa.array(["u1"])).to_pylist() == [{"source": "u1", "target": 1}]
        assert small.popular([edge], 1).to_pylist() == [{"key": 1, "count": 2}]
        assert connect(small, edge, {"source": ["u1"], "target": [1]}) == 1, "sets nothing, so nothing is lost"
        rows = {"source": ["u3", "u1"], "target": [1, 1], "n": [3, 3], "at": [9, 9]}
        with pytest.raises(DataError, match="'BOUGHT' from 'u1' to 1 must be one to be loaded again"):
            connect(small, edge, rows)
        assert state(small, [USER, ITEM], [edge])["BOUGHT"] == both

    def test_a_weight_that_no_relationship_has_is_null(self, small: GraphStore) -> None:
        edge = Relationship("VIEWED", USER, ITEM, "nowhere", "neither")
        table = small.snapshot([USER, ITEM], [edge]).edges["VIEWED"]
        assert (table["weight"].type, table["time"].type) == (pa.float64(), pa.int64())
        assert table["weight"].null_count == table["time"].null_count == 2

    def test_one_type_between_other_labels_too(self, small: GraphStore) -> None:
        tag = Node("Tag", "name")
        fill(small, [(tag, {"key": ["x"]})])
        on_items, on_users = Relationship("TAGGED", ITEM, tag), Relationship("TAGGED", USER, tag)
        assert connect(small, on_items, {"source": [1, 2], "target": ["x", "x"]}) == 2
        assert connect(small, on_users, {"source": ["u1"], "target": ["x"]}) == 1
        assert state(small, [ITEM, tag], [on_items])["TAGGED"] == {(1, "x"): 1, (2, "x"): 1}
        assert state(small, [USER, tag], [on_users])["TAGGED"] == {("u1", "x"): 1}
        ends = {(r.source, r.target, r.count) for r in small.describe().relationships if r.type == "TAGGED"}
        assert ends == {("Item", "Tag", 2), ("User", "Tag", 1)}

    def test_a_snapshot_brings_the_nodes_at_the_ends(self, small: GraphStore) -> None:
        found = small.snapshot([], [RATED])
        assert {label: table.num_rows for label, table in found.nodes.items()} == {"User": 3, "Item": 4}

    # ---------------------------------------------------------------- chunks

    def test_a_chunk_is_written_exactly_once(self, store: GraphStore) -> None:
        rows = pa.table({"key": ["a"], "name": ["first"]})
        store.prepare_node(USER, rows.schema)
        assert store.upsert_nodes(USER, rows, Chunk("load", 0)) == 1
        assert store.chunks_done("load") == 1
        again = pa.table({"key": ["a", "b"], "name": ["second", "second"]})
        assert store.upsert_nodes(USER, again, Chunk("load", 0)) == 0
        with pytest.raises(StoreError):
            store.upsert_nodes(USER, again, Chunk("load", 2))
        assert store.snapshot([USER], []).nodes["User"].to_pylist() == [{"key": "a", "name": "first"}]
        assert store.chunks_done("load") == 1
        assert store.upsert_nodes(USER, again, Chunk("load", 1)) == 2
        assert store.chunks_done("load") == 2
        assert store.chunks_done("another") == 0
        store.finish_load("load")
        assert store.chunks_done("load") == 0

    @pytest.mark.parametrize("fresh", [False, True])
    def test_a_chunk_of_relationships_is_written_exactly_once(self, small: GraphStore, fresh: bool) -> None:
        edge = Relationship("LIKES", USER, ITEM)
        rows = pa.table({"source": ["u1", "u2"], "target": [1, 2]})
        small.prepare_relationship(edge, rows.schema)
        assert small.upsert_edges(edge, rows, Chunk("load", 0, fresh)) == 2
        assert small.upsert_edges(edge, rows, Chunk("load", 0, fresh)) == 0
        with pytest.raises(StoreError):
            small.upsert_edges(edge, rows, Chunk("load", 5, fresh))
        third = pa.table({"source": ["u3"], "target": [3]})
        assert small.upsert_edges(edge, third, Chunk("load", 1, fresh)) == 1
        assert state(small, [USER, ITEM], [edge])["LIKES"] == {("u1", 1): 1, ("u2", 2): 1, ("u3", 3): 1}

    # ---------------------------------------------------------------- delete

    def test_deleting_nodes_takes_their_relationships_along(self, small: GraphStore) -> None:
        assert small.delete_nodes(USER, pa.array(["u2", "nobody", "u2"])) == 1
        found = state(small, [USER, ITEM], ALL)
        assert sorted(key for _, key in found["User"]) == ["u1", "u3"]
        assert found["RATED"] == {("u1", 1, 5.0, 10): 1, ("u1", 2, 3.5, None): 1}
        assert found["VIEWED"] == {("u1", 1): 1}
        assert found["FRIEND"] == {}
        assert small.delete_nodes(USER, pa.array([1, 2])) == 0

    # ---------------------------------------------------------------- neighbours, popular

    def test_neighbours_are_distinct_over_several_types(self, small: GraphStore) -> None:
        found = small.neighbours([RATED, VIEWED], pa.array(["u2", "u1", "nobody", "u3"])).to_pylist()
        assert sorted((row["source"], row["target"]) for row in found) == [("u1", 1), ("u1", 2), ("u2", 1), ("u2", 3)]
        assert small.neighbours([RATED], pa.array([1, 2])).num_rows == 0
        assert small.neighbours([RATED], pa.array([], pa.string())).num_rows == 0

    def test_neighbours_of_few_and_of_many(self, store: GraphStore) -> None:
        n = 300
        fill(store, [(USER, {"key": [f"u{i}" for i in range(n)]}), (ITEM, {"key": list(range(1, 8))})])
        connect(
            store,
            RATED,
            {"source": [f"u{i}" for i in range(n)] * 2, "target": [1] * n + [2 + i % 5 for i in range(n)]},
        )
        for few in (1, 100, 101, n):
            found = store.neighbours([RATED], pa.array([f"u{i}" for i in (*range(few), 0)] + ["nobody"])).to_pylist()
            pairs = sorted((row["source"], row["target"]) for row in found)
            assert pairs == sorted((f"u{i}", item) for i in range(few) for item in (1, 2 + i % 5))

    def test_popular_orders_equal_ones_by_key(self, small: GraphStore) -> None:
        found = small.popular([RATED, VIEWED], 10).to_pylist()
        assert found == [{"key": 1, "count": 3}, {"key": 2, "count": 1}, {"key": 3, "count": 1}]
        assert small.popular([RATED, VIEWED], 2).to_pylist() == found[:2]
        assert small.popular([RATED], 0).num_rows == 0
        assert small.popular([FRIEND], 5).to_pylist() == [{"key": "u2", "count": 2}]

    # ---------------------------------------------------------------- hostile names

    @pytest.mark.parametrize("odd", HOSTILE.values(), ids=HOSTILE)
    def test_hostile_names(self, store: GraphStore, odd: str) -> None:
        user = Node(odd, odd, "string", (f"{odd}1",))
        item = Node(f"{odd}2", "key", "integer", ("source",))
        edge = Relationship(odd + "3", user, item, odd, "target")
        fill(
            store,
            [(user, {"key": [odd, "u"], f"{odd}1": ["v", odd]}), (item, {"key": [1, 2], "source": ["a", None]})],
        )
        columns = {"source": [odd, "u"], "target": [1, 2], odd: [0.5, 1.5]}
        assert connect(store, edge, columns) == 2
        assert connect(store, edge, columns) == 2
        found = state(store, [user, item], [edge])
        assert {key: row[f"{odd}1"] for (_, key), row in found[odd].items()} == {odd: "v", "u": odd}
        assert found[edge.type] == {(odd, 1, 0.5, None): 1, ("u", 2, 1.5, None): 1}
        assert store.neighbours([edge], pa.array([odd])).to_pylist() == [{"source": odd, "target": 1}]
        assert store.popular([edge], 1)["key"].to_pylist() == [1]
        described = store.describe()
        assert {label for label, info in described.labels.items() if info.count} == {odd, f"{odd}2"}
        assert {odd, f"{odd}1"} <= set(described.labels[odd].properties)
        assert [(r.type, r.source, r.target, r.count) for r in described.relationships] == [
            (f"{odd}3", odd, f"{odd}2", 2)
        ]
        store.prepare_vectors(user, f"{odd}_a", 2, index=False)
        vectors = np.array([[1, 2]], np.float32)
        assert store.write_vectors(user, f"{odd}_a", pa.array([odd]), vectors, lock(store)) == 1
        assert vectors_of(store, user, f"{odd}_a") == {odd: vectors[0].tobytes()}
        assert store.delete_nodes(user, pa.array([odd])) == 1
        assert store.keys(user).to_pylist() == ["u"]

    # ---------------------------------------------------------------- vectors

    def test_vectors_come_back_bit_for_bit(self, small: GraphStore) -> None:
        tiny, huge = np.finfo(np.float32).smallest_subnormal, np.finfo(np.float32).max
        vectors = np.array([[0.1, -0.0, tiny, huge], [1 / 3, -huge, -tiny, 0.0], [np.pi, 1e-30, 1e30, 2]], np.float32)
        small.prepare_vectors(ITEM, "m_a", 4, index=False)
        assert small.write_vectors(ITEM, "m_a", pa.array([3, 1, 2]), vectors, lock(small)) == 3
        assert vectors_of(small, ITEM, "m_a") == {k: v.tobytes() for k, v in zip((3, 1, 2), vectors, strict=True)}
        assert vectors_of(small, ITEM, "m_a", pa.array([1, 4, 99])) == {1: vectors[1].tobytes()}
        assert vectors_of(small, ITEM, "m_a", pa.array([], pa.int64())) == {}
        assert vectors_of(small, USER, "m_a") == {}

    def test_vectors_are_overwritten_one_by_one(self, small: GraphStore) -> None:
        small.prepare_vectors(USER, "m_a", 2, index=False)
        fence = lock(small)
        first = np.arange(6, dtype=np.float32).reshape(3, 2)
        assert small.write_vectors(USER, "m_a", pa.array(["u1", "u2", "nobody"]), first, fence) == 2
        small.prepare_vectors(USER, "m_a", 2, index=False)
        assert small.write_vectors(USER, "m_a", pa.array(["u2"]), -first[:1], fence) == 1
        assert vectors_of(small, USER, "m_a") == {"u1": first[0].tobytes(), "u2": (-first[0]).tobytes()}
        assert small.clear_vectors(USER, "m_a", pa.array(["u1", "u3", "nobody"]), fence) == 1
        assert list(vectors_of(small, USER, "m_a")) == ["u2"]
        assert state(small, [USER], [])["User"].keys() == {("str", "u1"), ("str", "u2"), ("str", "u3")}

    def test_another_width_starts_anew(self, small: GraphStore) -> None:
        fence = lock(small)
        for dim in (2, 3, 1):
            small.prepare_vectors(ITEM, "m_a", dim, index=False)
            assert vectors_of(small, ITEM, "m_a") == {}
            vectors = np.full((2, dim), dim, np.float32)
            assert small.write_vectors(ITEM, "m_a", pa.array([1, 2]), vectors, fence) == 2
            assert vectors_of(small, ITEM, "m_a") == {1: vectors[0].tobytes(), 2: vectors[1].tobytes()}

    @pytest.mark.parametrize("held", ["title", "year"])
    def test_values_that_are_no_vectors_stay(self, small: GraphStore, held: str) -> None:
        before = state(small, [ITEM], [])
        for dim in (1, 5):
            with pytest.raises(StoreError, match=f"{held}.*Publish under another name"):
                small.prepare_vectors(ITEM, held, dim, index=False)
        assert state(small, [ITEM], []) == before

    def test_vectors_are_dropped(self, small: GraphStore) -> None:
        for place in ("m_a", "m_b"):
            small.prepare_vectors(ITEM, place, 2, index=False)
            small.write_vectors(ITEM, place, pa.array([1]), np.ones((1, 2), np.float32), lock(small))
        small.drop_vectors(ITEM, "m_a")
        small.drop_vectors(ITEM, "m_a")
        small.drop_vectors(USER, "never there")
        assert vectors_of(small, ITEM, "m_a") == {}
        assert list(vectors_of(small, ITEM, "m_b")) == [1]
        assert "m_a" not in small.describe().labels["Item"].properties
        assert "m_b" in small.describe().labels["Item"].properties

    @pytest.mark.parametrize("bad", [np.nan, np.inf])
    def test_a_vector_that_is_not_finite_is_refused(self, small: GraphStore, bad: float) -> None:
        small.prepare_vectors(ITEM, "m_a", 2, index=False)
        with pytest.raises(ArgumentError, match="finite"):
            small.write_vectors(ITEM, "m_a", pa.array([1]), np.array([[1, bad]], np.float32), lock(small))
        assert vectors_of(small, ITEM, "m_a") == {}

    def test_the_fence_is_renewed_and_stops_who_lost_the_lock(self, small: GraphStore) -> None:
        small.prepare_vectors(ITEM, "m_a", 2, index=False)
        ours = lock(small, "ours")
        one, two = np.ones((2, 2), np.float32), np.full((2, 2), 2, np.float32)
        assert small.write_vectors(ITEM, "m_a", pa.array([1, 2]), one, ours) == 2
        assert small.models() == [{"name": "m", "lock": "ours", "lock_until": 1e9}]
        lock(small, "theirs")
        with pytest.raises(PublishError, match=r"lock"):
            small.write_vectors(ITEM, "m_a", pa.array([2, 3]), two, ours)
        with pytest.raises(PublishError, match=r"lock"):
            small.clear_vectors(ITEM, "m_a", pa.array([1]), ours)
        with pytest.raises(PublishError, match=r"lock"):
            small.write_vectors(ITEM, "m_a", pa.array([1]), two[:1], Fence("no such model", "ours", 1.0))
        assert vectors_of(small, ITEM, "m_a") == {1: one[0].tobytes(), 2: one[1].tobytes()}
        assert small.models()[0]["lock"] == "theirs"

    def test_many_vectors(self, store: GraphStore) -> None:
        n = 7_001
        generator = np.random.default_rng(0)
        vectors, order = generator.standard_normal((n, 8)).astype(np.float32), generator.permutation(n)
        fill(store, [(USER, {"key": pa.array([f"u{i}" for i in range(n)])})])
        store.prepare_vectors(USER, "m_a", 8, index=False)
        keys = pa.array(["nobody", *(f"u{i}" for i in order)])  # in any order, and one that is not there
        given = np.concatenate([vectors[:1], vectors[order]])
        assert store.write_vectors(USER, "m_a", keys, given, lock(store)) == n
        found, read = store.read_vectors(USER, "m_a")
        order = np.argsort([int(key[1:]) for key in found.to_pylist()])
        np.testing.assert_array_equal(read[order], vectors)
        for few in (1, 8, 9, 500):  # a graph file looks for one key by one, or scans
            asked = pa.array([f"u{i}" for i in (*range(few), 0)] + ["nobody"])
            expected = {f"u{i}": vectors[i].tobytes() for i in range(few)}
            assert vectors_of(store, USER, "m_a", asked) == expected

    # ---------------------------------------------------------------- models

    def test_records_are_compared_and_set(self, store: GraphStore) -> None:
        record: Record = {"live": "a", "version": 1, "scale": 0.5, "lifted": True, "created": "2026-01-01"}
        assert not store.update_model("m", {"version": 1}, {"version": 2})
        assert store.update_model("m", None, record)
        assert not store.update_model("m", None, {"version": 9})
        assert store.models() == [{"name": "m", **record}]
        assert not store.update_model("m", {"version": 2}, {"live": "b"})
        assert not store.update_model("m", {"version": 1, "lock": "x"}, {"live": "b"})
        assert store.update_model("m", {"version": 1, "lock": None}, {"live": "b", "created": None, "más 'x`": "n"})
        changed = {"name": "m", "live": "b", "version": 1, "scale": 0.5, "lifted": True, "más 'x`": "n"}
        assert store.models() == [changed]
        assert [type(value) for value in store.models()[0].values()] == [type(changed[f]) for f in store.models()[0]]
        assert store.update_model("m", {}, {"never": None})
        assert store.models() == [changed]
        assert store.update_model("A", None, {})
        assert [r["name"] for r in store.models()] == ["A", "m"]

    def test_one_of_many_threads_takes_a_lock(self, store: GraphStore) -> None:
        assert store.update_model("m", None, {"version": 0})
        with ThreadPoolExecutor(8) as pool:
            taken = list(pool.map(lambda i: store.update_model("m", {"lock": None}, {"lock": str(i)}), range(16)))
        assert sum(taken) == 1
        assert store.models()[0]["lock"] == str(taken.index(True))

    # ---------------------------------------------------------------- describe, threads

    def test_describe(self, small: GraphStore) -> None:
        lock(small)
        small.upsert_nodes(USER, pa.table({"key": ["u1"]}), Chunk("unfinished", 0))
        found = small.describe()
        assert {label: info.count for label, info in found.labels.items() if info.count} == {"User": 3, "Item": 4}
        assert set(found.labels["User"].properties) == {"uid", "name"}
        assert set(found.labels["Item"].properties) == {"sku", "title", "year", "price", "fresh"}
        assert sorted((r.type, r.source, r.target, r.count) for r in found.relationships) == [
            ("FRIEND", "User", "User", 2),
            ("RATED", "User", "Item", 3),
            ("VIEWED", "User", "Item", 2),
        ]
        rated = next(r for r in found.relationships if r.type == "RATED")
        assert set(rated.properties) == {"stars", "at"}
        assert list(found.indexes) == []

    def test_threads_share_a_store(self, small: GraphStore) -> None:
        def work(i: int) -> int:
            small.upsert_nodes(USER, pa.table({"key": [f"t{i}"]}), Chunk(f"thread {i}", 0))
            return len(small.snapshot([USER], [RATED]).edges["RATED"])

        with ThreadPoolExecutor(4) as pool:
            assert set(pool.map(work, range(12))) == {3}
        assert len(small.keys(USER)) == 15
