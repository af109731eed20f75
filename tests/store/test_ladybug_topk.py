"""One user's list in three short statements: the list of the recipe, also in the corners."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from store.contract import connect, fill

from graphrec.schema import Attribute, GraphSchema, Interaction, Node
from graphrec.store.ladybug_topk import topk
from graphrec.store.protocol import Fence
from graphrec.store.recipes import condition_parameters, recipe

if TYPE_CHECKING:
    from graphrec.store.ladybug import LadybugStore

ITEMS = ["a", "b", "c", "d", "e"]


def schema_of(type: str) -> GraphSchema:
    """Return a schema with an attribute of this type."""
    tie = Attribute(type, to=Node("V", key="id"))
    return GraphSchema(Node("U", key="id"), Node("I", key="id"), [Interaction("TOOK")], [tie])


def published(store: LadybugStore, schema: GraphSchema, query: float, items: list[float]) -> None:
    """Fill a store with one user, who took ``e``, items, their values in turn, and a model of one dimension."""
    took, tie = schema.relationships.values()
    for node, keys in ((schema.user, ["u"]), (schema.item, ITEMS), (tie.target, ["v", "w"])):
        fill(store, [(node, {"key": keys})])
    connect(store, took, {"source": ["u"], "target": ["e"]})
    connect(store, tie, {"source": ITEMS, "target": ["v", "w", "v", "w", "v"]})
    assert store.update_model("m", None, {"lock": "t", "version": 1, "live": "a", "dim": 1})
    for node, keys, values in ((schema.user, ["u"], [query]), (schema.item, ITEMS, items)):
        for slot in "ab":
            store.prepare_vectors(node, f"m_{slot}", 1, index=False)
        vectors = np.array(values, np.float32)[:, None]
        store.write_vectors(node, "m_a", pa.array(keys), vectors, Fence("m", "t", 1.0))


@pytest.mark.parametrize("sign", [1, -1])
def test_halves_of_the_sixth_digit_are_rounded_away_from_zero(ladybug_store: LadybugStore, sign: int) -> None:
    schema = schema_of("TAGGED")
    published(ladybug_store, schema, sign, [1_000_004, 1_000_005, 1_000_004, 1_000_005, 7])
    text = recipe("ladybug", "topk", schema, "m")
    expected = ["b", "d", "a", "c"] if sign > 0 else ["a", "c", "b", "d"]
    assert ladybug_store.query(text, {"user": "u", "k": 9})["item_id"].to_pylist() == expected
    assert topk(ladybug_store, schema, "m", "u", 9)["item_id"].to_pylist() == expected


@pytest.mark.parametrize("type", ["IN", "on", "Create", "glob", "vector", "fetch"])
def test_attributes_may_have_the_names_of_words_and_of_other_parameters(
    ladybug_store: LadybugStore, type: str
) -> None:
    schema = schema_of(type)
    published(ladybug_store, schema, 1, [1, 2, 3, 4, 5])
    given = {"user": "u", "k": 9, **condition_parameters(schema, {type: ["w"]})}
    text = recipe("ladybug", "topk", schema, "m", where=[type])
    assert ladybug_store.query(text, given)["item_id"].to_pylist() == ["d", "b"]
    assert topk(ladybug_store, schema, "m", "u", 9, where={type: ["w"]})["item_id"].to_pylist() == ["d", "b"]
