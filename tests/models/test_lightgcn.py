from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from interactions import communities, dataset_of, held_out_of

from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.models import LightGCN
from graphrec.models.lightgcn import _Training
from graphrec.models.model import target_matrix
from graphrec.train.sampling import Triples

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut
    from graphrec.models import FittedVectors
    from graphrec.train.history import Epoch

CPU = torch.device("cpu")


def planted(seed: int = 0) -> tuple[Dataset, HeldOut]:
    """Return communities, where each user has one more item of their group held out."""
    matrix = communities(seed)
    held_out = np.zeros_like(matrix)
    for user, row in enumerate(matrix):
        item = np.flatnonzero(row)[user % int(row.sum())]
        held_out[user, item], matrix[user, item] = 1, 0
    data = dataset_of(matrix)
    return data, held_out_of(data, sp.csr_array(held_out.astype(np.float32)))


def fit(data: Dataset, options: dict[str, Any] | None = None, **fields: Any) -> FittedVectors:
    fields = {"dim": 8, "epochs": 4, "batch_size": 64, **fields}
    return LightGCN(**fields).fit(data, **{"device": "cpu", "progress": False, **(options or {})})


def weighted_matrix() -> np.ndarray:
    matrix = communities(3)
    matrix[5], matrix[:, 7] = 0, 0
    return matrix * np.random.default_rng(0).uniform(0.5, 5, matrix.shape)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("layer_weights", [(1.0,), (0.1, 0.2, 0.7), (0.25,) * 4])
def test_loss_and_gradient_equal_a_dense_model(weighted: bool, layer_weights: tuple[float, ...]) -> None:
    matrix, reg = weighted_matrix(), 0.3
    config = LightGCN(dim=6, layers=len(layer_weights) - 1, layer_weights=layer_weights, weighted=weighted, reg=reg)
    training = _Training(config, target_matrix(dataset_of(matrix), weighted=weighted), CPU)
    batch = Triples(np.array([0, 1, 1, 9]), np.array([0, 1, 5, 1]), np.array([2, 2, 0, 7]))
    loss = training.loss(batch)
    loss.backward()

    used = matrix if weighted else (matrix > 0).astype(float)
    adjacency = np.block([[np.zeros((60, 60)), used], [used.T, np.zeros((40, 40))]])
    scale = np.array([d**-0.5 if d else 0.0 for d in adjacency.sum(1)])
    operator = torch.from_numpy(
        sum(a * np.linalg.matrix_power(scale[:, None] * adjacency * scale, k) for k, a in enumerate(layer_weights))
    )
    e = training.table.detach().double().requires_grad_()
    z, expected = operator @ e, torch.zeros((), dtype=torch.float64)
    for user, positive, negative in zip(*(rows.tolist() for rows in batch), strict=True):
        margin = z[user] @ z[60 + positive] - z[user] @ z[60 + negative]
        norms = e[user] @ e[user] + e[60 + positive] @ e[60 + positive] + e[60 + negative] @ e[60 + negative]
        expected = expected - torch.log(torch.sigmoid(margin)) / 4 + reg / 2 * norms / 4
    expected.backward()
    assert loss.item() == pytest.approx(expected.item(), rel=1e-5)
    np.testing.assert_allclose(training.table.grad, e.grad, atol=1e-5)


def test_scores_find_the_planted_item() -> None:
    data, held_out = planted()
    model = fit(data, epochs=12, dim=16, learning_rate=0.05)
    scores = model.score(np.arange(60))
    scores[data.seen().toarray() > 0] = -np.inf
    user, item = held_out.matrix.toarray().nonzero()
    other_group = np.arange(60)[:, None] % 4 != np.arange(40)[None] % 4
    assert (scores[user, item] > np.where(other_group, scores, -np.inf).max(1)).all()
    assert model.history.epochs[-1].loss < model.history.epochs[0].loss / 2


def test_without_layers_it_is_matrix_factorisation() -> None:
    matrix = communities()
    training = _Training(LightGCN(dim=4, layers=0), target_matrix(dataset_of(matrix)), CPU)
    users, items, fold_in = training.vectors()
    np.testing.assert_array_equal(np.concatenate([users, items]), training.table.detach())
    assert fold_in is None
    training.loss(Triples(np.array([3]), np.array([3]), np.array([4]))).backward()
    assert training.table.grad is not None
    assert training.table.grad.abs().sum(1).nonzero().flatten().tolist() == [3, 63, 64]


@pytest.mark.parametrize("weighted", [False, True])
def test_fold_in_is_the_vector_of_a_user_but_for_their_own_part(weighted: bool) -> None:
    matrix = weighted_matrix()
    config = LightGCN(dim=6, layers=3, layer_weights=(0.4, 0.3, 0.2, 0.1), weighted=weighted)
    target = target_matrix(dataset_of(matrix), weighted=weighted)
    training = _Training(config, target, CPU)
    users, _, fold_in = training.vectors()
    assert fold_in is not None
    used = target.toarray().astype(np.float64)
    degrees = used.sum(1)
    with np.errstate(invalid="ignore"):
        expected = np.nan_to_num(used @ fold_in / np.sqrt(degrees)[:, None])
    own = 0.4 * training.table.detach().numpy()[:60]
    np.testing.assert_allclose(users - own, expected, atol=1e-6)
    assert (fold_in[7] == 0).all()  # nobody had it: it says nothing of a new user
    assert (degrees == 0).sum() == 1


