"""``kill -9`` of the friends job: lists are old or new, and the next run goes on where it was."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults import befriending

from graphrec.friends.job import last_report
from graphrec.graph import connect

KILLS = int(os.environ.get("GRAPHREC_KILLS", "1"))
ROOT = Path(__file__).parents[2]
OLD, NEW = 3, 5

pytestmark = [
    pytest.mark.timeout(200 + 60 * KILLS),
    pytest.mark.filterwarnings("ignore:A process was killed while it wrote:graphrec.errors.GraphRecWarning"),
]


def killed(url: str, chance: random.Random) -> int:
    """Start the job, kill it while it writes, and return how many users' lists it said were written."""
    with subprocess.Popen(
        [sys.executable, befriending.__file__, url, str(NEW)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as process:
        assert process.stdout is not None
        lines = [process.stdout.readline() for _ in range(chance.randint(1, 4))]
        time.sleep(chance.random() * 0.05)
        process.kill()
        lines += process.stdout.readlines()
    return max(int(line.split()[1]) for line in lines if line.endswith("\n"))


@pytest.mark.parametrize("database", ["ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def test_lists_are_old_or_new_and_the_next_run_goes_on(
    database: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    url = str(tmp_path / "g.lbug") if database == "ladybug" else request.getfixturevalue("neo4j_url")
    everybody, chance = range(befriending.PEOPLE), random.Random(11)
    with connect(url, schema=befriending.SCHEMA) as graph:
        befriending.make(graph)
        befriending.suggest(graph, OLD)
        old = graph.friends(everybody, 20).groupby("user").suggested.agg(list)
    assert set(old.map(len)) == {OLD}
    for _ in range(KILLS):
        said = killed(url, chance)
        time.sleep(1)  # a server may still commit what the dead client had sent
        with connect(url, schema=befriending.SCHEMA) as graph:
            found = graph.friends(everybody, 20)
            _, begun = last_report(graph.store, befriending.SCHEMA)
        assert begun is not None
        lists, version = found.groupby("user").suggested.agg(list), found.groupby("user").version.agg(set)
        done = int((version == {2}).sum())
        assert done >= said
        assert done % befriending.BLOCK == 0
        assert [len(v) for v in version] == [1] * befriending.PEOPLE
        assert {(min(v), len(mine)) for v, mine in zip(version, lists, strict=True)} <= {(1, OLD), (2, NEW)}
        assert (lists.map(lambda mine: mine[:OLD]) == old).all()
    with connect(url, schema=befriending.SCHEMA) as graph:
        report = befriending.suggest(graph, NEW)
        found = graph.friends(everybody, 20)
    assert (report.resumed, report.version, report.users) == (True, 2, befriending.PEOPLE - done)
    assert set(found.version) == {2}
    assert set(found.groupby("user").size()) == {NEW}
