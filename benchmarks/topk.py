"""One user's unseen top-20: in process, through the graph, and as Cypher that an application runs itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.measure import goal
from benchmarks.rows import runner
from benchmarks.synthetic import Vectors, planned
from graphrec.rank.topk import topk_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from benchmarks.measure import Bench, Target
    from benchmarks.synthetic import Planned
    from graphrec.data.dataset import Dataset

K, QUERIES, DIMS, SEEN = 20, 50, (64, 128, 256, 512, 1024), (50, 2_000)
WARM = 50  # queries before the clock starts: a server compiles what it runs often
SECONDS, LEAST = 10, 10  # so many of a kind are enough of the slow ones, and so many queries are made of all
MUST = {"in process": 3.0, "Ladybug Cypher": 30.0, "Neo4j index": 20.0, "Neo4j exact": 150.0}
TRIPS = {  # statements sent, and on Neo4j how often the driver waits for the server
    "in process": "none",
    "graph.recommend, ladybug": "5 statements in process",
    "graph.recommend, neo4j": "5 statements",
    "Ladybug Cypher": "1 statement in process",
    "Neo4j index": "1 statement",
    "Neo4j exact": "1 statement",
    "Neo4j, all distances and nothing else": "1 statement",
}
BOUND = (
    "MATCH (u:User {user_id: $user}) WITH u.PLACE AS q MATCH (i:Item) "
    "RETURN max(vector.similarity.euclidean(i.PLACE, q)), $k"
)
"""What no exact statement of Neo4j can be quicker than."""


def run(bench: Bench) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    users = {degree: planned(bench.frames.ratings, degree, 10) for degree in SEEN}
    for database in bench.databases:
        for dim in DIMS:  # the smallest first, while the nodes hold no other vectors
            target = bench.loaded(database)
            data = target.graph.dataset()
            target.graph.publish(Vectors.of(data.users, data.items, dim), f"d{dim}")
            rows += _rows(bench, dim, users, _in_python(target, data, dim))
            texts = _texts(target, dim)
            with runner(target) as ask:
                rows += _rows(bench, dim, users, {way: _call(ask, text) for way, text in texts.items()})
            if database == "ladybug":
                bench.forget(database)  # a graph file has one owner; the runner took it
    rows.sort(key=lambda row: (row["dim"], row["wanted"], list(TRIPS).index(row["way"])))
    goals = [
        goal(f"{r['way']}, 64-d, {r['seen']:,} seen, p50", r["p50"], "ms", MUST[r["way"]], less=True)
        for r in rows
        if r["dim"] == 64 and r["way"] in MUST
    ]
    for row in rows:
        del row["wanted"]
    return {
        "title": "One user's unseen top-20",
        "goals": goals,
        "tables": {f"Milliseconds, of {len(data.items):,} items": rows},
        "notes": [
            "In process: graphrec.rank.topk.topk_vectors with the vectors and the user's seen items in memory. "
            "graph.recommend: item vectors in memory; the live version, the user's vector and what they have seen "
            "are asked of the database at each call. Cypher: the text of graph.cypher('topk') or ('topk_index'), run "
            "by the official driver in one session. Nothing else: the least distance of all items, in one "
            f"statement; an exact list cannot be quicker. Up to {WARM} queries of each "
            "kind come before any that counts.",
            "Random vectors with lognormal lengths: the time of each way depends on them little, the recall of an "
            "index much; that is measured in index_recall.",
        ],
    }


def _in_python(target: Target, data: Dataset, dim: int) -> dict[str, Callable[[str], Any]]:
    model, seen = Vectors.of(data.users, data.items, dim), data.seen()
    row_of = {key: row for row, key in enumerate(data.users.keys.to_pylist())}

    def in_process(user: str) -> Any:
        row = row_of[user]
        return topk_vectors(model.user_vectors[row : row + 1], model.item_vectors, K, hidden=seen[[row]])

    def recommend(user: str) -> Any:
        return target.graph.recommend([user], K, model=f"d{dim}")

    once = {} if target.name == "neo4j" else {"in process": in_process}
    return {**once, f"graph.recommend, {target.name}": recommend}


def _texts(target: Target, dim: int) -> dict[str, str]:
    topk = target.graph.cypher("topk", model=f"d{dim}")
    if target.name == "ladybug":
        return {"Ladybug Cypher": topk}
    index = target.graph.cypher("topk_index", model=f"d{dim}")
    bound = BOUND.replace("PLACE", f"d{dim}_a")
    return {"Neo4j index": index, "Neo4j exact": topk, "Neo4j, all distances and nothing else": bound}


def _call(ask: Callable[[str, dict[str, Any]], Any], text: str) -> Callable[[str], Any]:
    return lambda user: ask(text, {"user": user, "k": K})


def _rows(
    bench: Bench, dim: int, users: dict[int, Planned], ways: dict[str, Callable[[str], Any]]
) -> list[dict[str, Any]]:
    """Ask by each way for users of each degree; the clock starts when all are warm."""
    cases = [(wanted, plan, way) for wanted, plan in users.items() for way in ways]
    for _, plan, way in cases:
        list(_taken(ways[way], plan.users, bench.size(WARM, 5)))
    rows = []
    for wanted, plan, way in cases:
        taken, found = zip(*_taken(ways[way], plan.users, bench.size(QUERIES, 5)), strict=True)
        if way != "in process" and max(map(len, found)) > K:
            raise SystemExit(f"{way} gave {max(map(len, found))} items.")
        p50, p95 = np.percentile(taken, [50, 95]) * 1e3
        rows.append(
            {
                "way": way,
                "dim": dim,
                "wanted": wanted,
                "seen": plan.degree,
                "p50": round(p50, 2),
                "p95": round(p95, 2),
                "queries": len(taken),
                "round trips": TRIPS[way],
            }
        )
    return rows


def _taken(call: Callable[[str], Any], users: list[str], times: int) -> Iterator[tuple[float, Any]]:
    """Yield how long each query took, seconds, and what it gave; fewer than asked for where they are slow."""
    until = time.perf_counter() + SECONDS
    for i in range(times):
        began = time.perf_counter()
        found = call(users[i % len(users)])
        ended = time.perf_counter()
        yield ended - began, found
        if ended > until and i + 1 >= LEAST:
            return
