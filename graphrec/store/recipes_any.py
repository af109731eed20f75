"""A recipe by its name, whatever it is about."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING, Any

from graphrec.errors import ArgumentError, near, problem
from graphrec.store.queries import load
from graphrec.store.recipes import recipe
from graphrec.store.recipes_feed import FEEDS, feed_recipe
from graphrec.store.recipes_people import PEOPLE, recipe_on_people
from graphrec.store.recipes_profile import PROFILES, profile_recipe

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

OPTIONS = {p.name: p.default for p in signature(recipe).parameters.values() if p.kind is p.KEYWORD_ONLY}
"""Of recipes on items, with their defaults."""


def any_recipe(store: GraphStore, schema: GraphSchema, name: str, model: Callable[[], str], **options: Any) -> str:
    """Return the Cypher of a recipe.

    Args:
        store: whose dialect it is in.
        schema: what the labels mean.
        name: of the recipe.
        model: gives the published model's name; recipes on people, and profiles, ask for none.
        options: see `graphrec.store.recipes.recipe`.

    Raises:
        ArgumentError: the recipe or an option is unknown, or the recipe has no such option.
        UnknownKeyError: the model is.
    """
    dialect = store.capabilities.dialect
    if name not in (*PEOPLE, *PROFILES, *FEEDS):
        if name == "topk_index" and not store.capabilities.vector_index:
            rule = "must be another recipe here: there is no vector index"
            raise ArgumentError(problem("name", rule, name, "Take 'topk'."))
        load(dialect, f"recipes/{name}")  # there is such a one, whatever is published
        _check_options(name, options, OPTIONS)
        return recipe(dialect, name, schema, model(), **options)
    _check_options(name, options, ("half_life_days",) if name in FEEDS else ())
    if name in PEOPLE:
        return recipe_on_people(dialect, name, schema, store.describe())
    if name in PROFILES:
        return profile_recipe(dialect, schema, store.describe())
    return feed_recipe(dialect, name, schema, half_life_days=options.get("half_life_days", 7.0))


def _check_options(name: str, options: Mapping[str, Any], own: Iterable[str]) -> None:
    """Go on only with a recipe's own options, and with others as they are where nobody sets them."""
    for option, value in options.items():
        if option not in own and not (option in OPTIONS and value == OPTIONS[option]):
            rule = f"must be an option of the recipe {name!r}"
            raise ArgumentError(problem(option, rule, value, near(option, own)))
