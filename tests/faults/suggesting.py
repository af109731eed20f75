"""A program to be killed: it replaces everybody's suggestions again and again, and says what is written.

Its argument is the URL.
"""

from __future__ import annotations

import sys

import pandas as pd
import pyarrow as pa

from graphrec.graph import Graph, connect
from graphrec.schema import GraphSchema, Node, Social, Suggestions
from graphrec.store.protocol import Fence
from graphrec.store.suggestions import Stamp

SCHEMA = GraphSchema(
    Node("Person", key="name"), social=[Social("KNOWS")], suggestions=Suggestions(blocks=["BLOCKS"], declined="NO")
)
PERSONS = [f"p{i:03}" for i in range(60)]
BATCH, LENGTH = 15, 8


def wanted(person: int, version: int) -> list[str]:
    """Return whom a version suggests to a person, best first; some are the same as before."""
    return [PERSONS[(person + 1 + (version * 3 + i) % 40) % 60] for i in range(LENGTH)]


def make(graph: Graph) -> None:
    """Load the people."""
    graph.load({"Person": pd.DataFrame({"name": PERSONS})})
    graph.store.prepare_suggestions(SCHEMA)


def write(graph: Graph, version: int, first: int, token: str) -> None:
    """Replace the lists of a batch."""
    batch = range(first, first + BATCH)
    rows = [(PERSONS[p], v, rank) for p in batch for rank, v in enumerate(wanted(p, version), 1)]
    users = pa.table({"key": [PERSONS[p] for p in batch], "state": [version] * BATCH})
    columns = {
        "user": [u for u, _, _ in rows],
        "other": [v for _, v, _ in rows],
        "score": [1.0 / rank for _, _, rank in rows],
        "rank": [rank for _, _, rank in rows],
        "reason": [f"version {version}"] * len(rows),
        "brief": ["brief"] * len(rows),
        "named": pa.array([[] for _ in rows], pa.list_(pa.string())),
    }
    stamp, fence = Stamp("m", version, 1, 10**12), Fence("friends", token, 1e12)
    done = {"done_version": version, "done_users": first + BATCH}
    assert graph.store.replace_suggestions(SCHEMA, users, pa.table(columns), stamp, fence, done) == len(rows)


def main(url: str) -> None:
    """Go on from the last batch."""
    with connect(url, schema=SCHEMA) as graph:
        record = next((r for r in graph.store.models() if r["name"] == "friends"), None)
        graph.store.update_model("friends", None if record is None else {}, {"lock": "t"})
        people = len(PERSONS)
        begin = people if record is None else int(record["done_version"]) * people + int(record["done_users"])
        print("open", flush=True)
        for at in range(begin, begin + 10_000 * people, BATCH):
            write(graph, *divmod(at, people), "t")
            print("wrote", at + BATCH, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
