"""Commands that make, judge, publish and take back models."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graphrec.cli.command import Session
from graphrec.cli.output import table
from graphrec.data.plan import memory_estimate
from graphrec.errors import ArgumentError, problem

if TYPE_CHECKING:
    from graphrec.publish.record import Version

METRIC = "ndcg@20"

Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1, mps.")]


def fit(
    session: Session,
    kind: Annotated[str | None, typer.Option(help="The model; else the configuration's.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the model, as dim=128; may be repeated.")
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The model's file; else NAME.safetensors.")] = None,
    no_validation: Annotated[
        bool, typer.Option("--no-validation", help="Train all epochs on all data; nothing is held out.")
    ] = False,
    no_refit: Annotated[
        bool, typer.Option("--no-refit", help="Keep the model that was fitted without the held-out part.")
    ] = False,
    device: Device = "auto",
    checkpoint: Annotated[
        Path | None, typer.Option(help="Go on from this file where it exists, and write it between epochs.")
    ] = None,
) -> None:
    """Fit a model to the graph and save it.

    Held-out interactions decide how many epochs are best; the saved model is then fitted to all data with that
    many. Ctrl-C saves what there is and exits with 130.
    """
    config = session.config
    model = config.model(kind, **_fields(set_))
    path = out or Path(f"{config.name}.safetensors")
    start = time.perf_counter()
    with session.open() as graph:
        data = graph.dataset()
    for note in data.notes:
        session.notice(f"note: {note}")
    counts = {"users": len(data.users), "items": len(data.items), "interactions": int(data.interactions().nnz)}
    need = memory_estimate(*counts.values(), **model.model_dump(include={"dim", "batch_size"}))["fit"]
    described = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    session.notice(f"Fitting {model.kind} to {described}; needs about {need / 1e9:.1f} GB of memory")
    options: dict[str, Any] = {"device": device, "checkpoint": checkpoint, "progress": not session.quiet}
    split = None if no_validation else data.split(config.rule, **config.split_options)
    if split is None or split.validation is None:
        fitted = model.fit(data, **options)
    else:
        fitted = model.fit(split.train, validation=split.validation, metric=METRIC, **options)
    history = fitted.history
    refit = split is not None and not no_refit and not history.interrupted
    if refit:
        session.notice("Fitting again to all data" + (f", {history.best_epoch} epochs" if history.epochs else ""))
        resume = checkpoint and checkpoint.with_name(f"{checkpoint.name}.refit")
        fitted = fitted.refit(data, **options | {"checkpoint": resume})
    fitted.save(path)
    answer = {
        "kind": model.kind,
        "file": path,
        **counts,
        "epochs": len(history.epochs),
        "best_epoch": history.best_epoch,
        "metric": METRIC,
        "validation": history.best_validation,
        "refit": refit,
        "interrupted": history.interrupted or fitted.history.interrupted,
        "seconds": round(time.perf_counter() - start, 1),
        "options": model.model_dump(),
    }
    hidden = {"options", "interrupted"} if history.epochs else {"options", "interrupted", "epochs", "best_epoch"}
    hidden |= set() if history.best_validation is not None else {"metric"}
    rows = [(name, value) for name, value in answer.items() if name not in hidden and value is not None]
    session.answer(answer, table(["fit", ""], rows))
    if answer["interrupted"]:
        raise typer.Exit(130)


def evaluate(
    session: Session,
    kind: Annotated[list[str] | None, typer.Option(help="A model to compare; may be repeated.")] = None,
    metrics: Annotated[list[str] | None, typer.Option(help="A metric, as recall@20; may be repeated.")] = None,
    on: Annotated[Literal["test", "validation"], typer.Option(help="Which held-out part to judge by.")] = "test",
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    device: Device = "auto",
) -> None:
    """Fit models without the held-out part, and compare their lists with it."""
    from graphrec import evaluate as compare

    config = session.config
    models = [config.model(each) for each in kind or dict.fromkeys((config.kind, "popularity"))]
    with session.open() as graph:
        data = graph.dataset()
    split = data.split(config.rule, **config.split_options)
    for note in split.notes:
        session.notice(f"note: {note}")
    fitted = []
    for model in models:
        session.notice(f"Fitting {model.kind}")
        fitted.append(model.fit(split.train, validation=split.validation, device=device, progress=not session.quiet))
    options: dict[str, Any] = {"metrics": metrics} if metrics else {}
    found = compare(fitted, split, on=on, **options)
    wide = found.table().T
    rows = ([metric, *values] for metric, values in zip(wide.index, wide.to_numpy().tolist(), strict=True))
    session.answer(found.frame().to_dict("records"), table(["", *wide.columns], rows), found.protocol)
    if report:
        from graphrec.report.page import write_report

        counts = {name: len(t) for tables in (data.nodes, data.edges) for name, t in tables.items()}
        history, notes = fitted[0].history.epochs, [*data.notes, found.protocol, *found.notes]
        figures = found.frame()
        write_report(report, title=config.name, data_summary=counts, history=history, evaluation=figures, notes=notes)
        session.notice(f"Report: {report}")


def publish(
    session: Session,
    file: Annotated[Path | None, typer.Argument(help="A saved model; else NAME.safetensors.")] = None,
    name: Annotated[str | None, typer.Option(help="The published name; else the configuration's.")] = None,
) -> None:
    """Write a model's vectors into the graph and make them live, all at once."""
    from graphrec import load_model

    name = name or session.config.name
    model = load_model(file or Path(f"{name}.safetensors"))
    with session.open(write=True) as graph, session.bars() as progress:
        version = graph.publish(model, name, progress=progress)
    _print_version(session, version, "published")


def models(session: Session) -> None:
    """List the published models: what is live, and what a rollback would bring."""
    with session.open() as graph:
        found = graph.models()
    columns = ["name", "version", "previous", "rollback", "kind", "dim", "users", "items", "index_recall", "created"]
    rows = found[columns].itertuples(index=False)
    session.answer(found.to_dict("records"), table(columns, rows) if len(found) else "No model is published yet.")


def rollback(session: Session, name: Annotated[str, typer.Argument(help="The published model.")]) -> None:
    """Make the previous version live again. Repeated, it undoes itself."""
    with session.open(write=True) as graph:
        version = graph.rollback(name)
    _print_version(session, version, "live again")


def _print_version(session: Session, version: Version, what: str) -> None:
    rows = [
        (name, value)
        for name, value in vars(version).items()
        if name not in {"slot", "scale", "lifted", "fingerprint"}
    ]
    session.answer(vars(version), table([what, ""], rows))


def _fields(values: list[str] | None) -> dict[str, Any]:
    """Return model fields from NAME=VALUE; values are JSON where they read as JSON, else text."""
    fields: dict[str, Any] = {}
    for given in values or []:
        name, separator, value = given.partition("=")
        if not separator or not name:
            raise ArgumentError(problem("--set", "must be NAME=VALUE", given))
        try:
            fields[name] = json.loads(value)
        except ValueError:
            fields[name] = value
    return fields
