"""The report on ties: one HTML file with the table of an analysis, its distributions and a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.report.graph_figures import degree_figure, sample_figure, sizes_figure
from graphrec.report.page import write_page

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from graphrec.social.analysis import Analysis

FACTS = ("users", "ties", "communities", "modularity")


def write_graph_report(
    path: str | Path, analysis: Analysis, *, title: str = "Ties between users", notes: Sequence[str] = ()
) -> Path:
    """Write a self-contained HTML page of about 5 MB; most of it is the chart library.

    Keys and names are shown as text: markup in them is never interpreted. Users who hide their names are shown by
    key. Figures are left out where there are no ties.

    Args:
        path: the file; missing folders are made, an old file is replaced.
        analysis: what `graphrec.social.analysis.analyse` found.
        title: the page's heading.
        notes: what a reader must know, besides the notes of the dataset.

    Returns:
        The path.

    Raises:
        MissingExtraError: the extra ``report`` or ``analysis`` is not installed.
    """
    figures = {}
    if len(analysis.network):
        figures = {
            "degrees": degree_figure(analysis),
            "sizes": sizes_figure(analysis),
            "picture": sample_figure(analysis),
        }
    return write_page(
        path,
        "graph.html",
        title=title,
        summary={name.capitalize(): analysis.values[name] for name in FACTS},
        values=analysis.values,
        hubs=analysis.hubs.to_dict("records"),
        figures=figures,
        picture=figures["picture"]["layout"]["meta"] if figures else None,
        notes=[*analysis.data.notes, *notes],
    )
