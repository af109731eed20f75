"""Random work on a store and on the oracle beside it; afterwards both hold the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test
from store.contract import state, vectors_of
from store.memory import MemoryStore

from graphrec.errors import PublishError, StoreError
from graphrec.schema import Node, Relationship
from graphrec.store.ladybug import LadybugStore
from graphrec.store.protocol import Chunk, Fence

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.store.protocol import GraphStore

USER = Node("Us er", "uid", "string", ("name", "age"))
ITEM = Node("Item`", "sku", "integer", ("name",))
RATED = Relationship("RATED", USER, ITEM, "w", "at")
FRIEND = Relationship("FRI END", USER, USER, "w")
NODES, EDGES = (USER, ITEM), (RATED, FRIEND)
PLACES = ("m_a", "m_b")

KEYS: dict[Node, list[Any]] = {USER: [f"u{i}" for i in range(6)], ITEM: list(range(6))}
TYPES = {"name": pa.string(), "age": pa.int64(), "w": pa.float64(), "at": pa.int64()}
VALUES = {
    "name": st.none() | st.sampled_from(["", "a", "`b'"]),
    "age": st.none() | st.integers(-5, 5),
    "w": st.none() | st.sampled_from([0.0, -1.5, 2.25]),
    "at": st.none() | st.integers(-9, 9),
}


@st.composite
def node_rows(draw: st.DrawFn, node: Node) -> pa.Table:
    keys = draw(st.lists(st.sampled_from(KEYS[node]), unique=True, max_size=6))
    names = draw(st.lists(st.sampled_from(node.properties), unique=True))
    columns = {name: [draw(VALUES[name]) for _ in keys] for name in names}
    key_type = pa.string() if node is USER else pa.int64()
    return pa.table({"key": pa.array(keys, key_type), **{n: pa.array(v, TYPES[n]) for n, v in columns.items()}})


@st.composite
def edge_rows(draw: st.DrawFn, edge: Relationship) -> pa.Table:
    ends = st.tuples(st.sampled_from(KEYS[edge.source]), st.sampled_from(KEYS[edge.target]))
    pairs = draw(st.lists(ends, unique=True, max_size=6))
    target = pa.string() if edge.target is USER else pa.int64()
    columns = {
        "source": pa.array([a for a, _ in pairs], pa.string()),
        "target": pa.array([b for _, b in pairs], target),
    }
    for name in draw(st.lists(st.sampled_from([n for n in (edge.weight, edge.time) if n]), unique=True)):
        columns[name] = pa.array([draw(VALUES[name]) for _ in pairs], TYPES[name])
    return pa.table(columns)


class Churn(RuleBasedStateMachine):
    """One store, one oracle, the same jobs."""

    def __init__(self, store: GraphStore) -> None:
        super().__init__()
        self.store, self.oracle = store, MemoryStore()
        self.loads = 0
        self.widths: dict[tuple[str, str], int] = {}
        for node in NODES:
            self.both("prepare_node", node, pa.schema([(name, TYPES[name]) for name in node.properties]))
        for edge in EDGES:
            columns = [(name, TYPES[name]) for name in (edge.weight, edge.time) if name]
            self.both("prepare_relationship", edge, pa.schema(columns))

    def both(self, job: str, *arguments: Any, **named: Any) -> Any:
        results = []
        for store in (self.store, self.oracle):
            try:
                results.append(getattr(store, job)(*arguments, **named))
            except (StoreError, PublishError) as error:
                results.append(type(error))
        assert results[0] == results[1], (job, results)
        return results[0]

    @rule(data=st.data(), node=st.sampled_from(NODES), number=st.integers(-1, 1))
    def upsert_nodes(self, data: st.DataObject, node: Node, number: int) -> None:
        rows = data.draw(node_rows(node))
        done = self.oracle.chunks_done("nodes")
        self.both("upsert_nodes", node, rows, Chunk("nodes", max(0, done + number)))

    @rule(data=st.data(), edge=st.sampled_from(EDGES), fresh=st.booleans(), number=st.integers(-1, 1))
    def upsert_edges(self, data: st.DataObject, edge: Relationship, fresh: bool, number: int) -> None:
        rows = data.draw(edge_rows(edge))
        done = self.oracle.chunks_done("edges")
        self.both("upsert_edges", edge, rows, Chunk("edges", max(0, done + number), fresh))

    @rule(load=st.sampled_from(["nodes", "edges"]))
    def finish(self, load: str) -> None:
        self.both("finish_load", load)

    @rule(node=st.sampled_from(NODES), data=st.data())
    def delete_nodes(self, node: Node, data: st.DataObject) -> None:
        keys = data.draw(st.lists(st.sampled_from(KEYS[node]), max_size=2))
        self.both("delete_nodes", node, pa.array(keys, pa.string() if node is USER else pa.int64()))

    @rule(node=st.sampled_from(NODES), place=st.sampled_from(PLACES), dim=st.integers(1, 3))
    def prepare_vectors(self, node: Node, place: str, dim: int) -> None:
        self.both("prepare_vectors", node, place, dim, index=False)
        self.widths[node.label, place] = dim

    @rule(node=st.sampled_from(NODES), place=st.sampled_from(PLACES), token=st.sampled_from("xy"), data=st.data())
    def write_vectors(self, node: Node, place: str, token: str, data: st.DataObject) -> None:
        dim = self.widths.get((node.label, place))
        if dim is None:
            return
        keys = data.draw(st.lists(st.sampled_from(KEYS[node]), unique=True, max_size=6))
        number = st.floats(width=32, allow_nan=False, allow_infinity=False)
        vectors = np.array([[data.draw(number) for _ in range(dim)] for _ in keys], np.float32).reshape(-1, dim)
        column = pa.array(keys, pa.string() if node is USER else pa.int64())
        fence = Fence("m", token, data.draw(st.integers(0, 9)) / 2)
        if keys:
            self.both("write_vectors", node, place, column, vectors, fence)

    @rule(node=st.sampled_from(NODES), place=st.sampled_from(PLACES), token=st.sampled_from("xy"), data=st.data())
    def clear_vectors(self, node: Node, place: str, token: str, data: st.DataObject) -> None:
        if (node.label, place) in self.widths:
            keys = data.draw(st.lists(st.sampled_from(KEYS[node]), unique=True, min_size=1, max_size=3))
            column = pa.array(keys, pa.string() if node is USER else pa.int64())
            self.both("clear_vectors", node, place, column, Fence("m", token, 1.0))

    @rule(node=st.sampled_from(NODES), place=st.sampled_from(PLACES))
    def drop_vectors(self, node: Node, place: str) -> None:
        self.both("drop_vectors", node, place)
        self.widths.pop((node.label, place), None)

    @rule(
        name=st.sampled_from(["m", "n"]),
        expect=st.none() | st.dictionaries(st.sampled_from(["lock", "live"]), st.none() | st.sampled_from("xy")),
        change=st.dictionaries(st.sampled_from(["lock", "live"]), st.none() | st.sampled_from("xy")),
    )
    def update_model(self, name: str, expect: Any, change: Any) -> None:
        self.both("update_model", name, expect, change)

    @rule(data=st.data())
    def ask(self, data: st.DataObject) -> None:
        keys = pa.array(data.draw(st.lists(st.sampled_from(KEYS[USER]), unique=True)), pa.string())
        pairs = []
        for store in (self.store, self.oracle):
            found = store.neighbours([RATED], keys).to_pylist()
            pairs.append((sorted(map(str, found)), store.popular([RATED], 3).to_pylist()))
        assert pairs[0] == pairs[1]

    @precondition(lambda self: isinstance(self.store, LadybugStore))
    @rule(kind=st.sampled_from(["CHECKPOINT", "reopen"]))
    def settle(self, kind: str) -> None:
        assert isinstance(self.store, LadybugStore)
        if kind == "CHECKPOINT":
            self.store.query("CHECKPOINT", write=True)
        else:
            path = self.store.file.path
            self.store.close()
            self.store = LadybugStore(path, buffer_pool_mb=64)

    @invariant()
    def same(self) -> None:
        assert state(self.store, NODES, EDGES) == state(self.oracle, NODES, EDGES)
        assert self.store.models() == self.oracle.models()
        for node in NODES:
            for place in PLACES:
                assert vectors_of(self.store, node, place) == vectors_of(self.oracle, node, place)
        assert [self.store.chunks_done(load) for load in ("nodes", "edges")] == [
            self.oracle.chunks_done(load) for load in ("nodes", "edges")
        ]

    def teardown(self) -> None:
        if isinstance(self.store, LadybugStore):
            self.store.close()


def test_churn_on_a_graph_file(tmp_path: Path) -> None:
    number = iter(range(10**6))

    class OnLadybug(Churn):
        def __init__(self) -> None:
            super().__init__(LadybugStore(tmp_path / f"{next(number)}.lbug", buffer_pool_mb=64))

    run_state_machine_as_test(
        OnLadybug,
        settings=settings(max_examples=6, stateful_step_count=25, deadline=None, derandomize=True, database=None),
    )


@pytest.mark.neo4j
def test_churn_on_neo4j(neo4j: GraphStore) -> None:
    class OnNeo4j(Churn):
        def __init__(self) -> None:
            for label in (USER.label, ITEM.label, "GraphrecModel", "GraphrecLoad"):
                neo4j.query(f"MATCH (n:`{label.replace('`', '``')}`) DETACH DELETE n", write=True)
            super().__init__(neo4j)

    run_state_machine_as_test(
        OnNeo4j,
        settings=settings(
            max_examples=4,
            stateful_step_count=20,
            deadline=None,
            derandomize=True,
            database=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
