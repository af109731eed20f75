"""Write frames into the graph: checked as a whole first, then in chunks that are each written exactly once."""

from __future__ import annotations

import hashlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.frames import check_names
from graphrec.data.rows import edge_rows, node_rows
from graphrec.data.source import Source
from graphrec.data.tables import kind_of
from graphrec.errors import ArgumentError, UnknownKeyError, problem, shown
from graphrec.publish.vectors import silent
from graphrec.schema import GraphSchema
from graphrec.store.protocol import Chunk

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from graphrec.data.rows import Rows
    from graphrec.publish.vectors import Progress
    from graphrec.schema import KeyType, Node, Relationship
    from graphrec.store.protocol import GraphStore

ROWS = 1_000_000  # rows looked at together while ends are checked

OnMissing = Literal["raise", "create", "skip"]


@dataclass
class LoadRow:
    """What became of one frame.

    Attributes:
        name: the label or relationship type.
        read: rows in the frame.
        written: nodes or relationships created or updated.
        merged: rows that went into another row of the same key or pair.
        skipped: rows left out, by reason.
        seconds: wall time of writing.
    """

    name: str
    read: int
    written: int = 0
    merged: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(frozen=True)
class LoadReport:
    """What a load did, a `LoadRow` for each frame, nodes first."""

    rows: tuple[LoadRow, ...]

    def __str__(self) -> str:
        lines = [f"{'':20} {'read':>12} {'written':>12} {'merged':>10} {'skipped':>10} {'seconds':>8}"]
        for row in self.rows:
            skipped = sum(row.skipped.values())
            lines.append(
                f"{row.name[:20]:20} {row.read:>12,} {row.written:>12,} {row.merged:>10,} {skipped:>10,} "
                f"{row.seconds:>8.1f}"
            )
            lines += [f"{'':20} {count:,} skipped: {reason}" for reason, count in row.skipped.items()]
        return "\n".join(lines)


