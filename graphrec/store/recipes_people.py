"""Cypher on people that a user's own application runs: rendered for a schema and for what its graph holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.errors import SchemaError
from graphrec.store.allowed import CLOCK, allowed, as_time, nameable, present
from graphrec.store.queries import any_of, quote, render
from graphrec.store.suggestions import declined_type, roles

if TYPE_CHECKING:
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import Dialect, GraphDescription

PEOPLE = ("friends", "friends_why", "decline")


def recipe_on_people(dialect: Dialect, name: str, schema: GraphSchema, found: GraphDescription) -> str:
    """Return the Cypher text of a recipe on suggestions of people; the database's own clock says what has expired.

    Args:
        dialect: the database that will run it.
        name: ``"friends"``, ``"friends_why"`` or ``"decline"``.
        schema: what the labels mean.
        found: what the graph holds: the type of a decline's time; of a graph file also which names are no error.

    Raises:
        SchemaError: the schema names no ties, or for ``"decline"`` no relationship type for it; or a graph file was
            never prepared for suggestions.
    """
    now = CLOCK[dialect]
    fragments = {"now": now, "allowed": allowed(schema, dialect, now), "nameable": nameable(schema, dialect)}
    names = roles(schema)
    if dialect == "ladybug":
        _check_prepared(schema, found)
    if name == "friends":
        return render(dialect, "recipes/friends", names, fragments)
    if name == "decline":
        declined, place = declined_type(schema), schema.suggestions.declined_at
        types = {r.properties.get(place) for r in found.relationships if r.type == declined}
        at = as_time(now, types.pop() if len(types) == 1 else None, dialect)
        return render(dialect, "recipes/decline", names | {"declined": declined, "declined_at": place}, {"at": at})
    return "\nUNION ALL\n".join(_why(dialect, schema, found, names, fragments))


def _check_prepared(schema: GraphSchema, found: GraphDescription) -> None:
    people = schema.suggestions
    named = {people.type, *schema.refusals, *(tie.type for tie in schema.social)}
    if missing := sorted(named - {r.type for r in found.relationships}):
        raise SchemaError(
            f"The graph file has no relationship types {missing} yet. Suggest people once: that makes what the "
            "schema names and the recipes need."
        )


def _why(
    dialect: Dialect, schema: GraphSchema, found: GraphDescription, names: dict[str, str], fragments: dict[str, str]
) -> list[str]:
    if not schema.ties:
        raise SchemaError("The schema names no ties between users. Name one, as in social=[Social('FRIEND')].")
    name = read_name("named", schema.user, dialect, found)
    given = fragments | {"present": present(schema, dialect, "named"), "name": name}
    ways = {
        arrow: any_of([t.type for t in schema.ties if t.directed == (arrow == "->")], dialect)
        for arrow in ("->", "-")
    }
    first, *rest = schema.ties
    more = {
        "more_ties": "".join(f"|{quote(tie.type, dialect)}" for tie in rest),
        "arrow": "-" if ways["-"] else "->",
        "ways": _ways(ways) if all(ways.values()) else "",
        "type": text_of(" or ".join(tie.type for tie in schema.ties), dialect),
    }
    texts = [render(dialect, "recipes/friends_why", names | {"tie": first.type}, given | more)]
    shared = [("item", i.type, schema.item) for i in schema.interactions]
    shared += [("attribute", a.type, a.to) for a in schema.attributes if a.of == "user"]
    stored = {r.type for r in found.relationships}
    for kind, type, node in shared:
        if dialect == "ladybug" and type not in stored:
            continue
        things = names | {"tie": type, "thing": node.label, "thing_key": node.key}
        more = {"kind": f"'{kind}'", "type": text_of(type, dialect), "name": read_name("thing", node, dialect, found)}
        texts.append(render(dialect, "recipes/friends_why_both", things, fragments | more))
    return texts


def _ways(ways: dict[str, str]) -> str:
    """Return the condition that ties are followed the way they run, where some are directed and some are not."""
    steps = (("user", "named"), ("named", "other"))
    found = [[f"EXISTS {{ MATCH ({a})-[{types}]{arrow}({b}) }}" for arrow, types in ways.items()] for a, b in steps]
    return "".join(f"\n  AND ({' OR '.join(each)})" for each in found)


def read_name(variable: str, node: Node, dialect: Dialect, found: GraphDescription | None) -> str:
    """Return the property that people read, where it is not empty, before the key that stands in for it.

    Args:
        variable: the node in the statement.
        node: its label.
        dialect: of the statement.
        found: what a graph file holds, which refuses other names; None is all.
    """
    label = found.labels.get(node.label) if found else None
    if node.name is None or (dialect == "ladybug" and found and not (label and node.name in label.properties)):
        return ""
    place = f"{variable}.{quote(node.name, dialect)}"
    place = place if dialect == "neo4j" else f"CAST({place} AS STRING)"
    return f"CASE WHEN {place} <> '' THEN {place} END, "


def text_of(value: str, dialect: Dialect) -> str:
    r"""Return a string literal; Neo4j decodes ``\uXXXX`` before it parses, so backslashes go as their escape."""
    slash = r"\u005C\u005C" if dialect == "neo4j" else r"\\"
    return "'" + value.replace("\\", slash).replace("'", r"\'") + "'"
