"""What describes nodes, as sparse numbers: attributes and properties, a column each value.

An `Encoder` is learned from a dataset once and says what each column means. It turns the nodes of that dataset, nodes
that came later, and what somebody says of themselves, into rows of the same columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.described import described, nodes_of
from graphrec.data.feature_blocks import AMOUNT, COUNTED, IN_DOCUMENT, Block, document
from graphrec.data.feature_columns import counted, listed, numbers, text, vectors, words
from graphrec.data.sentences import WIDTH
from graphrec.errors import ArgumentError, DataError, near, problem, shown

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.described import Described, Side
    from graphrec.data.feature_blocks import Kind, Weighed

WORDS = 20_000  # columns of one text
KNOTS = 10  # of one number


@dataclass(frozen=True, eq=False)
class Encoder:
    """Blocks side by side.

    Attributes:
        side: whose they are.
        blocks: in the order of the columns; a document, where there is one, is the last.
    """

    side: Side
    blocks: tuple[Block, ...]

    def __len__(self) -> int:
        return sum(map(len, self.blocks))

    @property
    def own(self) -> tuple[Block, ...]:
        """The blocks that are attributes or properties."""
        return tuple(block for block in self.blocks if block.kind != "document")

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
        return self.joined([block.weighed(nodes) for block in self.own], nodes.n)

    def joined(self, found: Sequence[Weighed], n: int) -> sp.csr_array:
        """Return what `encode` does, from what n nodes have of the columns of each own block."""
        parts = [each.encoded for each in found]
        if len(self.own) < len(self.blocks):
            united = [each for block, each in zip(self.own, found, strict=True) if block.kind in IN_DOCUMENT]
            parts.append(self.blocks[-1].united(united))
        return sp.csr_array(sp.hstack([sp.csr_array((n, 0), dtype=np.float32), *parts], format="csr"))


def fit_encoder(data: Dataset, side: Side = "item") -> Encoder:
    """Return the columns of all that the schema says of items, or of users.

    An attribute or a category gives a column for each of its values; words one for each word that at least two nodes
    have, the 20,000 most frequent ones at most; a number up to ten, between any two of which lie as many nodes; a
    sentence and a vector one for each of their numbers. Two or more of the first four give a document besides, in
    which each of their columns stands once more.

    Raises:
        DataError: a property does not hold what its kind says, or nothing describes these nodes.
    """
    if (found := encoder_of(data, side)) is None:
        raise DataError(undescribed(data, side))
    return found


def encoder_of(data: Dataset, side: Side) -> Encoder | None:
    """Return what `fit_encoder` does, None where nothing describes these nodes.

    Raises:
        DataError: a property does not hold what its kind says.
    """
    blocks = blocks_of(data, side)
    united = document(blocks, len(nodes_of(data, side)))
    return Encoder(side, blocks if united is None else (*blocks, united)) if blocks else None


def blocks_of(data: Dataset, side: Side) -> tuple[Block, ...]:
    """Return a block for each attribute and feature of the schema that is there.

    Raises:
        DataError: a property does not hold what its kind says.
    """
    nodes, node = described(data, side), data.schema.item if side == "item" else data.schema.user
    blocks = [
        _counted(name, "attribute", links.rows, links.keys, nodes.n) for name, links in nodes.attributes.items()
    ]
    keys = nodes_of(data, side).keys
    for feature in node.features:
        if (column := nodes.properties.get(feature.property)) is not None:
            blocks.append(_block(feature.property, feature.kind, column, keys))
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


def _block(name: str, kind: Kind, column: pa.ChunkedArray, keys: pa.Array) -> Block:
    if kind == "category":
        return _counted(name, kind, *listed(column, name), len(column))
    if kind == "words":
        return _counted(name, kind, *words(column, name), len(column), least=2, most=WORDS)
    if kind == "number":
        known = numbers(column, name, keys)
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
