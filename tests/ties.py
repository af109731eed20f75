"""Datasets with planted ties, and the same ties as a NetworkX graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pyarrow as pa

from graphrec.data.dataset import Dataset
from graphrec.schema import GraphSchema, Interaction, Node, Social

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Pairs = Sequence[tuple[int, int]]


def tied(
    n: int, *ties: Iterable[tuple[int, int]], directed: Sequence[bool] = (False,), played: Pairs = (), items: int = 0
) -> Dataset:
    """Users 0 … n−1, named "User 3"; one type of ties for each of ``ties``; pairs (user, item) that were played."""
    schema = GraphSchema(
        user=Node("User", key="user_id", properties=["title", "shy"], name="title"),
        interactions=[Interaction("PLAYED")],
        social=[Social(f"TIE{i}", directed=way, target=True) for i, way in enumerate(directed)],
        suggestions={"hidden": "shy"},
    )
    users = {"key": pa.array(range(n), pa.int64()), "title": pa.array([f"User {i}" for i in range(n)], pa.string())}
    users["shy"] = pa.array([i == 1 for i in range(n)], pa.bool_())

    def table(pairs: Iterable[tuple[int, int]]) -> pa.Table:
        source, target = np.array(list(pairs), np.int64).reshape(-1, 2).T
        return pa.table({"source": source, "target": target})

    nodes = {"User": pa.table(users), "Item": pa.table({"key": pa.array(range(items), pa.int64())})}
    edges = {f"TIE{i}": table(pairs) for i, pairs in enumerate(ties)}
    return Dataset.from_tables(schema, nodes, {**edges, "PLAYED": table(played)})


def as_networkx(n: int, pairs: Iterable[tuple[int, int]], *, directed: bool = False) -> Any:
    graph: Any = nx.DiGraph() if directed else nx.Graph()
    graph.add_nodes_from(range(n))
    graph.add_edges_from((a, b) for a, b in pairs if a != b)
    return graph
