"""Reading a Ladybug file in Arrow columns."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import SchemaError, near
from graphrec.schema_parts import OWN_LABELS
from graphrec.store.ladybug_file import READING
from graphrec.store.ladybug_types import as_keys, as_numbers, as_seconds
from graphrec.store.protocol import GraphDescription, LabelInfo, RelationshipInfo, Snapshot
from graphrec.store.queries import any_of, ends, quote, render, with_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.schema import Node, Relationship
    from graphrec.store.ladybug_file import LadybugFile, Session

FEW = 100  # sources: found by their keys they cost less than the scan that a join takes


class Reading:
    """The jobs that only read."""

    @property
    def file(self) -> LadybugFile:
        """The open file."""
        raise NotImplementedError

    def describe(self) -> GraphDescription:
        """Return labels and relationship types with counts and property types.

        Cost: counts that Ladybug keeps anyhow; a type between several pairs of labels is counted pair by pair.
        """
        with self.file.session(begin=READING) as session:
            labels = {}
            for label in sorted(self._tables(session, "NODE") - OWN_LABELS):
                count = session.run(cypher("read/node_count", {"label": label}))["count"][0].as_py()
                labels[label] = LabelInfo(count, self._properties(session, label))
            edges = []
            for type in sorted(self._tables(session, "REL")):
                properties = self._properties(session, type)
                for source, target in self._pairs(session, type):
                    names = {"type": type, "source": source, "target": target}
                    count = session.run(cypher("read/edge_count", names))["count"][0].as_py()
                    edges.append(RelationshipInfo(type, source, target, count, properties))
        return GraphDescription(labels, edges)

    def keys(self, node: Node) -> pa.Array:
        """Return all keys of a label."""
        with self.file.session(begin=READING) as session:
            if not self._readable(session, node):
                return _no_keys(node)
            return as_keys(session.run(cypher("read/keys", {"label": node.label, "key": node.key}))["key"])

    def snapshot(self, nodes: Sequence[Node], relationships: Sequence[Relationship]) -> Snapshot:
        """Read nodes and relationships in one transaction.

        Raises:
            DataError: a weight is no number, or a time none.
        """
        wanted = with_ends(nodes, relationships)
        with self.file.session(begin=READING) as session:
            rows, tables = {}, {}
            for label, node in wanted.items():
                rows[label], tables[label] = self._read_nodes(session, node)
            edges = {r.type: self._read_edges(session, r, rows) for r in relationships}
        return Snapshot(tables, edges)

    def _read_nodes(self, session: Session, node: Node) -> tuple[NDArray[np.int64], pa.Table]:
        """Return the row of each internal place (valid in this transaction only), and keys with properties."""
        names = [name for name in dict.fromkeys(node.columns) if name != "key"]
        if not self._readable(session, node):
            empty = {name: pa.array([], pa.null()) for name in names}
            return np.zeros(0, np.int64), pa.table({"key": _no_keys(node), **empty})
        stored = self._properties(session, node.label)
        text = cypher("read/nodes", {"label": node.label, "key": node.key}, {"columns": _columns("n", names, stored)})
        found = session.run(text)
        place = found["place"].to_numpy()
        rows = np.full(place.max(initial=-1) + 1, -1, np.int64)
        rows[place] = np.arange(len(place))
        n = found.num_rows
        columns = {name: found[f"_{i}"] if name in stored else pa.nulls(n) for i, name in enumerate(names)}
        return rows, pa.table({"key": as_keys(found["key"]), **columns})

    def _read_edges(self, session: Session, edge: Relationship, rows: Mapping[str, NDArray[np.int64]]) -> pa.Table:
        names = [name for name in (edge.weight, edge.time) if name]
        if not self._runs(edge, session):
            none, nulls = pa.array([], pa.int64()), {f"_{i}": pa.nulls(0) for i in range(len(names))}
            found = pa.table({"source": none, "target": none, **nulls})
        else:
            stored = self._properties(session, edge.type)
            found = session.run(cypher("read/edges", ends(edge), {"columns": _columns("r", names, stored)}))
            found = found.set_column(0, "source", _rows_at(rows[edge.source.label], found["source"]))
            found = found.set_column(1, "target", _rows_at(rows[edge.target.label], found["target"]))
            known = pc.and_(pc.greater_equal(found["source"], 0), pc.greater_equal(found["target"], 0))
            found = found if pc.all(known).as_py() else found.filter(known)
        columns = {"source": found["source"], "target": found["target"]}
        if edge.weight:
            columns["weight"] = as_numbers(found["_0"], f"{edge.weight!r} of {edge.type!r}")
        if edge.time:
            columns["time"] = as_seconds(found[f"_{len(names) - 1}"], f"{edge.time!r} of {edge.type!r}")
        return pa.table(columns).combine_chunks()

    def neighbours(self, relationships: Sequence[Relationship], keys: pa.Array) -> pa.Table:
        """Return distinct (``source``, ``target``) keys of the given sources."""
        first = relationships[0]
        with self.file.session(begin=READING) as session:
            stored = [r for r in relationships if self._runs(r, session)]
            same = stored and self._key_type(session, first.source.label) == keys.type
            if not same or not len(keys):
                return pa.table({"source": keys[:0], "target": _no_keys(first.target)})
            names, wanted = ends_of_all(stored), pc.unique(keys)
            if len(wanted) <= FEW:
                text = cypher("read/neighbours_of", *names)
                found = pa.concat_tables([session.run(text, {"key": key}) for key in wanted.to_pylist()])
            else:
                found = session.run(cypher("read/neighbours", *names), {"rows": pa.table({"_key": wanted})})
        return pa.table({"source": as_keys(found["source"]), "target": as_keys(found["target"])})

    def popular(self, relationships: Sequence[Relationship], k: int) -> pa.Table:
        """Return the targets with most incoming relationships."""
        with self.file.held():
            stored = [r for r in relationships if self._runs(r)]
            if not stored:
                return pa.table({"key": _no_keys(relationships[0].target), "count": pa.array([], pa.int64())})
            found = self.file.read(cypher("read/popular", *ends_of_all(stored)), {"k": k})
        return pa.table({"key": as_keys(found["key"]), "count": found["count"]})

    def query(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> pa.Table:
        """Run Cypher and return its columns; without ``write`` a statement that writes is refused."""
        if not write or self.file.read_only:
            return self.file.read(text, parameters)
        with self.file.session(begin=None) as session:
            return session.run(text, parameters)

    # ---------------------------------------------------------------- what there is

    def _tables(self, session: Session, kind: str) -> set[str]:
        found = session.run(cypher("admin/tables")).to_pylist()
        return {row["name"] for row in found if row["kind"] == kind}

    def _is_new(self, session: Session, name: str, kind: str) -> bool:
        """Return whether there is no table of this name and kind yet.

        Raises:
            SchemaError: another table has the name, or one that differs only in case.
        """
        if name in self._tables(session, kind):
            return False
        for what, other in (("label", "NODE"), ("relationship type", "REL")):
            for taken in self._tables(session, other):
                if taken.lower() == name.lower():
                    why = f"is taken by the {what} {taken!r}: Ladybug has one table for each name, whatever its case"
                    raise SchemaError(
                        f"In a graph file the name {name!r} {why}. Choose another name for one of them."
                    )
        return True

    def _has(self, label: str) -> bool:
        with self.file.session(begin=READING) as session:
            return label in self._tables(session, "NODE")

    def _properties(self, session: Session, table: str) -> dict[str, str]:
        found = session.run(cypher("admin/properties", fragments={"table": literal(table)}))
        return dict(zip(found["name"].to_pylist(), found["type"].to_pylist(), strict=True))

    def _key(self, session: Session, label: str) -> tuple[str, str]:
        """Return the key property of a label, and its type."""
        found = session.run(cypher("admin/key", fragments={"table": literal(label)})).to_pylist()[0]
        return found["name"], found["type"]

    def _key_type(self, session: Session, label: str) -> pa.DataType:
        return pa.string() if self._key(session, label)[1] == "STRING" else pa.int64()

    def _readable(self, session: Session, node: Node) -> bool:
        """Return whether a label is there; with another key than the schema's it cannot be read."""
        if node.label not in self._tables(session, "NODE"):
            return False
        stored = self._properties(session, node.label)
        if node.key not in stored:
            raise SchemaError(f"{node.label!r} has no property {node.key!r} to be its key. {near(node.key, stored)}")
        return True

    def _known(self, node: Node, keys: pa.Array) -> pa.Array:
        """Return those of the keys that are there, each once."""
        stored = self.keys(node)
        return keys[:0] if stored.type != keys.type else pc.unique(keys.filter(pc.is_in(keys, stored)))

    def _pairs(self, session: Session, type: str) -> list[tuple[str, str]]:
        found = session.run(cypher("admin/ends", fragments={"table": literal(type)}))
        return sorted(zip(found["source"].to_pylist(), found["target"].to_pylist(), strict=True))

    def _runs(self, relationship: Relationship, session: Session | None = None) -> bool:
        """Return whether a type runs between these two labels."""
        if session is None:
            with self.file.session(begin=READING) as own:
                return self._runs(relationship, own)
        pair = (relationship.source.label, relationship.target.label)
        return relationship.type in self._tables(session, "REL") and pair in self._pairs(session, relationship.type)


