from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from interactions import communities, dataset_of, held_out_of

import graphrec
from graphrec.errors import ModelError
from graphrec.models import Popularity, SoftmaxGCN, load_model
from graphrec.models.model import target_matrix
from graphrec.models.softmax_model import TEMPERATURE, TEMPERATURES, SoftmaxTraining

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut
    from graphrec.models import FittedVectors
    from graphrec.train.history import Epoch

CPU = torch.device("cpu")
TABLES = ("user_vectors", "item_vectors", "fold_in_vectors")


def planted(seed: int = 0) -> tuple[Dataset, HeldOut]:
    """Return communities, where each user has one more item of their group held out."""
    matrix = communities(seed)
    held_out = np.zeros_like(matrix)
    for user, row in enumerate(matrix):
        item = np.flatnonzero(row)[user % int(row.sum())]
        held_out[user, item], matrix[user, item] = 1, 0
    data = dataset_of(matrix)
    return data, held_out_of(data, sp.csr_array(held_out.astype(np.float32)))


def training_of(config: SoftmaxGCN, data: Dataset) -> SoftmaxTraining:
    return SoftmaxTraining(config, config._graph(data, target_matrix(data)), CPU)


def fit(data: Dataset, options: dict[str, Any] | None = None, **fields: Any) -> FittedVectors:
    fields = {"dim": 8, "epochs": 4, "batch_size": 16, "temperature": 0.1, **fields}
    return SoftmaxGCN(**fields).fit(data, **{"device": "cpu", "progress": False, **(options or {})})


@pytest.mark.parametrize("fields", [{"layers": 0}, {"layers": 2}, {"layers": 3, "exponent": 0.5, "balance": 1.0}])
def test_loss_and_gradient_equal_a_dense_model(monkeypatch: pytest.MonkeyPatch, fields: dict[str, Any]) -> None:
    monkeypatch.setattr("graphrec.models.softmax_model.products", lambda _: torch.float32)
    matrix = communities(3)
    matrix[5], matrix[:, 7], matrix[8] = 0, 0, 1
    config = SoftmaxGCN(dim=6, temperature=0.2, **fields)
    training = training_of(config, dataset_of(matrix))
    batch = np.array([9, 0, 8, 33])
    loss = training.loss(batch)
    loss.backward()

    adjacency = np.block([[np.zeros((60, 60)), matrix], [matrix.T, np.zeros((40, 40))]])
    scale = np.array([d**-config.exponent if d else 0.0 for d in adjacency.sum(1)])
    layers = range(config.layers + 1)
    normal = scale[:, None] * adjacency * scale
    operator = torch.from_numpy(sum(np.linalg.matrix_power(normal, k) for k in layers) / len(layers))
    e = training.table.detach().double().requires_grad_()
    z = operator @ e
    z = z / z.norm(dim=1, keepdim=True)
    whole, expected = sum(matrix[user].sum() ** (1 - config.balance) for user in batch), torch.zeros(()).double()
    for user in batch:
        exponentials = torch.exp(z[user] @ z[60:].T / 0.2)
        others = exponentials[matrix[user] == 0].sum()
        for item in np.flatnonzero(matrix[user]):
            share = torch.log(exponentials[item] / (exponentials[item] + others))
            expected = expected - share * matrix[user].sum() ** -config.balance / whole
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    assert training.table.grad is not None
    np.testing.assert_allclose(training.table.grad, e.grad, atol=2e-5 * float(e.grad.abs().max()))


def held_out_rank_first(scores: np.ndarray, data: Dataset, held_out: HeldOut) -> bool:
    """Say whether each held-out item comes before all items of other groups."""
    scores = np.where(data.seen().toarray() > 0, -np.inf, scores)
    user, item = held_out.matrix.toarray().nonzero()
    other_group = np.arange(60)[:, None] % 4 != np.arange(40)[None] % 4
    return bool((scores[user, item] > np.where(other_group, scores, -np.inf).max(1)).all())


def test_it_beats_popularity_and_finds_the_planted_items() -> None:
    data, held_out = planted()
    fitted = fit(data, epochs=12, temperature=0.5)
    assert held_out_rank_first(fitted.score(np.arange(60)), data, held_out)
    split = dataset_of(communities()).split("random")
    models = [fit(split.train, epochs=12, temperature=0.5), Popularity().fit(split.train)]
    by_model = graphrec.evaluate(models, split, metrics=["recall@5"]).frame().set_index("model")["value"]
    assert by_model["softmax-gcn"] > 1.5 * by_model["popularity"]


