"""How much memory a graph will need, from counts alone."""

from __future__ import annotations

import os

FIXED = 80_000_000  # database, threads and allocator, beyond what imports take
BATCH = 1_000_000  # the most rows that a load holds at once
POOL = 1 << 30  # the most that an embedded file keeps of its pages
RANKING = 125_000_000  # a block of scores with its candidates, on each of up to four threads


def memory_estimate(
    n_users: int, n_items: int, n_interactions: int, *, dim: int = 64, batch_size: int = 8192, columns: int = 4
) -> dict[str, int]:
    """Return the peak memory in bytes of each job on an embedded file, beyond Python and its imports.

    With n interactions of c columns of 8 bytes (both ends, and weight and time where the schema names them), and T
    the bytes of one table of vectors, ``4 · dim · (n_users + n_items)``:

    * ``"load"``: 200 bytes a row for the rows held at once, at most a million of them, and 85 n for pages of the
      file, at most 1 GiB;
    * ``"dataset"``: 4 · 8 c n: the database's result, its Arrow columns, and two copies while rows are renumbered;
    * ``"hetero"``: that, and 56 n for tensors in both directions;
    * ``"fit"``: 5 · 8 c n for the graph and its training part; 100 n for matrices, propagation and sampling; 6 T for
      the table, gradient, Adam, best state and products; and the larger of a batch's vectors and the blocks of
      scores by which validation ranks, one on each core up to four.

    Each has a fixed part besides. Within a quarter of what ``benchmarks/memory.py`` measures at one and at five
    million interactions. A read of Neo4j also holds up to half a million relationships as Python objects.

    Args:
        n_users: nodes of the user label.
        n_items: nodes of the item label.
        n_interactions: relationships.
        dim: length of the vectors.
        batch_size: pairs a training step.
        columns: c.
    """
    row = 8 * columns * n_interactions
    table = 4 * dim * (n_users + n_items)
    batch = 4 * 3 * 4 * dim * min(batch_size, n_interactions)
    ranking = RANKING * min(4, os.cpu_count() or 1)
    return {
        "load": FIXED + 200 * min(n_interactions, BATCH) + min(85 * n_interactions, POOL),
        "dataset": FIXED + 4 * row,
        "hetero": FIXED + 4 * row + 56 * n_interactions,
        "fit": FIXED + 5 * row + 100 * n_interactions + 6 * table + max(batch, ranking),
    }
