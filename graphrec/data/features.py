"""What describes nodes, as sparse numbers: attributes and properties, a column each value.

An `Encoder` is learned from a dataset once and says what each column means. It turns the nodes of that dataset, nodes
that came later, and what somebody says of themselves, into rows of the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from graphrec.data.feature_columns import counted, hats, lengths_one, listed, numbers, tally, vectors, words
from graphrec.data.sentences import WIDTH, embed
from graphrec.errors import DataError, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

Side = Literal["item", "user"]
Kind = Literal["attribute", "category", "number", "words", "sentence", "vector"]
SIGN = {"attribute": "=", "category": "=", "number": "~", "words": ":", "sentence": "@", "vector": "@"}
WORDS = 20_000  # columns of one text
KNOTS = 10  # of one number


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


def described(data: Dataset, side: Side) -> Described:
    """Return what a dataset says of its items or users."""
    table = data.items if side == "item" else data.users
    links = {}
    for attribute in data.schema.attributes:
        if attribute.of == side:
            edge = data.edges[attribute.type]
            keys = data.nodes[attribute.to.label].take(edge.target_rows)
            links[attribute.type] = Links(edge.source_rows, keys, edge.weight)
    properties = table.properties
    return Described(len(table), {name: properties[name] for name in properties.column_names}, links)


@dataclass(frozen=True, eq=False)
class Block:
    """The columns of one attribute or property.

    Attributes:
        name: the relationship type or the property.
        kind: what its values are.
        values: what each column stands for, text [m]: a key, a category, a word, the place of a number.
        numbers: float64 [m]: how rare a key, category or word is (its inverse document frequency); of a number, where
            each column peaks.
    """

    name: str
    kind: Kind
    values: pa.Array
    numbers: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.values)

    @property
    def names(self) -> list[str]:
        """A name for each column, such as ``HAS_GENRE=Comedy``, ``year~2`` or ``title:matrix``."""
        return [f"{self.name}{SIGN[self.kind]}{value}" for value in self.values.to_pylist()]

    def encode(self, nodes: Described) -> sp.csr_array:
        """Return the columns of these nodes, float32 [n, m]; each row of length 1, or zero where nothing is known.

        Raises:
            DataError: the values are not what the kind says.
        """
        nothing = np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(nodes.n + 1, np.int64)
        empty = sp.csr_array(nothing, shape=(nodes.n, len(self)))
        if self.kind == "attribute":
            links = nodes.attributes.get(self.name)
            return empty if links is None else self._rare(links.rows, links.keys, links.weight, nodes.n)
        column = nodes.properties.get(self.name)
        if column is None:
            return empty
        if self.kind == "number":
            return lengths_one(hats(numbers(column, self.name), self.numbers))
        if self.kind == "vector":
            return lengths_one(sp.csr_array(vectors(column, self.name, len(self))))
        if self.kind == "sentence":
            return lengths_one(sp.csr_array(embed(column, self.name)))
        found = words(column, self.name) if self.kind == "words" else listed(column, self.name)
        return self._rare(*found, None, nodes.n)

    def _rare(
        self, rows: NDArray[np.int64], keys: pa.Array, weight: NDArray[np.float64] | None, n: int
    ) -> sp.csr_array:
        found = tally(rows, keys, weight, n, self.values)
        if self.kind == "words":
            found.data = 1 + np.log(found.data)
        found.data *= self.numbers[found.indices]
        return lengths_one(found)


@dataclass(frozen=True, eq=False)
class Encoder:
    """Blocks side by side.

    Attributes:
        side: whose they are.
        blocks: in the order of the columns.
    """

    side: Side
    blocks: tuple[Block, ...]

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    @property
    def names(self) -> list[str]:
        """A name for each column; see `Block.names`."""
        return [name for block in self.blocks for name in block.names]

    def encode(self, nodes: Described, weights: Sequence[float] | None = None) -> sp.csr_array:
        """Return what describes these nodes, float32 [n, m].

        Args:
            nodes: any, also such as came later. A value that the encoder never met counts for nothing.
            weights: a factor for each block; None is 1 for all.

        Raises:
            DataError: values are not what the schema says.
        """
        factors = weights if weights is not None else [1.0] * len(self.blocks)
        parts = [block.encode(nodes) * np.float32(w) for block, w in zip(self.blocks, factors, strict=True)]
        return sp.csr_array(sp.hstack([sp.csr_array((nodes.n, 0), dtype=np.float32), *parts], format="csr"))


def fit_encoder(data: Dataset, side: Side = "item") -> Encoder:
    """Return the columns of all that the schema says of items, or of users.

    An attribute or a category gives a column for each of its values; words one for each word that at least two nodes
    have, the 20,000 most frequent ones at most; a number up to ten, between any two of which lie as many nodes; a
    sentence and a vector one for each of their numbers.

    Raises:
        DataError: a property does not hold what its kind says, or nothing describes these nodes.
    """
    nodes, node = described(data, side), data.schema.item if side == "item" else data.schema.user
    blocks = [
        _counted(name, "attribute", links.rows, links.keys, nodes.n) for name, links in nodes.attributes.items()
    ]
    for feature in node.features:
        if (column := nodes.properties.get(feature.property)) is not None:
            blocks.append(_block(feature.property, feature.kind, column))
    found = tuple(block for block in blocks if len(block))
    if not found:
        named = [*nodes.attributes, *(feature.property for feature in node.features)]
        what = f"{shown(named)} hold no values" if named else "no feature is named"
        raise DataError(
            f"Nothing describes {node.label!r}: {what}. "
            f"Name attributes of {side}s, or `features` of {node.label!r}, in the schema, and load their values."
        )
    return Encoder(side, found)


def _block(name: str, kind: Kind, column: pa.ChunkedArray) -> Block:
    if kind == "category":
        return _counted(name, kind, *listed(column, name), len(column))
    if kind == "words":
        return _counted(name, kind, *words(column, name), len(column), least=2, most=WORDS)
    if kind == "number":
        known = numbers(column, name)
        known = known[~np.isnan(known)]
        peaks = np.unique(np.quantile(known, np.linspace(0, 1, KNOTS))) if len(known) else known
        return Block(name, kind, _places(len(peaks)), peaks)
    width = WIDTH if kind == "sentence" else vectors(column, name).shape[1]
    return Block(name, kind, _places(width), np.ones(width))


def _counted(
    name: str, kind: Kind, rows: NDArray[np.int64], keys: pa.Array, n: int, *, least: int = 1, most: int | None = None
) -> Block:
    """Return a column for each key, those that most nodes have first, with the inverse document frequency."""
    values, having = counted(rows, keys)
    kept = np.flatnonzero(having >= least)[:most]
    return Block(name, kind, values.take(pa.array(kept)), np.log((1 + n) / (1 + having[kept])) + 1)


def _places(n: int) -> pa.Array:
    return pa.array([str(i) for i in range(n)], pa.string())
