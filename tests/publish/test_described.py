from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from newcomers import CITY, SCHEMA, TAG, arrive, newcomers_graph

from graphrec.data.described import described
from graphrec.data.features import fit_encoder
from graphrec.graph import Graph
from graphrec.publish.described import described_now, encoded_now
from graphrec.store.queries import quote


@pytest.mark.parametrize("side", ["item", "user"])
def test_the_graph_says_the_same_as_a_snapshot(any_store, side):
    graph = newcomers_graph(any_store)
    encoder = fit_encoder(graph.dataset(), side)
    arrive(graph)
    data = graph.dataset()
    keys = (data.items if side == "item" else data.users).keys
    expected = encoder.encode(described(data, side)).toarray()
    order = np.random.default_rng(0).permutation(len(keys))
    found = encoder.encode(described_now(graph.store, SCHEMA, encoder, keys.take(pa.array(order)))).toarray()
    np.testing.assert_array_equal(found, expected[order])
    assert expected.any(axis=1).sum() == len(keys) - 1, "one came bare"


def test_what_is_not_there_describes_nothing(any_store):
    graph = newcomers_graph(any_store)
    encoder = fit_encoder(graph.dataset(), "user")
    for keys in (pa.array(["nobody", "u01"]), pa.array([1, 2]), pa.array([], pa.string())):
        found = encoder.encode(described_now(graph.store, SCHEMA, encoder, keys)).toarray()
        assert found.shape == (len(keys), len(encoder))
        assert found.any(axis=1).tolist() == [key == "u01" for key in keys.to_pylist()]


def test_what_a_graph_or_a_schema_does_not_have_any_more_is_left_out(any_store):
    graph = newcomers_graph(any_store)
    encoder = fit_encoder(graph.dataset())
    smaller = Graph(graph.store, SCHEMA.model_copy(update={"attributes": SCHEMA.attributes[1:]}))
    found = described_now(smaller.store, smaller.schema, encoder, pa.array(["i01"]))
    assert TAG not in found.attributes
    assert CITY not in found.attributes
    assert found.properties["title"].to_pylist() == ["loud dream"]


def test_a_node_that_cannot_be_read_is_named_and_takes_nothing_from_the_others(any_store):
    graph = newcomers_graph(any_store)
    encoder = fit_encoder(graph.dataset())
    keys = pa.array(["i01", "i02", "i03"])
    before, note = encoded_now(graph.store, SCHEMA, encoder, keys)
    assert note == ""
    label = quote(SCHEMA.item.label, any_store.capabilities.dialect)
    text = f"MATCH (:{label} {{`sku no`: 'i02'}})-[r]->(:Tag) SET r.`how much` = $weight"
    graph.query(text, weight=float("nan"))
    rows, note = encoded_now(graph.store, SCHEMA, encoder, keys)
    assert note.startswith("1 nodes, such as 'i02', are left out: What describes them")
    np.testing.assert_array_equal(rows[[0, 2]].toarray(), before[[0, 2]].toarray())
    assert not rows[[1]].toarray().any()


def test_a_value_of_another_type_takes_nothing_from_the_others(neo4j, monkeypatch):
    graph = newcomers_graph(neo4j)
    encoder = fit_encoder(graph.dataset())
    keys = pa.array([f"i{i:02}" for i in range(20)])
    before, label = encoded_now(graph.store, SCHEMA, encoder, keys)[0], quote(SCHEMA.item.label, "neo4j")
    graph.query(f"MATCH (n:{label}) WHERE n.`sku no` <> 'i05' SET n.`col``our` = [n.`col``our`]")
    rows, note = encoded_now(graph.store, SCHEMA, encoder, keys)
    assert note == ""
    np.testing.assert_array_equal(rows.toarray(), before.toarray())
    graph.query(f"MATCH (n:{label} {{`sku no`: 'i02'}}) SET n.title = 2, n.`col``our` = point({{x: 1, y: 2}})")
    graph.query(f"MATCH (n:{label} {{`sku no`: 'i11'}}) SET n.year = 'no year'")
    graph.query(f"MATCH (:{label} {{`sku no`: 'i17'}})-[r]->(:Tag) SET r.`how much` = 'much'")
    calls = []
    encode = type(encoder).encode
    monkeypatch.setattr(type(encoder), "encode", lambda self, nodes: calls.append(nodes.n) or encode(self, nodes))
    rows, note = encoded_now(graph.store, SCHEMA, encoder, keys)
    bad = [2, 11, 17]
    good = np.setdiff1d(np.arange(20), bad)
    assert note.startswith("3 nodes, such as ")
    np.testing.assert_array_equal(rows[good].toarray(), before[good].toarray())
    assert not rows[bad].toarray().any()
    assert len(calls) < 20, "halves, not node by node"
