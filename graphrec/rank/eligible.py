"""Who may be recommended: the one place that says so.

What a *user* may not get (what they have seen) is a sparse matrix, ``hidden``; what *nobody* may get is a mask,
``allowed``. Both go to `graphrec.rank.topk`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from graphrec.data.tables import as_keys
from graphrec.errors import ArgumentError, near, problem, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import NodeTable


def allowed_mask(
    items: NodeTable, *, include: Any = None, exclude: Any = None, matching: Any = None
) -> NDArray[np.bool_] | None:
    """Return the items that anyone may get, bool [n_items], or None where that is every item.

    A key that is not among the items matches nothing, as ``IN`` does in Cypher; an empty ``include`` leaves no item.

    Args:
        items: the items that are ranked.
        include: keys of the only items to consider.
        exclude: keys of items to leave out.
        matching: keys of the items that fulfil a predicate.

    Raises:
        ArgumentError: an argument is no list of keys, or of keys of the other type.
    """
    if include is None and exclude is None and matching is None:
        return None
    allowed = np.ones(len(items), bool)
    for name, keys in (("include", include), ("matching", matching)):
        if keys is not None:
            allowed &= _member(items, keys, name)
    if exclude is not None:
        allowed &= ~_member(items, exclude, "exclude")
    return allowed


def matching_items(data: Dataset, where: Mapping[str, Any]) -> pa.Array:
    """Return the keys of the items that have the wanted attributes.

    Args:
        data: holds the attribute relationships.
        where: by attribute relationship, one key or a list of keys of which an item must have at least one; all
            relationships named must match. A key that no node has matches nothing, as in Cypher.

    Raises:
        ArgumentError: a name is no attribute of items, or keys are of the other type. A filter of the schema is
            Cypher, which only a database runs.
    """
    known = {a.type: a for a in data.schema.attributes if a.of == "item"}
    found = np.ones(len(data.items), bool)
    if not isinstance(where, Mapping):
        raise ArgumentError(problem("where", "must give keys by name, as in {'HAS_GENRE': ['Comedy']}", where))
    for name, wanted in where.items():
        if name in {f.name for f in data.schema.filters}:
            remedy = "A filter is Cypher: use `graph.recommend`, which asks the database."
            raise ArgumentError(problem("where", "must name attributes of items without a database", name, remedy))
        if name not in known:
            raise ArgumentError(problem("where", "must name attributes of items", name, near(str(name), known)))
        edge, nodes = data.edges[name], data.nodes[known[name].to.label]
        many = not isinstance(wanted, str | bytes) and hasattr(wanted, "__iter__")
        values = _member(nodes, list(wanted) if many else [wanted], f"where[{name!r}]")
        having = np.zeros(len(data.items), bool)
        having[edge.source_rows[values[edge.target_rows]]] = True
        found &= having
    return data.items.take(np.flatnonzero(found))


def _member(nodes: NodeTable, keys: Any, argument: str) -> NDArray[np.bool_]:
    if isinstance(keys, str | bytes) or not hasattr(keys, "__iter__"):
        raise ArgumentError(problem(argument, "must be a list of item keys", keys))
    wanted = as_keys(sorted(keys) if isinstance(keys, set | frozenset) else keys, argument)
    if len(wanted) and len(nodes) and wanted.type != nodes.keys.type:
        example = shown(nodes.keys[:2].to_pylist())
        raise ArgumentError(
            problem(argument, f"must hold keys of type {nodes.keys.type}, such as {example}", wanted[:2].to_pylist())
        )
    found = np.zeros(len(nodes), bool)
    rows = nodes.rows(wanted, argument)
    found[rows[rows >= 0]] = True
    return found
