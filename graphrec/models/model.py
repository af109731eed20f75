"""What every model is: a frozen, closed configuration that can be fitted."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

import numpy as np

from graphrec.data.closed import Closed
from graphrec.data.dataset import check_dataset
from graphrec.data.pairs import target_tables
from graphrec.data.plan import available_memory
from graphrec.data.split import HeldOut
from graphrec.errors import ArgumentError, DataError, check_type, problem
from graphrec.evaluation.metrics import parse_metric
from graphrec.train.device import kept_memory

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import scipy.sparse as sp
    import torch

    from graphrec.data.dataset import Dataset
    from graphrec.models.fitted_model import FittedModel
    from graphrec.models.space import Distribution
    from graphrec.train.history import Callback


Fitted = TypeVar("Fitted", covariant=True)


class _Fits(Protocol[Fitted]):
    """What `Model.fit` returns is what the class's own ``_fit`` returns."""

    def _fit(self, data: Dataset, run: Run) -> Fitted: ...

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int: ...


@dataclass(frozen=True)
class Run:
    """How a model is to be fitted; the arguments of `Model.fit`."""

    validation: HeldOut | None
    metric: str
    device: str
    callbacks: Sequence[Callback]
    checkpoint: Path | None
    progress: bool


class Model(Closed, ABC):
    """A model's configuration: frozen, and closed to unknown or impossible values.

    The same fields are the keyword arguments, the ``[model]`` table of ``graphrec.toml`` and the saved JSON.

    Raises:
        ArgumentError: a field is unknown or impossible; the message names field, rule, value and what would do.
    """

    kind: ClassVar[str]
    space: ClassVar[Mapping[str, Distribution]] = {}
    """What `graphrec.tune` tries for each field where it is not told."""
    rates: ClassVar[bool] = False
    """Its scores are ratings, on the scale of the weights; else they only rank."""
    by_items: ClassVar[bool] = False
    """Its scores are sums over the items that a user has."""

    def fit(
        self: _Fits[Fitted],
        data: Dataset,
        *,
        validation: HeldOut | None = None,
        metric: str = "ndcg@20",
        device: str | torch.device = "auto",
        callbacks: Sequence[Callback] = (),
        checkpoint: str | Path | None = None,
        progress: bool = True,
    ) -> Fitted:
        """Fit to the target interactions of a dataset.

        What a model that is not trained by epochs has no use for, it leaves alone.

        Args:
            data: what to learn from, such as ``split.train``.
            validation: interactions held out of ``data``, such as ``split.validation``: decides when to stop and
                which epoch is best. None trains all epochs.
            metric: what is measured on it.
            device: ``"auto"`` (CUDA, then MPS, then CPU), a device's name or a ``torch.device``.
            callbacks: each is called after every epoch; after those of the short runs that choose a field, which are
                not measured, only where its attribute ``throughout`` is True.
            checkpoint: a file to go on from after a pause; see `graphrec.train.loop.train`.
            progress: draw a progress bar where standard error is a terminal.

        Raises:
            ArgumentError: the device or the checkpoint's folder is not there, a callback cannot be called, or
                ``validation`` belongs to other nodes, is empty, or shares pairs with ``data``.
            DataError: there is nothing to learn from, or a weight cannot be used.
            ModelError: the training diverged, or the checkpoint cannot be used.
        """
        check_dataset(data)
        if not isinstance(callbacks, list | tuple) or not all(map(callable, callbacks)):
            rule = "must be a list of functions of an `Epoch`"
            raise ArgumentError(problem("callbacks", rule, callbacks, "Give one function as [function]."))
        if validation is not None:
            check_type("validation", validation, HeldOut, "Take `split.validation`.")
            parse_metric(metric)
            same = validation.users.keys.equals(data.users.keys) and validation.items.keys.equals(data.items.keys)
            if not same or not validation.matrix.nnz:
                raise ArgumentError(problem("validation", "must hold interactions of the same nodes", validation))
            if shared := validation.matrix.multiply(data.interactions()).nnz:
                rule = "must not share pairs with `data`, which are left out of the lists that it judges"
                raise ArgumentError(problem("validation", rule, shared, "Fit to split.train, or without validation."))
            validation.steered.append(type(self).__name__)
        path = None if checkpoint is None else Path(checkpoint)
        if path is not None and not path.parent.is_dir():
            rule = "must be a file in a folder that is there"
            raise ArgumentError(problem("checkpoint", rule, str(path), f"Make {str(path.parent)!r} first."))
        pairs = sum(map(len, target_tables(data)))
        with kept_memory(min(self.memory(len(data.users), len(data.items), pairs), available_memory())):
            return self._fit(data, Run(validation, metric, str(device), callbacks, path, progress))

    @property
    def width(self) -> int:
        """How many numbers its vectors will have, before it is fitted; 1 for a model without vectors."""
        return getattr(self, "dim", 1)

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """Return the bytes that a fit needs at its peak beyond the dataset, from counts alone.

        This is for models that read the interactions once and give vectors: 60 bytes an interaction for the matrix
        while it is made, and three tables of vectors. A model that needs more says so itself.
        """
        return 60 * n_interactions + 3 * 4 * self.width * (n_users + n_items)

    @abstractmethod
    def _fit(self, data: Dataset, run: Run) -> FittedModel:
        """Fit; the arguments were checked."""


def target_matrix(data: Dataset, *, weighted: bool = False) -> sp.csr_array:
    """Return the target interactions, float32 [n_users, n_items]; those of weight 0 count as none.

    Raises:
        DataError: there are none, or with ``weighted`` a weight is negative or does not fit float32.
    """
    with np.errstate(over="ignore"):
        matrix = data.interactions(weighted=weighted)
    names = ", ".join(kind.type for kind in data.schema.targets)
    bad = matrix.data[~(np.isfinite(matrix.data) & (matrix.data >= 0))]
    if len(bad):
        raise DataError(
            problem(
                names, "must have finite weights of at least 0", float(bad[0]), "Mend them, or use weighted=False."
            )
        )
    matrix.eliminate_zeros()
    if not matrix.nnz:
        raise DataError(
            problem(
                names, "must hold interactions to learn from, of weight above 0", 0, "Load some, or check the schema."
            )
        )
    return matrix
