"""A graph as Parquet files, and back: to move between databases, and to rebuild an embedded file.

A folder holds one file for each label and relationship type of the schema with all their plain properties, the
vectors of each live model, and ``manifest.json``. Vectors come back as a new version 1 of their model.
"""

from __future__ import annotations

import json
import warnings
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from graphrec.data.feature_map import FeatureMap
from graphrec.data.tables import NodeTable
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, problem
from graphrec.publish.features import read_maps
from graphrec.publish.lift import unlift
from graphrec.publish.load import load_graph
from graphrec.publish.record import model_records
from graphrec.publish.vectors import publish, silent
from graphrec.publish.version import version_of
from graphrec.store.queries import EPOCH, ends, quote, render
from graphrec.store.recipes import cold_property, slot_property
from graphrec.train.storage import read_tensors, write_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from graphrec.publish.vectors import Progress
    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore

FORMAT = 1


def export_graph(store: GraphStore, schema: GraphSchema, folder: str | Path) -> dict[str, int]:
    """Write what the schema names to a new folder of Parquet files.

    Args:
        store: the graph.
        schema: which labels and types to write.
        folder: made by this call; it must not exist, or be empty.

    Returns:
        Rows written by label, relationship type and model.

    Raises:
        ArgumentError: the folder holds something.

    Warns:
        GraphRecWarning: a live model is left out: its vectors are not on the schema's users and items. A property is
            left out: it is called ``key``, of relationships ``source`` or ``target``.
    """
    target = Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise ArgumentError(f"`folder` must be new or empty. Got {str(target)!r}. Choose another, or remove it.")
    target.mkdir(parents=True, exist_ok=True)
    found = store.describe()
    slots = {
        place
        for name in (str(record["name"]) for record in model_records(store))
        for s in "ab"
        for place in (slot_property(name, s), slot_property(name, s, fold_in=True), cold_property(name, s))
    }
    manifest: dict[str, Any] = {"format": FORMAT, "schema": schema.model_dump(), "tables": {}, "models": []}
    counts: dict[str, int] = {}

    def write(
        kind: str,
        name: str,
        statement: str,
        names: dict[str, str],
        properties: Iterable[str],
        time: str | None = None,
        weight: str | None = None,
    ) -> None:
        dialect = store.capabilities.dialect
        variable = "n" if kind == "nodes" else "r"
        own = {"key"} if kind == "nodes" else {"source", "target"}  # what a load calls keys by
        given = [p for p in properties if p not in slots and p != names.get("key")]
        if lost := sorted(own.intersection(given)):
            what = f"The property {lost[0]!r} of {name!r} is left out: an import takes it for a key. Rename it."
            warnings.warn(what, GraphRecWarning, stacklevel=4)
        kept = {p: quote(p, dialect) for p in given if p not in own}
        values = {p: f"{variable}.{quoted}" for p, quoted in kept.items()}
        if time in values and dialect == "neo4j":  # a graph's own dates may stand beside the seconds of a load
            values[time] = EPOCH.format(p=values[time])
        if weight in values:  # a dataset reads 1 where there is none, and a load takes no null
            values[weight] = f"coalesce({values[weight]}, 1.0)"
        columns = "".join(f", {values[p]} AS {quoted}" for p, quoted in kept.items())
        table = store.query(render(dialect, statement, names, {"columns": columns}))
        if kind == "nodes":  # a load looks for the key under its own name
            table = table.rename_columns([names["key"], *table.column_names[1:]])
        file = f"{len(manifest['tables']):03}.parquet"
        pq.write_table(table, target / file, compression="zstd")
        manifest["tables"][file] = {"kind": kind, "name": name, "rows": table.num_rows}
        counts[name] = table.num_rows

    for label, node in schema.nodes.items():
        if label in found.labels:
            names = {"label": label, "key": node.key}
            write("nodes", label, "read/export_nodes", names, found.labels[label].properties)
    for name, edge in schema.loadable.items():
        pair = (edge.source.label, edge.target.label)
        properties = {
            p: None
            for r in found.relationships
            if r.type == name and (r.source, r.target) == pair
            for p in r.properties
        }
        if any(r.type == name for r in found.relationships):
            write("edges", name, "read/export_edges", ends(edge), properties, edge.time, edge.weight)
    for record in store.models():
        if record.get("live"):
            version = version_of(record)
            parts = _vectors(store, schema, version)
            if not len(parts["items"][0]) or (version.users and not len(parts["users"][0])):
                warnings.warn(
                    f"The model {version.name!r} is left out: its vectors are not on the nodes {schema.user.label!r} "
                    f"and {schema.item.label!r}. Export it with its own schema, or publish it again.",
                    GraphRecWarning,
                    stacklevel=3,
                )
                continue
            manifest["models"].append(asdict(version))
            for part, (keys, vectors) in parts.items():
                column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), vectors.shape[1])
                pq.write_table(pa.table({"key": keys, "vector": column}), target / f"{version.name}.{part}.parquet")
            tensors: dict[str, NDArray[Any]] = {}
            for side, each in read_maps(store, version).items():
                tensors |= each.to_tensors(f"{side}_map")
            if tensors:
                write_tensors(target / f"{version.name}.maps.safetensors", "maps", tensors, {})
            counts[version.name] = version.users + version.items
    (target / "manifest.json").write_text(json.dumps(manifest, indent=2), encoding="utf-8")
    return counts