def load_graph(
    store: GraphStore,
    schema: GraphSchema,
    nodes: Mapping[str, Any],
    edges: Mapping[str, Any],
    *,
    on_duplicate: Literal["last", "sum", "max", "raise"] = "last",
    on_missing: OnMissing = "raise",
    on_error: Literal["raise", "skip"] = "raise",
    progress: Progress = silent,
) -> LoadReport:
    """Write nodes and relationships into the graph.

    Everything is checked before anything is written. Rows are merged into what is there by key and by pair, so a
    load may be repeated; one that was killed goes on, when it is repeated, after the last chunk written.

    Args:
        store: the graph.
        schema: what labels and types mean.
        nodes: frames by label: pandas, polars, Arrow, a list of dicts, or the path of a .parquet or .csv file.
            The key column has the name of the key property; all other columns become properties.
        edges: frames by relationship type, with the keys of both ends (``source`` and ``target``, or such as
            ``user_id`` and ``movie_id``), weight and time under the names that the schema gives.
        on_duplicate: how rows with the same two ends become one: the last one, or the sum or the maximum of the
            weights with the latest time. Doubled node keys: the last one, or ``"raise"``.
        on_missing: what becomes of rows whose end is not there: ``"raise"`` refuses the load, ``"create"`` makes a
            node with only a key, ``"skip"`` leaves the row out and counts it.
        on_error: what becomes of bad rows (null keys, NaN weights, ...): refuse the load, or leave out and count.
        progress: called after each chunk.

    Returns:
        Rows read, written, merged and skipped, and why.

    Raises:
        ArgumentError: a label or type is not in the schema, or an option is unknown.
        DataError: a column is missing or rows are bad, and nothing was written; or rows would set properties of a
            pair that several relationships of the type join already: what comes before them was written.
        UnknownKeyError: ends are missing and ``on_missing`` is ``"raise"``; nothing was written.

    Cost: two passes over each source, a third over relationships; memory is a few batches and the keys of all nodes
        that relationships point to.
    """
    if on_missing not in ("raise", "create", "skip"):
        raise ArgumentError(problem("on_missing", "must be 'raise', 'create' or 'skip'", on_missing))
    if on_duplicate not in ("last", "sum", "max", "raise"):
        raise ArgumentError(problem("on_duplicate", "must be 'last', 'sum', 'max' or 'raise'", on_duplicate))
    check_names("nodes", nodes, schema.nodes)
    check_names("edges", edges, schema.loadable)
    optional = schema == GraphSchema()
    present = _present(store, schema, nodes, edges)
    types: dict[str, KeyType] = {label: kind_of(keys) for label, keys in present.items() if len(keys)}

    node_plans: list[tuple[Node, Rows, LoadRow]] = []
    for label, frame in nodes.items():
        rule: Literal["last", "raise"] = "raise" if on_duplicate == "raise" else "last"
        source = Source.of(frame, f"nodes[{label!r}]")
        rows = node_rows(source, schema.nodes[label], key_types=types, on_error=on_error, on_duplicate=rule)
        found = rows.check()
        types |= rows.key_types
        node_plans.append((schema.nodes[label], rows, LoadRow(label, found.rows, skipped=dict(found.reasons))))
        present[label] = _with(present[label], rows)
    edge_plans: list[tuple[Relationship, Rows, LoadRow]] = []
    created: dict[str, pa.Array] = {}
    for name, frame in edges.items():
        edge = schema.loadable[name]
        source = Source.of(frame, f"edges[{name!r}]")
        rows = edge_rows(
            source, edge, key_types=types, on_error=on_error, on_duplicate=on_duplicate, optional=optional
        )
        found = rows.check()
        types |= rows.key_types
        edge_plans.append((edge, rows, LoadRow(name, found.rows, skipped=dict(found.reasons))))
        if on_missing != "skip":
            _missing_ends(edge, rows, present, created)
    if on_missing == "raise" and any(len(keys) for keys in created.values()):
        raise _unknown_ends(created, present, edges)

    for node, rows, _ in node_plans:  # a column may still not fit what is stored: nothing is written before
        store.prepare_node(node, rows.schema)
    for edge, rows, _ in edge_plans:
        _prepare_ends(store, edge, rows)
    report = [row for _, _, row in node_plans]
    options = (on_duplicate, on_missing, on_error)
    for node, rows, row in node_plans:
        _write_nodes(store, node, rows, row, progress, options)
    for label, keys in created.items():
        if len(keys):
            report.append(_create(store, schema.nodes[label], keys, progress))
    for edge, rows, row in edge_plans:
        _write_edges(store, edge, rows, row, progress, options)
    return LoadReport((*report, *(row for _, _, row in edge_plans)))


def _present(
    store: GraphStore, schema: GraphSchema, nodes: Mapping[str, Any], edges: Mapping[str, Any]
) -> dict[str, pa.Array]:
    """Return the keys in the graph of every label that the load touches."""
    ends = [end for name in edges for end in (schema.loadable[name].source, schema.loadable[name].target)]
    return {node.label: store.keys(node) for node in (*ends, *(schema.nodes[label] for label in nodes))}


def _union(first: pa.Array, second: pa.Array) -> pa.Array:
    if not len(first) or not len(second):
        return pc.unique(second if len(second) else first)
    return pc.unique(pa.chunked_array([first, second]))


def _with(keys: pa.Array, rows: Rows) -> pa.Array:
    for table in rows.tables(ROWS):
        keys = _union(keys, table["key"].combine_chunks())
    return keys


def _missing_ends(
    edge: Relationship, rows: Rows, present: Mapping[str, pa.Array], missing: dict[str, pa.Array]
) -> None:
    """Add the keys of ends that are neither in the graph nor among the nodes to be loaded."""
    for table in rows.tables(ROWS):
        for column, node in (("source", edge.source), ("target", edge.target)):
            keys = pc.unique(table[column])
            known = present[node.label]
            if len(known):
                keys = keys.filter(pc.invert(pc.is_in(keys, known)))
            missing[node.label] = _union(missing.get(node.label, keys[:0]), keys)


