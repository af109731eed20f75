"""How a model of vectors goes through the training loop, whatever its parameters are."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, Protocol

from graphrec.evaluation.held_out import held_out_metric
from graphrec.models.fitted import FittedVectors
from graphrec.train.device import enough_threads
from graphrec.train.loop import Trainable, train

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy as np
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.models.model import Model, Run

STEPS, EPOCHS = 120, 8  # at least so many, where a model of a softmax is not told
VALIDATION_USERS = 10_000  # enough to stop at the right epoch; the same ones every time


class VectorTraining(Trainable, Protocol):
    """What `train` can fit, and what comes out."""

    @property
    def known(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Which users, and which items, there was anything to learn of; the others' vectors are noise."""

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return user, item and fold-in vectors."""


def fit_vectors(
    model: Model,
    data: Dataset,
    run: Run,
    training: VectorTraining,
    *,
    work: int,
    identity: Mapping[str, str] | None = None,
    **options: Any,
) -> FittedVectors:
    """Train, steered by the validation part where there is one, and return what was learned.

    Nodes of which nothing is known get zeros: they are served otherwise, and folded in once they have items.

    Args:
        model: the configuration, which is recorded.
        data: what is learned from.
        run: the arguments of `Model.fit`.
        training: parameters, batches and loss.
        work: multiplications of one pass; see `enough_threads`.
        identity: what the training is made of beyond the data's fingerprint, the configuration and the validation.
        options: of `train`.
    """
    validate = None
    whole = {"data": data.fingerprint, "configuration": model.model_dump_json(), **(identity or {})}
    if run.validation is not None:
        held_out, seen = run.validation.matrix, data.seen(targets=True)
        whole["validation"] = f"{run.metric} {digest(held_out)}"

        def validate() -> float:
            users, items, _ = training.vectors()
            return held_out_metric(users, items, seen, held_out, run.metric, users=VALIDATION_USERS)

    with enough_threads(work):
        history = train(
            training,
            validate=validate,
            callbacks=run.callbacks,
            checkpoint=run.checkpoint,
            identity=whole,
            progress=run.progress,
            **options,
        )
    *vectors, fold_in = training.vectors()
    users, items = (each * known[:, None] for each, known in zip(vectors, training.known, strict=True))
    return FittedVectors.of(model, data, users, items, fold_in, history)


def epochs_of(epochs: int | None, steps: int) -> int:
    """Return how many epochs of so many steps a model of a softmax has: what it is told, else enough to learn."""
    return epochs or max(EPOCHS, -(-STEPS // steps))


def schedule(epochs: int, learning_rate: float) -> dict[str, Any]:
    """Return how a model of a softmax is trained: all epochs, at a rate that falls to a tenth; see `train`."""
    falling = {"learning_rate": learning_rate, "last_rate": learning_rate / 10, "betas": (0.9, 0.99)}
    return {"epochs": epochs, **falling, "patience": epochs, "eval_every": max(1, epochs // 4)}


def digest(*matrices: sp.csr_array) -> str:
    """Return SHA-256 over the entries of sparse matrices."""
    found = hashlib.sha256()
    for matrix in matrices:
        for array in (matrix.indptr, matrix.indices, matrix.data):
            found.update(array.tobytes())
    return found.hexdigest()
