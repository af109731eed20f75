"""The command that says what the ties between users look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.command import Session, check_writable
from graphrec.cli.output import frame_table, table


def graph(
    session: Session,
    report: Annotated[Path | None, typer.Option(help="Write an HTML page with pictures to this file.")] = None,
    communities: Annotated[
        Path | None, typer.Option(help="Write each user's community to this CSV file: key, community.")
    ] = None,
    write: Annotated[
        str | None,
        typer.Option(help="Write each user's community to this property of the users.", metavar="PROPERTY"),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="The property may be there already, from an earlier analysis.")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of the communities.")] = 0,
) -> None:
    """Show what the ties between users look like: degrees, components, clustering, communities, hubs.

    Community 0 is the largest; −1 are users without ties.
    """
    for option, path in (("--report", report), ("--communities", communities)):
        if path is not None:
            check_writable(option, path, make=True)
    with session.open(write=write is not None) as opened, session.bars() as progress:
        found = opened.analyse(seed=seed, write=write, overwrite=overwrite, progress=progress)
    session.notes(found.data.notes)
    shown = [table(["ties between users", ""], found.values.items())]
    if len(found.hubs):
        shown.append(frame_table(found.hubs.astype({"key": str}), "most ties"))
    if write is not None:
        session.notice(f"Communities are in the property {write!r} of the users.")
    if communities is not None:
        found.communities.to_csv(communities, index=False)
        session.notice(f"Communities: {communities}")
    if report is not None:
        from graphrec.report.graph_page import write_graph_report

        write_graph_report(report, found)
        session.notice(f"Report: {report}")
    session.answer(
        {
            "values": found.values,
            "hubs": found.hubs.to_dict("records"),
            "community_sizes": found.community_sizes,
            "written": write,
        },
        *shown,
    )
