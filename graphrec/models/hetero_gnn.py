"""Message passing over all the graph has, on PyTorch Geometric's convolutions: users, items, attributes, ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Self

import numpy as np
import torch
from pydantic import Field, model_validator
from torch.nn.functional import normalize

from graphrec.data.plan import trained
from graphrec.errors import DataError
from graphrec.models.fitted_network import FittedNetwork
from graphrec.models.message_passing import Conv, Network, TypedGraph, tensors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Choice, Distribution, Float, Int
from graphrec.models.spectrum import normalised, spectral_start
from graphrec.models.training import digest, epochs_of, fit_vectors, schedule
from graphrec.train.device import products, resolve
from graphrec.train.loss import Pairs, softmax_loss
from graphrec.train.sampling import UserBatches
from graphrec.train.subgraph import Neighbours, Sampler

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray
    from torch import Tensor

    from graphrec.data.dataset import Dataset

POSITIVES = 20  # of a user in a step, where neighbours are drawn
NODES = 4096  # whose final vectors are computed at once, where neighbours are drawn


class HeteroGNN(Model):
    """A graph network over users, items, attribute nodes and ties, trained by a softmax to rank.

    Messages go both ways over every relationship of the schema. A node brings a free vector, the sum of its
    columns' vectors (see `Feature`; what is missing has a vector too), or both; each layer adds what it hears,
    ``h ← h + g · conv(h)`` with a gate g that is learned. Users and items are compared by the cosine. Weights and
    times of relationships do not matter. A graph of interactions alone is a graph as well.

    With ``neighbours`` a step computes the vectors of its own users and items only, from so many neighbours of each
    node, drawn anew; all final vectors then come layer by layer from all neighbours.

    Attributes:
        conv: ``"sage"`` (mean, a matrix a relationship, as in R-GCN), ``"gat"`` (attention, GATv2) or ``"hgt"``
            (transformer).
        dim: length of the vectors.
        layers: how far messages travel.
        heads: of attention.
        ids: users and items have free vectors; else they are told apart by what describes them and whom they are
            tied to. Attribute nodes always have them.
        neighbours: for each layer how many neighbours of a node and relationship are drawn, the last layer's first;
            None passes messages over the whole graph in each step.
        temperature: of the softmax; the lower, the more the hardest items count.
        balance: 0 counts all pairs alike, 1 all users.
        negatives: the softmax runs over so many items, drawn anew each step; where there are fewer, over all.
        learning_rate: of Adam at the first step; it falls to a tenth.
        batch_size: users a step.
        epochs: passes over the users; None makes 8, or as many as make 120 steps.
        seed: of the first values and of all that is drawn.

    Papers: Schlichtkrull et al., R-GCN, ESWC 2018; Hamilton et al., GraphSAGE, NeurIPS 2017; Brody et al., GATv2,
    ICLR 2022; Hu et al., HGT, WWW 2020.
    """

    kind: ClassVar[str] = "hetero-gnn"
    space: ClassVar[Mapping[str, Distribution]] = {
        "conv": Choice("sage", "gat", "hgt"),
        "dim": Choice(32, 64, 128),
        "layers": Int(low=1, high=3),
        "temperature": Float(low=0.05, high=0.2, log=True),
        "learning_rate": Float(low=1e-3, high=1e-1, log=True),
    }

    conv: Conv = "sage"
    dim: Annotated[int, Field(ge=1, le=4096)] = 64
    layers: Annotated[int, Field(ge=1, le=8)] = 2
    heads: Annotated[int, Field(ge=1, le=64)] = 4
    ids: bool = True
    neighbours: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(strict=False)] | None = None
    temperature: Annotated[float, Field(ge=0.02)] = 0.1
    balance: Annotated[float, Field(ge=0, le=1)] = 0.25
    negatives: Annotated[int, Field(ge=1)] = 16_384
    learning_rate: Annotated[float, Field(gt=0)] = 0.01
    batch_size: Annotated[int, Field(ge=1)] = 2048
    epochs: Annotated[int, Field(ge=1)] | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.neighbours is not None and len(self.neighbours) != self.layers:
            raise ValueError(f"neighbours must be one number for each of the {self.layers} layers")
        if self.conv != "sage" and self.dim % self.heads:
            raise ValueError(f"dim must be a multiple of heads = {self.heads} for {self.conv!r}")
        return self

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`. Attributes and ties are not counted, and cost as interactions do."""
        batch, items = min(self.batch_size, n_users), min(n_items, self.negatives)
        nodes, edges = n_users + n_items, 2 * n_interactions
        tables = 6 * nodes * self.ids
        if self.neighbours is not None:
            near = items + batch * POSITIVES
            nodes, edges = min(nodes, near * int(np.prod([1 + n for n in self.neighbours]))), 0
            for reach in np.cumprod(self.neighbours):
                edges = min(2 * n_interactions, edges + near * int(reach))
        messages = {"sage": 3, "gat": 8, "hgt": 6}[self.conv] * edges
        inner = {"sage": 8, "gat": 12, "hgt": 20}[self.conv] * self.layers * nodes
        scores = products(torch.device("cpu")).itemsize * batch * items
        validated = trained(n_users, n_items, n_interactions, dim=self.dim, batch_size=0)
        return validated + 100 * n_interactions + 4 * self.dim * (tables + messages + inner) + scores

    def _fit(self, data: Dataset, run: Run) -> FittedNetwork:
        matrix = target_matrix(data)
        graph = TypedGraph.of(data)
        if not self.ids and graph.sizes.keys() == {graph.user, graph.item} and not graph.features:
            raise DataError(
                "Nothing describes users or items: without free vectors they cannot be told apart. "
                "Name attributes or features in the schema, or use ids=True."
            )
        training = _Training(self, graph, matrix, resolve(run.device))
        fitted = fit_vectors(
            self,
            data,
            run,
            training,
            work=sum(rows.shape[1] for rows in graph.edges.values()) * self.dim,
            identity={"features": digest(*graph.features.values())},
            **schedule(epochs_of(self.epochs, len(training.batches)), self.learning_rate),
        )
        return FittedNetwork.with_weights(fitted, training.network)


