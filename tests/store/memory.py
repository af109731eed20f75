"""The oracle: a `GraphStore` in plain dicts, simple enough to be right at sight."""

from __future__ import annotations

import functools
import inspect
import threading
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
from store.memory_suggestions import MemorySuggestions

from graphrec.errors import ArgumentError, PublishError, StoreError
from graphrec.store.protocol import Capabilities, GraphDescription, LabelInfo, RelationshipInfo, Snapshot
from graphrec.store.validate import joined_twice, of_others

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Self

    from numpy.typing import NDArray

    from graphrec.schema import Node, Relationship
    from graphrec.store.protocol import Chunk, Fence, Record


def _keys(values: Sequence[Any]) -> pa.Array:
    return pa.array(values) if len(values) else pa.array([], pa.string())


def _one_at_a_time(store: type[MemoryStore]) -> type[MemoryStore]:
    """Let one thread at a time into any method."""
    lock = threading.RLock()

    def guarded(job: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(job)
        def run(*arguments: Any, **named: Any) -> Any:
            with lock:
                return job(*arguments, **named)

        return run

    for name, job in list(vars(store).items()):
        if inspect.isfunction(job):
            setattr(store, name, guarded(job))
    return store


@_one_at_a_time
class MemoryStore(MemorySuggestions):
    def __init__(self) -> None:
        self.nodes: dict[str, dict[Any, dict[str, Any]]] = {}
        self.edges: dict[tuple[str, str, str], list[tuple[Any, Any, dict[str, Any]]]] = {}
        self.vectors: dict[tuple[str, str], dict[Any, NDArray[np.float32]]] = {}
        self.widths: dict[tuple[str, str], int] = {}
        self.loads: dict[str, int] = {}
        self.records: dict[str, Record] = {}

    @property
    def capabilities(self) -> Capabilities:
        return Capabilities("ladybug", "memory", vector_index=False)

    def describe(self) -> GraphDescription:
        labels = {}
        for label, nodes in self.nodes.items():
            if label == "GraphrecFeature":  # graphrec's own
                continue
            names = {name for properties in nodes.values() for name, value in properties.items() if value is not None}
            names |= {place for (of, place), found in self.vectors.items() if of == label and found}
            labels[label] = LabelInfo(len(nodes), dict.fromkeys(sorted(names), "any"))
        edges = []
        for (type, source, target), rows in sorted(self.edges.items()):
            names = {name for _, _, properties in rows for name, value in properties.items() if value is not None}
            edges.append(RelationshipInfo(type, source, target, len(rows), dict.fromkeys(sorted(names), "any")))
        return GraphDescription(labels, edges)

    # ---------------------------------------------------------------- load

    def prepare_node(self, node: Node, columns: pa.Schema) -> None:
        self.nodes.setdefault(node.label, {})

    def prepare_relationship(self, relationship: Relationship, columns: pa.Schema) -> None:
        for end in (relationship.source, relationship.target):
            self.nodes.setdefault(end.label, {})
        self._rows(relationship)

    def chunks_done(self, load: str) -> int:
        return self.loads.get(load, 0)

    def finish_load(self, load: str) -> None:
        self.loads.pop(load, None)

    def _due(self, chunk: Chunk) -> bool:
        done = self.chunks_done(chunk.load)
        if done < chunk.number:
            raise StoreError("a chunk before this one is missing")
        if done == chunk.number:
            self.loads[chunk.load] = done + 1
        return done == chunk.number

    def upsert_nodes(self, node: Node, rows: pa.Table, chunk: Chunk) -> int:
        if not self._due(chunk):
            return 0
        for row in rows.to_pylist():
            key = row.pop("key")
            stored = self.nodes.setdefault(node.label, {}).setdefault(key, {node.key: key})
            stored.update({name: value for name, value in row.items() if value is not None})
        return int(rows.num_rows)

    def _rows(self, relationship: Relationship) -> list[tuple[Any, Any, dict[str, Any]]]:
        ends = relationship.source.label, relationship.target.label
        return self.edges.setdefault((relationship.type, *ends), [])

    def upsert_edges(self, relationship: Relationship, rows: pa.Table, chunk: Chunk) -> int:
        if not self._due(chunk):
            return 0
        written, joined = 0, Counter(row[:2] for row in self._rows(relationship))
        for row in rows.to_pylist():
            if joined[row["source"], row["target"]] > 1 and len(row) > 2 and not chunk.fresh:
                raise joined_twice(relationship.type, row["source"], row["target"])
        for row in rows.to_pylist():
            source, target = row.pop("source"), row.pop("target")
            if not (self._has(relationship.source, source) and self._has(relationship.target, target)):
                continue
            written += 1
            properties = {name: value for name, value in row.items() if value is not None}
            stored = [p for s, t, p in self._rows(relationship) if (s, t) == (source, target)]
            if stored and not chunk.fresh:
                for old in stored:
                    old.update(properties)
            else:
                self._rows(relationship).append((source, target, properties))
        return written

    def _has(self, node: Node, key: Any) -> bool:
        return key in self.nodes.get(node.label, {})

    def delete_nodes(self, node: Node, keys: pa.Array) -> int:
        gone = [key for key in set(keys.to_pylist()) if self._has(node, key)]
        for key in gone:
            del self.nodes[node.label][key]
            for (label, _), found in self.vectors.items():
                if label == node.label:
                    found.pop(key, None)
            for (_, source, target), rows in self.edges.items():
                at = (source == node.label, target == node.label)
                rows[:] = [r for r in rows if not (at[0] and r[0] == key) and not (at[1] and r[1] == key)]
        return len(gone)

    # ---------------------------------------------------------------- read

    def keys(self, node: Node) -> pa.Array:
        return _keys(list(self.nodes.get(node.label, {})))

    def snapshot(self, nodes: Sequence[Node], relationships: Sequence[Relationship]) -> Snapshot:
        wanted = {node.label: node for node in nodes}
        for relationship in relationships:
            for end in (relationship.source, relationship.target):
                wanted.setdefault(end.label, end)
        tables, position = {}, {}
        for label, node in wanted.items():
            stored = self.nodes.get(label, {})
            position[label] = {key: i for i, key in enumerate(stored)}
            columns = {name: pa.array([p.get(name) for p in stored.values()]) for name in node.columns}
            tables[label] = pa.table({"key": _keys(list(stored)), **columns})
        edges = {}
        for r in relationships:
            rows = self._rows(r)
            source, target = position[r.source.label], position[r.target.label]
            columns = {
                "source": pa.array([source[s] for s, _, _ in rows], pa.int64()),
                "target": pa.array([target[t] for _, t, _ in rows], pa.int64()),
            }
            if r.weight:
                columns["weight"] = pa.array([p.get(r.weight) for _, _, p in rows], pa.float64())
            if r.time:
                columns["time"] = pa.array([p.get(r.time) for _, _, p in rows], pa.int64())
            edges[r.type] = pa.table(columns)
        return Snapshot(tables, edges)

    def neighbours(self, relationships: Sequence[Relationship], keys: pa.Array) -> pa.Table:
        asked = [key for key in keys.to_pylist() if self._has(relationships[0].source, key)]
        pairs = sorted({(s, t) for r in relationships for s, t, _ in self._rows(r) if s in asked})
        return pa.table({"source": _keys([s for s, _ in pairs]), "target": _keys([t for _, t in pairs])})

    def popular(self, relationships: Sequence[Relationship], k: int) -> pa.Table:
        counts = Counter(t for r in relationships for _, t, _ in self._rows(r))
        best = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))[:k]
        return pa.table({"key": _keys([t for t, _ in best]), "count": pa.array([n for _, n in best], pa.int64())})

    def query(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> pa.Table:
        raise NotImplementedError("the oracle speaks no Cypher")

    # ---------------------------------------------------------------- vectors

    def prepare_vectors(self, node: Node, property: str, dim: int, *, index: bool) -> None:
        if any(property in row for row in self.nodes.get(node.label, {}).values()):
            raise of_others(node.label, property, "any")
        if self.widths.get((node.label, property)) != dim:
            self.vectors[node.label, property] = {}
        self.widths[node.label, property] = dim

    def _hold(self, fence: Fence) -> None:
        record = self.records.get(fence.model, {})
        if record.get("lock") != fence.token:
            raise PublishError("the lock was taken over")
        record["lock_until"] = fence.until

    def write_vectors(
        self, node: Node, property: str, keys: pa.Array, vectors: NDArray[np.float32], fence: Fence
    ) -> int:
        if not np.isfinite(vectors).all():
            raise ArgumentError("`vectors` must be finite")
        self._hold(fence)
        found = [(key, vector) for key, vector in zip(keys.to_pylist(), vectors, strict=True) if self._has(node, key)]
        self.vectors[node.label, property].update(found)
        return len(found)

    def read_vectors(
        self, node: Node, property: str, keys: pa.Array | None = None
    ) -> tuple[pa.Array, NDArray[np.float32]]:
        stored = self.vectors.get((node.label, property), {})
        asked = stored if keys is None else set(keys.to_pylist())
        found = [key for key in stored if key in asked]
        return _keys(found), np.stack([stored[key] for key in found]) if found else np.zeros((0, 0), np.float32)

    def clear_vectors(self, node: Node, property: str, keys: pa.Array, fence: Fence) -> int:
        self._hold(fence)
        stored = self.vectors[node.label, property]
        gone = [key for key in set(keys.to_pylist()) if key in stored]
        for key in gone:
            del stored[key]
        return len(gone)

    def drop_vectors(self, node: Node, property: str) -> None:
        self.vectors.pop((node.label, property), None)
        self.widths.pop((node.label, property), None)

    # ---------------------------------------------------------------- model records

    def models(self) -> list[Record]:
        return [dict(self.records[name]) for name in sorted(self.records)]

    def update_model(self, name: str, expect: Record | None, change: Record) -> bool:
        record = self.records.get(name)
        if (record is None) != (expect is None):
            return False
        if any((record or {}).get(field) != value for field, value in (expect or {}).items()):
            return False
        changed = {**(record or {"name": name}), **change}
        self.records[name] = {field: value for field, value in changed.items() if value is not None}
        return True

    # ---------------------------------------------------------------- life

    def close(self) -> None:
        pass

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exc: object) -> None:
        pass
