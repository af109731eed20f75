"""``kill -9`` of a client that loads or publishes, and of the server: nothing acknowledged is lost, nothing is half.

`GRAPHREC_KILLS` is how often each job is killed on each database: 3 unless it says otherwise. The server is killed
once for each job, and three times where it is set.
"""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from faults import client
from neo4j_server import empty_store

import graphrec.publish.columns as publishing
from graphrec.errors import ConnectionFailedError, PublishError
from graphrec.graph import Graph, connect
from graphrec.publish.record import LEASE_S
from graphrec.rank.topk import topk_vectors
from graphrec.store.ladybug import LadybugStore
from graphrec.store.neo4j import Neo4jStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neo4j_server import Neo4jServer

    from graphrec.store.protocol import Capabilities, GraphStore

KILLS = int(os.environ.get("GRAPHREC_KILLS", "3"))
SERVER_KILLS = 3 if "GRAPHREC_KILLS" in os.environ else 1
ROOT = Path(__file__).parents[2]
MOMENTS = {"load": 26, "publish": 4}  # lines of the client to wait for, at most

pytestmark = [
    pytest.mark.timeout(200 + 60 * KILLS),
    pytest.mark.filterwarnings("ignore:A process was killed while it wrote:graphrec.errors.GraphRecWarning"),
]


def small(told: Callable[[GraphStore], Capabilities], store: GraphStore) -> Capabilities:
    return replace(told(store), chunk_rows=client.CHUNK)


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    for kind in (LadybugStore, Neo4jStore):
        monkeypatch.setattr(kind, "capabilities", property(partial(small, kind.capabilities.fget)))
    monkeypatch.setattr(publishing, "ROWS", client.BATCH)


class Place:
    """A database that outlives the programs that work on it."""

    def __init__(self, url: str, server: Neo4jServer | None = None) -> None:
        self.url, self.server = url, server
        user, password = server.auth if server else ("", "")
        self.environment = os.environ | {"GRAPHREC_NEO4J_USER": user, "GRAPHREC_NEO4J_PASSWORD": password}

    def open(self) -> Graph:
        return connect(self.url, schema=client.SCHEMA, auth=self.server.auth if self.server else None)

    @contextmanager
    def client(self, job: str) -> Iterator[subprocess.Popen[str]]:
        program = [sys.executable, client.__file__, job, self.url]
        with subprocess.Popen(
            program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT, env=self.environment
        ) as process:
            try:
                yield process
            finally:
                process.kill()

    def killed(self, job: str, chance: random.Random) -> list[str]:
        """Start the client, kill it at some moment, and return what it had acknowledged."""
        with self.client(job) as process:
            assert process.stdout is not None
            lines = [process.stdout.readline() for _ in range(chance.randint(1, MOMENTS[job]))]
            time.sleep(chance.random() * (0.05 if job == "load" else 0.3))
            process.kill()
            return [*lines, *process.stdout.readlines()]


