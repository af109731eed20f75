from __future__ import annotations

import datetime
from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec.data.described import described
from graphrec.data.features import fit_encoder
from graphrec.data.frames import dataset_from_frames
from graphrec.errors import ArgumentError, DataError, StoreError, UnknownKeyError
from graphrec.graph import Graph
from graphrec.schema import Attribute, Feature, GraphSchema, Interaction, Node

SCHEMA = GraphSchema(
    user=Node("User", key="id"),
    item=Node("Item", key="id", properties=["title"]),
    interactions=[Interaction("RATED", weight="stars", time="at")],
    attributes=[Attribute("OF", to=Node("Genre", key="name"))],
)
RATED = pd.DataFrame({"source": ["a", "a", "b"], "target": [1, 2, 1], "stars": [3.0, 4.0, 5.0], "at": [10, 20, 30]})
NODES = {
    "User": pd.DataFrame({"id": ["a", "b"]}),
    "Item": pd.DataFrame({"id": [1, 2], "title": ["one", "two"]}),
}


@pytest.fixture
def graph(any_store):
    return Graph(any_store, SCHEMA)


def rated(graph):
    frame = graph.dataset().frame("RATED").sort_values(["source", "target"])
    return [tuple(row) for row in frame.itertuples(index=False)]


def test_rows_arrive_and_the_report_counts_them(graph):
    report = graph.load(NODES, {"RATED": RATED})
    assert [(row.name, row.read, row.written, row.merged) for row in report.rows] == [
        ("User", 2, 2, 0),
        ("Item", 2, 2, 0),
        ("RATED", 3, 3, 0),
    ]
    assert rated(graph) == [("a", 1, 3.0, 10), ("a", 2, 4.0, 20), ("b", 1, 5.0, 30)]
    assert "RATED" in str(report)


def test_a_load_may_be_repeated(graph):
    for _ in range(3):
        graph.load(NODES, {"RATED": RATED})
    assert len(rated(graph)) == 3
    graph.load(edges={"RATED": RATED.assign(stars=1.0)})
    assert [row[2] for row in rated(graph)] == [1.0] * 3


@pytest.mark.parametrize(("rule", "stars", "at"), [("last", 1.0, 15), ("sum", 8.0, 20), ("max", 4.0, 20)])
def test_duplicates_by_rule_however_often(graph, rule, stars, at):
    frame = pd.DataFrame({"source": ["a"] * 3, "target": [1] * 3, "stars": [3.0, 4.0, 1.0], "at": [10, 20, 15]})
    for _ in range(2):
        report = graph.load(NODES, {"RATED": frame}, on_duplicate=rule)
        assert (report.rows[-1].merged, report.rows[-1].written) == (2, 1)
    assert rated(graph) == [("a", 1, stars, at)]


def test_ends_that_are_not_there(graph):
    frame = pd.DataFrame({"source": ["a", "zoe"], "target": [1, 77], "stars": [1.0, 2.0], "at": [1, 2]})
    with pytest.raises(UnknownKeyError, match="zoe") as error:
        graph.load(NODES, {"RATED": frame})
    assert "77" in str(error.value)
    assert "on_missing" in str(error.value)
    assert not graph.store.describe().labels  # nothing was written
    report = graph.load(NODES, {"RATED": frame}, on_missing="skip")
    assert report.rows[-1].skipped == {"end not in the graph": 1}
    assert rated(graph) == [("a", 1, 1.0, 1)]
    report = graph.load(edges={"RATED": frame}, on_missing="create")
    assert [(row.name, row.written) for row in report.rows] == [
        ("User (created)", 1),
        ("Item (created)", 1),
        ("RATED", 2),
    ]
    assert len(rated(graph)) == 2


def test_bad_rows_refuse_the_load_or_are_counted(graph):
    bad = RATED.assign(stars=[3.0, np.nan, np.inf])
    with pytest.raises(DataError, match="stars"):
        graph.load(NODES, {"RATED": bad})
    assert not graph.store.describe().labels
    report = graph.load(NODES, {"RATED": bad}, on_error="skip")
    assert sum(report.rows[-1].skipped.values()) == 2
    assert rated(graph) == [("a", 1, 3.0, 10)]


class Interrupted:
    """A store that fails after n chunks, as a process that is killed."""

    def __init__(self, store, n):
        self._store, self._left = store, n

    def __getattr__(self, name):
        return getattr(self._store, name)

    @property
    def capabilities(self):
        return replace(self._store.capabilities, chunk_rows=10)

    def upsert_edges(self, relationship, rows, chunk):
        if not self._left:
            raise StoreError("killed")
        self._left -= 1
        return self._store.upsert_edges(relationship, rows, chunk)


def test_an_interrupted_load_goes_on_behind_the_last_chunk(graph):
    users, items = [f"u{i}" for i in range(9)], list(range(9))
    pairs = [(u, i) for u in users for i in items]
    frame = pd.DataFrame(pairs, columns=["source", "target"]).assign(stars=2.0, at=5)
    nodes = {"User": pd.DataFrame({"id": users}), "Item": pd.DataFrame({"id": items})}
    with pytest.raises(StoreError, match="killed"):
        Graph(Interrupted(graph.store, 3), SCHEMA).load(nodes, {"RATED": frame})
    assert len(rated(graph)) == 30
    counting = Interrupted(graph.store, 100)
    report = Graph(counting, SCHEMA).load(nodes, {"RATED": frame})
    assert 100 - counting._left == 6  # the chunks that were left of nine
    assert report.rows[-1].written == 81
    assert len(rated(graph)) == 81


