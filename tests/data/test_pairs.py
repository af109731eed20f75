from __future__ import annotations

import numpy as np
import pandas as pd

from graphrec.data.frames import dataset_from_frames
from graphrec.data.pairs import codes_in, codes_of, distinct, entries, joins_pairs, matrix_of, row_sums, target_tables
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social

SCHEMA = GraphSchema(
    user=Node("User", key="user_id"),
    item=Node("Item", key="item_id"),
    interactions=[Interaction("SAW"), Interaction("BOUGHT", target=True)],
    attributes=[Attribute("MADE_BY", to=Node("User", key="user_id"))],
    social=[Social("KNOWS")],
)
DATA = dataset_from_frames(
    pd.DataFrame({"user_id": ["b", "a", "b"], "item_id": ["y", "z", "y"]}),
    schema=SCHEMA,
    edges={
        "SAW": pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}),
        "MADE_BY": pd.DataFrame({"source": ["z"], "target": ["a"]}),
        "KNOWS": pd.DataFrame({"user_id": ["a"], "friend_id": ["b"]}),
    },
)


def test_a_pair_is_one_number_whichever_way_its_relationship_points() -> None:
    assert codes_of(DATA, DATA.edges["BOUGHT"]).tolist() == [1 * 3 + 1, 0 * 3 + 2, 1 * 3 + 1]
    assert codes_of(DATA, DATA.edges["MADE_BY"]).tolist() == [0 * 3 + 2]


def test_tables_are_told_apart_by_what_they_join_and_by_what_is_to_be_predicted() -> None:
    assert [name for name, edge in DATA.edges.items() if joins_pairs(DATA, edge)] == ["SAW", "BOUGHT", "MADE_BY"]
    assert [edge.type for edge in target_tables(DATA)] == ["BOUGHT"]


def test_pairs_become_a_matrix_and_come_back() -> None:
    codes = distinct(np.array([5, 1, 5, 3]))
    assert codes.tolist() == [1, 3, 5]
    assert distinct(np.zeros(0, np.int64)).tolist() == []
    matrix = matrix_of(codes, (3, 3))
    assert matrix.toarray().tolist() == [[0, 1, 0], [1, 0, 1], [0, 0, 0]]
    assert codes_in(matrix).tolist() == codes.tolist()
    assert row_sums(matrix, np.array([1, 10, 100])).tolist() == [10, 101, 0]
    most = np.iinfo(np.uint64).max
    assert row_sums(matrix, np.array([most, 1, 2], np.uint64)).tolist() == [1, 1, 0]
    assert codes_in(entries(matrix, np.array([True, False, True]))).tolist() == [1, 5]
