"""The unseen top-20 of all users at once: graphrec beside implicit, FAISS, and the matrix products alone."""

from __future__ import annotations

import os
import statistics
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from threadpoolctl import threadpool_limits

from benchmarks.measure import goal, in_turns, ratio, spread
from graphrec import dataset_from_frames
from graphrec.models import Spectral
from graphrec.rank.topk import BLOCK_BYTES, topk_vectors

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from benchmarks.measure import Bench
    from graphrec.data.dataset import Dataset

    Lists = NDArray[np.int64]

K, DIMS = 20, (64, 512)
THREADS = min(4, os.cpu_count() or 1)
OURS, IMPLICIT, FAISS = "graphrec", "implicit", "FAISS IndexFlatIP"
SPLIT, WHOLE = "sgemm alone, one thread a block", "sgemm alone, BLAS's own threads"


def run(bench: Bench) -> dict[str, Any]:
    source, data = interactions_of(bench)
    seen, fitted = data.seen(), Spectral(dim=max(DIMS)).fit(data, device="cpu")
    rows: list[dict[str, Any]] = []
    goals: list[dict[str, Any]] = []
    absent: list[str] = []
    for dim in dict.fromkeys(min(dim, fitted.user_vectors.shape[1]) for dim in DIMS):
        users, items = (np.ascontiguousarray(v[:, :dim]) for v in (fitted.user_vectors, fitted.item_vectors))
        ways: dict[str, Callable[[], Any]] = {OURS: lambda u=users, i=items: topk_vectors(u, i, K, hidden=seen).rows}
        absent = []
        for name, make in ((IMPLICIT, _implicit), (FAISS, _faiss)):
            try:
                ways[name] = make(users, items, seen)
            except ImportError:
                absent.append(name)
        same = {name: _overlap(way(), topk_vectors(users, items, K, hidden=seen).rows) for name, way in ways.items()}
        ways |= {SPLIT: lambda u=users, i=items: _products(u, i, 1), WHOLE: lambda u=users, i=items: _products(u, i)}
        taken = in_turns(ways, bench.repeats)
        bound = min((taken[SPLIT], taken[WHOLE]), key=statistics.median)
        for name in ways:
            rows.append(
                {"dim": dim, "way": name, **spread(taken[name]), "x sgemm": round(ratio(taken[name], bound), 2)}
            )
            rows[-1]["same items as graphrec"] = same.get(name)
        for peer in (name for name in (IMPLICIT, FAISS) if name in ways):
            goals.append(
                goal(f"top-20 of all users, {source}, {dim}-d: {peer} takes", ratio(taken[peer], taken[OURS]), "x", 1)
            )
        share = 100 * ratio(bound, taken[OURS])
        bounds = (65, 80) if dim == max(DIMS) else ()
        goals.append(goal(f"top-20 of all users, {source}, {dim}-d: share of sgemm", share, "%", *bounds))
    return {
        "title": "All users' unseen top-20",
        "goals": goals,
        "tables": {f"Seconds for {len(users):,} users, {len(items):,} items, seen filtered, {THREADS} threads": rows},
        "notes": [
            f"Vectors of Spectral(dim={max(DIMS)}) and their first numbers. All ways take turns and get the same "
            "arrays. sgemm alone: the float32 products of all users and items, block by block into the same memory; "
            "the faster of the two is the bound. Every way's lists are compared with graphrec's, which are exact in "
            "float64; the others rank by float32.",
            "implicit: implicit.cpu.topk.topk with filter_query_items, BLAS on one thread as it asks for. FAISS: the "
            "index is filled before the clock starts; users in buckets by how many items they have seen (up to 8, "
            "16, 32, ...), each bucket searched for 20 + that many, seen items dropped from what comes back.",
            *(f"Not installed and left out: {name}." for name in absent),
        ],
    }


def interactions_of(bench: Bench) -> tuple[str, Dataset]:
    """Return Gowalla's training part at full scale, else a synthetic graph."""
    if bench.gowalla is None or bench.scale != 1:
        return "synthetic", dataset_from_frames(bench.frames.ratings[["user_id", "item_id"]])
    return "Gowalla", dataset_from_frames(pd.read_parquet(bench.gowalla / "train.parquet"))


def _overlap(lists: Lists, exact: Lists) -> float:
    shared = sum(len(np.intersect1d(a[a >= 0], b[b >= 0])) for a, b in zip(lists, exact, strict=True))
    return round(shared / max(int((exact >= 0).sum()), 1), 5)


def _products(users: NDArray[np.float32], items: NDArray[np.float32], blas: int = THREADS) -> None:
    height = max(1, min(len(users), BLOCK_BYTES // (4 * len(items))))
    threads = THREADS if blas == 1 else 1
    free = [np.empty((height, len(items)), np.float32) for _ in range(threads)]

    def product(start: int) -> None:
        block = free.pop()
        part = users[start : start + height]
        np.matmul(part, items.T, out=block[: len(part)])
        free.append(block)

    with threadpool_limits(blas, "blas"), ThreadPoolExecutor(threads) as pool:
        list(pool.map(product, range(0, len(users), height)))


def _implicit(users: NDArray[np.float32], items: NDArray[np.float32], seen: sp.csr_array) -> Callable[[], Lists]:
    from implicit.cpu.topk import topk

    hidden = sp.csr_matrix(seen)

    def lists() -> Lists:
        with threadpool_limits(1, "blas"):
            found, scores = topk(items, users, K, filter_query_items=hidden, num_threads=THREADS)
        return np.where(scores > -1e38, found, -1).astype(np.int64)

    return lists


def _faiss(users: NDArray[np.float32], items: NDArray[np.float32], seen: sp.csr_array) -> Callable[[], Lists]:
    import faiss

    index = faiss.IndexFlatIP(items.shape[1])
    index.add(items)
    faiss.omp_set_num_threads(THREADS)
    degrees, n = np.diff(seen.indptr), len(items)

    def lists() -> Lists:
        codes = np.repeat(np.arange(len(users), dtype=np.int64) * n, degrees) + seen.indices  # ascending
        buckets = np.maximum(np.ceil(np.log2(np.maximum(degrees, 1))), 3).astype(np.int64)
        best = np.full((len(users), K), -1, np.int64)
        for bucket in np.unique(buckets):
            rows = np.flatnonzero(buckets == bucket)
            _, found = index.search(users[rows], min(n, K + int(degrees[rows].max())))
            asked = rows[:, None] * n + found
            known = codes[np.minimum(np.searchsorted(codes, asked), len(codes) - 1)] == asked
            first = np.argsort(known, axis=1, kind="stable")[:, :K]  # the unseen come first, in their order
            chosen = np.where(np.take_along_axis(known, first, 1), -1, np.take_along_axis(found, first, 1))
            best[rows, : chosen.shape[1]] = chosen
        return best

    return lists
