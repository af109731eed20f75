"""The maps of a published model, in the graph: what gives vectors to nodes that came after the publish.

Each column of a map's encoder is a node ``(:GraphrecFeature {key, value})``, and so is what is added to every node.
Their properties for a slot, such as ``movies_a`` and ``movies_a_in``, hold the rows of the map's matrices. In the
first one four numbers follow: three whose sum is the column's own number (`graphrec.data.features.Block`), exactly,
and the column's place. The names and kinds of the blocks stand in the model's record.
"""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.feature_blocks import Block
from graphrec.data.feature_map import FeatureMap, amounts
from graphrec.data.features import Encoder
from graphrec.errors import ModelError, StoreError
from graphrec.publish.columns import Column, verify, write
from graphrec.publish.record import LEASE_S
from graphrec.schema import Node
from graphrec.store.protocol import Chunk
from graphrec.store.recipes import slot_property

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.described import Side
    from graphrec.publish.record import Lock
    from graphrec.publish.vectors import Progress
    from graphrec.publish.version import Version
    from graphrec.store.protocol import GraphStore

FEATURE = Node("GraphrecFeature", key="key", key_type="string", properties=("value",))
LOAD = "features:"  # begins the name of the load that makes nodes
LONGEST = 1_000  # bytes of a key as it is written; an index of Neo4j holds some 8,000
BEHIND = 4

Maps = dict["Side", FeatureMap]


def no_maps() -> Maps:
    """Return no maps."""
    return {}


def maps_of(model: object) -> Maps:
    """Return the maps that a model has.

    Raises:
        ModelError: they hold NaN, infinity or numbers beyond float32, or a column twice.
    """
    found: Maps = {}
    sides: tuple[Side, ...] = ("item", "user")
    for side in sides:
        each: FeatureMap | None = getattr(model, f"{side}_map", None)
        if each is None:
            continue
        if not all(np.isfinite(matrix).all() for matrix in each.matrices.values()):
            raise ModelError(f"`{side}_map` must be finite to be published. Fit again.")
        most = np.finfo(np.float32).max
        if far := [block.name for block in each.encoder.blocks if not (np.abs(block.numbers) < most).all()]:
            raise ModelError(
                f"`{side}_map` must have numbers below {most:.1e} to be published. {far[0]!r} has larger ones: "
                "divide them in the graph and fit again, or leave that feature out of the schema."
            )
        if len(set(_keys("", side, each.encoder))) != len(each.encoder) + 1:
            raise ModelError(f"`{side}_map` must have each column once: a feature is named twice in the schema.")
        found[side] = each
    return found


def write_maps(store: GraphStore, name: str, slot: str, maps: Maps, lock: Lock, progress: Progress) -> str | None:
    """Write maps into a slot, and return what the model's record must say of them.

    Cost: 20,000 columns of an encoder at a time.
    """
    texts = {side: _keys(name, side, each.encoder) for side, each in maps.items()}
    keys = pa.array([key for some in texts.values() for key in some], pa.string())
    values = [value for each in maps.values() for block in (*each.encoder.blocks, None) for value in _values(block)]
    _add_nodes(store, name, pa.table({"key": keys, "value": pa.array(values, pa.string())}))
    place, fold_place = slot_property(name, slot), slot_property(name, slot, fold_in=True)
    item = maps.get("item")
    fold_in = None if item is None else item.matrices.get("fold_in")
    wide = [np.concatenate([each.matrices["vector"], _behind(each.encoder)], axis=1) for each in maps.values()]
    columns = [Column(FEATURE, place, keys, np.concatenate(wide), np.arange(len(keys)))] if maps else []
    if fold_in is not None:
        columns.append(Column(FEATURE, fold_place, keys[: len(fold_in)], fold_in, np.arange(len(fold_in))))
    for column in columns:
        store.prepare_vectors(FEATURE, column.place, column.width, index=False)
        write(store, column, lock, progress)
        verify(store, column)
    for left in {place, fold_place} - {column.place for column in columns}:
        old = store.read_vectors(FEATURE, left)[0]
        if len(old):
            store.clear_vectors(FEATURE, left, old, lock.fence())
    said = {
        side: {
            "blocks": [[block.name, block.kind, len(block)] for block in each.encoder.blocks],
            "matrices": list(each.matrices),
        }
        for side, each in maps.items()
    }
    return json.dumps(said) if maps else None


