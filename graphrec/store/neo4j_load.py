"""Writing nodes and relationships to Neo4j, each chunk of a load exactly once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc
from neo4j.exceptions import Neo4jError

from graphrec.errors import DataError, StoreError, shown
from graphrec.store.neo4j_session import Neo4jConnection, cypher
from graphrec.store.queries import batches, ends, quote
from graphrec.store.validate import joined_twice

if TYPE_CHECKING:
    import neo4j

    from graphrec.schema import Node, Relationship
    from graphrec.store.protocol import Chunk

ROWS = 10_000  # 1,000 to 40,000 differ by less than a fifth
CUT = 50_000  # relationships deleted in one transaction; a million need 2 GiB of the server's memory
AWAIT_S = 600


class Loading(Neo4jConnection):
    """The jobs that change nodes and relationships."""

    def prepare_node(self, node: Node, columns: pa.Schema) -> None:
        """Make the key unique, which also indexes it.

        Raises:
            DataError: two nodes of this label carry the same key.
        """
        self._unique(node.label, node.key)

    def prepare_relationship(self, relationship: Relationship, columns: pa.Schema) -> None:
        """Make both ends findable by key."""
        for node in (relationship.source, relationship.target):
            self._unique(node.label, node.key)

    def _unique(self, label: str, key: str) -> None:
        if (label, key) in self._prepared:
            return
        names = {"label": label, "key": key}
        try:
            self._schema("load/unique", names)
        except StoreError as error:
            cause = error.__cause__
            code = cause.code or "" if isinstance(cause, Neo4jError) else ""
            if not code.endswith(("ConstraintCreationFailed", "AlreadyExists")):
                raise
            if doubled := self._rows("load/doubled_key", names):
                raise DataError(
                    f"The key {key!r} of {label!r} must be unique. Got {shown(doubled[0]['key'])} on "
                    f"{doubled[0]['count']} nodes. Merge or remove the doubled nodes, or name another key."
                ) from error
            if not code.endswith("AlreadyExists"):  # an index or node key of the graph's owner serves as well
                raise
        self._rows("load/await_indexes", seconds=AWAIT_S)
        self._prepared.add((label, key))

    def chunks_done(self, load: str) -> int:
        """Return how many chunks of a load are written."""
        rows = self._rows("load/progress", load=load)
        return int(rows[0]["chunks"] or 0) if rows else 0

    def finish_load(self, load: str) -> None:
        """Forget the progress of a load."""
        self._rows("load/finish", load=load)

    def upsert_nodes(self, node: Node, rows: pa.Table, chunk: Chunk) -> int:
        """Create nodes or set their properties, with the chunk's progress, in one transaction."""
        text = cypher("load/nodes", {"label": node.label, "key": node.key}, {"set": _set("n", rows, ("key",))})
        return self._chunk(chunk, text, _parameters(rows, ("key",)))

    def upsert_edges(self, relationship: Relationship, rows: pa.Table, chunk: Chunk) -> int:
        """Create relationships or set their properties, with the chunk's progress, in one transaction."""
        sides = ("source", "target")
        if chunk.fresh:
            inline = ", ".join(f"{quote(c, 'neo4j')}: $p{i}[row]" for i, c in _properties(rows, sides))
            text = cypher("load/edges_fresh", ends(relationship), {"properties": f"{{{inline}}}"})
        else:
            text = cypher("load/edges", ends(relationship), {"set": _set("r", rows, sides)})
        return self._chunk(chunk, text, _parameters(rows, sides), relationship.type)

    def _chunk(self, chunk: Chunk, text: str, parameters: dict[str, list[Any]], type: str = "") -> int:
        self._unique("GraphrecLoad", "id")
        claim, advance = cypher("load/claim"), cypher("load/advance")
        n = len(next(iter(parameters.values())))
        attempts: list[int] = []  # rows written by an attempt whose acknowledgement was lost

        def work(tx: neo4j.ManagedTransaction) -> int:
            done = tx.run(claim, load=chunk.load).single(strict=True)["chunks"]
            if done > chunk.number:
                return attempts[-1] if attempts else 0
            if done < chunk.number:
                raise StoreError(
                    f"Chunk {chunk.number} of a load was to be written after {done} chunks. Another process loads "
                    "the same source; repeat the load when it is done."
                )
            attempts.append(0)
            for part in batches(n, ROWS):
                some = {name: column[part] for name, column in parameters.items()}
                found = tx.run(text, some).single(strict=True)
                if found.get("doubled") is not None and len(some) > 2:
                    raise joined_twice(type, *(some[side][found["doubled"]] for side in ("source", "target")))
                attempts[-1] += found["count"]
            tx.run(advance, load=chunk.load, chunks=chunk.number + 1).consume()
            return attempts[-1]

        return self._write(work)

    def delete_nodes(self, node: Node, keys: pa.Array) -> int:
        """Delete nodes with all their relationships, a bounded number in a transaction."""
        names, total = {"label": node.label, "key": node.key}, 0
        keys = keys.unique()
        for part in batches(len(keys), ROWS):
            some = keys[part].to_pylist()
            self._until_done("load/cut_nodes", names, key=some, limit=CUT)
            total += self._rows("load/delete_nodes", names, key=some)[0]["count"]
        return total


def _properties(rows: pa.Table, keys: tuple[str, ...]) -> list[tuple[int, str]]:
    return [(i, name) for i, name in enumerate(rows.column_names) if name not in keys]


def _set(variable: str, rows: pa.Table, keys: tuple[str, ...]) -> str:
    """Return the SET clause; a null leaves what is stored."""
    changes = []
    for i, name in _properties(rows, keys):
        place = f"{variable}.{quote(name, 'neo4j')}"
        changes.append(f"{place} = coalesce($p{i}[row], {place})")
    return "SET " + ", ".join(changes) if changes else ""


def _parameters(rows: pa.Table, keys: tuple[str, ...]) -> dict[str, list[Any]]:
    """Return the columns as lists that Bolt can carry, under names that no property can break."""
    return {
        name if name in keys else f"p{i}": _plain(rows[name]).to_pylist() for i, name in enumerate(rows.column_names)
    }


def _plain(column: pa.ChunkedArray) -> pa.ChunkedArray:
    kind = column.type
    if pa.types.is_dictionary(kind):
        return _plain(column.cast(kind.value_type))
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64())
    if pa.types.is_timestamp(kind) and kind.unit == "ns":
        return column.cast(pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_floating(kind):  # a NaN is no value
        return pc.if_else(pc.is_nan(column), pa.scalar(None, kind), column)
    return column
