"""Publish a model: its vectors onto the nodes, into the slot that is not live, then live in one transaction."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import pair_matrix
from graphrec.errors import ArgumentError, ModelError, PublishError, StoreError, problem
from graphrec.publish.columns import MISSING, Column, same, verify, write
from graphrec.publish.drift import sizes
from graphrec.publish.features import maps_of, remove_stale, write_maps
from graphrec.publish.lift import lengths, lift, query, scale_for
from graphrec.publish.record import find, locked
from graphrec.publish.served import mark
from graphrec.publish.version import Version, other, standby_of, version_of
from graphrec.rank.scorer import Scorer, check_fitted, check_vectors
from graphrec.rank.topk import topk_vectors
from graphrec.store.queries import render
from graphrec.store.recipes import check_model_name, cold_property, recipe, slot_property

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.rank.scorer import Vectors
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore


class Progress(Protocol):
    """Called while vectors are written."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say which vectors, how many rows are written, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


def publish(
    store: GraphStore,
    schema: GraphSchema,
    model: Vectors | Scorer,
    name: str,
    *,
    wait_s: float = 120.0,
    progress: Progress = silent,
) -> Version:
    """Write a model's vectors onto user and item nodes and make them live.

    The slot that is not live is filled, a sample is read back and compared bit for bit, and only then the pointer
    moves. Until then, and after any failure or kill, the version that was live serves on. Users and items whose
    vector is zero get none: nothing is known of them. The model's maps from attributes to vectors, where it has some,
    are written too, so that `graphrec.publish.refresh` needs no model.

    Args:
        store: where to publish.
        schema: which labels are users and items.
        model: a fitted model whose scores are inner products, or any object with the attributes of
            `graphrec.rank.scorer.Vectors`.
        name: the published name; it becomes part of property names, such as ``movies_a``.
        wait_s: how long to wait for another publisher of the same name.
        progress: called after each batch.

    Returns:
        The version that went live.

    Raises:
        ArgumentError: the name may not become part of a property name, the model is not fitted or has no vectors, or
            vectors are not float32 [n, d] with a row for each key.
        ModelError: the model's vectors are not finite, or it belongs to another graph.
        PublishError: another publisher is at work or took over, the name is that of a model of other labels, a node
            is a user and an item, or what was read back differs.

    Cost: each vector is written once; memory is one batch of 20,000 vectors beside the model.
    """
    check_model_name(name)
    if not hasattr(model, "item_vectors"):
        check_fitted(model)
        remedy = "Publish a model of vectors, such as Fusion; `graphrec.recommend` serves this one from Python."
        raise ArgumentError(problem("model", "must have vectors that can be put on nodes", model, remedy))
    model = cast("Vectors", model)
    check_vectors(model)
    _check_finite(model)
    _apart(store, schema)
    user_keys, user_rows = _present(store, schema.user, model.users)
    item_keys, item_rows = _present(store, schema.item, model.items)
    user_rows = user_rows[lengths(model.user_vectors)[user_rows] > 0]
    item_rows = item_rows[lengths(model.item_vectors)[item_rows] > 0]
    fold_in = model.fold_in_vectors
    lifted = store.capabilities.vector_index
    if lifted:  # the index needs the longest first
        item_rows = item_rows[np.argsort(-lengths(model.item_vectors)[item_rows], kind="stable")]
    scale = scale_for(model.item_vectors) if lifted else 1.0

    def as_item(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return lift(vectors, scale) if lifted else vectors

    maps = maps_of(model)

    def columns(slot: str) -> list[Column]:
        place, fold_place = slot_property(name, slot), slot_property(name, slot, fold_in=True)
        users = partial(Column, schema.user, keys=model.users.keys, there=user_keys)
        items = partial(Column, schema.item, keys=model.items.keys, there=item_keys)
        return [
            users(place, vectors=model.user_vectors, rows=user_rows, shape=query if lifted else same),
            items(place, vectors=model.item_vectors, rows=item_rows, shape=as_item, index=lifted),
            # a model that cannot fold in writes nothing here, and what an older one left is cleared
            items(fold_place, vectors=model.item_vectors, rows=item_rows[:0])
            if fold_in is None
            else items(fold_place, vectors=fold_in, rows=item_rows),
        ]

    with locked(store, name, wait_s) as lock:
        _own(store, schema, name)
        back = (find(store, name) or {}).get("standby")
        record = lock.begin_overwrite()
        slot = other(record.get("live"))
        for interaction in schema.hiding:  # statements name these types, also where none is loaded yet
            store.prepare_relationship(schema.relationships[interaction.type], pa.schema([]))
        # Statements name both slots, so the first version makes both.
        try:
            for each in (slot, other(slot)) if not record.get("live") else (slot,):
                for target in columns(each):
                    store.prepare_vectors(target.node, target.place, target.width, index=target.index)
        except StoreError:
            old = standby_of({"standby": back})
            if old and old.dim == model.item_vectors.shape[1]:  # vectors of another width may be gone by now
                with suppress(StoreError, PublishError):
                    lock.set({"standby": back})
            raise
        for target in columns(slot):
            write(store, target, lock, progress)
            verify(store, target)
        cold_users, cold_items = (
            mark(store, node, cold_property(name, slot), table.keys, _codes(model, side), rows, lock, progress)
            for node, table, side, rows in (
                (schema.user, model.users, "users", user_rows),
                (schema.item, model.items, "items", item_rows),
            )
        )
        features = write_maps(store, name, slot, maps, lock, progress)
        version = Version(
            name=name,
            version=1 + max(int(cast("int", record.get(field) or 0)) for field in ("version", "last")),
            slot=slot,
            kind=model.name,
            dim=int(model.item_vectors.shape[1]),
            scale=scale,
            lifted=lifted,
            fold_in=fold_in is not None,
            fingerprint=str(getattr(model, "fingerprint", "")),
            users=len(user_rows),
            items=len(item_rows),
            created=datetime.now(UTC).isoformat(timespec="seconds"),
            cold_users=cold_users,
            cold_items=cold_items,
            features=features,
            graph=sizes(store, schema),
            user_label=schema.user.label,
            item_label=schema.item.label,
        )
        lock.flip(record, version)
        remove_stale(store, name, lock)
        if lifted and len(user_rows) and len(item_rows):
            version = replace(version, index_recall=_index_recall(store, schema, model, name, user_rows, item_rows))
            lock.set({"index_recall": version.index_recall})
    return version


def _apart(store: GraphStore, schema: GraphSchema) -> None:
    """Refuse a node that is a user and an item: its two vectors would stand in one property."""
    if store.capabilities.dialect == "neo4j":
        names = {"user": schema.user.label, "user_key": schema.user.key, "item": schema.item.label}
        both = store.query(render("neo4j", "vectors/both", names))
        if both.num_rows:
            ends = f"{schema.user.label!r} and {schema.item.label!r}"
            remedy = "Take one of the labels off, or give items or users a label of their own."
            raise PublishError(
                problem("schema", f"must not have a node that is {ends}", both["key"][0].as_py(), remedy)
            )


def _own(store: GraphStore, schema: GraphSchema, name: str) -> None:
    """Refuse the name of a model of other labels, whose users it serves."""
    record = find(store, name) or {}
    if record.get("live") and not (old := version_of(record)).belongs(schema):
        remedy = (
            f"It is of {old.user_label!r} and {old.item_label!r}. Publish under another name; if these labels were "
            f"renamed, remove its record: MATCH (m:GraphrecModel {{name: '{name}'}}) DETACH DELETE m"
        )
        raise PublishError(problem("name", "must not be that of another schema's model", name, remedy))


def _codes(model: Vectors, side: str) -> NDArray[np.float32]:
    """Return what gave each vector (`graphrec.publish.served`): 0 training, 1 maps, 2 a fold-in."""
    cold: NDArray[np.bool_] | None = getattr(model, f"cold_{side}", None)
    return np.zeros(len(getattr(model, side)), np.float32) if cold is None else cold.astype(np.float32)


def _check_finite(model: Vectors) -> None:
    for what in ("user_vectors", "item_vectors", "fold_in_vectors"):
        vectors = getattr(model, what)
        if vectors is not None and not np.isfinite(vectors).all():
            raise ModelError(
                f"`{what}` of {model.name!r} must be finite to be published. Got NaN or infinity. Fit again."
            )


def _present(store: GraphStore, node: Node, table: NodeTable) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the graph's keys of a label, and the model's rows whose node is still there, last node first."""
    if table.label != node.label:
        raise ModelError(f"The model was fitted on the label {table.label!r}, the schema says {node.label!r}.")
    keys = store.keys(node)
    known = keys.type == table.keys.type and len(keys)
    rows = np.asarray(pc.index_in(keys, table.keys).drop_null(), np.int64) if known else np.zeros(0, np.int64)
    missing = len(table) - len(rows)
    if missing > MISSING * len(table):
        raise ModelError(
            f"The model belongs to another graph: of its {len(table):,} {node.label!r} keys ({table.keys.type}) "
            f"{missing:,} are not among the {len(keys):,} here ({keys.type}). Fit it on this graph."
        )
    return keys, rows[::-1]


def _index_recall(
    store: GraphStore,
    schema: GraphSchema,
    model: Vectors,
    name: str,
    user_rows: NDArray[np.int64],
    item_rows: NDArray[np.int64],
) -> float:
    """Return recall@20 of the index path's unseen lists against exact ones of what was written, over 64 users."""
    k = 20
    written = np.isin(np.arange(len(model.items)), item_rows)
    rows = np.unique(user_rows[np.linspace(0, len(user_rows) - 1, 64).astype(np.int64)])
    keys = model.users.take(rows)
    relationships = [schema.relationships[i.type] for i in schema.hiding]
    hidden = pair_matrix(store.neighbours(relationships, keys), keys, model.items) if relationships else None
    exact = topk_vectors(model.user_vectors[rows], model.item_vectors, k, hidden=hidden, allowed=written).rows
    text = recipe(store.capabilities.dialect, "topk_index", schema, name)
    hits = total = 0
    for key, best in zip(keys.to_pylist(), exact, strict=True):
        wanted = set(model.items.take(best[best >= 0]).to_pylist())
        hits += len(wanted.intersection(store.query(text, {"user": key, "k": k})["item_id"].to_pylist()))
        total += len(wanted)
    return hits / total if total else 1.0
