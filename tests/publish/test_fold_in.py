from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from planted import SCHEMA, known_model, planted
from store.memory import MemoryStore

from graphrec.publish.fold_in import fold_in
from graphrec.publish.record import live


def test_the_sum_over_the_root_of_the_number():
    graph = planted(MemoryStore())
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    pairs = {"source": ["a", "b", "a", "c", "a"], "target": ["i03", "i07", "i01", "gone", "gone"]}
    keys = pa.array(["c", "a", "b", "d"])
    vectors, counts = fold_in(graph.store, SCHEMA, live(graph.store), keys, pa.table(pairs))
    parts = model.fold_in_vectors.astype(np.float64)
    assert counts.tolist() == [0, 2, 1, 0]
    assert vectors[1] == pytest.approx((parts[1] + parts[3]) / np.sqrt(2), rel=1e-12)
    assert vectors[2] == pytest.approx(parts[7], rel=1e-12)
    assert not vectors[[0, 3]].any()
    nobody = fold_in(graph.store, SCHEMA, live(graph.store), keys, pa.table(pairs).slice(0, 0))
    assert not nobody[0].any()
    graph.publish(known_model(graph.dataset(), fold_in=False), "m")
    assert not fold_in(graph.store, SCHEMA, live(graph.store), keys, pa.table(pairs))[0].any()
