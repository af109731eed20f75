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
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social, Suggestions
from graphrec.store.recipes_feed import FEEDS
from graphrec.store.recipes_people import PEOPLE

TEXT = (Path(__file__).parents[1] / "docs" / "cookbook.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```cypher (\w+) ?(.*)\n((?:.*\n)+?)```", TEXT)
SCHEMA = GraphSchema(
    user=Node("User", key="user_id"),
    item=Node("Movie", key="movie_id", properties=["title"]),
    interactions=[Interaction("RATED", weight="rating", time="timestamp")],
    attributes=[Attribute("HAS_GENRE", to=Node("Genre", key="name"))],
    social=[Social("FRIEND")],
)


@pytest.fixture
def graph(any_store):
    rng = np.random.default_rng(1)
    users, movies = [15, *range(100, 119)], [260, *range(300, 349)]
    pairs = [(u, m) for u in users for m in rng.choice(movies, 8, replace=False)]
    pairs = list({*pairs, (15, 301), (users[1], 301), *((u, 260) for u in users[1:9])} - {(15, 260)})
    graph = Graph(any_store, SCHEMA)
    rated = pd.DataFrame(pairs, columns=["user_id", "movie_id"]).assign(rating=4.5, timestamp=1)
    genres = pd.DataFrame({"source": movies, "target": ["Comedy", "Drama"] * 25})
    titles = pd.DataFrame({"movie_id": movies, "title": [f"Movie {m}" for m in movies]})
    friends = pd.DataFrame({"source": [15, *users[9:14]], "target": [users[1], *[15] * 5]})
    edges = {"RATED": rated, "HAS_GENRE": genres, "FRIEND": friends}
    graph.load({"Movie": titles}, edges, on_missing="create")
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
    for name in ("topk", "topk_index", "new_user", "similar", "profile", "seen", "models"):
        assert f"graphrec cypher {name} " in TEXT
        if name != "topk_index" or graph.store.capabilities.vector_index:
            assert graph.cypher(name)


def test_the_models_are_those_that_are_published(graph):
    graph.store.update_model("friends:SUGGESTED", None, {"version": 2})  # the record of a job
    assert list(graph.query(graph.cypher("models")).name) == list(graph.models().name) == ["movies"]


def test_the_recipes_on_people_are_in_the_cookbook(graph):
    people = {"social": (Social("KNOWS"),), "suggestions": Suggestions(declined="DECLINED")}
    schema = SCHEMA.model_copy(update=people)
    graph.store.prepare_suggestions(schema)
    for name in PEOPLE:
        assert f"graphrec cypher {name} " in TEXT
        assert Graph(graph.store, schema).cypher(name)


def test_the_recipes_on_feeds_are_in_the_cookbook(graph):
    graph.store.prepare_suggestions(SCHEMA)
    for name in FEEDS:
        assert f"graphrec cypher {name} " in TEXT
    found = graph.query(graph.cypher("feed", half_life_days=2), user=15, k=5)
    assert list(found.item_id) == list(graph.feed([15], 5, half_life_days=2).item)
    likers = graph.query(graph.cypher("item_friends"), user=15, item=260, k=20)
    assert list(likers.user_id) == list(graph.people_who_like(260, 15, 20).user)
    assert len(likers) > 0
