"""Which node has which value: the columns of a block as relationships."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.data.features import COUNTED

if TYPE_CHECKING:
    import scipy.sparse as sp

    from graphrec.data.features import Block, Described


def values_of(block: Block, nodes: Described) -> sp.csr_array:
    """Return the columns of these nodes without the amount, which is a number and no value, float32 [n, m].

    Raises:
        DataError: the values are not what the kind says.
    """
    return block.encode(nodes)[:, : len(block) - (block.kind in COUNTED)]
