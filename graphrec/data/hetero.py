"""A dataset as PyTorch Geometric `HeteroData` and as a NetworkX graph. The only place where either is made."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.data.tables import UNDATED, EdgeTable
from graphrec.errors import SchemaError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import networkx as nx
    from numpy.typing import NDArray
    from torch_geometric.data import HeteroData

    from graphrec.data.dataset import Dataset


class Keys:
    """The keys of a node type: index it by a row, an array or tensor of rows, or a slice."""

    def __init__(self, values: NDArray[Any]) -> None:
        self._values = values

    def __len__(self) -> int:
        return len(self._values)

    def __getitem__(self, rows: Any) -> Any:
        return self._values[rows if isinstance(rows, slice) else np.asarray(rows)]

    def __iter__(self) -> Iterator[Any]:
        return iter(self._values.tolist())

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return np.array(self._values, dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        return f"[{len(self)}]"


def to_hetero(data: Dataset) -> HeteroData:
    """Return `HeteroData` with every relationship in both directions. It owns its memory.

    * Node types are the labels, with ``num_nodes``, ``key`` and ``n_id`` (int64 [n], the rows from 0 on):
      ``hetero["User"].key[rows]`` gives the keys of rows. It is a `Keys`, not a tensor, so that moving, sampling and
      merging types leave it alone. A subgraph or a sampled batch keeps the keys of all nodes and the ``n_id`` of its
      own: its keys are ``batch["User"].key[batch["User"].n_id]``.
    * Properties are no attributes of it; ``data.frame("User")`` has them, its row i being node i.
    * Edge types are ``(User, RATED, Movie)`` and ``(Movie, rev_RATED, User)``, with ``edge_index`` int64 [2, n] and,
      where the schema names them, ``edge_weight`` float32 [n] and ``time`` int64 [n] (epoch seconds; `UNDATED` where
      there is none).
    * Directed ties are the same, ``(User, FOLLOWS, User)`` and ``(User, rev_FOLLOWS, User)``. Undirected ties are one
      type with each tie in both directions once, and a tie to oneself once; where a tie is stored several times, in
      either direction, the largest weight and the latest time hold.

    Raises:
        SchemaError: the schema has a type under the name ``rev_X`` that the reverse of another type takes.
    """
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", FutureWarning
        )  # importing PyG compiles with torch.jit, which torch deprecates
        from torch_geometric.data import HeteroData

    undirected = {tie.type for tie in data.schema.social if not tie.directed}
    reverse = {name: f"rev_{name}" for name in data.edges if name not in undirected}
    if taken := sorted(set(reverse.values()).intersection(data.edges)):
        raise SchemaError(
            f"A relationship type must not have the name of another one's reverse in `HeteroData`. Got {taken}. "
            "Leave it out of the schema, or rename it in the graph."
        )

    def tensor(values: NDArray[Any], dtype: type) -> torch.Tensor:
        return torch.from_numpy(np.array(values, dtype=dtype))  # a copy: the dataset's own arrays never change

    hetero = HeteroData()
    for label, nodes in data.nodes.items():
        hetero[label].num_nodes = len(nodes)
        hetero[label].key = Keys(nodes.keys.to_numpy(zero_copy_only=False))
        hetero[label].n_id = torch.arange(len(nodes))  # cutting and sampling select from it, as they do not from keys
    for name, edge in data.edges.items():
        ways = [_both_ways(edge) if name in undirected else edge]
        if name in reverse:
            ways.append(_reversed(edge, reverse[name]))
        for rows in ways:
            store = hetero[rows.source, rows.type, rows.target]
            store.edge_index = tensor(np.stack([rows.source_rows, rows.target_rows]), np.int64)
            if rows.weight is not None:
                store.edge_weight = tensor(rows.weight, np.float32)
            if rows.time is not None:
                store.time = tensor(rows.time, np.int64)
    return hetero


def to_networkx(data: Dataset) -> nx.MultiDiGraph[tuple[str, str | int]]:
    """Return a NetworkX graph whose nodes are ``(label, key)``.

    Nodes carry their properties. Relationships carry ``type`` and, where they have them, ``weight`` and ``time``;
    each is there once, in its stored direction. About a kilobyte a relationship: for small graphs.
    """
    import networkx as nx

    graph: nx.MultiDiGraph[tuple[str, str | int]] = nx.MultiDiGraph()
    names = {label: [(label, key) for key in nodes.keys.to_pylist()] for label, nodes in data.nodes.items()}
    for label, nodes in data.nodes.items():
        properties = nodes.properties.to_pylist() if nodes.properties.num_columns else [{} for _ in names[label]]
        graph.add_nodes_from(zip(names[label], properties, strict=True))
    for edge in data.edges.values():
        source, target = names[edge.source], names[edge.target]
        for row, (start, end) in enumerate(zip(edge.source_rows.tolist(), edge.target_rows.tolist(), strict=True)):
            values: dict[str, Any] = {"type": edge.type}
            if edge.weight is not None:
                values["weight"] = float(edge.weight[row])
            if edge.time is not None and edge.time[row] != UNDATED:
                values["time"] = int(edge.time[row])
            graph.add_edge(source[start], target[end], **values)
    return graph


def _reversed(edge: EdgeTable, type: str) -> EdgeTable:
    return EdgeTable(type, edge.target, edge.source, edge.target_rows, edge.source_rows, edge.weight, edge.time)


def _both_ways(edge: EdgeTable) -> EdgeTable:
    """Return undirected ties in both directions, once each."""
    low, high = np.minimum(edge.source_rows, edge.target_rows), np.maximum(edge.source_rows, edge.target_rows)
    order = np.lexsort((high, low))
    low, high = low[order], high[order]
    first = np.ones(len(order), bool)
    first[1:] = (low[1:] != low[:-1]) | (high[1:] != high[:-1])
    starts = np.flatnonzero(first)
    low, high = low[first], high[first]
    other = low != high

    def largest(values: NDArray[Any] | None) -> NDArray[Any] | None:
        if values is None or not len(values):
            return values
        once = np.maximum.reduceat(values[order], starts)
        return np.concatenate([once, once[other]])

    rows = np.concatenate([low, high[other]]), np.concatenate([high, low[other]])
    return EdgeTable(edge.type, edge.source, edge.target, *rows, largest(edge.weight), largest(edge.time))