def test_fold_in_of_the_fitted_model_is_the_same() -> None:
    data, _ = planted()
    fitted = fit(data, epochs=1, layers=2, layer_weights=(0.0, 0.5, 0.5))  # no own part
    rows = np.split(data.interactions().indices, data.interactions().indptr[1:-1])
    np.testing.assert_allclose(fitted.fold_in(rows), fitted.user_vectors, atol=1e-6)


def test_early_stopping_keeps_the_best_epoch() -> None:
    data, held_out = planted()
    fitted = fit(
        data, {"validation": held_out, "metric": "ndcg@5"}, epochs=60, eval_every=1, patience=2, learning_rate=0.05
    )
    measured = [epoch.validation for epoch in fitted.history.epochs]
    assert len(measured) < 60
    assert fitted.history.best_validation == max(measured)
    assert fitted.history.best_epoch == len(measured) - 2
    again = fit(data, epochs=fitted.history.best_epoch, learning_rate=0.05)
    np.testing.assert_array_equal(fitted.user_vectors, again.user_vectors)
    np.testing.assert_array_equal(fitted.refit(data, device="cpu", progress=False).item_vectors, again.item_vectors)


def test_the_rate_falls_by_the_same_amount_each_step(monkeypatch: pytest.MonkeyPatch) -> None:
    rates: list[float] = []
    step = torch.optim.Adam.step

    def noted(self: torch.optim.Adam, *arguments: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments)

    monkeypatch.setattr(torch.optim.Adam, "step", noted)
    data, _ = planted()
    fit(data, learning_rate=0.05, last_rate=0.01)
    assert len(rates) == 4 * -(-data.interactions().nnz // 64)
    np.testing.assert_allclose(rates, np.linspace(0.05, 0.01, len(rates)))
    rates.clear()
    fit(data, learning_rate=0.05)
    assert set(rates) == {0.05}
    with pytest.raises(ArgumentError, match=r"last_rate must be at most learning_rate = 0\.05"):
        LightGCN(learning_rate=0.05, last_rate=0.06)


def test_the_same_seed_gives_the_same_vectors() -> None:
    data, _ = planted()
    one, same, other = (fit(data, seed=seed) for seed in (5, 5, 6))
    for name in ("user_vectors", "item_vectors", "fold_in_vectors"):
        np.testing.assert_array_equal(getattr(one, name), getattr(same, name))
        assert not np.allclose(getattr(one, name), getattr(other, name))


def test_ctrl_c_leaves_a_usable_model() -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 2:
            raise KeyboardInterrupt

    data, _ = planted()
    with pytest.warns(UserWarning, match="interrupted after epoch 2"):
        fitted = fit(data, {"callbacks": [stop]}, epochs=50)
    assert fitted.history.interrupted
    np.testing.assert_array_equal(fitted.user_vectors, fit(data, epochs=2).user_vectors)


def test_going_on_from_a_checkpoint_equals_no_pause(tmp_path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == 3:
            raise KeyboardInterrupt

    data, held_out = planted()
    options: dict[str, Any] = {"validation": held_out, "checkpoint": tmp_path / "c"}
    fields: dict[str, Any] = {"epochs": 7, "eval_every": 1, "patience": 10}
    whole = fit(data, {"validation": held_out}, **fields)
    with pytest.warns(UserWarning, match="interrupted"):
        fit(data, {**options, "callbacks": [stop]}, **fields)
    for change, part in (({"seed": 1}, "configuration"), ({"reg": 0.0}, "configuration")):
        with pytest.raises(ModelError, match=f"another {part}"):
            fit(data, options, **{**fields, **change})
    other, other_held_out = planted(seed=1)
    with pytest.raises(ModelError, match="another data and validation"):
        fit(other, {**options, "validation": other_held_out}, **fields)
    with pytest.raises(ModelError, match="another validation"):
        fit(data, {**options, "metric": "recall@5"}, **fields)
    resumed = fit(data, options, **fields)
    for name in ("user_vectors", "item_vectors", "fold_in_vectors"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(resumed, name))
    assert resumed.history.best_epoch == whole.history.best_epoch
    assert not (tmp_path / "c").exists()


def test_a_diverging_fit_is_refused() -> None:
    data, _ = planted()
    with pytest.raises(ModelError, match=r"diverged in epoch \d+ at learning_rate=1e\+30"):
        fit(data, learning_rate=1e30)


def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(ArgumentError, match=r"`device` must be a device of this machine. Got 'cuda'"):
        fit(planted()[0], {"device": "cuda"})


@pytest.mark.parametrize("matrix", [[[1.0]], [[1.0, 1.0], [1.0, 1.0]]])
def test_users_who_have_everything_leave_nothing_to_rank(matrix: list[list[float]]) -> None:
    with pytest.raises(DataError, match="Every user has every item"):
        fit(dataset_of(matrix))


def test_one_user_and_users_without_items_are_fine() -> None:
    for matrix in ([[1.0, 0.0]], [[1.0, 0.0], [0.0, 0.0]]):
        fitted = fit(dataset_of(matrix), epochs=20, learning_rate=0.1)
        assert math.isfinite(fitted.user_vectors.sum())
        assert fitted.score(np.array([0]))[0].argmax() == 0


def test_keys_of_both_types_give_the_same_vectors() -> None:
    one, other = (fit(dataset_of(communities(), integer_keys=kind), epochs=1) for kind in (True, False))
    np.testing.assert_array_equal(one.user_vectors, other.user_vectors)
    assert str(one.users.keys.type) == "int64"
    assert str(other.users.keys.type) == "string"
