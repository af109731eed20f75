"""The text of the condition; what it lets through is in test_suggestions.py, on every store."""

from __future__ import annotations

from typing import Any

import pytest
from store.suggested import SCHEMA, schema_of

from graphrec.schema import GraphSchema
from graphrec.store.allowed import Found, allowed, as_time, nameable, present
from graphrec.store.queries import quote


@pytest.mark.parametrize("dialect", ["neo4j", "ladybug"])
def test_every_name_of_the_schema_is_in_the_condition_and_quoted(dialect: Any) -> None:
    people = SCHEMA.suggestions
    text = allowed(SCHEMA, dialect, "$now")
    for name in (*people.blocks, people.declined, people.declined_at, people.opted_out, people.deleted):
        assert quote(str(name), dialect) in text
    assert "FRIEND``S" in text
    assert "KNOWS" not in text
    assert quote(str(people.hidden), dialect) not in text
    assert quote(str(people.hidden), dialect) in nameable(SCHEMA, dialect)
    assert "$now" in text
    assert "$now" not in allowed(schema_of(declined_days=None), dialect, "$now")


def test_what_a_graph_file_lacks_is_left_out() -> None:
    nothing = Found((), (), dated=False)
    assert allowed(SCHEMA, "ladybug", "$now", nothing) == "\n  AND user.`u ``id` <> other.`u ``id`"
    assert nameable(SCHEMA, "ladybug", nothing) == "named.`u ``id` IS NOT NULL"
    some = Found({"MUTES", "NO 'THANKS'"}, {"gone 'for' good"}, dated=False)
    text = allowed(SCHEMA, "ladybug", "$now", some)
    assert "(user)-[:`MUTES`]-(other)" in text
    assert "BLO``CKS" not in text
    assert "(user)-[declined:`NO 'THANKS'`]->(other) }" in text  # without a time it counts for ever
    assert "other.`gone 'for' good`" in text
    assert "out" not in text


def test_a_schema_without_wishes_asks_for_little() -> None:
    assert allowed(GraphSchema(), "neo4j", "$now") == "\n  AND user.`user_id` <> other.`user_id`"
    assert present(GraphSchema(), "neo4j", "named") == "true"


@pytest.mark.parametrize(
    ("type", "dialect", "text"),
    [
        (None, "neo4j", "$at"),
        ("INTEGER NOT NULL", "neo4j", "$at"),
        ("ZONED DATETIME NOT NULL", "neo4j", "datetime({epochSeconds: toInteger($at)})"),
        ("DATE", "neo4j", "date(datetime({epochSeconds: toInteger($at)}))"),
        ("TIMESTAMP", "ladybug", "to_timestamp($at)"),
        ("DATE", "ladybug", "CAST(to_timestamp($at) AS DATE)"),
        ("INT64", "ladybug", "$at"),
    ],
)
def test_a_time_is_written_in_the_type_that_is_there(type: str | None, dialect: Any, text: str) -> None:
    assert as_time("$at", type, dialect) == text
