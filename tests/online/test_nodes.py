from __future__ import annotations

from planted import ITEMS, SCHEMA, planted

from graphrec.online.nodes import held


def test_a_property_of_nodes_in_the_order_asked(any_store):
    planted(any_store)
    assert held(any_store, SCHEMA.item, "price", [ITEMS[3], "nothing", ITEMS[0]]) == [3.0, None, 0.0]
    assert held(any_store, SCHEMA.item, "no `such`", ITEMS[:2]) == [None, None]
    assert held(any_store, SCHEMA.item, "price", []) == []
