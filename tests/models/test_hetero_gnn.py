from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
import torch
from attributes import by_tag, private, tagged
from interactions import communities, dataset_of, held_out_of
from scipy.sparse import csr_array

from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.models import HeteroGNN, load_model
from graphrec.models.hetero_gnn import _Training
from graphrec.models.message_passing import TypedGraph
from graphrec.models.model import target_matrix

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.data.dataset import Dataset
    from graphrec.models import FittedVectors
    from graphrec.train.history import Epoch

CPU = torch.device("cpu")
CONVS = ("sage", "gat", "hgt")


def rich(seed: int = 0) -> Dataset:
    """Return communities with tags, towns, ties, a property, and nodes that have none of them."""
    matrix = communities(seed)
    matrix[5], matrix[:, 7] = 0, 0
    tags = [(item, item % 4) for item in range(40) if item != 7] + [(0, 4)]
    years = pa.array([None if item == 3 else 1950.0 + item for item in range(40)])
    return tagged(
        matrix,
        tags,
        n_tags=7,
        properties={"year": ("number", years)},
        towns=[(user, user % 3) for user in range(30)],
        friends=[(user, (user + 4) % 60) for user in range(50)],
    )


def fit(data: Dataset, options: dict[str, Any] | None = None, **fields: Any) -> FittedVectors:
    fields = {"dim": 8, "heads": 2, "epochs": 2, "batch_size": 16, **fields}
    return HeteroGNN(**fields).fit(data, **{"device": "cpu", "progress": False, **(options or {})})


def training(data: Dataset, **fields: Any) -> _Training:
    config = HeteroGNN(**{"dim": 8, "heads": 2, **fields})
    return _Training(config, TypedGraph.of(data), target_matrix(data), CPU)


@pytest.mark.parametrize(("conv", "epochs"), [("sage", 8), ("gat", 30), ("hgt", 40)])
def test_attributes_decide_where_nothing_else_can(conv: str, epochs: int) -> None:
    matrix, tags = private()
    fields: dict[str, Any] = {"conv": conv, "learning_rate": 0.03, "temperature": 0.3}
    with_tags = fit(tagged(matrix, tags), ids=False, epochs=epochs, **fields)
    assert by_tag(with_tags.score(np.arange(40))) > 0.8
    assert 0.35 < by_tag(fit(dataset_of(matrix), **fields).score(np.arange(40))) < 0.65


def test_without_free_vectors_features_alone_can_tell_items_apart() -> None:
    matrix, tags = private()
    group = pa.array([f"group {tag}" for _, tag in tags.tolist()])
    data = tagged(matrix, [], properties={"group": ("category", group)})
    fitted = fit(data, ids=False, epochs=10, learning_rate=0.03, temperature=0.3)
    assert by_tag(fitted.score(np.arange(40))) > 0.9
    alike = fitted.item_vectors[tags[:, 1] == 0]
    np.testing.assert_allclose(alike, alike[[0]].repeat(len(alike), 0), atol=1e-4)


