"""Answers from the live version of a published model: its vectors, and what users have seen, are the graph's own."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import NodeTable, as_keys, pair_matrix
from graphrec.errors import ArgumentError, ModelError, StoreError, UnknownKeyError, problem, shown
from graphrec.publish.lift import unlift
from graphrec.publish.record import live
from graphrec.store.queries import render
from graphrec.store.recipes import condition, condition_parameters, recipe, slot_property

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.publish.record import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

Via = Literal["memory", "database", "index"]


@dataclass(frozen=True)
class _Loaded:
    version: Version
    items: NodeTable
    vectors: NDArray[np.float32]


class Live:
    """The live version of one model.

    Item vectors are read once and kept until the pointer moves; each call asks the graph for the pointer, for the
    vectors of its users, and for what they have seen.

    Args:
        store: the graph.
        schema: what the labels mean.
        name: the published model's name.
    """

    def __init__(self, store: GraphStore, schema: GraphSchema, name: str) -> None:
        self.store, self.schema, self.name = store, schema, name
        self._loaded: _Loaded | None = None
        self._lock = Lock()

    def load(self) -> _Loaded:
        """Return the live version with its item vectors, read again where the pointer has moved."""
        with self._lock:
            for _ in range(3):
                version = live(self.store, self.name)
                if self._loaded and self._loaded.version == version:
                    return self._loaded
                keys, vectors = self.store.read_vectors(self.schema.item, slot_property(self.name, version.slot))
                # a publish that ended meanwhile may have begun to overwrite this slot
                if live(self.store, self.name).version == version.version:
                    order = pc.sort_indices(keys)
                    vectors = vectors[np.asarray(order)]
                    items = NodeTable(self.schema.item.label, keys.take(order), pa.table({}))
                    loaded = unlift(vectors, version.scale) if version.lifted else vectors
                    self._loaded = _Loaded(version, items, loaded)
                    return self._loaded
        raise StoreError(f"The model {self.name!r} was published three times while it was read. Try again.")