def test_it_learns_from_noise(monkeypatch: pytest.MonkeyPatch) -> None:
    def noise(self: SoftmaxTraining, _: sp.csr_array) -> torch.Tensor:
        table = np.random.default_rng(0).standard_normal((100, self.config.dim), np.float32)
        return torch.from_numpy(table)

    monkeypatch.setattr(SoftmaxTraining, "_start", noise)
    data, held_out = planted()
    options: dict[str, Any] = {"temperature": 0.5, "learning_rate": 0.1}
    one, many = fit(data, epochs=1, **options), fit(data, epochs=30, **options)
    assert many.history.epochs[-1].loss < one.history.epochs[0].loss - 0.3
    assert held_out_rank_first(many.score(np.arange(60)), data, held_out)
    assert not held_out_rank_first(one.score(np.arange(60)), data, held_out)


def test_the_start_is_spectral_and_of_length_one() -> None:
    training = training_of(SoftmaxGCN(dim=20), planted()[0])
    start = training.table.detach().numpy()
    np.testing.assert_allclose(np.linalg.norm(start, axis=1), 1, atol=0.2)
    alike = start[:60] @ start[60:].T
    same = np.arange(60)[:, None] % 4 == np.arange(40)[None] % 4
    assert alike[same].mean() > alike[~same].mean() + 0.2
    wide = training_of(SoftmaxGCN(dim=70), planted()[0]).table.detach().numpy()
    assert 0.005 < wide[:, 40:].std() < 0.02  # the matrix has 40 columns: beyond them is noise


@pytest.mark.parametrize("layers", [0, 2])
def test_vectors_have_length_one_where_anything_is_known(layers: int) -> None:
    matrix = communities()
    matrix[5], matrix[:, 7] = 0, 0
    fitted = fit(dataset_of(matrix), layers=layers)
    for table, there in ((fitted.user_vectors, matrix.any(1)), (fitted.item_vectors, matrix.any(0))):
        np.testing.assert_allclose(np.linalg.norm(table, axis=1), there, atol=1e-5)
    assert (fitted.fold_in_vectors is None) == (layers == 0)


def test_the_same_seed_gives_the_same_vectors() -> None:
    data, _ = planted()
    one, same, other = (fit(data, seed=seed) for seed in (5, 5, 6))
    for name in TABLES:
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.allclose(getattr(one, name), getattr(other, name))


@pytest.mark.parametrize("negatives", [65_536, 11])
def test_going_on_from_a_checkpoint_equals_no_pause(tmp_path: Path, negatives: int) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    data, held_out = planted()
    options: dict[str, Any] = {"validation": held_out, "checkpoint": tmp_path / "c"}
    fields = {"epochs": 6, "negatives": negatives}
    whole = fit(data, {"validation": held_out}, **fields)
    with pytest.warns(UserWarning, match="interrupted"):
        fit(data, {**options, "callbacks": [stop]}, **fields)
    with pytest.raises(ModelError, match="another configuration"):
        fit(data, options, **fields, temperature=0.2)
    with pytest.raises(ModelError, match="another validation"):
        fit(data, {**options, "metric": "recall@5"}, **fields)
    resumed = fit(data, options, **fields)
    for name in TABLES:
        np.testing.assert_array_equal(getattr(whole, name), getattr(resumed, name))
    assert not (tmp_path / "c").exists()


def test_a_folded_in_user_is_ranked_like_the_user() -> None:
    data, held_out = planted()
    fitted = fit(data, epochs=12, temperature=0.5)
    matrix = data.interactions()
    folded = fitted.fold_in(np.split(matrix.indices, matrix.indptr[1:-1]))
    own = fitted.user_vectors
    assert ((folded * own).sum(1) / np.linalg.norm(folded, axis=1) > 0.9).all()
    assert np.median(np.linalg.norm(folded, axis=1)) == pytest.approx(1, abs=0.2)
    assert held_out_rank_first(folded @ fitted.item_vectors.T, data, held_out)


def test_few_negatives_are_drawn_anew_and_rank_nearly_as_well() -> None:
    training = training_of(SoftmaxGCN(dim=4, negatives=11), planted()[0])
    first, second = training.batches.negatives(40, 11), training.batches.negatives(40, 11)
    assert first is not None
    assert second is not None
    for drawn in (first.tolist(), second.tolist()):
        assert drawn == sorted(set(drawn))
        assert len(drawn) == 11
        assert set(drawn) <= set(range(40))
    assert first.tolist() != second.tolist()
    assert training.batches.negatives(11, 11) is None
    data, held_out = planted()
    fitted = fit(data, epochs=12, temperature=0.5, negatives=11)
    assert held_out_rank_first(fitted.score(np.arange(60)), data, held_out)


