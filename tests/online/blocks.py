"""A graph whose items and users fall into three blocks, with a published model that says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.graph import Graph
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Suggestions

if TYPE_CHECKING:
    from graphrec.store.protocol import GraphStore

SCHEMA = GraphSchema(
    user=Node("Person", key="nick", name="called"),
    item=Node("Song", key="id", name="title", properties=["year"]),
    interactions=[Interaction("HEARD"), Interaction("SKIPPED")],
    attributes=[
        Attribute("HAS_GENRE", to=Node("Genre", key="name")),
        Attribute("LIVES_IN", to=Node("Town", key="name"), of="user"),
    ],
    suggestions=Suggestions(hidden="shy"),
)
SIZES = (12, 8, 5)
SONGS = list(range(sum(SIZES)))
BLOCK = np.repeat(np.arange(3), SIZES)  # of each song
PEOPLE = [f"p{i:02}" for i in range(18)]  # the block of person i is i % 3
GENRES, TOWNS = ["rock", "folk", "jazz"], ["Bern", "Rome", "Oslo"]
NAMES = [f"<b>Song {i}</b>" for i in SONGS]


def heard() -> list[tuple[str, int]]:
    """Everybody hears half of the songs of their block; the first song of a block is heard by all of its people."""
    pairs = [
        (p, s) for i, p in enumerate(PEOPLE) for s in SONGS if BLOCK[s] == i % 3 and ((i + s) % 2 or s in (0, 12, 20))
    ]
    return [*pairs, (PEOPLE[0], 24)]


def blocks(store: GraphStore) -> Graph:
    """Load the graph and publish the model ``m``; the last song has a zero vector, the last person none."""
    rng = np.random.default_rng(4)
    graph = Graph(store, SCHEMA)
    shy = [i == 3 for i in range(len(PEOPLE))]
    graph.load(
        nodes={
            "Person": pd.DataFrame({"nick": PEOPLE, "called": [f"Name of {p}" for p in PEOPLE], "shy": shy}),
            "Song": pd.DataFrame({"id": SONGS, "title": NAMES, "year": [1990 + b for b in BLOCK]}),
            "Genre": pd.DataFrame({"name": GENRES}),
            "Town": pd.DataFrame({"name": TOWNS}),
        },
        edges={
            "HEARD": pd.DataFrame(heard(), columns=["source", "target"]),
            "SKIPPED": pd.DataFrame({"source": PEOPLE[:1], "target": SONGS[:1]}),
            "HAS_GENRE": pd.DataFrame({"source": SONGS, "target": [GENRES[b] for b in BLOCK]}),
            "LIVES_IN": pd.DataFrame({"source": PEOPLE[:12], "target": [TOWNS[i % 3] for i in range(12)]}),
        },
    )
    data = graph.dataset()

    def around(of: np.ndarray) -> np.ndarray:
        vectors = np.eye(3, 5)[of] + rng.normal(scale=0.05, size=(len(of), 5))
        return (vectors * rng.lognormal(size=(len(of), 1))).astype(np.float32)

    items, users = around(BLOCK), around(np.arange(len(PEOPLE)) % 3)
    items[-1] = 0
    graph.publish(FittedVectors.of(Popularity(), data, users, items), "m")
    graph.load(nodes={"Person": pd.DataFrame({"nick": ["late"], "called": ["Late"], "shy": [False]})})
    return graph
