"""Exact best-k lists over arrays, by blocks: never users × items.

**Order.** A score is computed in float64 from the float32 vectors. Lists are in order of the score rounded to 6
significant digits, best first, and then of the item's row, which is the order of its key. So scores that differ by
less than the rounding are equal here and in a database, whatever the order in which either adds up. The score that is
returned is not rounded.

**Way.** Scores in float32 (one matrix product a block) find some candidates more than k, which are scored again in
float64. The float32 error is bounded, so it is known whether anything outside the candidates could belong to the
list; where it could (near ties at the end of the list), all items that could are scored in float64 as well.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import ThreadpoolController

from graphrec.errors import ArgumentError, ModelError, check_whole, problem
from graphrec.rank.order import TopK as TopK
from graphrec.rank.order import best_of
from graphrec.rank.scorer import Lister, VectorScorer, scores_of

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.rank.order import Exact
    from graphrec.rank.scorer import Scorer

BLOCK_BYTES = 64 << 20
"""Memory for the float32 scores of one block of users. Up to four blocks, one a core, are worked on at once."""


@dataclass(frozen=True, eq=False)
class ItemVectors:
    """Item vectors that were looked through once, for many calls of `topk_vectors`. Never change them after.

    Attributes:
        vectors: float32 [n, d], all finite.
        peak: the largest absolute value.
    """

    vectors: NDArray[np.float32]
    peak: float

    @classmethod
    def of(cls, vectors: NDArray[np.float32], name: str = "the model") -> ItemVectors:
        """Look through vectors.

        Raises:
            ModelError: one holds NaN or infinity; the message names the model.
        """
        vectors = np.asarray(vectors, np.float32)
        peak = float(max(vectors.max(initial=0), -vectors.min(initial=0)))
        if not np.isfinite(peak):
            raise _not_finite(name)
        return cls(vectors, peak)


def topk_vectors(
    users: NDArray[np.float32],
    items: NDArray[np.float32] | ItemVectors,
    k: int,
    *,
    hidden: sp.csr_array | None = None,
    allowed: NDArray[np.bool_] | None = None,
    cosine: bool = False,
    name: str = "the model",
) -> TopK:
    """Return each user's k best items by inner product, or by cosine.

    Args:
        users: float32 [b, d].
        items: float32 [n, d]; as `ItemVectors` where many calls ask for the same, which saves half of the time of a
            call for one user.
        k: the length of the lists, at least 1; a list is shorter where fewer items are eligible.
        hidden: [b, n], every stored entry is an item that this user must not get.
        allowed: bool [n], the only items that anyone may get.
        cosine: divide by both norms. Items without a direction (zero vectors) are left out, and a user without one
            gets an empty list.
        name: what errors call the model.

    Raises:
        ArgumentError: ``k`` is no whole number above 0, or the shapes do not fit.
        ModelError: a vector holds NaN or infinity.

    Cost: ``2·b·n·d`` flops; `BLOCK_BYTES` for each of up to four threads, and the lists.
    """
    k, users = check_k(k), np.asarray(users, np.float32)
    looked_through = items if isinstance(items, ItemVectors) else ItemVectors.of(items, name)
    items, peak = looked_through.vectors, looked_through.peak
    if users.ndim != 2 or items.ndim != 2 or users.shape[1] != items.shape[1]:
        raise ArgumentError(problem("users", f"must be vectors [b, d] as long as `items` {items.shape}", users.shape))
    user_peaks = np.abs(users).max(axis=1, initial=0)
    if not np.isfinite(user_peaks).all():
        raise _not_finite(name)
    if cosine:
        has_direction = np.asarray(items.any(axis=1))
        allowed = has_direction if allowed is None else allowed & has_direction
    mask = _Mask.of(len(users), len(items), hidden, allowed)
    items = items if mask.columns is None else items[mask.columns]

    if cosine:
        user_norms, item_norms = _norms(users), _norms(items)
        near_users, near_items, peak = _divided(users, user_norms), _divided(items, item_norms), 1.0
        unit = np.ones(len(users))
    else:  # powers of two that bring both sides near 1: no product overflows, and none vanishes that matters
        user_power, item_power = np.frexp(user_peaks)[1], int(np.frexp(peak)[1])
        item_power = item_power if abs(item_power) > 40 else 0
        near_users = np.ldexp(users, -user_power[:, None])
        near_items = np.ldexp(items, -item_power) if item_power else items
        peak = float(np.ldexp(peak, -item_power))
        unit = np.ldexp(1.0, user_power + item_power)
    # |float32 sum − true sum| ≤ d·2⁻²⁴·Σ|u||v| in any order of summation; more for what rounding the input adds
    error = 2.0**-23 * (items.shape[1] + 8) * np.abs(near_users).sum(axis=1, dtype=np.float64) * peak * unit

    def fill(start: int, block: NDArray[np.float32]) -> Exact:
        np.matmul(near_users[start : start + len(block)], near_items.T, out=block)

        def exact(rows: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.float64]:
            wanted = users[start + rows, None].astype(np.float64)
            scores = np.asarray(np.vecdot(items.take(candidates, axis=0).astype(np.float64), wanted), np.float64)
            return scores / (item_norms[candidates] * user_norms[start + rows, None]) if cosine else scores

        return exact

    with _blas().limit(limits=1, user_api="blas"):
        threads = min(4, os.cpu_count() or 1)
        best = _by_blocks(mask, k, fill, depth=items.shape[1], unit=unit, error=error, threads=threads)
    if cosine:
        no_direction = ~users.any(axis=1)
        best.rows[no_direction], best.scores[no_direction] = -1, -np.inf
    return best


def topk_scores(
    scorer: Scorer,
    user_rows: NDArray[np.int64],
    k: int,
    *,
    hidden: sp.csr_array | None = None,
    allowed: NDArray[np.bool_] | None = None,
) -> TopK:
    """Return the k best items of these users by any scorer; see `topk_vectors`.

    Args:
        scorer: the model. Where it has vectors, they are used, and an item whose vector is zero is in no list; where
            it is a `Lister`, its lists are.
        user_rows: int64 [b], rows of ``scorer.users``.
        k: the length of the lists.
        hidden: [b, n_items], row i belongs to ``user_rows[i]``.
        allowed: bool [n_items].

    Raises:
        ArgumentError: ``k`` is no whole number above 0, or the shapes do not fit.
        ModelError: a score is NaN or infinite, or the scores have another shape than [b, n_items].
    """
    k, user_rows = check_k(k), np.asarray(user_rows, np.int64)
    if isinstance(scorer, VectorScorer):
        vectors, name = scorer.user_vectors[user_rows], repr(scorer.name)
        told = np.asarray(scorer.item_vectors.any(axis=1))
        if not told.all():
            allowed = told if allowed is None else allowed & told
        return topk_vectors(vectors, scorer.item_vectors, k, hidden=hidden, allowed=allowed, name=name)
    if isinstance(scorer, Lister):
        return scorer.lists(user_rows, k, hidden=hidden, allowed=allowed)
    n = len(scorer.items)
    mask = _Mask.of(len(user_rows), n, hidden, allowed)

    def fill(start: int, block: NDArray[np.float32]) -> Exact:
        scores = scores_of(scorer, user_rows[start : start + len(block)])
        if not np.isfinite(scores).all():
            raise _not_finite(repr(scorer.name))
        block[:] = scores if mask.columns is None else scores[:, mask.columns]
        return lambda rows, candidates: block[rows[:, None], candidates].astype(np.float64)

    ones = np.ones(len(user_rows))
    return _by_blocks(mask, k, fill, depth=1, unit=ones, error=0 * ones, threads=1)  # a scorer may hold state


def check_k(k: Any) -> int:
    """Return ``k`` where it is a whole number of at least 1.

    Raises:
        ArgumentError: it is not.
    """
    return check_whole("k", k, 1)


@dataclass(frozen=True)
class _Mask:
    """Who may get what, over all items, or over the few ``columns`` that anyone may get."""

    width: int
    columns: NDArray[np.int64] | None
    cap: NDArray[np.float32] | None
    hidden: sp.csr_array | None

    @classmethod
    def of(cls, b: int, n: int, hidden: sp.csr_array | None, allowed: NDArray[np.bool_] | None) -> _Mask:
        if hidden is not None and hidden.shape != (b, n):
            raise ArgumentError(problem("hidden", f"must be of shape {(b, n)}", hidden.shape))
        if allowed is not None and allowed.shape != (n,):
            raise ArgumentError(problem("allowed", f"must be of shape {(n,)}", allowed.shape))
        if allowed is None or allowed.all():
            return cls(n, None, None, hidden)
        if 2 * allowed.sum() > n:
            return cls(n, None, np.where(allowed, np.inf, -np.inf).astype(np.float32), hidden)
        columns = np.flatnonzero(allowed)
        return cls(len(columns), columns, None, None if hidden is None else hidden[:, columns])

    def apply(self, start: int, block: NDArray[np.float32]) -> None:
        if self.cap is not None:
            np.minimum(block, self.cap, out=block)
        if self.hidden is not None:
            ends = self.hidden.indptr[start : start + len(block) + 1]
            rows = np.repeat(np.arange(len(block)), np.diff(ends))
            block[rows, self.hidden.indices[ends[0] : ends[-1]]] = -np.inf

    def widen(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        return rows if self.columns is None else np.where(rows < 0, -1, self.columns[rows])


def _by_blocks(
    mask: _Mask,
    k: int,
    fill: Callable[[int, NDArray[np.float32]], Exact],
    *,
    depth: int,
    unit: NDArray[np.float64],
    error: NDArray[np.float64],
    threads: int,
) -> TopK:
    """Keep the best of each block that ``fill(start, block)`` writes; the rest as in `best_of`."""
    b = len(unit)
    best = TopK.empty(b, k)
    if not b or not mask.width:
        return best
    width = min(k, mask.width)
    height = max(1, min(b, BLOCK_BYTES // (4 * mask.width)))
    free = [np.empty((height, mask.width), np.float32) for _ in range(min(threads, -(-b // height)))]

    def work(start: int) -> None:
        here = slice(start, min(start + height, b))
        memory = free.pop()  # new memory would come page by page, which takes half as long as a product at 64-d
        block = memory[: here.stop - start]
        exact = fill(start, block)
        mask.apply(start, block)
        found = best_of(block, width, depth=depth, unit=unit[here], error=error[here], exact=exact)
        best.rows[here, :width], best.scores[here, :width] = mask.widen(found.rows), found.scores
        free.append(memory)

    starts = range(0, b, height)
    if threads == 1 or len(starts) == 1:
        for start in starts:
            work(start)
    else:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, starts))
    return best


@cache
def _blas() -> ThreadpoolController:
    """Return what can limit BLAS to one thread; finding the library takes milliseconds.

    Blocks on a core each need no barrier. BLAS's own threads wait for each other in every product, which on a busy
    machine costs a time slice of some milliseconds where the product itself takes 0.2 ms.
    """
    return ThreadpoolController()


def _norms(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return lengths, and 1 for zero vectors."""
    norms = np.sqrt(np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64))
    return np.where(norms > 0, norms, 1.0)


def _divided(vectors: NDArray[np.float32], norms: NDArray[np.float64]) -> NDArray[np.float32]:
    return np.divide(vectors, norms[:, None], out=np.empty_like(vectors), casting="same_kind")


def _not_finite(name: str) -> ModelError:
    return ModelError(f"The scores of {name} must be finite. Got NaN or infinity. Fit the model again.")
