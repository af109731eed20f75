"""The command that looks for the best configuration."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from graphrec.cli.command import Session, check_writable
from graphrec.cli.models import Device, model_fields
from graphrec.cli.output import frame_table
from graphrec.cli.plan import Force, planned
from graphrec.errors import ArgumentError, problem

BUDGET = "30m"
SHOWN = 10  # trials in the table


def tune(
    session: Session,
    kind: Annotated[str | None, typer.Option(help="The model; else the configuration's.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A field that stays as it is, as dim=128; may be repeated.")
    ] = None,
    budget: Annotated[
        str | None, typer.Option(help=f"How long: 90s, 30m, 2h; else the configuration's, else {BUDGET}.")
    ] = None,
    trials: Annotated[int | None, typer.Option(help="How many trials at most; else the configuration's.")] = None,
    metric: Annotated[
        str | None, typer.Option(help="What is compared; else the configuration's, else ndcg@20.")
    ] = None,
    study: Annotated[
        Path | None, typer.Option(help="An SQLite file; repeating the command goes on from there.")
    ] = None,
    out: Annotated[Path, typer.Option(help="The configuration file that is written.")] = Path("tuned.toml"),
    seed: Annotated[int, typer.Option(help="Of the sampler.")] = 0,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Look for the model's best configuration, on validation data alone, and write it as a configuration file.

    Each trial fits the model; the first one is the model as it is configured. What is tried stands in the table
    tune.space of the configuration, else the model has its own. Ctrl-C writes the best so far and exits with 130.
    """
    import graphrec
    from graphrec.config import DEFAULT_PATH
    from graphrec.models.space import space_of

    check_writable("--out", out)
    config = session.config
    kept = model_fields(set_)
    model = config.model(kind, **kept)
    given = config.tune.get("space") if kind in (None, config.kind) else None
    space = space_of(model, {name: each for name, each in space_of(model, given).items() if name not in kept})
    wanted = config.tune.get("trials") if trials is None else trials
    text = budget or config.tune.get("budget") or (BUDGET if wanted is None else None)
    seconds = None if text is None else seconds_of(text)
    with session.open() as graph:
        planned(graph, [largest(model, space)], force=force)
        data = graph.dataset()
    split = config.split(data)
    session.notes(split.notes)
    limits = [f"at most {wanted} trials"] if wanted else []
    limits += [f"{seconds:,.0f} s"] if seconds else []
    session.notice(f"Tuning {', '.join(space)} of {model.kind}: {', '.join(limits)}")

    def say(number: int, value: float | None, best: float) -> None:
        session.notice(f"trial {number}: {'ended early' if value is None else f'{value:.4f}'}  best {best:.4f}")

    found = graphrec.tune(
        model,
        split,
        space,
        budget_s=seconds,
        trials=wanted,
        metric=metric or config.tune.get("metric", config.metric),
        study=study,
        seed=seed,
        device=device,
        progress=say,
    )
    source = session.path or (DEFAULT_PATH if DEFAULT_PATH.exists() else None)
    found.to_toml(out, source=source)
    command = ["graphrec", "fit", "-c", str(out)] + (["--url", session.given_url] if session.given_url else [])
    best = found.trials.sort_values("value", ascending=found.metric in ("rmse", "mae"), kind="stable")
    columns = ["trial", "state", "value", "seconds", *space]
    title = f"{found.metric} {found.value:.4f} on validation, {found.stopped}"
    if found.baseline is not None:
        title += f"; as configured {found.baseline:.4f}"
    session.answer(
        {
            "file": out,
            "kind": found.model.kind,
            "options": found.model.model_dump(),
            "metric": found.metric,
            "validation": found.value,
            "baseline": found.baseline,
            "stopped": found.stopped,
            "trials": found.trials.to_dict("records"),
        },
        frame_table(best[columns].head(SHOWN), title),
        f"Written: {out}. Next: {shlex.join(command)}",
    )
    if found.stopped == "interrupted":
        raise typer.Exit(130)


def largest(model: Any, space: Any) -> Any:
    """Return a model with the highest value of each number in a space, which needs the most memory."""
    numbers = {name: [v for v in each.ends if isinstance(v, int | float)] for name, each in space.items()}
    return model.model_copy(update={name: max(values) for name, values in numbers.items() if values})


def seconds_of(text: Any) -> float:
    """Return the seconds of ``"90s"``, ``"30m"``, ``"2h"`` or a plain number.

    Raises:
        ArgumentError: it is none of these, or not above 0.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([smh]?)", str(text).strip())
    seconds = float(match[1]) * {"": 1, "s": 1, "m": 60, "h": 3600}[match[2]] if match else 0.0
    if not seconds:
        raise ArgumentError(problem("budget", "must be a time above 0 such as 90s, 30m or 2h", text))
    return seconds
