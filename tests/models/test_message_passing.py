from __future__ import annotations

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
import torch
from attributes import private, tagged
from interactions import dataset_of

from graphrec.errors import DataError
from graphrec.models.message_passing import Network, TypedGraph, properties_of, tensors

CPU = torch.device("cpu")
CONVS = ("sage", "gat", "hgt")


def network(graph: TypedGraph, conv: str, *, layers: int = 2, dim: int = 8) -> Network:
    found = Network(graph, conv, dim, layers, 2, frozenset(graph.sizes), np.random.default_rng(0))  # type: ignore[arg-type]
    for name, table in found.free.items():
        table.data.copy_(torch.from_numpy(np.random.default_rng(len(name)).normal(size=table.shape)))
    found.gates.data.fill_(1)
    return found


@torch.no_grad()
def everything(net: Network, graph: TypedGraph) -> dict[str, np.ndarray]:
    vectors = net.own({name: np.arange(n) for name, n in graph.sizes.items()})
    for number in range(len(net.convs)):
        vectors = net.layer(number, vectors, tensors(graph.edges, CPU))
    return {name: each.numpy() for name, each in vectors.items()}


@pytest.mark.parametrize("layers", [1, 2, 3])
@pytest.mark.parametrize("conv", CONVS)
def test_a_changed_attribute_changes_exactly_what_hears_of_it(conv: str, layers: int) -> None:
    """A path of users and items with tags on it: messages travel one step a layer, and no further."""
    matrix = np.zeros((9, 9))
    for i in range(8):
        matrix[i, i] = matrix[i, i + 1] = 1
    tags = [(0, 0), (1, 0), (4, 1), (8, 2)]
    with_it, without = (
        TypedGraph.of(tagged(matrix, tags)),
        TypedGraph.of(tagged(matrix, tags[:2] + tags[3:], n_tags=3)),
    )
    one, other = (everything(network(graph, conv, layers=layers), graph) for graph in (with_it, without))
    whole = nx.Graph([(("n0", int(u)), ("n1", int(i))) for u, i in zip(*matrix.nonzero(), strict=True)])
    whole.add_edges_from((("n1", i), ("n2", t)) for i, t in tags)
    hops = nx.multi_source_dijkstra_path_length(whole, {("n1", 4), ("n2", 1)}, weight=None)
    changed = {
        (name, int(row)) for name in one for row in np.flatnonzero(np.abs(one[name] - other[name]).max(1) > 1e-6)
    }
    assert changed == {node for node, distance in hops.items() if distance < layers}
    assert len(changed) < 15


def test_sage_is_the_mean_of_what_is_heard_by_a_dense_product() -> None:
    matrix, tags = private(users=8)
    graph = TypedGraph.of(tagged(matrix, tags))
    net = network(graph, "sage")
    for parameter in net.convs.parameters():
        parameter.data.copy_(torch.from_numpy(np.random.default_rng(parameter.numel()).normal(size=parameter.shape)))
    found = everything(net, graph)
    vectors = {name: table.detach().double().numpy() for name, table in net.free.items()}
    dense = {kind: np.zeros((graph.sizes[kind[2]], graph.sizes[kind[0]])) for kind in graph.edges}
    for kind, (sources, targets) in graph.edges.items():
        np.add.at(dense[kind], (targets, sources), 1)
    for number in range(2):
        heard: dict[str, list[np.ndarray]] = {name: [] for name in vectors}
        for kind, adjacency in dense.items():
            conv = net.convs[number].convs[kind]
            left, right, bias = (
                each.detach().double().numpy() for each in (conv.lin_l.weight, conv.lin_r.weight, conv.lin_l.bias)
            )
            mean = adjacency @ vectors[kind[0]] / np.maximum(adjacency.sum(1, keepdims=True), 1)
            heard[kind[2]].append(mean @ left.T + bias + vectors[kind[2]] @ right.T)
        vectors = {name: v + np.mean(heard[name], 0) for name, v in vectors.items()}
    for name, expected in vectors.items():
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, atol=1e-3)


def test_labels_and_types_may_have_any_name() -> None:
    graph = TypedGraph.of(tagged(*private(users=4), towns=[(0, 0), (1, 0)], friends=[(0, 1), (2, 2)]))
    assert set(graph.sizes) == {"n0", "n1", "n2", "n3"}
    assert all(kind[1] == f"r{i}" for i, kind in enumerate(graph.edges))
    assert (graph.user, graph.item) == ("n0", "n1")
    assert len(graph.edges) == 7  # three relationships in both directions, and undirected ties


def test_what_is_missing_has_a_column_of_its_own() -> None:
    year = pa.array([1990.0, None, 2000.0, float("nan")])
    title = pa.array(["the red door", "red", None, ""])
    data = tagged(np.eye(4), [(0, 0)], properties={"year": ("number", year), "title": ("words", title)})
    found = properties_of(data, "item")
    dense = found.toarray()
    assert dense[:, 2].tolist() == [0, 1, 0, 1]  # two peaks, and the column for none
    assert dense[:, -1].tolist() == [0, 0, 1, 1]
    np.testing.assert_allclose(dense[0, :2], [1, 0])
    assert dense[0, 3] > 0  # "red", the one word of two titles
    assert found.shape == (4, 5)
    assert properties_of(data, "user").shape == (4, 0)
    assert properties_of(dataset_of(np.eye(2)), "item").shape == (2, 0)


def test_features_of_the_wrong_kind_are_refused() -> None:
    data = tagged(np.eye(2), [(0, 0)], properties={"year": ("number", pa.array(["new", "old"]))})
    with pytest.raises(DataError, match="`year` must hold numbers"):
        TypedGraph.of(data)


def test_a_node_brings_its_columns() -> None:
    kinds = pa.array([["a", "b"], ["a"], [], None], pa.list_(pa.string()))
    graph = TypedGraph.of(tagged(np.eye(4), [(0, 0)], properties={"kind": ("category", kinds)}))
    net = Network(graph, "sage", 4, 1, 1, frozenset(), np.random.default_rng(0))
    own = net.own({"n1": np.array([3, 0, 1])})["n1"].detach().numpy()
    expected = graph.features["n1"].toarray()[[3, 0, 1]] @ net.columns["n1"].detach().numpy()
    np.testing.assert_allclose(own, expected, atol=1e-6)
    assert np.abs(own).min() > 0  # "missing" has a vector too
    assert net.own({"n0": np.array([1])})["n0"].abs().sum() == 0
