"""A program to be killed: it runs the friends job and says how many users' lists are written.

Its arguments are the URL and the length of the lists.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from unittest.mock import patch

import numpy as np
import pandas as pd

import graphrec.friends.job
from graphrec.friends.report import Report
from graphrec.graph import Graph, connect
from graphrec.schema import GraphSchema, Node, Social
from graphrec.social.friends import Friends

SCHEMA = GraphSchema(Node("Person", "name", "integer"), social=[Social("KNOWS")])
PEOPLE, BLOCK = 240, 12


def make(graph: Graph) -> None:
    """Load people with twelve ties each, all in one circle."""
    everybody = np.repeat(np.arange(PEOPLE), 6)
    ties = pd.DataFrame({"source": everybody, "target": (everybody + np.tile(np.arange(1, 7), PEOPLE)) % PEOPLE})
    graph.load({"Person": pd.DataFrame({"name": range(PEOPLE)})}, {"KNOWS": ties})


def suggest(graph: Graph, k: int) -> Report:
    """Run the job in small blocks, each written by itself."""
    small = replace(graph.store.capabilities, suggestion_rows=1)
    with patch.object(type(graph.store), "capabilities", small), patch.object(graphrec.friends.job, "BLOCK", BLOCK):
        return graph.suggest_friends(
            Friends(by="adamic-adar"), k=k, progress=lambda _, done, total: print("wrote", done, flush=True)
        )


if __name__ == "__main__":
    with connect(sys.argv[1], schema=SCHEMA) as opened:
        suggest(opened, int(sys.argv[2]))
