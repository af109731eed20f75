from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch

from graphrec.data.frames import dataset_from_frames
from graphrec.data.plan import FIXED, MemoryPlan, available_memory, memory_estimate, memory_plan, trained
from graphrec.errors import ArgumentError, MemoryPlanError
from graphrec.models import EASE, KINDS, from_name
from graphrec.models.lightgcn import LightGCN, _Training
from graphrec.models.model import target_matrix
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from pathlib import Path

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


@pytest.mark.parametrize("model", ["ease", EASE, object()])
def test_a_plan_is_for_a_model_to_fit(model: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`model` must be a model to fit, .* Of a fitted model take"):
        memory_plan(GraphSchema(), {}, {}, model)


def test_a_plan_counts_what_the_schema_names() -> None:
    schema = GraphSchema(
        interactions=[Interaction("RATED", weight="rating", time="at"), Interaction("SAW")],
        attributes=[Attribute("OF", to=Node("Genre", key="name"))],
    )
    nodes = {"User": USERS, "Item": ITEMS, "Genre": 3, "Other": 10**9}
    edges = {"RATED": PAIRS, "SAW": 2 * PAIRS, "OF": PAIRS, "OTHER": 10**9}
    plan = memory_plan(schema, nodes, edges)
    assert (plan.users, plan.items, plan.interactions) == (USERS, ITEMS, PAIRS)  # the target is the first
    held = 8 * PAIRS * (4 + 2 * 2 + 2)
    assert plan.needs["dataset"] == FIXED + 4 * held
    assert plan.needs["fit"] == FIXED + 5 * held + trained(USERS, ITEMS, PAIRS, dim=64, batch_size=8192)
    own = memory_plan(schema, nodes, edges, EASE())
    assert own.needs["fit"] == FIXED + 5 * held + EASE().memory(USERS, ITEMS, PAIRS)
    assert {job for job in plan.needs if own.needs[job] != plan.needs[job]} >= {"fit"}
    nothing = memory_plan(GraphSchema(), {}, {})
    assert (nothing.users, nothing.interactions, nothing.needs["dataset"]) == (0, 0, FIXED)


def test_lists_for_all_keep_the_blocks_bounded() -> None:
    def topk(pairs: int) -> int:
        return memory_estimate(USERS, ITEMS, pairs)["topk"]

    assert topk(2 * PAIRS) - topk(PAIRS) == PAIRS * (8 * 4 + 60)
    assert memory_estimate(10**7, 10**7, 10**7)["topk"] < 4 * 10**14 / 1000  # users x items alone would be that much


def test_what_does_not_fit_is_refused_with_a_remedy() -> None:
    plan = MemoryPlan(10, 20, 30, {"fit": 4_000_000_000, "topk": 1_000}, 2_000_000_000)
    assert (plan.fits("fit"), plan.fits("topk")) == (False, True)
    plan.require("topk", "")
    with pytest.raises(MemoryPlanError, match=r"`fit` with 10 users.*about 4.0 GB.*2.0 GB are free. Take less.") as e:
        plan.require("fit", "Take less.")
    assert isinstance(e.value, MemoryError)


def test_a_limited_container_has_less(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("graphrec.data.plan.CGROUP", tmp_path)
    whole = available_memory()
    assert 0 < whole < 2**50
    (tmp_path / "memory.current").write_text("900\n")
    (tmp_path / "memory.stat").write_text("anon 5\ninactive_file 300\n")
    for limit, left in (("1000", 400), ("500", 0)):
        (tmp_path / "memory.max").write_text(f"{limit}\n")
        assert available_memory() == left
    (tmp_path / "memory.max").write_text("max\n")
    assert available_memory() > 400


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_says_what_it_needs(kind: str) -> None:
    small, large = (from_name(kind).memory(n, n, 50 * n) for n in (1_000, 10_000))
    assert 0 < small < large


def test_a_large_batch_counts_four_times_with_three_vectors_a_pair():
    need = trained(1_000, 1_000, 10_000_000, dim=64, batch_size=2_000_000)
    assert need == 1_000_000_000 + 6 * 4 * 64 * 2_000 + 6_144_000_000  # 2,000,000 · 3 · 64 · 4 bytes, four times
