"""One immutable snapshot of a graph, as arrays: what models are fitted on and lists are evaluated on."""

from __future__ import annotations

import hashlib
import warnings
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.check import LAST_SECOND
from graphrec.data.folds import folds
from graphrec.data.hetero import to_hetero, to_networkx
from graphrec.data.pairs import codes_of, distinct, matrix_of, target_tables
from graphrec.data.prepare import prepare, prepared_split
from graphrec.data.tables import UNDATED, EdgeTable, NodeTable, as_keys
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, check_type, near, problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    import networkx as nx
    from numpy.typing import NDArray
    from torch_geometric.data import HeteroData

    from graphrec.data.prepare import Steps
    from graphrec.data.split import Split
    from graphrec.schema import GraphSchema, Relationship


@dataclass(frozen=True, eq=False)
class Dataset:
    """Nodes by label, relationships by type, and the schema that says what they mean.

    Made by `Graph.dataset`, `from_tables`, or `graphrec.data.frames.dataset_from_frames`; never changed after.

    Attributes:
        schema: what labels and types mean.
        nodes: a `NodeTable` for every label of the schema.
        edges: an `EdgeTable` for every relationship type of the schema.
        notes: what a reader must know about this snapshot (the graph moved while it was read, ...).
        preparation: the steps that it went through, as `graphrec.data.prepare.step_of` reads them.
        pruned: by type, the interactions that these took away: nothing learns from them, but they still hide.
    """

    schema: GraphSchema
    nodes: Mapping[str, NodeTable]
    edges: Mapping[str, EdgeTable]
    notes: tuple[str, ...] = ()
    preparation: tuple[Mapping[str, Any], ...] = ()
    pruned: Mapping[str, EdgeTable] = field(default_factory=dict)

    @classmethod
    def from_tables(
        cls,
        schema: GraphSchema,
        nodes: Mapping[str, pa.Table],
        edges: Mapping[str, pa.Table],
        notes: Sequence[str] = (),
    ) -> Dataset:
        """Build a dataset from a snapshot's columns.

        Args:
            schema: what labels and types mean.
            nodes: by label, the column ``key`` and the node's properties, in any order.
            edges: by type, ``source`` and ``target`` (positions in the given node tables), and where the schema
                names them ``weight`` and ``time``.
            notes: handed on.

        Raises:
            DataError: keys are null, doubled or of mixed type; weights are not finite.

        Warns:
            GraphRecWarning: times lie beyond the year 9999, as milliseconds do.
        """
        tables: dict[str, NodeTable] = {}
        ranks: dict[str, np.ndarray[Any, np.dtype[np.int64]]] = {}
        for label, node in schema.nodes.items():
            given = nodes.get(label, pa.table({"key": pa.array([], pa.string())}))
            tables[label], ranks[label] = _node_table(label, node.key, given)
        rows = {
            name: _edge_table(relationship, edges.get(name), ranks)
            for name, relationship in schema.relationships.items()
        }
        return cls(schema, tables, rows, tuple(notes))

    @property
    def users(self) -> NodeTable:
        """The users' keys."""
        return self.nodes[self.schema.user.label]

    @property
    def items(self) -> NodeTable:
        """The items' keys."""
        return self.nodes[self.schema.item.label]

    @cached_property
    def fingerprint(self) -> str:
        """SHA-256 over key lists and relationships: two snapshots with one fingerprint hold the same graph."""
        digest = hashlib.sha256(self.schema.model_dump_json().encode())
        for label in sorted(self.nodes):
            digest.update(label.encode())
            digest.update(key_hash(self.nodes[label].keys).encode())
        for name in sorted(self.edges):
            edge = self.edges[name]
            digest.update(name.encode())
            columns = [c for c in (edge.source_rows, edge.target_rows, edge.weight, edge.time) if c is not None]
            digest.update(b"%d of %d:" % (len(columns), len(edge)))
            digest.update(b"t" if edge.time is not None else b"w" if edge.weight is not None else b"")
            for column in _in_order(columns):  # a database returns relationships in any order
                digest.update(column.data)
        return digest.hexdigest()

    def interactions(self, *, weighted: bool = False) -> sp.csr_array:
        """Return the target interactions as a sparse matrix, float32 [n_users, n_items].

        Args:
            weighted: add up the weights of parallel interactions; else every pair counts 1.
        """
        return self._matrix(target_tables(self), weighted)

    def seen(self, *, targets: bool = False) -> sp.csr_array:
        """Return what each user has seen: by what hides, and with ``targets`` any target; 0/1 [n_users, n_items]."""
        hiding = {kind.type for kind in self.schema.hiding}
        known = hiding | {kind.type for kind in self.schema.targets if targets}
        pruned = [self.pruned[name] for name in hiding & self.pruned.keys()]
        return self._matrix([*(self.edges[name] for name in known), *pruned], weighted=False)

    def _matrix(self, tables: Sequence[EdgeTable], weighted: bool) -> sp.csr_array:
        shape = (len(self.users), len(self.items))
        codes = np.concatenate([np.zeros(0, np.int64), *(codes_of(self, table) for table in tables)])
        if not weighted:
            return matrix_of(distinct(codes), shape)
        values = np.concatenate([table.weights for table in tables])
        matrix = sp.coo_array((values, np.divmod(codes, shape[1])), shape=shape).tocsr()  # parallel ones add up
        matrix.sort_indices()
        return matrix.astype(np.float32)

    def frame(self, name: str) -> pd.DataFrame:
        """Return a label's nodes or a type's relationships with their keys, as a pandas frame."""
        if name in self.nodes:
            node = self.nodes[name]
            table = pa.table({self.schema.nodes[name].key: node.keys, **dict(_columns(node.properties))})
            return _pandas(table)
        if name not in self.edges:
            raise ArgumentError(
                f"`name` must be a label or relationship type. Got {name!r}. {near(name, [*self.nodes, *self.edges])}"
            )
        edge = self.edges[name]
        frame = {
            "source": self.nodes[edge.source].take(edge.source_rows),
            "target": self.nodes[edge.target].take(edge.target_rows),
        }
        if edge.weight is not None:
            frame["weight"] = pa.array(edge.weight)
        if edge.time is not None:
            frame["time"] = pa.array(edge.time, mask=edge.time == UNDATED)
        return _pandas(pa.table(frame))

    def with_edges(self, edges: Mapping[str, EdgeTable], *notes: str) -> Dataset:
        """Return a dataset with the same nodes where some types have other relationships."""
        return replace(self, edges={**self.edges, **edges}, notes=(*self.notes, *notes))

    def prepare(self, steps: Steps) -> Dataset:
        """Filter and weigh the target interactions; see `graphrec.data.prepare`."""
        return prepare(self, steps)

    def split(self, rule: str = "leave-last-out", *, prepare: Steps = (), **options: Any) -> Split:
        """Hold out interactions, and weigh the training part alone; see `graphrec.data.split.split` and `prepare`."""
        return prepared_split(self, prepare, rule, **options)

    def folds(self, n: int = 5, **options: Any) -> Iterator[Split]:
        """Hold out each target pair once; see `graphrec.data.folds.folds`."""
        return folds(self, n, **options)

    def hetero(self) -> HeteroData:
        """Return PyTorch Geometric `HeteroData`; see `graphrec.data.hetero.to_hetero`."""
        return to_hetero(self)

    def networkx(self) -> nx.MultiDiGraph[tuple[str, str | int]]:
        """Return a NetworkX graph; see `graphrec.data.hetero.to_networkx`."""
        return to_networkx(self)

    def __repr__(self) -> str:
        nodes = ", ".join(f"{label}: {len(table):,}" for label, table in self.nodes.items())
        edges = ", ".join(f"{name}: {len(table):,}" for name, table in self.edges.items())
        return f"Dataset({nodes} | {edges} | {self.fingerprint[:12]})"


