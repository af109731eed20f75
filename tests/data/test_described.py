from __future__ import annotations

import numpy as np
import pyarrow as pa

from graphrec.data.described import Described, Links


def test_some_of_the_nodes_keep_what_is_theirs() -> None:
    links = Links(np.array([0, 0, 2, 3]), pa.array(["a", "b", "c", "d"]), np.array([1.0, 2.0, 3.0, 4.0]))
    plain = Links(np.array([1]), pa.array(["x"]))
    whole = Described(4, {"year": pa.array([1, 2, 3, 4])}, {"HAS": links, "IN": plain})
    found = whole.take(np.array([3, 0]))
    assert found.n == 2
    assert found.properties["year"].to_pylist() == [4, 1]
    rows, keys, weight = found.attributes["HAS"]
    assert weight is not None
    assert sorted(zip(rows.tolist(), keys.to_pylist(), weight.tolist(), strict=True)) == [
        (0, "d", 4.0),
        (1, "a", 1.0),
        (1, "b", 2.0),
    ]
    assert found.attributes["IN"].keys.to_pylist() == []
    assert found.attributes["IN"].weight is None
