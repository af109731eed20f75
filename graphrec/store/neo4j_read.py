"""Reading a Neo4j graph in columns: one value at a time is seven times slower."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from neo4j.exceptions import Neo4jError

from graphrec.errors import DataError, shown
from graphrec.store.neo4j_plain import column, table
from graphrec.store.neo4j_session import Neo4jConnection, cypher
from graphrec.store.protocol import Snapshot
from graphrec.store.queries import EPOCH, any_of, batches, ends, quote, with_ends

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import neo4j
    from numpy.typing import NDArray

    from graphrec.schema import Node, Relationship

KEYS = 10_000
EDGES = 500_000  # edges held as Python objects before they become arrays


class Reading(Neo4jConnection):
    """The jobs that only read."""

    def keys(self, node: Node) -> pa.Array:
        """Return all keys of a label."""
        return self._read(lambda tx: _nodes(tx, node, ()))[1]["key"].combine_chunks()

    def snapshot(self, nodes: Sequence[Node], relationships: Sequence[Relationship]) -> Snapshot:
        """Read nodes and relationships in one transaction, and say what others changed meanwhile.

        Raises:
            DataError: keys of a label are of two types or doubled, a weight is no number, or a time is none.
        """
        wanted = with_ends(nodes, relationships)

        def work(tx: neo4j.ManagedTransaction) -> Snapshot:
            before = _counts(tx, wanted, relationships)
            ids, tables = {}, {}
            for label, node in wanted.items():
                ids[label], tables[label] = _nodes(tx, node, node.columns)
            edges = {r.type: _edges(tx, r, ids) for r in relationships}
            after = _counts(tx, wanted, relationships)
            moved = [f"{what}: {before[what]:,} before, {after[what]:,} after" for what in before]
            return Snapshot(
                tables, edges, [m for m, what in zip(moved, before, strict=True) if before[what] != after[what]]
            )

        return self._read(work)

    def neighbours(self, relationships: Sequence[Relationship], keys: pa.Array) -> pa.Table:
        """Return distinct (``source``, ``target``) keys of the given sources."""
        first, keys = relationships[0], pc.unique(keys)
        text = cypher("read/neighbours", *_ends_of_all(relationships))
        rows: list[NDArray[np.int64]] = []
        targets: list[Any] = []
        for part in batches(len(keys), KEYS):
            some = keys[part].to_pylist()
            for row, found in self._read(lambda tx, some=some: [tuple(r) for r in tx.run(text, key=some)]):  # type: ignore[misc]
                rows.append(np.full(len(found), part.start + row))
                targets += found
        source = keys.take(pa.array(np.concatenate(rows) if rows else np.zeros(0, np.int64)))
        return pa.table({"source": source, "target": keys_of(first.target, targets)})

    def popular(self, relationships: Sequence[Relationship], k: int) -> pa.Table:
        """Return the targets with most incoming relationships."""
        text = cypher("read/popular", *_ends_of_all(relationships))
        found = self._read(lambda tx: [tuple(row) for row in tx.run(text, k=k)])
        key = keys_of(relationships[0].target, [row[0] for row in found])
        return pa.table({"key": key, "count": pa.array([row[1] for row in found], pa.int64())})

    def query(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> pa.Table:
        """Run Cypher and return its columns; nodes become their properties, temporal values Python's."""

        def work(tx: neo4j.ManagedTransaction) -> pa.Table:
            result = tx.run(text, dict(parameters or {}))
            return table(list(result.keys()), [list(row) for row in result])

        return self._write(work) if write else self._read(work)


def _ends_of_all(relationships: Sequence[Relationship]) -> tuple[dict[str, str], dict[str, str]]:
    return ends(relationships[0]), {"types": any_of([r.type for r in relationships], "neo4j")}


def _counts(
    tx: neo4j.ManagedTransaction, nodes: Mapping[str, Node], relationships: Sequence[Relationship]
) -> dict[str, int]:
    texts = {f"nodes {label!r}": cypher("read/node_count", {"label": label}) for label in nodes}
    texts |= {f"relationships {r.type!r}": cypher("read/edge_count", {"type": r.type}) for r in relationships}
    return {what: tx.run(text).single(strict=True)[0] for what, text in texts.items()}


def _nodes(tx: neo4j.ManagedTransaction, node: Node, properties: Sequence[str]) -> tuple[NDArray[np.int64], pa.Table]:
    """Return the database's own ids, valid in this transaction only, and the table of keys and properties."""
    wanted = [name for name in dict.fromkeys(properties) if name != "key"]
    collects = ", ".join(f"collect(coalesce(n.{quote(name, 'neo4j')}, {{}}))" for name in wanted)
    text = cypher("read/nodes", {"label": node.label, "key": node.key}, {"properties": collects})
    ids: list[int] = []
    key: list[Any] = []
    values: list[list[Any]] = [[] for _ in wanted]
    for some_ids, some_keys, some_values in tx.run(text):
        ids += some_ids
        key += some_keys
        for into, more in zip(values, some_values, strict=True):
            into += (None if value == {} else value for value in more)
    columns = {name: column(found) for name, found in zip(wanted, values, strict=True)}
    return np.array(ids, np.int64), pa.table({"key": _unique(node, keys_of(node, key)), **columns})


