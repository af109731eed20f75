from __future__ import annotations

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
import torch

from graphrec.models.propagation import Propagation, bags, bipartite, on_device, powers

CPU = torch.device("cpu")
WEIGHTS = [(1.0,), (0.3, 0.7), (0.25,) * 4, (0.5, 0.0, 0.2, -0.1, 0.9)]


def graph(*, weighted: bool, seed: int = 0) -> np.ndarray:
    """Return 13 users by 17 items; user 4 and items 0 and 9 have no edge."""
    generator = np.random.default_rng(seed)
    matrix = (generator.random((13, 17)) < 0.25).astype(np.float64)
    if weighted:
        matrix *= generator.uniform(0.2, 9, matrix.shape)
    matrix[4], matrix[:, 0], matrix[:, 9] = 0, 0, 0
    return matrix


def dense_operator(matrix: np.ndarray, weights: tuple[float, ...], exponent: float = 0.5) -> np.ndarray:
    """Return ``Σ_k α_k (D^-a A D^-a)^k`` in float64, from its definition."""
    users, items = matrix.shape
    adjacency = np.block([[np.zeros((users, users)), matrix], [matrix.T, np.zeros((items, items))]])
    degrees = adjacency.sum(1)
    scale = np.array([d**-exponent if d else 0.0 for d in degrees])
    normal = np.diag(scale) @ adjacency @ np.diag(scale)
    return sum(a * np.linalg.matrix_power(normal, k) for k, a in enumerate(weights))


def propagation(matrix: np.ndarray, weights: tuple[float, ...]) -> Propagation:
    return Propagation(bipartite(sp.csr_array(matrix.astype(np.float32))), weights, CPU)


def table(n: int, dim: int = 64, seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, dim)).astype(np.float32)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_forward_equals_the_dense_definition(weights: tuple[float, ...], weighted: bool) -> None:
    matrix, e = graph(weighted=weighted), table(30)
    expected = dense_operator(matrix, weights) @ e
    operator = propagation(matrix, weights)
    final, inner = operator.full(torch.from_numpy(e))
    np.testing.assert_allclose(final, expected, atol=1e-5)
    np.testing.assert_allclose(expected[[4, 13, 22]], weights[0] * e[[4, 13, 22]], atol=1e-12)
    assert (inner is None) == (len(weights) == 1)
    rows = np.array([29, 0, 4, 13, 7])
    z, own = operator.at(torch.from_numpy(e), rows)
    np.testing.assert_allclose(z, expected[rows], atol=1e-5)
    np.testing.assert_array_equal(own, e[rows])


@pytest.mark.parametrize("few", [True, False])
@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("weights", WEIGHTS)
def test_gradient_equals_the_dense_definition(weights: tuple[float, ...], weighted: bool, few: bool) -> None:
    matrix, e = graph(weighted=weighted), table(30)
    rows = np.array([29, 0, 4, 13, 7]) if few else np.random.default_rng(3).permutation(30)[:27]
    rest, own_part = table(len(rows), seed=2), table(len(rows), seed=3)
    leaf = torch.from_numpy(e).requires_grad_()
    operator = propagation(matrix, weights)
    assert (operator.rows(rows, 64) is not None) == few, "with most of the graph it goes over the whole"
    z, own = operator.at(leaf, rows)
    np.testing.assert_allclose(z.detach(), (dense_operator(matrix, weights) @ e)[rows], atol=1e-5)
    np.testing.assert_array_equal(own.detach(), e[rows])
    ((z.square() * torch.from_numpy(rest)).sum() + (own * torch.from_numpy(own_part)).sum()).backward()
    dense = dense_operator(matrix, weights)
    outer = np.zeros((30, 64))
    outer[rows] = 2 * (dense @ e)[rows] * rest
    expected = dense.T @ outer
    expected[rows] += own_part
    np.testing.assert_allclose(leaf.grad, expected, atol=1e-5)


