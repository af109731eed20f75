"""The whole job that suggests people, on each database: a million users with twenty million ties."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.friends_scale import DEGREE, SCHEMA, power_law
from benchmarks.growth import CLEAR
from benchmarks.measure import goal, spread, timed
from benchmarks.memory import peak
from graphrec.friends.needs import job_memory
from graphrec.social.friends import Friends

if TYPE_CHECKING:
    from benchmarks.measure import Bench, Target
    from graphrec.friends.report import Report

USERS, K, READ = 1_000_000, 5, 1000
CONFIG = Friends(by="adamic-adar")


def run(bench: Bench) -> dict[str, Any]:
    n = bench.size(USERS, 300)
    rows, goals = [], []
    for database in bench.databases:
        typer.echo(f"  {database} ...", err=True)
        with ExitStack() as stack:
            row, report = _measured(bench.empty(database, stack, SCHEMA), n, bench.repeats)
        worded = n / (report.seconds["reading"] + report.seconds["learning"] + report.seconds["ranking"])
        of = f"{database}, {USERS:,} users, {USERS * DEGREE // 2:,} ties"
        goals += [
            goal(f"{of}: users to worded lists a second", worded, "/s", 5_000),
            goal(f"{of}: the whole job, written", row["whole job, s"] / 60, "min"),
        ]
        rows.append({"database": database} | row)
    return {
        "title": "The whole job that suggests people",
        "goals": goals,
        "tables": {f"Everybody, lists of {K}, by {CONFIG.by}": rows},
        "notes": [
            "Users to worded lists: everything but the writing. ranking: candidates, scores, and reasons in words. "
            "writing: 200,000 suggestions in a transaction in a graph file, 20,000 on Neo4j. Peak: of the process in "
            "the job, beyond what it was before, without the server's; stated: from counts alone, before the job "
            "begins. Read: with `Graph.friends`, median.",
        ],
    }


def _measured(target: Target, n: int, repeats: int) -> tuple[dict[str, Any], Report]:
    graph, embedded = target.graph, target.name == "ladybug"
    source, target_rows = power_law(n, n * DEGREE // 2)
    ties = len(source)
    nodes = {"User": pd.DataFrame({"id": np.arange(n)})}
    edges = {"FRIEND": pd.DataFrame({"source": source, "target": target_rows})}
    loading = timed(lambda: graph.load(nodes, edges))
    del source, target_rows
    edges.clear()
    if CLEAR.exists():
        CLEAR.write_text("5")
    before, began = peak(), time.perf_counter()
    report = graph.suggest_friends(CONFIG, k=K, progress=_Said(began))
    whole, measured = time.perf_counter() - began, peak() - before
    drawn = np.random.default_rng(0).permutation(n)[:READ].tolist()
    read = graph.friends(drawn, K)
    some = spread([timed(lambda: graph.friends(drawn, K)) for _ in range(repeats)])
    one = spread([timed(lambda user=user: graph.friends([user], K)) for user in drawn[:20]])
    if read.groupby("user").size().max() != K:
        raise SystemExit("The lists that were written are not there.")
    stated = job_memory(CONFIG, n, ties, 0, K, embedded=embedded)
    return _row(report, n, ties) | {
        "loaded in s": round(loading),
        "whole job, s": round(whole, 1),
        "peak MB": round(measured / 1e6),
        "stated MB": round(stated / 1e6),
        "measured / stated - 1": round(measured / stated - 1, 3),
        f"{READ:,} users read, s": round(some["median"], 2),
        "one user read, ms": round(1000 * one["median"], 1),
        "file MB": round(Path(target.place).stat().st_size / 1e6) if embedded else None,
    }, report


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
