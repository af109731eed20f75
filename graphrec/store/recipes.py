"""Cypher that a user's own application runs: rendered for a schema and a published model's name.

A rendered recipe looks the live slot up when it runs, so the same text keeps working after the next publish.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from graphrec.errors import ArgumentError, near, problem
from graphrec.schema import Filter
from graphrec.schema_parts import QUOTED
from graphrec.store.queries import any_of, quote, render

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphrec.schema import Attribute, GraphSchema
    from graphrec.store.protocol import Dialect

TAKEN: dict[Dialect, tuple[str, ...]] = {
    "ladybug": ("known", "model", "self", "user"),
    "neo4j": (
        *("again", "dim", "direction", "first", "in_a", "items", "least", "length", "model"),
        *("near", "nears", "query", "seen", "self"),
    ),
}
"""What recipes call something else where a filter's predicate stands."""

MODEL_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}")


def check_model_name(name: str) -> str:
    """Return a model's name where it may become part of property and index names.

    Raises:
        ArgumentError: it may not.
    """
    if not isinstance(name, str) or not MODEL_NAME.fullmatch(name):
        raise ArgumentError(problem("name", "must be a letter followed by at most 40 letters, digits or _", name))
    return name


def slot_property(model: str, slot: str, *, fold_in: bool = False) -> str:
    """Return the property (and index) name of a model's slot, such as ``movies_a`` or ``movies_a_in``."""
    return f"{check_model_name(model)}_{slot}{'_in' if fold_in else ''}"


def cold_property(model: str, slot: str) -> str:
    """Return the property that says which vectors of a slot were made without training, such as ``movies_a_cold``."""
    return f"{slot_property(model, slot)}_cold"


def recipe(
    dialect: Dialect,
    name: str,
    schema: GraphSchema,
    model: str,
    *,
    include: bool = False,
    exclude: bool = False,
    where: Iterable[str] = (),
    exclude_seen: bool = True,
    slot: str = "a",
    most: int = 1000,
) -> str:
    """Return the Cypher text of a recipe.

    Args:
        dialect: the database that will run it.
        name: ``"topk"``, ``"topk_index"``, ``"new_user"``, ``"similar"``, ``"explain"``, ``"seen"`` or ``"models"``.
        schema: what the labels mean.
        model: the published model's name.
        include: whether the text takes ``$include``, a list of the only item keys to consider.
        exclude: whether the text takes ``$exclude``, a list of item keys to leave out.
        where: names of the schema's filters or attribute relationships to apply.
        exclude_seen: whether items that the user has seen are left out.
        slot: the slot that ``"topk_vector"`` reads; the others look it up.
        most: the largest ``$k`` that a graph file's ``"topk"`` takes; a larger one makes the statement fail.

    Raises:
        ArgumentError: the recipe, a filter or the model's name is unknown or impossible.
    """
    key = f"item.{quote(schema.item.key, dialect)}"
    conditions = [f"{key} IN $include"] if include else []
    conditions += [f"NOT {key} IN $exclude"] if exclude else []
    conditions += [condition(schema, name, dialect) for name in where]
    hiding = any_of([i.type for i in schema.hiding], dialect) if exclude_seen else ""
    names = {
        "user": schema.user.label,
        "user_key": schema.user.key,
        "item": schema.item.label,
        "item_key": schema.item.key,
        "vector": slot_property(model, slot),
        **{f"vector_{each}": slot_property(model, each) for each in "ab"},
        **{f"fold_in_{each}": slot_property(model, each, fold_in=True) for each in "ab"},
    }
    fragments = {
        "model": f"'{model}'",
        "conditions": "".join(f"\n    AND {text}" for text in conditions),
        "hiding": hiding,
        "hides": "" if hiding else "false AND ",
        "given": "" if exclude_seen else "false AND ",  # somebody new has seen what they name
        "targets": any_of([i.type for i in schema.targets], dialect),
        "most": str(most),
        "kept": str(min(2 * most, 2**62)),
    }
    return render(dialect, f"recipes/{name}", names, fragments)


def named_conditions(schema: GraphSchema) -> dict[str, Filter | Attribute]:
    """Return what ``where=`` may name: the schema's filters and the items' attribute relationships."""
    return {f.name: f for f in schema.filters} | {a.type: a for a in schema.attributes if a.of == "item"}


def condition(schema: GraphSchema, name: str, dialect: Dialect) -> str:
    """Return the Cypher predicate over ``item`` behind a name in ``where=``."""
    known = named_conditions(schema)
    if name not in known:
        raise ArgumentError(
            f"`where` must name a filter or an item attribute of the schema. Got {name!r}. {near(name, known)}"
        )
    found = known[name]
    if isinstance(found, Filter):
        own = re.search(rf"[(\[]\s*({'|'.join(TAKEN[dialect])})\s*[:{{)\]]", QUOTED.sub("", found.cypher))
        if own:
            rule = f"must not name the filter {name!r}, whose variable has a name that recipes use"
            raise ArgumentError(problem("where", rule, own[1], "Give it another name in the schema."))
        return f"({found.cypher})"
    return (
        f"EXISTS {{ MATCH (item)-[:{quote(name, dialect)}]->(value:{quote(found.to.label, dialect)}) "
        f"WHERE value.{quote(found.to.key, dialect)} IN ${schema.attribute_parameter(name)} }}"
    )


def _keys(name: str, values: Any) -> list[Any]:
    """Return one key, or several in whatever holds them, as a list.

    Raises:
        ArgumentError: text and whole numbers are mixed, which a graph file could not compare with anything.
    """
    many = not isinstance(values, str | bytes | Mapping) and hasattr(values, "__iter__")
    keys = list(values.tolist() if hasattr(values, "tolist") else values) if many else [values]
    if len({isinstance(key, str) for key in keys if key is not None}) > 1:
        raise ArgumentError(problem(f"where[{name!r}]", "must hold keys of one type", keys))
    return keys


def condition_parameters(schema: GraphSchema, where: Mapping[str, Any]) -> dict[str, Any]:
    """Return the query parameters of ``where={name: values}``.

    A filter takes a mapping of exactly its parameters, or the value itself where it has one. An attribute takes one
    key or a list of keys, any of which may match.

    Raises:
        ArgumentError: a name is unknown, or a filter's parameters are not the ones that it names.
    """
    known = named_conditions(schema)
    parameters: dict[str, Any] = {}
    if not isinstance(where, Mapping):
        raise ArgumentError(problem("where", "must give values by name, as in {'HAS_GENRE': ['Comedy']}", where))
    for name, values in where.items():
        if name not in known:
            raise ArgumentError(problem("where", "must name filters or item attributes", name, near(name, known)))
        found = known[name]
        if not isinstance(found, Filter):
            parameters[schema.attribute_parameter(name)] = _keys(name, values)
            continue
        needed = found.parameters
        given = values if isinstance(values, dict) else {needed[0]: values} if len(needed) == 1 else {}
        if set(given) != set(needed):
            raise ArgumentError(problem(f"where[{name!r}]", f"must give exactly the values {list(needed)}", values))
        if taken := parameters.keys() & given.keys():
            raise ArgumentError(problem("where", "must not set a parameter twice", sorted(taken)))
        parameters |= given
    return parameters
