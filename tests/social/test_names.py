from __future__ import annotations

from ties import tied

from graphrec.schema import GraphSchema
from graphrec.social.names import hides_name, named, names_of


def test_people_are_named_but_for_those_who_hide() -> None:
    data = tied(4)
    assert hides_name(data, [0, 1, 2, 3]) == [False, True, False, False]
    assert names_of(data, [3, 1, 0]) == ["User 3", None, "User 0"]


def test_without_names_in_the_schema_or_the_data_nobody_has_one() -> None:
    data = tied(2)
    bare = type(data)(GraphSchema(), data.nodes, data.edges)
    assert names_of(bare, [0, 1]) == [None, None]
    assert hides_name(bare, [0, 1]) == [False, False]


def test_a_schema_for_reading_names_has_their_properties_once() -> None:
    schema = tied(2).schema
    assert named(schema).user.properties == ("title", "shy")
    bare = schema.model_copy(update={"user": schema.user.model_copy(update={"properties": ("age",)})})
    assert named(bare).user.properties == ("age", "title", "shy")
    assert named(GraphSchema()) == GraphSchema()
