from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
import torch
from attributes import by_tag, private, tagged
from interactions import communities, dataset_of, held_out_of
from scipy.sparse import csr_array

from graphrec.data.dataset import Dataset
from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.models import HeteroLight, SoftmaxGCN, load_model
from graphrec.models.hetero_light import ATTRIBUTES, TRIED
from graphrec.models.model import target_matrix
from graphrec.models.softmax_model import SoftmaxTraining
from graphrec.rank.explain import explain
from graphrec.schema import Attribute, GraphSchema, Node

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.models import FittedVectors
    from graphrec.train.history import Epoch

CPU = torch.device("cpu")
TABLES = ("user_vectors", "item_vectors", "fold_in_vectors")


def rich(seed: int = 0) -> Dataset:
    """Return communities with tags, towns, ties, and nodes that have none of them."""
    matrix = communities(seed)
    matrix[5], matrix[:, 7] = 0, 0
    return tagged(
        matrix,
        [(item, item % 4) for item in range(40) if item != 7] + [(0, 4)],
        n_tags=7,
        towns=[(user, user % 3) for user in range(30)],
        friends=[(user, (user + 4) % 60) for user in range(50)],
    )


def fit(data: Dataset, options: dict[str, Any] | None = None, **fields: Any) -> FittedVectors:
    fields = {"dim": 8, "epochs": 4, "batch_size": 16, "temperature": 0.1, **fields}
    return HeteroLight(**fields).fit(data, **{"device": "cpu", "progress": False, **(options or {})})


def training(config: HeteroLight, data: Dataset) -> SoftmaxTraining:
    return SoftmaxTraining(config, config._graph(data, target_matrix(data)), CPU)


def dense_adjacency(data: Dataset, config: HeteroLight) -> np.ndarray:
    """Return Â in float64 from its definition: users, items, tags, towns; each kind normalised by itself."""

    def normal(matrix: np.ndarray) -> np.ndarray:
        rows, columns = (np.abs(matrix).sum(axis) for axis in (1, 0))
        with np.errstate(divide="ignore"):
            left, right = (np.where(d > 0, d**-config.exponent, 0) for d in (rows, columns))
        return left[:, None] * matrix * right

    def of(name: str, n: int, target: str) -> np.ndarray:
        """Return idf over the root of the sum of their squares, the commonest value first."""
        edge = data.edges[name]
        has = np.zeros((n, len(data.nodes[target])))
        has[edge.source_rows, edge.target_rows] = 1
        counts = has.sum(0)
        order = [c for c in np.lexsort((np.arange(len(counts)), -counts)) if counts[c]]
        rare = has[:, order] * (np.log((1 + n) / (1 + counts[order])) + 1)
        return normal(rare / np.maximum(np.linalg.norm(rare, axis=1, keepdims=True), 1e-30))

    core = normal(data.interactions().toarray().astype(np.float64))
    users, items = core.shape
    tags, towns = of("TAGGED", items, "Tag"), of("LIVES_IN", users, "Town")
    ties = np.zeros((users, users))
    edge = data.edges["FRIEND"]
    ties[edge.source_rows, edge.target_rows] = ties[edge.target_rows, edge.source_rows] = 1
    blocks = config.blocks or {}
    size = users + items + tags.shape[1] + towns.shape[1]
    adjacency = np.zeros((size, size))
    first, second = users + items, users + items + tags.shape[1]
    adjacency[:users, users:first] = core
    adjacency[users:first, first:second] = config.attributes * blocks.get("TAGGED", 1) * tags
    adjacency[:users, second:] = config.attributes * blocks.get("LIVES_IN", 1) * towns
    adjacency += adjacency.T
    adjacency[:users, :users] = config.ties * normal(ties)
    return adjacency


CASES: list[dict[str, Any]] = [
    {"attributes": 0.5},
    {"attributes": 2.0, "ties": 0.7, "layers": 3, "exponent": 0.5},
    {"attributes": 1.0, "ties": 1.0, "blocks": {"TAGGED": 0.25, "LIVES_IN": 3.0}},
    {"attributes": 1.0, "layers": 0},
]


