"""The jobs on suggestions of people, and what both databases do alike.

A suggestion is a relationship ``(user)-[:SUGGESTED {score, rank, reason, brief, named, model, version, created,
expires}]->(other)`` of the type that the schema names; a graph file has ``named_1`` and so on for the list ``named``.
Who may be suggested is asked when it is written and again whenever it is read (`graphrec.store.allowed`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.errors import ArgumentError, SchemaError, UnknownKeyError, problem
from graphrec.schema_parts import NAMED

if TYPE_CHECKING:
    from collections.abc import Container

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import Fence, Record

USERS = 2_000  # users whose suggestions are read at once
MEANING = ("score", "rank", "reason", "brief", "named")
STAMP = ("model", "version", "created", "expires")
SHOWN = ("user", "other", "score", "rank", "reason", *STAMP)
_TYPES = {"score": pa.float64(), "rank": pa.int64(), "reason": pa.string(), "brief": pa.string()}


@dataclass(frozen=True)
class Stamp:
    """What all suggestions of a run carry.

    Attributes:
        model: what ranked them.
        version: the run's number.
        created: epoch seconds; declines that count then keep a pair from being written.
        expires: epoch seconds; from then on they are not shown.
    """

    model: str
    version: int
    created: int
    expires: int


class SuggestionStore(Protocol):
    """The part of a `GraphStore` that suggests people."""

    def prepare_suggestions(self, schema: GraphSchema) -> None:
        """Make what writing needs and what the recipes name. Idempotent.

        A graph file gets the relationship types and the properties of users that the schema names and it lacks
        (properties as booleans that nobody has, a decline's time as epoch seconds).

        Raises:
            SchemaError: the users' key in this graph is another property.
        """

    def replace_suggestions(
        self, schema: GraphSchema, users: pa.Table, rows: pa.Table, stamp: Stamp, fence: Fence, progress: Record
    ) -> int:
        """Replace the suggestions of some users, all in one transaction.

        Args:
            schema: what the labels mean.
            users: ``key``, unique, and ``state`` (int64), which becomes the property `state_property`. A user who is
                not there any more is left out.
            rows: ``user`` and ``other`` (keys, pairs unique), ``score`` (float64), ``rank`` (int64, 1 is best,
                unique for a user), ``reason`` and ``brief`` (text), ``named`` (a list of the keys of the at most
                three people whom ``reason`` names). Those that may not be suggested now are left out, and a reason
                that names somebody who is not there any more is written in its brief form.
            stamp: what they all carry.
            fence: the condition under which they are written; renewed.
            progress: fields of the fence's `GraphrecModel` record to set in the same transaction.

        Returns:
            How many suggestions were written.

        Raises:
            PublishError: the fence no longer holds; nothing is written.
            ArgumentError: the rows are not as described.
        """

    def suggestions(self, schema: GraphSchema, users: pa.Array | None, k: int, now: float) -> pa.Table:
        """Return what may be shown now: `SHOWN`, at most ``k`` a user, by user and rank.

        Left out is what has expired and what may not be suggested any more; the ranks of the rest are 1, 2, ...
        again. A reason that names somebody who may not be named now is replaced by its brief form.

        Args:
            schema: what the labels mean.
            users: whose; None for everybody's.
            k: how many for each.
            now: epoch seconds.
        """

    def remove_suggestions(self, schema: GraphSchema, now: float, version: int | None = None) -> int:
        """Remove what has expired and, where a version is given, what other versions left; return how many."""

    def decline(self, schema: GraphSchema, user: Any, other: Any, at: int) -> None:
        """Note that a user does not want to be suggested somebody; again, it renews the time.

        Raises:
            SchemaError: the schema names no relationship type for it.
            UnknownKeyError: one of the two is not in the graph.
        """

    def known_users(self, schema: GraphSchema, keys: pa.Array) -> pa.Array:
        """Return those of the keys that are users', in any order."""


def check_layout(type: str, properties: Container[str]) -> None:
    """Refuse suggestions of a graph file whose reasons name people where nobody looks for them.

    Raises:
        SchemaError: an older graphrec wrote some, as lists ``named``.
    """
    if "named" in properties:
        raise SchemaError(
            f"The suggestions {type!r} in this graph file were written by an older graphrec, in another form. Remove "
            f"them with graph.query('DROP TABLE `{type}`'), then make all lists anew with `graphrec friends run`."
        )


def state_property(schema: GraphSchema) -> str:
    """Return the property of a user that says in which state their suggestions were made."""
    return f"{schema.suggestions.type}_state"


def roles(schema: GraphSchema) -> dict[str, str]:
    """Return the names of users and of suggestions, as statements take them."""
    return {"user": schema.user.label, "user_key": schema.user.key, "type": schema.suggestions.type}


def checked(users: pa.Table, rows: pa.Table) -> tuple[pa.Table, pa.Table]:
    """Return users and rows in the columns and types that are written.

    Raises:
        ArgumentError: a rule of `SuggestionStore.replace_suggestions` is broken.
    """
    key = pa.int64() if pa.types.is_integer(users["key"].type) else pa.string()
    wanted = {"user": key, "other": key, **_TYPES, "named": pa.list_(key)}
    try:
        users = users.select(["key", "state"]).cast(pa.schema({"key": key, "state": pa.int64()}))
        rows = rows.select(list(wanted)).cast(pa.schema(wanted))
    except (KeyError, pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise ArgumentError(problem("rows", f"must have the columns {list(wanted)}", str(error))) from error
    for table, columns in ((users, ["key"]), (rows, ["user", "other"]), (rows, ["user", "rank"])):
        if table.group_by(columns).aggregate([]).num_rows != table.num_rows:
            raise ArgumentError(problem("rows", f"must hold each {' and '.join(columns)} once", table.num_rows))
    strangers = rows["user"].filter(pc.invert(pc.is_in(rows["user"], users["key"].combine_chunks())))
    if len(strangers):
        raise ArgumentError(problem("rows", "must be of the given users", strangers[0].as_py()))
    if not pc.all(pc.is_finite(rows["score"])).as_py() and len(rows):
        raise ArgumentError(problem("rows", "must have finite scores", "a score that is not finite"))
    most = pc.max(pc.list_value_length(rows["named"])).as_py() or 0
    if most > NAMED:
        raise ArgumentError(problem("rows", f"must name at most {NAMED} people in a reason", most))
    return users, rows


def names_in(rows: pa.Table) -> pa.Array:
    """Return the keys of those whom reasons name, each once."""
    return pc.list_flatten(rows["named"].combine_chunks()).unique()


def naming_only(rows: pa.Table, known: pa.Array) -> pa.Table:
    """Return rows where a reason that names somebody else than the known gives way to its brief form.

    Who was forgotten while reasons were made does not come back in them.
    """
    named = rows["named"].combine_chunks()
    gone = pc.invert(pc.is_in(pc.list_flatten(named), known.cast(named.type.value_type)))
    plain = pc.is_in(pa.array(range(len(rows)), pa.int64()), pc.list_parent_indices(named).filter(gone))
    reason = pc.if_else(plain, rows["brief"], rows["reason"])
    named = pc.if_else(plain, pa.scalar([], named.type), named)
    columns = {name: rows[name] for name in rows.column_names} | {"reason": reason, "named": named}
    return pa.table(columns)


def listed(rows: pa.Table, k: int) -> pa.Table:
    """Return the best ``k`` of each user from all that may be shown.

    Args:
        rows: `SHOWN` with ``brief``, and ``plain``: whether the reason names somebody who may not be named.
        k: how many for each.
    """
    rows = rows.sort_by([("user", "ascending"), ("rank", "ascending"), ("other", "ascending")])
    place = np.arange(len(rows))
    user = rows["user"].to_numpy()
    first = np.concatenate([[True], user[1:] != user[:-1]])[: len(rows)]
    rank = place - np.maximum.accumulate(np.where(first, place, 0)) + 1
    reason = pc.if_else(rows["plain"], rows["brief"], rows["reason"])
    columns = {name: rows[name] for name in SHOWN} | {"rank": pa.array(rank, pa.int64()), "reason": reason}
    return pa.table(columns).filter(pa.array(rank <= k))


def none_listed(key: pa.DataType) -> pa.Table:
    """Return no suggestions, in the columns of `SHOWN`."""
    types = {"user": key, "other": key, **_TYPES, "model": pa.string()}
    return pa.schema([(name, types.get(name, pa.int64())) for name in SHOWN]).empty_table()


def declined_type(schema: GraphSchema) -> str:
    """Return the relationship type of declines.

    Raises:
        SchemaError: there is none.
    """
    if schema.suggestions.declined is None:
        raise SchemaError(
            "The schema names no relationship for declined suggestions. Name one, as in "
            "suggestions=Suggestions(declined='DECLINED')."
        )
    return schema.suggestions.declined


def must_differ(user: Any, other: Any) -> None:
    """Refuse a user who declines themselves."""
    if user == other:
        raise ArgumentError(problem("other", "must be somebody else than the user", other))


def unknown(schema: GraphSchema, *keys: Any) -> UnknownKeyError:
    """Return the error for users who are not in the graph."""
    named = ", ".join(map(repr, keys))
    return UnknownKeyError(f"`users` must be keys {schema.user.key!r} of {schema.user.label!r}. Got {named}.")
