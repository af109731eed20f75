"""New users, by what the command line says of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from graphrec.data.new_user import NewUser
from graphrec.errors import ArgumentError, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.schema import GraphSchema


def new_users(
    schema: GraphSchema, items: Sequence[list[Any]], text: str | None, attributes: Sequence[str] | None
) -> list[list[Any] | NewUser]:
    """Return whom ``--items``, ``--text`` and ``--attribute`` describe.

    Args:
        schema: what describes users; its names may hold a ``=``.
        items: the keys of each ``--items``; a user each, where nothing else is said.
        text: of ``--text``.
        attributes: of ``--attribute``, NAME=VALUE. Numbers and vectors are JSON, all else is text; a name that comes
            several times has a list.

    Raises:
        ArgumentError: there is no NAME=, or it is open to whom of several a text or an attribute belongs.
    """
    if text is None and not attributes:
        return list(items)
    if len(items) > 1:
        rule = "must be given once beside --text and --attribute, which describe one user"
        raise ArgumentError(problem("--items", rule, len(items)))
    kinds = {feature.property: feature.kind for feature in schema.user.features}
    known = [*kinds, *(each.type for each in schema.attributes if each.of == "user")]
    said: dict[str, list[Any]] = {}
    for given in attributes or []:
        name = max((n for n in known if given.startswith(f"{n}=")), key=len, default=given.partition("=")[0])
        separator, value = given[len(name) : len(name) + 1], given[len(name) + 1 :]
        if not (name and separator):
            raise ArgumentError(problem("--attribute", "must be NAME=VALUE, as LIVES_IN=Paris", given))
        said.setdefault(name, []).append(_number(name, value) if kinds.get(name) in ("number", "vector") else value)
    values = {name: each[0] if len(each) == 1 else each for name, each in said.items()}
    return [NewUser(items=items[0] if items else (), attributes=values, text=text)]


def _number(name: str, text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        rule = f"must be a number, or a list of numbers as [1, 2], for {name!r}"
        raise ArgumentError(problem("--attribute", rule, text)) from None
