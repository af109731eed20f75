"""The whole job that suggests people, on a graph file: a million users with twenty million ties."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

import graphrec
from benchmarks.friends_scale import DEGREE, SCHEMA, power_law
from benchmarks.growth import CLEAR
from benchmarks.measure import goal, spread, timed
from benchmarks.memory import peak
from graphrec.friends.needs import job_memory
from graphrec.social.friends import Friends

if TYPE_CHECKING:
    from benchmarks.measure import Bench
    from graphrec.friends.report import Report

USERS, K, READ = 1_000_000, 5, 1000
CONFIG = Friends(by="adamic-adar")


def run(bench: Bench) -> dict[str, Any]:
    n = bench.size(USERS, 300)
    source, target = power_law(n, n * DEGREE // 2)
    ties = len(source)
    nodes = {"User": pd.DataFrame({"id": np.arange(n)})}
    edges = {"FRIEND": pd.DataFrame({"source": source, "target": target})}
    place = bench.folder / "people.lbug"
    with graphrec.connect(place, schema=SCHEMA) as graph:
        loading = timed(lambda: graph.load(nodes, edges))
        del source, target
        edges.clear()
        if CLEAR.exists():
            CLEAR.write_text("5")
        before, began = peak(), time.perf_counter()
        report = graph.suggest_friends(CONFIG, k=K, progress=_Said(began))
        whole, measured = time.perf_counter() - began, peak() - before
        drawn = np.random.default_rng(0).permutation(n)[:READ].tolist()
        read = graph.friends(drawn, K)
        some = spread([timed(lambda: graph.friends(drawn, K)) for _ in range(bench.repeats)])
        one = spread([timed(lambda user=user: graph.friends([user], K)) for user in drawn[:20]])
    if read.groupby("user").size().max() != K:
        raise SystemExit("The lists that were written are not there.")
    stated = job_memory(CONFIG, n, ties, 0, K, embedded=True)
    row = _row(report, n, ties) | {
        "loaded in s": round(loading),
        "whole job, s": round(whole),
        "peak MB": round(measured / 1e6),
        "stated MB": round(stated / 1e6),
        "measured / stated - 1": round(measured / stated - 1, 3),
        f"{READ:,} users read, s": round(some["median"], 2),
        "one user read, ms": round(1000 * one["median"], 1),
        "file MB": round(place.stat().st_size / 1e6),
    }
    worded = n / (report.seconds["reading"] + report.seconds["learning"] + report.seconds["ranking"])
    return {
        "title": "The whole job that suggests people",
        "goals": [
            goal(f"{USERS:,} users, 20 M ties, a graph file: users to worded lists a second", worded, "/s", 5_000),
            goal("the whole job, written", whole / 60, "min"),
        ],
        "tables": {f"Everybody, lists of {K}, by {CONFIG.by}": [row]},
        "notes": [
            "Users to worded lists: everything but the writing. ranking: candidates, scores, and reasons in words. "
            "writing: 200,000 suggestions in a transaction. Peak: of the process in the job, beyond what it was "
            "before; stated: from counts alone, before the job begins. Read: with `Graph.friends`, median.",
        ],
    }


def _row(report: Report, n: int, ties: int) -> dict[str, Any]:
    phases = {f"{phase}, s": round(seconds, 1) for phase, seconds in report.seconds.items()}
    written = round(report.suggestions / report.seconds["writing"])
    return {"users": n, "ties": ties, "suggestions": report.suggestions, **phases, "written a second": written}


class _Said:
    """Says how far the job is, every fiftieth time."""

    def __init__(self, began: float) -> None:
        self._began, self._calls = began, 0

    def __call__(self, what: str, done: int, total: int) -> None:
        self._calls += 1
        if self._calls % 50 == 0:
            typer.echo(f"  {done:,} of {total:,} {what}, {time.perf_counter() - self._began:.0f} s", err=True)
