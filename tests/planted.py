"""A small graph with awkward names, a model with known vectors, and a ten-line oracle for lists."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.graph import Graph
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, Filter, GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.store.protocol import GraphStore

SCHEMA = GraphSchema(
    user=Node("Customer", key="uuid"),
    item=Node("Odd `label`", key="sku no", properties=["price"]),
    interactions=[
        Interaction("BOUGHT", weight="qty", time="at", target=True),
        Interaction("WATCHED", hides=False),
        Interaction("hid'it", hides=True),
    ],
    attributes=[Attribute("HAS TAG", to=Node("Tag", key="name"))],
    filters=[Filter("cheap", "item.price <= $limit")],
)
USERS = [f"u{i:02}" for i in range(12)]
ITEMS = [f"i{i:02}" for i in range(30)]
GREEDY, NEW, HIDING = "u03", "u99", "u04"


def planted(store: GraphStore) -> Graph:
    """Load the graph: u03 has bought all but three items; u04 has hidden i00 without buying it."""
    rng = np.random.default_rng(7)
    bought = [(u, i) for u in USERS if u != GREEDY for i in rng.choice(ITEMS, 4, replace=False)]
    bought += [(GREEDY, i) for i in ITEMS[3:]]
    bought = [(u, i) for u, i in bought if (u, i) != (HIDING, "i00")]
    graph = Graph(store, SCHEMA)
    frame = pd.DataFrame(bought, columns=["source", "target"]).assign(qty=1.0, at=range(len(bought)))
    graph.load(
        nodes={
            "Customer": pd.DataFrame({"uuid": USERS}),
            "Odd `label`": pd.DataFrame({"sku no": ITEMS, "price": np.arange(len(ITEMS), dtype=float)}),
            "Tag": pd.DataFrame({"name": ["even", "odd"]}),
        },
        edges={
            "BOUGHT": frame,
            "WATCHED": pd.DataFrame({"source": USERS, "target": ITEMS[:12]}),
            "hid'it": pd.DataFrame({"source": [HIDING], "target": ["i00"]}),
            "HAS TAG": pd.DataFrame({"source": ITEMS, "target": ["even", "odd"] * 15}),
        },
    )
    return graph


def known_model(data: Dataset, seed: int = 0, dim: int = 8, *, fold_in: bool = True) -> FittedVectors:
    """Return a model of random vectors; i10 and i11 have the same vector, so that they tie."""
    rng = np.random.default_rng(seed)
    users = rng.normal(size=(len(data.users), dim)).astype(np.float32)
    items = (rng.normal(size=(len(data.items), dim)) * rng.lognormal(0, 0.5, (len(data.items), 1))).astype(np.float32)
    items[data.items.rows(["i11"])[0]] = items[data.items.rows(["i10"])[0]]
    added = rng.normal(size=items.shape).astype(np.float32) if fold_in else None
    return FittedVectors.of(Popularity(), data, users, items, added)


def oracle(model: FittedVectors, vector: Any, hidden: set[str], k: int, only: Any = lambda item: True) -> list[str]:
    """Return the best unseen items by the book: float64 scores, six digits, then the key."""
    scores = model.item_vectors.astype(np.float64) @ np.asarray(vector, np.float64)
    named = zip(scores, model.items.keys.to_pylist(), strict=True)
    order = sorted((-float(f"{score:.5e}"), item) for score, item in named if item not in hidden and only(item))
    return [item for _, item in order[:k]]


def seen(data: Dataset, user: str) -> set[str]:
    """Return what a user has bought or hidden, by a loop over the rows."""
    rows: set[str] = set()
    for name in ("BOUGHT", "hid'it"):
        frame = data.frame(name)
        rows |= set(frame.target[frame.source == user])
    return rows
