"""What steps of re-ranking may ask of the graph as it is now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.compute as pc

from graphrec.data.tables import ones, pair_matrix
from graphrec.rank.rerank import Known
from graphrec.rank.reranked import check_attribute

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.online.asked import Asked
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore


def known_now(
    store: GraphStore,
    schema: GraphSchema,
    items: NodeTable,
    asked: Asked,
    *,
    new: bool,
    vectors: NDArray[np.float32],
    popularity: Callable[[], NDArray[Any]],
) -> Known:
    """Return what steps may ask; each question is a query, asked only where a step needs it.

    Args:
        store: the graph.
        schema: what the labels mean.
        items: those of the live version.
        asked: the users.
        new: whether they are new users, known by the items that they are said to have.
        vectors: of the items.
        popularity: how many target interactions each item has.
    """

    def histories() -> sp.csr_array:
        if new:
            return asked.seen
        targets = [schema.relationships[kind.type] for kind in schema.targets]
        return pair_matrix(store.neighbours(targets, asked.labels), asked.labels, items)

    def attribute(name: str, rows: NDArray[np.int64]) -> sp.csr_array:
        check_attribute(schema, name)
        found = store.neighbours([schema.relationships[name]], items.take(rows))
        values = pc.unique(found["target"]).sort()
        columns = np.asarray(pc.index_in(found["target"], values), np.int64)
        return ones(items.rows(found["source"]), columns, (len(items), max(1, len(values))))

    return Known(asked.labels, lambda: vectors, lambda: popularity().astype(np.float64), histories, attribute)
