"""Commands that make, judge, publish and take back models."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

import graphrec
from graphrec.cli.command import Session, check_writable
from graphrec.cli.output import frame_table, table
from graphrec.cli.plan import Force, planned
from graphrec.errors import ArgumentError, problem
from graphrec.train.trackers import tracked

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from rich.table import Table

    from graphrec.data.dataset import Dataset
    from graphrec.evaluation.evaluation import Evaluation
    from graphrec.models import Model
    from graphrec.publish.version import Version

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
    track: Annotated[
        list[str] | None, typer.Option(help="tensorboard:FOLDER or mlflow:URI: tell it every epoch; may be repeated.")
    ] = None,
    force: Force = False,
) -> None:
    """Fit a model to the graph and save it.

    Held-out interactions decide how many epochs are best; the saved model is then fitted to all data with that
    many. Ctrl-C saves what there is and exits with 130.
    """
    config = session.config
    model = config.model(kind, **model_fields(set_))
    path = out or Path(f"{config.name}.safetensors")
    check_writable("--out", path)
    start = time.perf_counter()
    with session.open() as graph:
        need = planned(graph, [model], force=force)[0].needs["fit"]
        data = graph.dataset()
    session.notes(data.notes)
    counts = {"users": len(data.users), "items": len(data.items), "interactions": int(data.interactions().nnz)}
    described = ", ".join(f"{count:,} {what}" for what, count in counts.items())
    session.notice(f"Fitting {model.kind} to {described}; needs about {need / 1e9:.1f} GB of memory")
    if not getattr(model, "weighted", True) and not all(step.before_split for step in config.prepare):
        session.notice("note: weights of [[prepare]] change nothing here: the model has weighted = false")
    options: dict[str, Any] = {"device": device, "checkpoint": checkpoint, "progress": not session.quiet}
    split = None if no_validation else config.split(data)
    with tracked(track or [], {"kind": model.kind, **model.model_dump()}) as trackers:
        if split is None or split.validation is None:
            fitted = model.fit(data.prepare(config.prepare), callbacks=trackers, **options)
        else:
            options_now = {"validation": split.validation, "metric": config.metric, "callbacks": trackers, **options}
            fitted = model.fit(split.train, **options_now)
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
        "metric": config.metric,
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
    kind: Annotated[
        list[str] | None,
        typer.Option(help="A model to compare; may be repeated; else the configuration's and popularity."),
    ] = None,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", "--metrics", help="A metric, as recall@20; may be repeated.")
    ] = None,
    on: Annotated[
        Literal["test", "validation"] | None,
        typer.Option(
            help="Which held-out part to judge by: validation (the default, where there is one) to choose "
            "models and settings, test to report what was chosen."
        ),
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(help="Figures of groups too: activity, popularity, a property or attribute of users or items."),
    ] = None,
    folds: Annotated[
        int | None, typer.Option(help="Cross-validate with so many folds instead of the configuration's split.")
    ] = None,
    report: Annotated[Path | None, typer.Option(help="Write an HTML report to this file.")] = None,
    device: Device = "auto",
    force: Force = False,
) -> None:
    """Fit models without the held-out part, and compare their lists with it."""
    from graphrec.evaluation.evaluate import DEFAULT_METRICS
    from graphrec.evaluation.groups import grouping
    from graphrec.evaluation.metrics import parse_metrics
    from graphrec.evaluation.ratings import check_rates

    config = session.config
    if report:
        check_writable("--report", report, make=True)
    if folds is not None and on is not None:
        raise ArgumentError(problem("--on", "does not go with --folds, where every pair is a test once", on))
    models = [config.model(each) for each in kind or dict.fromkeys((config.kind, "popularity"))]
    wanted = parse_metrics(metrics or DEFAULT_METRICS)
    for metric in wanted:
        for model in models:
            check_rates(model.kind, model.rates or not metric.power, metric.kind)
    with session.open() as graph:
        planned(graph, models, force=force)
        data = graph.dataset()
    # refuses before anything is fitted, as the metrics above
    if by is not None and grouping(data, by, "--by").of == "item" and not any(metric.k for metric in wanted):
        raise ArgumentError(problem("--by", "needs a metric of lists, such as 'recall@20', to group items", by))
    options: dict[str, Any] = {"metrics": metrics} if metrics else {}
    fitting: dict[str, Any] = {"metric": config.metric, "device": device, "progress": not session.quiet}
    found, history = (
        _judged(session, models, data, on, options, fitting)
        if folds is None
        else (graphrec.cross_validate(models, data, folds, prepare=config.prepare, **options, **fitting), [])
    )
    session.notes(found.notes)
    shown = tables_of(found)
    document: Any = found.frame().to_dict("records")
    if by is not None:
        groups = found.by(by)
        shown.append(frame_table(groups))
        document = {"figures": document, "by": groups.to_dict("records")}
    if report:
        from graphrec.report.page import write_report

        counts = {name: len(t) for tables in (data.nodes, data.edges) for name, t in tables.items()}
        notes = [*data.notes, found.protocol, *found.notes]
        write_report(
            report,
            title=config.name,
            data_summary=counts,
            history=history,
            evaluation=found.frame(),
            comparison=found.compare(),
            notes=notes,
        )
        session.notice(f"Report: {report}")
    session.answer(document, *shown)


def _judged(
    session: Session, models: Sequence[Model], data: Dataset, on: Any, options: Any, fitting: Any
) -> tuple[Evaluation, Any]:
    """Return what the models' lists are worth by the configuration's split, and the first one's training."""
    config = session.config
    split = config.split(data)
    fitted = []
    for model in models:
        session.notice(f"Fitting {model.kind}")
        fitted.append(model.fit(split.train, validation=split.validation, **fitting))
    on = on or ("test" if split.validation is None else "validation")
    return graphrec.evaluate(fitted, split, on=on, **options), fitted[0].history.epochs


