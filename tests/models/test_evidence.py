from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
from interactions import communities, dataset_of

from graphrec.models import EASE, FittedModel, ItemKNN, Popularity, Spectral
from graphrec.models.evidence import Counts, Evidence, gathered

DATA = dataset_of(communities(3, users=50, items=70, groups=5))
MODELS: list[FittedModel] = [m.fit(DATA) for m in (Spectral(dim=8), ItemKNN(neighbours=9), Popularity(), EASE(reg=5))]
COUNTS = Counts(np.diff(DATA.interactions().indptr).astype(np.int64), DATA.interactions().sum(0).astype(np.int64))
USERS = np.array([4, 0, 49, 7])


def dense(model: FittedModel, hidden: Any, allowed: Any) -> np.ndarray:
    """Return scores of all items, −∞ for what may not be had."""
    scores = model.score(USERS).astype(np.float64)
    scores[hidden.toarray() > 0] = -np.inf
    scores[:, ~allowed] = -np.inf
    return scores


@pytest.mark.parametrize("proposers", [1, 3, 4])
@pytest.mark.parametrize("depth", [1, 6, 70])
def test_candidates_places_and_scores_by_dense_formulas(proposers: int, depth: int) -> None:
    hidden, allowed = DATA.seen()[USERS], np.arange(70) % 11 > 0
    found = gathered(MODELS, proposers, USERS, depth, COUNTS, hidden=hidden, allowed=allowed)
    every = [dense(model, hidden, allowed) for model in MODELS]
    for user in range(len(USERS)):
        tops = []
        for scores in every:
            rounded = [-float(f"{x:.5e}") for x in scores[user]]
            order = np.lexsort((np.arange(70), rounded))
            tops.append([int(i) for i in order if np.isfinite(scores[user, i])][:depth])
        rows = sorted(set().union(*tops[:proposers]))
        mine = found.rows[user]
        assert mine[mine >= 0].tolist() == rows
        assert (mine[len(rows) :] == -1).all()
        for number, scores in enumerate(every):
            own = scores[user, rows]
            of = scores[user, tops[number]] if number < proposers else own
            span = of.max() - of.min()
            expected = np.clip((own - of.min()) / span, -1, 1) if span > 0 else np.zeros(len(rows))
            np.testing.assert_allclose(found.scores[user, : len(rows), number], expected, atol=2e-4)
            places = [tops[number].index(row) + 1 if row in tops[number] else 0 for row in rows]
            assert found.places[user, : len(rows), number].tolist() == (
                places if number < proposers else [0] * len(rows)
            )
        assert not found.scores[user, len(rows) :].any()
        assert not found.places[user, len(rows) :].any()
        popularity = np.log1p(COUNTS.items[rows]) / np.log1p(COUNTS.items.max())
        np.testing.assert_allclose(found.popularity[user, : len(rows)], popularity, rtol=1e-6)
    np.testing.assert_allclose(
        found.activity, np.log1p(COUNTS.users[USERS]) / np.log1p(COUNTS.users.max()), rtol=1e-6
    )


def test_nobody_and_nothing() -> None:
    none = gathered(MODELS, 2, np.zeros(0, np.int64), 5, COUNTS, hidden=None, allowed=None)
    assert none.rows.shape[0] == 0
    closed = gathered(MODELS, 2, USERS, 5, COUNTS, hidden=None, allowed=np.zeros(70, bool))
    assert (closed.rows == -1).all()
    assert not closed.scores.any()


def test_several_blocks_are_one() -> None:
    hidden = DATA.seen()
    whole = gathered(MODELS, 4, USERS, 6, COUNTS, hidden=hidden[USERS], allowed=None)
    parts = [
        gathered(MODELS, 4, USERS[at], 6, COUNTS, hidden=hidden[USERS[at]], allowed=None)
        for at in (slice(0, 1), slice(1, 4))
    ]
    joined = Evidence.joined(parts)
    for name in ("rows", "scores", "places", "popularity", "activity"):
        np.testing.assert_allclose(getattr(joined, name), getattr(whole, name), atol=1e-5)


def test_what_is_hidden_takes_no_place() -> None:
    hidden = sp.csr_array(np.ones((4, 70)))
    assert (gathered(MODELS, 4, USERS, 6, COUNTS, hidden=hidden, allowed=None).rows == -1).all()


def test_who_does_not_know_a_user_proposes_nothing() -> None:
    matrix = communities(3, users=50, items=70, groups=5)
    matrix[4] = 0
    data = dataset_of(matrix)
    models: list[FittedModel] = [m.fit(data) for m in (ItemKNN(neighbours=9), Spectral(dim=8), Popularity())]
    counts = Counts(np.diff(data.interactions().indptr).astype(np.int64), data.interactions().sum(0).astype(np.int64))
    found = gathered(models, 3, USERS, 6, counts, hidden=None, allowed=None)
    assert not found.places[0, :, :2].any()
    assert not found.scores[0, :, :2].any()
    expected = sorted(np.lexsort((np.arange(70), -counts.items))[:6])
    assert found.rows[0, :6].tolist() == expected
    assert (found.rows[0, 6:] == -1).all()
    assert (found.places[1:] > 0).any(axis=1).all(), "of the others all three know something"
