"""A fitted graph network: its vectors, and what it needs to say which relationships a score comes from."""

from __future__ import annotations

from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import torch
from torch.nn.functional import cosine_similarity

from graphrec.errors import ModelError, problem
from graphrec.models.fitted import FittedVectors
from graphrec.models.message_passing import Network, TypedGraph, tensors
from graphrec.rank.scorer import Trace
from graphrec.train.subgraph import Sampler

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from graphrec.data.dataset import Dataset
    from graphrec.models.hetero_gnn import HeteroGNN
    from graphrec.train.subgraph import EdgeType

POINTS = 16  # between a graph without relationships and the whole one, where the score's slope is taken
TOLERANCE = 1e-3  # by which a score may differ from the one of the vectors
_PREFIX = "network/"


@dataclass(frozen=True, eq=False, repr=False)
class FittedNetwork(FittedVectors):
    """What `HeteroGNN` is once it is fitted; a `graphrec.rank.scorer.Traceable`.

    Attributes:
        weights: the network's parameters by name.
    """

    weights: Mapping[str, NDArray[np.float32]] = field(default_factory=dict, kw_only=True)

    form: ClassVar[str] = "network"

    @classmethod
    def with_weights(cls, fitted: FittedVectors, network: Network) -> Self:
        """Return fitted vectors together with the network that made them."""
        weights = {name: each.detach().cpu().numpy().copy() for name, each in network.named_parameters()}
        return cls(**{each.name: getattr(fitted, each.name) for each in fields(fitted)}, weights=weights)

    def traces(self, data: Dataset, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> Iterator[Trace]:
        """Say for each pair what each relationship near it adds to its score.

        Integrated gradients over PyTorch Geometric's explanation masks: all messages are turned up together from 0
        to 1, and a relationship's part is the score's mean slope by its own mask. The parts and what the score is
        without any message sum to the score, but for the error of the integral.

        Args:
            data: what the model was fitted on.
            user_rows: int64 [b].
            item_rows: int64 [b].

        Raises:
            ModelError: ``data`` is other data.

        Cost: for each pair 16 passes, forth and back, over the relationships within ``layers`` steps of it.

        Paper: Sundararajan et al., Axiomatic Attribution for Deep Networks, ICML 2017.
        """
        rule = f"must be what {self.name!r} was fitted on, with its properties: its network passes messages over it"
        refused = ModelError(problem("data", rule, data))
        if data.fingerprint != self.fingerprint:
            raise refused
        graph, config = TypedGraph.of(data), cast("HeteroGNN", self.config)
        free = frozenset(name.removeprefix("free.") for name in self.weights if name.startswith("free."))
        generator = np.random.default_rng(0)  # of values that are replaced at once
        network = Network(graph, config.conv, config.dim, config.layers, config.heads, free, generator)
        if {name: each.shape for name, each in network.named_parameters()} != {
            name: each.shape for name, each in self.weights.items()
        }:
            raise refused
        network.load_state_dict({name: torch.from_numpy(each) for name, each in self.weights.items()})
        network.requires_grad_(False)
        sampler = Sampler(graph.edges, graph.sizes)
        for user, item in zip(user_rows, item_rows, strict=True):
            seeds = {graph.user: np.array([user]), graph.item: np.array([item])}
            near = sampler.around(seeds, [None] * config.layers, generator)
            edges = near.into(config.layers)
            base, whole, parts = _integrated(
                network, network.own(near.nodes), tensors(edges, torch.device("cpu")), graph
            )
            ends = self.user_vectors[user], self.item_vectors[item]
            told = all(end.any() for end in ends)  # else nothing is known of one of them, and the score is 0
            if abs(whole * told - np.vecdot(*ends)) > TOLERANCE:
                raise refused
            yield Trace(
                base * told,
                {
                    graph.names[kind]: (
                        near.nodes[kind[0]][rows[0]],
                        near.nodes[kind[2]][rows[1]],
                        parts[kind] * told,
                    )
                    for kind, rows in edges.items()
                },
            )

    def _to_tensors(self) -> dict[str, NDArray[Any]]:
        return super()._to_tensors() | {_PREFIX + name: each for name, each in self.weights.items()}

    @classmethod
    def _from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
        mine = {name.removeprefix(_PREFIX): each for name, each in tensors.items() if name.startswith(_PREFIX)}
        return super()._from_tensors(tensors) | {"weights": mine}


def _integrated(
    network: Network, own: dict[str, Tensor], edges: dict[EdgeType, Tensor], graph: TypedGraph
) -> tuple[float, float, dict[EdgeType, NDArray[np.float64]]]:
    """Return the score of the first user and item without messages and with all, and each relationship's part."""

    def score(masks: dict[EdgeType, Tensor]) -> Tensor:
        network.mask(masks, edges)
        vectors = network.through(own, edges)
        return cosine_similarity(vectors[graph.user][:1], vectors[graph.item][:1])

    def masks(value: float) -> dict[EdgeType, Tensor]:
        return {kind: torch.full((rows.shape[1],), value, requires_grad=True) for kind, rows in edges.items()}

    parts = {kind: np.zeros(rows.shape[1]) for kind, rows in edges.items()}
    for place, weight in zip(*np.polynomial.legendre.leggauss(POINTS), strict=True):
        turned = masks((1 + place) / 2)
        slopes = torch.autograd.grad(score(turned), list(turned.values()), allow_unused=True)
        for kind, slope in zip(turned, slopes, strict=True):
            if slope is not None:
                parts[kind] += weight / 2 * slope.numpy()
    with torch.no_grad():
        return float(score(masks(0.0))), float(score(masks(1.0))), parts
