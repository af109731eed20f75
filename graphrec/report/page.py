"""The report: one HTML file that says how good a model is and what it recommends. It loads nothing from anywhere."""

from __future__ import annotations

import math
import os
from datetime import UTC, datetime
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd

from graphrec import __version__
from graphrec.errors import ArgumentError, MissingExtraError, problem
from graphrec.report.figures import COLOURS, map_figure, training_figure

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from graphrec.report.figures import ItemMap


COMPARED = ("model", "baseline", "metric", "difference", "low", "high", "effect", "p_holm")


class Sample(NamedTuple):
    """One user in the report: what they liked, beside what a model recommends to them.

    Attributes:
        user: how the page calls the user.
        liked: titles, best liked first.
        recommended: titles and scores, best first.
    """

    user: str
    liked: Sequence[str]
    recommended: Sequence[tuple[str, float]]


def write_report(
    path: str | Path,
    *,
    title: str,
    data_summary: Mapping[str, object],
    history: Iterable[Any],
    evaluation: pd.DataFrame,
    item_map: ItemMap | None = None,
    samples: Sequence[Sample] = (),
    cypher: str = "",
    notes: Sequence[str] = (),
    comparison: pd.DataFrame | None = None,
) -> Path:
    """Write a self-contained HTML page of about 5 MB; most of it is the chart library.

    Everything given is shown as text: markup in titles or names is never interpreted. A part without data is left
    out. Drawing the map takes a few seconds, see `map_figure`.

    Args:
        path: the file; missing folders are made, an old file is replaced.
        title: the page's heading.
        data_summary: names and figures for the top of the page, such as ``{"Users": 671}``.
        history: one row an epoch, with ``epoch``, ``loss`` and ``validation`` (higher is better, None where it was
            not measured): a frame, or the records of a fit.
        evaluation: rows with ``model``, ``metric``, ``value`` and the interval ``low`` to ``high`` (NaN where there
            is none). The model of the first row is the one that stands out.
        item_map: items to show as points.
        samples: a few users with their lists.
        cypher: the query that gives the same list.
        notes: what a reader must know.
        comparison: rows with ``model``, ``baseline``, ``metric``, ``difference``, ``low``, ``high``, ``effect`` and
            ``p_holm``, as `graphrec.evaluation.evaluation.Evaluation.compare` gives them.

    Returns:
        The path.

    Raises:
        ArgumentError: a frame lacks a column.
        MissingExtraError: the extra ``report`` is not installed.
    """
    epochs = _frame("history", history, ("epoch", "loss", "validation"))
    figures = {}
    if not epochs.empty:
        figures["training"] = training_figure(epochs)
    if item_map is not None and len(item_map.titles):
        figures["map"] = map_figure(item_map)
    return write_page(
        path,
        "page.html",
        title=title,
        summary=data_summary,
        metrics=_metrics(_frame("evaluation", evaluation, ("model", "metric", "value", "low", "high"))),
        comparison=_frame("comparison", [] if comparison is None else comparison, COMPARED).to_dict("records"),
        training=_training(epochs),
        figures=figures,
        drawn=0 if "map" not in figures else sum(len(trace["x"]) for trace in figures["map"]["data"]),
        samples=samples,
        cypher=cypher,
        notes=notes,
    )


def write_page(path: str | Path, template: str, **values: Any) -> Path:
    """Write a page from a template in this folder; its shell takes ``title``, ``summary``, ``figures``, ``notes``.

    Raises:
        MissingExtraError: the extra ``report`` is not installed.
    """
    try:
        from jinja2 import Environment, PackageLoader, StrictUndefined
        from plotly.offline import get_plotlyjs
    except ImportError as error:
        raise MissingExtraError.of("The report", "report") from error

    pages = Environment(
        loader=PackageLoader("graphrec.report", ""),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    pages.filters |= {"number": _number, "figure": _figure, "written": _written}
    text = pages.get_template(template).render(
        **values,
        colours=COLOURS,
        version=__version__,
        made=datetime.now(UTC),
        plotly_js=get_plotlyjs() if values["figures"] else "",
    )
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        part.write_text(text, encoding="utf-8")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return path


def _frame(argument: str, given: Iterable[Any], columns: tuple[str, ...]) -> pd.DataFrame:
    frame = given if isinstance(given, pd.DataFrame) else pd.DataFrame(list(given))
    if frame.empty:
        return pd.DataFrame(columns=list(columns))
    missing = [column for column in columns if column not in frame]
    if missing:
        raise ArgumentError(problem(argument, f"must have the columns {list(columns)}", list(frame.columns)))
    return frame


def _metrics(evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    """Return the metrics in the order of the frame, each with its models and the scale of its bars."""
    first = evaluation["model"].iloc[0] if len(evaluation) else None
    metrics = []
    for name, rows in evaluation.groupby("metric", sort=False):
        top = float(np.nanmax([1e-9, *rows[["value", "high"]].to_numpy(float).ravel()]))
        models = [
            {"name": row.model, "value": row.value, "low": row.low, "high": row.high, "main": row.model == first}
            for row in rows.itertuples()
        ]
        metrics.append({"name": name, "top": top, "models": models})
    return metrics


def _training(epochs: pd.DataFrame) -> dict[str, Any] | None:
    """Return the training in figures, for the sentence beside the curve."""
    if epochs.empty:
        return None
    last = epochs.iloc[-1]
    measured = epochs.dropna(subset="validation")
    best = None if measured.empty else measured.iloc[int(np.argmax(measured["validation"].to_numpy(float)))]
    return {
        "epochs": int(last.epoch),
        "first_loss": epochs["loss"].iloc[0],
        "last_loss": last.loss,
        "best_epoch": None if best is None else int(best.epoch),
        "best": None if best is None else best.validation,
    }


def _number(value: object) -> str:
    """Return a figure as people read it: 100,004 or 0.3128; anything else as its text."""
    if isinstance(value, bool) or not isinstance(value, Real):
        return str(value)
    number = float(value)
    if not math.isfinite(number):
        return "n/a"
    if isinstance(value, Integral) or abs(number) >= 1000:
        return f"{number:,.0f}"
    return f"{number:.3g}" if abs(number) < 0.1 else f"{number:.3f}"


def _written(value: float, form: str) -> str:
    """Return a value in a form such as ``%.2f``; of one user there is no effect and no p."""
    return form % value if math.isfinite(value) else "n/a"


def _figure(value: float, top: float) -> str:
    """Return a value as per cent of a bar's full width."""
    return f"{100 * min(max(value / top, 0), 1):.2f}%" if math.isfinite(value) else "0%"
