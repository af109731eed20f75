from __future__ import annotations

import numpy as np
import pytest
from interactions import communities, dataset_of

from graphrec import MMR, Explore, ExposureCap, PopularityPenalty, Reranked, evaluate, rerank_costs
from graphrec.errors import ArgumentError
from graphrec.models import Spectral


def test_a_row_for_each_way_beside_the_model_as_it_is() -> None:
    split = dataset_of(communities(users=120, items=60)).split("random")
    model = Spectral(dim=6).fit(split.train)
    ways = [MMR(share=0.5), [PopularityPenalty(strength=0.5), Explore(share=0.4)], {"kind": "mmr", "share": 0.0}]
    found = rerank_costs(model, ways, split, k=5, depth=30).set_index("rerank")
    assert list(found.index) == [
        "as it is",
        "mmr(share=0.5)",
        "popularity-penalty(strength=0.5) + explore(share=0.4)",
        "mmr(share=0.0)",
    ]
    assert (found.loc["as it is", ["change", "low", "high"]] == 0).all()
    np.testing.assert_array_equal(found.loc["mmr(share=0.0)", ["ndcg", "change"]], [found["ndcg"].iloc[0], 0])
    both = found.iloc[2]
    assert both["low"] <= both["change"] <= both["high"] < 0
    assert both["change"] == pytest.approx(both["ndcg"] / found["ndcg"].iloc[0] - 1)
    assert found.loc["mmr(share=0.5)", "diversity"] > found["diversity"].iloc[0]
    own = evaluate(Reranked(model, ways[1], split.train, 30), split, ["ndcg@5", "gini@5"], on="validation").frame()
    np.testing.assert_allclose(own["value"], both[["ndcg", "gini"]].astype(float))


def test_a_cap_spreads_what_is_shown() -> None:
    split = dataset_of(communities(users=120, items=60)).split("random")
    model = Spectral(dim=6).fit(split.train)
    found = rerank_costs(model, [ExposureCap(share=0.12)], split, k=5, depth=60, on="test")
    assert found["gini"].iloc[1] < found["gini"].iloc[0]


@pytest.mark.parametrize("ways", [[], None, MMR(share=0.5)])
def test_ways_are_a_list(ways: object) -> None:
    split = dataset_of(communities()).split("random")
    with pytest.raises(ArgumentError, match="`ways` must be a list of steps to compare"):
        rerank_costs(Spectral(dim=4).fit(split.train), ways, split)  # type: ignore[arg-type]