def remove_stale(store: GraphStore, name: str, lock: Lock) -> None:
    """Remove the nodes of columns that no version of a model has any more."""
    keys = store.keys(FEATURE)
    if not len(keys):
        return
    keys = keys.filter(pc.starts_with(keys, f"{name}:"))
    for slot in "ab":
        used = store.read_vectors(FEATURE, slot_property(name, slot))[0]
        keys = keys.filter(pc.invert(pc.is_in(keys, used))) if len(used) else keys
    if len(keys):
        lock.set({"lock_until": time.time() + LEASE_S})
        store.delete_nodes(FEATURE, keys)


def read_maps(store: GraphStore, version: Version) -> Maps:
    """Return the maps of a published version, bit for bit as the model had them; none where it had none.

    Raises:
        StoreError: features are missing in the graph.
    """
    if version.features is None:
        return {}
    keys, rows = store.read_vectors(FEATURE, slot_property(version.name, version.slot))
    fold_keys, fold_rows = store.read_vectors(FEATURE, slot_property(version.name, version.slot, fold_in=True))
    named = store.snapshot([FEATURE], []).nodes[FEATURE.label]
    found: Maps = {}
    for side, said in json.loads(version.features).items():
        mine = np.flatnonzero(pc.starts_with(keys, f"{version.name}:{side}:")) if len(keys) else np.zeros(0, np.int64)
        order = mine[np.argsort(rows[mine, -1])] if len(mine) else mine
        sizes = [size for _, _, size in said["blocks"]]
        if not np.array_equal(rows[order, -1] if len(mine) else order, np.arange(sum(sizes) + 1)):
            raise StoreError(
                f"Of the features of {version.name!r} (version {version.version}) some are missing: "
                f"{len(mine):,} of {sum(sizes) + 1:,} {FEATURE.label!r} nodes are there. Publish the model again."
            )
        own = keys.take(pa.array(order))
        values = named["value"].combine_chunks().take(pc.index_in(own, named["key"].combine_chunks()))
        numbers = rows[order, version.dim].astype(np.float64) + rows[order, version.dim + 1 : -1].astype(
            np.float64
        ).sum(1)
        blocks, start = [], 0
        for block, kind, size in said["blocks"]:
            blocks.append(Block(block, kind, values.slice(start, size), numbers[start : start + size]))
            start += size
        matrices = {"vector": np.ascontiguousarray(rows[order, : version.dim])}
        if "fold_in" in said["matrices"]:
            matrices["fold_in"] = fold_rows[np.asarray(pc.index_in(own, fold_keys), np.int64)]
        found[side] = FeatureMap(Encoder(side, tuple(blocks)), matrices)
    return found


def _keys(name: str, side: str, encoder: Encoder) -> list[str]:
    """Return a key for each column, and for what is added to all; JSON keeps names with any signs apart."""
    parts = [[block.name, block.kind, value] for block in encoder.blocks for value in block.values.to_pylist()]
    parts = [part[:2] if amount else part for part, amount in zip(parts, amounts(encoder), strict=True)]
    texts = [json.dumps(part, ensure_ascii=False) for part in [*parts, []]]
    short = [text if len(text.encode()) <= LONGEST else hashlib.sha256(text.encode()).hexdigest() for text in texts]
    return [f"{name}:{side}:{text}" for text in short]


def _values(block: Block | None) -> list[str]:
    values: list[str] = [""] if block is None else block.values.to_pylist()
    return values


def _behind(encoder: Encoder) -> NDArray[np.float32]:
    """Return each column's number as a sum of three, and its place, float32 [m + 1, 4]."""
    rest = np.concatenate([*(block.numbers for block in encoder.blocks), np.zeros(1)])
    found = np.zeros((len(rest), BEHIND), np.float32)
    for part in range(BEHIND - 1):
        found[:, part] = rest
        rest = rest - found[:, part]
    found[:, -1] = np.arange(len(rest))
    return found


def _add_nodes(store: GraphStore, name: str, rows: pa.Table) -> None:
    """Make the nodes that are not there."""
    there = store.keys(FEATURE)
    rows = rows.filter(pc.invert(pc.is_in(rows["key"], there))) if len(there) else rows
    if not rows.num_rows:
        return
    store.prepare_node(FEATURE, rows.schema)
    load, step = f"{LOAD}{name}", store.capabilities.chunk_rows
    store.finish_load(load)  # of a publish that was cut short
    for number, start in enumerate(range(0, rows.num_rows, step)):
        store.upsert_nodes(FEATURE, rows.slice(start, step), Chunk(load, number))
    store.finish_load(load)
