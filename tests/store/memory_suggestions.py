"""The oracle's suggestions of people: who is allowed is one plain function."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import PublishError
from graphrec.store.suggestions import (
    MEANING,
    SHOWN,
    STAMP,
    checked,
    declined_type,
    must_differ,
    state_property,
    unknown,
)

if TYPE_CHECKING:
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import Fence, Record
    from graphrec.store.suggestions import Stamp

Rows = list[tuple[Any, Any, dict[str, Any]]]


def seconds(value: Any) -> float | None:
    """Return a time as epoch seconds, or None where it cannot be read."""
    if isinstance(value, str):
        try:
            value = dt.datetime.fromisoformat(value)
        except ValueError:
            return None
    if isinstance(value, dt.datetime):
        return (value if value.tzinfo else value.replace(tzinfo=dt.UTC)).timestamp()
    return None if value is None or isinstance(value, bool) else float(value)


def _brief(row: dict[str, Any], known: dict[Any, Any]) -> dict[str, Any]:
    return {} if set(row["named"]) <= set(known) else {"reason": row["brief"], "named": []}


class MemorySuggestions:
    nodes: dict[str, dict[Any, dict[str, Any]]]
    edges: dict[tuple[str, str, str], Rows]
    records: dict[str, Record]

    def _between(self, schema: GraphSchema, type: str) -> Rows:
        return self.edges.setdefault((type, schema.user.label, schema.user.label), [])

    def _edge(self, schema: GraphSchema, type: str, a: Any, b: Any) -> bool:
        return any(row[:2] == (a, b) for row in self._between(schema, type))

    def _says(self, schema: GraphSchema, key: Any, *names: str | None) -> bool:
        user = self.nodes[schema.user.label].get(key, {})
        return any(user.get(name) not in (None, False, 0, "") for name in names if name)

    def allowed(self, schema: GraphSchema, u: Any, v: Any, now: float) -> bool:
        people = schema.suggestions
        if u == v or any(self._says(schema, key, people.opted_out, people.deleted) for key in (u, v)):
            return False
        for tie in schema.social:
            if tie.hides and (
                self._edge(schema, tie.type, u, v) or (not tie.directed and self._edge(schema, tie.type, v, u))
            ):
                return False
        if any(self._edge(schema, t, u, v) or self._edge(schema, t, v, u) for t in people.blocks):
            return False
        for a, b, properties in self._between(schema, people.declined) if people.declined else []:
            at = seconds(properties.get(people.declined_at))
            if (a, b) == (u, v) and (
                people.declined_days is None or at is None or at + people.declined_days * 86400 > now
            ):
                return False
        return True

    def nameable(self, schema: GraphSchema, u: Any, w: Any) -> bool:
        people = schema.suggestions
        return (
            w in self.nodes[schema.user.label]
            and not self._says(schema, w, people.hidden, people.opted_out, people.deleted)
            and not any(self._edge(schema, t, u, w) or self._edge(schema, t, w, u) for t in people.blocks)
        )

    # ---------------------------------------------------------------- the jobs

    def prepare_suggestions(self, schema: GraphSchema) -> None:
        self._between(schema, schema.suggestions.type)

    def replace_suggestions(
        self, schema: GraphSchema, users: pa.Table, rows: pa.Table, stamp: Stamp, fence: Fence, progress: Record
    ) -> int:
        users, rows = checked(users, rows)
        record = self.records.get(fence.model, {})
        if record.get("lock") != fence.token:
            raise PublishError("the lock was taken over by another publisher")
        record["lock_until"] = fence.until
        known = self.nodes.get(schema.user.label, {})
        stored = self._between(schema, schema.suggestions.type)
        stored[:] = [row for row in stored if row[0] not in users["key"].to_pylist()]
        for row in users.to_pylist():
            if row["key"] in known:
                known[row["key"]][state_property(schema)] = row["state"]
        given = {name: getattr(stamp, name) for name in STAMP}
        new = [
            (row["user"], row["other"], {name: row[name] for name in MEANING} | given | _brief(row, known))
            for row in rows.to_pylist()
            if row["user"] in known
            and row["other"] in known
            and self.allowed(schema, row["user"], row["other"], stamp.created)
        ]
        stored += new
        record.update(progress)
        return len(new)

    def suggestions(self, schema: GraphSchema, users: pa.Array | None, k: int, now: float) -> pa.Table:
        shown = []
        stored = self._between(schema, schema.suggestions.type)
        for user in sorted({u for u, _, _ in stored} if users is None else set(users.to_pylist())):
            live = [
                (row["rank"], v, row)
                for u, v, row in stored
                if u == user and row["expires"] > now and self.allowed(schema, u, v, now)
            ]
            for rank, (_, v, row) in enumerate(sorted(live, key=lambda each: each[:2])[:k], 1):
                full = all(self.nameable(schema, user, w) for w in row["named"])
                said = row["reason"] if full else row["brief"]
                shown.append({"user": user, "other": v, **row, "rank": rank, "reason": said})
        return pa.table({name: [row[name] for row in shown] for name in SHOWN})

    def remove_suggestions(self, schema: GraphSchema, now: float, version: int | None = None) -> int:
        stored = self._between(schema, schema.suggestions.type)
        before = len(stored)
        stored[:] = [
            row for row in stored if row[2]["expires"] > now and (version is None or row[2]["version"] == version)
        ]
        return before - len(stored)

    def decline(self, schema: GraphSchema, user: Any, other: Any, at: int) -> None:
        must_differ(user, other)
        stored = self._between(schema, declined_type(schema))
        known = self.nodes[schema.user.label]
        if missing := [key for key in (user, other) if key not in known]:
            raise unknown(schema, *missing)
        stored[:] = [row for row in stored if row[:2] != (user, other)]
        stored.append((user, other, {schema.suggestions.declined_at: at}))

    def known_users(self, schema: GraphSchema, keys: pa.Array) -> pa.Array:
        known = list(self.nodes.get(schema.user.label, {}))
        return pc.unique(keys.filter(pa.array([key in known for key in keys.to_pylist()], pa.bool_())))
