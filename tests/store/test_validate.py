from __future__ import annotations

import pytest

from graphrec.errors import SchemaError
from graphrec.schema import Attribute, GraphSchema, Interaction, Node
from graphrec.store.protocol import GraphDescription, LabelInfo, RelationshipInfo
from graphrec.store.validate import problems, require, summary

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
