from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from planted import ITEMS, USERS, known_model, planted, seen

import graphrec
from graphrec import MMR, Calibrated, Explore, ExposureCap, PopularityPenalty
from graphrec.errors import ArgumentError

WAYS = [
    [MMR(share=0.6)],
    [MMR(share=0.6, by="HAS TAG")],
    [Calibrated(attribute="HAS TAG", strength=0.8)],
    [PopularityPenalty(strength=0.7)],
    [ExposureCap(count=3)],
    [PopularityPenalty(strength=0.2), MMR(share=0.3, by="HAS TAG"), Explore(share=0.4, seed=3)],
]


@pytest.fixture
def graph(any_store):
    graph = planted(any_store)
    graph.publish(known_model(graph.dataset()), "m")
    return graph


def test_lists_are_those_of_python_by_every_way(graph):
    data, users = graph.dataset(), ["u01", "u05", "u09", "u02"]
    model = known_model(data)
    hidden = {user: seen(data, user) for user in users}
    for steps in WAYS:
        offline = graphrec.recommend(model, data, users, 5, rerank=steps, depth=14)
        for via in ["memory", "database", *(["index"] if graph.store.capabilities.vector_index else [])]:
            frame = graph.recommend(users, 5, via=via, rerank=steps, depth=14)
            assert frame["item"].tolist() == offline["item"].tolist(), (steps, via)
            assert frame["rank"].tolist() == offline["rank"].tolist()
            np.testing.assert_allclose(frame["score"], offline["score"], rtol=1e-12)
            assert ("explored" in frame) == any(isinstance(step, Explore) for step in steps)
            assert not any(item in hidden[user] for user, item in zip(frame["user"], frame["item"], strict=True))
        if "explored" in frame:
            assert frame["explored"].sum() == 8  # two of five places of each
            assert frame["explored"].tolist() == offline["explored"].tolist()


def test_new_users_have_the_items_that_they_say(graph):
    data = graph.dataset()
    steps = [Calibrated(attribute="HAS TAG", strength=0.99)]
    histories = [ITEMS[0:12:2], ITEMS[1:12:2]]  # all even, all odd
    frame = graph.recommend(histories, 6, rerank=steps)
    offline = graphrec.recommend(known_model(data), data, histories, 6, rerank=steps)
    assert frame["item"].tolist() == offline["item"].tolist()
    odd = frame["item"].str[1:].astype(int) % 2
    assert odd.groupby(frame["user"]).mean().tolist() == [0, 1]


def test_popularity_and_attributes_are_what_the_graph_says_now(graph):
    def first():
        return graph.recommend(["u01"], 1, rerank=[PopularityPenalty(strength=50)], depth=30)["item"].item()

    before = first()
    users = [user for user in USERS if user != "u01"]
    more = pd.DataFrame({"source": users, "target": before, "qty": 1.0, "at": 99})
    graph.load(edges={"BOUGHT": more})
    assert first() != before


def test_what_is_not_there_is_refused(graph):
    with pytest.raises(ArgumentError, match=r"`rerank` must name attributes of items. Got 'HAS TAGS'. Did you mean"):
        graph.recommend(["u01"], rerank=[MMR(share=0.5, by="HAS TAGS")])
    with pytest.raises(ArgumentError, match="`depth` must be a whole number of at least k=10"):
        graph.recommend(["u01"], rerank=[MMR(share=0.5)], depth=3)
    with pytest.raises(ArgumentError, match=r"'exposure-cap' where keys and new users .* two calls"):
        graph.recommend(["u01", ITEMS[:2]], rerank=ExposureCap(count=1))
