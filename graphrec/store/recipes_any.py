"""A recipe by its name, whatever it is about."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from graphrec.store.recipes import recipe
from graphrec.store.recipes_feed import FEEDS, feed_recipe
from graphrec.store.recipes_people import PEOPLE, recipe_on_people
from graphrec.store.recipes_profile import PROFILES, profile_recipe

if TYPE_CHECKING:
    from collections.abc import Callable

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def any_recipe(store: GraphStore, schema: GraphSchema, name: str, model: Callable[[], str], **options: Any) -> str:
    """Return the Cypher of a recipe.

    Args:
        store: whose dialect it is in.
        schema: what the labels mean.
        name: of the recipe.
        model: gives the published model's name; recipes on people, and profiles, ask for none.
        options: see `graphrec.store.recipes.recipe`.

    Raises:
        ArgumentError: the recipe or an option is unknown.
        UnknownKeyError: the model is.
    """
    dialect = store.capabilities.dialect
    if name in PEOPLE:
        return recipe_on_people(dialect, name, schema, store.describe())
    if name in PROFILES:
        return profile_recipe(dialect, schema, store.describe())
    if name in FEEDS:
        return feed_recipe(dialect, name, schema, half_life_days=options.get("half_life_days", 7.0))
    return recipe(dialect, name, schema, model(), **options)
