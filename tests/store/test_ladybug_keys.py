from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from graphrec.errors import DataError
from graphrec.schema import Node
from graphrec.schema_parts import Relationship
from graphrec.store.ladybug import LadybugStore
from graphrec.store.protocol import GraphDescription
from tests.store.contract import connect, fill

USER, ITEM, GENRE = Node("User", "id"), Node("Item", "id"), Node("Genre", "name")
RATED = Relationship("RATED", USER, ITEM, "stars")
OF = Relationship("OF", ITEM, GENRE)
NONE, STARS = pa.array([], pa.string()), pa.array([], pa.float64())


def empty(store: LadybugStore) -> None:
    """Do what a first load does whose files have no rows: the types of all keys are open."""
    for node in (USER, ITEM, GENRE):
        store.prepare_node(node, pa.table({"key": NONE, "title": NONE}).schema)
    for edge in (RATED, OF):
        store.prepare_relationship(edge, pa.table({"source": NONE, "target": NONE, "stars": STARS}).schema)


def held(found: GraphDescription) -> tuple[set[object], set[object]]:
    labels = {(name, label.count, *sorted(label.properties.items())) for name, label in found.labels.items()}
    return labels, {(r.type, r.source, r.target, r.count, *sorted(r.properties)) for r in found.relationships}


def test_keys_of_a_label_without_nodes_may_become_of_another_type(tmp_path: Path) -> None:
    with LadybugStore(tmp_path / "g.lbug", buffer_pool_mb=64) as store:
        empty(store)
        before = held(store.describe())
        fill(store, [(USER, {"key": ["a"]}), (ITEM, {"key": [1, 2], "title": ["x", "y"]})])
        connect(store, RATED, {"source": ["a"], "target": [2], "stars": [4.0]})
    with LadybugStore(tmp_path / "g.lbug", read_only=True, buffer_pool_mb=64) as store:
        assert store.keys(ITEM).to_pylist() == [1, 2]
        labels, edges = held(store.describe())
        assert ("Item", 2, ("id", "INT64"), ("title", "STRING")) in labels
        assert {label[0] for label in labels} == {"User", "Item", "Genre"}
        assert edges == {("RATED", "User", "Item", 1, "stars"), ("OF", "Item", "Genre", 0, "stars")}
        assert before[1] == {(type, a, b, 0, "stars") for type, a, b, _, _ in edges}


def test_keys_stay_where_there_are_nodes_or_relationships_of_the_type(tmp_path: Path) -> None:
    with LadybugStore(tmp_path / "g.lbug", buffer_pool_mb=64) as store:
        empty(store)
        fill(store, [(USER, {"key": ["a"]}), (GENRE, {"key": ["g"]})])
        connect(store, Relationship("OF", USER, GENRE), {"source": ["a"], "target": ["g"], "stars": [1.0]})
        before = held(store.describe())
        for node in (USER, ITEM):  # OF runs between items and genres too, and has one from a user to a genre
            with pytest.raises(DataError, match=rf"'id' of '{node.label}' are STRING.*the rows hold INT64"):
                store.prepare_node(node, pa.table({"key": [1]}).schema)
        assert held(store.describe()) == before
