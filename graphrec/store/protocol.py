"""The seam between graphrec and a graph database: a dozen jobs with fixed Arrow columns.

Two stores implement `GraphStore` (`graphrec.store.neo4j`, `graphrec.store.ladybug`), and an in-memory oracle
in the tests. One contract suite runs over all three. What every store keeps to:

* keys are ``string`` or ``int64`` as the node declares; never an internal id;
* weights are ``float64``, times are ``int64`` epoch seconds (UTC); temporal values of the database are converted;
* a null property stays null; a NaN is never written;
* vectors go in as ``float32 [n, d]`` and come back as ``float32 [n, d]``, bit for bit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Protocol

from graphrec.store.suggestions import SuggestionStore

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Self

    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    from graphrec.schema import GraphSchema, Node, Relationship

Dialect = Literal["neo4j", "ladybug"]


@dataclass(frozen=True)
class Capabilities:
    """What a database can do beyond the common jobs.

    Attributes:
        dialect: which folder of ``cypher/`` speaks to it.
        version: the database's own version.
        vector_index: True where vectors can have an approximate index.
        chunk_rows: how many rows of a load are best written at once.
        suggestion_rows: how many suggestions are best replaced at once.
    """

    dialect: Dialect
    version: str
    vector_index: bool
    chunk_rows: int = 50_000
    suggestion_rows: int = 20_000


@dataclass(frozen=True)
class LabelInfo:
    """A label of the live graph: how many nodes, and which properties with which types."""

    count: int
    properties: Mapping[str, str]


@dataclass(frozen=True)
class RelationshipInfo:
    """A relationship type of the live graph between two labels."""

    type: str
    source: str
    target: str
    count: int
    properties: Mapping[str, str]


@dataclass(frozen=True)
class IndexInfo:
    """A vector index of the live graph; ``state`` is ``"ONLINE"`` when it answers."""

    name: str
    label: str
    property: str
    dim: int
    state: str


@dataclass(frozen=True)
class GraphDescription:
    """What is in the live graph, for validation, ``doctor`` and messages."""

    labels: Mapping[str, LabelInfo]
    relationships: Sequence[RelationshipInfo]
    indexes: Sequence[IndexInfo] = ()

    @property
    def node_counts(self) -> dict[str, int]:
        """How many nodes each label has."""
        return {label: info.count for label, info in self.labels.items()}

    def edge_counts(self, schema: GraphSchema) -> dict[str, int]:
        """Return how many relationships each of a schema's types has between its labels."""
        ends = {(r.type, r.source.label, r.target.label) for r in schema.relationships.values()}
        return {r.type: r.count for r in self.relationships if (r.type, r.source, r.target) in ends}


@dataclass(frozen=True)
class Snapshot:
    """Columns of one read of the graph.

    Attributes:
        nodes: by label a table with the column ``key`` (unique, no nulls, any order) and the requested properties.
        edges: by type a table with ``source`` and ``target`` (int64 positions into the node tables of *this*
            snapshot) and, where the relationship names them, ``weight`` (float64) and ``time`` (int64). Parallel
            relationships stay separate rows.
        moved: what changed while a chunked export ran, in words; empty for one transaction, or if the counts agree.
    """

    nodes: Mapping[str, pa.Table]
    edges: Mapping[str, pa.Table]
    moved: Sequence[str] = ()


@dataclass(frozen=True)
class Chunk:
    """Where a chunk of a load stands, so that each chunk is written exactly once.

    Attributes:
        load: the identity of the whole load (a hash of its source and options).
        number: 0, 1, 2, ...: the chunk is written only if exactly the chunks before it are.
        fresh: True where the relationship type held nothing when the load began and the source holds no
            duplicates: rows may then be created instead of merged.
    """

    load: str
    number: int
    fresh: bool = False


@dataclass(frozen=True)
class Fence:
    """A condition under which a vector batch may be written: the model's lock still carries the token.

    Attributes:
        model: the name of the `GraphrecModel` record.
        token: what its field ``lock`` must equal.
        until: the new value of its field ``lock_until`` (epoch seconds); each batch renews the lease.
    """

    model: str
    token: str
    until: float


Record = dict[str, str | int | float | bool | None]


