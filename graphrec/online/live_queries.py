"""What the live version asks of the graph as it is now: what may be recommended, what is popular, lists by Cypher."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.errors import ArgumentError, ConnectionFailedError, DataError, GraphRecWarning, StoreError, problem
from graphrec.online.nodes import EVERY
from graphrec.publish.record import live
from graphrec.rank.eligible import allowed_mask
from graphrec.store.ladybug_topk import topk
from graphrec.store.queries import render
from graphrec.store.recipes import condition, condition_parameters, recipe, slot_property

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import pyarrow as pa
    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def allowed_now(
    store: GraphStore,
    schema: GraphSchema,
    items: NodeTable,
    include: Sequence[Any] | None,
    exclude: Sequence[Any] | None,
    where: Mapping[str, Any] | None,
) -> NDArray[np.bool_] | None:
    """Return the items that anyone may get, bool [n], or None where that is every item.

    Raises:
        ArgumentError: a filter is unknown, or its values do not fit the graph.
    """
    dialect = store.capabilities.dialect
    found = None
    if where:
        parameters = condition_parameters(schema, where)
        conditions = "".join(f" AND {condition(schema, name, dialect)}" for name in where)
        names = {"item": schema.item.label, "item_key": schema.item.key}
        text = render(dialect, "read/matching", names, {"conditions": conditions})
        try:
            found = store.query(text, parameters)["item_id"]
        except ConnectionFailedError:
            raise
        except (StoreError, DataError) as error:
            rule = "must give values that the graph's properties can be compared with"
            raise ArgumentError(problem("where", rule, dict(where), str(error))) from error
    return allowed_mask(items, include=include, exclude=exclude, matching=found)


def popularity_now(store: GraphStore, schema: GraphSchema, items: NodeTable) -> NDArray[np.float32]:
    """Return how many target interactions each item has, as vectors of one number, float32 [n, 1]."""
    targets = [schema.relationships[i.type] for i in schema.targets]
    counted = store.popular(targets, EVERY)  # others than `items` may have more
    rows = items.rows(counted["key"])
    counts = np.zeros((len(items), 1), np.float32)
    counts[rows[rows >= 0], 0] = counted["count"].to_numpy()[rows >= 0]
    return counts


def list_by_cypher(
    store: GraphStore,
    schema: GraphSchema,
    model: str,
    user: Any,
    k: int,
    *,
    index: bool,
    include: Sequence[Any] | None,
    exclude: Sequence[Any] | None,
    where: Mapping[str, Any] | None,
    exclude_seen: bool,
) -> pa.Table:
    """Return one user's list (``item_id``, ``score``) by the recipe, through the index where asked for."""
    if store.capabilities.dialect == "ladybug":  # several small statements are faster there than the recipe
        limits: dict[str, Any] = {"include": include, "exclude": exclude, "where": where}
        return topk(store, schema, model, user, k, **limits, exclude_seen=exclude_seen)
    lists = {name: list(keys) for name, keys in (("include", include), ("exclude", exclude)) if keys is not None}
    where = where or {}
    parameters = {"user": user, "k": k, **lists, **condition_parameters(schema, where)}
    asked: dict[str, Any] = {"include": "include" in lists, "exclude": "exclude" in lists, "where": list(where)}

    def run(name: str) -> pa.Table:
        text = recipe("neo4j", name, schema, model, exclude_seen=exclude_seen, **asked)
        return store.query(text, parameters)

    if not index:
        return run("topk")
    try:
        found = run("topk_index")
    except StoreError:
        place = slot_property(model, live(store, model).slot)
        if any(index.name == place and index.state == "ONLINE" for index in store.describe().indexes):
            raise
        what = (
            f"The vector index {place!r} is gone or not online: lists are made without it. Publish again to make one."
        )
        warnings.warn(what, GraphRecWarning, stacklevel=2)
        return run("topk")
    return run("topk") if found.num_rows < k else found
