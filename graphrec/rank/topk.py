"""Exact best-k lists over arrays, by blocks: never users × items.

**Order.** A score is computed in float64 from the float32 vectors. Lists are in order of the score rounded to 6
significant digits, best first, and then of the item's row, which is the order of its key. So scores that differ by
less than the rounding are equal here and in a database, whatever the order in which either adds up. The score that is
returned is not rounded.

**Way.** Scores in float32 (one matrix product a block) find ``k + MARGIN`` candidates, which are scored again in
float64. The float32 error is bounded, so it is known whether anything outside the candidates could belong to the
list; where it could (near ties at the end of the list), all items that could are scored in float64 as well.
"""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphrec.errors import ArgumentError, ModelError, problem
from graphrec.rank.scorer import VectorScorer

if TYPE_CHECKING:
    from collections.abc import Callable

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.rank.scorer import Scorer

    Exact = Callable[[NDArray[np.int64], NDArray[np.int64]], NDArray[np.float64]]

BLOCK_BYTES = 64 << 20
"""Memory for the float32 scores of one block of users; a block a thread, at most four threads."""

MARGIN = 12
"""Candidates beyond k that are scored in float64."""


class TopK(NamedTuple):
    """The best items of b users.

    Attributes:
        rows: int64 [b, k], item rows, best first; −1 where a list is shorter than k.
        scores: float64 [b, k]; −inf where a list is shorter than k.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float64]


def topk_vectors(
    users: NDArray[np.float32],
    items: NDArray[np.float32],
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
        items: float32 [n, d].
        k: the length of the lists, at least 1; lists are shorter where fewer items are eligible.
        hidden: [b, n], every stored entry is an item that this user must not get.
        allowed: bool [n], the only items that anyone may get.
        cosine: divide by both norms. Items without a direction (zero vectors) are left out, and a user without one
            gets an empty list.
        name: what errors call the model.

    Raises:
        ArgumentError: ``k`` is no whole number above 0.
        ModelError: a vector holds NaN or infinity.

    Cost: ``2·b·n·d`` flops; memory of `BLOCK_BYTES` and the candidates for each thread.
    """
    users, items = np.asarray(users, np.float32), np.asarray(items, np.float32)
    lengths = [np.ones(len(matrix)) for matrix in (users, items)]
    if cosine:
        lengths = [np.linalg.norm(matrix.astype(np.float64), axis=1) for matrix in (users, items)]
        allowed = lengths[1] > 0 if allowed is None else allowed & (lengths[1] > 0)
    columns = None if allowed is None or allowed.all() else np.flatnonzero(allowed)
    if columns is not None:
        items, lengths[1] = items[columns], lengths[1][columns]

    # powers of two that bring both sides near 1, so that no float32 product overflows or vanishes
    item_peak = max(items.max(initial=0), -items.min(initial=0))
    user_peak = np.abs(users).max(axis=1, initial=0)
    if not (np.isfinite(item_peak) and np.isfinite(user_peak).all()):
        raise _not_finite(name)
    item_scale = -np.frexp(item_peak)[1]
    user_scale = -np.frexp(user_peak)[1]
    fast_items, fast_users = items, np.ldexp(users, user_scale[:, None])
    if cosine:
        fast_items, item_scale = (items / lengths[1][:, None]).astype(np.float32), 0
        with np.errstate(invalid="ignore"):
            fast_users, user_scale = np.nan_to_num(users / lengths[0][:, None]).astype(np.float32), user_scale * 0
    elif abs(item_scale) > 40:
        fast_items = np.ldexp(items, item_scale)
    else:
        item_scale = 0
    peak = max(fast_items.max(initial=0), -fast_items.min(initial=0)) if fast_items is not items else item_peak
    # |float32 sum − exact sum| ≤ d·2⁻²⁴·Σ|u||v|, whatever the order of summation; doubled for rounded input, underflow
    error = 2.0 * (items.shape[1] + 8) * 2.0**-24 * np.abs(fast_users).sum(axis=1, dtype=np.float64) * float(peak)
    unit = np.ldexp(1.0, -(user_scale + item_scale))

    def block_of(start: int, block: NDArray[np.float32]) -> Exact:
        np.matmul(fast_users[start : start + len(block)], fast_items.T, out=block)

        def exact(rows: NDArray[np.int64], candidates: NDArray[np.int64]) -> NDArray[np.float64]:
            found = items[candidates].astype(np.float64)
            scores = np.vecdot(found, users[start + rows, None, :].astype(np.float64))
            if cosine:
                scores = scores / (lengths[1][candidates] * lengths[0][start + rows, None])
            return np.asarray(scores, np.float64)

        return exact

    best = _blocks(len(users), len(items), k, items.shape[1], hidden, columns, error * unit, unit, block_of)
    if cosine and not lengths[0].all():
        best.rows[lengths[0] == 0], best.scores[lengths[0] == 0] = -1, -np.inf
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
        scorer: the model.
        user_rows: int64 [b], rows of ``scorer.users``.
        k: the length of the lists.
        hidden: [b, n_items], aligned with ``user_rows``.
        allowed: bool [n_items].

    Raises:
        ArgumentError: ``k`` is no whole number above 0.
        ModelError: a score is NaN or infinite, or the scores have another shape than [b, n_items].
    """
    user_rows = np.asarray(user_rows, np.int64)
    if isinstance(scorer, VectorScorer):
        vectors = scorer.user_vectors[user_rows]
        options: Any = {"hidden": hidden, "allowed": allowed, "name": repr(scorer.name)}
        return topk_vectors(vectors, scorer.item_vectors, k, **options)
    n = len(scorer.items)
    columns = None if allowed is None or allowed.all() else np.flatnonzero(allowed)

    def block_of(start: int, block: NDArray[np.float32]) -> Exact:
        scores = np.asarray(scorer.score(user_rows[start : start + len(block)]), np.float32)
        if scores.shape != (len(block), n):
            raise ModelError(f"The scores of {scorer.name!r} must be {(len(block), n)}. Got {scores.shape}.")
        if not np.isfinite(scores).all():
            raise _not_finite(repr(scorer.name))
        block[:] = scores if columns is None else scores[:, columns]
        return lambda rows, candidates: block[rows[:, None], candidates].astype(np.float64)

    ones = np.ones(len(user_rows))
    width = n if columns is None else len(columns)
    return _blocks(len(user_rows), width, k, 1, hidden, columns, ones * 0, ones, block_of)


def check_k(k: Any) -> int:
    """Return ``k`` where it is a whole number of at least 1.

    Raises:
        ArgumentError: it is not.
    """
    if isinstance(k, bool) or not isinstance(k, int | np.integer) or k < 1:
        raise ArgumentError(problem("k", "must be a whole number of at least 1", k))
    return int(k)


def order_keys(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Return whole numbers that order scores by their value rounded to 6 significant digits.

    Equal numbers mean equal rounded scores; −0.0 is 0.0; halves round away from zero.
    """
    size = np.abs(np.where(np.isfinite(scores), scores, 0.0))
    exponent = np.floor(np.log10(size, out=np.zeros_like(size), where=size > 0)).astype(np.int64)
    shift = 5 - exponent  # in two steps: 10**shift alone could overflow
    digits = np.floor(size * 10.0 ** (shift // 2) * 10.0 ** (shift - shift // 2) + 0.5).astype(np.int64)
    keys = np.where(digits > 0, (exponent + 400) * 900_000 + digits - 100_000, 0)
    keys = np.where(scores < 0, -keys, keys)
    return np.where(np.isneginf(scores), -(1 << 30), keys)


def _not_finite(name: str) -> ModelError:
    return ModelError(f"The scores of {name} must be finite. Got NaN or infinity. Fit it again with a smaller step.")


def _blocks(
    n_users: int,
    n_items: int,
    k: int,
    depth: int,
    hidden: sp.csr_array | None,
    columns: NDArray[np.int64] | None,
    error: NDArray[np.float64],
    unit: NDArray[np.float64],
    block_of: Callable[[int, NDArray[np.float32]], Exact],
) -> TopK:
    """Fill blocks of scores by ``block_of`` and keep the best of each; ``depth`` is what one exact score reads."""
    k = check_k(k)
    best = TopK(np.full((n_users, k), -1, np.int64), np.full((n_users, k), -np.inf))
    if not n_users or not n_items:
        return best
    if hidden is not None and columns is not None:
        hidden = hidden[:, columns]
    keep = min(n_items, k + MARGIN)
    rows = max(1, min(n_users, BLOCK_BYTES // (4 * n_items + 48 * keep)))

    def work(start: int) -> None:
        block = np.empty((min(rows, n_users - start), n_items), np.float32)
        here = slice(start, start + len(block))
        exact = block_of(start, block)
        if hidden is not None:
            first, last = hidden.indptr[start], hidden.indptr[start + len(block)]
            lengths = np.diff(hidden.indptr[start : start + len(block) + 1])
            block[np.repeat(np.arange(len(block)), lengths), hidden.indices[first:last]] = -np.inf
        found, scores = _best(block, k, keep, depth, error[here], unit[here], exact)
        best.rows[here, : found.shape[1]] = found if columns is None else np.where(found < 0, -1, columns[found])
        best.scores[here, : found.shape[1]] = scores

    starts = range(0, n_users, rows)
    if len(starts) == 1:
        work(0)
    else:
        with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
            list(pool.map(work, starts))
    return best


def _best(
    block: NDArray[np.float32],
    k: int,
    keep: int,
    depth: int,
    error: NDArray[np.float64],
    unit: NDArray[np.float64],
    exact: Exact,
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    candidates, values, bound = _candidates(block, keep)
    users = np.arange(len(block))
    step = max(1, BLOCK_BYTES // (16 * depth * keep))
    scores = np.concatenate([exact(users[i : i + step], candidates[i : i + step]) for i in range(0, len(users), step)])
    scores[np.isneginf(values)] = -np.inf
    rows, scores = _sorted(candidates, scores, k)
    if keep == block.shape[1]:
        return rows, scores
    last = scores[:, -1]
    open_ = ~np.isneginf(bound)
    open_[open_] = order_keys(bound[open_] * unit[open_] + error[open_]) >= order_keys(last[open_])
    for user in np.flatnonzero(open_):
        floor = (last[user] - 1e-5 * abs(last[user]) - error[user]) / unit[user]
        near = np.flatnonzero(block[user] >= floor)[None]
        rows[user], scores[user] = (x[0] for x in _sorted(near, exact(users[user : user + 1], near), k))
    return rows, scores


def _candidates(
    block: NDArray[np.float32], keep: int
) -> tuple[NDArray[np.int64], NDArray[np.float32], NDArray[np.float64]]:
    """Return ``keep`` columns with the highest values of each row, those values, and what no other one exceeds.

    Columns are grouped; the ``keep`` groups with the highest peaks hold the ``keep`` highest values.
    """
    b, n = block.shape
    size = max(1, int(np.sqrt(n / keep)))
    groups = n // size
    peaks = block[:, : groups * size].reshape(b, size, groups).max(axis=1)
    top = np.argpartition(peaks, groups - keep, axis=1)[:, groups - keep :]
    members = (top[:, None, :] + groups * np.arange(size)[:, None]).reshape(b, -1)
    rest = np.broadcast_to(np.arange(groups * size, n), (b, n - groups * size))
    columns = np.concatenate([members, rest], axis=1)
    values = np.take_along_axis(block, columns, axis=1)
    chosen = np.argpartition(values, values.shape[1] - keep, axis=1)[:, values.shape[1] - keep :]
    values = np.take_along_axis(values, chosen, axis=1)
    return np.take_along_axis(columns, chosen, axis=1), values, values.min(axis=1).astype(np.float64)


def _sorted(
    rows: NDArray[np.int64], scores: NDArray[np.float64], k: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    order = np.argsort(-order_keys(scores) * (1 << 32) + rows, axis=1)[:, :k]
    scores = np.take_along_axis(scores, order, axis=1)
    return np.where(np.isneginf(scores), -1, np.take_along_axis(rows, order, axis=1)), scores