def import_graph(
    store: GraphStore, schema: GraphSchema, folder: str | Path, *, progress: Progress = silent
) -> dict[str, int]:
    """Read what `export_graph` wrote into a graph, and publish its models.

    Parallel relationships between the same two nodes become one: weights are added up, the latest time is kept.

    Raises:
        ArgumentError: the folder is not an export, is not whole, or is of a newer format; nothing was written.
        DataError: it was written under another schema.
    """
    source = Path(folder)
    tables, models = _manifest(source)
    for kind, known in (("nodes", schema.nodes), ("edges", schema.loadable)):
        for name in tables[kind]:
            if name not in known:
                raise DataError(f"The export holds {name!r}, not in the schema. Use its own schema.")
    report = load_graph(store, schema, tables["nodes"], tables["edges"], on_duplicate="sum", progress=progress)
    counts = {row.name: row.written for row in report.rows}
    for entry in models:
        model = _read_model(source, schema, entry)
        counts[entry["name"]] = len(model.users) + len(model.items)
        publish(store, schema, model, entry["name"], progress=progress)
    return counts


def _manifest(source: Path) -> tuple[dict[str, dict[str, Path]], list[dict[str, Any]]]:
    """Return an export's tables by kind and name and its models, after a look at each of the Parquet files."""
    tables: dict[str, dict[str, Path]] = {"nodes": {}, "edges": {}}
    try:
        manifest = json.loads((source / "manifest.json").read_text(encoding="utf-8"))
        if manifest["format"] != FORMAT:
            found = manifest["format"]
            raise ArgumentError(f"`folder` must be an export of format {FORMAT}. Got format {found!r}.")
        for file, entry in manifest["tables"].items():
            tables[entry["kind"]][entry["name"]] = source / file
        files = [file for named in tables.values() for file in named.values()]
        for entry in manifest["models"]:
            parts = ("users", "items", "fold_in") if entry["fold_in"] else ("users", "items")
            files += [source / f"{entry['name']}.{part}.parquet" for part in parts]
        for file in files:
            pq.read_metadata(file)
    except ArgumentError:
        raise
    except (OSError, LookupError, AttributeError, TypeError, ValueError) as error:
        rule = "must be an export with a manifest.json, all its files as `graphrec export` wrote them"
        remedy = f"{type(error).__name__}: {error}. Copy it again, or export anew."
        raise ArgumentError(problem("folder", rule, str(source), remedy)) from error
    return tables, manifest["models"]


@dataclass(frozen=True)
class _Exported:
    """A published model as files hold it: `graphrec.rank.scorer.Vectors`, without what fitted them."""

    name: str
    fingerprint: str
    users: NodeTable
    items: NodeTable
    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    fold_in_vectors: NDArray[np.float32] | None
    item_map: FeatureMap | None
    user_map: FeatureMap | None
    cold_items: NDArray[Any]
    cold_users: NDArray[Any]


def _vectors(
    store: GraphStore, schema: GraphSchema, version: Version
) -> dict[str, tuple[pa.Array, NDArray[np.float32]]]:
    """Return the live version's vectors as the model had them."""
    place = slot_property(version.name, version.slot)
    users, queries = store.read_vectors(schema.user, place)
    items, stored = store.read_vectors(schema.item, place)
    parts = {
        "users": (users, queries[:, : version.dim].reshape(len(users), version.dim)),  # there may be none
        "items": (items, unlift(stored, version.scale) if version.lifted else stored),
    }
    if version.fold_in:
        parts["fold_in"] = store.read_vectors(schema.item, slot_property(version.name, version.slot, fold_in=True))
    for side, node in (("users", schema.user), ("items", schema.item)):
        parts[f"cold_{side}"] = store.read_vectors(node, cold_property(version.name, version.slot))
    return {name: part for name, part in parts.items() if len(part[0]) or not name.startswith("cold")}


def _read_model(source: Path, schema: GraphSchema, entry: dict[str, Any]) -> _Exported:
    def read(part: str, node: Node) -> tuple[NodeTable, NDArray[np.float32]]:
        table = pq.read_table(source / f"{entry['name']}.{part}.parquet").combine_chunks()
        table = table.take(pc.sort_indices(table["key"]))
        column, keys = table["vector"].combine_chunks(), table["key"].combine_chunks()
        vectors = column.flatten().to_numpy(zero_copy_only=False).reshape(len(keys), column.type.list_size)
        return NodeTable(node.label, keys, pa.table({})), vectors.astype(np.float32)

    users, user_vectors = read("users", schema.user)
    items, item_vectors = read("items", schema.item)
    fold_in = read("fold_in", schema.item)[1] if entry["fold_in"] else None
    cold = {}
    for part, table in (("cold_users", users), ("cold_items", items)):
        cold[part] = np.zeros(len(table), np.float32)  # `graphrec.publish.served` says of what
        if (source / f"{entry['name']}.{part}.parquet").exists():
            marked, codes = read(part, schema.user)
            cold[part][table.rows(marked.keys)] = codes[:, 0]
    file = source / f"{entry['name']}.maps.safetensors"
    tensors = read_tensors(file, "maps")[0] if file.exists() else {}
    return _Exported(
        entry["kind"],
        entry["fingerprint"],
        users,
        items,
        user_vectors,
        item_vectors,
        fold_in,
        FeatureMap.from_tensors("item_map", tensors),
        FeatureMap.from_tensors("user_map", tensors),
        cold["cold_items"],
        cold["cold_users"],
    )
