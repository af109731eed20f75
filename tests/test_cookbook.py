"""Every statement of the cookbook runs and answers, on the database that it is for."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from graphrec.graph import Graph
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

TEXT = (Path(__file__).parents[1] / "docs" / "cookbook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```cypher (\w+) ?(.*)\n((?:.*\n)+?)```", TEXT)
SCHEMA = GraphSchema(
    user=Node("User", key="user_id"),
    item=Node("Movie", key="movie_id", properties=["title"]),
    interactions=[Interaction("RATED", weight="rating", time="timestamp")],
    attributes=[Attribute("HAS_GENRE", to=Node("Genre", key="name"))],
)


@pytest.fixture
def graph(any_store):
    rng = np.random.default_rng(1)
    users, movies = [15, *range(100, 119)], [260, *range(300, 349)]
    pairs = [(u, m) for u in users for m in rng.choice(movies, 8, replace=False)]
    pairs = list({*pairs, (15, 301), *((u, 260) for u in users[1:9])} - {(15, 260)})
    graph = Graph(any_store, SCHEMA)
    rated = pd.DataFrame(pairs, columns=["user_id", "movie_id"]).assign(rating=4.5, timestamp=1)
    genres = pd.DataFrame({"source": movies, "target": ["Comedy", "Drama"] * 25})
    titles = pd.DataFrame({"movie_id": movies, "title": [f"Movie {m}" for m in movies]})
    graph.load({"Movie": titles}, {"RATED": rated, "HAS_GENRE": genres}, on_missing="create")
    data = graph.dataset()
    vectors = [rng.normal(size=(len(table), 6)).astype(np.float32) for table in (data.users, data.items)]
    graph.publish(FittedVectors.of(Popularity(), data, *vectors), "movies")
    return graph


def test_statements_of_the_cookbook_answer(graph):
    ran = []
    for database, values, text in BLOCKS:
        if database in ("both", graph.store.capabilities.dialect):
            parameters = {name: int(value) for name, value in (pair.split("=") for pair in values.split())}
            found = graph.query(text, **parameters)
            assert len(found) > 0, text
            ran.append((text, found))
    assert len(ran) >= 3
    for text, found in ran:
        if "queryNodes" in text:
            assert list(found.item_id) == list(graph.recommend([15], 5).item)
        if "COUNT {" in text:
            assert found.iloc[0].tolist() == [0, 0]


def test_every_recipe_is_in_the_cookbook(graph):
    for name in ("topk", "topk_index", "new_user", "similar", "seen", "models"):
        assert f"graphrec cypher {name} " in TEXT
        if name != "topk_index" or graph.store.capabilities.vector_index:
            assert graph.cypher(name)
