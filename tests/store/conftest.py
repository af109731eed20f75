"""Every store in turn, empty."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from neo4j_server import LTS, empty_store, versions
from store.memory import MemoryStore

from graphrec.store.ladybug import LadybugStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from graphrec.store.protocol import GraphStore


@pytest.fixture
def ladybug_store(tmp_path: Path) -> Iterator[LadybugStore]:
    with LadybugStore(tmp_path / "graph.lbug", buffer_pool_mb=256) as store:
        yield store


@pytest.fixture(params=["memory", "ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def store(request: pytest.FixtureRequest) -> GraphStore:
    if request.param == "memory":
        return MemoryStore()
    found: GraphStore = request.getfixturevalue({"ladybug": "ladybug_store", "neo4j": "neo4j"}[request.param])
    return found


@pytest.fixture
def kept(neo4j_servers: Callable[[str], Any]) -> Iterator[GraphStore]:
    """An empty store on the server, with what indexes it has: faster where tests use the same labels."""
    with empty_store(neo4j_servers(LTS if LTS in versions() else versions()[0]), keep_schema=True) as store:
        yield store
