"""Loading a graph, beside a MERGE for each row."""

from __future__ import annotations

import statistics
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks.measure import goal, spread, timed
from benchmarks.rows import runner

if TYPE_CHECKING:
    from benchmarks.measure import Bench, Target

MERGE = (
    "MERGE (u:User {user_id: $user}) MERGE (i:Item {item_id: $item}) "
    "MERGE (u)-[r:RATED_TOO]->(i) SET r.rating = $rating, r.timestamp = $time"
)
GOALS = {"neo4j": (60.0, 120.0), "ladybug": (None, None)}


def run(bench: Bench) -> dict[str, Any]:
    rows, goals, sample = [], [], bench.size(500, 20)
    for database in bench.databases:
        ours, theirs = [], []
        for _ in range(bench.repeats):
            with ExitStack() as stack:
                target = bench.empty(database, stack)
                frames = bench.frames
                ours.append(timed(lambda: target.graph.load(frames.nodes, frames.edges)))  # noqa: B023  called at once
                theirs.append(_row_by_row(bench, target, sample))
        count = len(bench.frames.ratings)
        whole = [seconds * count / sample for seconds in theirs]
        rows += [
            {"database": database, "way": "graph.load, nodes and relationships", **spread(ours, 1)},
            {"database": database, "way": f"row by row, from {sample} rows", **spread(whole, 1)},
        ]
        factor = statistics.median(whole) / statistics.median(ours)
        goals.append(
            goal(f"load 1 M interactions, {database}, against row-by-row MERGE", factor, "x", *GOALS[database])
        )
    return {
        "title": "Loading",
        "goals": goals,
        "tables": {f"Seconds for {len(bench.frames.ratings):,} interactions": rows},
        "notes": [
            f"Row by row: a random sample of {sample} rows after each load, in the same database, which is warm and "
            "has its key indexes by then; one session, one auto-commit transaction a row, the same driver; the time "
            "is extrapolated to all rows. MERGE of both ends and of a relationship of a second type.",
            "Each repetition loads a new file or a new server; graph.load checks all rows before it writes.",
        ],
    }


def _row_by_row(bench: Bench, target: Target, sample: int) -> float:
    if target.name == "ladybug":
        target.graph.query("CREATE REL TABLE RATED_TOO(FROM User TO Item, rating DOUBLE, timestamp INT64)")
    chosen = bench.frames.ratings.sample(sample, random_state=0)
    parameters = [
        {"user": row.user_id, "item": row.item_id, "rating": row.rating, "time": row.timestamp}
        for row in chosen.itertuples()
    ]
    with runner(target) as run:
        run(MERGE, parameters[0])
        return timed(lambda: [run(MERGE, row) for row in parameters])
