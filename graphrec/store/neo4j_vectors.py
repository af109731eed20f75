"""Vectors as node properties of a Neo4j graph, and the records of published models.

Community Edition stores no native vectors, so they are lists of 32-bit numbers, set by a procedure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from neo4j.exceptions import ConstraintError

from graphrec.errors import ArgumentError, PublishError, StoreError, problem
from graphrec.store.neo4j_load import AWAIT_S, Loading
from graphrec.store.neo4j_read import keys_of
from graphrec.store.neo4j_session import cypher
from graphrec.store.queries import batches
from graphrec.store.validate import of_others

if TYPE_CHECKING:
    import neo4j
    from numpy.typing import NDArray

    from graphrec.schema import Node
    from graphrec.store.protocol import Fence, Record

ROWS = 5_000
NUMBERS = 2_000_000  # numbers in one transaction: wide vectors go in smaller batches
STRIP = 20_000


class Vectors(Loading):
    """The jobs on vectors."""

    def prepare_vectors(self, node: Node, property: str, dim: int, *, index: bool) -> None:
        """Make a place for vectors of ``dim`` numbers, with an online, unquantised cosine index where asked for.

        An index of another width would leave out all new vectors in silence, so it goes, with its vectors.

        Raises:
            StoreError: an index of that name is of something else, or the property holds no vectors.
        """
        self._unique(node.label, node.key)
        names = {"label": node.label, "property": property}
        named, own = self._indexes(node, property)
        if index and (foreign := [row for row in named if (row["type"], row["property"]) != ("VECTOR", property)]):
            of = f"a {foreign[0]['type']} index of {foreign[0]['label']!r}.{foreign[0]['property']!r}"
            raise StoreError(
                f"Vectors of {node.label!r}.{property!r} need an index of the name {property!r}, which Neo4j has for "
                f"{of}. Publish under another name, or make that index anew under another one."
            )
        there = self._rows("vectors/other_width", names, dim=dim)[0]
        if there["foreign"]:
            raise of_others(node.label, property, there["foreign"])
        if any(row["dim"] != dim for row in own) or there["others"]:
            self.drop_vectors(node, property)
        if index:
            if named and not own:  # of another label: left by an older schema
                self._schema("vectors/drop_index", {"index": property})
            self._schema("vectors/create_index", names, dim=dim)
            self._rows("vectors/await_index", name=property, seconds=AWAIT_S)

    def _indexes(self, node: Node, property: str) -> tuple[list[neo4j.Record], list[neo4j.Record]]:
        """Return the index named like the property, and those on this label's property (users' vectors have none)."""
        rows = self._rows("admin/indexes")
        named = [row for row in rows if row["name"] == property]
        own = ("VECTOR", node.label, property)
        return named, [row for row in rows if (row["type"], row["label"], row["property"]) == own]

    def write_vectors(
        self, node: Node, property: str, keys: pa.Array, vectors: NDArray[np.float32], fence: Fence
    ) -> int:
        """Write vectors in the order given, in transactions that also renew the fence's lease.

        The order decides the recall of an index of lifted vectors: the longest items must come first.
        """
        if not np.isfinite(vectors).all():
            raise ArgumentError(problem("vectors", "must be finite", float(vectors[~np.isfinite(vectors)][0])))
        write = cypher("vectors/write", {"label": node.label, "key": node.key})
        total = 0
        for part in batches(len(keys), max(1, min(ROWS, NUMBERS // max(1, vectors.shape[1])))):
            some = keys[part].to_pylist()
            values = {"property": property, "key": some, "vectors": vectors[part].tolist()}
            total += self._fenced(fence, write, values)
        return total

    def clear_vectors(self, node: Node, property: str, keys: pa.Array, fence: Fence) -> int:
        """Remove single vectors under the fence."""
        clear = cypher("vectors/clear", {"label": node.label, "key": node.key, "property": property})
        total = 0
        for part in batches(len(keys), ROWS):
            total += self._fenced(fence, clear, {"key": keys[part].to_pylist()})
        return total

    def _fenced(self, fence: Fence, text: str, values: dict[str, Any]) -> int:
        def work(tx: neo4j.ManagedTransaction) -> int:
            hold(tx, fence)
            return int(tx.run(text, values).single(strict=True)["count"])

        return self._write(work)

    def read_vectors(
        self, node: Node, property: str, keys: pa.Array | None = None
    ) -> tuple[pa.Array, NDArray[np.float32]]:
        """Return the keys that have a vector, and the vectors."""
        names = {"label": node.label, "key": node.key, "property": property}
        if keys is None:
            rows = self._rows("vectors/read_all", names)
        else:
            keys = pc.unique(keys)
            parts = [keys[part].to_pylist() for part in batches(len(keys), ROWS)]
            rows = [row for part in parts for row in self._rows("vectors/read_some", names, key=part)]
        found = [key for row in rows for key in row["key"]]
        if not found:
            return pa.array([], keys.type if keys is not None else pa.string()), np.zeros((0, 0), np.float32)
        stored = keys_of(node, found)
        try:
            return stored, np.concatenate([np.array(r["vectors"], np.float32) for r in rows if r["vectors"]])
        except ValueError as error:
            raise StoreError(
                f"{property!r} of {node.label!r} holds vectors of several widths. Another program writes this "
                "property, or a publish was cut short; publish again."
            ) from error

    def drop_vectors(self, node: Node, property: str) -> None:
        """Remove a property from all nodes, with its index."""
        names = {"label": node.label, "property": property}
        for row in self._indexes(node, property)[1]:
            self._schema("vectors/drop_index", {"index": row["name"]})
        holders = self._rows("vectors/holders", names)[0]["ids"]
        for part in batches(len(holders), STRIP):
            self._rows("vectors/strip", names, ids=holders[part])


def hold(tx: neo4j.ManagedTransaction, fence: Fence) -> None:
    """Renew the fence's lease in this transaction.

    Raises:
        PublishError: its lock is another one's by now.
    """
    held = tx.run(cypher("vectors/hold"), model=fence.model, token=fence.token, until=fence.until).single()
    if held is None or not held["held"]:
        raise PublishError(
            f"The lock of the model {fence.model!r} was taken over by another publisher. Publish again."
        )


class Models(Loading):
    """The jobs on the records of published models."""

    def models(self) -> list[Record]:
        """Return every published model's record, by name."""
        return [row["record"] for row in self._rows("models/all")]

    def update_model(self, name: str, expect: Record | None, change: Record) -> bool:
        """Compare and set a model's record in one transaction."""
        self._unique("GraphrecModel", "name")

        def work(tx: neo4j.ManagedTransaction) -> bool:
            row = tx.run(cypher("models/lock"), name=name).single()
            record = None if row is None else row["record"]
            if expect is None or record is None:
                if expect is None and record is None:
                    tx.run(cypher("models/create"), name=name, change=change).consume()
                return expect is None and record is None
            holds = all(record.get(field) == value for field, value in expect.items())
            if holds:
                tx.run(cypher("models/change"), name=name, change=change).consume()
            return holds

        try:
            return self._write(work)
        except StoreError as error:
            if isinstance(error.__cause__, ConstraintError):  # another one made the record first
                return False
            raise