def keys_of(node: Node, values: list[Any]) -> pa.Array:
    """Return keys as Arrow.

    Raises:
        DataError: they are not all strings, or all integers.
    """
    kinds = set(map(type, values))
    declared = {"string": str, "integer": int, None: None}[node.key_type]
    if len(kinds) > 1 or not kinds <= {str, int} or (declared and kinds and kinds != {declared}):
        examples = [
            next(v for v in values if type(v) is kind) for kind in sorted(kinds, key=lambda kind: kind.__name__)
        ]
        wanted = f"of type {node.key_type}" if node.key_type else "all strings or all integers"
        raise DataError(
            f"The keys {node.key!r} of {node.label!r} must be {wanted}. Got {', '.join(map(shown, examples))}. "
            "Convert them in the graph, or name another key in the schema."
        )
    kind = next(iter(kinds), declared or str)
    return pa.array(values, pa.string() if kind is str else pa.int64())


def _unique(node: Node, keys: pa.Array) -> pa.Array:
    if pc.count_distinct(keys).as_py() != len(keys):
        counts = pc.value_counts(keys)
        worst = counts[int(np.argmax(counts.field("counts")))].as_py()
        raise DataError(
            f"The key {node.key!r} of {node.label!r} must be unique. Got {shown(worst['values'])} on "
            f"{worst['counts']} nodes. Merge or remove the doubled nodes, or name another key in the schema."
        )
    return keys


@dataclass
class _Part:
    """Some edges as Python objects, until they are many enough to become arrays."""

    sources: list[int] = field(default_factory=list)
    lengths: list[int] = field(default_factory=list)
    targets: list[int] = field(default_factory=list)
    weights: list[Any] = field(default_factory=list)
    times: list[Any] = field(default_factory=list)


def _edges(tx: neo4j.ManagedTransaction, edge: Relationship, ids: Mapping[str, NDArray[np.int64]]) -> pa.Table:
    weight, time = (f"r.{quote(name, 'neo4j')}" if name else None for name in (edge.weight, edge.time))
    collects = {
        "weights": f"collect(coalesce({weight}, {{}}))" if weight else "[]",
        "times": f"collect(coalesce({EPOCH.format(p=time)}, {{}}))" if time else "[]",
    }
    parts: list[pa.Table] = []
    part = _Part()
    try:
        for source, targets, weights, times in tx.run(cypher("read/edges", ends(edge), collects)):
            part.sources.append(source)
            part.lengths.append(len(targets))
            part.targets += targets
            part.weights += weights
            part.times += times
            if len(part.targets) >= EDGES:
                parts.append(_arrays(part, edge, ids))
                part = _Part()
    except Neo4jError as error:
        if "cannot be parsed" not in (error.message or ""):
            raise
        raise DataError(
            f"The time {edge.time!r} of {edge.type!r} must be epoch seconds, a temporal value or ISO 8601 text. Got "
            f"{shown((error.message or '').strip().splitlines()[1:2])}. Convert it in the graph."
        ) from error
    return pa.concat_tables([*parts, _arrays(part, edge, ids)]).combine_chunks()


def _arrays(part: _Part, edge: Relationship, ids: Mapping[str, NDArray[np.int64]]) -> pa.Table:
    source = np.repeat(np.array(part.sources, np.int64), part.lengths)
    columns = {
        "source": pc.index_in(pa.array(source), pa.array(ids[edge.source.label])),
        "target": pc.index_in(pa.array(np.array(part.targets, np.int64)), pa.array(ids[edge.target.label])),
    }
    if edge.weight:
        columns["weight"] = _numbers(part.weights, f"The weight {edge.weight!r} of {edge.type!r} must be a number.")
    if edge.time:
        rule = f"The time {edge.time!r} of {edge.type!r} must be epoch seconds, a temporal value or ISO 8601 text."
        seconds = _numbers(part.times, rule)
        usable = pc.less(pc.abs(seconds), 2.0**63)  # which NaN is not
        if (wrong := pc.index(usable, False).as_py()) >= 0:
            raise DataError(f"{rule} Got {shown(part.times[wrong])}. Convert it in the graph.")
        columns["time"] = pc.cast(pc.floor(seconds), pa.int64())
    found = pa.table(columns)
    known = pc.and_(pc.is_valid(found["source"]), pc.is_valid(found["target"]))
    found = found if pc.all(known).as_py() else found.filter(known)
    return found.set_column(0, "source", pc.cast(found["source"], pa.int64())).set_column(
        1, "target", pc.cast(found["target"], pa.int64())
    )


def _numbers(values: list[Any], rule: str) -> pa.Array:
    """Return numbers as float64; an empty map, which no property can be, stands for null."""
    kinds = set(map(type, values))
    if kinds <= {int, float}:
        return pa.array(np.array(values, np.float64))
    if not kinds <= {int, float, dict}:
        wrong = next(value for value in values if type(value) not in (int, float, dict))
        raise DataError(f"{rule} Got {shown(wrong)}. Convert it in the graph, or name another property.")
    return pa.array([None if type(value) is dict else float(value) for value in values], pa.float64())
