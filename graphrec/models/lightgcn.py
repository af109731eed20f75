"""LightGCN: vectors smoothed over the bipartite graph, trained to rank what users have above what they have not."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Self

import numpy as np
import torch
from pydantic import Field, model_validator

from graphrec.data.plan import trained
from graphrec.errors import DataError
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.propagation import Propagation, bipartite, powers
from graphrec.models.space import Choice, Distribution, Float, Int
from graphrec.models.training import fit_vectors
from graphrec.train.device import resolve
from graphrec.train.loss import bpr_loss
from graphrec.train.sampling import BPRBatches, Triples

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray
    from torch import Tensor

    from graphrec.data.dataset import Dataset
    from graphrec.models.fitted import FittedVectors


class LightGCN(Model):
    """LightGCN (He et al., SIGIR 2020): free vectors, linear propagation, BPR.

    The final vectors are ``z = Σ_k α_k Â^k e`` with the symmetrically normalised adjacency Â; a score is an inner
    product. The defaults suit graphs from 100 thousand to a few million interactions with a validation set to stop
    at. The paper's setting is ``learning_rate=1e-3, batch_size=2048, sampling="users", epochs=1000,
    patience=50``; ``learning_rate=1.2e-2, last_rate=5e-4, batch_size=8192, sampling="users", epochs=400`` comes
    within 1 % of its figures on Gowalla in a tenth of the steps.

    With one seed, one machine, one version of PyTorch and one number of threads, a fit on the CPU gives the same
    vectors, bit for bit. On a GPU the order of sums may differ from run to run.

    Attributes:
        dim: length of the vectors.
        layers: how far messages travel; 0 is plain matrix factorisation.
        layer_weights: α_0 to α_K; None weighs all ``layers + 1`` alike.
        weighted: edges carry the interactions' weights; else each counts 1.
        learning_rate: of Adam.
        last_rate: to which the rate falls by the last of the `epochs`, as much each step; None keeps it.
        reg: L2 penalty on the batch's own vectors e, per pair.
        sampling: "pairs" passes over all pairs, so that users weigh by what they have; "users" draws users uniformly
            and one of each one's items, as the paper's authors do.
        batch_size: pairs a step.
        epochs: at most so many, each of as many triples as there are pairs.
        patience: measurements without a better one before training stops.
        eval_every: epochs between two measurements.
        init_std: standard deviation of the first e.
        seed: of the first e and of the sampling.
    """

    kind: ClassVar[str] = "lightgcn"
    space: ClassVar[Mapping[str, Distribution]] = {
        "learning_rate": Float(low=2e-3, high=2e-1, log=True),
        "reg": Float(low=1e-6, high=1e-2, log=True),
        "layers": Int(low=1, high=4),
        "batch_size": Choice(2048, 8192, 32768),
    }

    dim: Annotated[int, Field(ge=1, le=4096)] = 64
    layers: Annotated[int, Field(ge=0, le=16)] = 3
    layer_weights: Annotated[tuple[float, ...], Field(strict=False)] | None = None
    weighted: bool = False
    learning_rate: Annotated[float, Field(gt=0)] = 2e-2
    last_rate: Annotated[float, Field(ge=0)] | None = None
    reg: Annotated[float, Field(ge=0)] = 1e-4
    sampling: Literal["pairs", "users"] = "pairs"
    batch_size: Annotated[int, Field(ge=1)] = 8192
    epochs: Annotated[int, Field(ge=1)] = 200
    patience: Annotated[int, Field(ge=1)] = 8
    eval_every: Annotated[int, Field(ge=1)] = 2
    init_std: Annotated[float, Field(gt=0)] = 0.1
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        weights = self.layer_weights
        if weights is not None and (len(weights) != self.layers + 1 or not any(weights)):
            raise ValueError(f"layer_weights must be layers + 1 = {self.layers + 1} numbers that are not all 0")
        if self.last_rate is not None and self.last_rate > self.learning_rate:
            raise ValueError(f"last_rate must be at most learning_rate = {self.learning_rate:g}")
        return self

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        return trained(n_users, n_items, n_interactions, dim=self.dim, batch_size=self.batch_size)

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        matrix = target_matrix(data, weighted=self.weighted)
        training = _Training(self, matrix, resolve(run.device))
        return fit_vectors(
            self,
            data,
            run,
            training,
            work=matrix.nnz * self.dim,
            epochs=self.epochs,
            learning_rate=self.learning_rate,
            last_rate=self.last_rate,
            patience=self.patience,
            eval_every=self.eval_every,
        )


class _Training:
    """The parameters, the batches and the loss: what `train` works on."""

    def __init__(self, config: LightGCN, matrix: sp.csr_array, device: torch.device) -> None:
        self.n_users = matrix.shape[0]
        self.reg = config.reg
        self.batches = BPRBatches(matrix, config.batch_size, config.seed, config.sampling)
        if not len(self.batches):
            raise DataError("Every user has every item: there is nothing to rank. Leave single items out.")
        weights = config.layer_weights or (1 / (config.layers + 1),) * (config.layers + 1)
        self.propagation = Propagation(bipartite(matrix), weights, device)
        self.item_degrees = matrix.sum(0, dtype=np.float64)
        first = np.random.default_rng([config.seed, 1]).standard_normal((sum(matrix.shape), config.dim), np.float32)
        self.table = torch.from_numpy(first * np.float32(config.init_std)).to(device).requires_grad_()
        self.parameters = {"table": self.table}

    def loss(self, batch: Triples) -> Tensor:
        nodes = np.concatenate([batch.users, batch.positives + self.n_users, batch.negatives + self.n_users])
        counts = np.bincount(nodes, minlength=len(self.table))
        rows = np.flatnonzero(counts)
        places = np.empty(len(counts), np.int64)
        places[rows] = np.arange(len(rows))
        vectors, own = self.propagation.at(self.table, rows)
        users, positives, negatives = vectors.index_select(0, torch.from_numpy(places[nodes]).to(own.device)).chunk(3)
        times = torch.from_numpy(counts[rows].astype(np.float32)).to(own.device)
        return bpr_loss(users, positives, negatives) + self.reg / 2 * (times @ own.square()).sum() / len(batch.users)

    @property
    def known(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """See `graphrec.models.training.VectorTraining`."""
        linked = self.propagation.linked
        return linked[: self.n_users], linked[self.n_users :]

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return user, item and fold-in vectors."""
        final, inner = (None if t is None else t.cpu().numpy() for t in self.propagation.full(self.table.detach()))
        assert final is not None
        fold_in = None
        if inner is not None:
            scale = powers(self.item_degrees, -0.5)
            fold_in = inner[self.n_users :] * scale.astype(np.float32)[:, None]
        return final[: self.n_users], final[self.n_users :], fold_in
