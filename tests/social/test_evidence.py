"""What is known of pairs: each number against its definition."""

from __future__ import annotations

from typing import Any

import networkx as nx
import numpy as np
import pyarrow as pa
import pytest
from social.graphs import dense_sums, everybody
from ties import tied

from graphrec.data.dataset import Dataset
from graphrec.models.spectral import Spectral
from graphrec.schema import Attribute, GraphSchema, Node, Social
from graphrec.social.evidence import TIES, Evidence
from graphrec.social.friends import Friends
from graphrec.social.pagerank import PageRank
from graphrec.social.people import people_of

N = 40


def dataset(directed: bool) -> Dataset:
    generator = np.random.default_rng(1)
    ties = generator.integers(0, N - 2, (90, 2)).tolist()  # two users have none
    played = generator.integers(0, (N, 12), (80, 2)).tolist()
    return tied(N, [*ties, (0, 1)], directed=[directed], played=[(a, b) for a, b in played], items=12)


@pytest.fixture(scope="module", params=[False, True], ids=["undirected", "directed"])
def known(request: pytest.FixtureRequest) -> tuple[Evidence, Dataset]:
    people = people_of(dataset(request.param))
    return Evidence(people, Friends(dim=8, candidates=10, precision=1e-6)), people


def features(evidence: Evidence) -> dict[str, Any]:
    others = everybody(N)
    sums = evidence.paths[TIES].at(np.arange(N), others)
    values = evidence.features(np.arange(N), others, sums)
    assert values.dtype == np.float32
    return {name: values[..., place] for place, name in enumerate(evidence.names)}


def test_every_number_is_what_it_says(known: tuple[Evidence, Dataset]) -> None:
    evidence, people = known
    found, ties = features(evidence), people.interactions()
    a = ties.toarray()
    for name, expected in zip(
        ("common", "adamic-adar", "resource-allocation", "three steps"), dense_sums(ties), strict=True
    ):
        np.testing.assert_allclose(found[name], expected, rtol=1e-4, err_msg=name)
    have, had = a.sum(axis=1), a.sum(axis=0)
    for u in range(N):
        for v in range(N):
            mine, theirs = set(np.flatnonzero(a[u])), set(np.flatnonzero(a[:, v]))
            expected = len(mine & theirs) / max(len(mine | theirs), 1)
            assert found["jaccard"][u, v] == pytest.approx(expected)
    np.testing.assert_allclose(found["ties of user"], np.tile(np.log1p(have)[:, None], N), rtol=1e-5)
    np.testing.assert_allclose(found["ties of other"], np.tile(np.log1p(had), (N, 1)), rtol=1e-5)
    assert ("tied the other way" in found) == evidence.directed
    if evidence.directed:
        np.testing.assert_array_equal(found["tied the other way"], a.T)
    walks = PageRank(ties, precision=1e-6).at(np.arange(N), everybody(N))[..., 0]
    np.testing.assert_array_equal(found["pagerank"], walks)
    edge = people.edges["PLAYED"]
    has = np.zeros((N, 12))
    has[edge.source_rows, edge.target_rows] = 1
    size = np.maximum(has.sum(axis=0), 2)
    for name, weight in (
        ("common", 1 + 0 * size),
        ("adamic-adar", 1 / np.log(size)),
        ("resource-allocation", 1 / size),
    ):
        np.testing.assert_allclose(found[f"PLAYED: {name}"], (has * weight) @ has.T, rtol=1e-4)


def test_vectors_are_the_spectral_ones(known: tuple[Evidence, Dataset]) -> None:
    evidence, people = known
    found, fitted = features(evidence), Spectral(dim=8, seed=0).fit(people)
    u, v = fitted.user_vectors, fitted.item_vectors
    np.testing.assert_allclose(found["vectors"], u @ v.T, atol=1e-4)
    np.testing.assert_allclose(found["vectors, few"], u[:, :2] @ v[:, :2].T, atol=1e-4)
    lengths = np.linalg.norm(u, axis=1)[:, None] * np.linalg.norm(v, axis=1)
    cosines = np.divide(u @ v.T, lengths, out=np.zeros((N, N), np.float32), where=lengths > 0)
    np.testing.assert_allclose(found["cosine"], cosines, atol=1e-4)


