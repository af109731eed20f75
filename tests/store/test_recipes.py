from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from graphrec.errors import ArgumentError
from graphrec.schema import Attribute, Filter, GraphSchema, Interaction, Node
from graphrec.store.recipes import check_model_name, condition_parameters, recipe, slot_property

SCHEMA = GraphSchema(
    user=Node("User"),
    item=Node("Item`s", key="the key"),
    interactions=[Interaction("RATED"), Interaction("SKIPPED"), Interaction("VIEWED", hides=False)],
    attributes=[
        Attribute("OF", to=Node("Genre")),
        Attribute("k", to=Node("Odd")),
        Attribute("IN", Node("City"), "user"),
    ],
    filters=[Filter("since", "item.year >= $year"), Filter("between", "item.year >= $low AND item.year < $high")],
)


@pytest.mark.parametrize("dialect", ["neo4j", "ladybug"])
def test_only_what_hides_is_in_the_text_and_names_are_quoted(dialect):
    text = recipe(dialect, "topk", SCHEMA, "m")
    assert ":`RATED`|`SKIPPED`" in text
    assert "VIEWED" not in text
    assert "`Item``s`" in text
    assert "'m'" in text
    assert "$include" not in text
    assert "@" not in text


@pytest.mark.parametrize("dialect", ["neo4j", "ladybug"])
def test_conditions_are_asked_for_by_name(dialect):
    text = recipe(dialect, "topk", SCHEMA, "m", include=True, exclude=True, where=["since", "OF", "k"])
    for part in (
        "item.`the key` IN $include",
        "NOT item.`the key` IN $exclude",
        "(item.year >= $year)",
        "IN $OF",
        "IN $attribute_1",
    ):
        assert part in text
    assert "RATED" not in recipe(dialect, "topk", SCHEMA, "m", exclude_seen=False)


def test_values_become_parameters():
    given = {"since": 1990, "between": {"low": 1, "high": 2}, "OF": "Comedy", "k": ["x", "y"]}
    assert condition_parameters(SCHEMA, given) == {
        "year": 1990,
        "low": 1,
        "high": 2,
        "OF": ["Comedy"],
        "attribute_1": ["x", "y"],
    }


def test_a_parameter_has_no_name_that_a_graph_file_takes_for_its_own_word():
    schema = GraphSchema(attributes=[Attribute("IN", to=Node("Genre")), Attribute("Group", to=Node("Group"))])
    assert condition_parameters(schema, {"IN": "a", "Group": "b"}) == {"attribute_0": ["a"], "attribute_1": ["b"]}
    assert "IN $attribute_0" in recipe("ladybug", "topk", schema, "m", where=["IN"])


@pytest.mark.parametrize(
    "keys", [np.array(["x", "y"]), pd.Series(["x", "y"]), pa.array(["x", "y"]), {"x": 1, "y": 2}.keys(), iter("xy")]
)
def test_keys_may_stand_in_whatever_holds_them(keys):
    assert condition_parameters(SCHEMA, {"OF": keys}) == {"OF": ["x", "y"]}


@pytest.mark.parametrize(
    ("where", "message"),
    [
        ({"OF": ["Comedy", 3]}, r"`where\['OF'\]` must hold keys of one type. Got \['Comedy', 3\]"),
        ({"sinse": 1}, "Did you mean 'since'"),
        ({"IN": "Rome"}, "filters or item attributes"),
        ({"between": 3}, r"exactly the values \['low', 'high'\]"),
        ({"since": {"year": 1, "more": 2}}, r"exactly the values \['year'\]"),
    ],
)
def test_wrong_names_and_values_are_refused(where, message):
    with pytest.raises(ArgumentError, match=message):
        condition_parameters(SCHEMA, where)


@pytest.mark.parametrize(
    ("dialect", "predicate"),
    [
        ("ladybug", "EXISTS { MATCH (item)<-[:RATED]-(user:User) WHERE user.vip }"),
        ("ladybug", "EXISTS { MATCH (item)-[:OF]->( self) }"),
        ("neo4j", "EXISTS { MATCH (item)-[:OF]->(seen:Genre {id: $g}) }"),
        ("neo4j", "EXISTS { MATCH (item)-[query]-() }"),
    ],
)
def test_a_filter_has_no_variable_that_a_recipe_uses(dialect, predicate):
    schema = SCHEMA.model_copy(update={"filters": (Filter("f", predicate),)})
    with pytest.raises(ArgumentError, match=r"filter 'f', whose variable .* Got '(user|self|seen|query)'. .*another"):
        recipe(dialect, "topk", schema, "m", where=["f"])


@pytest.mark.parametrize("predicate", ["any(seen IN item.tags WHERE seen = $tag)", "item.`(seen)` = '(self)'"])
def test_a_filter_may_use_such_names_where_they_meet_nothing(predicate):
    schema = SCHEMA.model_copy(update={"filters": (Filter("f", predicate),)})
    for dialect in ("neo4j", "ladybug"):
        assert f"({predicate})" in recipe(dialect, "topk", schema, "m", where=["f"])


def test_names_of_models_and_recipes_are_checked():
    assert slot_property("m", "a") == "m_a"
    assert slot_property("m", "b", fold_in=True) == "m_b_in"
    for name in ("", "1", "a-b", "a`", "x" * 42, 7):
        with pytest.raises(ArgumentError, match="`name`"):
            check_model_name(name)
    with pytest.raises(ArgumentError, match="Did you mean 'topk'"):
        recipe("neo4j", "topkk", SCHEMA, "m")
