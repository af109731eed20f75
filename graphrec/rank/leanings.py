"""To which values of attributes somebody leans: how much more of their history has them than of everybody's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import scipy.sparse as sp

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.schema import Node

PRIOR = 5.0
COLUMNS = ("attribute", "value", "count", "share", "base", "lift", "score")


class Kind(NamedTuple):
    """One kind of attribute, for some who have a history.

    Attributes:
        name: what the kind is called.
        values: what people read of each value, [m].
        counts: how much of each history has the value, [b, m].
        taken: how much of all has it, [m].
        sizes: how long each history is, [b].
        total: how much there is in all.
    """

    name: str
    values: Sequence[Any]
    counts: sp.csr_array
    taken: NDArray[np.int64]
    sizes: NDArray[np.int64]
    total: int


def leanings(
    first: str, keys: Sequence[Any], kinds: Sequence[Kind], k: int, *, telling: bool = False
) -> pd.DataFrame:
    """Return the values to which each one leans most.

    ``share = count / size`` of a history has a value, ``base = taken / total`` of all, and ``lift = share / base``.
    ``score = (count + 5) / (size · base + 5)`` is the lift with five counts as expected added: its mean after the
    data where it is Gamma(5, 5) before (DuMouchel, Bayesian data mining in large frequency tables, The American
    Statistician 1999). A value that is there once scores at most 6/5, however rare it is.

    Args:
        first: the name of the first column.
        keys: what it holds, [b].
        kinds: the attributes.
        k: how many values of each kind.
        telling: put first what tells most, by ``share · log(score)``: its part of the divergence between a history
            and all. Where histories are long, the plain order puts values first that are rare in both.

    Returns:
        The first column and `COLUMNS`: of each kind the highest scores first (or what tells most), then the larger
        count, then the value as text.
    """
    rows: list[tuple[Any, ...]] = []
    for i, key in enumerate(keys):
        for kind in kinds:
            here = slice(kind.counts.indptr[i], kind.counts.indptr[i + 1])
            columns, count = kind.counts.indices[here], kind.counts.data[here].astype(np.float64)
            size, taken = float(kind.sizes[i]), kind.taken[columns]
            share, base = count / size, taken / kind.total  # nothing is divided where a history is empty
            score = (count + PRIOR) / (size * taken / kind.total + PRIOR)
            worth = share * np.log(score) if telling else score
            texts = [str(kind.values[column]) for column in columns]
            order = sorted(range(len(columns)), key=lambda j: (-worth[j], -count[j], texts[j]))
            rows += [
                (
                    key,
                    kind.name,
                    kind.values[columns[j]],
                    int(count[j]),
                    share[j],
                    base[j],
                    share[j] / base[j],
                    score[j],
                )
                for j in order[:k]
            ]
    return pd.DataFrame(rows, columns=[first, *COLUMNS])


def or_keys(names: Iterable[Any], keys: Sequence[Any]) -> list[Any]:
    """Return names, and keys in place of those that are missing or empty."""
    return [key if name is None or name == "" else name for name, key in zip(names, keys, strict=True)]


def names_in(table: NodeTable, node: Node) -> list[Any]:
    """Return what people read of the nodes of a table: the property that the schema names, or the key."""
    keys: list[Any] = table.keys.to_pylist()
    if node.name is None or node.name not in table.properties.column_names:
        return keys
    return or_keys(table.properties[node.name].to_pylist(), keys)
