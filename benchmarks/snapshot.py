"""A graph as `HeteroData`: one call, beside the loop over records that an application would write.

Neo4j is measured twice: with the pure Python driver, and with the compiled parts of neo4j-rust-ext. Each runs in a
process of its own, where ours and the loop take turns with the same driver.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, goal, in_turns, ratio, spread

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec

    from benchmarks.measure import Bench, Target

DRIVERS = {"pure": "pure Python driver", "rust": "driver with neo4j-rust-ext"}


def run(bench: Bench) -> dict[str, Any]:
    graph = bench.loaded("ladybug").graph
    graph.dataset().hetero()  # imports, and pages of the file
    ladybug = in_turns({"ladybug": lambda: graph.dataset().hetero()}, max(bench.repeats, 5))["ladybug"]
    rows = [{"from": "Ladybug", "way": "graph.dataset().hetero()", **spread(ladybug)}]
    goals = [
        goal("1 M interactions to HeteroData, Ladybug", sorted(ladybug)[len(ladybug) // 2], "s", 2.5, 1.5, less=True)
    ]
    if bench.neo4j:
        found = {driver: _in_process(driver, bench.loaded("neo4j"), bench.repeats) for driver in DRIVERS}
        for driver, taken in found.items():
            for way, values in taken.items():
                rows.append({"from": f"Neo4j, {DRIVERS[driver]}", "way": way, **spread(values)})
        pure, rust = found["pure"], found["rust"]
        goals += [
            goal(
                "the same, Neo4j, against a record loop, both on the pure Python driver", _ratio(pure, pure), "x", 6
            ),
            goal(
                "the same, ours with neo4j-rust-ext, the loop on the pure Python driver",
                _ratio(pure, rust),
                "x",
                6,
                15,
            ),
            goal("the same, both with neo4j-rust-ext", _ratio(rust, rust), "x"),
        ]
    return {
        "title": "Graph to HeteroData",
        "goals": goals,
        "tables": {f"Seconds for {len(bench.frames.ratings):,} interactions": rows},
        "notes": [
            "Imports are not counted. The loop: one query, a record an interaction, dictionaries from keys to rows, "
            "Python lists, then tensors and HeteroData in both directions.",
        ],
    }


def _ratio(peer: dict[str, list[float]], ours: dict[str, list[float]]) -> float:
    return ratio(peer["record loop"], ours["graph.dataset().hetero()"])


def _in_process(driver: str, target: Target, repeats: int) -> dict[str, list[float]]:
    assert target.auth
    user, password = target.auth
    env = os.environ | {"GRAPHREC_NEO4J_USER": user, "GRAPHREC_NEO4J_PASSWORD": password}
    command = [sys.executable, "-m", "benchmarks.snapshot", driver, target.place, str(repeats)]
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, list[float]] = json.loads(done.stdout.splitlines()[-1])
    return found


class _NoRust:
    """Makes the compiled parts of the driver unfindable, as if neo4j-rust-ext were not installed."""

    def find_spec(self, name: str, path: Sequence[str] | None = None, target: Any = None) -> ModuleSpec | None:
        if name.startswith("neo4j._rust"):
            raise ModuleNotFoundError(name)
        return None


def _loop(driver: Any) -> Any:
    """Return HeteroData, the plain way."""
    import torch
    from torch_geometric.data import HeteroData

    rows: dict[str, dict[str, int]] = {"User": {}, "Item": {}}
    sources, targets, weights, times = [], [], [], []
    with driver.session() as session:
        for label, key in (("User", "user_id"), ("Item", "item_id")):
            for record in session.run(f"MATCH (n:{label}) RETURN n.{key} AS key ORDER BY key"):
                rows[label][record["key"]] = len(rows[label])
        for record in session.run(
            "MATCH (u:User)-[r:RATED]->(i:Item) "
            "RETURN u.user_id AS user, i.item_id AS item, r.rating AS rating, r.timestamp AS time"
        ):
            sources.append(rows["User"][record["user"]])
            targets.append(rows["Item"][record["item"]])
            weights.append(record["rating"])
            times.append(record["time"])
    data = HeteroData()
    for label, found in rows.items():
        data[label].num_nodes, data[label].key = len(found), list(found)
    edges, weight, time = torch.tensor([sources, targets]), torch.tensor(weights), torch.tensor(times)
    for kind, index in ((("User", "RATED", "Item"), edges), (("Item", "rev_RATED", "User"), edges.flip(0))):
        data[kind].edge_index, data[kind].edge_weight, data[kind].time = index, weight, time
    return data


def main(kind: str, url: str, repeats: int) -> None:
    if kind == "pure":
        sys.meta_path.insert(0, _NoRust())  # type: ignore[arg-type]  # it only refuses
    import neo4j
    from neo4j._codec import packstream

    import graphrec
    from benchmarks.synthetic import SCHEMA

    if (kind == "rust") != packstream.RUST_AVAILABLE:
        raise SystemExit(f"The driver is not the one to be measured: {kind}. Install neo4j-rust-ext.")
    auth = os.environ["GRAPHREC_NEO4J_USER"], os.environ["GRAPHREC_NEO4J_PASSWORD"]
    with neo4j.GraphDatabase.driver(url, auth=auth) as driver, graphrec.connect(url, schema=SCHEMA) as graph:
        ours, theirs = graph.dataset().hetero(), _loop(driver)  # warms up, and both must give the same
        for edge in ours.edge_types:
            if ours[edge].edge_index.shape != theirs[edge].edge_index.shape:
                raise SystemExit(f"{edge} differs: {ours[edge]} and {theirs[edge]}")
        ways = {"graph.dataset().hetero()": lambda: graph.dataset().hetero(), "record loop": lambda: _loop(driver)}
        print(json.dumps(in_turns(ways, repeats)))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