@pytest.mark.parametrize("conv", CONVS)
def test_with_all_neighbours_drawn_it_is_the_whole_graph(conv: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.models.hetero_gnn.products", lambda _: torch.float32)
    monkeypatch.setattr("graphrec.models.hetero_gnn.NODES", 25)
    data, batch = rich(), np.array([9, 0, 33, 8])
    whole, drawn = training(data, conv=conv), training(data, conv=conv, neighbours=(99, 99))
    for one, other in zip(whole.vectors()[:2], drawn.vectors()[:2], strict=True):
        np.testing.assert_allclose(one, other, atol=2e-5)
    losses = [each.loss(batch) for each in (whole, drawn)]
    assert losses[0].item() == pytest.approx(losses[1].item(), rel=1e-4)
    for loss in losses:
        loss.backward()
    for name, parameter in whole.parameters.items():
        other = drawn.parameters[name]
        assert (parameter.grad is None) == (other.grad is None)
        if parameter.grad is not None:
            np.testing.assert_allclose(
                parameter.grad, other.grad, atol=1e-4 * max(1, float(parameter.grad.abs().max()))
            )


@pytest.mark.parametrize("neighbours", [None, (99, 99)])
@pytest.mark.parametrize("conv", CONVS)
def test_the_gradient_is_the_slope(conv: str, neighbours: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.models.hetero_gnn.products", lambda _: torch.float32)
    each, batch = training(rich(), conv=conv, neighbours=neighbours, temperature=0.5), np.arange(10, 30)
    each.loss(batch).backward()
    gradients = {name: p.grad for name, p in each.parameters.items() if p.grad is not None}
    length = float(torch.cat([g.flatten() for g in gradients.values()]).norm())
    slopes = []
    for step in (1e-2, -1e-2):
        for name, gradient in gradients.items():
            each.parameters[name].data += step * gradient / length
        slopes.append(each.loss(batch).item())
        for name, gradient in gradients.items():
            each.parameters[name].data -= step * gradient / length
    assert (slopes[0] - slopes[1]) / 2e-2 == pytest.approx(length, rel=2e-2)


def test_pairs_that_are_drawn_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.models.hetero_gnn.POSITIVES", 3)
    matrix = communities()
    each = training(dataset_of(matrix), neighbours=(2, 2), negatives=10)
    batch, sums = np.array([8, 3, 20]), np.zeros((3, 40))
    rounds = 3000
    for _ in range(rounds):
        near, pairs = each._drawn_pairs(batch, np.sort(np.random.default_rng(1).choice(40, 10, replace=False)))
        users, items = pairs.users.numpy(), near[pairs.items.numpy()]
        assert matrix[batch[users], items].all()
        assert (np.diff(users) >= 0).all()
        assert ((pairs.weights > 0).numpy().reshape(-1).astype(int)).sum() == 9
        sums[users, items] += pairs.weights.numpy()
        assert set(np.flatnonzero(matrix[8])) & set(near.tolist()) == set(items[users == 0].tolist())
    counts = matrix[batch].sum(1)
    expected = matrix[batch] * (counts**-0.25 / (counts**0.75).sum())[:, None]
    np.testing.assert_allclose(sums / rounds, expected, atol=0.15 * expected.max())


def test_few_neighbours_and_few_negatives_still_find_the_communities() -> None:
    data = dataset_of(communities())
    fitted = fit(data, neighbours=(3, 2), negatives=15, epochs=10, batch_size=8)
    scores, has = fitted.score(np.arange(60)), data.seen().toarray() > 0
    same = np.arange(60)[:, None] % 4 == np.arange(40)[None] % 4
    wins = [
        (row[s & ~h].mean() > row[~s].max()) for row, s, h in zip(scores, same, has, strict=True) if (s & ~h).any()
    ]
    assert np.mean(wins) > 0.9


@pytest.mark.parametrize("neighbours", [None, (3, 2)])
@pytest.mark.parametrize("conv", CONVS)
def test_one_seed_gives_the_same_vectors(conv: str, neighbours: Any) -> None:
    data = rich()
    torch.manual_seed(3)
    before = torch.random.get_rng_state()
    one, same, other = (fit(data, conv=conv, neighbours=neighbours, seed=seed) for seed in (5, 5, 6))
    np.testing.assert_array_equal(one.user_vectors, same.user_vectors)
    np.testing.assert_array_equal(one.item_vectors, same.item_vectors)
    assert not np.allclose(one.item_vectors, other.item_vectors)
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_allclose(np.linalg.norm(one.user_vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize("neighbours", [None, (3, 2)])
def test_going_on_from_a_checkpoint_equals_no_pause(tmp_path: Path, neighbours: Any) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    data = rich()
    held_out = held_out_of(data, csr_array((communities(1) > data.interactions().toarray()).astype(np.float32)))
    fields: dict[str, Any] = {"epochs": 4, "neighbours": neighbours, "negatives": 20}
    options: dict[str, Any] = {"validation": held_out, "checkpoint": tmp_path / "c"}
    whole = fit(data, {"validation": held_out}, **fields)
    with pytest.warns(UserWarning, match="interrupted"):
        fit(data, {**options, "callbacks": [stop]}, **fields)
    with pytest.raises(ModelError, match="another configuration"):
        fit(data, options, **fields, temperature=0.2)
    resumed = fit(data, options, **fields)
    np.testing.assert_array_equal(whole.user_vectors, resumed.user_vectors)
    np.testing.assert_array_equal(whole.item_vectors, resumed.item_vectors)


def test_a_checkpoint_of_other_features_is_refused(tmp_path: Path) -> None:
    """The fingerprint of a dataset says nothing of properties."""

    def stop(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    one, other = (
        tagged(np.eye(4), [], properties={"size": ("number", pa.array(sizes))})
        for sizes in ([1.0, 2.0, 3.0, 4.0], [4.0, 3.0, 2.0, 1.0])
    )
    assert one.fingerprint == other.fingerprint
    options: dict[str, Any] = {"checkpoint": tmp_path / "c", "callbacks": [stop]}
    with pytest.warns(UserWarning, match="interrupted"):
        fit(one, options)
    with pytest.raises(ModelError, match="another features"):
        fit(other, options)


def test_it_is_saved_and_read(tmp_path: Path) -> None:
    fitted = fit(rich(), neighbours=(2, 2))
    fitted.save(tmp_path / "m")
    read = load_model(tmp_path / "m")
    assert read.config == fitted.config
    np.testing.assert_array_equal(read.score(np.arange(60)), fitted.score(np.arange(60)))
    assert fitted.fold_in_vectors is None


@pytest.mark.parametrize("conv", CONVS)
def test_attributes_without_items_and_items_without_anything_are_fine(conv: str) -> None:
    matrix = communities()
    matrix[:, 7], matrix[5] = 0, 0
    for tags, n_tags in (([], 0), ([], 3), ([(0, 0)], 1), ([(i, i) for i in range(40)], 40)):
        fitted = fit(tagged(matrix, tags, n_tags=n_tags), conv=conv)
        assert np.isfinite(fitted.score(np.arange(60))).all()


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"conv": "gcn"}, "`conv` .*Got 'gcn'"),
        ({"neighbours": (5,)}, "neighbours must be one number for each of the 2 layers"),
        ({"neighbours": (5, 0)}, "`neighbours`"),
        ({"conv": "hgt", "dim": 6}, "dim must be a multiple of heads = 4"),
        ({"layers": 0}, "`layers` should be greater than or equal to 1"),
    ],
)
def test_impossible_fields_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        HeteroGNN(**fields)


def test_nothing_to_tell_nodes_apart_by_is_refused() -> None:
    with pytest.raises(DataError, match="Nothing describes users or items"):
        fit(dataset_of(communities()), ids=False)


def test_drawing_needs_less_memory_on_a_large_graph() -> None:
    whole, drawn = (HeteroGNN(neighbours=n, batch_size=256).memory(10**6, 10**6, 10**8) for n in (None, (10, 5)))
    assert drawn < whole / 2
