"""One user's unseen best items from a graph file in three short statements: one takes two to three times longer.

Ladybug scans the item vectors fastest against a parameter, and a statement cannot pass a vector from one part to the
next as that. What was seen is left out here: there are more rows fetched than seen, and fetched again where equal
scores at the end leave the order open. So the list is the one of the recipe ``topk``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.store.recipes import condition, condition_parameters, recipe

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

SPARE = 50


def topk(
    store: GraphStore,
    schema: GraphSchema,
    model: str,
    user: Any,
    k: int,
    *,
    include: Sequence[Any] | None = None,
    exclude: Sequence[Any] | None = None,
    where: Mapping[str, Any] | None = None,
    exclude_seen: bool = True,
) -> pa.Table:
    """Return the columns ``item_id`` and ``score`` of the recipe ``topk``: the same rows in the same order.

    Args:
        store: the graph file.
        schema: what the labels mean.
        model: a published model's name.
        user: the user's key; an unknown one, or one without a vector, gets no rows.
        k: how many items.
        include: the only item keys to consider.
        exclude: item keys to leave out.
        where: filters, as for `graphrec.store.recipes.condition_parameters`.
        exclude_seen: leave out what the user has seen.

    Cost: one scan of the live item vectors.
    """
    where = where or {}
    lists = {name: list(keys) for name, keys in (("include", include), ("exclude", exclude)) if keys is not None}
    options: dict[str, Any] = {"include": "include" in lists, "exclude": "exclude" in lists, "where": list(where)}
    values = {**lists, **condition_parameters(schema, where)}

    def ask(name: str, parameters: dict[str, Any], **more: Any) -> pa.Table:
        return store.query(recipe("ladybug", name, schema, model, **more), parameters)

    taken = values.keys() & {"vector", "fetch"}  # parameters of the statement that is run here alone
    if taken or any(re.search(r"\buser\b", condition(schema, name, "ladybug")) for name in where):
        return ask("topk", {"user": user, "k": k, **values}, exclude_seen=exclude_seen, most=max(k, 1), **options)
    found = ask("topk_user", {"user": user}).to_pylist()
    if not found:
        return pa.table({"item_id": store.keys(schema.item)[:0], "score": pa.array([], pa.float64())})
    seen = ask("seen", {"user": user}, exclude_seen=exclude_seen)["item_id"]
    fetch = k + len(seen) + SPARE
    while True:
        given = {"vector": found[0]["vector"], "fetch": fetch, **values}
        rows = ask("topk_vector", given, slot=found[0]["slot"], **options)
        unseen = rows.filter(pc.invert(pc.is_in(rows["item_id"], seen))) if len(seen) else rows
        ranks = ranked(unseen["score"].to_numpy())
        order = pc.sort_indices(
            pa.table({"rank": -ranks, "item_id": unseen["item_id"]}),
            [("rank", "ascending"), ("item_id", "ascending")],
        )[:k]
        # rows beyond those fetched are no better than the last one
        whole = rows.num_rows < fetch
        if whole or (
            len(order) == k and (not k or ranks[order[-1].as_py()] > ranked(rows["score"].to_numpy()[-1:])[0])
        ):
            return unseen.take(order)
        fetch *= 4


def ranked(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return scores rounded to 6 significant digits, halves away from zero, as the recipes order by."""
    size = np.abs(scores)
    with np.errstate(divide="ignore"):
        unit = np.where(size > 0, 10.0 ** (5 - np.floor(np.log10(size))), 1.0)
    return np.asarray(np.sign(scores) * np.floor(size * unit + 0.5) / unit)