def check_dataset(data: Any) -> None:
    """Go on only with a dataset.

    Raises:
        ArgumentError: it is none, such as a frame.
    """
    check_type("data", data, Dataset, "Make one with `graph.dataset()` or `dataset_from_frames(frame)`.")


def key_hash(keys: pa.Array) -> str:
    """Return a hash of a list of keys, their type and their order."""
    digest = hashlib.sha256(str(keys.type).encode())
    if pa.types.is_integer(keys.type):
        digest.update(keys.to_numpy(zero_copy_only=False).tobytes())
    elif len(keys):
        text = pa.concat_arrays([pc.cast(keys, pa.large_string())])  # offsets from zero, whatever slice this was
        offsets, data = text.buffers()[1:3]
        digest.update(np.frombuffer(offsets, np.int64)[: len(text) + 1].tobytes())
        digest.update(b"" if data is None else bytes(data))
    return digest.hexdigest()


def _pandas(table: pa.Table) -> pd.DataFrame:
    frame: pd.DataFrame = table.to_pandas()
    return frame


def _in_order(columns: Sequence[NDArray[Any]]) -> Sequence[NDArray[Any]]:
    """Return columns with their rows in order, by the first column, then the second, and so on.

    The first two are rows of nodes: as one number they are sorted several times as fast. All columns are looked at
    only where relationships are parallel.
    """
    source, target = columns[:2]
    width = target.max(initial=0) + 1
    codes = source * width + target
    if len(columns) == 2:
        return np.divmod(np.sort(codes), width)
    ordered, order = _sorted(codes)
    if (ordered[1:] == ordered[:-1]).any():
        order = np.lexsort(columns[::-1])
    return [*np.divmod(ordered, width), *(column[order] for column in columns[2:])]


