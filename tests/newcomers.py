"""A small graph whose names are hostile, a model of it with maps, and what comes later; oracles in plain loops."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.data.described import described
from graphrec.data.feature_map import FeatureMap
from graphrec.data.features import fit_encoder
from graphrec.graph import Graph
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, Feature, GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.store.protocol import GraphStore

TAG, CITY = 'HAS `"TAG"', "LIVES:IN='x'"
SCHEMA = GraphSchema(
    user=Node("Customer", key="uuid", features=[Feature("age", "number")]),
    item=Node(
        "Odd `label`",
        key="sku no",
        properties=["title"],
        features=[Feature("title", "words"), Feature("col`our", "category"), Feature("year", "number")],
    ),
    interactions=[Interaction("BOUGHT", target=True)],
    attributes=[
        Attribute(TAG, to=Node("Tag", key="name"), weight="how much"),
        Attribute(CITY, to=Node("City", key="name"), of="user"),
    ],
)
USERS, ITEMS = [f"u{i:02}" for i in range(12)], [f"i{i:02}" for i in range(20)]
TAGS = ["Sci-Fi", "science fiction", 'quo"te', "back`tick", "a:b=c", "zażółć", "日本", "x" * 1500]
CITIES = ["Paris", "O'Hare", "Ñandú\\"]
COLOURS = ["red", "deep blue", '["x"]']
WORDS = ["quiet", "loud", "dream", "war", "space", "love"]


def frames(items: list[str], users: list[str]) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Return nodes and relationships for these items and users, by the numbers in their keys."""
    numbers = [int(item[1:]) for item in items]
    nodes = {
        "Customer": pd.DataFrame({"uuid": users, "age": [20.0 + 3 * int(user[1:]) for user in users]}),
        "Odd `label`": pd.DataFrame(
            {
                "sku no": items,
                "title": [f"{WORDS[i % 6]} {WORDS[(i * i + 1) % 6]}" for i in numbers],
                "col`our": [COLOURS[i % 3] for i in numbers],
                "year": [1950 + 7 * (i % 10) for i in numbers],
            }
        ),
    }
    tags = [
        (item, TAGS[(i + j) % len(TAGS)], 1.0 + j) for item, i in zip(items, numbers, strict=True) for j in (0, 3)
    ]
    cities = [(user, CITIES[int(user[1:]) % 3]) for user in users]
    edges = {
        TAG: pd.DataFrame(tags, columns=["source", "target", "how much"]),
        CITY: pd.DataFrame(cities, columns=["source", "target"]),
    }
    return nodes, edges


def newcomers_graph(store: GraphStore) -> Graph:
    """Load the graph; each user but u03 has bought four items, nobody i05."""
    graph = Graph(store, SCHEMA)
    nodes, edges = frames(ITEMS, USERS)
    bought = [(user, ITEMS[(5 * u + 3 * i) % 20]) for u, user in enumerate(USERS) for i in range(4) if user != "u03"]
    bought = [(user, item) for user, item in bought if item != "i05"]
    graph.load(
        {**nodes, "Tag": pd.DataFrame({"name": TAGS}), "City": pd.DataFrame({"name": CITIES})},
        {**edges, "BOUGHT": pd.DataFrame(bought, columns=["source", "target"])},
    )
    return graph


def arrive(graph: Graph) -> None:
    """Add i90 and i91 with attributes; i99 with none; u90 with attributes, u91 with items (one is new), u99 bare."""
    nodes, edges = frames(["i90", "i91"], ["u90", "u91"])
    bought = pd.DataFrame([("u91", "i02"), ("u91", "i90"), ("u91", "i17")], columns=["source", "target"])
    graph.load(nodes, {**edges, "BOUGHT": bought})
    graph.load({"Odd `label`": pd.DataFrame({"sku no": ["i99"]}), "Customer": pd.DataFrame({"uuid": ["u99"]})})


