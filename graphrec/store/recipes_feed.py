"""Recipes of what friends take and of who has an item: rendered for a schema, without a model."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from graphrec.errors import ArgumentError, SchemaError, is_number, near, problem
from graphrec.store.allowed import CLOCK, Found, allowed, nameable, present, seconds
from graphrec.store.queries import any_of, quote, render
from graphrec.store.recipes_people import read_name

if TYPE_CHECKING:
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import Dialect, GraphDescription

FEEDS = ("feed", "item_friends", "item_people")
DAY_S = 86_400.0


def feed_recipe(
    dialect: Dialect,
    name: str,
    schema: GraphSchema,
    *,
    half_life_days: float = 7.0,
    now: str | None = None,
    found: GraphDescription | None = None,
) -> str:
    """Return the Cypher text of a recipe.

    Args:
        dialect: the database that will run it.
        name: ``"feed"``, ``"item_friends"`` or ``"item_people"``.
        schema: what the labels mean.
        half_life_days: after how many days an interaction counts half in a feed.
        now: an expression or a parameter in epoch seconds, by which ages are counted and declines end; None is the
            database's clock.
        found: what the graph holds; a graph file fails on a name that it lacks. None names everything.

    Raises:
        ArgumentError: there is no such recipe, or the half-life is no positive number of days.
        SchemaError: the schema, or what was found, has no ties or no target interactions.
    """
    if name not in FEEDS:
        raise ArgumentError(f"`name` must be a recipe. Got {name!r}. {near(name, FEEDS)}")
    check_half_life(half_life_days)
    there = None if found is None else _found(schema, found)
    known = {edge.type for edge in found.relationships} if found else None
    targets = [t for t in schema.targets if known is None or t.type in known]
    ties = [t for t in schema.ties if known is None or t.type in known]
    if not targets or not (ties or name == "item_people"):
        raise SchemaError(
            "A feed needs ties between users and a target interaction. Name both in the schema, as in "
            'social=[Social("FRIEND")], and load some.'
        )
    times = [t.time for t in targets if t.time and (found is None or _has(found, t.type, t.time))]
    text = {"neo4j": "{}", "ladybug": "CAST({} AS STRING)"}[dialect]
    at = ", ".join(text.format(f"taken.{quote(time, dialect)}") for time in dict.fromkeys(times))
    hiding = [i.type for i in schema.hiding if known is None or i.type in known]
    clock = now or CLOCK[dialect]
    directed = [t.type for t in ties if t.directed]
    either = [t.type for t in ties if not t.directed]

    def follows(start: str, end: str) -> str:
        """Return that a tie counts in this direction, where the pattern alone does not say so."""
        if not (directed and either):
            return ""
        paths = ((either, "-"), (directed, "->"))
        parts = (f"EXISTS {{ MATCH ({start})-[{any_of(t, dialect)}]{arrow}({end}) }}" for t, arrow in paths)
        return f"\n  AND ({' OR '.join(parts)})"

    names = {
        "user": schema.user.label,
        "user_key": schema.user.key,
        "item": schema.item.label,
        "item_key": schema.item.key,
    }
    fragments = {
        "ties": any_of([t.type for t in ties], dialect),
        "arrow": "->" if directed and not either else "-",
        "follows": follows("user", "named"),
        "followed": follows("named", "other"),
        "targets": any_of([t.type for t in targets], dialect),
        "hiding": any_of(hiding, dialect),
        "hides": "" if hiding else "false AND ",
        "counted": _counted(schema, dialect, there, ("user", "named") if name == "feed" else ("named",)),
        "allowed": allowed(schema, dialect, clock, there),
        "nameable": _nameable(schema, dialect, there),
        "name": read_name("named", schema.user, dialect, found),
        "at": seconds(f"coalesce({at})", dialect) if at else "0.0",
        "now": clock,
        "half_life": repr(half_life_days * DAY_S).replace("e+", "e"),
        "score": "sum(weight)" if at else "count(*) * 1.0",
    }
    return render(dialect, f"recipes/{name}", names, fragments)


def check_half_life(days: float) -> None:
    """Refuse what is no half-life in days.

    Raises:
        ArgumentError: it is not.
    """
    if not is_number(days) or not 0 < days * DAY_S < math.inf:
        raise ArgumentError(problem("half_life_days", "must be a positive number of days", days))


def _counted(schema: GraphSchema, dialect: Dialect, found: Found | None, asked: tuple[str, ...]) -> str:
    """Return the condition under which ``named``, a friend of ``user``, counts in what ``user`` reads.

    ``asked`` are those who must not be deleted. After OPTIONAL MATCH, Ladybug finds nobody where a condition asks for
    a property that somebody from before lacks: ``user`` is none of them there, and was looked at before.
    """
    people = schema.suggestions
    key = quote(schema.user.key, dialect)
    parts = [f"named.{key} <> user.{key}"]
    if blocks := [type for type in people.blocks if found is None or type in found.types]:
        parts.append(f"NOT EXISTS {{ MATCH (user)-[{any_of(blocks, dialect)}]-(named) }}")
    if people.deleted and (found is None or people.deleted in found.properties):
        parts += [present(schema, dialect, variable) for variable in asked]
    return "\n  AND ".join(parts)


def _nameable(schema: GraphSchema, dialect: Dialect, found: Found | None) -> str:
    """Return the condition under which ``named`` may be named to somebody with whom there is no block."""
    people = schema.suggestions.model_copy(update={"blocks": ()})
    return nameable(schema.model_copy(update={"suggestions": people}), dialect, found)


def _has(found: GraphDescription, type: str, property: str) -> bool:
    return any(edge.type == type and property in edge.properties for edge in found.relationships)


def _found(schema: GraphSchema, found: GraphDescription) -> Found:
    label = schema.user.label
    types = {edge.type for edge in found.relationships if (edge.source, edge.target) == (label, label)}
    people = schema.suggestions
    dated = bool(people.declined) and _has(found, str(people.declined), people.declined_at)
    return Found(types, set(found.labels[label].properties) if label in found.labels else set(), dated)
