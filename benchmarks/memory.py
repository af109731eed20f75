"""Peak memory of loading, reading, exporting and fitting, at one size and at five times that size.

Each case is a process of its own. Counted is the peak of the resident set less what it was after all imports.
"""

from __future__ import annotations

import re
import resource
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.measure import ROOT, goal
from benchmarks.synthetic import SCHEMA, interactions
from graphrec.data.plan import memory_estimate

if TYPE_CHECKING:
    from benchmarks.measure import Bench

GROWTH = 5
CASES = ("load", "dataset", "hetero", "fit", "topk")
BATCH = 131_072  # of the fit: an epoch of 5 M interactions with the default batch takes half an hour on two cores
EPOCHS, DIM = 3, 64


def run(bench: Bench) -> dict[str, Any]:
    rows, peaks, worst = [], {}, 0.0
    for times in (1, GROWTH):
        folder = bench.folder / f"memory-{times}"
        counts = _files(folder, bench.scale * times)
        n, stated = counts[-1], memory_estimate(*counts, dim=DIM, batch_size=BATCH)
        for case in CASES:
            peak = peaks[case, times] = _in_process(case, folder)
            error = peak / stated[case] - 1
            worst = max(worst, abs(error))
            rows.append(
                {
                    "case": case,
                    "interactions": n,
                    "peak MB": round(peak / 1e6),
                    "stated MB": round(stated[case] / 1e6),
                    "measured / stated - 1": round(error, 3),
                    "bytes an interaction": round(peak / n),
                }
            )
    growth = [{"case": case, "growth": round(peaks[case, GROWTH] / peaks[case, 1], 2)} for case in CASES]
    return {
        "title": "Peak memory",
        "goals": [
            goal(
                f"largest growth of a peak from n to {GROWTH} n interactions",
                max(r["growth"] for r in growth),
                "x",
                GROWTH * 1.25,
                GROWTH,
                less=True,
            ),
            goal("largest distance of a peak from what is stated beforehand", worst * 100, "%", 25, less=True),
        ],
        "tables": {"Peaks on Ladybug": rows, f"Growth from n to {GROWTH} n": growth},
        "notes": [
            "load: Parquet files into a new graph file. dataset: graph.dataset(). hetero: that, and .hetero() of it. "
            f"topk: graph.dataset(), then lists of 20 for all users from vectors of {DIM} numbers. "
            f"fit: graph.dataset(), a random split, LightGCN of {EPOCHS} epochs with a batch of {BATCH:,} and "
            "validation after each. Stated beforehand: graphrec.data.plan.memory_estimate, from counts alone.",
        ],
    }


def _files(folder: Path, scale: float) -> tuple[int, int, int]:
    folder.mkdir(parents=True)
    frames = interactions(scale)
    for name, frame in {**frames.nodes, **frames.edges}.items():
        frame.to_parquet(folder / f"{name}.parquet", row_group_size=100_000)
    return len(frames.nodes["User"]), len(frames.nodes["Item"]), len(frames.ratings)


def _in_process(case: str, folder: Path) -> int:
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", case, str(folder)]
    return int(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True).stdout.split()[-1])


def peak() -> int:
    """Return the peak of this process's resident set, bytes.

    On Linux from /proc: `getrusage` there begins with the peak of the process that started this one.
    """
    status = Path("/proc/self/status")
    if status.exists():
        found = re.search(r"VmHWM:\s+(\d+) kB", status.read_text())
        return int(found[1]) * 1024 if found else 0
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit


def main(case: str, folder: Path) -> None:
    if case in ("hetero", "fit", "topk"):
        import torch
        import torch_geometric.data  # noqa: F401  imports are not counted

        from graphrec.models import LightGCN, Random

        torch.ones(1, requires_grad=True).sum().backward()  # starts the threads of autograd
        torch.optim.Adam([torch.ones(1, requires_grad=True)], fused=True)
    import pyarrow.dataset
    import pyarrow.parquet  # noqa: F401  likewise

    import graphrec.graph
    import graphrec.store.ladybug

    before = peak()
    with graphrec.connect(folder / "graph.lbug", schema=SCHEMA) as graph:
        if case == "load":
            nodes = {label: folder / f"{label}.parquet" for label in ("User", "Item")}
            graph.load(nodes, {"RATED": folder / "RATED.parquet"})
        else:
            data = graph.dataset()
            if case == "hetero":
                kept = data.hetero()  # noqa: F841  in memory until the peak is read
            if case == "topk":
                random = Random(dim=DIM).fit(data)
                lists = graphrec.recommend(random, data, data.users.keys, k=20)  # noqa: F841  likewise
            if case == "fit":
                split = data.split("random")
                model = LightGCN(dim=DIM, batch_size=BATCH, epochs=EPOCHS, eval_every=1)
                model.fit(split.train, validation=split.validation, device="cpu", progress=False)
    print(peak() - before)


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]))
