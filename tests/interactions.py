"""Small datasets made of a matrix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from graphrec.data.dataset import Dataset
from graphrec.data.split import HeldOut
from graphrec.schema import Attribute, GraphSchema, Node, Social

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    import scipy.sparse as sp
    from numpy.typing import NDArray


def dataset_of(
    matrix: Any, *, integer_keys: bool = False, friends: Any = None, groups: int = 0, of: Sequence[str] = ("item",)
) -> Dataset:
    """Return a dataset whose interactions are the entries of a dense matrix but 0; NaN stands for weight 0.

    ``friends`` are pairs of rows of users, undirected ties. With ``groups`` item i has the attribute ``i % groups``,
    or user i has, as ``of`` says.
    """
    matrix = np.asarray(matrix, dtype=np.float64)
    users, items = np.nonzero(matrix)
    weight = np.nan_to_num(matrix[users, items], nan=0.0, posinf=np.inf, neginf=-np.inf)
    edges = pa.table({"source": users, "target": items, "weight": weight})
    nodes = {
        label: pa.table({"key": pa.array(np.arange(n) if integer_keys else [f"{label}-{i:05}" for i in range(n)])})
        for label, n in zip(("User", "Item"), matrix.shape, strict=True)
    }
    tables = {"INTERACTED": edges}
    social: list[Social] = []
    if friends is not None:
        source, target = np.asarray(friends, np.int64).reshape(-1, 2).T
        social, tables["FRIEND"] = [Social("FRIEND")], pa.table({"source": source, "target": target})
    attributes = [Attribute(f"{side.upper()}_IN", to=Node("Group", key="name"), of=side) for side in of if groups]
    for attribute in attributes:
        rows = np.arange(matrix.shape[attribute.of == "item"])
        tables[attribute.type] = pa.table({"source": rows, "target": rows % groups})
        nodes["Group"] = pa.table({"key": [f"group {i}" for i in range(groups)]})
    return Dataset.from_tables(GraphSchema(social=social, attributes=attributes), nodes, tables)


def held_out_of(data: Dataset, matrix: sp.csr_array) -> HeldOut:
    return HeldOut(data.users, data.items, matrix)


def communities(seed: int = 0, *, users: int = 60, items: int = 40, groups: int = 4) -> NDArray[np.float64]:
    """Return a 0/1 matrix where user u has four in five of the items of group ``u % groups``, and none besides."""
    generator = np.random.default_rng(seed)
    same = np.arange(users)[:, None] % groups == np.arange(items)[None] % groups
    return (same & (generator.random((users, items)) < 0.8)).astype(np.float64)
