from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from interactions import communities, dataset_of, held_out_of

from graphrec.errors import ModelError
from graphrec.models import LightGCN
from graphrec.models.model import Run
from graphrec.models.training import digest, fit_vectors
from graphrec.train.history import Epoch, StopTraining
from graphrec.train.sampling import UserBatches

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Growing:
    """One number that grows by about the learning rate a step, and vectors that rank well while it is small."""

    def __init__(self, matrix: sp.csr_array) -> None:
        self.batches = UserBatches(matrix, 60, 0)
        self.number = torch.zeros(1, requires_grad=True)
        self.parameters = {"number": self.number}
        self.known = np.ones(60, np.bool_), np.arange(40) != 7

    def loss(self, batch: Any) -> torch.Tensor:
        return -self.number.sum()

    def vectors(self) -> tuple[np.ndarray, np.ndarray, None]:
        turned = float(self.number.item()) > 2.5
        same = np.eye(4, dtype=np.float32)
        return same[np.arange(60) % 4], (-same if turned else same)[np.arange(40) % 4], None


def run(validation: Any, checkpoint: Path | None = None, *callbacks: Callable[[Epoch], None]) -> Run:
    return Run(validation, "ndcg@5", "cpu", callbacks, checkpoint, False)


OPTIONS: dict[str, Any] = {"work": 1, "epochs": 6, "learning_rate": 1.0, "patience": 9, "eval_every": 1}


def test_the_best_state_on_the_validation_part_is_kept() -> None:
    matrix = communities()
    held_out = np.zeros_like(matrix)
    held_out[np.arange(60), matrix.argmax(1)] = 1
    data = dataset_of(matrix - held_out)
    training = Growing(data.interactions())
    fitted = fit_vectors(LightGCN(), data, run(held_out_of(data, sp.csr_array(held_out))), training, **OPTIONS)
    assert [epoch.validation > 0.5 for epoch in fitted.history.epochs] == [True, True, False, False, False, False]
    assert fitted.history.best_epoch == 1
    assert fitted.item_vectors.max() == 1
    assert np.flatnonzero(~fitted.item_vectors.any(1)).tolist() == [7]  # nothing was known of it
    assert fitted.user_vectors.any(1).all()
    assert fitted.config == LightGCN()


def test_a_checkpoint_belongs_to_data_configuration_and_what_else_is_said(tmp_path: Path) -> None:
    def stop(epoch: Epoch) -> None:
        raise KeyboardInterrupt

    data = dataset_of(communities())

    def go(*callbacks: Callable[[Epoch], None], config: LightGCN | None = None, features: str = "a") -> Any:
        training = Growing(data.interactions())
        identity = {"features": features}
        return fit_vectors(
            config or LightGCN(), data, run(None, tmp_path / "c", *callbacks), training, identity=identity, **OPTIONS
        )

    with pytest.warns(UserWarning, match="interrupted"):
        go(stop)
    with pytest.raises(ModelError, match="another features"):
        go(features="b")
    with pytest.raises(ModelError, match="another configuration"):
        go(config=LightGCN(dim=2))
    assert len(go().history.epochs) == 6


def test_a_callback_ends_it() -> None:
    def stop(epoch: Epoch) -> None:
        raise StopTraining

    data = dataset_of(communities())
    fitted = fit_vectors(LightGCN(), data, run(None, None, stop), Growing(data.interactions()), **OPTIONS)
    assert len(fitted.history.epochs) == 1


def test_a_digest_says_whether_matrices_are_the_same() -> None:
    one = sp.csr_array(np.diag([1.0, 2.0, 3.0]))
    assert digest(one, one) == digest(one.copy(), one)
    moved, other = sp.csr_array(np.roll(one.toarray(), 1, axis=1)), one * 2
    assert len({digest(each) for each in (one, moved, other)}) == 3
    assert digest() != digest(one)
