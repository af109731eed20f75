"""How far the graph has grown since a model was published."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

DRIFT = 0.1  # beyond this share of users, items or interactions that came since, a model is to be fitted again


def sizes(store: GraphStore, schema: GraphSchema) -> str:
    """Return how many users, items and target interactions there are, as the JSON of a model's record."""
    found = store.describe()
    nodes, edges = found.node_counts, found.edge_counts(schema)
    return json.dumps(
        {
            "users": nodes.get(schema.user.label, 0),
            "items": nodes.get(schema.item.label, 0),
            "interactions": sum(edges.get(kind.type, 0) for kind in schema.targets),
        }
    )


def drifted(version: Version, now: str) -> list[str]:
    """Return what has grown beyond the bound, a sentence each; nothing where a record does not say how it was."""
    then, today = json.loads(version.graph or "{}"), json.loads(now)
    return [
        f"The graph holds {today[what]:,} {what}, {today[what] / before - 1:.0%} more than the {before:,} when "
        f"version {version.version} was published; the bound is {DRIFT:.0%}. Fit the model again and publish it."
        for what, before in then.items()
        if before and today[what] > (1 + DRIFT) * before
    ]