def test_chunks_of_another_size_are_other_chunks(graph):
    frame = pd.DataFrame({"source": ["a"] * 25, "target": range(25), "stars": 1.0, "at": 1})
    nodes = {"User": pd.DataFrame({"id": ["a"]}), "Item": pd.DataFrame({"id": range(25)})}
    with pytest.raises(StoreError, match="killed"):
        Graph(Interrupted(graph.store, 1), SCHEMA).load(nodes, {"RATED": frame})
    assert len(rated(graph)) == 10
    graph.load(nodes, {"RATED": frame})  # as after an upgrade that loads in larger chunks
    assert len(rated(graph)) == 25


def test_what_was_deleted_after_an_interruption_is_loaded_again(graph):
    frame = pd.DataFrame({"source": ["a"] * 25, "target": range(25), "stars": 1.0, "at": 1})
    nodes = {"User": pd.DataFrame({"id": ["a"]}), "Item": pd.DataFrame({"id": range(25)})}
    interrupted = Graph(Interrupted(graph.store, 1), SCHEMA)
    with pytest.raises(StoreError, match="killed"):
        interrupted.load(nodes, {"RATED": frame})
    graph.store.delete_nodes(SCHEMA.item, pa.array(range(25)))
    Graph(Interrupted(graph.store, 100), SCHEMA).load(nodes, {"RATED": frame})
    assert len(rated(graph)) == 25


def test_a_parquet_file_streams_and_csv_keeps_its_keys(graph, tmp_path):
    RATED.to_parquet(tmp_path / "rated.parquet")
    NODES["User"].to_csv(tmp_path / "user.csv", index=False)
    graph.load(
        {"User": tmp_path / "user.csv", "Item": pa.table({"id": [1, 2]})}, {"RATED": tmp_path / "rated.parquet"}
    )
    assert len(rated(graph)) == 3


def test_names_that_the_schema_does_not_know(graph):
    with pytest.raises(ArgumentError, match="Did you mean 'User'"):
        graph.load({"user": NODES["User"]})
    with pytest.raises(ArgumentError, match="Did you mean 'RATED'"):
        graph.load(edges={"RATE": RATED})
    with pytest.raises(ArgumentError, match="on_missing"):
        graph.load(NODES, on_missing="shrug")


def test_plain_frames_need_no_schema_and_no_optional_columns(any_store):
    graph = Graph(any_store, GraphSchema())
    frame = pd.DataFrame({"user_id": ["a", "b"], "item_id": ["x", "y"]})
    graph.load(edges={"INTERACTED": frame}, on_missing="create")
    assert graph.dataset().interactions().toarray().tolist() == [[1, 0], [0, 1]]


def test_what_describes_nodes_comes_back_as_it_went_in(any_store):
    """Every kind of feature, with what is missing, the same columns as without a database."""
    days = [datetime.date(2000, 1, 1), None, datetime.date(2010, 5, 5)]
    items = {
        "id": [1, 2, 3],
        "plot": ["A cat, a dog", "卧虎藏龙 cat 👍", ""],
        "year": [1999, None, 2020],
        "price": [9.5, float("nan"), 1.0],
        "day": days,
        "seen": pd.to_datetime(pd.Series(days)),
        "new": [True, False, None],
        "colours": [["red", "blue"], [], ["red"]],
        "sizes": [[1, 2], [2], None],
        "image": [[0.5, 1.0, -2.0], None, [1.0, 0.0, 3.5]],
        "never": [None, None, None],
    }
    kinds = {"plot": "words", "year": "number", "price": "number", "day": "number", "seen": "number"}
    kinds |= {"new": "category", "colours": "category", "sizes": "category", "image": "vector", "never": "words"}
    users = {"id": ["a", "b"], "age": [30, 40]}
    schema = GraphSchema(
        user=Node("User", "id", features=[Feature("age", "number")]),
        item=Node("Item", "id", features=[Feature(name, kind) for name, kind in kinds.items()]),
        interactions=[Interaction("RATED")],
        attributes=[Attribute("OF", to=Node("Genre", key="number"), weight="share")],
    )
    nodes = {"User": pd.DataFrame(users), "Item": pd.DataFrame(items)}
    rated = pd.DataFrame({"source": ["a", "b"], "target": [1, 2]})
    edges = {"OF": pd.DataFrame({"source": [1, 1, 2], "target": [7, 8, 7], "share": [1.0, 0.5, 2.0]})}
    wanted = dataset_from_frames(rated, schema=schema, nodes=nodes, edges=edges)
    graph = Graph(any_store, schema)
    graph.load(nodes, {"RATED": rated, **edges}, on_missing="create")
    found = graph.dataset()
    for side, labels in (
        ("item", ["OF", *(name for name in kinds if name != "never"), "document"]),
        ("user", ["age"]),
    ):
        encoders = [fit_encoder(data, side) for data in (wanted, found)]
        assert [encoder.labels for encoder in encoders] == [labels, labels]
        assert encoders[0].names == encoders[1].names
        rows = [encoders[0].encode(described(data, side)).toarray() for data in (wanted, found)]
        np.testing.assert_allclose(rows[0], rows[1], atol=1e-6)
        assert np.linalg.norm(rows[0]) > 1
