"""How time and memory of a fit grow with the graph: a tenth of a million interactions, a million, ten million."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from benchmarks.measure import ROOT, goal
from benchmarks.memory import peak
from benchmarks.synthetic import interactions
from graphrec.models import LightGCN, SoftmaxGCN, Spectral

if TYPE_CHECKING:
    from benchmarks.measure import Bench
    from graphrec.models import Model

SCALES, DIM = (0.1, 1.0, 10.0), 64
CASES = ("spectral", "lightgcn", "softmax-gcn")
STEPS, NEGATIVES = 8, 1024
CLEAR = Path("/proc/self/clear_refs")  # writing 5 makes the peak of the resident set start anew


def run(bench: Bench) -> dict[str, Any]:
    rows: list[dict[str, Any]] = []
    files = [_file(bench.folder / f"growth-{scale:g}.parquet", bench.scale * scale) for scale in SCALES]
    rounds = [  # sizes take turns, so that a machine that slows down does so for all of them
        {(case, file): _in_process(case, file[0]) for case in CASES for file in files} for _ in range(bench.repeats)
    ]
    for case, file in rounds[0]:
        seconds, peak = (
            statistics.median(each) for each in zip(*(found[case, file] for found in rounds), strict=True)
        )
        _, n_users, n_items, n = file
        stated = model_of(case, n_users, n).memory(n_users, n_items, n)
        rows.append(
            {
                "model": case,
                "interactions": n,
                "seconds": round(seconds, 3),
                "µs an interaction": round(1e6 * seconds / n, 3),
                "peak MB": round(peak / 1e6),
                "stated MB": round(stated / 1e6),
                "measured / stated - 1": round(peak / stated - 1, 3),
            }
        )
    goals = []
    for case in CASES:
        costs = [row["µs an interaction"] for row in rows if row["model"] == case]
        goals.append(
            goal(
                f"{case}, an interaction's cost, most against least of three sizes",
                max(costs) / min(costs),
                "x",
                1.3,
                1,
                less=True,
            )
        )
    least = min(row["interactions"] for row in rows)
    off = max(abs(row["measured / stated - 1"]) for row in rows if row["interactions"] > least)
    goals.append(
        goal("distance of a fit's peak from what is stated, the two larger sizes", 100 * off, "%", 20, less=True)
    )
    return {
        "title": "Growth of a fit",
        "goals": goals,
        "tables": {f"Synthetic, skewed, {DIM}-d": rows},
        "notes": [
            f"spectral: a whole fit. lightgcn, softmax-gcn: a fit of one epoch of {STEPS} steps, since with batches "
            "of one size an epoch's steps grow with the graph, and each step goes over all of it; softmax-gcn "
            f"against {NEGATIVES:,} sampled items, its spectral start included. On the CPU.",
            f"{DIM} numbers a vector, to keep ten million interactions to minutes. Medians of rounds in which the "
            "sizes take turns; each figure is taken in a process of its own that fits twice: the memory is that of "
            "the first fit, the time that of the second, since some 0.05 s of a first fit are first uses of matrix "
            "shapes. Memory: the peak of the resident set "
            "while fitting, less what it was with the dataset in memory; stated: Model.memory, which counts ranking "
            "for validation where a model is trained: more than the smallest size needs. Needs Linux.",
        ],
    }


def model_of(case: str, n_users: int, n: int) -> Model:
    """Return the model of a case for so many users and interactions."""
    if case == "spectral":
        return Spectral(dim=DIM)
    if case == "lightgcn":
        return LightGCN(dim=DIM, batch_size=-(-n // STEPS), epochs=1)
    return SoftmaxGCN(dim=DIM, batch_size=-(-n_users // STEPS), negatives=NEGATIVES, epochs=1)


def _file(path: Path, scale: float) -> tuple[Path, int, int, int]:
    frame = interactions(scale).ratings[["user_id", "item_id"]]
    frame.to_parquet(path)
    return path, frame["user_id"].nunique(), frame["item_id"].nunique(), len(frame)


def _in_process(case: str, path: Path) -> tuple[float, int]:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.growth", case, str(path)]
    found = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    return float(found[-2]), int(found[-1])


def main(case: str, path: str) -> None:
    from graphrec import dataset_from_frames

    small = dataset_from_frames(interactions(0.001).ratings[["user_id", "item_id"]])
    model_of(case, len(small.users), 1000).fit(small, device="cpu", progress=False)
    frame = pd.read_parquet(path)
    data = dataset_from_frames(frame)
    model = model_of(case, len(data.users), len(frame))
    del frame
    if CLEAR.exists():
        CLEAR.write_text("5")
    before = peak()
    kept = model.fit(data, device="cpu", progress=False)  # in memory until the peak is read
    grown = peak() - before
    del kept
    began = time.perf_counter()
    model.fit(data, device="cpu", progress=False)
    print(time.perf_counter() - began, grown)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
