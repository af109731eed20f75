"""Cypher files: found, checked, and filled with names. The only place where a name goes into a statement.

A file holds one query under a header of four lines::

    // purpose: unseen items of one user, best first
    // params:  $user, $k
    // columns: item_id, score
    // mode:    READ

Names stand in the text as roles in backticks, ``(u:`@user`)``, and are replaced by quoted names. Optional parts
stand as comments, ``/*@where*/``, and are replaced by text that graphrec makes (or by nothing). Values are always
parameters.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Literal, cast

from graphrec.errors import ArgumentError, SchemaError, near, problem, shown

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from importlib.resources.abc import Traversable

    from graphrec.schema import Node, Relationship
    from graphrec.store.protocol import Dialect

_HEADER = re.compile(
    r"// purpose: .{6,}\n// params:  (?P<params>.+)\n"
    r"// columns: (?P<columns>.+)\n// mode:    (?P<mode>READ|WRITE)\n"
)
_ROLE = re.compile(r"`@(\w+)`")
_FRAGMENT = re.compile(r"/\*@(\w+)\*/")
EPOCH = """CASE
    WHEN {p} IS :: INTEGER | FLOAT THEN {p}
    WHEN {p} IS :: ZONED DATETIME THEN {p}.epochSeconds
    WHEN {p} IS :: LOCAL DATETIME THEN datetime({{datetime: {p}, timezone: 'Z'}}).epochSeconds
    WHEN {p} IS :: DATE THEN datetime({{date: {p}, timezone: 'Z'}}).epochSeconds
    WHEN {p} IS :: STRING THEN datetime(replace(trim({p}), ' ', 'T')).epochSeconds
    ELSE {p} END"""
"""A time in Neo4j as epoch seconds, which numbers are already; a local time counts as UTC, as everywhere."""


@dataclass(frozen=True)
class Statement:
    """One Cypher file: what its header promises, and its text with unfilled roles."""

    name: str
    params: tuple[str, ...]
    columns: tuple[str, ...]
    mode: Literal["READ", "WRITE"]
    text: str

    @property
    def roles(self) -> frozenset[str]:
        """The names that the text needs."""
        return frozenset(_ROLE.findall(self.text))

    @property
    def fragments(self) -> frozenset[str]:
        """The optional parts that the text has a place for."""
        return frozenset(_FRAGMENT.findall(self.text))


def _root() -> Traversable:
    packaged = files("graphrec").joinpath("_cypher")  # in a wheel
    return packaged if packaged.is_dir() else Path(__file__).parents[2] / "cypher"  # in a checkout


def names(dialect: Dialect) -> list[str]:
    """Return the names of all statements of a dialect, such as ``"recipes/topk"``."""
    rooms = [room for room in _root().joinpath(dialect).iterdir() if room.is_dir()]
    found = [f"{room.name}/{file.name}" for room in rooms for file in room.iterdir()]
    return sorted(name.removesuffix(".cypher") for name in found if name.endswith(".cypher"))


@cache
def load(dialect: Dialect, name: str) -> Statement:
    """Return a statement by name.

    Raises:
        ArgumentError: there is no such file.
        SchemaError: the header is not of the form above.
    """
    if name not in names(dialect):
        room, _, short = name.partition("/")
        known = [each.removeprefix(f"{room}/") for each in names(dialect) if each.startswith(f"{room}/")]
        raise ArgumentError(problem("name", f"must be one of {dialect}'s {room}", short, near(short, known)))
    raw = _root().joinpath(dialect).joinpath(f"{name}.cypher").read_text(encoding="utf-8")
    match = _HEADER.match(raw)
    if match is None:
        raise SchemaError(
            f"The file {dialect}/{name}.cypher must begin with the lines purpose, params, columns, mode."
        )
    listed = {key: tuple(re.findall(r"[\w]+", match[key].replace("none", ""))) for key in ("params", "columns")}
    mode = cast("Literal['READ', 'WRITE']", match["mode"])
    return Statement(name, listed["params"], listed["columns"], mode, raw[match.end() :].strip())


def quote(name: str, dialect: Dialect) -> str:
    r"""Return a label, relationship type or property name in backticks, safe in any position.

    A backtick is doubled. Neo4j decodes ``\uXXXX`` anywhere in a statement before it parses, unless the
    backslash itself follows one; so all backslashes in a run before a ``u`` are written as their escape.

    Raises:
        SchemaError: the name is empty, holds NUL, or is not valid text.
    """
    if not isinstance(name, str) or not name or "\0" in name or any("\ud800" <= c <= "\udfff" for c in name):
        raise SchemaError(f"A name must be non-empty text without NUL. Got {shown(name)}.")
    if name == "*" and dialect == "ladybug":
        raise SchemaError(
            "A name in a graph file must not be '*': Ladybug takes it for all properties, quoted or not."
        )
    if dialect == "neo4j":
        name = re.sub(r"\\+(?=u)", lambda run: r"\u005C" * len(run[0]), name)
    return "`" + name.replace("`", "``") + "`"


def any_of(types: Iterable[str], dialect: Dialect) -> str:
    """Return what a pattern says of relationships of any of these types, ``:`A`|`B```; "" where there are none."""
    quoted = "|".join(quote(type, dialect) for type in types)
    return f":{quoted}" if quoted else ""


def fill(
    statement: Statement, dialect: Dialect, names: Mapping[str, str], fragments: Mapping[str, str] | None = None
) -> str:
    """Return the statement's text with quoted names for its roles and text for its optional parts.

    Raises:
        ArgumentError: a role has no name.
    """
    given = fragments or {}
    missing = statement.roles.difference(names)
    if missing:
        raise ArgumentError(f"`names` for {statement.name!r} must cover {sorted(missing)}. Got {sorted(names)}.")
    # one pass, so that a name that looks like a role or a fragment is not filled again
    pattern = re.compile(f"{_ROLE.pattern}|{_FRAGMENT.pattern}")
    return pattern.sub(lambda m: quote(names[m[1]], dialect) if m[1] else given.get(m[2], ""), statement.text)


def ends(edge: Relationship) -> dict[str, str]:
    """Return what statements call a relationship's type, and the labels and keys at its ends."""
    return {
        "type": edge.type,
        "source": edge.source.label,
        "source_key": edge.source.key,
        "target": edge.target.label,
        "target_key": edge.target.key,
    }


def with_ends(nodes: Iterable[Node], relationships: Iterable[Relationship]) -> dict[str, Node]:
    """Return nodes by label, those at the ends of relationships too."""
    found = {node.label: node for node in nodes}
    for edge in relationships:
        for end in (edge.source, edge.target):
            found.setdefault(end.label, end)
    return found


def batches(n: int, size: int) -> Iterator[slice]:
    """Return slices of at most ``size`` that cover ``n`` rows."""
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def render(dialect: Dialect, name: str, names: Mapping[str, str], fragments: Mapping[str, str] | None = None) -> str:
    """Load a statement and fill it."""
    return fill(load(dialect, name), dialect, names, fragments)
