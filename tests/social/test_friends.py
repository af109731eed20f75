"""Ranking people: each score is its formula, and the blend learns what a tie looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pytest
import scipy.sparse as sp
from social.graphs import everybody, scored
from ties import tied

import graphrec
from graphrec.errors import ArgumentError
from graphrec.models.spectral import Spectral
from graphrec.rank.scorer import Lister, Scorer
from graphrec.social.friends import Friends, dense
from graphrec.social.pagerank import PageRank
from graphrec.social.people import hold_out_ties, people_of

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset

N = 40
PAIRS = [(int(a), int(b)) for a, b in np.random.default_rng(2).integers(0, N - 2, (90, 2))]  # two without ties


def society(directed: bool = False) -> Dataset:
    return people_of(tied(N, PAIRS, directed=[directed]))


def communities(n: int = 150, groups: int = 10) -> Dataset:
    """A graph in which two people of one group are tied with probability .5, others with .01."""
    generator = np.random.default_rng(5)
    group = np.arange(n) % groups
    chance = np.where(group[:, None] == group, 0.5, 0.01)
    ties = np.argwhere(np.triu(generator.random((n, n)) < chance, 1))
    played = [(u, int(3 * group[u] + generator.integers(0, 3))) for u in range(n)]
    return tied(n, [(int(a), int(b)) for a, b in ties], played=played, items=3 * groups)


@pytest.mark.parametrize(
    ("by", "index"),
    [
        ("common", lambda g, p: [(u, v, len(list(nx.common_neighbors(g, u, v)))) for u, v in p]),
        ("adamic-adar", nx.adamic_adar_index),
        ("resource-allocation", nx.resource_allocation_index),
        ("jaccard", nx.jaccard_coefficient),
        ("preferential-attachment", nx.preferential_attachment),
    ],
)
def test_scores_of_ties_are_networkx_s_own(by: Any, index: Any) -> None:
    people = society()
    graph = nx.from_scipy_sparse_array(people.interactions())
    found = scored(Friends(by=by), people)
    assert found
    np.testing.assert_allclose(list(found.values()), [p for _, _, p in index(graph, list(found))], rtol=1e-5)
    near = {(u, v) for u, v in nx.non_edges(graph) if list(nx.common_neighbors(graph, u, v))}
    assert set(found) == near | {(v, u) for u, v in near}


@pytest.mark.parametrize("directed", [False, True])
def test_scores_of_walks_and_vectors(directed: bool) -> None:
    people = society(directed)
    walks = scored(Friends(by="pagerank", precision=1e-6), people)
    exact = PageRank(people.interactions(), precision=1e-6).at(np.arange(N), everybody(N))[..., 0]
    np.testing.assert_allclose(list(walks.values()), [exact[pair] for pair in walks], rtol=1e-6)
    fitted = Spectral(dim=16, seed=4).fit(people)
    vectors = scored(Friends(by="vectors", dim=16, seed=4), people)
    product = fitted.user_vectors @ fitted.item_vectors.T
    np.testing.assert_allclose(list(vectors.values()), [product[pair] for pair in vectors], atol=1e-4)
    assert len(vectors) > len(scored(Friends(by="common"), people))  # vectors find others, too


def test_lists_are_in_order_and_hold_nobody_who_is_hidden() -> None:
    people = society(directed=True)
    fitted = Friends(by="adamic-adar").fit(people)
    allowed = np.arange(N) % 3 != 0
    found = fitted.suggest(np.arange(N), 2 * N, allowed=allowed)
    assert found.rows.shape == found.scores.shape == (N, 2 * N)  # k is more than there are people
    seen = people.seen().toarray()
    for u in range(N):
        mine = found.rows[u][found.rows[u] >= 0]
        assert allowed[mine].all()
        assert not seen[u, mine].any()
        order = list(zip(-found.scores[u, : len(mine)], mine, strict=True))
        assert order == sorted(order)
        assert np.isneginf(found.scores[u, len(mine) :]).all()
    few = fitted.suggest(np.arange(N), 3, allowed=allowed)
    np.testing.assert_array_equal(few.rows, found.rows[:, :3])
    own = fitted.suggest(np.array([4]), 5, hidden=sp.csr_array((1, N)))  # their ties are not hidden now
    assert 4 not in own.rows
    assert (found.rows[N - 1] == -1).all()  # has no ties


def test_scores_of_everybody_say_what_the_lists_say() -> None:
    fitted = Friends(by="preferential-attachment", candidates=2).fit(society())
    found = fitted.suggest(np.arange(N), N)
    scores = fitted.score(np.arange(N))
    assert scores.shape == (N, N)
    for u in range(N):
        mine = found.rows[u][found.rows[u] >= 0]
        np.testing.assert_allclose(scores[u, mine], found.scores[u, : len(mine)])
        assert np.delete(scores[u], mine).max() < scores[u, mine].min(initial=np.inf)
    huge = dense(np.array([[1, -1]]), np.array([[3e9, -np.inf]]), 3)  # float32 holds 3e9 but not 3e9 − 1
    assert (huge[0, [0, 2]] < huge[0, 1]).all()
    nobody = dense(np.array([[-1]]), np.array([[-np.inf]]), 3)
    assert np.isfinite(nobody).all()


def test_many_ties_do_not_overflow() -> None:
    n = 50_002  # 50,000² is more than int32 holds
    pairs = [(hub, i) for hub in (0, 1) for i in range(2, n)]
    fitted = Friends(by="preferential-attachment").fit(people_of(tied(n, pairs)))
    found = fitted.suggest(np.array([0]), 1)
    assert (found.rows.tolist(), found.scores.tolist()) == ([[1]], [[50_000.0**2]])


def test_evaluate_takes_what_is_fitted() -> None:
    split = hold_out_ties(communities(), test=0.1, validation=0.0)
    fitted = Friends(by="adamic-adar").fit(split.train)
    assert isinstance(fitted, Scorer)
    assert isinstance(fitted, Lister)
    found = graphrec.evaluate(fitted, split, ["recall@10", "coverage@10"])
    users = np.flatnonzero(np.diff(split.test.matrix.indptr))
    rows, truth = fitted.suggest(users, 10).rows, split.test.matrix.toarray()
    recalls = [truth[u, row[row >= 0]].sum() / truth[u].sum() for u, row in zip(users, rows, strict=True)]
    assert found.figures["value"].iloc[0] == pytest.approx(np.mean(recalls))
    assert found.figures["value"].iloc[1] == pytest.approx(len(set(rows[rows >= 0].tolist())) / 150)
    lists = fitted.lists(users, 10)
    assert any(
        truth[u, v] == 0 and split.train.interactions()[u, v] for u, v in zip(users, lists.rows[:, 0], strict=True)
    )


def test_the_blend_learns_and_the_seed_decides() -> None:
    split = hold_out_ties(communities(), test=0.1, validation=0.0, seed=1)
    config = Friends(dim=8, trees=25, rounds=2, seed=3)
    fitted = config.fit(split.train)
    found = graphrec.evaluate(fitted, split, ["recall@10"])
    chance = 10 / (149 - split.train.interactions().nnz / 150)  # of those to whom a user has no tie
    recall = float(found.figures["value"].iloc[0])
    assert recall > 7 * chance, (recall, chance)
    first, again, other = (
        each.suggest(np.arange(150), 10)
        for each in (fitted, config.fit(split.train), config.model_copy(update={"seed": 4}).fit(split.train))
    )
    np.testing.assert_array_equal(first.rows, again.rows)
    np.testing.assert_array_equal(first.scores, again.scores)
    assert (other.scores != first.scores).any()


def test_a_blend_of_tastes_alone_finds_people_of_one_taste() -> None:
    """Of users without ties, who play what a group plays, the blend still finds the group."""
    generator = np.random.default_rng(0)
    group = np.arange(120) % 6
    ties = np.argwhere(np.triu((group[:, None] == group) & (generator.random((120, 120)) < 0.5), 1))
    ties = ties[(ties >= 6).all(axis=1)]
    played = [(u, int(group[u])) for u in range(120)]
    people = people_of(tied(120, [(int(a), int(b)) for a, b in ties], played=played, items=6))
    found = Friends(dim=0, trees=40, rounds=2).fit(people).suggest(np.arange(6), 5)
    assert (found.rows >= 0).all()
    assert (group[found.rows] == np.arange(6)[:, None]).all()


def test_what_is_left_out_cannot_rank() -> None:
    people = society()
    with pytest.raises(ArgumentError, match=r"`by` must be of evidence .*'pagerank'.*Set pagerank=True"):
        Friends(by="pagerank", pagerank=False).fit(people)
    with pytest.raises(ArgumentError, match=r"`by` must be of evidence .*'vectors'.*Give a dim above 0"):
        Friends(by="vectors", dim=0).fit(people)
    with pytest.raises(ArgumentError, match="`by`"):
        Friends(by="katz")  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match=r"must not be 'blend' .* Use 'adamic-adar'"):
        Friends(dim=2).fit(people_of(tied(3, [(0, 1)])))
