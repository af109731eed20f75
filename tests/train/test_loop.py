from __future__ import annotations

import io
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import torch

from graphrec.errors import ModelError
from graphrec.train.history import Epoch, History, StopTraining
from graphrec.train.loop import train
from graphrec.train.sampling import Drawn

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from torch import Tensor


class Noise(Drawn):
    """Four random targets an epoch."""

    def __len__(self) -> int:
        return 4

    def __iter__(self) -> Iterator[float]:
        for _ in range(4):
            yield float(self.generator.normal())


class Line:
    """Two parameters that follow noise; `x` grows without end, so that each epoch has a state of its own."""

    def __init__(self, seed: int = 0) -> None:
        self.batches = Noise(seed)
        self.parameters = {"x": torch.zeros(3, requires_grad=True), "y": torch.ones(2, 2, requires_grad=True)}

    def loss(self, batch: float) -> Tensor:
        return (self.parameters["y"] - batch).square().sum() - self.parameters["x"].sum()

    @property
    def state(self) -> list[float]:
        return [value for tensor in self.parameters.values() for value in tensor.detach().flatten().tolist()]


def run(model: Line, epochs: int = 8, **options: Any) -> History:
    return train(model, **{"epochs": epochs, "learning_rate": 0.1, "progress": False, **options})


class Script:
    """Gives the scripted metrics in turn, and remembers the model's state at each."""

    def __init__(self, model: Line, *values: float) -> None:
        self.model, self.values, self.states = model, list(values), []

    def __call__(self) -> float:
        self.states.append(self.model.state)
        return self.values[len(self.states) - 1]


def stop_at(number: int, error: type[BaseException] = KeyboardInterrupt) -> Callable[[Epoch], None]:
    def stop(epoch: Epoch) -> None:
        if epoch.epoch == number:
            raise error

    return stop


def test_adam_is_what_steps() -> None:
    model, other = Line(), Line()
    history = run(model, 3)
    optimiser = torch.optim.Adam(other.parameters.values(), lr=0.1)
    losses = []
    for _ in range(3):
        for batch in other.batches:
            optimiser.zero_grad()
            loss = other.loss(batch)
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
    assert model.state == pytest.approx(other.state, rel=1e-6)
    assert [epoch.loss for epoch in history.epochs] == pytest.approx(np.reshape(losses, (3, 4)).mean(1), rel=1e-6)
    assert (history.best_epoch, history.best_validation, history.interrupted) == (3, None, False)


def test_early_stopping_keeps_the_best_state() -> None:
    model = Line()
    script = Script(model, 0.1, 0.5, 0.4, 0.5, 0.3, 0.9)
    seen: list[Epoch] = []
    history = run(model, validate=script, patience=3, callbacks=[seen.append])
    assert len(script.states) == 5  # 0.5 again is no better than 0.5 before
    assert model.state == script.states[1] != script.states[4]
    assert (history.best_epoch, history.best_validation) == (2, 0.5)
    assert tuple(seen) == history.epochs
    assert [epoch.validation for epoch in seen] == [0.1, 0.5, 0.4, 0.5, 0.3]
    assert all(epoch.seconds > 0 for epoch in seen)


def test_patience_counts_measurements_and_the_last_epoch_is_measured() -> None:
    model = Line()
    script = Script(model, 0.5, 0.4, 0.6, 0.7)
    history = run(model, epochs=7, validate=script, patience=2, eval_every=2)
    assert [epoch.validation for epoch in history.epochs] == [None, 0.5, None, 0.4, None, 0.6, 0.7]
    assert history.best_epoch == 7
    history = run(Line(), epochs=20, validate=Script(model, 0.5, 0.4, 0.3, 0.6), patience=2, eval_every=2)
    assert (len(history.epochs), history.best_epoch) == (6, 2)


def test_a_negative_metric_can_be_the_best() -> None:
    assert run(Line(), 3, validate=Script(Line(), -3.0, -1.0, -2.0)).best_epoch == 2


def test_ctrl_c_gives_the_best_state() -> None:
    model = Line()
    script = Script(model, 0.1, 0.5, 0.4, 0.3)
    with pytest.warns(UserWarning, match="interrupted after epoch 4; the model has the state of epoch 2"):
        history = run(model, validate=script, callbacks=[stop_at(4)])
    assert history.interrupted
    assert (len(history.epochs), history.best_epoch) == (4, 2)
    assert model.state == script.states[1]


