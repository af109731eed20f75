from __future__ import annotations

import copy
import os
import pickle
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest

from graphrec.data.dataset import Dataset
from graphrec.data.frames import dataset_from_frames
from graphrec.data.tables import UNDATED
from graphrec.errors import SchemaError
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social

SCHEMA = GraphSchema(
    user=Node("User", key="id"),
    item=Node("Movie", key="id"),
    interactions=[Interaction("RATED", weight="stars", time="at", target=True), Interaction("VIEWED")],
    attributes=[
        Attribute("HAS_GENRE", to=Node("Genre", key="name")),
        Attribute("LIVES_IN", to=Node("City"), of="user"),
    ],
    social=[Social("FRIEND", weight="w", time="since"), Social("FOLLOWS", directed=True)],
)


@pytest.fixture
def data() -> Dataset:
    rated = pd.DataFrame(
        {"user_id": ["b", "a", "a"], "movie_id": [7, 7, 3], "stars": [5.0, 4.0, 0.5], "at": [30, None, 10]}
    )
    ties = pd.DataFrame(
        {
            "source": ["a", "b", "c", "c", "a"],
            "target": ["b", "a", "a", "c", "c"],
            "w": [1.0, 3.0, 2.0, 9.0, 5.0],
            "since": [8, 4, None, 1, 6],
        }
    )
    return dataset_from_frames(
        rated,
        schema=SCHEMA,
        edges={
            "HAS_GENRE": pd.DataFrame({"movie_id": [3], "genre": ["Drama"]}),
            "LIVES_IN": pd.DataFrame({"user_id": ["b"], "city_id": [1]}),
            "FRIEND": ties,
            "FOLLOWS": ties[["source", "target"]].iloc[:1],
        },
    )


def test_both_directions_with_weights_times_and_keys(data: Dataset) -> None:
    hetero = data.hetero()
    assert hetero.validate(raise_on_error=True)
    assert hetero.node_types == ["User", "Movie", "Genre", "City"]
    assert [hetero[label].num_nodes for label in hetero.node_types] == [3, 2, 1, 1]
    assert set(hetero.edge_types) == {
        ("User", "RATED", "Movie"),
        ("Movie", "rev_RATED", "User"),
        ("User", "VIEWED", "Movie"),
        ("Movie", "rev_VIEWED", "User"),
        ("Movie", "HAS_GENRE", "Genre"),
        ("Genre", "rev_HAS_GENRE", "Movie"),
        ("User", "LIVES_IN", "City"),
        ("City", "rev_LIVES_IN", "User"),
        ("User", "FRIEND", "User"),
        ("User", "FOLLOWS", "User"),
        ("User", "rev_FOLLOWS", "User"),
    }
    rated, back = hetero["User", "RATED", "Movie"], hetero["Movie", "rev_RATED", "User"]
    assert rated.edge_index.tolist() == [[1, 0, 0], [1, 1, 0]]
    assert back.edge_index.tolist() == [[1, 1, 0], [1, 0, 0]]
    for store in (rated, back):
        assert str(store.edge_weight.dtype) == "torch.float32"
        assert store.edge_weight.tolist() == [5, 4, 0.5]
        assert str(store.time.dtype) == "torch.int64"
        assert store.time.tolist() == [30, UNDATED, 10]
    assert "edge_weight" not in hetero["User", "VIEWED", "Movie"]
    assert hetero["User", "VIEWED", "Movie"].edge_index.shape == (2, 0)
    assert hetero["City", "rev_LIVES_IN", "User"].edge_index.tolist() == [[0], [1]]


def test_keys_come_back_from_rows(data: Dataset) -> None:
    hetero = data.hetero()
    users, movies = hetero["User"].key, hetero["Movie"].key
    assert list(users) == ["a", "b", "c"]
    assert users[1] == "b"
    assert movies[0] == 3
    assert users[np.array([2, 0])].tolist() == ["c", "a"]
    rows = hetero["User", "RATED", "Movie"].edge_index
    assert list(zip(users[rows[0]], movies[rows[1]], strict=True)) == [("b", 7), ("a", 7), ("a", 3)]
    assert np.asarray(movies).tolist() == [3, 7]
    assert (len(users), repr(users), users[:2].tolist()) == (3, "[3]", ["a", "b"])


def test_undirected_ties_are_symmetric_and_once(data: Dataset) -> None:
    friend = data.hetero()["User", "FRIEND", "User"]
    found = {
        (int(s), int(t)): (float(w), int(at))
        for s, t, w, at in zip(*friend.edge_index, friend.edge_weight, friend.time, strict=True)
    }
    # a-b twice (1 at 8, 3 at 4), a-c twice (2 undated, 5 at 6), c-c once: largest weight, latest time
    expected = {(0, 1): (3.0, 8), (0, 2): (5.0, 6), (2, 2): (9.0, 1)}
    assert found == expected | {(t, s): value for (s, t), value in expected.items()}
    assert friend.edge_index.shape[1] == 5


