"""The training loop, apart from the models."""

from __future__ import annotations

import math
import time
import warnings
from typing import TYPE_CHECKING, Any, Protocol

import torch
from rich.console import Console
from rich.progress import BarColumn, TextColumn, TimeRemainingColumn
from rich.progress import Progress as Bar

from graphrec.errors import ModelError
from graphrec.train.checkpoint import Progress, load_checkpoint, save_checkpoint
from graphrec.train.history import Epoch, History, StopTraining

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from torch import Tensor

    from graphrec.train.history import Callback


class Batches(Protocol):
    """The batches of one epoch, in a random order of their own."""

    state: dict[str, Any]
    """What JSON can hold; set between epochs, the same batches follow."""

    def __len__(self) -> int:
        """Batches an epoch."""

    def __iter__(self) -> Iterator[Any]:
        """Yield one epoch."""


class Trainable(Protocol):
    """What `train` can fit."""

    @property
    def parameters(self) -> Mapping[str, Tensor]:
        """Leaf tensors by name, trained in place."""

    @property
    def batches(self) -> Batches:
        """The data."""

    def loss(self, batch: Any) -> Tensor:
        """Return the loss of a batch, a scalar that gradients go through."""


def train(
    model: Trainable,
    *,
    epochs: int,
    learning_rate: float,
    last_rate: float | None = None,
    betas: tuple[float, float] = (0.9, 0.999),
    validate: Callable[[], float] | None = None,
    patience: int = 5,
    eval_every: int = 1,
    callbacks: Sequence[Callback] = (),
    checkpoint: Path | None = None,
    identity: Mapping[str, str] | None = None,
    progress: bool = True,
) -> History:
    """Fit a model with Adam (Kingma and Ba, 2015), and leave it in its best state.

    Ctrl-C ends the training early: the model gets its best state so far (its last one where nothing was validated),
    with a warning; a second Ctrl-C is raised.

    Args:
        model: trained in place.
        epochs: at most so many passes over the data.
        learning_rate: of Adam.
        last_rate: to which the rate falls, by the same amount each step; None keeps it.
        betas: of Adam.
        validate: measures the model, higher is better; None trains all epochs and keeps the last state.
        patience: stop after so many measurements without a better one.
        eval_every: epochs from one measurement, and one checkpoint, to the next.
        callbacks: each is called after every epoch; one that raises `StopTraining` ends the training.
        checkpoint: a file to go on from where it exists. It is written between epochs, and deleted once the training
            is complete. A training that goes on gives bit for bit what it would have given without the pause (on the
            same machine with as many threads).
        identity: what this training is made of (data, configuration), by part; a checkpoint of another is refused.
        progress: draw a progress bar where standard error is a terminal.

    Raises:
        ModelError: the loss, a parameter or the metric is no longer finite (the model then has its best state so
            far); or the checkpoint cannot be read or written, was altered, or is of another training.
    """
    parameters = dict(model.parameters)
    optimiser = torch.optim.Adam(list(parameters.values()), lr=learning_rate, betas=betas, fused=True)
    steps = epochs * len(model.batches)
    fall = 0.0 if last_rate is None else (learning_rate - last_rate) / max(1, steps - 1)
    state = Progress()
    if checkpoint is not None and checkpoint.exists():
        state = load_checkpoint(checkpoint, parameters, optimiser, identity or {})
        model.batches.state = state.random
    interrupted = False
    bar = _Bar(progress, epochs, len(model.batches))
    try:
        with bar:
            while len(state.epochs) < epochs and not _stale(state, validate, patience * eval_every):
                number, began = len(state.epochs) + 1, time.perf_counter()
                first = learning_rate - fall * len(model.batches) * (number - 1)
                loss = _epoch(model, optimiser, bar, number, first, fall)
                measured = None
                if validate is not None and (number % eval_every == 0 or number == epochs):
                    measured = validate()
                    if not math.isfinite(measured):
                        raise ModelError(
                            f"The validation metric is {measured} after epoch {number}. Check the held-out set."
                        )
                    if not state.best_epoch or measured > state.best_validation:
                        best = {name: value.detach().clone() for name, value in parameters.items()}
                        state.best, state.best_epoch, state.best_validation = best, number, measured
                record = Epoch(number, loss, time.perf_counter() - began, measured)
                state.epochs.append(record)
                state.random = model.batches.state
                bar.show(record, state)
                if checkpoint is not None and number % eval_every == 0:
                    save_checkpoint(checkpoint, state, parameters, optimiser, identity or {})
                for callback in callbacks:
                    callback(record)
    except StopTraining:
        pass
    except KeyboardInterrupt:
        interrupted = True
    finally:
        for name, value in state.best.items():
            parameters[name].data.copy_(value)
    kept = state.best_epoch or len(state.epochs)
    if interrupted:
        warnings.warn(
            f"Training was interrupted after epoch {len(state.epochs)}; the model has the state of epoch {kept}.",
            UserWarning,
            stacklevel=2,
        )
    elif checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    return History(tuple(state.epochs), kept, interrupted)


def _stale(state: Progress, validate: Callable[[], float] | None, patience: int) -> bool:
    return validate is not None and bool(state.best_epoch) and len(state.epochs) - state.best_epoch >= patience


def _epoch(
    model: Trainable, optimiser: torch.optim.Optimizer, bar: _Bar, number: int, learning_rate: float, fall: float
) -> float:
    """Train one epoch, whose first step has this learning rate, and return its mean loss."""
    total, count = 0.0, 0
    for batch in model.batches:
        for group in optimiser.param_groups:
            group["lr"] = learning_rate - fall * count
        optimiser.zero_grad()
        loss = model.loss(batch)
        value = loss.item()
        if not math.isfinite(value):
            raise _diverged(f"loss is {value}", number, learning_rate)
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        total, count = total + value, count + 1
        bar.advance()
    if not all(bool(parameter.isfinite().all()) for parameter in model.parameters.values()):
        raise _diverged("parameters are not finite", number, learning_rate)
    return total / max(count, 1)


def _diverged(what: str, number: int, learning_rate: float) -> ModelError:
    return ModelError(
        f"Training diverged in epoch {number} at learning_rate={learning_rate:g}: {what}. "
        f"Lower the learning rate, for example to {learning_rate / 10:g}."
    )


class _Bar:
    """A progress bar on standard error; nothing where that is no terminal."""

    def __init__(self, wanted: bool, epochs: int, steps: int) -> None:
        console = Console(stderr=True)
        self._steps = steps
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f}%"),
            TimeRemainingColumn(),
            console=console,
            disable=not (wanted and console.is_terminal),
        )
        self._task = self._bar.add_task("training", total=epochs * steps)

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def advance(self) -> None:
        self._bar.advance(self._task)

    def show(self, epoch: Epoch, state: Progress) -> None:
        text = f"epoch {epoch.epoch}  loss {epoch.loss:.4f}"
        if state.best_epoch:
            text += f"  best {state.best_validation:.4f} (epoch {state.best_epoch})"
        self._bar.update(self._task, completed=epoch.epoch * self._steps, description=text)
