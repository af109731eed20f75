"""Read users and their ties, whether or not there are items."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.data.dataset import Dataset
from graphrec.store.validate import require_people

if TYPE_CHECKING:
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def read_network(store: GraphStore, schema: GraphSchema, *, tastes: bool = True) -> Dataset:
    """Return a dataset of users and ties, with the properties that people read.

    Args:
        store: the graph.
        schema: what the labels mean.
        tastes: whether to read what users took, and what describes them, as far as it is there.

    Raises:
        SchemaError: the schema names no ties, or the graph does not hold those that people are suggested for.
        DataError: keys are null, doubled or of mixed type, or weights or times cannot be read.
    """
    found = store.describe()
    notes = require_people(schema, found)
    if tastes and schema.item.label not in found.labels:
        notes.append(f"There is no label {schema.item.label!r}: nothing is known of what users took.")
    known = {tie.type for tie in schema.social}
    if tastes:
        known |= {a.type for a in schema.attributes if a.of == "user"} | {i.type for i in schema.interactions}
    wanted = [relationship for type, relationship in schema.relationships.items() if type in known]
    labels = {schema.user.label, *(node.label for r in wanted for node in (r.source, r.target))}
    nodes = [node for label, node in schema.nodes.items() if label in labels]
    snapshot = store.snapshot(nodes, wanted)
    return Dataset.from_tables(schema, snapshot.nodes, snapshot.edges, [*notes, *snapshot.moved])
