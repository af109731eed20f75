"""``kill -9`` of a client that replaces suggestions: each list is entirely the old one or entirely the new one."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from faults import suggesting

from graphrec.graph import Graph, connect
from graphrec.schema import Node
from graphrec.store.suggestions import state_property

if TYPE_CHECKING:
    from collections.abc import Iterator

KILLS = int(os.environ.get("GRAPHREC_KILLS", "3"))
ROOT = Path(__file__).parents[2]

pytestmark = [
    pytest.mark.timeout(200 + 60 * KILLS),
    pytest.mark.filterwarnings("ignore:A process was killed while it wrote:graphrec.errors.GraphRecWarning"),
]


@pytest.fixture(params=["ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    if request.param == "ladybug":
        yield str(tmp_path / "g.lbug")
    else:
        yield request.getfixturevalue("neo4j_url")


def killed(url: str, chance: random.Random) -> int:
    """Start the client, kill it at some moment, and return the last batch that it had acknowledged."""
    with subprocess.Popen(
        [sys.executable, suggesting.__file__, url], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randint(2, 9))]
        time.sleep(chance.random() * 0.1)
        process.kill()
        lines += process.stdout.readlines()
    return max(int(line.split()[1]) for line in lines if line.startswith("wrote") and line.endswith("\n"))


def done(graph: Graph) -> tuple[int, int]:
    record = next(r for r in graph.store.models() if r["name"] == "friends")
    return int(record["done_version"] or 0), int(record["done_users"] or 0)


def check(graph: Graph, acknowledged: int) -> None:
    time.sleep(1)  # a server may still commit what the dead client had sent
    version, users = done(graph)
    found = graph.friends(suggesting.PERSONS, suggesting.LENGTH, now=2)
    people = len(suggesting.PERSONS)
    assert version * people + users - acknowledged in (0, suggesting.BATCH)
    place = state_property(suggesting.SCHEMA)
    nodes = graph.store.snapshot([Node("Person", "name", properties=(place,))], []).nodes["Person"]
    states = dict(zip(nodes["key"].to_pylist(), nodes[place].to_pylist(), strict=True))
    assert done(graph) == (version, users)
    for person, name in enumerate(suggesting.PERSONS):
        mine = found[found.user == name]
        expected = version if person < users else version - 1
        assert (states[name] or 0) == expected
        assert list(mine.suggested) == (suggesting.wanted(person, expected) if expected else [])
        assert set(mine.version) <= {expected}
        assert set(mine.reason) <= {f"version {expected}"}


def test_each_list_is_old_or_new(url: str) -> None:
    chance = random.Random(4)
    with connect(url, schema=suggesting.SCHEMA) as graph:
        suggesting.make(graph)
    for _ in range(KILLS):
        acknowledged = killed(url, chance)
        with connect(url, schema=suggesting.SCHEMA) as graph:
            check(graph, acknowledged)