def test_a_used_result_of_one_kind_is_enough_for_a_gradient() -> None:
    leaf = torch.from_numpy(table(30)).requires_grad_()
    propagation(graph(weighted=False), (0.5, 0.5)).at(leaf, np.array([1, 2]))[1].sum().backward()
    assert leaf.grad is not None
    assert leaf.grad.sum(1).nonzero().flatten().tolist() == [1, 2]


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_removing_an_edge_changes_exactly_the_nodes_within_reach(layers: int) -> None:
    matrix, weights = np.zeros((12, 12)), (1 / (layers + 1),) * (layers + 1)
    for i in range(11):  # a long path with a few branches, and a part that is not connected
        matrix[i, i] = matrix[i, (i + 1) % 10] = 1
    matrix[2, 7] = 1
    e = torch.from_numpy(table(24, dim=3))
    whole = nx.from_numpy_array(np.block([[np.zeros((12, 12)), matrix], [matrix.T, np.zeros((12, 12))]]))
    for user, item in [(0, 0), (2, 7), (10, 10), (9, 0)]:
        without = matrix.copy()
        without[user, item] = 0
        changed = (propagation(matrix, weights).full(e)[0] != propagation(without, weights).full(e)[0]).any(1)
        hops = nx.multi_source_dijkstra_path_length(whole, {user, 12 + item})
        reach = {node for node, distance in hops.items() if distance <= layers} if layers else set()
        assert set(changed.nonzero().flatten().tolist()) == reach
        assert len(reach) < 24


def test_the_matrix_given_stays_as_it_was() -> None:
    matrix = sp.csr_array(graph(weighted=True).astype(np.float32))
    before = matrix.copy()
    bipartite(matrix)
    assert (matrix != before).nnz == 0


def test_an_odd_width_and_a_wide_one() -> None:
    matrix = graph(weighted=True)
    for dim in (1, 7, 300):
        e = table(30, dim)
        expected = dense_operator(matrix, (0.4, 0.3, 0.3)) @ e
        np.testing.assert_allclose(
            propagation(matrix, (0.4, 0.3, 0.3)).full(torch.from_numpy(e))[0], expected, atol=1e-5
        )


@pytest.mark.parametrize("exponent", [0.0, 0.4, 1.0])
def test_another_exponent_equals_the_dense_definition(exponent: float) -> None:
    matrix, e, weights, rows = graph(weighted=True), table(30), (0.2, 0.3, 0.5), np.array([29, 0, 4, 13, 7])
    dense = dense_operator(matrix, weights, exponent)
    operator = Propagation(bipartite(sp.csr_array(matrix.astype(np.float32)), exponent), weights, CPU)
    expected = dense @ e
    scale = np.abs(expected).max()
    np.testing.assert_allclose(operator.full(torch.from_numpy(e))[0], expected, atol=1e-6 * scale)
    leaf, rest = torch.from_numpy(e).requires_grad_(), table(5, seed=2)
    z, _ = operator.at(leaf, rows)
    np.testing.assert_allclose(z.detach(), expected[rows], atol=1e-6 * scale)
    (z * torch.from_numpy(rest)).sum().backward()
    outer = np.zeros((30, 64))
    outer[rows] = rest
    gradient = dense.T @ outer
    np.testing.assert_allclose(leaf.grad, gradient, atol=1e-6 * np.abs(gradient).max())


def test_powers_of_zero_are_zero() -> None:
    degrees = np.array([0.0, 4.0, 0.25])
    for exponent, expected in ((-0.5, [0, 0.5, 2]), (0.5, [0, 2, 0.5]), (0.0, [0, 1, 1]), (-2.0, [0, 1 / 16, 16])):
        assert powers(degrees, exponent).tolist() == expected
    assert degrees.tolist() == [0, 4, 0.25]


def test_bags_multiply_by_a_matrix_or_by_its_transpose() -> None:
    matrix = graph(weighted=True).astype(np.float32)
    rows, columns = on_device(sp.csr_array(matrix), CPU), on_device(sp.csr_array(matrix).tocsc(), CPU)
    users, items = table(13), table(17)
    np.testing.assert_allclose(bags(torch.from_numpy(items), *rows), matrix @ items, atol=1e-5)
    np.testing.assert_allclose(bags(torch.from_numpy(users), *columns), matrix.T @ users, atol=1e-5)
