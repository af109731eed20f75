"""Publish a model: its vectors onto the nodes, into the slot that is not live, then live in one transaction."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Protocol, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import pair_matrix
from graphrec.errors import ArgumentError, ModelError, PublishError, problem
from graphrec.publish.lift import lift, query, scale_for
from graphrec.publish.record import Version, locked, other
from graphrec.rank.scorer import Scorer
from graphrec.rank.topk import topk_vectors
from graphrec.store.recipes import check_model_name, recipe, slot_property

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.publish.record import Lock
    from graphrec.rank.scorer import Vectors
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore

ROWS = 20_000  # rows between two renewals of the lease
MISSING = 0.05  # a model may cover this share of nodes that are gone since; beyond it, it is of another graph
SAMPLE = 200  # vectors of each column that are read back


class Progress(Protocol):
    """Called while vectors are written."""

    def __call__(self, what: str, done: int, total: int) -> None:
        """Say which vectors, how many rows are written, and how many there are."""


def silent(what: str, done: int, total: int) -> None:
    """Report nothing."""


@dataclass(frozen=True)
class _Column:
    """Vectors on their way to one property: ``vectors[rows]``, shaped by ``shape`` batch by batch."""

    node: Node
    table: NodeTable
    graph_keys: pa.Array
    place: str
    vectors: NDArray[np.float32]
    rows: NDArray[np.int64]
    shape: Callable[[NDArray[np.float32]], NDArray[np.float32]]
    index: bool = False

    @property
    def width(self) -> int:
        return int(self.shape(self.vectors[:0]).shape[1])

    def batch(self, rows: NDArray[np.int64]) -> tuple[pa.Array, NDArray[np.float32]]:
        return self.table.take(rows), np.ascontiguousarray(self.shape(self.vectors[rows]))


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
    moves. Until then, and after any failure or kill, the version that was live serves on. Users whose vector is zero
    get none: nothing is known of them.

    Args:
        store: where to publish.
        schema: which labels are users and items.
        model: a fitted model whose scores are inner products.
        name: the published name; it becomes part of property names, such as ``movies_a``.
        wait_s: how long to wait for another publisher of the same name.
        progress: called after each batch.

    Returns:
        The version that went live.

    Raises:
        ArgumentError: the name may not become part of a property name, or the model is not fitted or has no vectors.
        ModelError: the model's vectors are not finite, or it belongs to another graph.
        PublishError: another publisher is at work or took over, or what was read back differs.

    Cost: each vector is written once; memory is one batch of 20,000 vectors beside the model.
    """
    check_model_name(name)
    if not isinstance(getattr(model, "item_vectors", None), np.ndarray):
        if not isinstance(model, Scorer):
            raise ArgumentError(problem("model", "must be a fitted model", model, "Call fit(data) first."))
        remedy = "Publish a model of vectors, such as LightGCN; `graphrec.recommend` serves this one from Python."
        raise ArgumentError(problem("model", "must have vectors that can be put on nodes", model, remedy))
    model = cast("Vectors", model)
    _check_vectors(model)
    user_keys, user_rows = _present(store, schema.user, model.users)
    item_keys, item_rows = _present(store, schema.item, model.items)
    user_rows = user_rows[_norms(model.user_vectors)[user_rows] > 0]
    item_rows = item_rows[np.argsort(-_norms(model.item_vectors)[item_rows], kind="stable")]  # the index needs it so
    fold_in = model.fold_in_vectors
    lifted = store.capabilities.vector_index
    scale = scale_for(model.item_vectors) if lifted else 1.0

    def as_item(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return lift(vectors, scale) if lifted else vectors

    def columns(slot: str) -> list[_Column]:
        place, fold_place = slot_property(name, slot), slot_property(name, slot, fold_in=True)
        users = partial(_Column, schema.user, model.users, user_keys)
        items = partial(_Column, schema.item, model.items, item_keys)
        return [
            users(place, model.user_vectors, user_rows, query if lifted else _same),
            items(place, model.item_vectors, item_rows, as_item, index=lifted),
            # a model that cannot fold in writes nothing here, and what an older one left is cleared
            items(fold_place, model.item_vectors, item_rows[:0], _same)
            if fold_in is None
            else items(fold_place, fold_in, item_rows, _same),
        ]

    with locked(store, name, wait_s) as lock:
        record = lock.begin_overwrite()
        slot = other(record.get("live"))
        for interaction in schema.hiding:  # statements name these types, also where none is loaded yet
            store.prepare_relationship(schema.relationships[interaction.type], pa.schema([]))
        # Statements name both slots, so the first version makes both.
        for each in (slot, other(slot)) if not record.get("live") else (slot,):
            for target in columns(each):
                store.prepare_vectors(target.node, target.place, target.width, index=target.index)
        for target in columns(slot):
            _write(store, target, lock, progress)
            _verify(store, target)
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
        )
        lock.flip(record, version)
        if lifted and len(user_rows) and len(item_rows):
            version = replace(version, index_recall=_index_recall(store, schema, model, name, user_rows))
            lock.set({"index_recall": version.index_recall})
    return version


