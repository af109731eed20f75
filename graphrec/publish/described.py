"""What the graph says of some users or items now, in the form that encoders read."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.described import Described, Links
from graphrec.errors import DataError
from graphrec.store.queries import ends, quote, render

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.features import Encoder
    from graphrec.schema import GraphSchema, Relationship
    from graphrec.store.protocol import GraphDescription, GraphStore


def described_now(store: GraphStore, schema: GraphSchema, encoder: Encoder, keys: pa.Array) -> Described:
    """Return the properties and attributes of some nodes, as far as an encoder reads them.

    Args:
        store: the graph.
        schema: what the labels mean; an attribute that it does not name any more is left out.
        encoder: of users or of items.
        keys: of nodes, each once; of one that is not there nothing is known. A weight that is no number is NaN.

    Cost: one statement for the properties and one for each attribute, by the keys' index.
    """
    node = schema.item if encoder.side == "item" else schema.user
    dialect = store.capabilities.dialect
    known = store.describe() if dialect == "ladybug" else None  # a file refuses names that it does not hold
    own = {a.type for a in schema.attributes if a.of == encoder.side}
    properties: dict[str, pa.Array | pa.ChunkedArray] = {}
    links: dict[str, Links] = {}
    if not len(keys) or (known is not None and not _readable(known, node.label, node.key, keys)):
        return Described(len(keys), properties, links)
    values = {"keys": keys.to_pylist()}
    names = _properties(encoder)
    if known is not None:
        names = [name for name in names if name in known.labels[node.label].properties]
    if names:
        columns = "".join(f", n.{quote(name, dialect)} AS _{i}" for i, name in enumerate(names))
        found = store.query(
            render(dialect, "read/features", {"label": node.label, "key": node.key}, {"columns": columns}), values
        )
        if found.num_rows:
            rows = pc.index_in(keys, _plain(found["key"], keys.type))
            properties = {name: found[f"_{i}"].take(rows) for i, name in enumerate(names)}
    for type in dict.fromkeys(block.name for block in encoder.own if block.kind == "attribute"):
        if type in own and (known is None or _runs(known, schema.relationships[type])):
            links[type] = _links(store, schema.relationships[type], keys, known)
    return Described(len(keys), properties, links)


def encoded_now(store: GraphStore, schema: GraphSchema, encoder: Encoder, keys: pa.Array) -> tuple[sp.csr_array, str]:
    """Return what describes nodes as an encoder's rows, [n, columns], empty ones of nodes that cannot be read.

    The text says how many these are, names one and says why; it is empty where all could be read.

    Cost: that of `described_now`, and on Neo4j one more statement; of n nodes each that cannot be read costs some
    2 · log2(n) encodings of ever fewer.
    """
    alike = _alike(store, schema, encoder, keys)
    todo = [(described_now(store, schema, encoder, keys.take(pa.array(rows))), rows) for rows in alike]
    found, places, bad, why = list[sp.csr_array](), list[Any](), list[object](), ""
    while todo:
        nodes, rows = todo.pop()
        try:
            encoded = _finite(encoder.encode(nodes))
        except DataError as error:
            if nodes.n > 1:
                halves = np.array_split(np.arange(nodes.n), 2)
                todo += [(nodes.take(half), rows[half]) for half in halves]
                continue
            encoded = encoder.encode(Described(1, {}, {}))
            bad, why = [*bad, keys[int(rows[0])].as_py()], str(error)
        found.append(encoded)
        places.append(rows)
    note = f"{len(bad):,} nodes, such as {bad[-1]!r}, are left out: {why}" if bad else ""
    return sp.csr_array(sp.vstack(found, format="csr"))[np.argsort(np.concatenate(places))], note


def _alike(store: GraphStore, schema: GraphSchema, encoder: Encoder, keys: pa.Array) -> list[NDArray[np.int64]]:
    """Return the nodes' rows, those together whose properties are of the same types.

    A column of several types comes from Neo4j as text: lists, numbers and vectors of all its nodes would be lost.
    """
    node, names = schema.item if encoder.side == "item" else schema.user, _properties(encoder)
    if store.capabilities.dialect != "neo4j" or not names or not len(keys):
        return [np.arange(len(keys))]
    columns = "".join(f", valueType(n.{quote(name, 'neo4j')}) AS _{i}" for i, name in enumerate(names))
    text = render("neo4j", "read/features", {"label": node.label, "key": node.key}, {"columns": columns})
    found = store.query(text, {"keys": keys.to_pylist()})
    several = [f"_{i}" for i in range(len(names)) if len(set(found[f"_{i}"].to_pylist()) - {"NULL"}) > 1]
    types = dict(zip(found["key"].to_pylist(), found.select(several).to_pylist(), strict=True))
    groups: dict[str, list[int]] = {}
    for row, key in enumerate(keys.to_pylist()):
        groups.setdefault(str(types.get(key)), []).append(row)
    return [np.array(rows, np.int64) for rows in groups.values()]


def _properties(encoder: Encoder) -> list[str]:
    """Return the properties that an encoder reads."""
    return list(dict.fromkeys(block.name for block in encoder.own if block.kind != "attribute"))


def _finite(rows: sp.csr_array) -> sp.csr_array:
    if not np.isfinite(rows.data).all():
        raise DataError(
            "What describes them, such as the weight of an attribute, must be finite. Got NaN, infinity or no number."
        )
    return rows


def _links(store: GraphStore, edge: Relationship, keys: pa.Array, known: GraphDescription | None) -> Links:
    dialect, weight = store.capabilities.dialect, edge.weight
    if weight and known and not any(r.type == edge.type and weight in r.properties for r in known.relationships):
        weight = None
    columns = f", r.{quote(weight, dialect)} AS weight" if weight else ""
    found = store.query(render(dialect, "read/links", ends(edge), {"columns": columns}), {"keys": keys.to_pylist()})
    if not found.num_rows:
        return Links(np.zeros(0, np.int64), pa.array([], pa.string()), None)
    rows = np.asarray(pc.index_in(_plain(found["source"], keys.type), keys), np.int64)
    if not weight:
        return Links(rows, found["target"].combine_chunks(), None)
    try:
        weights = np.asarray(pc.fill_null(pc.cast(found["weight"], pa.float64()), 1.0), np.float64)
    except pa.ArrowException:
        weights = np.array([_number(each) for each in found["weight"].to_pylist()], np.float64)
    return Links(rows, found["target"].combine_chunks(), weights)


def _number(weight: Any) -> float:
    try:
        return 1.0 if weight is None else float(weight)
    except (TypeError, ValueError):
        return float("nan")


def _plain(values: pa.ChunkedArray, type: pa.DataType) -> pa.Array:
    return pc.cast(values, type).combine_chunks()


def _readable(known: GraphDescription, label: str, key: str, keys: pa.Array) -> bool:
    """Return whether a label is there, with keys of this type."""
    held = known.labels[label].properties.get(key) if label in known.labels else None
    return held is not None and ("INT" in held) == pa.types.is_integer(keys.type)


def _runs(known: GraphDescription, edge: Relationship) -> bool:
    wanted = (edge.type, edge.source.label, edge.target.label)
    return any((r.type, r.source, r.target) == wanted for r in known.relationships)