class _Training:
    """The network, the batches and the loss: what `train` works on."""

    def __init__(self, config: HeteroGNN, graph: TypedGraph, matrix: sp.csr_array, device: torch.device) -> None:
        self.config, self.graph, self.matrix, self.device = config, graph, matrix, device
        sides = {graph.user, graph.item}
        free = frozenset(graph.sizes) if config.ids else frozenset(graph.sizes) - sides
        generator = np.random.default_rng([config.seed, 2])
        network = Network(graph, config.conv, config.dim, config.layers, config.heads, free, generator)
        if config.ids:
            start = spectral_start(normalised(matrix, 0.5, 0.5), config.dim, config.seed, device).cpu()
            for name, vectors in zip((graph.user, graph.item), torch.split(start, list(matrix.shape)), strict=True):
                network.free[name].data.copy_(vectors)
        self.network = network.to(device)
        self.parameters = dict(self.network.named_parameters())
        self.batches = UserBatches(matrix, config.batch_size, config.seed)
        self.dtype = products(device)
        if config.neighbours is None:
            self.edges = tensors(graph.edges, device)
        else:
            self.sampler = Sampler(graph.edges, graph.sizes)
            users, items = (rows.astype(np.int64) for rows in matrix.tocoo().coords)
            self.histories = Neighbours(items, users, matrix.shape[0])

    def loss(self, batch: NDArray[np.int64]) -> Tensor:
        config, generator, n_items = self.config, self.batches.generator, self.matrix.shape[1]
        drawn = self.batches.negatives(n_items, config.negatives)
        drawn = np.arange(n_items) if drawn is None else drawn
        if config.neighbours is None:
            near, pairs = np.arange(n_items), Pairs.of(self.matrix[batch], config.balance, self.device)
            found = self._everything()
            users = found[self.graph.user].index_select(0, torch.from_numpy(batch).to(self.device))
        else:
            near, pairs = self._drawn_pairs(batch, drawn)
            seeds = {self.graph.user: batch, self.graph.item: near}
            found = self.network.around(self.sampler.around(seeds, config.neighbours, generator))
            users = found[self.graph.user]
        places = torch.from_numpy(np.searchsorted(near, drawn)).to(self.device)
        return softmax_loss(
            normalize(users),
            normalize(found[self.graph.item]),
            pairs,
            temperature=config.temperature,
            negatives=places if len(drawn) < len(near) else None,
            among=n_items,
            dtype=self.dtype,
        )

    def _drawn_pairs(self, batch: NDArray[np.int64], drawn: NDArray[np.int64]) -> tuple[NDArray[np.int64], Pairs]:
        """Return the items of a step, sorted, and pairs with them: what users have beyond what was drawn weighs 0."""
        positives, users = self.histories.draw(batch, POSITIVES, self.batches.generator)
        near = np.union1d(positives, drawn)
        known = self.matrix[batch][:, near]
        rows, n = np.repeat(np.arange(len(batch)), np.diff(known.indptr)), len(near)
        chosen = np.isin(rows * n + known.indices, users * n + np.searchsorted(near, positives))
        counts = np.diff(self.matrix.indptr)[batch]
        weights = counts ** (1 - self.config.balance)
        weights = (weights / weights.sum() / np.minimum(counts, POSITIVES))[rows] * chosen
        arrays = rows, known.indices.astype(np.int64), weights.astype(np.float32)
        return near, Pairs(*(torch.from_numpy(each).to(self.device) for each in arrays))

    def _everything(self) -> dict[str, Tensor]:
        everybody = {name: np.arange(n) for name, n in self.graph.sizes.items()}
        return self.network.through(self.network.own(everybody), self.edges)

    def _layer_by_layer(self) -> dict[str, Tensor]:
        """Return what `_everything` would, holding the messages to a few nodes at a time."""
        rows = {name: np.arange(n) for name, n in self.graph.sizes.items()}
        vectors = self.network.own(rows)
        for number in range(self.config.layers):
            after = {name: torch.empty_like(each) for name, each in vectors.items()}
            for name, all_rows in rows.items():
                for start in range(0, len(all_rows), NODES):
                    here = all_rows[start : start + NODES]
                    part = self.sampler.around({name: here}, [None], self.batches.generator)
                    near = {other: torch.from_numpy(found).to(self.device) for other, found in part.nodes.items()}
                    before = {other: each.index_select(0, near[other]) for other, each in vectors.items()}
                    found = self.network.layer(number, before, tensors(part.into(1), self.device))
                    after[name][start : start + NODES] = found[name][: len(here)]
            vectors = after
        return vectors

    @property
    def known(self) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """See `graphrec.models.training.VectorTraining`."""
        return self.graph.described(self.graph.user), self.graph.described(self.graph.item)

    @torch.no_grad()
    def vectors(self) -> tuple[NDArray[np.float32], NDArray[np.float32], None]:
        """Return user and item vectors, and no fold-in vectors."""
        found = self._everything() if self.config.neighbours is None else self._layer_by_layer()
        users, items = (normalize(found[name]).cpu().numpy() for name in (self.graph.user, self.graph.item))
        return users, items, None
