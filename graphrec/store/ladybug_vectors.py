"""Vectors as node properties of a Ladybug file, and the records of published models.

Vectors are columns of type ``DOUBLE[dim]``: a 32-bit number is stored without loss, and inner products come out in 64
bits. Ladybug copies all changed vectors of a stretch of nodes for each one that is added to them, when it is set and
again at the checkpoint, so batches are small and each is followed by one. A checkpoint cuts what follows the changed
rows of a column into pieces anew; so rows are written from the last node to the first, and nodes of a batch lie
together.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import ArgumentError, PublishError, SchemaError, near, problem
from graphrec.store.ladybug_file import READING
from graphrec.store.ladybug_load import Loading
from graphrec.store.ladybug_read import cypher
from graphrec.store.ladybug_types import as_keys
from graphrec.store.queries import batches, quote
from graphrec.store.validate import of_others

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.schema import Node
    from graphrec.store.ladybug_file import Session
    from graphrec.store.protocol import Fence, Record

ROWS = 5_000
NUMBERS = 1 << 16  # of the vectors in a batch
FEW = 8  # nodes: found by their keys they cost less than the scan that a join takes
_COLUMN = {str: "STRING", bool: "BOOL", int: "INT64", float: "DOUBLE"}


class Vectors(Loading):
    """The jobs on vectors."""

    def prepare_vectors(self, node: Node, property: str, dim: int, *, index: bool) -> None:
        """Make a column for vectors of ``dim`` numbers; a column of another width is made anew.

        Raises:
            StoreError: there is such a property, and it holds no vectors, or its name differs in case.
        """
        if index:
            raise ArgumentError(problem("index", "must be False: a graph file has no vector index", index))
        wanted = f"DOUBLE[{dim}]"
        with self.file.session() as session:
            stored = self._properties(session, self._label(node))
            if stored.get(property) == wanted:
                return
            for name, have in stored.items():  # to Ladybug, names that differ only in case are one
                own = name == property and re.fullmatch(r"(DOUBLE|FLOAT)\[\d+\]", have)
                if name.lower() == property.lower() and not own:
                    raise of_others(node.label, name, have)
            names = {"label": node.label, "table": node.label, "property": property}
            session.run(cypher("vectors/drop", names))
            session.run(cypher("load/property", names, {"type": wanted}))

    def write_vectors(
        self, node: Node, property: str, keys: pa.Array, vectors: NDArray[np.float32], fence: Fence
    ) -> int:
        """Write vectors in batches of 65,536 numbers, each in one transaction with the fence, last node first.

        Cost: half of it is Ladybug's search for a compression, at each checkpoint, of numbers that have none.
        """
        if vectors.ndim != 2 or len(vectors) != len(keys):
            raise ArgumentError(problem("vectors", f"must be [{len(keys)}, d]", list(vectors.shape)))
        if not np.isfinite(vectors).all():
            raise ArgumentError(problem("vectors", "must be finite", float(vectors[~np.isfinite(vectors)][0])))
        text = cypher("vectors/write", {"label": self._label(node), "key": node.key, "property": property})
        width = vectors.shape[1]
        total, step = 0, min(max(NUMBERS // width, 64), ROWS)
        if len(keys) > step and (stored := self.keys(node)).type == keys.type:
            order = np.argsort(-np.asarray(pc.index_in(keys, stored).fill_null(0)), kind="stable")
            keys, vectors = keys.take(pa.array(order)), vectors[order]
        for part in batches(len(keys), step):
            flat = pa.array(vectors[part].astype(np.float64).ravel())
            rows = {"_key": keys[part], "_vector": pa.FixedSizeListArray.from_arrays(flat, width)}
            total += self._fenced(fence, node, text, pa.table(rows))
        return total

    def clear_vectors(self, node: Node, property: str, keys: pa.Array, fence: Fence) -> int:
        """Remove single vectors under the fence."""
        text = cypher("vectors/clear", {"label": self._label(node), "key": node.key, "property": property})
        return sum(
            self._fenced(fence, node, text, pa.table({"_key": keys[part]})) for part in batches(len(keys), ROWS)
        )

    def _fenced(self, fence: Fence, node: Node, text: str, rows: pa.Table) -> int:
        with self.file.held():
            with self.file.session() as session:
                self._hold(session, fence)
                same = self._key_type(session, node.label) == rows["_key"].type
                count = int(session.run(text, {"rows": rows})["count"][0].as_py()) if same else 0
            self.file.checkpoint()
        return count

    def _hold(self, session: Session, fence: Fence) -> None:
        """Renew the fence's lease in this transaction; PublishError where its lock is another one's by now."""
        lease = {"model": fence.model, "token": fence.token, "until": fence.until}
        held = "GraphrecModel" in self._tables(session, "NODE")
        if not held or not session.run(cypher("vectors/hold"), lease)["held"][0].as_py():
            raise PublishError(
                f"The lock of the model {fence.model!r} was taken over by another publisher. Publish again."
            )

    def read_vectors(
        self, node: Node, property: str, keys: pa.Array | None = None
    ) -> tuple[pa.Array, NDArray[np.float32]]:
        """Return the keys that have a vector, and the vectors."""
        names = {"label": node.label, "key": node.key, "property": property}
        with self.file.session(begin=READING) as session:
            there = node.label in self._tables(session, "NODE") and property in self._properties(session, node.label)
            if not there or (keys is not None and self._key_type(session, node.label) != keys.type):
                none = pa.array([], pa.string()) if keys is None else keys[:0]
                return none, np.zeros((0, 0), np.float32)
            if keys is None:
                found = session.run(cypher("vectors/read_all", names))
            elif 0 < len(wanted := pc.unique(keys)) <= FEW:
                text = cypher("vectors/read_one", names)
                found = pa.concat_tables([session.run(text, {"key": key}) for key in wanted.to_pylist()])
            else:
                found = session.run(cypher("vectors/read_some", names), {"rows": pa.table({"_key": wanted})})
        vectors = found["vector"].combine_chunks()
        flat = np.asarray(vectors.flatten(), np.float32)
        return as_keys(found["key"]), flat.reshape(len(vectors), -1) if len(vectors) else np.zeros((0, 0), np.float32)

    def drop_vectors(self, node: Node, property: str) -> None:
        """Remove the column from all nodes."""
        with self.file.session() as session:
            if node.label in self._tables(session, "NODE"):
                session.run(cypher("vectors/drop", {"label": node.label, "property": property}))

    def _label(self, node: Node) -> str:
        with self.file.session(begin=READING) as session:
            labels = self._tables(session, "NODE")
        if node.label not in labels:
            raise SchemaError(f"The graph file has no label {node.label!r}. {near(node.label, labels)}")
        return node.label


class Models(Loading):
    """The jobs on the records of published models."""

    def models(self) -> list[Record]:
        """Return every published model's record, by name."""
        if not self._has("GraphrecModel"):
            return []
        rows = self.file.read(cypher("models/all")).to_pylist()
        return [{field[2:]: value for field, value in row.items() if value is not None} for row in rows]

    def update_model(self, name: str, expect: Record | None, change: Record) -> bool:
        """Compare and set a model's record; a field of a new name gets its column here."""
        with self.file.held():
            record = next((r for r in self.models() if r["name"] == name), None)
            if (record is None) != (expect is None):
                return False
            if any((record or {}).get(field) != value for field, value in (expect or {}).items()):
                return False
            with self.file.session() as session:
                if "GraphrecModel" not in self._tables(session, "NODE"):
                    session.run(cypher("models/table"))
                self._change(session, name, change)
            self.file.checkpoint()  # readers of the file see what is live
        return True

    def _change(self, session: Session, name: str, change: Record) -> None:
        stored = self._properties(session, "GraphrecModel")
        for field, value in change.items():
            if field not in stored and value is not None:
                fragments = {"type": _COLUMN[type(value)]}
                session.run(cypher("load/property", {"table": "GraphrecModel", "property": field}, fragments))
                stored[field] = fragments["type"]
        fields = [field for field in change if field in stored]
        text = ", ".join(f"m.{quote(field, 'ladybug')} = $_{i}" for i, field in enumerate(fields))
        values = {f"_{i}": change[field] for i, field in enumerate(fields)}
        session.run(cypher("models/change", {}, {"set": f"SET {text}" if text else ""}), {"name": name, **values})