@pytest.mark.parametrize("fields", CASES)
def test_loss_and_gradient_equal_a_dense_model(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    monkeypatch.setattr("graphrec.models.softmax_model.products", lambda _: torch.float32)
    data, config = rich(), HeteroLight(dim=6, temperature=0.2, **fields)
    each, batch = training(config, data), np.array([9, 0, 8, 33])
    loss = each.loss(batch)
    loss.backward()
    adjacency, matrix = dense_adjacency(data, config), data.interactions().toarray()
    layers = range(config.layers + 1)
    operator = torch.from_numpy(sum(np.linalg.matrix_power(adjacency, k) for k in layers) / len(layers))
    e = each.table.detach().double().requires_grad_()
    assert len(e) == len(adjacency) == 60 + 40 + 5 + 3
    z = operator @ e
    z = z / z.norm(dim=1, keepdim=True).clamp_min(1e-12)
    whole, expected = sum(matrix[user].sum() ** 0.75 for user in batch), torch.zeros(()).double()
    for user in batch:
        exponentials = torch.exp(z[user] @ z[60:100].T / 0.2)
        others = exponentials[matrix[user] == 0].sum()
        for item in np.flatnonzero(matrix[user]):
            share = torch.log(exponentials[item] / (exponentials[item] + others))
            expected = expected - share * matrix[user].sum() ** -0.25 / whole
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(each.table.grad, e.grad, atol=2e-5 * float(e.grad.abs().max()))
    users, items, fold_in = each.vectors()
    np.testing.assert_allclose(users, z[:60].detach(), atol=1e-5)
    np.testing.assert_allclose(items, z[60:100].detach(), atol=1e-5)
    assert (fold_in is None) == (config.layers == 0)


def test_the_gradient_is_the_slope(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.models.softmax_model.products", lambda _: torch.float32)
    config = HeteroLight(dim=6, temperature=0.5, attributes=0.7, ties=0.5)
    each, batch = training(config, rich()), np.arange(10, 30)
    each.loss(batch).backward()
    gradient = each.table.grad
    assert gradient is not None
    assert gradient[100:].abs().sum() > 0  # tags and towns learn
    start, length, losses = each.table.detach().clone(), float(gradient.norm()), []
    for step in (1e-2, -1e-2):
        each.table.data.copy_(start + step * gradient / length)
        losses.append(each.loss(batch).item())
    assert (losses[0] - losses[1]) / 2e-2 == pytest.approx(length, rel=1e-2)


@pytest.mark.parametrize("layers", [1, 2, 3])
def test_a_changed_attribute_changes_exactly_the_nodes_within_reach(layers: int) -> None:
    matrix = np.zeros((9, 9))
    for i in range(8):
        matrix[i, i] = matrix[i, i + 1] = 1
    tags = [(0, 0), (1, 0), (4, 1), (6, 1), (8, 2)]
    others = [*tags[:3], (2, 1), tags[4]]  # as many of each tag, so that nothing is rarer
    config = HeteroLight(dim=3, layers=layers, attributes=1.0, temperature=0.1)
    graphs = [config._graph(tagged(matrix, each), target_matrix(tagged(matrix, each))) for each in (tags, others)]
    table = torch.from_numpy(np.random.default_rng(0).normal(size=(21, 3)).astype(np.float32))
    one, other = (SoftmaxTraining(config, graph, CPU).propagation.full(table)[0] for graph in graphs)
    whole = nx.from_scipy_sparse_array(graphs[0].adjacency + graphs[1].adjacency)
    hops = nx.multi_source_dijkstra_path_length(whole, {9 + 2, 9 + 6, 18 + 1}, weight=None)  # whose own edges differ
    changed = set((one - other).abs().amax(1).gt(1e-7).nonzero().flatten().tolist())
    assert changed == {node for node, distance in hops.items() if distance < layers}
    assert len(changed) < 21


def test_attributes_decide_where_nothing_else_can() -> None:
    matrix, tags = private()
    options: dict[str, Any] = {"dim": 4, "attributes": 1.0, "temperature": 0.3}
    assert by_tag(fit(tagged(matrix, tags), **options).score(np.arange(40))) > 0.95
    assert 0.35 < by_tag(fit(dataset_of(matrix), **options).score(np.arange(40))) < 0.65
    group = pa.array([f"group {tag}" for _, tag in tags.tolist()])
    as_category = tagged(matrix, [], properties={"group": ("category", group)})
    assert by_tag(fit(as_category, **options).score(np.arange(40))) > 0.95


def test_ties_decide_where_nothing_else_can() -> None:
    matrix, _ = private()
    friends = [(a, b) for a in range(40) for b in range(a) if (a - b) % 4 == 0]
    options: dict[str, Any] = {"dim": 16, "epochs": 2, "layers": 3, "temperature": 0.5}
    assert by_tag(fit(tagged(matrix, [], friends=friends), ties=1.0, **options).score(np.arange(40))) > 0.8
    assert 0.35 < by_tag(fit(tagged(matrix, [], friends=friends), **options).score(np.arange(40))) < 0.65


@pytest.mark.parametrize("data", [dataset_of(communities()), tagged(communities(), [], n_tags=3)])
def test_without_anything_described_it_is_softmax_gcn(data: Dataset) -> None:
    plain = SoftmaxGCN(dim=8, epochs=4, batch_size=16, temperature=0.1).fit(data, device="cpu", progress=False)
    for fitted in (fit(data, attributes=1.0), fit(rich_without(data), attributes=0.0)):
        for name in TABLES:
            np.testing.assert_array_equal(getattr(fitted, name), getattr(plain, name))


def rich_without(data: Dataset) -> Dataset:
    """Return the same interactions with tags."""
    return tagged(data.interactions().toarray(), [(item, item % 4) for item in range(40)])


def test_a_score_is_a_part_of_its_own_and_one_for_each_item_of_the_history() -> None:
    data = rich()
    config = HeteroLight(dim=6, temperature=0.1, attributes=0.7)
    each = training(config, data)
    users, _, fold_in = each.vectors()
    assert fold_in is not None
    adjacency, history = dense_adjacency(data, config), data.interactions().toarray()
    e = each.table.detach().double().numpy()
    inner = (e + adjacency @ e) / 3
    final = e / 3 + adjacency @ inner
    heard = adjacency[:60, 60:100] @ inner[60:100]  # the part of the history, before lengths are made 1
    parts = history @ fold_in / np.sqrt(np.maximum(history.sum(1), 1))[:, None]
    for user in np.flatnonzero(history.sum(1)):
        ratio = heard[user] @ parts[user] / (parts[user] @ parts[user])
        np.testing.assert_allclose(parts[user] * ratio, heard[user], atol=1e-5)
        np.testing.assert_allclose(users[user], final[user] / np.linalg.norm(final[user]), atol=1e-5)
    fitted = fit(data, attributes=0.7)
    shown = explain(fitted, data, [("User-0003", "Item-0001"), ("User-0008", "Item-0002")]).parts
    sums = shown.groupby(["user", "item"])["part"].sum()
    assert np.allclose(sums, shown.groupby(["user", "item"])["score"].first(), atol=1e-5)
    assert len(shown) == 2 + history[[3, 8]].sum()


def test_a_folded_in_user_is_ranked_like_the_user() -> None:
    data = rich()
    fitted = fit(data, epochs=12, temperature=0.5, attributes=0.5)
    matrix = data.interactions()
    folded = fitted.fold_in(np.split(matrix.indices, matrix.indptr[1:-1]))
    known = np.diff(matrix.indptr) > 0
    cosine = (folded * fitted.user_vectors).sum(1)[known] / np.linalg.norm(folded[known], axis=1)
    assert np.median(cosine) > 0.9


def test_validation_chooses_the_weight_and_records_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data = rich()
    held_out = held_out_of(data, csr_array((communities(1) > data.interactions().toarray()).astype(np.float32)))
    assert fit(data).config.attributes == ATTRIBUTES
    for best in (TRIED[0], TRIED[-1]):
        figures = iter([0.9 if each == best else 0.1 for each in TRIED])
        monkeypatch.setattr("graphrec.models.softmax_model.held_out_metric", lambda *_, **__: next(figures))  # noqa: B023
        fitted = fit(data, {"validation": held_out})
        assert fitted.config.attributes == best


def test_one_seed_gives_the_same_vectors() -> None:
    one, same, other = (fit(rich(), seed=seed, ties=0.5) for seed in (5, 5, 6))
    for name in TABLES:
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.allclose(getattr(one, name), getattr(other, name))


def test_going_on_from_a_checkpoint_equals_no_pause(tmp_path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    sizes = pa.array(np.arange(40.0))
    data, other = (tagged(communities(), [], properties={"size": ("number", each)}) for each in (sizes, sizes[::-1]))
    options: dict[str, Any] = {"checkpoint": tmp_path / "c"}
    with pytest.warns(UserWarning, match="interrupted"):
        fit(data, {**options, "callbacks": [stop]}, attributes=1.0)
    assert data.fingerprint == other.fingerprint  # it says nothing of properties
    with pytest.raises(ModelError, match="another features"):
        fit(other, options, attributes=1.0)
    resumed, whole = fit(data, options, attributes=1.0), fit(data, attributes=1.0)
    for name in TABLES:
        np.testing.assert_array_equal(getattr(whole, name), getattr(resumed, name))


def test_it_is_saved_and_fitted_again(tmp_path: Path) -> None:
    data = rich()
    fitted = fit(data, ties=0.5, blocks={"TAGGED": 0.5})
    fitted.save(tmp_path / "m")
    again = load_model(tmp_path / "m").refit(data, device="cpu", progress=False)
    for name in TABLES:
        np.testing.assert_array_equal(getattr(fitted, name), getattr(again, name))


def test_an_attribute_may_be_another_item() -> None:
    """Sequels: a cycle of three, and a film that is its own."""
    schema = GraphSchema(
        item=Node("Item", key="item_id"), attributes=[Attribute("SEQUEL_OF", Node("Item", key="item_id"))]
    )
    users, items = communities().nonzero()
    nodes = {name: pa.table({"key": pa.array(np.arange(n))}) for name, n in (("User", 60), ("Item", 40))}
    edges = {
        "INTERACTED": pa.table({"source": users, "target": items}),
        "SEQUEL_OF": pa.table({"source": [0, 1, 2, 5], "target": [1, 2, 0, 5]}),
    }
    data = Dataset.from_tables(schema, nodes, edges)
    fitted = fit(data, attributes=1.0)
    assert np.isfinite(fitted.score(np.arange(60))).all()
    assert training(HeteroLight(dim=4, attributes=1.0), data).table.shape == (60 + 40 + 4, 4)


def test_a_huge_category_costs_a_vector_each_and_no_more() -> None:
    codes = pa.array([f"code {i}" for i in range(3000)])
    matrix = (np.arange(3000)[None] % 50 == np.arange(50)[:, None]).astype(float)
    fitted = fit(tagged(matrix, [], properties={"code": ("category", codes)}), attributes=1.0, epochs=1)
    assert np.isfinite(fitted.item_vectors).all()


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"attributes": -1.0}, "`attributes` should be greater than or equal to 0"),
        ({"blocks": {"TAGGED": -1.0}}, "`blocks"),
        ({"ties": float("nan")}, "`ties` should be a finite number"),
    ],
)
def test_impossible_fields_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        HeteroLight(**fields)


def test_unknown_blocks_and_missing_ties_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"`blocks` must name what describes items or users. Got 'TAGED'"):
        fit(rich(), blocks={"TAGED": 1.0})
    with pytest.raises(DataError, match="must hold ties between two users"):
        fit(dataset_of(communities()), ties=1.0)
