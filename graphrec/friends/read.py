"""What may be shown of the suggestions in the graph, and declining one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import as_keys
from graphrec.online.nodes import check_now
from graphrec.rank.topk import check_k
from graphrec.store.suggestions import unknown

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def friends(
    store: GraphStore, schema: GraphSchema, users: Sequence[Any], k: int = 10, *, now: float | None = None
) -> pd.DataFrame:
    """Return the people suggested to each user who may be suggested now, best first.

    Suggestions are written by a run beforehand. Whoever has been tied to, blocked, declined, deleted or has opted out
    since then is left out, and a reason that names somebody who may not be named any more is replaced by its brief
    form.

    Args:
        store: the graph.
        schema: what the labels mean.
        users: their keys; each user once, in this order.
        k: how many for each; fewer where fewer are left.
        now: epoch seconds by which suggestions expire and declines end; None is this machine's clock.

    Returns:
        A frame with the columns ``user``, ``suggested``, ``score``, ``rank``, ``reason``, ``model``, ``version``,
        ``created`` and ``expires`` (epoch seconds).

    Raises:
        ArgumentError: an argument breaks its rule.
        UnknownKeyError: a user is not in the graph.

    Cost: two queries for 2,000 users.
    """
    k, at = check_k(k), check_now(now)
    keys = pc.unique(as_keys(users, "users"))
    there = store.known_users(schema, keys)
    if missing := keys.filter(pc.invert(pc.is_in(keys, there))).to_pylist():
        raise unknown(schema, *missing[:5])
    rows = store.suggestions(schema, keys, k, at)
    place = pc.index_in(rows["user"].combine_chunks(), keys)
    rows = rows.take(pc.sort_indices(pa.table({"user": place, "rank": rows["rank"]}), _ORDER))
    frame: pd.DataFrame = rows.rename_columns({"other": "suggested"}).to_pandas()
    return frame


_ORDER = [("user", "ascending"), ("rank", "ascending")]


def decline(store: GraphStore, schema: GraphSchema, user: Any, other: Any, *, now: float | None = None) -> None:
    """Note that a user does not want to be suggested somebody; see `SuggestionStore.decline`.

    Raises:
        ArgumentError: the two are one, or ``now`` is no time.
        DataError: a key is neither text nor a whole number.
        SchemaError: the schema names no relationship for it.
        UnknownKeyError: one of the two is not in the graph.
    """
    pair = as_keys([user, other], "users").to_pylist()
    store.decline(schema, pair[0], pair[1], int(check_now(now)))
