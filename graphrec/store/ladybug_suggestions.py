"""Suggestions of people in a Ladybug file.

Whom a reason names stands in plain columns, ``named_1`` and so on, null where there are fewer: a checkpoint of lists
costs twenty times as much, and the more the fuller the table.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import SchemaError
from graphrec.schema import Relationship
from graphrec.schema_parts import NAMED
from graphrec.store.allowed import Found, allowed, as_time, nameable
from graphrec.store.ladybug_file import READING
from graphrec.store.ladybug_read import cypher
from graphrec.store.ladybug_types import as_keys
from graphrec.store.ladybug_vectors import Models, Vectors
from graphrec.store.queries import batches
from graphrec.store.suggestions import (
    MEANING,
    STAMP,
    USERS,
    check_layout,
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
    from graphrec.schema import GraphSchema
    from graphrec.store.ladybug_file import Session
    from graphrec.store.protocol import Fence, Record
    from graphrec.store.suggestions import Stamp

REMOVED = 50_000  # relationships deleted in one transaction
_MARK = np.iinfo(np.int64).min + 1  # the state of users whose suggestions are being replaced
_PLACES = [f"named_{place}" for place in range(1, NAMED + 1)]


class Suggesting(Vectors, Models):
    """The jobs on suggestions."""

    def prepare_suggestions(self, schema: GraphSchema) -> None:
        """Make the tables and columns that the schema names and the file lacks."""
        people, user = schema.suggestions, schema.user
        flags = {name: pa.bool_() for name in (people.opted_out, people.deleted, people.hidden) if name}
        with self.file.held():
            self._label(user)
            with self.file.session(begin=READING) as session:
                key = self._key_type(session, user.label)
                stored = self._properties(session, user.label)
            columns = {name: kind for name, kind in flags.items() if name not in stored}
            self.prepare_node(user, pa.schema({**columns, state_property(schema): pa.int64()}))
            numbers = dict.fromkeys(("rank", "version", "created", "expires"), pa.int64())
            texts = dict.fromkeys(("reason", "brief", "model"), pa.string())
            shown = {"score": pa.float64(), **numbers, **texts, **dict.fromkeys(_PLACES, key)}
            self._prepare_between_users(schema, people.type, shown)
            for type in (*(tie.type for tie in schema.social), *people.blocks):
                self._prepare_between_users(schema, type, {})
            if people.declined:
                dated = people.declined_at in self._stored(people.declined)
                self._prepare_between_users(
                    schema, people.declined, {} if dated else {people.declined_at: pa.int64()}
                )

    def _prepare_between_users(self, schema: GraphSchema, type: str, columns: dict[str, pa.DataType]) -> None:
        relationship = Relationship(type, schema.user, schema.user)
        if columns or not self._runs(relationship):
            self.prepare_relationship(relationship, pa.schema(columns))

    def _stored(self, type: str) -> dict[str, str]:
        with self.file.session(begin=READING) as session:
            return self._properties(session, type) if type in self._tables(session, "REL") else {}

    def _found(self, session: Session, schema: GraphSchema) -> Found:
        ends = (schema.user.label, schema.user.label)
        people = schema.suggestions
        named = {people.type, *schema.refusals, *(tie.type for tie in schema.social)}
        types = {type for type in named & self._tables(session, "REL") if ends in self._pairs(session, type)}
        if people.type in types:
            check_layout(people.type, self._properties(session, people.type))
        dated = people.declined in types and people.declined_at in self._properties(session, people.declined or "")
        return Found(types, self._properties(session, schema.user.label), dated)

    def replace_suggestions(
        self, schema: GraphSchema, users: pa.Table, rows: pa.Table, stamp: Stamp, fence: Fence, progress: Record
    ) -> int:
        """Replace the suggestions of some users in one transaction.

        The log is moved into the file when it has grown long, and by `remove_suggestions`. That goes over all
        suggestions that are there, so many are best replaced at once.

        Cost: where five million are there, 30 s for 200,000 new ones, most of it the move; as much again and more for
        those that they replace, since each is looked for among all that lead to the same person.
        """
        users, rows = checked(users, rows)
        names = roles(schema) | {"state": state_property(schema)}
        asked = pa.table({"_key": users["key"], "_state": users["state"]})
        values = {name: getattr(stamp, name) for name in STAMP}
        created = 0
        with self.file.session() as session:
            self._hold(session, fence)
            found = self._prepared(session, schema)
            if len(asked) and self._key_type(session, schema.user.label) == asked["_key"].type:
                marked = pa.table({"_key": asked["_key"], "_state": pa.repeat(_MARK, len(asked))})
                session.run(cypher("suggestions/state", names), {"rows": marked})
                session.run(cypher("suggestions/clear", names), {"state": _MARK})
                session.run(cypher("suggestions/state", names), {"rows": asked})
                if len(rows):
                    rows = naming_only(rows, self._people(session, schema, names_in(rows)))
                    text = cypher(
                        "suggestions/write", names, {"allowed": allowed(schema, "ladybug", "$created", found)}
                    )
                    given = _in_places(rows.select(["user", "other", *MEANING]))
                    given = given.rename_columns([f"_{name}" for name in given.column_names])
                    created = int(session.run(text, {"rows": given, **values})["count"][0].as_py())
            if progress:
                self._change(session, fence.model, progress)
        return created

    def _prepared(self, session: Session, schema: GraphSchema) -> Found:
        there = schema.user.label in self._tables(session, "NODE")
        found = self._found(session, schema) if there else None
        if found is None or schema.suggestions.type not in found.types:
            raise SchemaError(
                f"The graph file has no relationship type {schema.suggestions.type!r} between users. Call "
                "prepare_suggestions first."
            )
        return found

    def suggestions(self, schema: GraphSchema, users: pa.Array | None, k: int, now: float) -> pa.Table:
        """Return what may be shown now, from one transaction; nothing where nothing was ever written."""
        names = roles(schema)
        with self.file.session(begin=READING) as session:
            if not self._readable(session, schema.user):
                return none_listed(pa.string() if users is None else users.type)
            found, key = self._found(session, schema), self._key_type(session, schema.user.label)
            if schema.suggestions.type not in found.types or (users is not None and users.type != key):
                return none_listed(key if users is None else users.type)
            if users is None:
                users = as_keys(session.run(cypher("suggestions/holders", names))["key"])
            text = cypher("suggestions/read", names)
            may = cypher("suggestions/allowed", names, {"allowed": allowed(schema, "ladybug", "$now", found)})
            name = cypher("suggestions/nameable", names, {"nameable": nameable(schema, "ladybug", found)})
            parts, asked = [none_listed(key)], users.drop_null().unique().sort()
            for part in batches(len(asked), USERS):
                keys = asked.slice(part.start, USERS).to_pylist()
                bounds = {"least": keys[0], "most": keys[-1]}
                rows = session.run(text, {"keys": keys, **bounds, "now": float(now)})
                if len(rows := _allowed(session, may, rows, float(now))):
                    plain = _plain(session, name, rows)
                    parts.append(listed(rows.append_column("plain", plain), k).cast(parts[0].schema))
        return pa.concat_tables(parts).sort_by([("user", "ascending"), ("rank", "ascending")])

    def remove_suggestions(self, schema: GraphSchema, now: float, version: int | None = None) -> int:
        """Remove what has expired or was left by other versions, 50,000 in a transaction."""
        total = 0
        with self.file.held():
            if not self._runs(Relationship(schema.suggestions.type, schema.user, schema.user)):
                return 0
            text = cypher("suggestions/remove", roles(schema))
            values = {"now": float(now), "version": version, "limit": REMOVED}
            done = REMOVED
            while done == REMOVED:
                with self.file.session() as session:
                    done = int(session.run(text, values)["count"][0].as_py())
                self.file.checkpoint()
                total += done
        return total

    def decline(self, schema: GraphSchema, user: Any, other: Any, at: int) -> None:
        """Note that a user does not want to be suggested somebody, with a time of the type that the file has."""
        must_differ(user, other)
        declined, place = declined_type(schema), schema.suggestions.declined_at
        names = roles(schema) | {"declined": declined, "declined_at": place}
        with self.file.held():
            known = self.known_users(schema, pa.array([user, other])).to_pylist()
            if len(known) < 2:
                raise unknown(schema, *(key for key in (user, other) if key not in known))
            dated = place in self._stored(declined)
            self._prepare_between_users(schema, declined, {} if dated else {place: pa.int64()})
            text = cypher("recipes/decline", names, {"at": as_time("$at", self._stored(declined)[place], "ladybug")})
            with self.file.session() as session:
                session.run(text, {"user": user, "other": other, "at": at})

    def known_users(self, schema: GraphSchema, keys: pa.Array) -> pa.Array:
        """Return those of the keys that are users'."""
        with self.file.session(begin=READING) as session:
            there = self._readable(session, schema.user)
            if not there or not len(keys) or self._key_type(session, schema.user.label) != keys.type:
                return keys[:0]
            return self._people(session, schema, keys.unique())

    def _people(self, session: Session, schema: GraphSchema, keys: pa.Array) -> pa.Array:
        rows = {"rows": pa.table({"_key": keys})}
        return as_keys(session.run(cypher("suggestions/known", roles(schema)), rows)["key"]) if len(keys) else keys


