"""The state of a training between two epochs, in one file: going on from it equals never having stopped."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from graphrec.errors import ModelError
from graphrec.train.history import Epoch
from graphrec.train.storage import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from torch import Tensor


@dataclass
class Progress:
    """How far a training is.

    Attributes:
        epochs: the epochs done.
        best_epoch: the epoch with the best validation so far; 0 where there is none.
        best_validation: its metric.
        best: the parameters after it, by name; empty where there is none.
        random: the state of the batches' generator after the last epoch.
    """

    epochs: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_validation: float = -np.inf
    best: dict[str, Tensor] = field(default_factory=dict)
    random: dict[str, Any] = field(default_factory=dict)


def save_checkpoint(
    path: Path,
    progress: Progress,
    parameters: Mapping[str, Tensor],
    optimiser: torch.optim.Optimizer,
    identity: Mapping[str, str],
) -> None:
    """Write the state after the last epoch to ``path``, atomically.

    Raises:
        ModelError: the file cannot be written.
    """
    tensors = {f"parameter/{name}": value for name, value in parameters.items()}
    tensors |= {f"best/{name}": value for name, value in progress.best.items()}
    for index, state in optimiser.state_dict()["state"].items():
        tensors |= {f"optimiser/{index}/{name}": value for name, value in state.items()}
    metadata = {
        "identity": dict(identity),
        "epochs": [asdict(epoch) for epoch in progress.epochs],
        "best_epoch": progress.best_epoch,
        "best_validation": progress.best_validation if progress.best_epoch else None,
        "random": progress.random,
    }
    arrays = {name: value.detach().cpu().numpy() for name, value in tensors.items()}
    write_tensors(path, "checkpoint", arrays, metadata)


def load_checkpoint(
    path: Path, parameters: Mapping[str, Tensor], optimiser: torch.optim.Optimizer, identity: Mapping[str, str]
) -> Progress:
    """Put parameters and optimiser back into the state that ``path`` holds, and say how far it was.

    Args:
        path: what `save_checkpoint` wrote.
        parameters: filled in place.
        optimiser: filled in place.
        identity: what the checkpoint must have been made of (data, configuration), by part.

    Raises:
        ModelError: the file cannot be read, was altered, or belongs to another training.
    """
    arrays, metadata = read_tensors(path, "checkpoint")
    saved = metadata["identity"]
    if other := [part for part in {**saved, **identity} if saved.get(part) != identity.get(part)]:
        raise ModelError(
            f"`checkpoint` must belong to this training. Got {str(path)!r}, made with another {' and '.join(other)}. "
            "Delete it, or choose another path."
        )
    tensors = {name: torch.from_numpy(array) for name, array in arrays.items()}
    best, state = {}, optimiser.state_dict()
    state["state"] = {}
    for name, tensor in tensors.items():
        part, _, rest = name.partition("/")
        if part == "parameter":
            parameters[rest].data.copy_(tensor)
        elif part == "best":
            best[rest] = tensor.to(parameters[rest].device)
        else:
            index, _, key = rest.partition("/")
            state["state"].setdefault(int(index), {})[key] = tensor
    optimiser.load_state_dict(state)
    return Progress(
        [Epoch(**epoch) for epoch in metadata["epochs"]],
        metadata["best_epoch"],
        -np.inf if metadata["best_validation"] is None else metadata["best_validation"],
        best,
        metadata["random"],
    )
