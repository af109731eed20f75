"""A skewed graph of any size, the same for the same seed: Zipf items, a few very active users."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.schema import GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable

INTERACTIONS, USERS, ITEMS = 1_000_000, 30_000, 40_000
SCHEMA = GraphSchema(
    user=Node("User", "user_id", "string"),
    item=Node("Item", "item_id", "string"),
    interactions=[Interaction("RATED", weight="rating", time="timestamp", target=True)],
)


@dataclass(frozen=True)
class Frames:
    """What `graphrec.Graph.load` takes, in a random order."""

    nodes: dict[str, pd.DataFrame]
    edges: dict[str, pd.DataFrame]

    @property
    def ratings(self) -> pd.DataFrame:
        return self.edges["RATED"]


@dataclass(frozen=True)
class Planned:
    """How many items the users with a chosen number have, and their keys."""

    degree: int
    users: list[str]


def interactions(scale: float = 1.0, seed: int = 0) -> Frames:
    """Return a graph of ``scale`` million interactions, 30,000 users and 40,000 items to the million.

    Item popularity follows Zipf's law, the activity of users is lognormal. The first user has 3,000 items; the next
    ten have 2,000 and the next hundred 50, at any scale below a million at most a quarter of all items.
    """
    generator = np.random.default_rng(seed)
    n_users, n_items = max(int(USERS * scale), 150), max(int(ITEMS * scale), 250)
    total = int(INTERACTIONS * scale)
    degrees = np.full(n_users, 50)
    degrees[0], degrees[1:11] = 3_000, 2_000
    degrees = np.minimum(degrees, n_items // 4)
    activity = generator.lognormal(0.0, 1.0, n_users - 111)
    parts = np.cumsum(np.concatenate([[0.0], activity])) / activity.sum() * max(total - degrees[:111].sum(), 0)
    degrees[111:] = np.minimum(np.diff(np.round(parts).astype(np.int64)), n_items // 4)
    users, items = _draw(degrees, n_items, generator)
    order = generator.permutation(len(users))
    names = np.array([f"u{row:07}" for row in range(n_users)]), np.array([f"i{row:07}" for row in range(n_items)])
    ratings = pd.DataFrame(
        {
            "user_id": names[0][users[order]],
            "item_id": names[1][items[order]],
            "rating": generator.integers(1, 11, len(order)) / 2,
            "timestamp": generator.integers(1_500_000_000, 1_700_000_000, len(order)),
        }
    )
    nodes = {"User": pd.DataFrame({"user_id": names[0]}), "Item": pd.DataFrame({"item_id": names[1]})}
    return Frames(nodes, {"RATED": ratings})


def _draw(
    degrees: NDArray[np.int64], n_items: int, generator: np.random.Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return each user's items, all different, by Zipf's law over a random order of items."""
    share = np.cumsum(1.0 / np.arange(10, n_items + 10))
    shuffled = generator.permutation(n_items)
    chosen = np.zeros(0, np.int64)
    left = degrees.copy()
    while left.any():
        users = np.repeat(np.arange(len(degrees)), left * 2)
        ranks = np.searchsorted(share, generator.random(len(users)) * share[-1])
        codes = np.concatenate([chosen, users * n_items + shuffled[np.minimum(ranks, n_items - 1)]])
        codes = pd.unique(codes)  # in the order in which they were drawn
        owner = pd.Series(codes // n_items)
        chosen = codes[(owner.groupby(owner).cumcount() < degrees[owner]).to_numpy()]
        left = degrees - np.bincount(chosen // n_items, minlength=len(degrees))
    return np.divmod(chosen, n_items)


def planned(ratings: pd.DataFrame, degree: int, most: int) -> Planned:
    """Return users who have exactly ``degree`` items (or, in a small graph, the number nearest to it)."""
    counts = ratings["user_id"].value_counts()
    nearest = int(counts.iloc[(counts - degree).abs().argmin()])
    return Planned(nearest, sorted(counts.index[counts == nearest])[:most])


@dataclass(frozen=True)
class Vectors:
    """A model of random vectors, as `graphrec.rank.scorer.VectorScorer` has it; item lengths are lognormal."""

    users: NodeTable
    items: NodeTable
    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    name: str = "Random vectors"
    fold_in_vectors: None = None

    @classmethod
    def of(cls, users: NodeTable, items: NodeTable, dim: int, seed: int = 0) -> Vectors:
        generator = np.random.default_rng(seed)
        parts = [generator.standard_normal((len(table), dim), np.float32) for table in (users, items)]
        lengths = generator.lognormal(0.0, 0.5, len(items)).astype(np.float32)
        return cls(users, items, parts[0], parts[1] * lengths[:, None])

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        return self.user_vectors[user_rows] @ self.item_vectors.T

    def fold_in(self, histories: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        raise NotImplementedError  # never asked: there are no `fold_in_vectors`
