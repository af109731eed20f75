"""Everything that a database holds, as one value to compare."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from graphrec.store.protocol import GraphStore


def everything(store: GraphStore) -> dict[str, Any]:
    """Return every node and relationship with internal ids and all properties, indexes, and the models' records."""
    found: dict[str, Any] = {"models": store.models(), "indexes": sorted(map(repr, store.describe().indexes))}
    if store.capabilities.dialect == "neo4j":
        tables = {
            "nodes": "MATCH (n) RETURN elementId(n) AS id, labels(n) AS labels, properties(n) AS n",
            "edges": "MATCH (a)-[n]->(b) RETURN elementId(n) AS id, type(n) AS type, properties(n) AS n, "
            "elementId(a) AS a, elementId(b) AS b",
        }
    else:
        shown = store.query("CALL show_tables() RETURN name, type").to_pylist()
        ways = {"NODE": "MATCH (n:{})", "REL": "MATCH ()-[n:{}]->()"}
        names = {row["name"]: ways[row["type"]].format("`" + row["name"].replace("`", "``") + "`") for row in shown}
        tables = {name: f"{match} RETURN n" for name, match in names.items()}
    for name, text in tables.items():
        found[name] = sorted(map(repr, store.query(text).to_pylist()))
    return found
