"""The command that says beforehand what memory is needed, and the check that other commands begin with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from graphrec.cli.command import Session
from graphrec.cli.output import table

if TYPE_CHECKING:
    from graphrec.data.plan import MemoryPlan
    from graphrec.graph import Graph
    from graphrec.models import Model

REMEDY = (
    "Take a smaller dim or batch_size, another model (`graphrec plan` compares them), a machine with more memory, or "
    "--force to try all the same."
)
Force = Annotated[bool, typer.Option("--force", help="Go on even where memory will not suffice.")]


def plan(
    session: Session,
    kind: Annotated[list[str] | None, typer.Option(help="A model; may be repeated; else all.")] = None,
) -> None:
    """Say what memory each job will need, and whether there is enough. Only counts are read."""
    from graphrec.models import KINDS

    config = session.config
    models = [config.model(each) for each in kind or KINDS]
    with session.open() as graph:
        plans = {model.kind: graph.plan(model) for model in models}
    first = plans[models[0].kind]
    jobs = {job: first.needs[job] for job in ("load", "dataset", "hetero")}
    for name, each in plans.items():
        jobs |= {f"{job} {name}": each.needs[job] for job in ("fit", "topk")}
    rows = [(job, need, need <= first.available) for job, need in jobs.items()]
    counts = {"users": first.users, "items": first.items, "interactions": first.interactions}
    shown = [(job, _size(need), fits) for job, need, fits in rows]
    title = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    session.answer(
        {
            **counts,
            "available": first.available,
            "jobs": [dict(zip(("job", "bytes", "fits"), row, strict=True)) for row in rows],
        },
        f"{title}; {_size(first.available)} free",
        table(["", "needs", "fits"], shown),
    )


def planned(graph: Graph, models: list[Model], *, force: bool) -> list[MemoryPlan]:
    """Return the plans of some models, where all of them fit or ``force`` says so.

    Raises:
        MemoryPlanError: one does not.
    """
    plans = [graph.plan(model) for model in models]
    for model, each in zip(models, plans, strict=True):
        if not force:
            each.require("fit", f"That is for {model.kind!r}. {REMEDY}")
    return plans


def _size(number: float) -> str:
    return f"{number / 1e9:,.2f} GB"
