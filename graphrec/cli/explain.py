"""The command that says why somebody is given something."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphrec.cli.command import Session
from graphrec.cli.lists import Model, keys_of
from graphrec.cli.output import table

if TYPE_CHECKING:
    import pandas as pd

PARTS = 5  # of a pair that are shown


def explain(
    session: Session,
    user: Annotated[str, typer.Argument(help="The user's key.", metavar="USER")],
    items: Annotated[
        list[str] | None, typer.Argument(help="The items' keys; the user's first ones unless told.", metavar="ITEM")
    ] = None,
    model: Model = None,
    k: Annotated[int, typer.Option("-k", help="How many first ones.", min=1)] = 3,
) -> None:
    """Say why a user is given items: what of their history brings them, and what both have in common."""
    with session.open() as graph:
        (asked,) = keys_of(graph, graph.schema.user, "user", [user])
        pairs: Any = [(asked, item) for item in keys_of(graph, graph.schema.item, "items", items or [])]
        if not pairs:
            pairs = graph.recommend([asked], k, model=model, rerank=session.config.rerank)
        found = graph.explain(pairs, model=model)
    document = {name: getattr(found, name).to_dict("records") for name in ("words", "parts", "paths")}
    shown = [
        table(["item", "why"], zip(found.words["item"].astype(str), found.words["text"], strict=True), f"{user}")
    ]
    shown += [_parts(item, rows) for item, rows in found.parts.groupby("item", sort=False)]
    session.answer(document, *shown)


def _parts(item: Any, rows: pd.DataFrame) -> Any:
    """Return a table of the parts of one score: the largest, and the sum of the others."""
    own, parts = rows[rows["because"].isna()], rows[rows["because"].notna()]
    lines = [(str(row.because), f"{row.part:.4f}") for row in parts.head(PARTS).itertuples()]
    if len(parts) > PARTS:
        lines.append((f"{len(parts) - PARTS} others", f"{parts['part'][PARTS:].sum():.4f}"))
    lines += [("the user's own part", f"{own['part'].sum():.4f}"), ("score", f"{rows['score'].iloc[0]:.4f}")]
    return table([f"{item} because of", "part"], lines)