def _same(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    return vectors


def _norms(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    squares: NDArray[np.float64] = np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64)
    return np.sqrt(squares)


def _check_vectors(model: Vectors) -> None:
    for what in ("user_vectors", "item_vectors", "fold_in_vectors"):
        vectors = getattr(model, what)
        if vectors is not None and not np.isfinite(vectors).all():
            raise ModelError(
                f"`{what}` of {model.name!r} must be finite to be published. Got NaN or infinity. Fit again."
            )


def _present(store: GraphStore, node: Node, table: NodeTable) -> tuple[pa.Array, NDArray[np.int64]]:
    """Return the graph's keys of a label, and the model's rows whose node is still there."""
    if table.label != node.label:
        raise ModelError(f"The model was fitted on the label {table.label!r}, the schema says {node.label!r}.")
    keys = store.keys(node)
    known = keys.type == table.keys.type
    present = np.asarray(pc.is_in(table.keys, keys)) if known and len(keys) else np.zeros(len(table), bool)
    missing = int((~present).sum())
    if missing > MISSING * len(table):
        raise ModelError(
            f"The model belongs to another graph: of its {len(table):,} {node.label!r} keys ({table.keys.type}) "
            f"{missing:,} are not among the {len(keys):,} here ({keys.type}). Fit it on this graph."
        )
    return keys, np.flatnonzero(present)


def _write(store: GraphStore, column: _Column, lock: Lock, progress: Progress) -> None:
    for start in range(0, len(column.rows), ROWS):
        rows = column.rows[start : start + ROWS]
        keys, vectors = column.batch(rows)
        written = store.write_vectors(column.node, column.place, keys, vectors, lock.fence())
        if written != len(rows):
            raise PublishError(
                f"{len(rows) - written} of {len(rows)} {column.node.label!r} nodes vanished while their vectors were "
                "written. Nothing went live; publish again."
            )
        progress(f"{column.node.label}.{column.place}", start + len(rows), len(column.rows))
    written_keys = column.table.take(column.rows)
    stale = column.graph_keys.filter(pc.invert(pc.is_in(column.graph_keys, written_keys)))
    if len(stale):
        store.clear_vectors(column.node, column.place, stale, lock.fence())


def _verify(store: GraphStore, column: _Column) -> None:
    """Read a sample back: the first and last rows written and some between."""
    if not len(column.rows):
        return
    rows = column.rows[np.unique(np.linspace(0, len(column.rows) - 1, SAMPLE).astype(np.int64))]
    keys, expected = column.batch(rows)
    found_keys, found = store.read_vectors(column.node, column.place, keys)
    order = pc.index_in(keys, found_keys)
    if order.null_count or not np.array_equal(found[np.asarray(order)], expected):
        raise PublishError(
            f"Vectors of {column.node.label!r} read back from {column.place!r} differ from the model's. "
            "Nothing went live; publish again, and check whether another program writes that property."
        )


def _index_recall(
    store: GraphStore, schema: GraphSchema, model: Vectors, name: str, user_rows: NDArray[np.int64], k: int = 20
) -> float:
    """Return recall@k of the index path's unseen lists against exact ones, over a sample of 64 users."""
    rows = np.unique(user_rows[np.linspace(0, len(user_rows) - 1, 64).astype(np.int64)])
    keys = model.users.take(rows)
    relationships = [schema.relationships[i.type] for i in schema.hiding]
    hidden = pair_matrix(store.neighbours(relationships, keys), keys, model.items) if relationships else None
    exact = topk_vectors(model.user_vectors[rows], model.item_vectors, k, hidden=hidden).rows
    text = recipe(store.capabilities.dialect, "topk_index", schema, name)
    hits = total = 0
    for key, best in zip(keys.to_pylist(), exact, strict=True):
        wanted = set(model.items.take(best[best >= 0]).to_pylist())
        hits += len(wanted.intersection(store.query(text, {"user": key, "k": k})["item_id"].to_pylist()))
        total += len(wanted)
    return hits / total if total else 1.0
