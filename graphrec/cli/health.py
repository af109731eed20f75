"""Commands for the first day and the bad day: demo and doctor."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.text import Text

from graphrec.cli.command import Session
from graphrec.cli.output import console
from graphrec.errors import GraphRecError

_MARKS = {"ok": ("ok  ", "green"), "warn": ("warn", "yellow"), "fail": ("FAIL", "bold red")}


def doctor(session: Session) -> None:
    """Say what is wrong with connection, versions, schema, indexes, models and disk, and what to do about it."""
    from graphrec.doctor.examine import examine
    from graphrec.doctor.finding import Finding

    try:
        findings = examine(session.url, session.config)
    except GraphRecError as error:
        findings = [Finding("configuration", "fail", str(error)), *examine(None, None)]
    lines = []
    for finding in findings:
        mark, style = _MARKS[finding.status]
        lines.append(Text.assemble((mark, style), f"  {finding.name}: {finding.text}"))
        if finding.remedy:
            lines.append(Text(f"      → {finding.remedy}", style="dim" if finding.status == "ok" else ""))
    counts = {status: sum(f.status == status for f in findings) for status in ("fail", "warn")}
    lines.append(
        Text(f"{counts['fail']} failures, {counts['warn']} warnings" if any(counts.values()) else "All is well.")
    )
    session.answer([vars(finding) for finding in findings], *lines)
    if any(finding.status == "fail" for finding in findings):
        raise typer.Exit(1)


def demo(
    session: Session,
    data: Annotated[Path, typer.Option(help="The folder with items.parquet, ratings.parquet, tags.parquet.")] = Path(
        "examples/data/ml-latest-small"
    ),
    out: Annotated[Path, typer.Option(help="Where the graph file and the report go.")] = Path("demo"),
) -> None:
    """Show the whole way on MovieLens: files, graph, model, lists, Cypher, report."""
    from graphrec.demo import tour

    screen = console(stderr=session.json)
    screen.quiet = session.quiet
    summary = tour(data, out, screen)
    if session.json:
        session.answer(summary)
