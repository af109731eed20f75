from __future__ import annotations

import math

import networkx as nx
import numpy as np
import pandas as pd
import pytest
from ties import as_networkx, tied

from graphrec.social.analysis import analyse


def gini_by_hand(counts: list[int]) -> float:
    """Half the mean difference of two users over the mean."""
    n = len(counts)
    return sum(abs(a - b) for a in counts for b in counts) / (2 * n * n) / (sum(counts) / n)


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("directed", [False, True])
def test_the_table_says_what_networkx_says(seed: int, directed: bool) -> None:
    n = 25
    pairs = [*nx.gnp_random_graph(n, 0.01 + 0.015 * seed, seed=seed, directed=directed).edges, (3, 3), (0, 1), (0, 1)]
    pairs += [] if directed else [(1, 0)]
    found = analyse(tied(n, pairs, directed=[directed]))
    graph = as_networkx(n, pairs, directed=directed)
    plain = as_networkx(n, pairs)
    values = found.values
    assert values["users"] == n
    assert values["ties"] == graph.size()
    assert values["ties to oneself"] == 1
    assert values["repeated ties"] == len(pairs) - 1 - graph.size()
    assert values["users without ties"] == nx.number_of_isolates(graph)
    assert values["density"] == pytest.approx(nx.density(graph))
    assert values["clustering of users"] == pytest.approx(nx.average_clustering(plain))
    assert values["transitivity"] == pytest.approx(nx.transitivity(plain))
    by_degree = (
        {"in-degree": graph.in_degree, "out-degree": graph.out_degree} if directed else {"degree": graph.degree}
    )
    for what, degree in by_degree.items():
        counts = [count for _, count in degree()]
        assert values[f"{what} mean"] == pytest.approx(np.mean(counts))
        assert values[f"{what} median"] == np.median(counts)
        assert values[f"{what} 90% quantile"] == pytest.approx(np.quantile(counts, 0.9))
        assert values[f"{what} max"] == max(counts)
        assert values[f"{what} Gini"] == pytest.approx(gini_by_hand(counts))
    if directed:
        assert values["reciprocity"] == pytest.approx(nx.reciprocity(graph))
        strong = list(nx.strongly_connected_components(graph))
        assert values["strong components"] == len(strong)
        assert values["largest strong component"] == max(map(len, strong))
    weak = "weak component" if directed else "component"
    pieces = list(nx.connected_components(plain))
    assert values[f"{weak}s"] == len(pieces)
    assert values[f"largest {weak}"] == max(map(len, pieces))
    assert values[f"largest {weak} share"] == max(map(len, pieces)) / n
    community = found.communities.set_index("key")["community"]
    groups = [set(rows.index) for number, rows in community.groupby(community) if number >= 0]
    assert values["communities"] == len(groups)
    assert values["community 0 size"] == len(groups[0]) == found.community_sizes[0]
    assert values["modularity"] == pytest.approx(
        nx.community.modularity(plain, [*groups, *({u} for u in nx.isolates(plain))])
    )


def test_hubs_come_first_by_ties_then_by_key_and_hide_their_names() -> None:
    found = analyse(tied(6, [(1, 2), (1, 3), (1, 4), (2, 3), (0, 2)]))
    assert found.hubs.to_dict("list") == {
        "key": [1, 2, 3, 0, 4],
        "name": [None, "User 2", "User 3", "User 0", "User 4"],  # user 1 hides it
        "degree": [3, 3, 2, 1, 1],
    }
    bare = tied(3, [(0, 1)])
    schema = bare.schema.model_copy(update={"user": bare.schema.user.model_copy(update={"name": None})})
    assert list(analyse(type(bare)(schema, bare.nodes, bare.edges)).hubs.columns) == ["key", "degree"]
    followed = analyse(tied(4, [(0, 3), (1, 3), (0, 2)], directed=[True])).hubs
    assert followed[["key", "in", "out"]].to_numpy().tolist() == [[3, 2, 0], [2, 1, 0]]


def test_a_network_without_ties_is_told_of_without_warnings() -> None:
    for pairs in ([], [(0, 0), (1, 1)]):
        found = analyse(tied(3, pairs))
        assert found.values["ties"] == 0
        assert found.values["ties to oneself"] == len(pairs)
        assert found.values["users without ties"] == found.values["components"] == 3
        assert found.values["communities"] == found.values["density"] == found.values["transitivity"] == 0
        assert all(math.isnan(found.values[name]) for name in ("modularity", "degree assortativity", "degree Gini"))
        assert found.communities["community"].tolist() == [-1] * 3
        assert found.hubs.empty
        assert "ties to oneself" in str(found)
    assert math.isnan(analyse(tied(3, [], directed=[True])).values["reciprocity"])


def test_no_users_at_all() -> None:
    found = analyse(tied(0, []))
    assert found.values["users"] == found.values["components"] == found.values["largest component"] == 0
    assert math.isnan(found.values["largest component share"])
    assert len(found.communities) == len(found.community_sizes) == 0
    assert "density" in str(found)


def test_one_user_tied_to_everyone() -> None:
    n = 40
    found = analyse(tied(n, [(0, i) for i in range(1, n)]))
    assert found.values["degree max"] == n - 1
    assert found.values["degree assortativity"] == pytest.approx(-1)
    assert found.values["largest component share"] == 1
    assert found.hubs["key"][0] == 0


def test_what_users_did_with_items() -> None:
    played = [(0, 0), (0, 0), (0, 1), (0, 2), (1, 0)]
    values = analyse(tied(4, [(0, 1)], played=played, items=5)).values
    assert (values["items"], values["interactions"]) == (5, 4)
    assert values["interactions of a user max"] == 3
    assert values["interactions of a user mean"] == 1
    assert values["interactions of an item max"] == 2
    assert values["items without interactions share"] == 2 / 5
    assert values["users without interactions share"] == 2 / 4


def test_table_text_and_seed() -> None:
    graph = nx.powerlaw_cluster_graph(300, 3, 0.3, seed=0)
    data = tied(300, graph.edges)
    found, again = analyse(data, seed=5), analyse(data, seed=5)
    pd.testing.assert_frame_equal(found.communities, again.communities)
    table = found.table()
    assert list(table.columns) == ["what", "value"]
    assert dict(zip(table["what"], table["value"], strict=True)) == found.values
    assert 2 < found.values["degree power law exponent"] < 4
    text = str(found)
    assert f"{graph.size():,}" in text
    assert "User 0" in text
    assert all(what in text for what in found.values)
    assert found.degrees["degree"].sum() == 2 * graph.size()
