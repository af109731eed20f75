from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import torch

from graphrec.data.frames import dataset_from_frames
from graphrec.data.plan import memory_estimate
from graphrec.models.lightgcn import LightGCN, _Training
from graphrec.models.model import target_matrix
from graphrec.schema import GraphSchema, Interaction

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset

USERS, ITEMS, PAIRS = 3_000, 4_000, 100_000


def dataset(pairs: int = PAIRS) -> Dataset:
    generator = np.random.default_rng(0)
    codes = np.sort(generator.choice(USERS * ITEMS, pairs, replace=False))
    users, items = np.divmod(codes, ITEMS)
    frame = {"user_id": users, "item_id": items, "rating": np.ones(pairs), "at": np.arange(pairs)}
    schema = GraphSchema(interactions=[Interaction("RATED", weight="rating", time="at")])
    nodes = {"User": {"user_id": np.arange(USERS)}, "Item": {"item_id": np.arange(ITEMS)}}
    return dataset_from_frames(
        pd.DataFrame(frame), schema=schema, nodes={label: pd.DataFrame(n) for label, n in nodes.items()}
    )


def growth(job: str, **options: int) -> int:
    """Return what the estimate adds for PAIRS more interactions."""
    more = memory_estimate(USERS, ITEMS, 3 * PAIRS, **options)[job]
    return (more - memory_estimate(USERS, ITEMS, 2 * PAIRS, **options)[job]) // PAIRS


def test_columns_of_a_dataset() -> None:
    edge = dataset().edges["RATED"]
    columns = [edge.source_rows, edge.target_rows, edge.weight, edge.time]
    held = sum(column.nbytes for column in columns if column is not None) // PAIRS
    assert held == 8 * 4
    assert growth("dataset") == 4 * held
    assert growth("dataset", columns=2) == 4 * 8 * 2


def test_tensors_of_an_export() -> None:
    hetero = dataset().hetero()
    held = sum(value.nbytes for store in hetero.edge_stores for value in store.values())
    assert growth("hetero") - growth("dataset") == held // PAIRS == 56


def test_arrays_of_a_fit_are_within_what_is_stated() -> None:
    data = dataset()
    matrix = target_matrix(data)
    training = _Training(LightGCN(), matrix, torch.device("cpu"))
    adjacency, batches = training.propagation._adjacency, training.batches
    arrays = [adjacency.data, adjacency.indices, batches._items, batches._users, batches._codes, batches._pairs]
    arrays += [matrix.data, matrix.indices, *(data.seen().data, data.seen().indices)]
    held = sum(array.nbytes for array in arrays) // PAIRS
    stated = growth("fit") - 5 * 8 * 4
    assert 0.4 * stated < held < stated  # the rest is what making them takes meanwhile


def test_vectors_of_a_fit() -> None:
    small, large = (memory_estimate(USERS, ITEMS, PAIRS, dim=dim, batch_size=1)["fit"] for dim in (64, 128))
    table = _Training(LightGCN(), target_matrix(dataset()), torch.device("cpu")).table
    assert large - small == 6 * table.nbytes


def test_a_load_streams() -> None:
    huge = memory_estimate(10**6, 10**6, 10**9)["load"]
    assert huge == memory_estimate(10**6, 10**6, 10**10)["load"] < 2e9
