"""What describes nodes, as sparse numbers: attributes and properties, a column each value.

An `Encoder` is learned from a dataset once and says what each column means. It turns the nodes of that dataset, nodes
that came later, and what somebody says of themselves, into rows of the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.feature_columns import counted, hats, lengths_one, listed, numbers, text, tf_idf, vectors, words
from graphrec.data.sentences import WIDTH, embed
from graphrec.errors import ArgumentError, DataError, near, problem, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

Side = Literal["item", "user"]
Kind = Literal["attribute", "category", "number", "words", "sentence", "vector"]
SIGN = {"attribute": "=", "category": "=", "number": "~", "words": ":", "sentence": "@", "vector": "@"}
COUNTED = ("attribute", "words")
AMOUNT = "#"
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
            Attributes and words have one column more, `AMOUNT`, for how many of them a node has.
        numbers: float64 [m]: how rare a key, category or word is (its inverse document frequency), of the amount how
            rare one is that a single node has; of a number, where each column peaks.
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
        """Return the columns of these nodes, float32 [n, m]; zero rows where nothing is known.

        Rows have length 1, words without a column included, beside the amount: ``ln(1 + n)`` of n values.

        Raises:
            DataError: the values are not what the kind says.
        """
        nothing = np.zeros(0, np.float32), np.zeros(0, np.int64), np.zeros(nodes.n + 1, np.int64)
        empty = sp.csr_array(nothing, shape=(nodes.n, len(self)))
        if self.kind == "attribute":
            links = nodes.attributes.get(self.name)
            return empty if links is None else tf_idf(*links, nodes.n, self.values, self.numbers, amount=True)
        column = nodes.properties.get(self.name)
        if column is None:
            return empty
        if self.kind == "number":
            return lengths_one(hats(numbers(column, self.name), self.numbers))
        if self.kind == "vector":
            return lengths_one(sp.csr_array(vectors(column, self.name, len(self))))
        if self.kind == "sentence":
            return lengths_one(sp.csr_array(embed(column, self.name)))
        if self.kind == "words":
            said = words(column, self.name)
            return tf_idf(*said, None, nodes.n, self.values, self.numbers, amount=True, texts=True)
        return tf_idf(*listed(column, self.name), None, nodes.n, self.values, self.numbers)


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

    @property
    def labels(self) -> list[str]:
        """A name for each block: its own, and where two have one name, ``title as words``."""
        names = [block.name for block in self.blocks]
        return [b.name if names.count(b.name) == 1 else f"{b.name} as {b.kind}" for b in self.blocks]

    def weights(self, given: Mapping[str, float] | None) -> list[float]:
        """Return a weight for each block: what is given by its label, else 1.

        Raises:
            ArgumentError: there is no block of that label, or nothing is left.
        """
        found = {**dict.fromkeys(self.labels, 1.0), **(given or {})}
        if unknown := [name for name in found if name not in self.labels]:
            rule = f"must name what describes {self.side}s"
            raise ArgumentError(problem("blocks", rule, unknown[0], near(unknown[0], self.labels)))
        if not any(found.values()):
            raise ArgumentError(problem("blocks", "must leave a block with a weight above 0", dict(found)))
        return [found[label] for label in self.labels]

    def columns(self, weights: Sequence[float], *, amounts: bool = True) -> NDArray[np.float64]:
        """Return the weight of each block for each of its columns, float64 [m]; 0 for unwanted amounts."""
        found = np.repeat(np.asarray(weights, np.float64), [len(block) for block in self.blocks])
        ends = np.cumsum([len(block) for block in self.blocks]) - 1
        found[ends[[not amounts and block.kind in COUNTED for block in self.blocks]]] = 0
        return found

    def encode(self, nodes: Described) -> sp.csr_array:
        """Return what describes these nodes, float32 [n, m].

        Args:
            nodes: any, also such as came later. A value that the encoder never met counts for nothing.

        Raises:
            DataError: values are not what the schema says.
        """
        parts = [block.encode(nodes) for block in self.blocks]
        return sp.csr_array(sp.hstack([sp.csr_array((nodes.n, 0), dtype=np.float32), *parts], format="csr"))


def fit_encoder(data: Dataset, side: Side = "item") -> Encoder:
    """Return the columns of all that the schema says of items, or of users.

    An attribute or a category gives a column for each of its values; words one for each word that at least two nodes
    have, the 20,000 most frequent ones at most; a number up to ten, between any two of which lie as many nodes; a
    sentence and a vector one for each of their numbers.

    Raises:
        DataError: a property does not hold what its kind says, or nothing describes these nodes.
    """
    found = blocks_of(data, side)
    if not found:
        raise DataError(undescribed(data, side))
    return Encoder(side, found)


def blocks_of(data: Dataset, side: Side) -> tuple[Block, ...]:
    """Return the blocks of `fit_encoder`, none where nothing describes these nodes.

    Raises:
        DataError: a property does not hold what its kind says.
    """
    nodes, node = described(data, side), data.schema.item if side == "item" else data.schema.user
    blocks = [
        _counted(name, "attribute", links.rows, links.keys, nodes.n) for name, links in nodes.attributes.items()
    ]
    for feature in node.features:
        if (column := nodes.properties.get(feature.property)) is not None:
            blocks.append(_block(feature.property, feature.kind, column))
    return tuple(block for block in blocks if len(block))


def undescribed(data: Dataset, side: Side) -> str:
    """Return what to say where nothing describes these nodes."""
    node = data.schema.item if side == "item" else data.schema.user
    attributes = [attribute.type for attribute in data.schema.attributes if attribute.of == side]
    named = [*attributes, *(feature.property for feature in node.features)]
    what = f"{shown(named)} hold no values" if named else "no feature is named"
    return (
        f"Nothing describes {node.label!r}: {what}. "
        f"Name attributes of {side}s, or `features` of {node.label!r}, in the schema, and load their values."
    )


def _block(name: str, kind: Kind, column: pa.ChunkedArray) -> Block:
    if kind == "category":
        return _counted(name, kind, *listed(column, name), len(column))
    if kind == "words":
        return _counted(name, kind, *words(column, name), len(column), least=2, most=WORDS)
    if kind == "number":
        known = numbers(column, name)
        known = known[~np.isnan(known)]
        shares = np.linspace(0, 1, KNOTS)
        peaks = np.unique(np.quantile(known, shares, method="inverted_cdf")) if len(known) else known
        return Block(name, kind, _places(len(peaks)), peaks)
    if kind == "sentence":
        width = WIDTH if pc.any(pc.not_equal(text(column, name), "")).as_py() else 0
    else:
        width = vectors(column, name).shape[1]
    return Block(name, kind, _places(width), np.ones(width))


def _counted(
    name: str, kind: Kind, rows: NDArray[np.int64], keys: pa.Array, n: int, *, least: int = 1, most: int | None = None
) -> Block:
    """Return a column for each key, those that most nodes have first, with the inverse document frequency."""
    values, having = counted(rows, keys)
    kept = np.flatnonzero(having >= least)[:most]
    values, having = values.take(pa.array(kept, pa.int64())), having[kept]
    if kind in COUNTED and len(values):
        values, having = pa.concat_arrays([values, pa.array([AMOUNT], pa.string())]), np.append(having, 1)
    return Block(name, kind, values, np.log((1 + n) / (1 + having)) + 1)


def _places(n: int) -> pa.Array:
    return pa.array([str(i) for i in range(n)], pa.string())
