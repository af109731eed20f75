"""A small society under hostile names, and how tests write to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
from store.contract import connect, fill, lock
from store.memory import MemoryStore

from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Relationship, Social, Suggestions
from graphrec.store.protocol import Chunk
from graphrec.store.queries import quote
from graphrec.store.suggestions import Stamp

if TYPE_CHECKING:
    from graphrec.store.protocol import GraphStore, Record

NOW, DAY = 1_700_000_000, 86_400
STAMP = Stamp("blend", 3, NOW, NOW + 7 * DAY)
PEOPLE = ["Ann", "Bob", "Cy", "Dee", "Eve", "Fay"]


def schema_of(keys: str = "string", **changes: Any) -> GraphSchema:
    said = {
        "type": 'SUG`GESTED "to"',
        "blocks": ("BLO`CKS", "MUTES"),
        "declined": "NO 'THANKS'",
        "declined_at": "a`t",
        "declined_days": 30,
        "opted_out": "opt `out",
        "deleted": "gone 'for' good",
        "hidden": 'hid"den',
    }
    return GraphSchema(
        Node("Us er`", "u `id", keys, name="full name"),
        Node("It'em", "sku", "integer", name="ti`tle"),
        [Interaction("PLAY`ED"), Interaction("LIKED")],
        [Attribute("LIVES 'IN'", Node("Ci ty", "name"), of="user"), Attribute("OF", Node("Kind", "name"))],
        [Social("FRIEND`S", target=True), Social("FOLLOWS", directed=True), Social("KNOWS", hides=False)],
        suggestions=Suggestions(**said | changes),
    )


SCHEMA = schema_of()
FRIENDS, FOLLOWS, KNOWS = (Relationship(tie.type, SCHEMA.user, SCHEMA.user) for tie in SCHEMA.social)
BLOCKS, MUTES, DECLINED = (
    Relationship(type, SCHEMA.user, SCHEMA.user) for type in ("BLO`CKS", "MUTES", "NO 'THANKS'")
)
SUGGESTED = Relationship(SCHEMA.suggestions.type, SCHEMA.user, SCHEMA.user)


def society(store: GraphStore, schema: GraphSchema = SCHEMA, keys: list[Any] | None = None) -> GraphStore:
    """Make six people and nothing between them."""
    keys = PEOPLE if keys is None else keys
    fill(store, [(schema.user, {"key": keys, "full name": [f"{name}!" for name in PEOPLE]})])
    fill(store, [(schema.item, {"key": [1, 2, 3], "ti`tle": ["One", "Two", "Two"]})])
    store.prepare_suggestions(schema)
    return store


def say(store: GraphStore, name: str | None, values: dict[Any, Any]) -> None:
    """Set a property of users."""
    assert name
    fill(store, [(SCHEMA.user, {"key": list(values), name: list(values.values())})])


def tie(store: GraphStore, relationship: Relationship, *pairs: tuple[Any, Any], **columns: Any) -> None:
    given = {"source": [a for a, _ in pairs], "target": [b for _, b in pairs]}
    connect(store, relationship, given | columns)


def untie(store: GraphStore, relationship: Relationship, *pairs: tuple[Any, Any]) -> None:
    """Delete ties, as an application does by statements of its own."""
    if isinstance(store, MemoryStore):
        ties = store._rows(relationship)
        ties[:] = [row for row in ties if row[:2] not in pairs]
        return
    user, key, type = (
        quote(name, store.capabilities.dialect)
        for name in (relationship.source.label, relationship.source.key, relationship.type)
    )
    for a, b in pairs:
        text = f"MATCH (:{user} {{{key}: $a}})-[r:{type}]->(:{user} {{{key}: $b}}) DELETE r"
        store.query(text, {"a": a, "b": b}, write=True)


def twice(store: GraphStore, relationship: Relationship, pair: tuple[Any, Any]) -> None:
    """Tie two people by parallel relationships."""
    rows = pa.table({"source": [pair[0]], "target": [pair[1]]})
    store.prepare_relationship(relationship, rows.schema)
    for number in range(2):
        assert store.upsert_edges(relationship, rows, Chunk(f"twice {relationship.type}", number, fresh=True)) == 1


def rows_of(*rows: tuple[Any, ...]) -> pa.Table:
    """Return rows given as user, other, rank and whom the reason names."""
    key = pa.int64() if rows and isinstance(rows[0][0], int) else pa.string()
    return pa.table(
        {
            "user": pa.array([r[0] for r in rows], key),
            "other": pa.array([r[1] for r in rows], key),
            "score": pa.array([1 / r[2] for r in rows], pa.float64()),
            "rank": pa.array([r[2] for r in rows], pa.int64()),
            "reason": pa.array([f"with {', '.join(map(str, r[3]))}" if r[3] else "no names" for r in rows]),
            "brief": pa.array([f"with {len(r[3])}" for r in rows]),
            "named": pa.array([list(r[3]) for r in rows], pa.list_(key)),
        }
    )


def replace(
    store: GraphStore,
    *rows: tuple[Any, ...],
    users: list[Any] | None = None,
    schema: GraphSchema = SCHEMA,
    stamp: Stamp = STAMP,
    state: int = 5,
    progress: Record | None = None,
) -> int:
    """Write suggestions to those whom the rows name, or to the given users."""
    asked = list(dict.fromkeys(r[0] for r in rows)) if users is None else users
    given = pa.table({"key": asked, "state": pa.array([state] * len(asked), pa.int64())})
    return store.replace_suggestions(schema, given, rows_of(*rows), stamp, lock(store), progress or {})


def shown(
    store: GraphStore, *users: Any, k: int = 10, now: float = NOW, schema: GraphSchema = SCHEMA
) -> list[tuple[Any, ...]]:
    """Return (user, other, rank, reason) of what may be shown; without users, of all."""
    found = store.suggestions(schema, pa.array(users) if users else None, k, now)
    return list(found.select(["user", "other", "rank", "reason"]).to_pandas().itertuples(index=False, name=None))


def everybody() -> list[tuple[Any, ...]]:
    """Return rows that suggest everybody to everybody, also themselves."""
    return [(u, v, rank, [PEOPLE[0]]) for u in PEOPLE for rank, v in enumerate(PEOPLE, 1)]
