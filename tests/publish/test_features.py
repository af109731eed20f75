from __future__ import annotations

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest
from everything import everything
from newcomers import SCHEMA, TAG, mapped, newcomers_graph

import graphrec.publish.columns as writing
from graphrec.data.feature_blocks import Block
from graphrec.data.feature_map import FeatureMap
from graphrec.data.features import Encoder
from graphrec.errors import ModelError, StoreError
from graphrec.graph import connect
from graphrec.publish.features import FEATURE, read_maps
from graphrec.publish.record import find, live


@pytest.fixture
def graph(any_store):
    return newcomers_graph(any_store)


def same(found: FeatureMap, given: FeatureMap) -> bool:
    blocks = zip(found.encoder.blocks, given.encoder.blocks, strict=True)
    columns = all(
        (a.name, a.kind, a.values.to_pylist(), a.numbers.tolist())
        == (b.name, b.kind, b.values.to_pylist(), b.numbers.tolist())
        for a, b in blocks
    )
    matrices = all(np.array_equal(found.matrices[name], given.matrices[name]) for name in given.matrices)
    return columns and matrices and found.matrices.keys() == given.matrices.keys()


def test_maps_come_back_bit_for_bit_whatever_the_names(graph, monkeypatch):
    monkeypatch.setattr(writing, "ROWS", 7)
    model = mapped(graph.dataset())
    graph.publish(model, "m")
    maps = read_maps(graph.store, live(graph.store))
    assert same(maps["item"], model.item_map)
    assert same(maps["user"], model.user_map)
    keys = graph.store.keys(FEATURE).to_pylist()
    assert len(keys) == len(model.item_map.encoder) + len(model.user_map.encoder) + 2
    assert 'm:item:["HAS `\\"TAG\\"", "attribute", "back`tick"]' in keys
    assert max(map(len, keys)) < 200, "a tag of 1,500 signs has a short key"


def test_two_models_keep_their_features_apart(graph):
    data = graph.dataset()
    first, second = mapped(data), mapped(data, 1, users=False)
    graph.publish(first, "m")
    graph.publish(second, "m2")
    graph.publish(replace(second, item_map=None), "m")  # to slot b; the maps of a stay
    graph.rollback("m")
    assert same(read_maps(graph.store, live(graph.store, "m"))["user"], first.user_map)
    maps = read_maps(graph.store, live(graph.store, "m2"))
    assert maps.keys() == {"item"}
    assert same(maps["item"], second.item_map)


def test_features_that_no_version_has_any_more_go(graph):
    data = graph.dataset()
    model = mapped(data)
    block = Block("old", "attribute", pa.array(["#", "#"]), np.array([1.5, 1 / 3]))  # one of them is the amount
    small = FeatureMap(Encoder("item", (block,)), {"vector": np.ones((3, 6), np.float32)})
    graph.publish(replace(model, item_map=small, user_map=None), "m")
    assert len(graph.store.keys(FEATURE)) == 3
    graph.publish(model, "m")
    assert len(graph.store.keys(FEATURE)) == 2 + len(model.item_map.encoder) + len(model.user_map.encoder) + 2
    graph.publish(model, "m")  # over the old one
    assert len(graph.store.keys(FEATURE)) == len(model.item_map.encoder) + len(model.user_map.encoder) + 2
    for _ in range(2):
        graph.publish(replace(model, item_map=None, user_map=None), "m")
    assert len(graph.store.keys(FEATURE)) == 0


def test_a_number_is_kept_exactly(graph):
    peaks = np.array([-(2.0**60) - 513, 1 / 3, np.pi * 1e9, 1_700_000_000_123_456.0])
    block = Block("when", "number", pa.array(list("0123")), peaks)
    given = FeatureMap(Encoder("item", (block,)), {"vector": np.ones((5, 6), np.float32)})
    graph.publish(replace(mapped(graph.dataset()), item_map=given), "m")
    assert read_maps(graph.store, live(graph.store))["item"].encoder.blocks[0].numbers.tolist() == peaks.tolist()


def test_maps_that_cannot_be_kept_are_refused(graph):
    before, model = everything(graph.store), mapped(graph.dataset())
    matrix = model.item_map.matrices["vector"].copy()
    matrix[0, 0] = np.nan
    with pytest.raises(ModelError, match="`item_map` must be finite"):
        graph.publish(replace(model, item_map=FeatureMap(model.item_map.encoder, {"vector": matrix})), "m")
    for values, numbers, said in ((["a"], [1e300], "must have numbers below 3.4e"), (["a", "a"], [1, 1], "twice")):
        encoder = Encoder("user", (Block("x", "category", pa.array(values), np.array(numbers, float)),))
        wrong = FeatureMap(encoder, {"vector": np.ones((len(encoder) + 1, 6), np.float32)})
        with pytest.raises(ModelError, match=said):
            graph.publish(replace(model, user_map=wrong), "m")
    assert everything(graph.store) == before


def test_features_that_somebody_removed_are_missed(graph):
    graph.publish(mapped(graph.dataset()), "m")
    graph.store.delete_nodes(FEATURE, graph.store.keys(FEATURE)[:1])
    with pytest.raises(StoreError, match="some are missing"):
        graph.refresh()


def test_features_are_no_part_of_the_graph_that_people_see(graph, tmp_path):
    model = mapped(graph.dataset())
    graph.publish(model, "m")
    assert FEATURE.label not in graph.store.describe().labels
    assert list(graph.models().name) == ["m"]
    data = graph.dataset()
    assert FEATURE.label not in data.nodes
    counts = graph.export(tmp_path / "files")
    assert FEATURE.label not in counts
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        copy.import_(tmp_path / "files")
        maps = read_maps(copy.store, live(copy.store))
        assert same(maps["item"], model.item_map)
        assert same(maps["user"], model.user_map)
        assert live(copy.store).cold_users == live(copy.store).cold_items == 1
        assert copy.dataset().fingerprint == data.fingerprint
    report = graph.forget(["u03", "u04"], saved=[tmp_path / "files"])
    assert set(report.removed.kind) == {"node", "relationship", "vector"}
    assert not report.unread
    assert find(graph.store, "m")["cold_items"] == 1
    assert TAG in data.edges
