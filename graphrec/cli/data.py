"""Commands that bring data in and out: load, export, import."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from graphrec.cli.command import Session
from graphrec.cli.output import table
from graphrec.errors import ArgumentError, problem


def load(
    session: Session,
    nodes: Annotated[
        list[str] | None, typer.Option("--nodes", help="LABEL=FILE (.parquet or .csv); may be repeated.")
    ] = None,
    edges: Annotated[list[str] | None, typer.Option("--edges", help="TYPE=FILE; may be repeated.")] = None,
    on_duplicate: Annotated[
        Literal["last", "sum", "max", "raise"], typer.Option(help="What to do with rows of the same key or pair.")
    ] = "last",
    on_missing: Annotated[
        Literal["raise", "create", "skip"], typer.Option(help="What to do with an end that is not in the graph.")
    ] = "raise",
    on_error: Annotated[
        Literal["raise", "skip"], typer.Option(help="What to do with a row that breaks a rule.")
    ] = "raise",
) -> None:
    """Write files into the graph. Repeating a load changes nothing; an interrupted one goes on where it was."""
    files = {"nodes": _named(nodes, "--nodes"), "edges": _named(edges, "--edges")}
    if not files["nodes"] and not files["edges"]:
        raise ArgumentError("There is nothing to load. Give --nodes LABEL=FILE or --edges TYPE=FILE.")
    with session.open(write=True, new=True) as graph, session.bars() as progress:
        report = graph.load(
            files["nodes"],
            files["edges"],
            on_duplicate=on_duplicate,
            on_missing=on_missing,
            on_error=on_error,
            progress=progress,
        )
    columns = ["", "read", "written", "merged", "skipped", "seconds"]
    rows = [(r.name, r.read, r.written, r.merged, sum(r.skipped.values()), round(r.seconds, 1)) for r in report.rows]
    reasons = [f"{r.name}: {count:,} skipped: {reason}" for r in report.rows for reason, count in r.skipped.items()]
    session.answer([vars(row) for row in report.rows], table(columns, rows), *reasons)


def export(session: Session, folder: Annotated[Path, typer.Argument(help="A folder that is new or empty.")]) -> None:
    """Write the graph and its live models to Parquet files."""
    with session.open() as graph:
        counts = graph.export(folder)
    session.answer({"folder": folder, "rows": counts}, table(["written", "rows"], counts.items(), str(folder)))


def import_(session: Session, folder: Annotated[Path, typer.Argument(help="What `graphrec export` wrote.")]) -> None:
    """Read what `graphrec export` wrote into this graph, and publish its models."""
    with session.open(write=True, new=True) as graph, session.bars() as progress:
        counts = graph.import_(folder, progress=progress)
    session.answer({"folder": folder, "rows": counts}, table(["read", "rows"], counts.items(), str(folder)))


def _named(values: list[str] | None, option: str) -> dict[str, Path]:
    """Return files by the name before the last ``=`` that leaves a path: labels may hold anything."""
    files: dict[str, Path] = {}
    for value in values or []:
        name, separator, path = value.partition("=")
        if not separator or not name or not path:
            raise ArgumentError(problem(option, "must be NAME=FILE", value))
        if name in files:
            raise ArgumentError(problem(option, "must name each label or type once", name, "Join the files first."))
        files[name] = Path(path)
    return files
