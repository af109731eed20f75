"""The columns of one attribute or property, and of all that can be counted, side by side."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from graphrec.data.feature_columns import hats, lengths_one, listed, numbers, tf_idf, vectors, words
from graphrec.data.sentences import embed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.described import Described

Kind = Literal["attribute", "category", "number", "words", "sentence", "vector", "document"]
SIGN = {
    "attribute": "=",
    "category": "=",
    "number": "~",
    "words": ":",
    "sentence": "@",
    "vector": "@",
    "document": "+",
}
COUNTED = ("attribute", "words")
IN_DOCUMENT = ("attribute", "category", "words", "number")
AMOUNT = "#"


class Weighed(NamedTuple):
    """What nodes have of a block's columns, with the weight of each.

    Attributes:
        rows: float64 [n, m], without the amount.
        others: the sum of the squares of what they have in no column, float64 [n].
        amounts: ``ln(1 + how many values they have)``, float64 [n], 0 where nothing is known; None where the block
            has no such column.
    """

    rows: sp.csr_array
    others: NDArray[np.float64]
    amounts: NDArray[np.float64] | None = None

    @property
    def unit(self) -> sp.csr_array:
        """The rows at length 1, what they have in no column included, float32 [n, m]."""
        return lengths_one(self.rows, self.others)

    @property
    def encoded(self) -> sp.csr_array:
        """The same with the amounts behind, float32."""
        if self.amounts is None:
            return self.unit
        amounts = sp.csr_array(self.amounts.astype(np.float32)[:, None])
        return sp.csr_array(sp.hstack([self.unit, amounts], format="csr"))


@dataclass(frozen=True, eq=False)
class Block:
    """The columns of one attribute or property, or of a document: attributes, categories, words and numbers in one.

    A row of a block has length 1, so each block says as much of each node. In a document a node's values share one
    length: what one has many of, or rare ones, counts less for each.

    Attributes:
        name: the relationship type or the property; ``"document"``.
        kind: what its values are.
        values: what each column stands for, text [m]: a key, a category, a word, the place of a number; of a
            document block, kind and value of a column, as JSON. Attributes and words have one column more, `AMOUNT`,
            for how many of them a node has.
        numbers: float64 [m]: how rare a key, category or word is (its inverse document frequency), of the amount how
            rare one is that a single node has; of a number, where each column peaks; of a document, what the weights
            of the other blocks are multiplied with.
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

    def weighed(self, nodes: Described) -> Weighed:
        """Return what these nodes have of the columns of an attribute or a property.

        Raises:
            DataError: the values are not what the kind says.
        """
        counted, column = self.kind in COUNTED, nodes.properties.get(self.name)
        n, known, idf = nodes.n, self.values[: len(self) - counted], self.numbers[: len(self) - counted]
        if self.kind == "attribute" and (links := nodes.attributes.get(self.name)) is not None:
            found, others = tf_idf(*links, n, known, idf)
            return Weighed(found, others, _amounts(found, links.rows))
        if self.kind == "attribute" or column is None:
            nothing = np.zeros(n)
            return Weighed(sp.csr_array((n, len(known))), nothing, nothing if counted else None)
        if self.kind == "words":
            rows, said = words(column, self.name)
            found, others = tf_idf(rows, said, None, n, known, idf, new=float(self.numbers[-1]))
            return Weighed(found, others, _amounts(found, rows))
        if self.kind == "category":
            return Weighed(*tf_idf(*listed(column, self.name), None, n, known, idf))
        if self.kind == "number":
            rows_of = hats(numbers(column, self.name), self.numbers)
        elif self.kind == "vector":
            rows_of = sp.csr_array(vectors(column, self.name, len(self)))
        else:
            rows_of = sp.csr_array(embed(column, self.name))
        return Weighed(rows_of, np.zeros(n))

    def united(self, parts: Sequence[Weighed]) -> sp.csr_array:
        """Return the rows of a document, float32 [n, m], from what the blocks in it have of their columns."""
        both = sp.csr_array(sp.hstack([part.rows for part in parts], format="csr"))
        both.data = both.data * self.numbers[both.indices]
        return lengths_one(both, np.sum([part.others for part in parts], axis=0))


def document(blocks: Sequence[Block], n: int) -> Block | None:
    """Return the document over those blocks that it unites; None where they are fewer than two.

    Args:
        blocks: of attributes and properties.
        n: how many nodes they were learned from. A number counts as rare as each of its columns is among these.
    """
    united = [block for block in blocks if block.kind in IN_DOCUMENT]
    if len(united) < 2:
        return None
    names, factors = [], []
    for block in united:
        size = len(block) - (block.kind in COUNTED)
        parts = ([block.name, block.kind, value] for value in block.values[:size].to_pylist())
        names += [json.dumps(part, ensure_ascii=False) for part in parts]  # keeps names with any signs apart
        factors.append(np.full(size, np.log((1 + n) / (1 + n / size)) + 1 if block.kind == "number" else 1.0))
    return Block("document", "document", pa.array(names, pa.string()), np.concatenate(factors))


def _amounts(found: sp.csr_array, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    n = found.shape[0]
    return np.where(np.diff(found.indptr) > 0, np.log1p(np.bincount(rows, minlength=n)), 0.0)
