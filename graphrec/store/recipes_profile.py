"""What is known of a user, as Cypher: the recipe, and the parts of the statements that profiles are read by."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.errors import SchemaError
from graphrec.store.allowed import seconds
from graphrec.store.queries import any_of, quote, render
from graphrec.store.recipes_people import read_name, text_of

if TYPE_CHECKING:
    from graphrec.schema import Attribute, GraphSchema, Interaction
    from graphrec.store.protocol import Dialect, GraphDescription

PROFILES = ("profile",)


def profile_recipe(dialect: Dialect, schema: GraphSchema, found: GraphDescription) -> str:
    """Return the Cypher text that gives the values of attributes to which one user's items lean, best ``$k`` a kind.

    Args:
        dialect: the database that will run it.
        schema: what the labels mean.
        found: what the graph holds; a graph file fails on a name that it lacks.

    Raises:
        SchemaError: the schema, or the graph file, has no attributes of items or no target interactions.
    """
    targets, attributes = known_targets(schema, found, dialect), known_attributes(schema, found, dialect, "item")
    if not targets or not attributes:
        raise SchemaError(
            "A profile needs target interactions and attributes of items. Name both in the schema, as in "
            'attributes=[Attribute("HAS_GENRE", to=Node("Genre"))], and load some.'
        )
    user, item = schema.user, schema.item
    names = {"user": user.label, "user_key": user.key, "item": item.label, "item_key": item.key}
    texts = [
        render(
            dialect,
            "recipes/profile",
            names | {"type": attribute.type, "thing": attribute.to.label, "thing_key": attribute.to.key},
            {
                "targets": any_of([each.type for each in targets], dialect),
                "kind": text_of(schema.kind(attribute), dialect),
                "name": read_name("value", attribute.to, dialect, found),
            },
        )
        for attribute in attributes
    ]
    return "\nUNION ALL\n".join(texts)


def known_targets(schema: GraphSchema, found: GraphDescription | None, dialect: Dialect) -> list[Interaction]:
    """Return the target interactions that a statement may name: all, in a graph file those that are there."""
    return [each for each in schema.targets if _may_name(each.type, found, dialect)]


def known_attributes(
    schema: GraphSchema, found: GraphDescription | None, dialect: Dialect, side: str
) -> list[Attribute]:
    """Return the attributes of a side that a statement may name."""
    return [each for each in schema.attributes if each.of == side and _may_name(each.type, found, dialect)]


def measured(targets: list[Interaction], found: GraphDescription | None, dialect: Dialect) -> dict[str, str]:
    """Return the expressions of the weight and the time (epoch seconds) of an interaction ``taken``."""
    types = {each.type for each in targets}
    stored = (
        None if found is None else {p for each in found.relationships if each.type in types for p in each.properties}
    )

    def places(names: list[str | None]) -> list[str]:
        known = [name for name in names if name and (stored is None or name in stored)]
        return [f"taken.{quote(name, dialect)}" for name in dict.fromkeys(known)]

    number = "toFloat({})" if dialect == "neo4j" else "CAST({} AS DOUBLE)"
    text = "{}" if dialect == "neo4j" else "CAST({} AS STRING)"
    weights = [number.format(place) for place in places([each.weight for each in targets])]
    times = ", ".join(text.format(place) for place in places([each.time for each in targets]))
    nothing = "null" if dialect == "neo4j" else "CAST(NULL AS DOUBLE)"
    return {
        "weight": f"coalesce({', '.join([*weights, '1.0'])})",
        "at": seconds(f"coalesce({times})", dialect) if times else nothing,
    }


def _may_name(type: str, found: GraphDescription | None, dialect: Dialect) -> bool:
    return dialect == "neo4j" or found is None or any(each.type == type for each in found.relationships)