def test_undirected_jaccard_is_networkx_s_own() -> None:
    people = people_of(dataset(directed=False))
    graph = nx.from_scipy_sparse_array(people.interactions())
    pairs = [(u, v) for u in range(N) for v in range(N) if u != v]
    found = features(Evidence(people, Friends(dim=0, pagerank=False, tastes=False)))["jaccard"]
    expected = [p for _, _, p in nx.jaccard_coefficient(graph, pairs)]
    np.testing.assert_allclose([found[pair] for pair in pairs], expected, rtol=1e-5)


def test_candidates_come_from_every_kind_and_never_twice(known: tuple[Evidence, Dataset]) -> None:
    evidence, people = known
    users, allowed = np.arange(N), np.arange(N) % 7 != 0
    rows, sums, bound = evidence.candidates(users, evidence.hidden, allowed)
    assert len(bound) == N
    full = dense_sums(people.interactions())
    kinds = [full[1], features(evidence)["PLAYED: adamic-adar"], features(evidence)["pagerank"]]
    for u in range(N):
        mine = rows[u][rows[u] >= 0]
        assert len(set(mine.tolist())) == len(mine)
        may = np.flatnonzero(allowed & (evidence.hidden[[u]].toarray()[0] == 0))
        assert set(mine.tolist()) <= set(may.tolist())
        np.testing.assert_allclose(sums[u, : len(mine), 1], full[1][u, mine], rtol=1e-4)
        for values, count in zip(kinds, (10, 5, 5), strict=True):
            best = sorted((v for v in may if values[u, v] > 0), key=lambda v: (-values[u, v], v))[:count]
            if best and len(set(values[u, best])) == len(best):  # equal ones at the end are anybody's
                ends = values[u, may] == values[u, best[-1]]
                assert ends.sum() > 1 or set(best) <= set(mine.tolist())
        if evidence.directed:
            back = np.flatnonzero(people.interactions().toarray()[:, u])[:5]
            assert set(back.tolist()) & set(may.tolist()) <= set(mine.tolist())


def test_what_is_left_out_is_not_known() -> None:
    people = people_of(dataset(directed=False))
    bare = Evidence(people, Friends(dim=0, pagerank=False, tastes=False))
    assert (bare.walks, bare.vectors, list(bare.paths)) == (None, None, [TIES])
    assert bare.names[-1] == "ties of other"


def test_a_relationship_of_any_name_is_not_taken_for_the_ties() -> None:
    schema = GraphSchema(attributes=[Attribute("ties", Node("City"), of="user")], social=[Social("F")])
    nodes = {"User": pa.table({"key": [0, 1, 2]}), "City": pa.table({"key": [0]})}
    edges = {
        "F": pa.table({"source": [0, 1], "target": [1, 2]}),
        "ties": pa.table({"source": [0, 2], "target": [0, 0]}),
    }
    evidence = Evidence(people_of(Dataset.from_tables(schema, nodes, edges)), Friends(dim=0, pagerank=False))
    assert evidence.paths[TIES].n_sums == 4
    assert "ties: common" in evidence.names


@pytest.mark.parametrize(("by", "how_many"), [("blend", 5), ("vectors", 0)])
def test_who_has_no_ties_is_given_strangers_by_the_blend_alone(by: Any, how_many: int) -> None:
    evidence = Evidence(people_of(dataset(False)), Friends(by=by, dim=8, candidates=10, tastes=False))
    alone = np.array([N - 1])
    rows, _, _ = evidence.candidates(alone, evidence.hidden[alone], np.ones(N, np.bool_))
    assert (rows >= 0).sum() == how_many
