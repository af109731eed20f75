"""A whole dataset from users' frames and files, without a database."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.dataset import Dataset
from graphrec.data.rows import edge_rows, node_rows
from graphrec.data.source import Source
from graphrec.errors import ArgumentError, near, problem
from graphrec.schema import GraphSchema, Interaction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from graphrec.data.rows import Rows
    from graphrec.schema import KeyType, Relationship


def dataset_from_frames(
    interactions: Any,
    *,
    schema: GraphSchema | None = None,
    nodes: Mapping[str, Any] | None = None,
    edges: Mapping[str, Any] | None = None,
) -> Dataset:
    """Return a dataset made of frames or files, without a database.

    Parallel interactions (the same user and item again) stay.

    Args:
        interactions: a frame or path (see `Source.of`) of the schema's first target interaction.
        schema: what columns mean; by default ``user_id``, ``item_id`` and, where they are there, ``weight`` and
            ``timestamp``.
        nodes: frames of nodes by label. A label without one gets its nodes from the relationships.
        edges: frames of further relationships by type.

    Raises:
        ArgumentError: a label or type is not in the schema, or is given twice.
        DataError: rows break a rule; the message shows the first one of each kind.
    """
    interactions = Source.of(interactions, "interactions")
    schema = _of_columns(interactions.names) if schema is None else GraphSchema.of(schema)
    target = schema.targets[0].type
    given, more = {} if nodes is None else nodes, {} if edges is None else edges
    check_names("nodes", given, schema.nodes)
    check_names("edges", more, schema.relationships)
    if target in more:
        raise ArgumentError(problem("edges", f"must not hold {target!r}, which is `interactions`", sorted(more)))

    key_types: dict[str, KeyType] = {}
    tables: dict[str, pa.Table] = {}
    for label, frame in given.items():
        rows = node_rows(Source.of(frame, f"nodes[{label!r}]"), schema.nodes[label])
        tables[label] = _read(rows)
        key_types |= rows.key_types
    ends: dict[str, pa.Table] = {}
    for name, frame in {target: interactions, **more}.items():
        source = Source.of(frame, f"edges[{name!r}]")
        rows = edge_rows(source, schema.relationships[name], key_types=key_types, on_duplicate=None)
        ends[name] = _read(rows)
        key_types |= rows.key_types

    for label in schema.nodes.keys() - given.keys():
        if keys := _ends_of(label, ends, schema.relationships):
            tables[label] = pa.table({"key": pc.unique(pa.chunked_array(keys))})
    columns, notes = {}, []
    for name, table in ends.items():
        columns[name], left_out = _positions(schema.relationships[name], table, tables)
        if left_out:
            notes.append(f"{left_out:,} rows of {name} were left out: an end is not among the given nodes.")
    return Dataset.from_tables(schema, tables, columns, notes)


def _of_columns(names: Iterable[str]) -> GraphSchema:
    """Return the schema of the defaults, less the weight and the time that are not there."""
    (kind,) = GraphSchema().interactions
    there = {field: name for field in ("weight", "time") if (name := getattr(kind, field)) in names}
    return GraphSchema(interactions=[Interaction(kind.type, target=True, **there)])


def check_names(argument: str, given: Any, known: Iterable[str]) -> None:
    """Go on only with frames by name.

    Raises:
        ArgumentError: it is no mapping, or a name is none of the schema's.
    """
    if not isinstance(given, Mapping):
        remedy = f"Give them by name, as in {argument}={{{next(iter(known))!r}: frame}}."
        raise ArgumentError(problem(argument, "must be frames by name", type(given).__name__, remedy))
    for name in given:
        if name not in known:
            raise ArgumentError(problem(argument, "must be given by names of the schema", name, near(name, known)))


def _read(rows: Rows) -> pa.Table:
    rows.check()
    return pa.concat_tables([rows.schema.empty_table(), *rows.tables()])


def _ends_of(label: str, ends: Mapping[str, pa.Table], relationships: Mapping[str, Relationship]) -> list[pa.Array]:
    keys: list[pa.Array] = []
    for name, table in ends.items():
        relationship = relationships[name]
        keys += table["source"].chunks if relationship.source.label == label else []
        keys += table["target"].chunks if relationship.target.label == label else []
    return [chunk for chunk in keys if len(chunk)]


def _positions(relationship: Relationship, table: pa.Table, nodes: Mapping[str, pa.Table]) -> tuple[pa.Table, int]:
    """Return a relationship's columns with positions for keys, and how many rows have an unknown end."""
    columns = {}
    for end, node in (("source", relationship.source), ("target", relationship.target)):
        known = nodes[node.label]["key"] if node.label in nodes else table[end].slice(0, 0)
        same = known.type == table[end].type
        columns[end] = pc.index_in(table[end], known) if same else pa.nulls(len(table), pa.int32())
    for column, name in (("weight", relationship.weight), ("time", relationship.time)):
        if name in table.column_names:
            columns[column] = table[name]
    positions = pa.table(columns)
    kept = positions.filter(pc.and_(pc.is_valid(positions["source"]), pc.is_valid(positions["target"])))
    return kept, len(positions) - len(kept)