def _sorted(codes: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return numbers of at least 0 in order, and their places.

    NumPy sorts numbers several times as fast as places, so each carries its place in its last bits if there is room.
    """
    bits = len(codes).bit_length()
    if int(codes.max(initial=0)).bit_length() + bits > 63:
        order = np.argsort(codes, kind="stable")
        return codes[order], order
    packed = np.sort(codes << bits | np.arange(len(codes)))
    return packed >> bits, packed & (1 << bits) - 1


def _columns(table: pa.Table) -> list[tuple[str, pa.ChunkedArray]]:
    return list(zip(table.column_names, table.columns, strict=True))


def _node_table(label: str, key: str, table: pa.Table) -> tuple[NodeTable, Any]:
    keys = as_keys(table["key"], f"{label}.{key}")
    order = pc.sort_indices(keys)
    ordered = keys.take(order)
    if len(keys) and (doubled := pc.equal(ordered[1:], ordered[:-1])).true_count:
        example = ordered[1:].filter(doubled)[0].as_py()
        raise DataError(f"`{label}.{key}` must be unique. Got {example!r} more than once. Merge those nodes first.")
    rank = np.empty(len(keys), np.int64)
    rank[order.to_numpy(zero_copy_only=False)] = np.arange(len(keys))
    return NodeTable(label, ordered, table.drop_columns("key").take(order)), rank


def _edge_table(relationship: Relationship, table: pa.Table | None, ranks: Mapping[str, Any]) -> EdgeTable:
    source, target = relationship.source.label, relationship.target.label
    none = table is None or not table.num_rows
    columns = {} if none else {name: column.combine_chunks() for name, column in _columns(table)}
    source_rows = np.zeros(0, np.int64) if none else ranks[source][columns["source"].to_numpy(zero_copy_only=False)]
    target_rows = np.zeros(0, np.int64) if none else ranks[target][columns["target"].to_numpy(zero_copy_only=False)]
    weight = time = None
    if relationship.weight:
        weight = _filled(columns.get("weight"), 1.0, np.float64, len(source_rows))
        if not np.isfinite(weight).all():
            bad = weight[~np.isfinite(weight)][0]
            raise DataError(
                f"`{relationship.type}.{relationship.weight}` must be finite. Got {bad}. Mend those weights."
            )
    if relationship.time:
        time = _filled(columns.get("time"), UNDATED, np.int64, len(source_rows))
        if (last := int(time.max(initial=0))) > LAST_SECOND:
            where, rule = f"{relationship.type}.{relationship.time}", "should be epoch seconds before the year 10000"
            remedy = "It looks like milliseconds, and is read as seconds: divide it by 1,000 in the graph."
            warnings.warn(problem(where, rule, last, remedy), GraphRecWarning, stacklevel=4)
    return EdgeTable(relationship.type, source, target, source_rows, target_rows, weight, time)


def _filled(column: pa.Array | None, default: float, dtype: type, length: int) -> Any:
    if column is None:
        return np.full(length, default, dtype)
    return np.asarray(pc.fill_null(column, default), dtype=dtype)
