from __future__ import annotations

from store.contract import StoreContract, small

__all__ = ["TestContract", "small"]


class TestContract(StoreContract):
    """Over the oracle, a graph file and a Neo4j server."""
