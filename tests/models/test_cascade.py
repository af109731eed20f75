from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.errors import ArgumentError
from graphrec.models import Cascade, FittedHybrid, from_name, load_model

if TYPE_CHECKING:
    from pathlib import Path

KNN = {"kind": "item-knn", "neighbours": 9}
SPECTRAL = {"kind": "spectral", "dim": 8}
MATRIX = np.maximum(communities(1), np.random.default_rng(0).random((60, 40)) < 0.05)


@pytest.mark.parametrize("parts", [(KNN, SPECTRAL), (SPECTRAL, KNN), ({"kind": "popularity"}, SPECTRAL)])
@pytest.mark.parametrize("depth", [5, 12])
def test_the_first_of_one_in_the_order_of_the_other(parts: Any, depth: int) -> None:
    data = dataset_of(MATRIX)
    fitted = Cascade(candidates=parts[0], ranker=parts[1], depth=depth).fit(data)
    first, second = (from_name(**part).fit(data) for part in parts)
    users = data.users.keys.to_pylist()
    candidates = graphrec.recommend(first, data, users, depth)
    found = graphrec.recommend(fitted, data, users, 5)
    scores = second.score(np.arange(60)).astype(np.float64)
    for user, key in enumerate(users):
        rows = data.items.rows(candidates[candidates["user"] == key]["item"])
        listed = data.items.rows(found[found["user"] == key]["item"])
        assert len(listed) == min(5, len(rows))
        assert set(listed.tolist()) <= set(rows.tolist())
        worst = scores[user, listed].min()
        assert (scores[user, np.setdiff1d(rows, listed)] <= worst + 1e-5 * abs(worst) + 1e-9).all()
        assert (np.diff(scores[user, listed]) <= 1e-5).all()


def test_candidates_are_ordered_however_poor_the_ranker_thinks_them() -> None:
    """The scale is that of the candidates, not of the ranker's own first items."""
    matrix = np.zeros((4, 300))
    matrix[0, :290], matrix[1, [0, 295]], matrix[2, [1, 296, 297]], matrix[3, 298] = 1, 1, 1, 1
    data = dataset_of(matrix)
    fitted = Cascade(candidates={"kind": "random"}, ranker={"kind": "popularity"}, depth=300).fit(data)
    listed = graphrec.recommend(fitted, data, ["User-00003"], 299)
    counts = matrix.sum(0)[data.items.rows(listed["item"])]
    assert (np.diff(counts) <= 0).all()


def test_whom_the_ranker_does_not_know_gets_the_candidates_own_list() -> None:
    matrix = MATRIX.copy()
    matrix[7] = 0
    data = dataset_of(matrix)
    popular = {"kind": "popularity"}
    expected = graphrec.recommend(from_name(**popular).fit(data), data, ["User-00007"], 10)
    assert expected["item"].tolist() != sorted(expected["item"])
    for ranker in (KNN, SPECTRAL):
        fitted = Cascade(candidates=popular, ranker=ranker).fit(data)
        assert graphrec.recommend(fitted, data, ["User-00007"], 10)["item"].tolist() == expected["item"].tolist()


def test_it_is_saved_and_fitted_again(tmp_path: Path) -> None:
    data = dataset_of(MATRIX)
    split = data.split("random")
    fitted = Cascade(candidates=KNN, ranker={"kind": "spectral"}, depth=9).fit(
        split.train, validation=split.validation
    )
    assert isinstance(fitted.config, Cascade)
    assert fitted.config.candidates == KNN
    assert "dim" in fitted.config.ranker, "what the ranker chose is recorded"
    fitted.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert isinstance(loaded, FittedHybrid)
    np.testing.assert_array_equal(loaded.score(np.arange(60)), fitted.score(np.arange(60)))
    assert loaded.refit(data).config == fitted.config


def test_a_longer_list_takes_more_candidates() -> None:
    data = dataset_of(MATRIX)
    fitted = Cascade(candidates=KNN, ranker=SPECTRAL, depth=3).fit(data)
    assert len(graphrec.recommend(fitted, data, ["User-00001"], 10)) == 10


def test_impossible_parts_are_refused() -> None:
    with pytest.raises(ArgumentError, match=r"parts must be models that can be made: .* Did you mean 'ease'"):
        Cascade(ranker={"kind": "eas"})
    with pytest.raises(ArgumentError, match="parts must be models that can be made: `kind` must be a known model"):
        Cascade(candidates={})
    with pytest.raises(ArgumentError, match="`weight` is not a field of EASE"):
        Cascade(ranker={"kind": "ease", "weight": 2.0})