def _unknown_ends(
    missing: Mapping[str, pa.Array], present: Mapping[str, pa.Array], edges: Iterable[str]
) -> UnknownKeyError:
    said = [
        f"{len(keys):,} keys of {label!r} are not in the graph, such as {shown(keys[:3].to_pylist())} "
        f"(it holds {len(present[label]):,}, such as {shown(present[label][:2].to_pylist())})"
        for label, keys in missing.items()
        if len(keys)
    ]
    return UnknownKeyError(
        f"`edges` ({', '.join(edges)}) must point to nodes that are there: {'; '.join(said)}. Load these nodes "
        'first, or give on_missing="create" to make them, or "skip" to leave such rows out. Nothing was written.'
    )


def _identity(store: GraphStore, kind: str, name: str, rows: Rows, options: tuple[str, ...]) -> str:
    """Return what a repeated load has in common with the one that was interrupted: also the size of its chunks."""
    chunk_rows = store.capabilities.chunk_rows
    text = "|".join(map(str, (kind, name, rows.source.fingerprint, rows.schema, chunk_rows, *options)))
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _create(store: GraphStore, node: Node, keys: pa.Array, progress: Progress) -> LoadRow:
    row = LoadRow(f"{node.label} (created)", len(keys))
    rows = node_rows(Source.of(pa.table({node.key: keys}), node.label), node)
    store.prepare_node(node, rows.schema)
    _write_nodes(store, node, rows, row, progress, ())
    return row


def _write_nodes(
    store: GraphStore, node: Node, rows: Rows, row: LoadRow, progress: Progress, options: tuple[str, ...]
) -> None:
    load = _identity(store, "nodes", node.label, rows, options)
    done = _chunks_done(store, load, lambda: len(store.keys(node)))
    for chunk, table in _chunks(store, load, rows, row, progress, done):
        row.written += store.upsert_nodes(node, table, chunk)
    store.finish_load(load)


def _prepare_ends(store: GraphStore, edge: Relationship, rows: Rows) -> None:
    for column, node in (("source", edge.source), ("target", edge.target)):
        store.prepare_node(node, pa.schema([("key", rows.schema.field(column).type)]))
    store.prepare_relationship(edge, rows.schema)


def _write_edges(
    store: GraphStore, edge: Relationship, rows: Rows, row: LoadRow, progress: Progress, options: tuple[str, ...]
) -> None:
    load = _identity(store, "edges", edge.type, rows, options)
    there = sum(r.count for r in store.describe().relationships if r.type == edge.type)
    done = _chunks_done(store, load, lambda: there)
    before = sum(row.skipped.values())
    for chunk, table in _chunks(store, load, rows, row, progress, done, fresh=not there):
        row.written += store.upsert_edges(edge, table, chunk)
    store.finish_load(load)
    lost = row.read - before - row.merged - row.written
    if lost > 0:
        row.skipped["end not in the graph"] = lost


def _chunks_done(store: GraphStore, load: str, there: Callable[[], int]) -> int:
    """Return how many chunks are written: none where so much was deleted since that they cannot all be there."""
    done = store.chunks_done(load)
    if done and there() <= (done - 1) * store.capabilities.chunk_rows:  # all but the last one are full
        store.finish_load(load)
        return 0
    return done


def _chunks(
    store: GraphStore, load: str, rows: Rows, row: LoadRow, progress: Progress, done: int, *, fresh: bool = False
) -> Iterator[tuple[Chunk, pa.Table]]:
    """Return the chunks that are not yet written; a load that was interrupted goes on behind the last one."""
    begun, handled = time.perf_counter(), 0
    for number, table in enumerate(rows.tables(store.capabilities.chunk_rows)):
        if number >= done:
            yield Chunk(load, number, fresh and not done), table
        else:
            row.written += table.num_rows
        handled += table.num_rows
        progress(row.name, handled, row.read)
    row.merged = rows.merged
    row.seconds = time.perf_counter() - begun
