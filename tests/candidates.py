"""Lists of candidates by hand, and what steps of re-ranking may ask of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from graphrec.rank.order import TopK
from graphrec.rank.rerank import Candidates, Known

if TYPE_CHECKING:
    from numpy.typing import NDArray


def drawn(b: int, n: int, d: int, seed: int = 0, *, short: bool = False) -> TopK:
    """Return lists of d of n items with falling scores; with ``short`` some are shorter, down to none."""
    generator = np.random.default_rng(seed)
    rows = np.array([generator.permutation(n)[:d] for _ in range(b)], np.int64).reshape(b, d)
    scores = -np.sort(-generator.normal(3, 2, (b, d)), axis=1)
    if short:
        gone = np.arange(d) >= generator.integers(0, d + 1, b)[:, None]
        rows[gone], scores[gone] = -1, -np.inf
    return TopK(rows, scores)


def knowing(
    b: int,
    *,
    vectors: Any = None,
    popularity: Any = None,
    histories: Any = None,
    attribute: Any = None,
    labels: Any = None,
) -> Known:
    """Return what steps may ask; what is not given must not be asked for."""

    def answer(what: Any) -> Any:
        assert what is not None, "no step was to ask for this"
        return what

    def of_items(name: str, rows: NDArray[np.int64]) -> sp.csr_array:
        kept = np.zeros((len(attribute), 1))
        kept[rows] = 1  # only the rows that were asked for
        return sp.csr_array(np.asarray(answer(attribute), np.float32) * kept)

    return Known(
        pa.array(range(b) if labels is None else labels),
        lambda: np.asarray(answer(vectors), np.float32),
        lambda: np.asarray(answer(popularity), np.float64),
        lambda: sp.csr_array(np.asarray(answer(histories), np.float32)),
        of_items,
    )


def relevance(best: TopK) -> NDArray[np.float64]:
    """Return 1 for the first of each list to 0 for the last, by a loop; 0 where all are alike."""
    found = np.zeros(best.rows.shape)
    for user, (rows, scores) in enumerate(zip(best.rows, best.scores, strict=True)):
        mine = scores[rows >= 0]
        if len(mine) and mine.max() > mine.min():
            found[user, : len(mine)] = (mine - mine.min()) / (mine.max() - mine.min())
    return found


def lists(found: Candidates, k: int | None = None) -> list[list[int]]:
    """Return the rows of each list."""
    return [[int(row) for row in rows[:k] if row >= 0] for rows in found.rows]
