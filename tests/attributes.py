"""Small datasets whose items, and perhaps users, have attributes and properties."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from graphrec.data.dataset import Dataset
from graphrec.schema import Attribute, Feature, GraphSchema, Node, Social

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray


def tagged(
    matrix: Any,
    tags: Any,
    *,
    n_tags: int | None = None,
    properties: Mapping[str, tuple[str, Any]] | None = None,
    towns: Any = None,
    friends: Any = None,
) -> Dataset:
    """Return a dataset whose interactions are the entries of a 0/1 matrix.

    Args:
        matrix: [n_users, n_items].
        tags: pairs of item and tag, rows.
        n_tags: how many tags there are, those without items too.
        properties: of items, by name the kind of feature and the column.
        towns: pairs of user and town, rows.
        friends: pairs of users, rows; undirected.
    """
    matrix = np.asarray(matrix)
    users, items = np.nonzero(matrix)
    tags, towns, friends = (pairs(each) for each in (tags, towns, friends))
    n_tags = int(tags[1].max(initial=-1)) + 1 if n_tags is None else n_tags
    features = [Feature(name, kind) for name, (kind, _) in (properties or {}).items()]
    schema = GraphSchema(
        item=Node("Item", key="item_id", features=features),
        attributes=[
            Attribute("TAGGED", Node("Tag", key="name")),
            *([Attribute("LIVES_IN", Node("Town", key="name"), of="user")] if towns.size else []),
        ],
        social=[Social("FRIEND")] if friends.size else [],
    )
    sizes = {
        "User": matrix.shape[0],
        "Item": matrix.shape[1],
        "Tag": n_tags,
        "Town": int(towns[1].max(initial=-1)) + 1,
    }
    nodes = {name: {"key": pa.array([f"{name}-{i:04}" for i in range(n)], pa.string())} for name, n in sizes.items()}
    nodes["Item"] |= {name: column for name, (_, column) in (properties or {}).items()}
    edges = {"INTERACTED": (users, items), "TAGGED": tags, "LIVES_IN": towns, "FRIEND": friends}
    return Dataset.from_tables(
        schema,
        {name: pa.table(columns) for name, columns in nodes.items() if name in schema.nodes},
        {
            name: pa.table({"source": source, "target": target})
            for name, (source, target) in edges.items()
            if name in schema.relationships
        },
    )


def pairs(given: Any) -> NDArray[np.int64]:
    return np.asarray([] if given is None else given, np.int64).reshape(-1, 2).T


def private(groups: int = 4, users: int = 40, each: int = 3) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Return a matrix in which nobody shares an item, and the items' tags, by which users are of one group.

    User u has the items ``each·u …``, whose tag is ``u % groups``: only the tags say what users have in common.
    """
    items = np.arange(users * each)
    matrix = (items[None] // each == np.arange(users)[:, None]).astype(np.float64)
    return matrix, np.stack([items, items // each % groups], 1)


def by_tag(scores: NDArray[np.float32], groups: int = 4, each: int = 3) -> float:
    """Return how often an unseen item of a user's group stands before one of another group, over `private`."""
    users, items = scores.shape
    owner = np.arange(items)[None] // each
    same, own = owner % groups == np.arange(users)[:, None] % groups, owner == np.arange(users)[:, None]
    wins = [
        (row[mine & ~hidden][:, None] > row[~mine][None]).mean()
        for row, mine, hidden in zip(scores, same, own, strict=True)
    ]
    return float(np.mean(wins))
