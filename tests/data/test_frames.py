from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.data.frames import dataset_from_frames
from graphrec.errors import ArgumentError, DataError
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social

SCHEMA = GraphSchema(
    user=Node("Customer", key="uuid"),
    item=Node("Product", key="sku", key_type="string"),
    interactions=[Interaction("VIEWED"), Interaction("BOUGHT", weight="qty", time="at", target=True)],
    attributes=[Attribute("IN", to=Node("Category", key="name")), Attribute("FROM", to=Node("City"), of="user")],
    social=[Social("KNOWS")],
)
BOUGHT = pd.DataFrame(
    {"uuid": [2, 1, 2], "sku": ["007", "x", "007"], "qty": [1, 2, 3], "at": ["2024-01-01", None, "2024-01-02"]}
)


def test_the_least_frame_is_enough() -> None:
    data = dataset_from_frames(pd.DataFrame({"user_id": ["b", "a", "b"], "item_id": [1, 2, 1]}))
    assert data.users.keys.to_pylist() == ["a", "b"]
    assert data.items.keys.to_pylist() == [1, 2]
    edge = data.edges["INTERACTED"]
    assert (edge.weight, edge.time) == (None, None)
    np.testing.assert_array_equal(data.interactions(weighted=True).toarray(), [[0, 1], [2, 0]])


def test_weights_and_times_of_the_default_schema() -> None:
    frame = pd.DataFrame({"user_id": [1], "item_id": [2], "weight": [4.5], "timestamp": [99], "note": ["x"]})
    assert dataset_from_frames(frame).frame("INTERACTED").to_dict("records") == [
        {"source": 1, "target": 2, "weight": 4.5, "time": 99}
    ]


def test_several_types_share_their_nodes(tmp_path: Path) -> None:
    pd.DataFrame({"sku": ["007", "new"], "category": ["A", "B"]}).to_csv(tmp_path / "in.csv", index=False)
    data = dataset_from_frames(
        BOUGHT,
        schema=SCHEMA,
        edges={
            "VIEWED": [{"source": 9, "target": "y"}],
            "IN": tmp_path / "in.csv",
            "KNOWS": pd.DataFrame({"user_id": [1], "friend_id": [5]}),
        },
    )
    assert data.users.keys.to_pylist() == [1, 2, 5, 9]
    assert data.items.keys.to_pylist() == ["007", "new", "x", "y"]
    assert data.nodes["Category"].keys.to_pylist() == ["A", "B"]
    assert len(data.nodes["City"]) == len(data.edges["FROM"]) == 0
    assert data.frame("IN").values.tolist() == [["007", "A"], ["new", "B"]]
    bought = data.frame("BOUGHT")
    assert bought[["source", "target", "weight"]].values.tolist() == [[2, "007", 1], [1, "x", 2], [2, "007", 3]]
    assert data.interactions().sum() == 2


def test_given_nodes_are_all_the_nodes() -> None:
    data = dataset_from_frames(
        BOUGHT,
        schema=SCHEMA,
        nodes={"Product": pd.DataFrame({"sku": ["007", "z"], "title": ["Bond", "Zed"]}), "Customer": [{"uuid": 2}]},
    )
    assert data.items.keys.to_pylist() == ["007", "z"]
    assert data.items.properties["title"].to_pylist() == ["Bond", "Zed"]
    assert len(data.edges["BOUGHT"]) == 2
    assert data.notes == ("1 rows of BOUGHT were left out: an end is not among the given nodes.",)


def test_names_outside_the_schema_are_refused() -> None:
    with pytest.raises(
        ArgumentError, match=r"`nodes` must be given by names of the schema. Got 'Products'.*'Product'"
    ):
        dataset_from_frames(BOUGHT, schema=SCHEMA, nodes={"Products": BOUGHT})
    with pytest.raises(ArgumentError, match=r"`edges` must be given by names of the schema. Got 'LIKES'"):
        dataset_from_frames(BOUGHT, schema=SCHEMA, edges={"LIKES": BOUGHT})
    with pytest.raises(ArgumentError, match="must not hold 'BOUGHT', which is `interactions`"):
        dataset_from_frames(BOUGHT, schema=SCHEMA, edges={"BOUGHT": BOUGHT})


def test_frames_without_names_and_fields_of_a_schema_are_refused() -> None:
    for name, given in (("nodes", [BOUGHT]), ("nodes", BOUGHT), ("edges", BOUGHT)):
        with pytest.raises(ArgumentError, match=f"`{name}` must be frames by name. Got .* as in {name}="):
            dataset_from_frames(BOUGHT, schema=SCHEMA, **{name: given})
    with pytest.raises(ArgumentError, match=r"`schema` must be a GraphSchema. Got 'dict'"):
        dataset_from_frames(BOUGHT, schema={"user": "User"})  # type: ignore[arg-type]


def test_bad_rows_and_missing_columns_are_refused() -> None:
    with pytest.raises(DataError, match="`interactions`: column 'weight' must hold finite numbers"):
        dataset_from_frames(pd.DataFrame({"user_id": [1], "item_id": [1], "weight": [np.nan]}))
    with pytest.raises(DataError, match="a column for the weight of 'BOUGHT': 'qty'"):
        dataset_from_frames(BOUGHT.drop(columns="qty"), schema=SCHEMA)
    with pytest.raises(DataError, match=r"`edges\['KNOWS'\]`: column 'user_id' must hold integer keys"):
        dataset_from_frames(
            BOUGHT, schema=SCHEMA, edges={"KNOWS": pd.DataFrame({"user_id": ["1"], "friend_id": ["2"]})}
        )


def test_a_frame_without_rows_is_an_empty_graph() -> None:
    data = dataset_from_frames(pd.DataFrame({"user_id": [], "item_id": []}))
    assert (len(data.users), len(data.items), data.interactions().nnz) == (0, 0, 0)
