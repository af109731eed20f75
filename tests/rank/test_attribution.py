from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.rank import attribution
from graphrec.rank.attribution import history_parts


@pytest.mark.parametrize("numbers", [1, 10, 1 << 22])
def test_parts_are_products_over_the_root_of_the_length(numbers, monkeypatch):
    monkeypatch.setattr(attribution, "NUMBERS", numbers)
    rng = np.random.default_rng(0)
    fold_in = rng.normal(size=(7, 5)).astype(np.float32)
    items = rng.normal(size=(4, 5)).astype(np.float32)
    histories = sp.csr_array((rng.random((4, 7)) < 0.5) * 3.0)
    found = history_parts(items, fold_in, histories).toarray()
    for b in range(4):
        had = np.flatnonzero(histories.toarray()[b])
        for j in range(7):
            expected = float(np.dot(items[b].astype(float), fold_in[j].astype(float))) / np.sqrt(len(had))
            assert found[b, j] == pytest.approx(expected if j in had else 0.0, rel=1e-12)


def test_no_pairs_and_no_history():
    vectors = np.ones((2, 3), np.float32)
    assert history_parts(vectors[:0], vectors, sp.csr_array((0, 2))).shape == (0, 2)
    assert history_parts(vectors[:1], vectors, sp.csr_array((1, 2))).nnz == 0