def test_validation_keeps_the_best_epoch() -> None:
    data, held_out = planted()
    fitted = fit(data, {"validation": held_out, "metric": "ndcg@5"}, epochs=9)
    measured = {epoch.epoch: epoch.validation for epoch in fitted.history.epochs if epoch.validation is not None}
    assert list(measured) == [2, 4, 6, 8, 9]
    assert fitted.history.best_validation == max(measured.values()) == measured[fitted.history.best_epoch]


def test_how_many_epochs_there_are_unless_told() -> None:
    data, _ = planted()
    few = SoftmaxGCN(dim=2, batch_size=1).fit(data, progress=False)
    assert len(few.history.epochs) == 8  # 60 steps each
    assert len(SoftmaxGCN(dim=2, batch_size=32).fit(data, progress=False).history.epochs) == 60  # 120 steps in all


def test_validation_chooses_the_temperature_and_records_it(monkeypatch: pytest.MonkeyPatch) -> None:
    data, held_out = planted()
    without = fit(data, temperature=None)
    assert without.config == SoftmaxGCN(dim=8, epochs=4, batch_size=16, temperature=TEMPERATURE)
    np.testing.assert_array_equal(without.user_vectors, fit(data, temperature=TEMPERATURE).user_vectors)
    for best in TEMPERATURES:
        figures = iter([0.9 if each == best else 0.1 for each in TEMPERATURES] + [0.5] * 9)
        monkeypatch.setattr("graphrec.models.softmax_model.held_out_metric", lambda *_, **__: next(figures))  # noqa: B023
        fitted = fit(data, {"validation": held_out}, temperature=None)
        assert fitted.config == SoftmaxGCN(dim=8, epochs=4, batch_size=16, temperature=best)


def test_the_pilots_leave_checkpoint_and_callbacks_alone(tmp_path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        seen.append(epoch.epoch)
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    seen: list[int] = []
    data, held_out = planted()
    options: dict[str, Any] = {"validation": held_out, "checkpoint": tmp_path / "c"}
    whole = fit(data, {"validation": held_out}, temperature=None)
    with pytest.warns(UserWarning, match="interrupted"):
        fit(data, {**options, "callbacks": [stop]}, temperature=None)
    assert seen == [1, 2]
    resumed = fit(data, options, temperature=None)
    assert resumed.config == whole.config
    for name in TABLES:
        np.testing.assert_array_equal(getattr(whole, name), getattr(resumed, name))


def test_it_is_saved_and_fitted_again(tmp_path: Path) -> None:
    data, held_out = planted()
    fitted = fit(data, {"validation": held_out}, epochs=4)
    fitted.save(tmp_path / "m")
    again = load_model(tmp_path / "m").refit(data, progress=False)
    assert len(again.history.epochs) == fitted.history.best_epoch
    np.testing.assert_allclose(np.linalg.norm(again.user_vectors, axis=1), 1, atol=1e-5)


@pytest.mark.parametrize(
    "matrix",
    [[[1.0]], [[1.0, 0.0, 1.0]], [[1.0], [1.0]], np.ones((3, 4)), np.eye(3), [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]]],
    ids=["1x1", "one user", "one item", "all have all", "few users", "one has all"],
)
def test_graphs_of_few_nodes_are_fine(matrix: Any) -> None:
    fitted = SoftmaxGCN(dim=16).fit(dataset_of(matrix), progress=False)
    for table, there in ((fitted.user_vectors, 1), (fitted.item_vectors, np.asarray(matrix).any(0))):
        np.testing.assert_allclose(np.linalg.norm(table, axis=1), there, atol=1e-5)
    scores, has = fitted.score(np.arange(len(matrix))), np.asarray(matrix) > 0
    assert all(row[mine].min() > row[~mine].max() for row, mine in zip(scores, has, strict=True) if not mine.all())


def test_a_diverging_fit_is_refused() -> None:
    """Vectors are scaled to length 1, so that only the parameters can leave all bounds."""
    with pytest.raises(ModelError, match=r"diverged in epoch \d+ at learning_rate=1e\+38"):
        fit(planted()[0], learning_rate=1e38, epochs=30)
