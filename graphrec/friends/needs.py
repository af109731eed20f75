"""How much memory the job will need, from counts alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.data.plan import POOL, available_memory, refuse

if TYPE_CHECKING:
    from graphrec.schema import GraphSchema
    from graphrec.social.friends import Friends
    from graphrec.store.protocol import GraphStore

ROWS = 160_000_000  # as measured: the most that rows of a server take as Python objects, before they are arrays


def job_memory(config: Friends, n_users: int, n_ties: int, n_taken: int, k: int, *, embedded: bool) -> int:
    """Return the bytes that the job takes at its peak, beyond Python and its imports.

    What `Friends.memory` says; 16 bytes a relationship for the dataset; and for pages of an embedded file, or rows on
    their way from and to a server, 85 a relationship and 300 a suggestion, at most 1 GiB and 160 MB.

    Args:
        config: how people are ranked.
        n_users: nodes of the user label.
        n_ties: relationships between them.
        n_taken: relationships of what they took and of what describes them.
        k: the length of the lists.
        embedded: whether the graph is a file.
    """
    edges = n_ties + n_taken
    held = min(POOL if embedded else ROWS, 85 * edges + 300 * k * n_users)
    return config.memory(n_users, n_ties, n_taken) + 16 * edges + held


def must_fit(store: GraphStore, schema: GraphSchema, config: Friends, k: int) -> None:
    """Go on only where the job fits into the memory that is free.

    Raises:
        MemoryPlanError: it does not.
    """
    found = store.describe()
    users = found.node_counts.get(schema.user.label, 0)
    edges = found.edge_counts(schema)
    ties = sum(edges.get(tie.type, 0) for tie in schema.ties)
    tastes = sum(edges.get(kind.type, 0) for kind in schema.interactions) if config.tastes else 0
    embedded = store.capabilities.dialect == "ladybug"
    need, available = job_memory(config, users, ties, tastes, k, embedded=embedded), available_memory()
    if need > available:
        size = f"{users:,} users and {ties:,} ties"
        refuse(f"Suggesting people with {size}", need, available, "Take a smaller dim, tastes=False, or more memory.")
