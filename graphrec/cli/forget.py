"""The command that forgets users."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from graphrec.cli.command import Session
from graphrec.cli.lists import keys_of
from graphrec.cli.output import frame_table
from graphrec.errors import ArgumentError


def forget(
    session: Session,
    users: Annotated[list[str], typer.Argument(help="The users' keys.", metavar="USER")],
    saved: Annotated[
        list[Path] | None,
        typer.Option(help="A file or folder to search for the users: models, exports, tables; may be repeated."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    missing_ok: Annotated[bool, typer.Option("--missing-ok", help="Users may be gone already.")] = False,
) -> None:
    """Remove users from the graph with all that it holds of them, and say what still holds them elsewhere."""
    with session.open(write=True) as graph, session.bars() as progress:
        keys = keys_of(graph, graph.schema.user, "users", users)
        _agree(session, len(keys), yes=yes)
        report = graph.forget(keys, saved=saved or [], missing_ok=missing_ok, progress=progress)
    document = {
        "users": report.users,
        "gone": report.gone,
        "removed": report.removed.to_dict("records"),
        "models": [vars(version) for version in report.models],
        "held": [each._asdict() for each in report.held],
        "unread": report.unread,
    }
    session.answer(document, frame_table(report.removed.astype({"user": str})), *report.notes)


def _agree(session: Session, count: int, *, yes: bool) -> None:
    if yes:
        return
    if session.json or not sys.stdin.isatty():
        raise ArgumentError(
            "Forgetting cannot be undone, and nobody can be asked here. Give --yes. Nothing was removed."
        )
    typer.confirm(f"Remove {count:,} users with everything the graph holds of them?", abort=True, err=True)
