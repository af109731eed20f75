from __future__ import annotations

import numpy as np
import pyarrow as pa
from attributes import tagged

from graphrec.data.feature_values import values_of
from graphrec.data.features import blocks_of, described


def test_every_value_is_a_column_and_the_amount_is_none() -> None:
    titles = pa.array(["red door", "red", "blue", "blue"])
    sizes = pa.array([1.0, 2.0, None, 3.0])
    data = tagged(
        np.eye(4),
        [(0, 0), (0, 1), (1, 1), (3, 2)],
        properties={"title": ("words", titles), "size": ("number", sizes), "kind": ("category", titles)},
    )
    nodes = described(data, "item")
    found = {block.name: values_of(block, nodes).toarray() for block in blocks_of(data, "item")}
    assert {name: matrix.shape[1] for name, matrix in found.items()} == {
        "TAGGED": 3,
        "title": 2,
        "size": 3,
        "kind": 3,
    }
    assert sorted((found["TAGGED"] > 0).sum(0).tolist()) == [1, 1, 2]
    assert (found["TAGGED"] > 0).sum(1).tolist() == [2, 1, 0, 1]
    assert (found["title"] > 0).sum(1).tolist() == [1, 1, 1, 1]
