"""A Neo4j server (Community or Enterprise, 5.26 or newer) as a `GraphStore`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.schema_parts import OWN_LABELS
from graphrec.store.neo4j_suggestions import Suggesting
from graphrec.store.protocol import GraphDescription, IndexInfo, LabelInfo, RelationshipInfo

if TYPE_CHECKING:
    from neo4j import Record

SAMPLE = 1_000  # nodes or relationships looked at for property types
ENDS = 100_000  # relationships looked at where the counts leave open which labels a type runs between


class Neo4jStore(Suggesting):
    """The store over the official driver; see `Neo4jConnection` for its arguments."""

    def describe(self) -> GraphDescription:
        """Return labels, relationships and vector indexes.

        Cost: counts that Neo4j keeps anyhow, and samples. Where a type runs between several labels on both sides and
        holds more than 100,000 relationships, the count of each pair is an estimate from a sample.
        """
        labels = sorted({row["label"] for row in self._rows("admin/labels")} - OWN_LABELS)
        counts = {label: self._rows("read/node_count", {"label": label})[0]["count"] for label in labels}
        nodes = {
            label: LabelInfo(count, _types(self._rows("admin/node_properties", {"label": label}, sample=SAMPLE)))
            for label, count in counts.items()
            if count
        }
        outline = self._rows("admin/outline")[0]
        names = {node.element_id: node["name"] for node in outline["nodes"]}
        triples = [
            (names[r.start_node.element_id], r.type, names[r.end_node.element_id]) for r in outline["relationships"]
        ]
        properties = {
            type: _types(self._rows("admin/edge_properties", {"type": type}, sample=SAMPLE))
            for type in {type for _, type, _ in triples}
        }
        edges = [
            RelationshipInfo(type, source, target, count, properties[type])
            for source, type, target in sorted(triples)
            if (count := self._between(source, type, target))
        ]
        fields = "name", "label", "property", "dim", "state"
        vectors = [row for row in self._rows("admin/indexes") if row["type"] == "VECTOR"]
        indexes = [IndexInfo(**{field: row[field] for field in fields}) for row in vectors]
        return GraphDescription(nodes, edges, indexes)

    def _between(self, source: str, type: str, target: str) -> int:
        names = {"source": source, "type": type, "target": target}
        total: int = self._rows("read/edge_count", {"type": type})[0]["count"]
        out, into, between, sampled = map(int, self._rows("admin/edge_ends", names, sample=ENDS)[0])
        if total in (out, into):  # one end is always of this label, so the other end's count is exact
            return min(out, into)
        return round(total * between / max(sampled, 1))


def _types(rows: list[Record]) -> dict[str, str]:
    return {
        row["property"]: " | ".join(sorted({kind.replace(" NOT NULL", "") for kind in row["types"]})) for row in rows
    }
