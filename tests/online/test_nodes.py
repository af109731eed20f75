from __future__ import annotations

import pytest
from planted import ITEMS, SCHEMA, USERS, known_model, planted

from graphrec.errors import StoreError
from graphrec.online.nodes import held


def test_a_property_of_nodes_in_the_order_asked(any_store):
    planted(any_store)
    assert held(any_store, SCHEMA.item, "price", [ITEMS[3], "nothing", ITEMS[0]]) == [3.0, None, 0.0]
    assert held(any_store, SCHEMA.item, "no `such`", ITEMS[:2]) == [None, None]
    assert held(any_store, SCHEMA.item, "price", []) == []


def test_lists_of_a_version_whose_vectors_were_removed_say_so(any_store):
    graph = planted(any_store)
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    any_store.drop_vectors(SCHEMA.item, "m_a")
    for ask in (lambda: graph.recommend(USERS[:1], model="m"), lambda: graph.similar(ITEMS[:1], model="m")):
        with pytest.raises(StoreError, match=r"has a vector of 'm' version 1, which was published with .*roll back"):
            ask()
