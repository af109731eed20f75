"""The contract on the latest Neo4j, beside the LTS that `test_contract` runs on."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from neo4j_server import LATEST, empty_store, versions
from store.contract import StoreContract, small

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from neo4j_server import GivenServer, Neo4jServer

    from graphrec.store.neo4j import Neo4jStore

__all__ = ["TestContractOnTheLatest", "small"]


@pytest.fixture
def store(neo4j_servers: Callable[[str], Neo4jServer | GivenServer]) -> Iterator[Neo4jStore]:
    if LATEST not in versions():
        pytest.skip(f"Neo4j {LATEST} needs a JDK of 21 or newer, and none is here")
    with empty_store(neo4j_servers(LATEST)) as store:
        yield store


class TestContractOnTheLatest(StoreContract):
    """Over a Neo4j server of the newest release."""
