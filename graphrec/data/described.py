"""What is known of some nodes: their properties, and what they are tied to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from graphrec.data.pairs import target_tables
from graphrec.data.tables import ones

if TYPE_CHECKING:
    from collections.abc import Mapping

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import NodeTable
    from graphrec.schema import Attribute

Side = Literal["item", "user"]


class Links(NamedTuple):
    """Relationships from nodes to what they are tied to.

    Attributes:
        rows: of the nodes, int64 [e].
        keys: of what they are tied to, [e].
        weight: float64 [e], or None where each counts 1.
    """

    rows: NDArray[np.int64]
    keys: pa.Array
    weight: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Described:
    """What is known of n nodes.

    Attributes:
        n: how many they are.
        properties: columns [n] by property; one that is missing is null for all.
        attributes: by relationship type.
    """

    n: int
    properties: Mapping[str, pa.Array | pa.ChunkedArray]
    attributes: Mapping[str, Links]

    def take(self, rows: NDArray[np.int64]) -> Described:
        """Return what is known of some of them, each once."""
        place = np.full(self.n, -1, np.int64)
        place[rows] = np.arange(len(rows))
        links = {}
        for name, (of, keys, weight) in self.attributes.items():
            kept = place[of] >= 0
            links[name] = Links(
                place[of[kept]], keys.filter(pa.array(kept)), None if weight is None else weight[kept]
            )
        properties = {name: column.take(pa.array(rows)) for name, column in self.properties.items()}
        return Described(len(rows), properties, links)


def nodes_of(data: Dataset, side: Side) -> NodeTable:
    """Return the items or the users."""
    return data.items if side == "item" else data.users


def having(data: Dataset, attribute: Attribute) -> sp.csr_array:
    """Return which node has which value of an attribute, 0/1, float32 [n, m]."""
    edge, shape = data.edges[attribute.type], (len(nodes_of(data, attribute.of)), len(data.nodes[attribute.to.label]))
    return ones(edge.source_rows, edge.target_rows, shape)


def interactions_of(data: Dataset, side: Side) -> NDArray[np.int64]:
    """Return how many target interactions each item or user has, parallel ones counted each, int64 [n]."""
    edges = target_tables(data)
    rows = np.concatenate([edge.target_rows if side == "item" else edge.source_rows for edge in edges])
    return np.bincount(rows, minlength=len(nodes_of(data, side)))


def described(data: Dataset, side: Side) -> Described:
    """Return what a dataset says of its items or users."""
    table = nodes_of(data, side)
    links = {}
    for attribute in data.schema.attributes:
        if attribute.of == side:
            edge = data.edges[attribute.type]
            keys = data.nodes[attribute.to.label].take(edge.target_rows)
            links[attribute.type] = Links(edge.source_rows, keys, edge.weight)
    properties = table.properties
    return Described(len(table), {name: properties[name] for name in properties.column_names}, links)
