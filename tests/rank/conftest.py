"""A small shop, and models of it by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from graphrec import Attribute, Dataset, Filter, GraphSchema, Interaction, Node, dataset_from_frames

BOUGHT = {"ann": "abc", "bob": "bcd", "eve": "a", "joe": ""}
VIEWED = {"ann": "d", "joe": "e"}
GENRES = {"a": ["Comedy"], "b": ["Comedy", "Drama"], "c": ["Drama"], "d": ["Horror"]}


@pytest.fixture(scope="session")
def shop() -> Dataset:
    """Users ann, bob, eve, joe; items a to f; BOUGHT is the target, VIEWED hides too, CARTED does not."""
    schema = GraphSchema(
        user=Node("Customer", key="name"),
        item=Node("Product", key="sku"),
        interactions=[
            Interaction("BOUGHT", target=True),
            Interaction("VIEWED"),
            Interaction("CARTED", hides=False),
        ],
        attributes=[
            Attribute("HAS_GENRE", to=Node("Genre", key="name")),
            Attribute("LIVES_IN", to=Node("City", key="name"), of="user"),
        ],
        filters=[Filter("since", "item.year >= $year")],
    )

    def pairs(lists: dict[str, str], source: str = "name", target: str = "sku") -> pd.DataFrame:
        rows = [(key, value) for key, values in lists.items() for value in values]
        return pd.DataFrame(rows, columns=[source, target])

    return dataset_from_frames(
        pairs(BOUGHT),
        schema=schema,
        nodes={"Customer": pd.DataFrame({"name": list(BOUGHT)}), "Product": pd.DataFrame({"sku": list("abcdef")})},
        edges={
            "VIEWED": pairs(VIEWED),
            "CARTED": pairs({"ann": "f"}),
            "HAS_GENRE": pd.DataFrame([(i, g) for i, gs in GENRES.items() for g in gs], columns=["sku", "name"]),
        },
    )
