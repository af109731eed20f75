"""Neo4j servers and stores for all tests; each server starts when the first test asks for it."""

from __future__ import annotations

import os
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest
from commands import Done
from neo4j_server import LTS, Neo4jServer, NoServerError, empty_store, server_for, versions

from graphrec.store.ladybug import LadybugStore

pytest.register_assert_rewrite("store.contract")

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from commands import Call
    from neo4j_server import GivenServer

    from graphrec.store.neo4j import Neo4jStore
    from graphrec.store.protocol import GraphStore


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if {"neo4j_servers", "second_server"} & set(getattr(item, "fixturenames", ())):
            item.add_marker(pytest.mark.neo4j)


@pytest.fixture
def call(capsys: pytest.CaptureFixture[str]) -> Call:
    """Return a function that runs a command of the program in this process."""
    from graphrec.cli.app import run  # takes half a second, which few tests need

    def call(*arguments: object) -> Done:
        capsys.readouterr()
        code = run([str(each) for each in arguments])
        said = capsys.readouterr()
        return Done(code, said.out, said.err)

    return call


@pytest.fixture(scope="session")
def neo4j_servers() -> Iterator[Callable[[str], Neo4jServer | GivenServer]]:
    """Return a function from a version to its running server: one a version and session."""
    running: dict[str, Neo4jServer | GivenServer | NoServerError] = {}
    with ExitStack() as stack:

        def server(version: str) -> Neo4jServer | GivenServer:
            if version not in running:
                try:
                    running[version] = stack.enter_context(server_for(version))
                except NoServerError as error:
                    running[version] = error
            found = running[version]
            if isinstance(found, NoServerError):
                missing = pytest.fail if os.environ.get("GRAPHREC_REQUIRE_NEO4J") == "1" else pytest.skip
                missing(str(found))
            return found

        yield server


@pytest.fixture(scope="session", params=versions())
def neo4j_server(
    request: pytest.FixtureRequest, neo4j_servers: Callable[[str], Neo4jServer | GivenServer]
) -> Neo4jServer | GivenServer:
    """Each version's server in turn."""
    return neo4j_servers(request.param)


@pytest.fixture(scope="session")
def second_server() -> Iterator[Neo4jServer]:
    with ExitStack() as stack:
        try:
            server = stack.enter_context(Neo4jServer(LTS, heap="512m", brief=True))
        except NoServerError as error:
            missing = pytest.fail if os.environ.get("GRAPHREC_REQUIRE_NEO4J") == "1" else pytest.skip
            missing(f"needs a server of its own: {error}")
        yield server


@pytest.fixture
def own_server(second_server: Neo4jServer) -> Neo4jServer:
    """A server that tests may kill and lock; it runs when a test begins, and may hold what others left."""
    return second_server if second_server.running else second_server.start()


@pytest.fixture
def neo4j_store(neo4j_server: Neo4jServer | GivenServer) -> Iterator[Neo4jStore]:
    """A store on the emptied database of each version."""
    with empty_store(neo4j_server) as store:
        yield store


@pytest.fixture
def neo4j(neo4j_servers: Callable[[str], Neo4jServer | GivenServer]) -> Iterator[Neo4jStore]:
    """A store on the emptied database of the LTS (or of the given server)."""
    with empty_store(neo4j_servers(LTS if LTS in versions() else versions()[0])) as store:
        yield store


@pytest.fixture
def neo4j_url(
    neo4j: Neo4jStore,
    neo4j_servers: Callable[[str], Neo4jServer | GivenServer],
    monkeypatch: pytest.MonkeyPatch,
) -> str:
    """The address of that database, with user and password in the environment as operators give them."""
    server = neo4j_servers(LTS if LTS in versions() else versions()[0])
    for name in [name for name in os.environ if name.startswith("GRAPHREC_")]:
        monkeypatch.delenv(name)
    if server.auth:
        monkeypatch.setenv("GRAPHREC_NEO4J_USER", server.auth[0])
        monkeypatch.setenv("GRAPHREC_NEO4J_PASSWORD", server.auth[1])
    return server.uri


@pytest.fixture(params=["ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def any_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[GraphStore]:
    """An empty store of each database: the embedded file, and the LTS server (with what indexes it has)."""
    if request.param == "neo4j":
        servers = request.getfixturevalue("neo4j_servers")
        with empty_store(servers(LTS if LTS in versions() else versions()[0]), keep_schema=True) as store:
            yield store
        return
    with LadybugStore(tmp_path / "graph.lbug", buffer_pool_mb=256) as store:
        yield store
