"""Measure graphrec on this machine: ``python -m benchmarks``, or ``make bench ARGS="--only load"``."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import warnings
from importlib import import_module
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.measure import ROOT, Bench, write
from benchmarks.page import page

NAMES = ("snapshot", "load", "publish", "topk", "batch_topk", "index_recall", "memory", "growth", "quality")
NAMES += ("friends_tastes", "friends_ranking", "friends_scale", "fold_in", "behaviours", "cold_items")
NAMES += ("hybrids", "heterogeneous", "friends_job")
PAPER = ("lightgcn_paper", "lightgcn_paper_all")  # what lightgcn_paper.py writes, which takes hours
STEP = "lightgcn_step"  # a program of its own, always at full size
RESULTS = Path(__file__).parent / "results"
CACHE = Path(tempfile.gettempdir()) / "graphrec-bench"

app = typer.Typer(add_completion=False)


@app.command()
def main(
    only: Annotated[
        list[str] | None, typer.Option(help=f"One of {', '.join([*NAMES, STEP])}; may be repeated.")
    ] = None,
    scale: Annotated[
        float, typer.Option(help="1 is a million interactions; another scale goes to its own folder.")
    ] = 1.0,
    repeats: Annotated[int, typer.Option(min=1, help="How often each figure is taken; medians are shown.")] = 3,
    data: Annotated[Path | None, typer.Option(envvar="GRAPHREC_DATA", help="Holds the data sets.")] = None,
    neo4j: Annotated[bool, typer.Option(help="Start Neo4j servers and measure them too.")] = True,
    cache: Annotated[Path, typer.Option(help="Keeps trained models between runs.")] = CACHE,
    out: Annotated[Path | None, typer.Option(help="For the results; else benchmarks/results, or results.")] = None,
) -> None:
    """Run the benchmarks and write one JSON each and a page with all tables."""
    warnings.filterwarnings("ignore", category=FutureWarning, module="torch")
    unknown = set(only or ()).difference([*NAMES, STEP])
    if unknown:
        raise typer.BadParameter(f"--only takes {', '.join([*NAMES, STEP])}, not {', '.join(sorted(unknown))}.")
    folder = out or (RESULTS if scale == 1 and neo4j else ROOT / "results")
    gowalla = data / "gowalla_lightgcn" if data and (data / "gowalla_lightgcn").is_dir() else None
    given = [argument if "/" not in argument else "DIR" for argument in sys.argv[1:]]
    command = " ".join(["python -m benchmarks", *given])
    with Bench(scale, repeats, gowalla, neo4j, cache, data) as bench:
        for name in only or NAMES:
            if name != STEP:
                typer.echo(f"{name} ...", err=True)
                report = write(folder, name, bench, import_module(f"benchmarks.{name}").run, command)
                for figure in report["goals"]:
                    typer.echo(f"  {figure['what']}: {figure['value']:g} {figure['unit']}")
    if STEP in only if only else scale == 1:
        _step(gowalla, repeats)
    reports = {path.stem: json.loads(path.read_text()) for path in folder.glob("*.json")}
    text = page([reports[name] for name in (*NAMES, *PAPER) if name in reports], reports.get(STEP))
    (folder / "README.md").write_text(text, encoding="utf-8")
    typer.echo(f"Tables: {folder / 'README.md'}", err=True)


def _step(gowalla: Path | None, repeats: int) -> None:
    options = ["--gowalla", str(gowalla)] if gowalla else []
    env = {key: value for key, value in os.environ.items() if key != "GRAPHREC_DATA"}
    program = str(Path(__file__).with_name(f"{STEP}.py"))
    subprocess.run([sys.executable, program, *options, "--repeats", str(repeats)], check=True, env=env)


if __name__ == "__main__":
    app()
