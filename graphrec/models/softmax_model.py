"""What the graph models with a softmax over all items have in common; they differ in the graph."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import normalize

from graphrec.data.plan import trained
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.propagation import Propagation, powers
from graphrec.models.space import Choice, Distribution, Float, Int
from graphrec.models.spectrum import spectral_start
from graphrec.models.training import VALIDATION_USERS, epochs_of, fit_vectors, schedule
from graphrec.train.device import products, resolve
from graphrec.train.loss import Pairs, softmax_loss
from graphrec.train.sampling import UserBatches

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray
    from torch import Tensor

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut
    from graphrec.models.fitted import FittedVectors

TEMPERATURE, TEMPERATURES = 0.1, (0.08, 0.12, 0.18)
PILOT_DIM = 64  # of a run that only has to order what is tried


class Open(NamedTuple):
    """How a field that is None gets its value.

    Attributes:
        usual: the value where there is no validation part.
        tried: what short runs of few dimensions compare on it.
        share: of the epochs that such a run has.
    """

    usual: float
    tried: tuple[float, ...]
    share: float


@dataclass(frozen=True, eq=False)
class LightGraph:
    """What messages travel over: users, then items, then whatever else there is.

    Attributes:
        matrix: the target interactions, 0/1 [n_users, n_items].
        adjacency: Â, float32 [n, n], symmetric.
        start: whose leading singular vectors the training begins with, [n − n_items, n_items]: users, then the rest.
        identity: what it is made of beyond the dataset's fingerprint, by part.
    """

    matrix: sp.csr_array
    adjacency: sp.csr_array
    start: sp.csr_array
    identity: Mapping[str, str]


class SoftmaxModel(Model):
    """Free vectors, light propagation, cosine scores, and a softmax loss from a spectral start."""

    choices: ClassVar[Mapping[str, Open]] = {"temperature": Open(TEMPERATURE, TEMPERATURES, 0.25)}
    """Fields that may be None."""

    space: ClassVar[Mapping[str, Distribution]] = {
        "dim": Choice(64, 128, 256),
        "layers": Int(low=1, high=3),
        "exponent": Float(low=0.3, high=0.5),
        "temperature": Float(low=0.05, high=0.2, log=True),
        "balance": Float(low=0.0, high=1.0),
        "learning_rate": Float(low=5e-3, high=1e-1, log=True),
    }

    dim: Annotated[int, Field(ge=1, le=4096)] = 128
    layers: Annotated[int, Field(ge=0, le=16)] = 2
    exponent: Annotated[float, Field(ge=0, le=2)] = 0.4
    temperature: Annotated[float, Field(ge=0.02)] | None = None
    balance: Annotated[float, Field(ge=0, le=1)] = 0.25
    negatives: Annotated[int, Field(ge=1)] = 65_536
    learning_rate: Annotated[float, Field(gt=0)] = 0.03
    batch_size: Annotated[int, Field(ge=1)] = 2048
    epochs: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        batch = min(self.batch_size, n_users)
        negatives = min(n_items, self.negatives)
        # the table and its moments; of a step all items and its negatives several times, the vectors of its pairs,
        # and its scores
        vectors = 6 * (n_users + n_items) + 4 * (n_items + negatives + n_interactions * batch // max(1, n_users))
        scores = products(torch.device("cpu")).itemsize * batch * negatives
        validated = trained(n_users, n_items, n_interactions, dim=self.dim, batch_size=0)
        return max(validated, 100 * n_interactions + 4 * self.dim * vectors + scores)

    @abstractmethod
    def _graph(self, data: Dataset, matrix: sp.csr_array) -> LightGraph:
        """Return the graph of a dataset with these target interactions."""

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        for name, choice in self.choices.items():
            if getattr(self, name) is None:
                chosen = choice.usual if run.validation is None else self._best(name, data, run, run.validation)
                return self.model_copy(update={name: chosen})._fit(data, run)
        graph = self._graph(data, target_matrix(data))
        training = SoftmaxTraining(self, graph, resolve(run.device))
        return fit_vectors(
            self,
            data,
            run,
            training,
            work=graph.adjacency.nnz // 2 * self.dim,
            identity=graph.identity,
            **schedule(epochs_of(self.epochs, len(training.batches)), self.learning_rate),
        )

    def _best(self, name: str, data: Dataset, run: Run, validation: HeldOut) -> float:
        """Return the value of a field that is best after a short run."""
        _, tried, share = self.choices[name]
        steps = -(-int(np.count_nonzero(np.diff(target_matrix(data).indptr))) // self.batch_size)
        short = {"dim": min(self.dim, PILOT_DIM), "epochs": max(1, round(share * epochs_of(self.epochs, steps)))}
        always = [each for each in run.callbacks if getattr(each, "throughout", False)]
        pilot, alone = self.model_copy(update=short), replace(run, validation=None, callbacks=always, checkpoint=None)

        def measured(value: float) -> float:
            found = pilot.model_copy(update={name: value})._fit(data, alone)
            if found.history.interrupted:
                raise KeyboardInterrupt
            vectors, seen = (found.user_vectors, found.item_vectors), data.seen(targets=True)
            return held_out_metric(*vectors, seen, validation.matrix, run.metric, users=VALIDATION_USERS)

        return max(tried, key=measured)


class SoftmaxTraining:
    """The parameters, the batches and the loss: what `train` works on."""

    def __init__(self, config: SoftmaxModel, graph: LightGraph, device: torch.device) -> None:
        self.config, self.matrix, self.device = config, graph.matrix, device
        self.batches = UserBatches(self.matrix, config.batch_size, config.seed)
        self.propagation = Propagation(graph.adjacency, (1 / (config.layers + 1),) * (config.layers + 1), device)
        self.table = self._start(graph.start).requires_grad_()
        self.parameters = {"table": self.table}
        self.dtype = products(device)

    def _start(self, matrix: sp.csr_array) -> Tensor:
        n_users, n_items = self.matrix.shape
        start = spectral_start(matrix, self.config.dim, self.config.seed, self.device)
        users, others, items = torch.split(start, [n_users, len(start) - n_users - n_items, n_items])
        return torch.cat([users, items, others])

    def loss(self, batch: NDArray[np.int64]) -> Tensor:
        """See `graphrec.train.loop.Trainable`."""
        n_users, n_items = self.matrix.shape
        rows = np.concatenate([batch, np.arange(n_users, n_users + n_items)])
        vectors = normalize(self.propagation.at(self.table, rows)[0])
        drawn = self.batches.negatives(n_items, self.config.negatives)
        return softmax_loss(
            vectors[: len(batch)],
            vectors[len(batch) :],
            Pairs.of(self.matrix[batch], self.config.balance, self.device),
            temperature=self.config.temperature or TEMPERATURE,
            negatives=None if drawn is None else torch.from_numpy(drawn).to(self.device),
            dtype=self.dtype,
        )

    @property
    def known(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """See `graphrec.models.training.VectorTraining`."""
        users, items, _ = np.split(self.propagation.linked, np.cumsum(self.matrix.shape))
        return users, items

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return user, item and fold-in vectors."""
        n_users, n_items = self.matrix.shape
        final, inner = self.propagation.full(self.table.detach())
        vectors: NDArray[np.float32] = normalize(final[: n_users + n_items]).cpu().numpy()
        users, items = vectors[:n_users], vectors[n_users:]
        if inner is None:
            return users, items, None
        scale = powers(self.matrix.sum(0, dtype=np.float64), -self.config.exponent).astype(np.float32)
        parts = inner[n_users : n_users + n_items].cpu().numpy() * scale[:, None]
        counts = np.diff(self.matrix.indptr).astype(np.float64)
        folded = (self.matrix @ parts) * powers(counts, -0.5).astype(np.float32)[:, None]
        length = float(np.vdot(folded, users)) / max(float(np.vdot(folded, folded)), 1e-30)
        return users, items, parts * np.float32(length)
