"""Nodes that came after a publish get their vectors, without training and without the model's file.

Items get theirs from what describes them, by the model's item map; users from their items, or else from what
describes them, by its user map. Both slots are filled, each by its own maps, so that a rollback has the new nodes
too; each becomes a minor version of itself, such as 7.1. No other vector changes.
"""

from __future__ import annotations

import warnings
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import GraphRecWarning, PublishError
from graphrec.publish.described import encoded_now
from graphrec.publish.drift import drifted, sizes
from graphrec.publish.features import read_maps
from graphrec.publish.fold_in import fold_in
from graphrec.publish.lift import lengths, lift, query
from graphrec.publish.record import find, live, locked
from graphrec.publish.served import code, ways
from graphrec.publish.vectors import silent
from graphrec.publish.version import standby_of, version_of
from graphrec.store.queries import render
from graphrec.store.recipes import cold_property, slot_property

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.features import Encoder
    from graphrec.publish.features import Maps
    from graphrec.publish.record import Lock
    from graphrec.publish.vectors import Progress
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore

ROWS = 10_000  # nodes that are looked at together


@dataclass(frozen=True)
class Refreshed:
    """What a refresh did.

    Attributes:
        version: the live version now.
        standby: the version that a rollback would bring now, or None.
        counts: a frame with the columns ``version``, ``label``, ``path`` (``"attributes"``, ``"fold-in"``, or
            ``"none"`` where a node could not be served), ``nodes`` (how many) and ``why``.
        notes: why the model is to be fitted and published anew, a sentence each; mostly nothing.
    """

    version: Version
    standby: Version | None
    counts: pd.DataFrame
    notes: tuple[str, ...]

    def __str__(self) -> str:
        said = [f"{self.version.name} {self.version.shown} is live"]
        said += [f"{row.version} {row.label}: {row.nodes:,} {row.path} {row.why}" for row in self.counts.itertuples()]
        return "\n".join([*said, *self.notes])


def refresh(
    store: GraphStore,
    schema: GraphSchema,
    name: str | None = None,
    *,
    wait_s: float = 120.0,
    progress: Progress = silent,
) -> Refreshed:
    """Give vectors to users and items that have none, in the live version and in the one on standby.

    Users whom an earlier refresh gave a vector, or whose vector was made of attributes, are folded in again where
    they have other items now. A refresh that was cut off leaves whole vectors; the next one goes on.

    Args:
        store: the graph.
        schema: what the labels mean.
        name: the published model; None where there is one.
        wait_s: how long to wait for a publisher of the same name.
        progress: called after each batch.

    Returns:
        What was done, and whom nothing could be done for.

    Raises:
        UnknownKeyError: no such model is live.
        ModelError: it was published for other labels.
        PublishError: a publisher is at work or took over.

    Warns:
        GraphRecWarning: the model is to be fitted and published anew: an item's vector is longer than the index has
            room for, or the graph has grown by more than a tenth.

    Cost: a scan for nodes without a vector, and their items and attributes, 10,000 nodes at a time.
    """
    name = live(store, name, schema).name
    with locked(store, name, wait_s) as lock:
        record = find(store, name)
        if record is None:
            raise PublishError(f"The model {name!r} was removed. Publish it again.")
        again = bool(record.get("refreshing"))
        lock.set({"refreshing": True})
        slots = [
            _Slot(store, schema, lock, progress, version, read_maps(store, version))
            for version in (standby_of(record), version_of(record))
            if version is not None
        ]
        for slot in slots:
            slot.fill()
        done = [slot.after(again=again) for slot in slots]
        version, standby = done[-1], done[0] if len(done) > 1 else None
        lock.refreshed(version, standby)
    rows = [
        (new.shown, label, path or "none", nodes, why)
        for slot, new in zip(reversed(slots), reversed(done), strict=True)
        for (label, path, why), nodes in slot.counts.items()
    ]
    notes = [note for slot in slots[-1:] for note in slot.notes] + drifted(version, sizes(store, schema))
    for note in notes:
        warnings.warn(note, GraphRecWarning, stacklevel=3)
    counts = pd.DataFrame(rows, columns=["version", "label", "path", "nodes", "why"])
    return Refreshed(version, standby, counts, tuple(notes))


