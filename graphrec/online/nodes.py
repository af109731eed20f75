"""Which nodes are there, what a property of them holds, and by which time to ask."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import NodeTable, as_keys
from graphrec.errors import ArgumentError, StoreError, UnknownKeyError, is_number, problem, shown
from graphrec.store.queries import quote, render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.publish.version import Version
    from graphrec.schema import Node
    from graphrec.store.protocol import GraphDescription, GraphStore

EVERY = 2**31 - 1
"""As many as there are, where a statement takes a number."""


def known_keys(
    store: GraphStore, node: Node, keys: Sequence[Any], argument: str, found: GraphDescription | None = None
) -> list[Any]:
    """Return keys, each once.

    Args:
        store: the graph.
        node: their label.
        keys: what to look for.
        argument: what a message calls them.
        found: what a graph file holds; None for a database that can be asked for what is not there.

    Raises:
        UnknownKeyError: one is not in the graph.
    """
    asked = pc.unique(as_keys(keys, argument))
    wanted: list[Any] = asked.to_pylist()
    known: set[Any] = set()
    label = found.labels.get(node.label) if found else None
    whole = label is not None and "INT" in label.properties.get(node.key, "")
    if wanted and (found is None or (label and whole == pa.types.is_integer(asked.type))):
        known = there(store, node, wanted)
    if unknown := [key for key in wanted if key not in known]:
        rule = f"must be keys of {node.label!r}. Got {len(unknown)} unknown, such as {shown(unknown[:3])}."
        raise UnknownKeyError(f"`{argument}` {rule}")
    return wanted


def there(store: GraphStore, node: Node, keys: list[Any]) -> set[Any]:
    """Return which of these keys are those of nodes."""
    text = render(store.capabilities.dialect, "read/there", {"label": node.label, "key": node.key})
    return set(store.query(text, {"keys": keys})["key"].to_pylist())


def with_vectors(node: Node, keys: pa.Array, version: Version) -> tuple[NodeTable, NDArray[np.int64]]:
    """Return the items that have vectors, in the order of their keys, and that order.

    Raises:
        StoreError: none has one, and some were published.
    """
    if version.items and not len(keys):
        raise StoreError(
            f"No {node.label!r} node has a vector of {version.name!r} version {version.shown}, which was published "
            f"with {version.items:,}: something removed the vectors or the nodes. Publish again, or roll back."
        )
    order = pc.sort_indices(keys)
    return NodeTable(node.label, keys.take(order), pa.table({})), np.asarray(order)


def held(store: GraphStore, node: Node, property: str, keys: Sequence[Any]) -> list[Any]:
    """Return what a property of each node holds; None where nothing does, or nobody has such a property."""
    dialect = store.capabilities.dialect
    label = store.describe().labels.get(node.label) if dialect == "ladybug" else None
    if not len(keys) or (label is not None and property not in label.properties):
        return [None] * len(keys)
    columns = f", n.{quote(property, dialect)} AS held"
    text = render(dialect, "read/properties", {"label": node.label, "key": node.key}, {"columns": columns})
    by_key = {row["key"]: row["held"] for row in store.query(text, {"keys": list(dict.fromkeys(keys))}).to_pylist()}
    return [by_key.get(key) for key in keys]


def check_now(now: float | None) -> float:
    """Return a time to go by, epoch seconds; None is this machine's clock.

    Raises:
        ArgumentError: it is no such number.
    """
    if now is None:
        return time.time()
    if not is_number(now) or not abs(now) < 2**53:
        raise ArgumentError(problem("now", "must be epoch seconds", now))
    return now