@pytest.fixture(params=["ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "ladybug":
        return Place(str(tmp_path / "g.lbug"))
    server = request.getfixturevalue("own_server")
    with empty_store(server):
        return Place(server.uri, server)


def empty(graph: Graph) -> None:
    for node in (client.SCHEMA.user, client.SCHEMA.item):
        graph.store.delete_nodes(node, graph.store.keys(node))


def acknowledged(lines: list[str], what: str) -> int:
    numbers = [int(line.split()[1]) for line in lines if line.startswith(f"{what} ") and line.endswith("\n")]
    return max(numbers, default=0)


def rows(graph: Graph) -> list[tuple[str, int, float, int]]:
    """Return every relationship in order: a doubled one would be here twice."""
    frame = graph.dataset().frame("HAS").sort_values(["source", "target"])
    return [tuple(row) for row in frame.itertuples(index=False)]


WHOLE = sorted(client.FRAME.itertuples(index=False, name=None))


def check_load(graph: Graph, lines: list[str]) -> None:
    """What was said to be written is there, each row once and whole; repeated, the load is complete."""
    done = acknowledged(lines, "HAS")
    if acknowledged(lines, "Thing"):
        assert set(graph.store.keys(client.SCHEMA.item).to_pylist()) == set(client.THINGS)
    if done:
        found = rows(graph)
        assert len(found) >= done
        assert set(client.FRAME.head(done).itertuples(index=False, name=None)) <= set(found) <= set(WHOLE)
        assert len(set(found)) == len(found)
    graph.load(client.NODES, {"HAS": client.FRAME})
    assert rows(graph) == WHOLE


def check_publish(graph: Graph, lines: list[str], before: int) -> int:
    """The last version said to be live serves, or the next; publishing and rolling back go on from there."""
    version = int(graph.models()["version"][0])
    assert version - max(before, acknowledged(lines, "published")) in (0, 1)
    check_lists(graph, version)
    try:
        back = graph.rollback(client.NAME).version
    except PublishError:  # the other slot was being overwritten, and is not offered
        assert not graph.models()["rollback"][0]
    else:
        check_lists(graph, back)
        assert graph.rollback(client.NAME).version == version
    begun = time.monotonic()
    model = client.model(graph.dataset(), version + 1)
    assert (
        graph.publish(model, client.NAME, wait_s=5).version == version + 1
    )  # a dead one's lock is taken over at once
    assert time.monotonic() - begun < LEASE_S / 2
    check_lists(graph, version + 1)
    assert graph.rollback(client.NAME).version == version
    check_lists(graph, version)
    assert graph.rollback(client.NAME).version == version + 1
    return version + 1


def check_lists(graph: Graph, version: int) -> None:
    data = graph.dataset()
    model = client.model(data, version)
    best = topk_vectors(model.user_vectors, model.item_vectors, 5, hidden=data.seen()).rows
    frame = graph.recommend(client.PERSONS, 5)
    assert set(frame["version"]) == {version}
    assert np.array_equal(frame["item"].to_numpy().reshape(-1, 5), np.asarray(client.THINGS)[best])
    text = graph.cypher("topk")
    assert list(graph.query(text, user=client.PERSONS[7], k=5)["item_id"]) == list(np.asarray(client.THINGS)[best[7]])


def test_a_killed_load_loses_nothing_and_goes_on(place: Place) -> None:
    chance = random.Random(1)
    for _ in range(KILLS):
        lines = place.killed("load", chance)
        with place.open() as graph:
            check_load(graph, lines)
            empty(graph)


def test_the_version_before_a_killed_publish_serves_on(place: Place) -> None:
    chance, version = random.Random(2), 2
    with place.open() as graph:
        client.load(graph)
        client.publish(graph, until=version)
    for _ in range(KILLS):
        lines = place.killed("publish", chance)
        with place.open() as graph:
            version = check_publish(graph, lines, version)


@pytest.mark.slow
@pytest.mark.neo4j
@pytest.mark.parametrize("job", ["load", "publish"])
def test_a_killed_server_loses_nothing(own_server: Neo4jServer, job: str) -> None:
    place, chance, version = Place(own_server.uri, own_server), random.Random(3), 2
    with empty_store(own_server), place.open() as graph:
        if job == "publish":
            client.load(graph)
            client.publish(graph, until=version)
        for _ in range(SERVER_KILLS):
            with place.client(job) as process:
                assert process.stdout is not None
                lines = [process.stdout.readline() for _ in range(chance.randint(2, MOMENTS[job]))]
                time.sleep(chance.random() * 0.1)
                own_server.kill()
                with pytest.raises(ConnectionFailedError, match=r"No Neo4j server answers at .* repeat the"):
                    place.open()
                own_server.start()
                if job == "load":  # the driver tries again for half a minute
                    said, complaint = process.communicate(timeout=120)
                    lines.append(said)
                    assert process.returncode == 0 or "ConnectionFailedError" in complaint
                else:
                    process.kill()
                    lines += process.stdout.readlines()
            if job == "load":  # over the connection from before
                check_load(graph, "".join(lines).splitlines(keepends=True))
                empty(graph)
            else:
                version = check_publish(graph, lines, version)