def tables_of(found: Evaluation) -> list[Any]:
    """Return what to print of an evaluation."""
    shown: list[Any] = [_upright(found.table()), found.protocol]
    compared = found.comparison_table()
    if len(compared):
        shown += [_upright(compared), found.compared]
    return shown


def _upright(texts: pd.DataFrame) -> Table:
    """Return a table of texts with a line a metric and a column a model."""
    turned = texts.T
    return table(
        ["", *turned.columns],
        ([name, *row] for name, row in zip(turned.index, turned.to_numpy().tolist(), strict=True)),
    )


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
    session.answer(
        found.to_dict("records"), frame_table(found[columns]) if len(found) else "No model is published yet."
    )


def rollback(session: Session, name: Annotated[str, typer.Argument(help="The published model.")]) -> None:
    """Make the previous version live again. Repeated, it undoes itself."""
    with session.open(write=True) as graph:
        version = graph.rollback(name)
    _print_version(session, version, "live again")


def _print_version(session: Session, version: Version, what: str) -> None:
    rows = [
        (name, value)
        for name, value in {**vars(version), "version": version.shown}.items()
        if name not in {"slot", "scale", "lifted", "fingerprint", "minor", "features", "graph"}
    ]
    session.answer(vars(version), table([what, ""], rows))


def model_fields(values: list[str] | None, option: str = "--set") -> dict[str, Any]:
    """Return fields from NAME=VALUE; values are JSON where they read as JSON, else text."""
    fields: dict[str, Any] = {}
    for given in values or []:
        name, separator, value = given.partition("=")
        if not separator or not name:
            raise ArgumentError(problem(option, "must be NAME=VALUE", given))
        fields[name] = json_or_text(value)
    return fields


def json_or_text(value: str) -> Any:
    """Return what a text says as JSON, as a number or a list, or else the text."""
    try:
        return json.loads(value)
    except ValueError:
        return value