def _in_places(rows: pa.Table) -> pa.Table:
    """Return rows with the column of each of `_PLACES` instead of the list ``named``."""
    full = pc.list_slice(rows["named"].combine_chunks(), 0, NAMED, return_fixed_size_list=True)
    rows = rows.drop_columns("named")
    for place, column in enumerate(_PLACES):
        rows = rows.append_column(column, pc.list_element(full, place))
    return rows


def _allowed(session: Session, text: str, rows: pa.Table, now: float) -> pa.Table:
    """Return the rows whose people may be suggested now; ``text`` says which.

    Asked for pairs: where one statement reads suggestions and asks this of them, Ladybug goes over everybody's.
    """
    if not len(rows):
        return rows
    pairs = rows.select(["user", "other"]).rename_columns(["_user", "_other"])
    fine = session.run(text, {"rows": pairs, "now": now})
    return rows.join(fine, ["user", "other"], join_type="left semi")


def _plain(session: Session, text: str, rows: pa.Table) -> pa.Array:
    """Return for each row whether its reason names somebody who may not be named; ``text`` says who may."""
    row = pa.array(np.tile(np.arange(len(rows)), NAMED))
    named = pa.chunked_array([chunk for place in _PLACES for chunk in rows[place].chunks], rows["user"].type)
    pairs = pa.table({"_user": rows["user"].take(row), "_named": named, "row": row}).drop_null()
    if not len(pairs):
        return pa.repeat(False, len(rows))
    fine = session.run(text, {"rows": pairs.group_by(["_user", "_named"]).aggregate([])})
    pairs = pairs.rename_columns(["user", "named", "row"])
    bad = pairs.join(fine, ["user", "named"], join_type="left anti")["row"]
    return pc.is_in(pa.array(range(len(rows)), bad.type), pc.unique(bad))
