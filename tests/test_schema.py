from __future__ import annotations

import pytest

from graphrec.errors import ArgumentError, SchemaError
from graphrec.schema import Attribute, Filter, GraphSchema, Interaction, Node, Social, Suggestions


def test_the_default_serves_plain_frames():
    schema = GraphSchema()
    assert (schema.user.key, schema.item.key) == ("user_id", "item_id")
    assert [i.type for i in schema.targets] == ["INTERACTED"]


def test_roles_are_found_by_what_the_schema_says():
    schema = GraphSchema(
        user=Node("U"),
        item=Node("I"),
        interactions=[Interaction("VIEWED", hides=False), Interaction("BOUGHT", weight="qty", target=True)],
        attributes=[Attribute("OF", to=Node("Genre", key="name")), Attribute("IN", to=Node("City"), of="user")],
        social=[Social("FOLLOWS", directed=True)],
    )
    assert [i.type for i in schema.targets] == ["BOUGHT"]
    assert [i.type for i in schema.hiding] == ["BOUGHT"]
    assert list(schema.nodes) == ["U", "I", "Genre", "City"]
    ends = {name: (r.source.label, r.target.label) for name, r in schema.relationships.items()}
    assert ends == {
        "VIEWED": ("U", "I"),
        "BOUGHT": ("U", "I"),
        "OF": ("I", "Genre"),
        "IN": ("U", "City"),
        "FOLLOWS": ("U", "U"),
    }
    assert schema.relationships["BOUGHT"].weight == "qty"


def test_the_first_interaction_is_the_target_where_none_says_so():
    schema = GraphSchema(interactions=[Interaction("A"), Interaction("B")])
    assert [i.type for i in schema.targets] == ["A"]


def test_the_first_tie_is_what_people_are_suggested_for_where_none_says_so():
    assert GraphSchema().ties == ()
    assert [s.type for s in GraphSchema(social=[Social("A"), Social("B")]).ties] == ["A"]
    assert [s.type for s in GraphSchema(social=[Social("A"), Social("B", target=True)]).ties] == ["B"]


def test_dicts_as_in_toml_make_the_same_schema():
    fields = {"user": {"label": "U"}, "item": {"label": "I"}, "interactions": [{"type": "R", "target": True}]}
    assert GraphSchema(**fields) == GraphSchema(
        user=Node("U"), item=Node("I"), interactions=[Interaction("R", target=True)]
    )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Node("A", kee="x"), "Did you mean 'key'"),
        (lambda: Node(""), "must not be empty"),
        (lambda: Node("a\0b"), "NUL"),
        (lambda: Node("A", key_type="float"), "'string' or 'integer'"),
        (lambda: Node("A", "id", "string", (), "title", (), "more"), "at most 6 values"),
        (lambda: Node("A", label="B"), "given twice"),
        (lambda: GraphSchema(interactions=[]), "at least 1 item"),
        (lambda: GraphSchema(user=Node("A"), item=Node("A")), "different labels"),
        (lambda: GraphSchema(interactions=[Interaction("R"), Interaction("R")]), "used twice"),
        (lambda: GraphSchema(suggestions=Suggestions("INTERACTED")), "used twice"),
        (lambda: GraphSchema(suggestions=Suggestions(blocks=["B"], declined="B")), "used twice"),
        (lambda: Suggestions(declined_days=0), "greater than 0"),
        (lambda: GraphSchema(attributes=[Attribute("OF", to=Node("User", key="other"))]), "given two keys"),
        (lambda: GraphSchema(item=Node("GraphrecModel", key="name")), "graphrec's own records"),
        (lambda: GraphSchema(attributes=[Attribute("HAS", to=Node("GraphrecFeature"))]), "graphrec's own records"),
        (lambda: GraphSchema(interactions=[Interaction("R", weight="at", time="at")]), "from one property, 'at'"),
        (lambda: GraphSchema(interactions=[{"type": "R", "wieght": "w"}]), "Did you mean 'weight'"),
        (lambda: Filter("f", "item.x = $user"), "graphrec's own"),
        (lambda: Filter("f", "true; MATCH (n) DELETE n"), "without ';'"),
        (lambda: Filter("no name", "true"), "name"),
        (
            lambda: GraphSchema(
                attributes=[Attribute("HAS", to=Node("Tag"))], filters=[Filter("of_ids", "item.id IN $HAS")]
            ),
            r"filter 'of_ids' has a parameter \$HAS.*attribute 'HAS'.*another name",
        ),
        (lambda: GraphSchema(user=3), "Got 3"),
    ],
)
def test_what_is_impossible_is_refused_by_name(make, message):
    with pytest.raises(SchemaError, match=message):
        make()


def test_none_is_the_default_and_a_dictionary_is_no_schema():
    assert GraphSchema.of(None) == GraphSchema()
    with pytest.raises(ArgumentError, match=r"`schema` must be a GraphSchema. Got 'dict'"):
        GraphSchema.of({"user": "User"})


def test_nothing_can_be_changed_after():
    with pytest.raises(ValueError, match="frozen"):
        Node("A").label = "B"


def test_a_filter_knows_its_parameters():
    assert Filter("f", "item.year >= $low AND item.year <= $high OR $low = 0").parameters == ("low", "high")


def test_names_and_texts_in_a_filter_are_no_part_of_its_sentence():
    odd = Filter("f", "item.`a;$k` = 'b;$user' OR item.x = \"c';$y\" OR item.`a;$k` = $z // $items;")
    assert odd.parameters == ("z",)
