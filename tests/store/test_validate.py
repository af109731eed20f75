from __future__ import annotations

import pytest

from graphrec.errors import SchemaError
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social, Suggestions
from graphrec.store.protocol import GraphDescription, LabelInfo, RelationshipInfo
from graphrec.store.validate import problems, require, require_people, summary

SCHEMA = GraphSchema(
    user=Node("Customer", key="uuid"),
    item=Node("Product", key="sku", properties=["title"]),
    interactions=[Interaction("BOUGHT", weight="qty", time="at")],
    attributes=[Attribute("OF", to=Node("Brand", key="name"))],
)
FOUND = GraphDescription(
    {
        "Customer": LabelInfo(2, {"uuid": "STRING"}),
        "Product": LabelInfo(3, {"sku": "STRING", "title": "STRING"}),
        "Brand": LabelInfo(1, {"name": "STRING"}),
    },
    [
        RelationshipInfo("BOUGHT", "Customer", "Product", 5, {"qty": "INTEGER", "at": "INTEGER"}),
        RelationshipInfo("OF", "Product", "Brand", 3, {}),
    ],
)


def changed(labels=None, edges=None):
    return GraphDescription({**FOUND.labels, **(labels or {})}, FOUND.relationships if edges is None else edges)


def test_a_schema_that_fits_has_no_problems():
    assert problems(SCHEMA, FOUND) == []
    assert require(SCHEMA, FOUND) == []


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (GraphDescription({"Custmer": LabelInfo(1, {})}, []), "no label 'Customer'. Did you mean 'Custmer'"),
        (changed({"Customer": LabelInfo(2, {"uid": "STRING"})}), "no property 'uuid'. Did you mean 'uid'"),
        (changed(edges=[RelationshipInfo("BOUGTH", "Customer", "Product", 1, {})]), "Did you mean 'BOUGTH'"),
        (changed(edges=[RelationshipInfo("BOUGHT", "Product", "Customer", 1, {})]), "does not run from 'Customer'"),
        (changed(edges=[RelationshipInfo("BOUGHT", "Customer", "Product", 1, {"qyt": "INTEGER", "at": "INTEGER"})]),
         "no property 'qty'. Did you mean 'qyt'"),
    ],
)  # fmt: skip
def test_what_nothing_can_be_recommended_without_is_refused_with_all_that_was_found(found, message):
    with pytest.raises(SchemaError, match=message) as error:
        require(SCHEMA, found)
    assert "The graph holds:" in str(error.value)


def test_what_may_come_later_is_only_said():
    later = changed({"Product": LabelInfo(3, {"sku": "STRING"})}, FOUND.relationships[:1])
    assert require(SCHEMA, later) == [
        "'Product' nodes have no property 'title'. Known: 'sku'.",
        "There is no relationship type 'OF'. Known: 'BOUGHT'.",
    ]


def test_plain_frames_may_do_without_weight_and_time():
    found = GraphDescription(
        {"User": LabelInfo(1, {"user_id": "x"}), "Item": LabelInfo(1, {"item_id": "x"})},
        [RelationshipInfo("INTERACTED", "User", "Item", 1, {})],
    )
    assert len(require(GraphSchema(), found)) == 2


def test_an_empty_graph_is_said_to_be_empty():
    assert summary(GraphDescription({}, [])) == "The graph holds: nothing yet."


PEOPLE = GraphSchema(
    user=Node("U", "id", name="called"),
    social=[Social("FRIEND", target=True), Social("FOLLOWS", directed=True)],
    suggestions=Suggestions(
        blocks=["BLOCKS"], declined="DECLINED", declined_days=9, opted_out="quiet", deleted="gone", hidden="shy"
    ),
)
PROPERTIES = dict.fromkeys(["id", "called", "quiet", "gone", "shy"], "STRING")


def society(properties=PROPERTIES, **edges):
    types = {"FRIEND": {}, "FOLLOWS": {}, "BLOCKS": {}, "DECLINED": {"at": "INTEGER"}} | edges
    found = [RelationshipInfo(type, "U", "U", 3, p) for type, p in types.items() if p is not None]
    return GraphDescription({"U": LabelInfo(3, properties)}, [*found, RelationshipInfo("LIKES", "U", "Item", 1, {})])


def test_a_society_that_fits_has_no_notes():
    assert require_people(PEOPLE, society()) == []


def test_what_nobody_has_yet_is_said():
    found = society({"id": "STRING"}, FOLLOWS=None, BLOCKS=None, DECLINED=None)
    notes = "\n".join(require_people(PEOPLE, found))
    for said in (
        "'BLOCKS' between 'U' nodes; there are ['FRIEND']. So nobody is blocked by it.",
        "So nothing is declined.",
        "So nobody has it.",
        "no property 'quiet'. So nobody has opted out.",
        "no property 'gone'. So nobody counts as deleted.",
        "no property 'shy'. So everybody may be named in reasons.",
        "no property 'called'. So reasons show keys.",
    ):
        assert said in notes
    assert require_people(PEOPLE, society(DECLINED={})) == [
        "'DECLINED' has no property 'at'. So declines count for ever."
    ]


@pytest.mark.parametrize(
    ("found", "message"),
    [
        (society(FRIEND=None), r"no relationship type 'FRIEND' between 'U' nodes; there are \['BLOCKS', 'DECLINED'"),
        (society(BLOCKS=None, BLOCKED={}), "Is 'BLOCKED' meant"),
        (society(BLOCKS=None, blocks={}), "Is 'blocks' meant"),
        (society(DECLINED=None, DECLINES={}), "Is 'DECLINES' meant"),
        (society(FOLLOWS=None, FOLLOW={}), "Is 'FOLLOW' meant"),
        (society(DECLINED={"ate": "INTEGER"}), "Is 'ate' meant"),
        (society({**{k: v for k, v in PROPERTIES.items() if k != "quiet"}, "Quiet": "BOOL"}), "Is 'Quiet' meant"),
        (society(SUGGESTED={"weight": "FLOAT"}), "Choose another suggestions.type"),
    ],
)
def test_a_near_name_may_be_a_mistake_and_is_refused(found, message):
    with pytest.raises(SchemaError, match=message) as error:
        require_people(PEOPLE, found)
    assert "The graph holds:" in str(error.value)


def test_ties_and_blocks_must_be_between_users():
    edges = [RelationshipInfo("FRIEND", "U", "Item", 1, {}), RelationshipInfo("BLOCKS", "Admin", "U", 1, {})]
    found = GraphDescription({"U": LabelInfo(3, PROPERTIES)}, edges)
    with pytest.raises(SchemaError, match="'FRIEND' does not run between 'U' nodes") as error:
        require_people(PEOPLE, found)
    assert "'BLOCKS' does not run between 'U' nodes. Found: ('Admin')->('U')" in str(error.value)
    with pytest.raises(SchemaError, match=r"names no ties .* Between 'U' nodes there are \['BLOCKS'"):
        require_people(GraphSchema(Node("U", "id")), society())