def mapped(data: Dataset, seed: int = 0, dim: int = 6, *, users: bool = True, scale: float = 1.0) -> FittedVectors:
    """Return a model of random vectors with random maps; i05 and u03 have theirs from the maps."""
    rng = np.random.default_rng(seed)

    def some(n: int) -> NDArray[np.float32]:
        return rng.normal(size=(n, dim)).astype(np.float32)

    encoder = fit_encoder(data, "item")
    item_map = FeatureMap(encoder, {name: scale * some(len(encoder) + 1) / 3 for name in ("vector", "fold_in")})
    model = FittedVectors.of(
        Popularity(), data, some(len(data.users)), 2 * some(len(data.items)), some(len(data.items))
    )
    cold_items = data.items.rows(data.items.keys) == data.items.rows(["i05"])[0]
    model.item_vectors[cold_items] = item_map.vectors(described(data, "item"))[cold_items]
    if not users:
        return replace(model, item_map=item_map, cold_items=cold_items)
    of_users = fit_encoder(data, "user")
    user_map = FeatureMap(of_users, {"vector": some(len(of_users) + 1) / 3})
    cold_users = data.users.rows(data.users.keys) == data.users.rows(["u03"])[0]
    model.user_vectors[cold_users] = user_map.vectors(described(data, "user"))[cold_users]
    return replace(model, item_map=item_map, user_map=user_map, cold_items=cold_items, cold_users=cold_users)


def by_loop(
    mapping: FeatureMap, values: dict[str, Any], which: str = "vector", *, amount: bool = True
) -> NDArray[np.float64]:
    """Return the vector of one node by the book, block by block: tf-idf or hat, length 1, times the matrix.

    Args:
        mapping: the map.
        values: by block: weights by key, a category, words in a list, or a number.
        which: the matrix.
        amount: whether how many values there are counts.
    """
    matrix = mapping.matrices[which].astype(np.float64)
    total, start, told = np.zeros(matrix.shape[1]), 0, False
    counted = ("attribute", "words")
    whole, unknown = [], 0.0  # of the document
    for block in mapping.encoder.blocks:
        row = np.zeros(len(block))
        given = values.get(block.name)
        for place, value in enumerate(block.values.to_pylist()):
            if given is None:
                continue
            if block.kind == "attribute":
                row[place] = given.get(value, 0.0) * block.numbers[place]
            elif block.kind == "category":
                row[place] = (value == given) * block.numbers[place]
            elif block.kind == "words" and (n := given.split().count(value)):
                row[place] = (1 + math.log(n)) * block.numbers[place]
        if block.kind == "number" and given is not None:
            peaks = block.numbers
            at = min(max(given, peaks[0]), peaks[-1])
            high = next(i for i, peak in enumerate(peaks) if peak >= at)
            low = max(0, high - 1)
            share = 0.0 if high == low or peaks[high] == at else (peaks[high] - at) / (peaks[high] - peaks[low])
            row[high], row[low] = (1 - share, share) if high != low else (1.0, 1.0)
        others = 0.0  # words that the map never met count as such that one item has
        if block.kind == "words" and given is not None:
            new = [word for word in given.split() if word not in block.values.to_pylist()]
            others = sum(((1 + math.log(new.count(word))) * block.numbers[-1]) ** 2 for word in set(new))
        if block.kind == "document":
            row, others = np.array(whole) * block.numbers, unknown
        if block.kind in counted and given is not None and amount:
            n = len(given) if block.kind == "attribute" else len(given.split())
            total = total + math.log(1 + n) * matrix[start + len(block) - 1]
        whole, unknown = [*whole, *row[: len(block) - (block.kind in counted)]], unknown + others
        if any(row):
            length = math.sqrt(sum(x * x for x in row) + others)
            total, told = total + sum(x / length * matrix[start + i] for i, x in enumerate(row)), True
        start += len(block)
    return total + matrix[-1] if told else np.zeros(matrix.shape[1])


def item_values(number: int) -> dict[str, Any]:
    """Return what describes the item with this number."""
    nodes, edges = frames([f"i{number}"], [])
    row = nodes["Odd `label`"].iloc[0]
    tags = dict(zip(edges[TAG].target, edges[TAG]["how much"], strict=True))
    return {TAG: tags, "title": row["title"], "col`our": row["col`our"], "year": float(row["year"])}


def user_values(number: int) -> dict[str, Any]:
    """Return what describes the user with this number."""
    return {CITY: {CITIES[number % 3]: 1.0}, "age": 20.0 + 3 * number}
