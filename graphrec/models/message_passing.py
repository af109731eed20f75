"""Graph networks over several types of nodes, made of PyTorch Geometric's own convolutions."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import scipy.sparse as sp
import torch

from graphrec.data.described import described
from graphrec.data.features import blocks_of
from graphrec.models.propagation import bags, on_device

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray
    from torch import Tensor

    from graphrec.data.dataset import Dataset
    from graphrec.data.described import Side
    from graphrec.train.subgraph import EdgeType, Subgraph

Conv = Literal["sage", "gat", "hgt"]
GATES = {"sage": 0.5, "gat": 0.1, "hgt": 0.1}  # before training; messages that begin at random whisper at first


@dataclass(frozen=True, eq=False)
class TypedGraph:
    """All relationships in both directions, under short names that any label and type can have.

    Attributes:
        user: the users' node type.
        item: the items' node type.
        sizes: how many nodes each type has.
        edges: by edge type rows of source and target, int64 [2, e].
        names: by edge type what the schema calls it: source label, type, target label.
        features: by node type what its properties say, float32 [n, m]; types without any are missing.
    """

    user: str
    item: str
    sizes: Mapping[str, int]
    edges: Mapping[EdgeType, NDArray[np.int64]]
    names: Mapping[EdgeType, EdgeType]
    features: Mapping[str, sp.csr_array]

    @classmethod
    def of(cls, data: Dataset) -> TypedGraph:
        """Return the graph of a dataset.

        Raises:
            DataError: a property does not hold what its kind says.
            SchemaError: a type is named as the reverse of another one.
        """
        hetero = data.hetero()
        short = {label: f"n{i}" for i, label in enumerate(hetero.node_types)}
        names = {(short[kind[0]], f"r{i}", short[kind[2]]): kind for i, kind in enumerate(hetero.edge_types)}
        edges = {kind: hetero[name].edge_index.numpy() for kind, name in names.items()}
        user, item = short[data.schema.user.label], short[data.schema.item.label]
        found = {user: properties_of(data, "user"), item: properties_of(data, "item")}
        features = {name: matrix for name, matrix in found.items() if matrix.shape[1]}
        sizes = {short[label]: len(nodes) for label, nodes in data.nodes.items()}
        return cls(user, item, sizes, edges, names, features)

    def described(self, name: str) -> NDArray[np.bool_]:
        """Return which nodes of a type have a relationship, or properties that are looked at, [n]."""
        found = np.full(self.sizes[name], name in self.features)
        for kind, rows in self.edges.items():
            if kind[0] == name:  # both directions are there
                found[rows[0]] = True
        return found


def properties_of(data: Dataset, side: Side) -> sp.csr_array:
    """Return the columns of the features that the schema names, float32 [n, m].

    Beside the columns of each property stands one that is 1 where nothing is known of it.
    """
    nodes, parts = described(data, side), []
    for block in blocks_of(data, side):
        if block.kind != "attribute":  # those are nodes
            found = block.weighed(nodes).unit
            missing = np.diff(found.indptr) == 0
            parts += [found, sp.csr_array(missing.astype(np.float32)[:, None])]
    return sp.csr_array(sp.hstack([sp.csr_array((nodes.n, 0), dtype=np.float32), *parts], format="csr"))


class Network(torch.nn.Module):
    """What nodes bring themselves, and layers of messages that add to it.

    ``h ← h + g · conv(h)`` with a gate g a layer; what a node brings is a free vector, or the sum of its columns'
    vectors, or both.

    Args:
        graph: sizes, edge types and features; messages themselves come with each call.
        conv: which convolution.
        dim: length of all vectors.
        layers: how many.
        heads: of attention.
        free: node types that have a free vector for each node.
        generator: of the first values.
    """

    def __init__(
        self,
        graph: TypedGraph,
        conv: Conv,
        dim: int,
        layers: int,
        heads: int,
        free: frozenset[str],
        generator: np.random.Generator,
    ) -> None:
        super().__init__()
        self._features = dict(graph.features)

        def first(n: int, scale: float) -> torch.nn.Parameter:
            values = generator.standard_normal((n, dim), np.float32) * np.float32(scale)
            return torch.nn.Parameter(torch.from_numpy(values))

        self.free = torch.nn.ParameterDict({name: first(graph.sizes[name], dim**-0.5) for name in sorted(free)})
        self.columns = torch.nn.ParameterDict(
            {name: first(matrix.shape[1], dim**-0.5) for name, matrix in graph.features.items()}
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(generator.integers(2**63)))
            self.convs = torch.nn.ModuleList(
                [convolution(conv, list(graph.sizes), list(graph.edges), dim, heads) for _ in range(layers)]
            )
        for name, parameter in self.convs.named_parameters():
            if name.endswith("bias"):
                torch.nn.init.zeros_(parameter)  # else nodes that bring nothing themselves are all alike at first
        self.gates = torch.nn.Parameter(torch.full((layers,), GATES[conv]))
        self._dim = dim

    def own(self, rows: Mapping[str, NDArray[np.int64]]) -> dict[str, Tensor]:
        """Return what these nodes bring themselves, by node type float32 [n, d]."""
        device, found = self.gates.device, {}
        for name, mine in rows.items():
            vectors = torch.zeros(len(mine), self._dim, device=device)
            if name in self.free:
                vectors = vectors + self.free[name].index_select(0, torch.from_numpy(mine).to(device))
            if name in self.columns:
                vectors = vectors + bags(self.columns[name], *on_device(self._features[name][mine], device))
            found[name] = vectors
        return found

    def layer(
        self, number: int, vectors: Mapping[str, Tensor], edges: Mapping[EdgeType, Tensor]
    ) -> dict[str, Tensor]:
        """Return the vectors after one more layer."""
        heard = self.convs[number](dict(vectors), dict(edges))
        gate = self.gates[number]
        return {name: each + gate * heard[name] if name in heard else each for name, each in vectors.items()}

    def through(self, vectors: dict[str, Tensor], edges: Mapping[EdgeType, Tensor]) -> dict[str, Tensor]:
        """Return the vectors after all layers, with the same relationships in each."""
        for number in range(len(self.convs)):
            vectors = self.layer(number, vectors, edges)
        return vectors

    def mask(self, masks: Mapping[EdgeType, Tensor], edges: Mapping[EdgeType, Tensor]) -> None:
        """Multiply each message with the mask of its relationship, in all layers, from now on.

        Args:
            masks: by edge type [e]. Of PyTorch Geometric's own explainers those of graphs of several types put a
                sigmoid between, so that 0 is no silence.
            edges: the relationships that come with each call, by edge type int64 [2, e].
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # as in `graphrec.data.hetero`
            from torch_geometric.explain.algorithm.utils import set_hetero_masks, set_masks
            from torch_geometric.nn import HGTConv

        for layer in self.convs:
            if isinstance(layer, HGTConv):  # passes the messages of all types at once
                together = [torch.cat([each[kind] for kind in layer.edge_types], -1) for each in (masks, edges)]
                set_masks(layer, *together, apply_sigmoid=False)
            else:
                set_hetero_masks(layer, dict(masks), dict(edges), apply_sigmoid=False)

    def around(self, part: Subgraph) -> dict[str, Tensor]:
        """Return the vectors of the seeds of a subgraph, of as many steps as there are layers."""
        vectors = self.own(part.nodes)
        for number, steps in enumerate(range(len(self.convs), 0, -1)):
            near = {name: each[: part.sizes[steps][name]] for name, each in vectors.items()}
            vectors = self.layer(number, near, tensors(part.into(steps), self.gates.device))
        return {name: each[: part.sizes[0][name]] for name, each in vectors.items()}


def tensors(edges: Mapping[EdgeType, NDArray[np.int64]], device: torch.device) -> dict[EdgeType, Tensor]:
    """Return relationships on a device."""
    return {kind: torch.from_numpy(rows).to(device) for kind, rows in edges.items()}


def convolution(conv: Conv, types: list[str], edges: list[EdgeType], dim: int, heads: int) -> Any:
    """Return one layer for all edge types: `HeteroConv` of `SAGEConv` (mean) or `GATv2Conv`, or `HGTConv`.

    Of `SAGEConv` the matrices are the identity to begin with, so that the first messages are plain means.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)  # as in `graphrec.data.hetero`
        from torch_geometric.nn import GATv2Conv, HeteroConv, HGTConv, SAGEConv

    if conv == "hgt":
        return HGTConv(dim, dim, (types, edges), heads=heads)
    if conv == "gat":
        each = {kind: GATv2Conv((dim, dim), dim // heads, heads=heads, add_self_loops=False) for kind in edges}
    else:
        each = {kind: SAGEConv((dim, dim), dim) for kind in edges}
        for layer in each.values():
            torch.nn.init.eye_(layer.lin_l.weight)
            torch.nn.init.zeros_(layer.lin_r.weight)
    return HeteroConv(each, aggr="mean")