def cypher(name: str, names: Mapping[str, str] | None = None, fragments: Mapping[str, str] | None = None) -> str:
    """Return one of Ladybug's statements, filled."""
    return render("ladybug", name, names or {}, fragments)


def literal(name: str) -> str:
    """Return a table's name as a string, where Ladybug takes no quoted name."""
    quote(name, "ladybug")  # refuses what is no name
    return json.dumps(name, ensure_ascii=False)


def ends_of_all(relationships: Sequence[Relationship]) -> tuple[dict[str, str], dict[str, str]]:
    """Return the names and the fragment of a statement over several types between the same two labels."""
    return ends(relationships[0]), {"types": any_of([r.type for r in relationships], "ladybug")}


def _no_keys(node: Node) -> pa.Array:
    return pa.array([], pa.int64() if node.key_type == "integer" else pa.string())


def _columns(variable: str, names: Sequence[str], stored: Mapping[str, str]) -> str:
    values = [f"{variable}.{quote(name, 'ladybug')}" if name in stored else "CAST(NULL AS INT64)" for name in names]
    return "".join(f", {value} AS _{i}" for i, value in enumerate(values))


def _rows_at(rows: NDArray[np.int64], places: pa.ChunkedArray) -> pa.Array:
    at = places.to_numpy()
    if not len(rows):
        return pa.array(np.full(len(at), -1, np.int64))
    return pa.array(np.where(at < len(rows), rows[np.minimum(at, len(rows) - 1)], -1))
