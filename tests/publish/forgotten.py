"""A graph with people who are suggested to each other, and a program that forgets one of them and is killed.

Its arguments are the URL, the user, and after how many steps it kills itself.
"""

from __future__ import annotations

import os
import signal
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.graph import Graph, connect
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Relationship, Social, Suggestions
from graphrec.store.protocol import Chunk

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.store.protocol import GraphStore

SCHEMA = GraphSchema(
    user=Node("Per`son", key="the id", name="called"),
    item=Node("Thing", key="no"),
    interactions=[Interaction("HAS", time="at")],
    attributes=[Attribute("LIVES IN", to=Node("City", key="name"), of="user")],
    social=[Social("KNOWS `"), Social("FOLLOWS", directed=True)],
    suggestions=Suggestions("SUG`GESTED", blocks=["BLOCKS"], declined="DECLINED", hidden="shy"),
)
MARY = "mary-of-the-long-key-0001"
PEOPLE = [MARY, "x' OR 1=1 //", *(f"person number {i:03}" for i in range(60))]
NUMBERS = [4_000_000_123, *range(61)]
THINGS = [f"t{i:02}" for i in range(20)]


def made(store: GraphStore, people: list[Any] = PEOPLE, schema: GraphSchema = SCHEMA) -> Graph:
    """Load the graph: the first person is tied, blocked, declined and suggested, and named between others."""
    graph = Graph(store, schema)
    first, *others = people
    pairs = [(p, THINGS[(a * 3 + b) % 20]) for a, p in enumerate(people) for b in range(4)]
    graph.load(
        {
            schema.user.label: pd.DataFrame({"the id": people, "called": [f"name of {p}" for p in people]}),
            "Thing": pd.DataFrame({"no": THINGS}),
            "City": pd.DataFrame({"name": ["Rome"]}),
        },
        {
            "HAS": pd.DataFrame(pairs, columns=["source", "target"]).assign(at=range(len(pairs))),
            "KNOWS `": pd.DataFrame({"source": [first, *others[:5]], "target": [others[0], *([first] * 5)]}),
            "FOLLOWS": pd.DataFrame({"source": [first], "target": [others[1]]}),
            "BLOCKS": pd.DataFrame({"source": [others[7], others[8]], "target": [first, others[9]]}),
            "DECLINED": pd.DataFrame({"source": [first, others[5]], "target": [others[8], others[6]], "at": [7, 8]}),
            "LIVES IN": pd.DataFrame({"source": people, "target": ["Rome"] * len(people)}),
        },
    )
    named = [[], [], [first], [others[2], others[3], first], [others[4]]]
    suggested = {
        "source": [first, others[1], others[2], others[3], others[4]],
        "target": [others[10], first, others[11], others[12], others[13]],
        "reason": [f"friends in common: {', '.join(map(str, names))}" for names in named],
        "brief": [f"{len(names)} friends in common" for names in named],
    }
    between(graph, schema.suggestions.type, suggested | naming(graph, named))
    return graph


def naming(graph: Graph, named: list[list[Any]]) -> dict[str, Any]:
    """Return the columns in which suggestions say whom their reasons name."""
    if graph.store.capabilities.dialect == "neo4j":
        return {"named": named}
    key = pa.int64() if any(isinstance(name, int) for names in named for name in names) else pa.string()
    padded = [(names + [None] * 3)[:3] for names in named]
    return {f"named_{place + 1}": pa.array([names[place] for names in padded], key) for place in range(3)}


def between(graph: Graph, type: str, columns: dict[str, Any]) -> None:
    """Write relationships between people."""
    edge = Relationship(type, graph.schema.user, graph.schema.user)
    rows = pa.table(columns)
    graph.store.prepare_relationship(edge, rows.schema)
    graph.store.upsert_edges(edge, rows, Chunk(f"test {type}", 0))
    graph.store.finish_load(f"test {type}")


def model(data: Dataset, seed: int = 0) -> FittedVectors:
    """Return random vectors."""
    rng = np.random.default_rng(seed)
    vectors = [rng.normal(size=(len(table), 3)).astype(np.float32) for table in (data.users, data.items)]
    return FittedVectors.of(Popularity(), data, *vectors)


def everything(graph: Graph) -> str:
    """Return all nodes and relationships of a graph as text."""
    found = [repr(graph.store.models())]
    described = graph.store.describe()
    if graph.store.capabilities.dialect == "neo4j":
        texts = ["MATCH (n) RETURN labels(n), n {.*}", "MATCH ()-[r]->() RETURN type(r), r {.*}"]
    else:
        quoted = ["`" + name.replace("`", "``") + "`" for name in described.labels]
        texts = [f"MATCH (n:{label}) RETURN n.*" for label in quoted]
        types = {"`" + edge.type.replace("`", "``") + "`" for edge in described.relationships}
        texts += [f"MATCH (a)-[r:{type}]->(b) RETURN a.*, r.*, b.*" for type in sorted(types)]
    return "\n".join([*found, *(repr(graph.store.query(text).to_pylist()) for text in texts)])


def main(url: str, user: str, steps: int) -> None:
    """Forget, and be killed."""

    def step(what: str, done: int, total: int) -> None:
        nonlocal steps
        steps -= 1
        if not steps:
            os.kill(os.getpid(), signal.SIGKILL)

    with connect(url, schema=SCHEMA) as graph:
        graph.forget([user], progress=step)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
