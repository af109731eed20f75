from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from store.memory import MemoryStore

from graphrec.errors import ArgumentError
from graphrec.schema import Attribute, GraphSchema, Node, Social
from graphrec.store.recipes_any import any_recipe

if TYPE_CHECKING:
    from typing import Any

SCHEMA = GraphSchema(attributes=[Attribute("OF", to=Node("Genre"))], social=[Social("FRIEND")])
DEFAULTS = {"include": False, "exclude": False, "where": (), "exclude_seen": True}


def text_of(name: Any, **options: Any) -> str:
    return any_recipe(MemoryStore(), SCHEMA, name, lambda: "m", **options)


def no_model() -> str:
    raise AssertionError("a model was asked for")


def test_a_wrong_name_is_told_before_a_model_is_asked_for():
    with pytest.raises(ArgumentError, match=r"Got 'topkk'. Did you mean 'topk'"):
        any_recipe(MemoryStore(), SCHEMA, "topkk", no_model)
    with pytest.raises(ArgumentError, match=r"there is no vector index. Got 'topk_index'. Take 'topk'"):
        any_recipe(MemoryStore(), SCHEMA, "topk_index", no_model)


@pytest.mark.parametrize(
    ("name", "options", "says"),
    [
        (
            "topk",
            {"includes": True},
            "`includes` must be an option of the recipe 'topk'. Got True. Did you mean",
        ),
        ("topk", {"half_life_days": 3}, "`half_life_days` must be an option of the recipe 'topk'. Got 3"),
        ("friends", {"by": 3}, "`by` must be an option of the recipe 'friends'. Got 3. None is known"),
        (
            "decline",
            {"include": True},
            "`include` must be an option of the recipe 'decline'. Got True",
        ),
        ("profile", {"where": ["OF"]}, "`where` must be an option of the recipe 'profile'"),
        ("feed", {"exclude_seen": False}, "`exclude_seen` must be an option of the recipe 'feed'"),
    ],
)
def test_options_that_a_recipe_has_not_are_refused(name, options, says):
    with pytest.raises(ArgumentError, match=says):
        text_of(name, **options)


def test_options_that_nobody_sets_change_nothing():
    for name in ("topk", "feed"):
        assert text_of(name, **DEFAULTS) == text_of(name)
    assert text_of("feed", half_life_days=3) != text_of("feed")