@dataclass
class _Slot:
    """One slot while it is filled; ``counts`` by label, path and reason."""

    store: GraphStore
    schema: GraphSchema
    lock: Lock
    progress: Progress
    version: Version
    maps: Maps
    counts: Counter[tuple[str, str, str]] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)
    written: int = 0

    def __post_init__(self) -> None:
        at = self.version
        self.place = slot_property(at.name, at.slot)
        self.fold_place = slot_property(at.name, at.slot, fold_in=True)
        self.cold_place = cold_property(at.name, at.slot)

    def fill(self) -> None:
        """Serve all nodes without a vector: items first, for users are folded in by them."""
        self._each(self.schema.item, self._bare(self.schema.item), self._items)
        user = self.schema.user
        self._each(user, self.store.read_vectors(user, self.cold_place)[0], self._users_again)
        self._each(user, self._bare(user), self._users)

    def after(self, *, again: bool) -> Version:
        """Return the version as it is now; after a refresh that was cut off it is another one in any case."""
        if not self.written and not again:
            return self.version
        counted = {
            side: (self._covered(node), len(self.store.read_vectors(node, self.cold_place)[0]))
            for side, node in (("users", self.schema.user), ("items", self.schema.item))
        }
        return replace(
            self.version,
            minor=self.version.minor + 1,
            users=counted["users"][0],
            items=counted["items"][0],
            cold_users=counted["users"][1],
            cold_items=counted["items"][1],
        )

    def _each(self, node: Node, keys: pa.Array, serve: Callable[[pa.Array], None]) -> None:
        keys = keys.take(pc.sort_indices(keys))
        for start in range(0, len(keys), ROWS):
            serve(keys.slice(start, ROWS))
            self.progress(f"{node.label}.{self.place}", min(start + ROWS, len(keys)), len(keys))

    def _items(self, keys: pa.Array) -> None:
        item, maps = self.schema.item, self.maps.get("item")
        if maps is None:
            self.counts[item.label, "", "the model maps no attributes of items"] += len(keys)
            return
        encoded = self._encoded(item, maps.encoder, keys)
        vectors = maps.applied(encoded)
        told: NDArray[np.bool_] = np.asarray(vectors.any(axis=1))
        norms = lengths(vectors)
        most = self.version.scale if self.version.lifted else np.inf
        long: NDArray[np.bool_] = told & (norms > most)
        self._missed(item, ~told, "nothing that the model knows describes them")
        self._missed(item, long, "their vectors are longer than the index has room for")
        if long.any():
            self.notes.append(
                f"{int(long.sum()):,} items, such as {keys[int(np.argmax(long))].as_py()!r}, have vectors longer "
                f"than the {self.version.scale:g} that the index of version {self.version.version} has room for, and "
                "get none. Fit the model again and publish it."
            )
        fit = np.flatnonzero(told & ~long)
        fit = fit[np.argsort(-norms[fit], kind="stable")]  # as in a publish
        if self.version.fold_in and "fold_in" in maps.matrices:
            self._write(item, self.fold_place, keys, maps.applied(encoded, "fold_in"), fit)
        shaped = lift(vectors, self.version.scale) if self.version.lifted else vectors
        self._finish(item, keys, shaped, fit, "attributes")

    def _users(self, keys: pa.Array) -> None:
        user, maps = self.schema.user, self.maps.get("user")
        vectors = self._folded(keys)
        folded: NDArray[np.bool_] = np.asarray(vectors.any(axis=1))
        told: NDArray[np.bool_] = np.zeros(len(keys), np.bool_)
        if maps is not None and not folded.all():
            rest = np.flatnonzero(~folded)
            vectors[rest] = maps.applied(self._encoded(user, maps.encoder, keys.take(pa.array(rest))))
            told = vectors.any(axis=1) & ~folded
        self._finish(user, keys, self._query(vectors), np.flatnonzero(folded), "fold-in")
        self._finish(user, keys, self._query(vectors), np.flatnonzero(told), "attributes")
        why = "no items that the model knows" if self.version.fold_in else "the model cannot fold in"
        why += ", and nothing that it knows describes them" if maps is not None else ""
        self._missed(user, ~folded & ~told, why)

    def _users_again(self, keys: pa.Array) -> None:
        vectors = self._query(self._folded(keys))
        there, stored = self.store.read_vectors(self.schema.user, self.place, keys)
        old = np.zeros_like(vectors)
        if len(there):
            old[np.asarray(pc.index_in(there, keys), np.int64)] = stored
        told: NDArray[np.bool_] = np.asarray(vectors.any(axis=1))
        gone = ~told & old.any(axis=1) & (ways(self.store, self.schema.user, self.cold_place, keys) == "fold-in")
        without = keys.filter(pa.array(gone))  # of their items: as new as anybody
        for place in (self.place, self.cold_place):
            self.written += self.store.clear_vectors(self.schema.user, place, without, self.lock.fence())
        other = told & (vectors != old).any(axis=1)
        self._finish(self.schema.user, keys, vectors, np.flatnonzero(other), "fold-in", "they have other items now")

    def _encoded(self, node: Node, encoder: Encoder, keys: pa.Array) -> sp.csr_array:
        found, note = encoded_now(self.store, self.schema, encoder, keys)
        self.notes += [f"{node.label!r}: {note}"] if note else []
        return found

    def _folded(self, keys: pa.Array) -> NDArray[np.float32]:
        targets = [self.schema.relationships[kind.type] for kind in self.schema.targets]
        pairs = self.store.neighbours(targets, keys)
        return fold_in(self.store, self.schema, self.version, keys, pairs)[0].astype(np.float32)

    def _query(self, vectors: NDArray[np.float32]) -> NDArray[np.float32]:
        return query(vectors) if self.version.lifted else vectors

    def _finish(
        self,
        node: Node,
        keys: pa.Array,
        vectors: NDArray[np.float32],
        rows: NDArray[np.int64],
        way: str,
        why: str = "",
    ) -> None:
        """Write how and what; the vector comes last, since who has one counts as served."""
        if len(rows):
            self.store.prepare_vectors(node, self.cold_place, 1, index=False)
            self._write(node, self.cold_place, keys, code(way, len(keys)), rows)
            self.written += self._write(node, self.place, keys, vectors, rows)
            self.counts[node.label, way, why] += len(rows)

    def _write(
        self, node: Node, place: str, keys: pa.Array, vectors: NDArray[np.float32], rows: NDArray[np.int64]
    ) -> int:
        some = keys.take(pa.array(rows))
        return self.store.write_vectors(node, place, some, vectors[rows], self.lock.fence())

    def _missed(self, node: Node, rows: NDArray[np.bool_], why: str) -> None:
        if rows.any():
            self.counts[node.label, "", why] += int(rows.sum())

    def _bare(self, node: Node) -> pa.Array:
        found = self.store.query(self._text("read/bare", node, self.place))["key"].combine_chunks()
        if other := found.null_count:
            self.counts[node.label, "", "their keys are of another type than those that were published"] += other
        return found.drop_null() if len(found) > other else pa.array([], pa.string())

    def _covered(self, node: Node) -> int:
        return cast("int", self.store.query(self._text("read/covered", node, self.place))["covered"][0].as_py())

    def _text(self, name: str, node: Node, place: str) -> str:
        names = {"label": node.label, "key": node.key, "property": place}
        return render(self.store.capabilities.dialect, name, names)
