"""New users: folded in by a handful of items, against a model that was fitted again with them."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.measure import goal, spread
from benchmarks.synthetic import interactions
from graphrec import dataset_from_frames, evaluate
from graphrec.models import Fusion, Popularity
from graphrec.rank.topk import topk_vectors

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.measure import Bench
    from graphrec import Dataset
    from graphrec.data.split import Split
    from graphrec.models import FittedVectors

KEPT, EACH, LEAST = (3, 5, 10), 1000, 15
METRICS = ("ndcg@20", "recall@20")
REFITTED, FOLDED = "fitted again with them", "fitted without them, folded in"


def run(bench: Bench) -> dict[str, Any]:
    name, data = _data(bench)
    split, groups = thinned(data, bench.size(EACH, 10))
    model = Fusion() if bench.scale == 1 else Fusion(parts=({"kind": "spectral", "dim": 16},))
    new = np.concatenate(list(groups.values()))
    seconds, fitted = {}, {}
    for what, known in ((REFITTED, split.train), (FOLDED, without(split.train, new))):
        began = time.perf_counter()
        fitted[what] = model.fit(known, progress=False)
        seconds[what] = time.perf_counter() - began
    matrix = split.train.interactions()
    histories = [matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]].astype(np.int64) for row in new]
    fitted[FOLDED] = _folded_in(fitted[FOLDED], split.train, new, histories)
    fitted["most popular"] = Popularity().fit(split.train)
    rows, goals = [], []
    for kept, members in groups.items():
        found = evaluate(fitted, split, METRICS, users=split.train.users.take(members).to_pylist())
        values = {(row.model, row.metric): row for row in found.figures.itertuples()}
        compared = found.compare(REFITTED).set_index(["model", "metric"])
        for each in fitted:
            row: dict[str, Any] = {"items kept": kept, "users": len(members), "model": each}
            for metric in METRICS:
                value, against = values[each, metric], values[REFITTED, metric].value
                row |= {metric: round(value.value, 4), f"{metric}, share": round(value.value / max(against, 1e-9), 4)}
                if each != REFITTED:
                    low, high = (
                        1 + compared.loc[(each, metric), end] / max(against, 1e-9) for end in ("low", "high")
                    )
                    row[f"{metric}, share, 95 %"] = f"{low:.3f} to {high:.3f}"
            rows.append(row)
        share = values[FOLDED, METRICS[0]].value / max(values[REFITTED, METRICS[0]].value, 1e-9)
        goals.append(goal(f"{name}, {kept} items: NDCG@20 of {FOLDED} / {REFITTED}", share, "x", 0.98, 1.0))
    taken = _times(fitted[FOLDED], histories, bench.repeats)
    goals.append(goal(f"{name}: folding one user in, ms", taken["fold-in"]["median"], "ms", 2.0, less=True))
    goals.append(
        goal(f"{name}: folding one user in and ranking all items, ms", taken["with its list"]["median"], "ms")
    )
    return {
        "title": "New users by fold-in",
        "goals": goals,
        "tables": {f"{name}: lists of new users": rows, "One user, ms": [{"what": k, **v} for k, v in taken.items()]},
        "notes": [
            f"{bench.size(EACH, 10):,} users each, drawn from those with at least {LEAST} items, keep 3, 5 or 10 of "
            "them at random; the rest is to be found, and there is no validation part. The default model, with "
            f"nothing chosen: {model!r}. Fits: "
            + ", ".join(f"{what} {value:.0f} s" for what, value in seconds.items())
            + ".",
            "Share: of the figure of the model that was fitted again; intervals are paired bootstraps over users.",
        ],
    }


def thinned(data: Dataset, each: int, seed: int = 0) -> tuple[Split, dict[int, NDArray[np.int64]]]:
    """Return a split in which some users keep 3, 5 or 10 items, and the rows of these users."""
    matrix = data.interactions()
    generator, counts = np.random.default_rng(seed), np.diff(matrix.indptr)
    drawn = generator.permutation(np.flatnonzero(counts >= LEAST))[: each * len(KEPT)]
    groups = {kept: np.sort(drawn[i :: len(KEPT)]) for i, kept in enumerate(KEPT)}
    users, items = [], []
    for kept, members in groups.items():
        for row in members:
            had = generator.permutation(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]])[kept:]
            users.append(np.full(len(had), row))
            items.append(had)
    test = pd.DataFrame(
        {"user_id": data.users.take(np.concatenate(users)), "item_id": data.items.take(np.concatenate(items))}
    )
    return data.split("given", test=test), groups


def without(data: Dataset, users: NDArray[np.int64]) -> Dataset:
    """Return the data without the interactions of some users."""
    kept = {kind.type: data.edges[kind.type] for kind in data.schema.interactions}
    return data.with_edges({name: edge.select(~np.isin(edge.source_rows, users)) for name, edge in kept.items()})


def _folded_in(
    fitted: FittedVectors, data: Dataset, users: NDArray[np.int64], histories: list[NDArray[np.int64]]
) -> FittedVectors:
    vectors = fitted.user_vectors.copy()
    vectors[users] = fitted.fold_in(histories)
    return replace(fitted, user_vectors=vectors, fingerprint=data.fingerprint)


def _times(fitted: FittedVectors, histories: list[NDArray[np.int64]], repeats: int) -> dict[str, dict[str, Any]]:
    """Return how long one user takes, in ms."""
    fold, rank = [], []
    for history in histories[: 100 * repeats]:
        began = time.perf_counter()
        vector = fitted.fold_in([history])
        fold.append(1000 * (time.perf_counter() - began))
        topk_vectors(vector, fitted.item_vectors, 20)
        rank.append(1000 * (time.perf_counter() - began))
    return {
        name: {key: value for key, value in spread(taken).items() if key != "all"}
        for name, taken in (("fold-in", fold), ("with its list", rank))
    }


def _data(bench: Bench) -> tuple[str, Dataset]:
    if bench.gowalla and bench.scale == 1:
        parts = [
            pd.read_parquet(bench.gowalla / f"{part}.parquet")[["user_id", "item_id"]] for part in ("train", "test")
        ]
        return "Gowalla", dataset_from_frames(pd.concat(parts, ignore_index=True))
    rated = interactions(min(bench.scale, 1.0)).ratings
    return "synthetic", dataset_from_frames(
        rated.rename(columns={rated.columns[0]: "user_id", rated.columns[1]: "item_id"})
    )
