"""Writing 100,000 vectors of 64 numbers back onto nodes, beside a SET for each node."""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.measure import goal, ratio, spread, timed
from benchmarks.rows import runner
from benchmarks.synthetic import Vectors
from graphrec.publish.lift import lift, query, scale_for
from graphrec.publish.record import locked

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from benchmarks.measure import Bench, Target
    from graphrec.graph import Graph
    from graphrec.schema import Node

USERS, ITEMS, DIM = 30_000, 70_000, 64
SAMPLE = {"ladybug": 5_000, "neo4j": 500}  # in a graph file a row costs more, the more rows went before it


def run(bench: Bench) -> dict[str, Any]:
    rows, goals = [], []
    n_users, n_items = bench.size(USERS, 200), bench.size(ITEMS, 300)
    for database in bench.databases:
        sample = bench.size(SAMPLE[database], 20)
        with ExitStack() as stack:
            target = bench.empty(database, stack)
            model = _prepare(target.graph, n_users, n_items)
            whole, alone = [], []
            for _ in range(bench.repeats):
                whole.append(timed(lambda: target.graph.publish(model, "whole")))  # noqa: B023  called at once
                alone.append(_write_alone(target.graph, model))
            per_row = {name: [] for name in ("plain", "live")}
            for turn in range(bench.repeats):
                for name in per_row:
                    per_row[name].append(
                        _row_by_row(target, model, "alone" if name == "plain" else "whole_b", sample, turn)
                    )
        n = n_users + n_items
        peers = {name: [seconds * n for seconds in values] for name, values in per_row.items()}
        rows += [
            {"database": database, "way": "store.write_vectors", **spread(alone, 2)},
            {"database": database, "way": f"row by row, from {sample} rows", **spread(peers["plain"], 2)},
            {"database": database, "way": "graph.publish, whole", **spread(whole, 2)},
            {"database": database, "way": "row by row into the same place", **spread(peers["live"], 2)},
        ]
        goals += [
            goal(
                f"write 100 k x 64 vectors, {database}, against row-by-row SET",
                ratio(peers["plain"], alone),
                "x",
                25,
                60,
            ),
            goal(f"the same, whole publish, {database}", ratio(peers["live"], whole), "x", 25, 60),
        ]
    return {
        "title": "Writing vectors back",
        "goals": goals,
        "tables": {f"Seconds for {n_users + n_items:,} vectors of {DIM} numbers": rows},
        "notes": [
            "store.write_vectors alone: user and item vectors to a property without an index. The whole publish: "
            "lock, write into the slot that is not live (on Neo4j: lifted item vectors under a vector index, longest "
            "first), read a sample back and compare, flip, and on Neo4j measure the recall of the index on 64 users.",
            "Row by row: some nodes, users and items as in the whole; one session, one auto-commit transaction a "
            "node, the same driver; extrapolated. Into the same place: the property of a slot, on Neo4j with its "
            "vector index.",
        ],
    }


def _prepare(graph: Graph, n_users: int, n_items: int) -> Vectors:
    users, items = [f"u{row:06}" for row in range(n_users)], [f"i{row:06}" for row in range(n_items)]
    ratings = pd.DataFrame({"user_id": users, "item_id": items[:n_users], "rating": 1.0, "timestamp": 0})
    graph.load(
        {"User": pd.DataFrame({"user_id": users}), "Item": pd.DataFrame({"item_id": items})}, {"RATED": ratings}
    )
    data = graph.dataset()
    return Vectors.of(data.users, data.items, DIM)


def _parts(graph: Graph, model: Vectors) -> list[tuple[Node, pa.Array, NDArray[np.float32]]]:
    """Return what is written: on Neo4j lifted, as publishing does."""
    users, items = model.user_vectors, model.item_vectors
    if graph.store.capabilities.vector_index:
        users, items = query(users), lift(items, scale_for(items))
    return [(graph.schema.user, model.users.keys, users), (graph.schema.item, model.items.keys, items)]


def _write_alone(graph: Graph, model: Vectors) -> float:
    parts = _parts(graph, model)
    for node, _, vectors in parts:
        graph.store.prepare_vectors(node, "alone", vectors.shape[1], index=False)
    with locked(graph.store, "whole", 10.0) as lock:
        fence = lock.fence()
        return timed(lambda: [graph.store.write_vectors(*part[:1], "alone", *part[1:], fence) for part in parts])


def _row_by_row(target: Target, model: Vectors, place: str, sample: int, turn: int) -> float:
    """Return seconds a row."""
    total = len(model.users) + len(model.items)
    work = []
    for node, keys, vectors in _parts(target.graph, model):
        count = max(1, sample * len(keys) // total)
        text = f"MATCH (n:{node.label} {{{node.key}: $key}}) SET n.{place} = $vector"
        chosen = range(turn, len(keys), max(1, len(keys) // count))[:count]
        work += [(text, {"key": keys[row].as_py(), "vector": vectors[-row].tolist()}) for row in chosen]
    with runner(target) as run:
        for text, parameters in (work[0], work[-1]):
            run(text, parameters)
        began = time.perf_counter()
        for text, parameters in work:
            run(text, parameters)
        return (time.perf_counter() - began) / len(work)