def test_directed_ties_keep_their_direction(data: Dataset) -> None:
    hetero = data.hetero()
    assert hetero["User", "FOLLOWS", "User"].edge_index.tolist() == [[0], [1]]
    assert hetero["User", "rev_FOLLOWS", "User"].edge_index.tolist() == [[1], [0]]


def test_it_can_be_merged_moved_copied_and_cut(data: Dataset) -> None:
    import torch

    hetero = data.hetero()
    merged = hetero.to_homogeneous()
    assert merged.num_nodes == 7
    assert merged.num_edges == sum(store.num_edges for store in hetero.edge_stores)
    assert merged.validate(raise_on_error=True)
    assert "key" not in merged
    assert list(hetero.to("cpu")["User"].key) == list(copy.deepcopy(hetero)["User"].key) == ["a", "b", "c"]
    assert list(pickle.loads(pickle.dumps(hetero))["User"].key) == ["a", "b", "c"]
    cut = hetero.subgraph({"User": torch.tensor([1, 2])})
    assert cut["User"].num_nodes == 2
    users, movies = cut["User"], cut["Movie"]
    assert users.key[users.n_id].tolist() == ["b", "c"]
    source, target = cut["User", "RATED", "Movie"].edge_index
    assert list(zip(users.key[users.n_id[source]], movies.key[movies.n_id[target]], strict=True)) == [("b", 7)]


def test_it_owns_its_memory(data: Dataset) -> None:
    hetero = data.hetero()
    hetero["User", "RATED", "Movie"].edge_weight.zero_()
    hetero["User", "RATED", "Movie"].time.zero_()
    hetero["User", "RATED", "Movie"].edge_index.zero_()
    assert hetero["Movie", "rev_RATED", "User"].edge_weight.tolist() == [5, 4, 0.5]
    assert data.frame("RATED")["weight"].tolist() == [5, 4, 0.5]
    assert data.hetero()["User", "RATED", "Movie"].edge_index.tolist() == [[1, 0, 0], [1, 1, 0]]


def test_an_empty_graph() -> None:
    hetero = Dataset.from_tables(SCHEMA, {}, {}).hetero()
    assert hetero.validate(raise_on_error=True)
    assert hetero.num_nodes == hetero.num_edges == 0
    assert len(hetero.edge_types) == 11


@pytest.mark.parametrize(
    "schema",
    [
        GraphSchema(interactions=[Interaction("A"), Interaction("rev_A")]),
        GraphSchema(social=[Social("F", directed=True), Social("rev_F")]),
    ],
)
def test_a_type_with_the_name_of_a_reverse_is_refused(schema: GraphSchema) -> None:
    with pytest.raises(SchemaError, match=r"reverse in `HeteroData`. Got \['rev_"):
        Dataset.from_tables(schema, {}, {}).hetero()


def test_rev_of_an_undirected_tie_is_a_free_name() -> None:
    schema = GraphSchema(social=[Social("F"), Social("rev_F")])
    assert ("User", "rev_F", "User") in Dataset.from_tables(schema, {}, {}).hetero().edge_types


def test_a_million_relationships_take_less_than_a_second() -> None:
    rng = np.random.default_rng(0)
    data = dataset_from_frames(
        pd.DataFrame(
            {"user_id": rng.integers(0, 5000, 10**6), "item_id": rng.integers(0, 5000, 10**6), "weight": 1.0}
        )
    )
    data.hetero()  # imports
    begun = time.process_time()
    data.hetero()
    assert time.process_time() - begun < 1  # 0.12 s alone; room for a busy machine


def test_networkx_nodes_are_label_and_key(data: Dataset) -> None:
    graph = data.networkx()
    assert set(graph) == {
        *[("User", key) for key in "abc"],
        ("Movie", 3),
        ("Movie", 7),
        ("Genre", "Drama"),
        ("City", 1),
    }
    assert graph.number_of_edges() == sum(len(edge) for edge in data.edges.values())
    assert graph.get_edge_data(("User", "b"), ("Movie", 7)) == {0: {"type": "RATED", "weight": 5.0, "time": 30}}
    assert graph.get_edge_data(("User", "a"), ("Movie", 7)) == {0: {"type": "RATED", "weight": 4.0}}
    assert graph.get_edge_data(("Movie", 3), ("Genre", "Drama")) == {0: {"type": "HAS_GENRE"}}


def test_networkx_nodes_carry_properties() -> None:
    frame = pd.DataFrame({"user_id": ["u"], "item_id": ["i"]})
    data = dataset_from_frames(frame, nodes={"Item": pd.DataFrame({"item_id": ["i"], "title": ["I"]})})
    assert data.networkx().nodes["Item", "i"] == {"title": "I"}


def test_torch_and_networkx_are_loaded_only_when_they_are_called() -> None:
    code = (
        "import sys, graphrec.data.frames; print(sorted({'torch', 'torch_geometric', 'networkx'} & set(sys.modules)))"
    )
    path = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=path)
    assert done.stdout.strip() == "[]"
