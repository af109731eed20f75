"""What friends take, and who has an item: answers from the graph itself, without a model."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.errors import SchemaError
from graphrec.online.nodes import check_now, known_keys
from graphrec.rank.topk import check_k
from graphrec.store.recipes_feed import check_half_life, feed_recipe

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore

FEED = ("user", "item", "score", "rank", "friends", "named")
PEOPLE = ("user", "name", "friends", "items")


def feed(
    store: GraphStore,
    schema: GraphSchema,
    users: Sequence[Any],
    k: int = 10,
    *,
    half_life_days: float = 7.0,
    now: float | None = None,
) -> pd.DataFrame:
    """Return what each user's friends took lately and the user has not seen.

    Friends are the ends of the schema's ties, for directed ones those whom the user follows. An item's score is the
    sum of 0.5^(age / half-life) over the friends' target interactions; one without a time adds nothing, and one in
    the future counts as now. Where no target interaction has a time, the score is the number of friends. Deleted
    users and users with a block to or from the user do not count; those who are hidden or opted out count and are
    not named.

    Args:
        store: the graph.
        schema: what the labels mean.
        users: keys.
        k: the length of the lists; shorter where friends took fewer items.
        half_life_days: after how many days an interaction counts half.
        now: epoch seconds; None is this machine's clock.

    Returns:
        A frame with the columns ``user``, ``item``, ``score``, ``rank``, ``friends`` (how many took it) and ``named``
        (up to three of their names, in order). Equal scores (to six digits) are in the order of the keys.

    Raises:
        ArgumentError: an argument breaks its rule.
        SchemaError: the schema has no ties.
        UnknownKeyError: a user is not in the graph.

    Cost: one statement a user, over the interactions of their friends.
    """
    k = check_k(k)
    check_half_life(half_life_days)
    at = check_now(now)
    _need_ties(schema)
    graph = _Asked(store, schema)
    keys = graph.known(schema.user, users, "users")
    text = graph.text("feed", half_life_days=float(half_life_days))
    rows = []
    for user in keys if text else ():
        found = store.query(text, {"user": user, "k": min(k, 2**31), "now": at}).to_pylist()
        rows += [(user, r["item_id"], r["score"], i, r["friends"], r["named"] or []) for i, r in enumerate(found, 1)]
    return pd.DataFrame(rows, columns=list(FEED))


def people_who_like(
    store: GraphStore, schema: GraphSchema, item: Any, user: Any = None, k: int = 10, *, now: float | None = None
) -> pd.DataFrame:
    """Return people who have an item.

    Args:
        store: the graph.
        schema: what the labels mean.
        item: the item's key.
        user: for whom: only those who may be suggested to them, ranked by the friends and then by the items that
            both have. None is nobody in particular: all who are neither hidden, opted out nor deleted, by key.
        k: how many.
        now: epoch seconds by which declines end; None is this machine's clock.

    Returns:
        A frame with the columns ``user``, ``name`` (missing for who is hidden), ``friends`` and ``items`` (0 without
        ``user``).

    Raises:
        ArgumentError: an argument breaks its rule.
        SchemaError: there is a user, and the schema has no ties.
        UnknownKeyError: the item or the user is not in the graph.

    Cost: one statement, over the ties and interactions of all who have the item.
    """
    k, at = check_k(k), check_now(now)
    if user is not None:
        _need_ties(schema)
    graph = _Asked(store, schema)
    given = {"item": graph.known(schema.item, [item], "item")[0], "k": min(k, 2**31)}
    if user is not None:
        given["user"] = graph.known(schema.user, [user], "user")[0]
    text = graph.text("item_people" if user is None else "item_friends")
    if "$now" in re.sub(r"`(?:[^`]|``)*`", "", text):  # a graph file takes no parameter too many
        given["now"] = at
    found = store.query(text, given).to_pylist() if text else []
    rows = [(row["user_id"], row["name"], row.get("friends", 0), row.get("items", 0)) for row in found]
    return pd.DataFrame(rows, columns=list(PEOPLE))


def _need_ties(schema: GraphSchema) -> None:
    if not schema.ties:
        raise SchemaError('The schema names no ties between users. Name one, as in social=[Social("FRIEND")].')


class _Asked:
    """A graph to ask; in a file it matters what is there."""

    def __init__(self, store: GraphStore, schema: GraphSchema) -> None:
        self.store, self.schema = store, schema
        self.dialect = store.capabilities.dialect
        self.found = store.describe() if self.dialect == "ladybug" else None

    def text(self, name: str, **options: Any) -> str:
        """Return a recipe, or "" where a graph file has no ties or no interactions yet."""
        try:
            return feed_recipe(self.dialect, name, self.schema, now="$now", found=self.found, **options)
        except SchemaError:
            return ""

    def known(self, node: Node, keys: Sequence[Any], argument: str) -> list[Any]:
        """Return keys, each once.

        Raises:
            UnknownKeyError: one is not in the graph.
        """
        return known_keys(self.store, node, keys, argument, self.found)
