from __future__ import annotations

import io
import sys
from typing import Any

import numpy as np
import pytest
from interactions import communities
from scipy.sparse import csr_array, csr_matrix
from threadpoolctl import threadpool_info, threadpool_limits

from graphrec.errors import ModelError
from graphrec.models.implicit import fit_vectors

MATRIX = csr_array(communities().astype(np.float32))


class Recorder:
    """Stands where a model of the library does: notes how it is fitted, and gives float64 in the wrong order."""

    user_factors = np.asfortranarray(np.arange(6.0).reshape(3, 2))
    item_factors = np.arange(8.0).reshape(4, 2)

    def fit(self, matrix: Any, *, show_progress: bool) -> None:
        self.matrix, self.shown = matrix, show_progress
        self.blas = {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_it_gives_float32_rows_and_leaves_blas_one_thread() -> None:
    model = Recorder()
    with threadpool_limits(2):
        before = threadpool_info()
        users, items = fit_vectors("it", lambda: model, MATRIX, progress=True)
        assert threadpool_info() == before
    for found, expected in ((users, model.user_factors), (items, model.item_factors)):
        assert found.dtype == np.float32
        assert found.flags.c_contiguous
        np.testing.assert_array_equal(found, expected)
    assert isinstance(model.matrix, csr_matrix)
    assert (model.matrix != MATRIX).nnz == 0
    assert model.blas == {1}


@pytest.mark.parametrize(("wanted", "terminal"), [(True, True), (True, False), (False, True)])
def test_progress_is_drawn_on_a_terminal_only(monkeypatch: pytest.MonkeyPatch, wanted: bool, terminal: bool) -> None:
    class Stream(io.StringIO):
        def isatty(self) -> bool:
            return terminal

    model = Recorder()
    monkeypatch.setattr(sys, "stderr", Stream())
    fit_vectors("it", lambda: model, MATRIX, progress=wanted)
    assert model.shown == (wanted and terminal)


def test_its_errors_become_ours() -> None:
    from implicit.recommender_base import ModelFitError

    class Diverges(Recorder):
        def fit(self, matrix: Any, *, show_progress: bool) -> None:
            raise ModelFitError("NaN encountered")

    with pytest.raises(ModelError, match="The training of it diverged: NaN encountered"):
        fit_vectors("it", Diverges, MATRIX, progress=False)
