"""The graph model that ranks best by gradients here: light propagation, trained by a softmax over all items."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
import torch
from pydantic import Field
from torch.nn.functional import normalize

from graphrec.data.plan import trained
from graphrec.evaluation.evaluate import held_out_metric
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.propagation import Propagation, powers
from graphrec.models.space import Choice, Distribution, Float, Int
from graphrec.models.spectrum import normalised, spectrum
from graphrec.train.device import enough_threads, products, resolve
from graphrec.train.loop import train
from graphrec.train.loss import Pairs, softmax_loss
from graphrec.train.sampling import UserBatches

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray
    from torch import Tensor

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut

VALIDATION_USERS = 10_000
STEPS, EPOCHS = 120, 8  # at least so many, where `epochs` is None
TEMPERATURE, TEMPERATURES = 0.1, (0.08, 0.12, 0.18)
PILOT_DIM, PILOT_SHARE = 64, 0.25  # of a run that only has to order the temperatures


class SoftmaxGCN(Model):
    """LightGCN's propagation with cosine scores and a softmax loss, from a spectral start.

    The vectors are ``z = Σ_k α Â^k e`` with ``Â = D^-a A D^-a``, scaled to length 1; each pair of a user stands
    against all items that the user has not, with temperature t. A user with n items counts as ``n^(1 − balance)``.

    Attributes:
        dim: length of the vectors.
        layers: how far messages travel.
        exponent: a.
        temperature: t; the lower, the more the hardest items count. None tries 0.08, 0.12 and 0.18 in short runs of
            few dimensions where there is a validation part, and takes 0.1 where there is none.
        balance: 0 counts all pairs alike, 1 all users.
        negatives: with more items than this, the softmax runs over so many, drawn anew each step.
        learning_rate: of Adam at the first step; it falls to a tenth.
        batch_size: users a step, each with all their items.
        epochs: passes over the users; None makes 8, or as many as make 120 steps.
        seed: of the start and of the order of users.

    Papers: He et al., LightGCN, SIGIR 2020; Wu et al., On the Effectiveness of Sampled Softmax Loss, TOIS 2024.
    """

    kind: ClassVar[str] = "softmax-gcn"
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
        # the table and its moments; of a step all items several times, the vectors of its pairs, and its scores
        vectors = 6 * (n_users + n_items) + 8 * n_items + 5 * n_interactions * batch // max(1, n_users)
        scores = products(torch.device("cpu")).itemsize * batch * min(n_items, self.negatives)
        validated = trained(n_users, n_items, n_interactions, dim=self.dim, batch_size=0)
        return max(validated, 100 * n_interactions + 4 * self.dim * vectors + scores)

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        if self.temperature is None:
            chosen = TEMPERATURE if run.validation is None else self._temperature(data, run, run.validation)
            return self.model_copy(update={"temperature": chosen})._fit(data, run)
        matrix = target_matrix(data)
        training = _Training(self, self.temperature, matrix, resolve(run.device))
        epochs = self._epochs(len(training.batches))
        validate = None
        identity = {"data": data.fingerprint, "configuration": self.model_dump_json()}
        if run.validation is not None:
            held_out, seen = run.validation.matrix, data.seen()
            identity["validation"] = f"{run.metric} {_hash(held_out)}"

            def validate() -> float:
                users, items, _ = training.vectors()
                return held_out_metric(users, items, seen, held_out, run.metric, users=VALIDATION_USERS)

        with enough_threads(matrix.nnz * self.dim):
            history = train(
                training,
                epochs=epochs,
                learning_rate=self.learning_rate,
                last_rate=self.learning_rate / 10,
                betas=(0.9, 0.99),
                validate=validate,
                patience=epochs,
                eval_every=max(1, epochs // 4),
                callbacks=run.callbacks,
                checkpoint=run.checkpoint,
                identity=identity,
                progress=run.progress,
            )
        return FittedVectors.of(self, data, *training.vectors(), history)

    def _epochs(self, steps: int) -> int:
        return self.epochs or max(EPOCHS, -(-STEPS // steps))

    def _temperature(self, data: Dataset, run: Run, validation: HeldOut) -> float:
        """Return the temperature that is best after a short run."""
        steps = -(-int(np.count_nonzero(np.diff(target_matrix(data).indptr))) // self.batch_size)
        short = {"dim": min(self.dim, PILOT_DIM), "epochs": max(1, round(PILOT_SHARE * self._epochs(steps)))}
        pilot, alone = self.model_copy(update=short), replace(run, validation=None, callbacks=(), checkpoint=None)

        def measured(temperature: float) -> float:
            found = pilot.model_copy(update={"temperature": temperature})._fit(data, alone)
            if found.history.interrupted:
                raise KeyboardInterrupt
            vectors = found.user_vectors, found.item_vectors
            return held_out_metric(*vectors, data.seen(), validation.matrix, run.metric, users=VALIDATION_USERS)

        return max(TEMPERATURES, key=measured)


class _Training:
    """The parameters, the batches and the loss: what `train` works on."""

    def __init__(self, config: SoftmaxGCN, temperature: float, matrix: sp.csr_array, device: torch.device) -> None:
        self.config, self.temperature, self.matrix, self.device = config, temperature, matrix, device
        self.batches = UserBatches(matrix, config.batch_size, config.seed)
        self.propagation = Propagation(
            matrix, (1 / (config.layers + 1),) * (config.layers + 1), device, config.exponent
        )
        self.counts = np.diff(matrix.indptr)
        self.table = self._start().requires_grad_()
        self.parameters = {"table": self.table}
        self.dtype = products(device)

    def _start(self) -> Tensor:
        """Return spectral vectors of length 1; what the matrix has no rank for is noise."""
        found = spectrum(normalised(self.matrix, 0.5, 0.5), self.config.dim, 2, self.config.seed, self.device)
        vectors = normalize(torch.cat([found.left, found.right]))
        noise = np.random.default_rng([self.config.seed, 1]).standard_normal(
            (len(vectors), self.config.dim), np.float32
        )
        start = torch.from_numpy(noise * np.float32(0.01)).to(self.device)
        start[:, : vectors.shape[1]] += vectors
        return start

    def loss(self, batch: NDArray[np.int64]) -> Tensor:
        n_users, n_items = self.matrix.shape
        rows = np.concatenate([batch, np.arange(n_users, n_users + n_items)])
        vectors = normalize(self.propagation.at(self.table, rows)[0])
        part, counts = self.matrix[batch], self.counts[batch]
        weights = counts**-self.config.balance
        weights = np.repeat(weights / (weights @ counts), counts).astype(np.float32)
        users = np.repeat(np.arange(len(batch)), counts)
        pairs = Pairs(*(torch.from_numpy(a).to(self.device) for a in (users, part.indices.astype(np.int64), weights)))
        return softmax_loss(
            vectors[: len(batch)],
            vectors[len(batch) :],
            pairs,
            temperature=self.temperature,
            negatives=self._negatives(n_items),
            dtype=self.dtype,
        )

    def _negatives(self, n_items: int) -> Tensor | None:
        if n_items <= self.config.negatives:
            return None
        drawn = self.batches.generator.choice(n_items, self.config.negatives, replace=False, shuffle=False)
        return torch.from_numpy(np.sort(drawn)).to(self.device)

    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]:
        """Return user, item and fold-in vectors."""
        n_users = self.matrix.shape[0]
        final, inner = self.propagation.full(self.table.detach())
        vectors: NDArray[np.float32] = normalize(final).cpu().numpy()
        users, items = vectors[:n_users], vectors[n_users:]
        if inner is None:
            return users, items, None
        scale = powers(self.propagation.degrees[n_users:], -self.config.exponent).astype(np.float32)
        parts = inner[n_users:].cpu().numpy() * scale[:, None]
        folded = (self.matrix @ parts) * powers(self.counts.astype(np.float64), -0.5).astype(np.float32)[:, None]
        length = float(np.vdot(folded, users)) / max(float(np.vdot(folded, folded)), 1e-30)
        return users, items, parts * np.float32(length)


def _hash(held_out: sp.csr_array) -> str:
    return hashlib.sha256(
        b"".join(a.tobytes() for a in (held_out.indptr, held_out.indices, held_out.data))
    ).hexdigest()
