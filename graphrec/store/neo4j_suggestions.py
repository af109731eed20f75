"""Suggestions of people in a Neo4j graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from graphrec.store.allowed import allowed, as_time, nameable
from graphrec.store.neo4j_read import Reading
from graphrec.store.neo4j_session import cypher
from graphrec.store.neo4j_vectors import Models, Vectors, hold
from graphrec.store.queries import batches
from graphrec.store.suggestions import (
    MEANING,
    STAMP,
    USERS,
    checked,
    declined_type,
    listed,
    must_differ,
    names_in,
    naming_only,
    none_listed,
    roles,
    state_property,
    unknown,
)

if TYPE_CHECKING:
    import neo4j

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import Fence, Record
    from graphrec.store.suggestions import Stamp

ROWS = 10_000
REMOVED = 50_000  # relationships deleted in one transaction
SAMPLE = 100  # declines looked at for the type of their time


class Suggesting(Reading, Vectors, Models):
    """The jobs on suggestions."""

    def prepare_suggestions(self, schema: GraphSchema) -> None:
        """Make users findable by key; types and properties need no preparation."""
        self._unique(schema.user.label, schema.user.key)

    def replace_suggestions(
        self, schema: GraphSchema, users: pa.Table, rows: pa.Table, stamp: Stamp, fence: Fence, progress: Record
    ) -> int:
        """Replace the suggestions of some users in one transaction."""
        users, rows = checked(users, rows)
        names = roles(schema) | {"state": state_property(schema)}
        clear, known = cypher("suggestions/clear", names), cypher("suggestions/known", names)
        write = cypher("suggestions/write", names, {"allowed": allowed(schema, "neo4j", "$created")})
        values = {name: getattr(stamp, name) for name in STAMP}

        def work(tx: neo4j.ManagedTransaction) -> int:
            hold(tx, fence)
            for part in _parts(users, ROWS):
                tx.run(clear, part.to_pydict()).consume()
            total = 0
            for part in _parts(rows, ROWS):
                named = names_in(part)
                there = pa.array([row["key"] for row in tx.run(known, key=named.to_pylist())], named.type)
                columns = naming_only(part, there).select(["user", "other", *MEANING]).to_pydict()
                total += int(tx.run(write, {**values, **columns}).single(strict=True)["count"])
            if progress:
                tx.run(cypher("models/change"), name=fence.model, change=progress).consume()
            return total

        return self._write(work)

    def suggestions(self, schema: GraphSchema, users: pa.Array | None, k: int, now: float) -> pa.Table:
        """Return what may be shown now, from one transaction."""
        fragments = {"allowed": allowed(schema, "neo4j", "$now"), "nameable": nameable(schema, "neo4j")}
        text = cypher("suggestions/read", roles(schema), fragments)
        everybody = cypher("suggestions/holders", roles(schema))

        def work(tx: neo4j.ManagedTransaction) -> list[dict[str, Any]]:
            asked = [row["key"] for row in tx.run(everybody)] if users is None else users.unique().to_pylist()
            parts = (asked[part] for part in batches(len(asked), USERS))
            return [row.data() for part in parts for row in tx.run(text, key=part, now=now)]

        rows = self._read(work)
        if not rows:
            return none_listed(pa.string() if users is None else users.type)
        return listed(pa.Table.from_pylist(rows), k).cast(none_listed(pa.array([rows[0]["user"]]).type).schema)

    def remove_suggestions(self, schema: GraphSchema, now: float, version: int | None = None) -> int:
        """Remove what has expired or was left by other versions, 50,000 in a transaction."""
        return self._until_done("suggestions/remove", roles(schema), now=now, version=version, limit=REMOVED)

    def decline(self, schema: GraphSchema, user: Any, other: Any, at: int) -> None:
        """Note that a user does not want to be suggested somebody, with a time like those of other declines."""
        must_differ(user, other)
        declined = declined_type(schema)
        names = roles(schema) | {"declined": declined, "declined_at": schema.suggestions.declined_at}
        sample = self._rows("admin/edge_properties", {"type": declined}, sample=SAMPLE)
        types = {row["property"]: row["types"] for row in sample}.get(schema.suggestions.declined_at, [])
        text = cypher(
            "recipes/decline", names, {"at": as_time("$at", types[0] if len(types) == 1 else None, "neo4j")}
        )
        values = {"user": user, "other": other, "at": at}
        if not self._write(lambda tx: tx.run(text, values).single(strict=True)["declined"]):
            known = self.known_users(schema, pa.array([user, other])).to_pylist()
            raise unknown(schema, *(key for key in (user, other) if key not in known))

    def known_users(self, schema: GraphSchema, keys: pa.Array) -> pa.Array:
        """Return those of the keys that are users'."""
        parts = [keys[part].to_pylist() for part in batches(len(keys), ROWS)]
        rows = [row["key"] for part in parts for row in self._rows("suggestions/known", roles(schema), key=part)]
        return pa.array(rows, keys.type)


def _parts(rows: pa.Table, size: int) -> list[pa.Table]:
    return [rows.slice(part.start, size) for part in batches(len(rows), size)]