class GraphStore(SuggestionStore, Protocol):
    """A graph database as graphrec needs it.

    All methods raise `graphrec.errors.StoreError` where the database fails, `ConnectionFailedError` where it cannot
    be reached; what was asked for is then wholly done or not done, chunk by chunk. Several threads may call them.
    """

    @property
    def capabilities(self) -> Capabilities:
        """What this database can do."""

    def describe(self) -> GraphDescription:
        """Return what is in the graph. Cost: counts only, no scan of properties beyond a sample."""

    # ---------------------------------------------------------------- load

    def prepare_node(self, node: Node, columns: pa.Schema) -> None:
        """Make sure that nodes of this label with these columns (``key`` and properties) can be written.

        Creates the uniqueness constraint (Neo4j) or the table and its missing columns (Ladybug). Idempotent.
        """

    def prepare_relationship(self, relationship: Relationship, columns: pa.Schema) -> None:
        """Make sure that these relationships, with these property columns, can be written. Idempotent."""

    def chunks_done(self, load: str) -> int:
        """Return how many chunks of a load are written (0 for a load never seen)."""

    def finish_load(self, load: str) -> None:
        """Forget the progress of a load."""

    def upsert_nodes(self, node: Node, rows: pa.Table, chunk: Chunk) -> int:
        """Create nodes, or set the given properties of existing ones, by key.

        Args:
            node: label and key.
            rows: the column ``key`` (unique in the chunk) and one column per property, under the graph's own
                names. A null leaves the stored value as it is.
            chunk: written in the same transaction; a chunk that is already done is skipped.

        Returns:
            The number of rows written (0 for a chunk that was done before).
        """

    def upsert_edges(self, relationship: Relationship, rows: pa.Table, chunk: Chunk) -> int:
        """Create relationships, or set the properties of existing ones between the same two nodes.

        Args:
            relationship: type, ends.
            rows: ``source`` and ``target`` (keys; pairs unique in the chunk) and one column per property, under
                the graph's own names. Rows whose ends do not exist are left out.
            chunk: as for nodes; ``chunk.fresh`` allows CREATE instead of MERGE.

        Returns:
            The number of rows written.
        """

    def delete_nodes(self, node: Node, keys: pa.Array) -> int:
        """Delete nodes with all their relationships; return how many there were."""

    # ---------------------------------------------------------------- read

    def keys(self, node: Node) -> pa.Array:
        """Return all keys of a label, in any order. A label that does not exist has none."""

    def snapshot(self, nodes: Sequence[Node], relationships: Sequence[Relationship]) -> Snapshot:
        """Read nodes (with `Node.columns`) and relationships. Missing labels and types give empty tables.

        Ends of relationships that are of other labels, or have no key, are left out.
        """

    def neighbours(self, relationships: Sequence[Relationship], keys: pa.Array) -> pa.Table:
        """Return distinct (``source``, ``target``) keys of the given sources over these relationship types.

        All relationships must run between the same two labels.
        """

    def popular(self, relationships: Sequence[Relationship], k: int) -> pa.Table:
        """Return the ``k`` targets with most incoming relationships: ``key``, ``count``; equal ones by key."""

    def query(self, text: str, parameters: Mapping[str, Any] | None = None, *, write: bool = False) -> pa.Table:
        """Run Cypher in the database's own dialect and return its columns."""

    # ---------------------------------------------------------------- vectors

    def prepare_vectors(self, node: Node, property: str, dim: int, *, index: bool) -> None:
        """Make an empty place for vectors of ``dim`` numbers under ``property``; drop what another width left.

        With ``index`` (only where `Capabilities.vector_index`) an online, unquantised cosine index of that name.
        Where the place exists with the right width its values stay; one that holds no vectors is refused.
        """

    def write_vectors(
        self, node: Node, property: str, keys: pa.Array, vectors: NDArray[np.float32], fence: Fence
    ) -> int:
        """Write vectors in batches, each one under the fence; under an index in the order given.

        Returns:
            How many nodes were found and written.

        Raises:
            PublishError: the fence no longer holds; batches after that moment are not written.
        """

    def read_vectors(
        self, node: Node, property: str, keys: pa.Array | None = None
    ) -> tuple[pa.Array, NDArray[np.float32]]:
        """Return the keys that have a vector (of those asked for, or of all), in any order, and the vectors."""

    def clear_vectors(self, node: Node, property: str, keys: pa.Array, fence: Fence) -> int:
        """Remove single vectors (nodes that an older model covered and the new one does not)."""

    def drop_vectors(self, node: Node, property: str) -> None:
        """Remove a property from all nodes, with its index."""

    # ---------------------------------------------------------------- model records

    def models(self) -> list[Record]:
        """Return every published model's record (node label `GraphrecModel`), by name."""

    def update_model(self, name: str, expect: Record | None, change: Record) -> bool:
        """Compare and set a model's record in one transaction.

        Args:
            name: the model's name, the record's key.
            expect: fields that must have these values now (None: the record must not exist).
            change: fields to set; None removes a field.

        Returns:
            False, and nothing is changed, where ``expect`` does not hold.
        """

    # ---------------------------------------------------------------- life

    def close(self) -> None:
        """Release the database. Idempotent."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...
