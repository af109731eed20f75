"""The command that brings new users and items into a published model."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from graphrec.cli.command import Session
from graphrec.cli.lists import Model
from graphrec.cli.output import frame_table

if TYPE_CHECKING:
    from graphrec.publish.version import Version


def refresh(session: Session, model: Model = None) -> None:
    """Give vectors to users and items that came after the publish, without training."""
    with session.open(write=True) as graph, session.bars() as progress:
        found = graph.refresh(model, progress=progress)
    standby = f"; {found.standby.shown} is on standby" if found.standby else ""
    title = f"{found.version.name} {found.version.shown} is live{standby}"
    document = {
        "version": _document(found.version),
        "standby": None if found.standby is None else _document(found.standby),
        "counts": found.counts.to_dict("records"),
        "notes": list(found.notes),
    }
    shown = frame_table(found.counts, title) if len(found.counts) else f"{title}; nothing is new."
    session.answer(document, shown)


def _document(version: Version) -> dict[str, object]:
    return {**asdict(version), "shown": str(version.shown)}