def test_ctrl_c_without_validation_gives_the_last_state() -> None:
    model, short = Line(), Line()
    run(short, 2)
    with pytest.warns(UserWarning, match="the model has the state of epoch 2"):
        assert run(model, callbacks=[stop_at(2)]).best_epoch == 2
    assert model.state == short.state


def test_a_second_ctrl_c_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    def again(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(warnings, "warn", again)
    with pytest.raises(KeyboardInterrupt):
        run(Line(), callbacks=[stop_at(2)])


def test_nan_is_refused_and_the_best_state_kept() -> None:
    class Breaks(Line):
        steps = 0

        def loss(self, batch: float) -> Tensor:
            self.steps += 1
            return super().loss(batch) * (float("nan") if self.steps == 10 else 1)

    model = Breaks()
    script = Script(model, 0.5, 0.4)
    with pytest.raises(ModelError, match=r"diverged in epoch 3 at learning_rate=0.1: loss is nan. Lower.*0.01"):
        run(model, validate=script)
    assert model.state == script.states[0]


def test_parameters_that_are_not_finite_are_refused() -> None:
    class Breaks(Line):
        def loss(self, batch: float) -> Tensor:
            return (self.parameters["x"] * 0).sqrt().sum()  # finite, but its gradient is not

    with pytest.raises(ModelError, match="diverged in epoch 1"):
        run(Breaks())


def test_a_metric_that_is_nan_is_refused() -> None:
    with pytest.raises(ModelError, match="validation metric is nan after epoch 2"):
        run(Line(), validate=Script(Line(), 0.1, float("nan")))


def test_errors_of_callbacks_go_through() -> None:
    with pytest.raises(ZeroDivisionError):
        run(Line(), callbacks=[stop_at(1, ZeroDivisionError)])


@pytest.mark.parametrize("pause", [1, 2, 5, 6])
def test_going_on_after_a_pause_equals_no_pause(tmp_path: Path, pause: int) -> None:
    def metrics(model: Line) -> Callable[[], float]:
        return lambda: -abs(model.state[0] - 1.7)  # best in the middle

    whole = Line()
    expected = run(whole, validate=metrics(whole), patience=20)
    assert 1 < expected.best_epoch < 8
    path = tmp_path / "pause"
    paused, resumed = Line(), Line(seed=7)  # the seed of the one that goes on must not matter
    with pytest.warns(UserWarning, match="interrupted"):
        run(paused, validate=metrics(paused), patience=20, checkpoint=path, callbacks=[stop_at(pause)])
    assert path.exists()
    numbers: list[int] = []
    history = run(
        resumed,
        validate=metrics(resumed),
        patience=20,
        checkpoint=path,
        callbacks=[lambda e: numbers.append(e.epoch)],
    )
    assert numbers == list(range(pause + 1, 9))
    assert resumed.state == whole.state
    assert history.best_epoch == expected.best_epoch
    assert [(e.epoch, e.loss, e.validation) for e in history.epochs] == [
        (e.epoch, e.loss, e.validation) for e in expected.epochs
    ]
    assert not path.exists()


def test_a_pause_between_checkpoints_loses_only_the_epochs_since(tmp_path: Path) -> None:
    whole, paused, resumed = Line(), Line(), Line()
    run(whole)
    with pytest.warns(UserWarning, match="interrupted"):
        run(paused, checkpoint=tmp_path / "c", eval_every=3, callbacks=[stop_at(5)])
    numbers: list[int] = []
    run(resumed, checkpoint=tmp_path / "c", eval_every=3, callbacks=[lambda e: numbers.append(e.epoch)])
    assert numbers == [4, 5, 6, 7, 8]
    assert resumed.state == whole.state


def test_a_checkpoint_of_another_training_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "c"
    with pytest.warns(UserWarning, match="interrupted"):
        run(Line(), checkpoint=path, identity={"data": "1", "configuration": "a"}, callbacks=[stop_at(2)])
    for identity, part in (({"data": "2", "configuration": "a"}, "data"), ({"data": "1"}, "configuration")):
        with pytest.raises(ModelError, match=f"`checkpoint` must belong to this training.*another {part}. Delete it"):
            run(Line(), checkpoint=path, identity=identity)
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(ModelError, match="truncated or altered"):
        run(Line(), checkpoint=path, identity={"data": "1", "configuration": "a"})


def test_progress_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for name in ("NO_COLOR", "TTY_COMPATIBLE", "FORCE_COLOR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("TERM", "xterm")
    for stream, wanted, drawn in ((io.StringIO(), True, False), (Terminal(), False, False), (Terminal(), True, True)):
        monkeypatch.setattr(sys, "stderr", stream)
        run(Line(), progress=wanted)
        assert ("loss" in stream.getvalue()) == drawn


def test_history_goes_through_json() -> None:
    history = History((Epoch(1, 0.5, 0.1), Epoch(2, 0.4, 0.1, 0.3)), best_epoch=2, interrupted=True)
    assert History.from_json(history.to_json()) == history
    assert history.best_validation == 0.3


def test_a_callback_can_end_the_training(tmp_path: Path) -> None:
    model = Line()
    script = Script(model, 0.1, 0.5, 0.4)
    stop = stop_at(3, StopTraining)
    history = run(model, validate=script, callbacks=[stop], checkpoint=tmp_path / "c")
    assert (len(history.epochs), history.best_epoch, history.interrupted) == (3, 2, False)
    assert model.state == script.states[1]
    assert not (tmp_path / "c").exists()


def test_the_best_state_is_kept_when_a_callback_fails() -> None:
    model = Line()
    script = Script(model, 0.5, 0.4)
    with pytest.raises(ZeroDivisionError):
        run(model, validate=script, callbacks=[stop_at(2, ZeroDivisionError)])
    assert model.state == script.states[0]


class Rates(Line):
    """Steps with a gradient of 1, so that Adam moves `x` by the learning rate each time."""

    def __init__(self) -> None:
        super().__init__()
        self.xs: list[float] = []

    def loss(self, batch: float) -> Tensor:
        self.xs.append(self.state[0])
        return -self.parameters["x"].sum() + 0 * self.parameters["y"].sum()

    @property
    def rates(self) -> np.ndarray:
        """The rate of each step."""
        return np.diff([*self.xs, self.state[0]])


def test_the_rate_falls_by_the_same_amount_each_step_to_the_last() -> None:
    model = Rates()
    run(model, 5, learning_rate=0.2, last_rate=0.01)
    assert model.rates == pytest.approx(np.linspace(0.2, 0.01, 20), rel=1e-3)
    model = Rates()
    run(model, 5, learning_rate=0.2)
    assert model.rates == pytest.approx(np.full(20, 0.2), rel=1e-3)


def test_the_rate_goes_on_falling_after_a_pause(tmp_path: Path) -> None:
    options: dict[str, Any] = {"epochs": 5, "learning_rate": 0.2, "last_rate": 0.01, "checkpoint": tmp_path / "c"}
    whole, paused, resumed = Rates(), Rates(), Rates()
    run(whole, **{**options, "checkpoint": None})
    with pytest.warns(UserWarning, match="interrupted"):
        run(paused, **options, callbacks=[stop_at(2)])
    run(resumed, **options)
    assert resumed.rates == pytest.approx(np.linspace(0.2, 0.01, 20)[8:], rel=1e-3)
    assert resumed.state == whole.state


def test_one_step_has_the_first_rate() -> None:
    class Once(Noise):
        def __len__(self) -> int:
            return 1

        def __iter__(self) -> Iterator[float]:
            yield 0.0

    model = Rates()
    model.batches = Once(0)
    run(model, 1, learning_rate=0.2, last_rate=0.01)
    assert model.rates == pytest.approx([0.2], rel=1e-3)


def test_betas_are_those_of_adam() -> None:
    model, other = Line(), Line()
    run(model, 3, betas=(0.5, 0.6))
    optimiser = torch.optim.Adam(other.parameters.values(), lr=0.1, betas=(0.5, 0.6))
    for _ in range(3):
        for batch in other.batches:
            optimiser.zero_grad()
            other.loss(batch).backward()
            optimiser.step()
    usual = Line()
    run(usual, 3)
    assert model.state == pytest.approx(other.state, rel=1e-5)
    assert model.state != pytest.approx(usual.state, rel=1e-3)
