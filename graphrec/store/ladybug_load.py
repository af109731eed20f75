"""Writing nodes and relationships to a Ladybug file, each chunk of a load exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import DataError, SchemaError, StoreError, shown
from graphrec.store.ladybug_keys import Rekeying
from graphrec.store.ladybug_read import cypher, literal
from graphrec.store.ladybug_types import as_stored, ladybug_type
from graphrec.store.queries import batches, ends, quote
from graphrec.store.validate import joined_twice

if TYPE_CHECKING:
    from graphrec.schema import Node, Relationship
    from graphrec.store.ladybug_file import Session
    from graphrec.store.protocol import Chunk

ROWS = 50_000  # rows merged in one transaction; many more do not fit the buffer pool
_RESERVED = frozenset({"_id", "_label", "_src", "_dst"})
# What a column may go into besides its own type.
_ALSO = {"INT64": ("DOUBLE", "FLOAT", "INT32", "INT16"), "DOUBLE": ("FLOAT",), "TIMESTAMP": ("TIMESTAMP_TZ",)}
_KEY_TYPES = {"string": "STRING", "integer": "INT64", None: "STRING"}


class Loading(Rekeying):
    """The jobs that change nodes and relationships."""

    def prepare_node(self, node: Node, columns: pa.Schema) -> None:
        """Make the table of a label and its missing columns.

        Raises:
            SchemaError: the label's key in this file is another property.
            DataError: a column is of a type that the file cannot hold, or of another type than what is stored.
        """
        _check_name(node.label)
        types = _types(columns, ("key",))
        key_type = columns.field("key").type if "key" in columns.names else None
        with self.file.session() as session:
            self._make_label(session, node, key_type)
            self._check_key(session, node, None if key_type is None else ladybug_type(key_type, node.key))
            self._add(session, node.label, types)

    def prepare_relationship(self, relationship: Relationship, columns: pa.Schema) -> None:
        """Make the table of a relationship type, its missing columns, and both ends where they are missing."""
        _check_name(relationship.type)
        types = _types(columns, ("source", "target"))
        names = {"type": relationship.type, "source": relationship.source.label, "target": relationship.target.label}
        with self.file.session() as session:
            for side, node in (("source", relationship.source), ("target", relationship.target)):
                _check_name(node.label)
                self._make_label(session, node, columns.field(side).type if side in columns.names else None)
                self._check_key(session, node, None)
            new = self._is_new(session, relationship.type, "REL")
            session.run(cypher("load/edge_table" if new else "load/ends", names))
            self._add(session, relationship.type, types)

    def _make_label(self, session: Session, node: Node, key_type: pa.DataType | None) -> None:
        """Make the table of a label that is not there; where no keys are given, with their type in the schema."""
        if self._is_new(session, node.label, "NODE"):
            type = _KEY_TYPES[node.key_type] if key_type is None else ladybug_type(key_type, node.key)
            session.run(cypher("load/node_table", {"label": node.label, "key": node.key}, {"type": type}))

    def _check_key(self, session: Session, node: Node, wanted: str | None) -> None:
        key, stored = self._key(session, node.label)
        if key != node.key:
            raise SchemaError(
                f"The key of {node.label!r} in this graph file is {key!r}, not {node.key!r}. Name it in the schema."
            )
        other = (wanted == "STRING") != (stored == "STRING")
        if wanted and other and not self._rekeyed(session, node.label, key, wanted):
            raise DataError(
                f"The keys {key!r} of {node.label!r} are {stored} in this graph file, and the rows hold {wanted}. "
                "Convert the column first."
            )

    def _add(self, session: Session, table: str, types: dict[str, str]) -> None:
        stored = self._properties(session, table)
        for name, wanted in types.items():
            have = stored.get(name)
            if have is None:
                alike = [other for other in stored if other.lower() == name.lower()]
                if alike or name.lower() in _RESERVED:
                    why = f"it differs from {alike[0]!r} only in case" if alike else "the database uses this name"
                    raise DataError(f"The column {name!r} cannot be a property of {table!r}: {why}. Rename it.")
                session.run(cypher("load/property", {"table": table, "property": name}, {"type": wanted}))
                stored[name] = wanted
            elif have != wanted and have not in _ALSO.get(wanted, ()):
                raise DataError(
                    f"The property {name!r} of {table!r} is {have} in this graph file, and the column holds "
                    f"{wanted}. Convert the column, or give it another name."
                )

    def chunks_done(self, load: str) -> int:
        """Return how many chunks of a load are written."""
        return self._progress(load)[0]

    def _progress(self, load: str) -> tuple[int, int]:
        """Return how many chunks of a load are written, and how many were begun."""
        if not self._has("GraphrecLoad"):
            return 0, 0
        found = self.file.read(cypher("load/progress"), {"load": load}).to_pylist()
        return (found[0]["chunks"], found[0]["begun"]) if found else (0, 0)

    def finish_load(self, load: str) -> None:
        """Forget the progress of a load."""
        if self._has("GraphrecLoad"):
            with self.file.session() as session:
                session.run(cypher("load/finish"), {"load": load})

    def _mend_index(self, node: Node) -> None:
        """Build the index of a key anew where it lacks some: COPY beside other nodes can lose a few of them."""
        names = {"label": node.label, "key": node.key}
        with self.file.session() as session:
            keys = session.run(cypher("read/keys", names))["key"]
            found = session.run(cypher("load/indexed", names), {"rows": pa.table({"_key": keys})})["count"][0].as_py()
            if found < len(keys):
                session.run(cypher("load/drop_index", names))
                session.run(cypher("load/index", names))

    def _due(self, chunk: Chunk) -> bool:
        done = self.chunks_done(chunk.load)
        if done < chunk.number:
            raise StoreError(
                f"Chunk {chunk.number} of a load was to be written after {done} chunks. Another process loads the "
                "same source; repeat the load when it is done."
            )
        return done == chunk.number

    def _mark(self, session: Session, chunk: Chunk, *, done: bool) -> None:
        if "GraphrecLoad" not in self._tables(session, "NODE"):
            session.run(cypher("load/progress_table"))
        progress = {"chunks": chunk.number + done, "begun": chunk.number + 1}
        session.run(cypher("load/mark"), {"load": chunk.load, **progress})

    def upsert_nodes(self, node: Node, rows: pa.Table, chunk: Chunk) -> int:
        """Create nodes or set their properties by key.

        Known nodes are set, new ones are copied in, the key's index is looked through, then the progress is set:
        repeated after a crash, it ends the same.
        """
        rows = _stored(rows)
        with self.file.held():
            if not self._due(chunk):
                return 0
            stored = self.keys(node)
            if len(stored) and self._progress(chunk.load)[1] > chunk.number:  # begun, and not ended
                self._mend_index(node)
            known = pc.is_in(rows["key"], stored) if rows.num_rows else pa.array([], pa.bool_())
            names = [name for name in rows.column_names if name != "key"]
            old, new = rows.filter(known), rows.filter(pc.invert(known))
            if names and old.num_rows:
                text = cypher("load/set_nodes", {"label": node.label, "key": node.key}, {"set": _set("n", names)})
                for part in batches(old.num_rows, ROWS):
                    with self.file.session() as session:
                        session.run(text, {"rows": _positional(old.slice(part.start, ROWS), ("key",))})
            if new.num_rows:
                with self.file.session() as session:
                    self._mark(session, chunk, done=False)
                columns = ", ".join(quote(name, "ladybug") for name in (node.key, *names))
                with self.file.session(begin=None) as session:
                    text = cypher("load/copy_nodes", {"label": node.label}, {"columns": columns})
                    session.run(text, {"rows": _positional(new, ("key",))})
                if len(stored):
                    self._mend_index(node)
            with self.file.session() as session:
                self._mark(session, chunk, done=True)
        return int(rows.num_rows)

    def upsert_edges(self, relationship: Relationship, rows: pa.Table, chunk: Chunk) -> int:
        """Create relationships or set their properties.

        A fresh chunk is copied in. Ladybug's COPY is durable when it returns, but not one with other changes of a
        transaction. So the chunk is marked as begun before; one that was begun and not ended is merged.
        """
        rows = _stored(rows)
        with self.file.held():
            if not self._due(chunk):
                return 0
            rows = self._with_ends(relationship, rows)
            begun = self._progress(chunk.load)[1] > chunk.number
            if chunk.fresh and rows.num_rows and not begun:
                self._copy_edges(relationship, rows, chunk)
            else:
                self._merge_edges(relationship, rows, chunk)
        return int(rows.num_rows)

    def _copy_edges(self, relationship: Relationship, rows: pa.Table, chunk: Chunk) -> None:
        fragments = {
            "columns": ", ".join(quote(name, "ladybug") for name in _property_names(rows)),
            "source": literal(relationship.source.label),
            "target": literal(relationship.target.label),
        }
        with self.file.session() as session:
            self._mark(session, chunk, done=False)
        with self.file.session(begin=None) as session:
            text = cypher("load/copy_edges", {"type": relationship.type}, fragments)
            session.run(text, {"rows": _positional(rows, ("source", "target"))})
        with self.file.session() as session:
            self._mark(session, chunk, done=True)

    def _merge_edges(self, relationship: Relationship, rows: pa.Table, chunk: Chunk) -> None:
        """Merge in transactions of at most 50,000 rows, which may be repeated; the last one holds the progress."""
        names = _property_names(rows)
        fragments = {"set": f"SET {_set('r', names)}" if names else ""}
        text = cypher("load/merge_edges", ends(relationship), fragments)
        table = _positional(rows, ("source", "target"))
        for part in list(batches(rows.num_rows, ROWS)) or [slice(0, 0)]:
            with self.file.session() as session:
                if rows.num_rows:
                    doubled = session.run(text, {"rows": table.slice(part.start, ROWS)})
                    if doubled.num_rows and names:
                        raise joined_twice(relationship.type, *doubled.to_pylist()[0].values())
                if part.stop == rows.num_rows:
                    self._mark(session, chunk, done=True)

    def _with_ends(self, relationship: Relationship, rows: pa.Table) -> pa.Table:
        for side, node in (("source", relationship.source), ("target", relationship.target)):
            keys = self.keys(node)
            same = keys.type == rows[side].type
            known = pc.is_in(rows[side], keys) if same else pa.array([False] * rows.num_rows, pa.bool_())
            rows = rows if pc.all(known).as_py() else rows.filter(known)
        return rows

    def delete_nodes(self, node: Node, keys: pa.Array) -> int:
        """Delete nodes with all their relationships."""
        with self.file.held():
            known = self._known(node, keys)
            text = cypher("load/delete_nodes", {"label": node.label, "key": node.key})
            for part in batches(len(known), ROWS):
                with self.file.session() as session:
                    session.run(text, {"rows": pa.table({"_key": known.slice(part.start, ROWS)})})
            if len(known):
                self.file.checkpoint()  # readers of the file must not see whom the log has deleted
        return len(known)


def _check_name(name: str) -> None:
    if "." in name:
        raise SchemaError(
            f"A graph file cannot hold the label or relationship type {shown(name)}: Ladybug takes what stands "
            "before the dot for a database. Choose a name without a dot."
        )


def _types(columns: pa.Schema, ends: tuple[str, ...]) -> dict[str, str]:
    return {
        field.name: ladybug_type(field.type, field.name)
        for field in columns
        if field.name not in ends and not pa.types.is_null(field.type)
    }


def _stored(rows: pa.Table) -> pa.Table:
    """Return the rows in the types of the file, without columns that hold nothing."""
    kept = [name for name in rows.column_names if not pa.types.is_null(rows[name].type)]
    return pa.table({name: as_stored(rows[name], name) for name in kept})


def _positional(rows: pa.Table, ends: tuple[str, ...]) -> pa.Table:
    """Name columns so that none can be taken for a variable: ends first, properties by number."""
    names = [name for name in rows.column_names if name not in ends]
    columns = {f"_{end}": rows[end] for end in ends} | {f"_{i}": rows[name] for i, name in enumerate(names)}
    return pa.table(columns)


def _property_names(rows: pa.Table) -> list[str]:
    return [name for name in rows.column_names if name not in ("source", "target")]


def _set(variable: str, names: list[str]) -> str:
    places = [f"{variable}.{quote(name, 'ladybug')}" for name in names]
    return ", ".join(f"{place} = coalesce(_{i}, {place})" for i, place in enumerate(places))
