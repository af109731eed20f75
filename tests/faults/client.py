"""A program to be killed: it loads, or publishes again and again, and says on standard output what is done.

Its arguments are the job (``load`` or ``publish``) and the URL. `FRAME`, `MODELS` and the rest are what the tests
compare with.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

import graphrec.publish.columns as publishing
from graphrec.graph import Graph, connect
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset

SCHEMA = GraphSchema(Node("Person", key="name"), Node("Thing", key="no"), [Interaction("HAS", weight="n", time="at")])
PERSONS, THINGS = [f"p{i:03}" for i in range(60)], list(range(50))
NODES = {"Person": pd.DataFrame({"name": PERSONS}), "Thing": pd.DataFrame({"no": THINGS})}
PAIRS = [(p, t) for a, p in enumerate(PERSONS) for t in THINGS if (a * 7 + t * 3) % 5]  # 2,400
FRAME = pd.DataFrame(PAIRS, columns=["source", "target"]).assign(n=range(len(PAIRS)), at=range(len(PAIRS)))
CHUNK, BATCH = 100, 15  # small, so that there are many moments to be killed at
MODELS = 10_000
NAME = "m"


def model(data: Dataset, number: int) -> FittedVectors:
    """Return the model that becomes version ``number``: random vectors."""
    rng = np.random.default_rng(number)
    users, items = rng.normal(size=(len(data.users), 6)), rng.normal(size=(len(data.items), 6))
    return FittedVectors.of(Popularity(), data, users.astype(np.float32), items.astype(np.float32))


def load(graph: Graph) -> None:
    """Load, and say which rows of which frame are written."""
    graph.load(NODES, {"HAS": FRAME}, progress=lambda what, done, total: print(what, done, flush=True))
    print("loaded", flush=True)


def publish(graph: Graph, until: int = MODELS) -> None:
    """Publish the next versions, and say which ones are live."""
    data = graph.dataset()
    first = 1 + max((int(row["last"] or 0) for row in graph.store.models()), default=0)
    for number in range(first, until + 1):
        print("published", graph.publish(model(data, number), NAME, wait_s=5).version, flush=True)


def main(job: str, url: str) -> None:
    """Do the job with small chunks and batches."""
    publishing.ROWS = BATCH
    with connect(url, schema=SCHEMA) as graph:
        small = replace(graph.store.capabilities, chunk_rows=CHUNK)
        type(graph.store).capabilities = property(lambda store: small)
        print("open", flush=True)
        {"load": load, "publish": publish}[job](graph)


if __name__ == "__main__":
    main(*sys.argv[1:])
