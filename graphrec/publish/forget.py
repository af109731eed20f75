"""Forget users: everything that the graph holds of them goes, and the graph is asked whether anything is left."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import as_keys
from graphrec.errors import StoreError, UnknownKeyError, shown
from graphrec.publish.held import Held, check_paths, held_by
from graphrec.publish.record import model_records
from graphrec.publish.vectors import silent
from graphrec.publish.version import version_of
from graphrec.store.queries import quote, render
from graphrec.store.recipes import slot_property
from graphrec.store.suggestions import check_layout

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from graphrec.publish.vectors import Progress
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

USERS = 10_000  # users looked at in one statement
MENTIONS = 50_000  # suggestions changed in one transaction

_Survey = dict[tuple[Any, str, str], int]


@dataclass(frozen=True)
class Forgotten:
    """What was removed of some users, and what still knows them outside the graph.

    Attributes:
        users: the users' keys.
        gone: those of whom nothing was in the graph, neither a node nor a mention.
        removed: a frame with a row for each user and thing removed: ``user``, ``kind`` (``"node"``,
            ``"relationship"``, ``"vector"`` or ``"mention"`` in a suggestion between others), ``name`` (the label,
            type or property), ``removed`` (how many there were), ``left`` (how many the graph holds now: 0).
        models: the live versions, all published before: what they learned of the users is in other vectors too.
        held: the files that still hold keys of the users.
        unread: files that could not be searched.
    """

    users: tuple[Any, ...]
    gone: tuple[Any, ...]
    removed: pd.DataFrame
    models: tuple[Version, ...]
    held: tuple[Held, ...]
    unread: tuple[Path, ...]

    @property
    def notes(self) -> list[str]:
        """What remains to be done, one sentence each."""
        said = [
            f"The model {v.name!r} (version {v.version}, published {v.created}) may have been fitted with their "
            "data. Fit it again and publish it; the publish after that overwrites what a rollback would bring back."
            for v in self.models
        ]
        said += [
            f"{str(each.path)!r} ({each.what}) still holds {shown(list(each.users))}. Remove it or write it anew."
            for each in self.held
        ]
        return said + [f"{str(path)!r} could not be searched. Look yourself." for path in self.unread]

    def __str__(self) -> str:
        done = len(self.users) - len(self.gone)
        lines = [f"{done:,} forgotten, {len(self.gone):,} not in the graph, nothing left"]
        totals = self.removed.groupby(["kind", "name"], sort=False)[["removed", "left"]].sum()
        for (kind, name), (removed, left) in zip(totals.index, totals.to_numpy().tolist(), strict=True):
            lines.append(f"{kind:12} {name:24} {removed:>10,} removed {left:>6,} left")
        return "\n".join([*lines, *self.notes])


def forget(
    store: GraphStore,
    schema: GraphSchema,
    users: Sequence[Any],
    *,
    saved: Sequence[str | Path] = (),
    missing_ok: bool = False,
    progress: Progress = silent,
) -> Forgotten:
    """Remove users from the graph: nodes, relationships of any type, vectors in both slots, mentions by others.

    Suggestions between other people that name a forgotten user keep their brief reason, which names nobody. Mentions
    go before the nodes, and up to 10,000 nodes go in one transaction, so that a call that was cut short can be
    repeated and then ends. A model that was fitted before can still be published: it skips users who are not there.

    Args:
        store: the graph.
        schema: what the labels mean.
        users: keys.
        saved: files and folders (searched to the bottom) of saved models, exports, and Parquet and CSV files, to be
            searched for the keys. They are named and never changed.
        missing_ok: leave out users who are not in the graph, instead of refusing.
        progress: called after each step.

    Returns:
        What was removed, what is left (nothing), and who else still holds it.

    Raises:
        ArgumentError: a path of ``saved`` is not there; nothing was removed.
        UnknownKeyError: a user is unknown and ``missing_ok`` is False; nothing was removed.
        StoreError: the graph still held something afterwards, since another program wrote meanwhile; repeat it.

    Cost: two passes over all suggestions, and over the users' own relationships.
    """
    keys = pc.unique(as_keys(users, "users"))
    paths = check_paths(saved)
    before = _survey(store, schema, keys)
    known = {key for key, _, _ in before}
    gone = [key for key in keys.to_pylist() if key not in known]
    if gone and not missing_ok:
        there = store.keys(schema.user)
        raise UnknownKeyError(
            f"`users` must be keys of {schema.user.label!r}. Got {len(gone)} unknown, such as {shown(gone[:3])}. "
            f"Keys here are {there.type}, such as {shown(there[:2].to_pylist())}. Nothing was removed; give "
            "missing_ok=True where they may be gone already."
        )
    held, unread = held_by(paths, keys, schema)
    present = keys.filter(pc.is_in(keys, pa.array(list(known), keys.type)))
    progress("mentions", 0, len(present))
    _unname(store, schema, present)
    progress("mentions", len(present), len(present))
    for start in range(0, len(present), USERS):
        store.delete_nodes(schema.user, present.slice(start, USERS))
        progress(schema.user.label, min(start + USERS, len(present)), len(present))
    for record in store.models():  # a job that was cut off knows whom it did last
        if record.get("done") in {json.dumps(key) for key in present.to_pylist()}:
            store.update_model(str(record["name"]), {"done": record["done"]}, {"done": None})
    after = _survey(store, schema, keys)
    if after:
        (key, kind, name), count = next(iter(after.items()))
        raise StoreError(
            f"The graph still holds {count} {kind} {name!r} of {shown(key)}: another program writes what was "
            "forgotten. Stop it, then forget again with missing_ok=True."
        )
    rows = [(*what, count, after.get(what, 0)) for what, count in before.items()]
    frame = pd.DataFrame(rows, columns=["user", "kind", "name", "removed", "left"])
    models = tuple(version_of(record) for record in store.models() if record.get("live"))
    return Forgotten(tuple(keys.to_pylist()), tuple(gone), frame, models, tuple(held), tuple(unread))


def _survey(store: GraphStore, schema: GraphSchema, keys: pa.Array) -> _Survey:
    """Return what the graph holds of some users, by key, kind and name; only what there is."""
    found: _Survey = {}
    held = store.describe()
    label = held.labels.get(schema.user.label)
    dialect = store.capabilities.dialect
    if label is None or not len(keys):
        return found
    if dialect == "ladybug" and ("INT" in label.properties.get(schema.user.key, "")) != pa.types.is_integer(
        keys.type
    ):
        return found
    slots = [slot_property(str(record["name"]), slot) for record in model_records(store) for slot in "ab"]
    slots = [slot for slot in slots if dialect == "neo4j" or slot in label.properties]
    columns = "".join(
        f", n.{quote(slot, dialect)} IS NOT NULL AS {quote(f'_{i}', dialect)}" for i, slot in enumerate(slots)
    )
    node = {"label": schema.user.label, "key": schema.user.key}
    types = {edge.type for edge in held.relationships if schema.user.label in (edge.source, edge.target)}
    named = _names_people(store, schema)
    for start in range(0, len(keys), USERS):
        some = {"keys": keys.slice(start, USERS).to_pylist()}
        for row in store.query(render(dialect, "read/properties", node, {"columns": columns}), some).to_pylist():
            found[row["key"], "node", schema.user.label] = 1
            found |= {(row["key"], "vector", slot): 1 for i, slot in enumerate(slots) if row[f"_{i}"]}
        if types:
            for row in store.query(render(dialect, "forget/ties", node), some).to_pylist():
                what = (row["key"], "relationship", row["type"])
                found[what] = found.get(what, 0) + row["count"]
        if named:
            for row in store.query(render(dialect, "forget/mentions", _suggested(schema)), some).to_pylist():
                found[row["key"], "mention", schema.suggestions.type] = row["count"]
    return found


def _unname(store: GraphStore, schema: GraphSchema, keys: pa.Array) -> None:
    if not _names_people(store, schema):
        return
    text = render(store.capabilities.dialect, "forget/unname", _suggested(schema))
    for start in range(0, len(keys), USERS):
        values = {"keys": keys.slice(start, USERS).to_pylist(), "limit": MENTIONS}
        while store.query(text, values, write=True)["count"][0].as_py():
            pass


def _names_people(store: GraphStore, schema: GraphSchema) -> bool:
    """Return whether there are suggestions that could name somebody; a graph file has no other properties."""
    suggested = [edge for edge in store.describe().relationships if edge.type == schema.suggestions.type]
    if store.capabilities.dialect == "neo4j":
        return bool(suggested)
    for edge in suggested:
        check_layout(edge.type, edge.properties)
    return any("named_1" in edge.properties for edge in suggested)


def _suggested(schema: GraphSchema) -> dict[str, str]:
    return {
        "user": schema.user.label,
        "user_key": schema.user.key,
        "suggested": schema.suggestions.type,
    }
