"""The two drawings of the report, as plain Plotly figures; the page gives them their colours."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np
from threadpoolctl import threadpool_limits

from graphrec.errors import ArgumentError, MissingExtraError, problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

Projection = Literal["tsne", "pca"]

BEFORE_TSNE = 50  # numbers of a vector, by PCA
DRAWN = 2_000  # more points hide one another, and t-SNE takes longer than a reader waits
# Chosen for the largest least distance in OKLab under normal vision, protanopia and deuteranopia, at 3:1 against
# the page. Each group also has its own symbol.
COLOURS = {
    "light": ("#4791f0", "#ba8616", "#2c7143", "#721405", "#8e3db7", "#213a71", "#858b95"),
    "dark": ("#3e71e9", "#fae91d", "#4ec653", "#ae6704", "#d593fc", "#84edfd", "#7d8590"),
}
SYMBOLS = ("circle", "square", "diamond", "triangle-up", "cross", "star", "circle-open")


class ItemMap(NamedTuple):
    """Items to draw as points, best known first: the first 2,000 are drawn.

    Attributes:
        titles: what a point says of itself, [n].
        groups: one name an item, such as its main genre, [n]. The six largest get colours.
        vectors: float32 [n, d].
    """

    titles: Sequence[str]
    groups: Sequence[str]
    vectors: NDArray[np.float32]


def training_figure(epochs: pd.DataFrame) -> dict[str, Any]:
    """Return loss over epochs, and below it the validation with its best epoch marked, on one epoch axis."""
    x = [int(epoch) for epoch in epochs["epoch"]]
    measured = epochs.dropna(subset="validation")
    line = {"type": "scatter", "mode": "lines+markers"}
    data: list[dict[str, Any]] = [
        {**line, "x": x, "y": _finite(epochs["loss"]), "name": "Loss", "yaxis": "y2", "meta": {"colour": 0}}
    ]
    if len(measured):
        best = measured.iloc[int(np.argmax(measured["validation"].to_numpy(float)))]
        y = _finite(measured["validation"])
        data.append({**line, "x": [int(e) for e in measured["epoch"]], "y": y, "name": "Validation"})
        data[-1]["meta"] = {"colour": 2}
        mark = {"x": [int(best["epoch"])], "y": [float(best["validation"])], "name": "Best"}
        data.append({"type": "scatter", "mode": "markers", **mark, "meta": {"colour": 2, "ring": True}})
    layout = {
        "xaxis": {
            "title": {"text": "Epoch", "standoff": 8},
            "anchor": "y" if len(measured) else "y2",
            "rangemode": "tozero",
        },
        "yaxis": {"title": {"text": "Validation"}, "domain": [0, 0.45], "visible": len(measured) > 0},
        "yaxis2": {"title": {"text": "Loss"}, "domain": [0.55, 1] if len(measured) else [0, 1]},
        "hovermode": "x unified",
        "margin": {"l": 64, "b": 52},
        "showlegend": False,
    }
    return {"data": data, "layout": layout}


def map_figure(items: ItemMap, by: Projection = "tsne", seed: int = 0) -> dict[str, Any]:
    """Return the items in two dimensions, one trace a group.

    ``"tsne"`` (over cosine, after a PCA to 50 numbers) shows near vectors as near points; it takes about five seconds
    for 2,000 items on two cores. ``"pca"`` shows the two directions in which vectors of length 1 differ most;
    ``layout.meta.explained`` is their share of the variance. The same vectors and seed give the same picture.

    Raises:
        ArgumentError: titles, groups and vectors are not of one length, a vector is not finite, or ``by`` is neither.
        MissingExtraError: scikit-learn is not installed.
    """
    if by not in ("tsne", "pca"):
        raise ArgumentError(problem("by", "must be 'tsne' or 'pca'", by))
    if not len(items.titles) == len(items.groups) == len(items.vectors):
        sizes = [len(items.titles), len(items.groups), len(items.vectors)]
        raise ArgumentError(problem("item_map", "must have as many titles and groups as vectors", sizes))
    if bad := int((~np.isfinite(items.vectors[:DRAWN]).all(axis=1)).sum()):
        raise ArgumentError(problem("item_map", "must have finite vectors", f"{bad} others", "Leave them out."))
    groups = [str(group) for group in items.groups[:DRAWN]]
    places, explained = _project(np.asarray(items.vectors[:DRAWN], np.float32), by, seed)
    meta = {} if explained is None else {"meta": {"explained": explained}}
    return {"data": grouped_points(places, groups, items.titles), "layout": {**plain_layout(), **meta}}


def grouped_points(places: NDArray[np.float64], groups: Sequence[str], titles: Sequence[str]) -> list[dict[str, Any]]:
    """Return points [n, 2] as one trace a group: the six largest groups have colours, the rest is "Other"."""
    largest = [name for name, _ in Counter(groups).most_common(len(SYMBOLS) - 1)]
    of_group = np.array([largest.index(group) if group in largest else len(largest) for group in groups])
    data = []
    for number in [len(largest), *range(len(largest))]:  # the rest lies below the others
        rows = np.flatnonzero(of_group == number)
        colour = number if number < len(largest) else len(SYMBOLS) - 1
        trace = {
            "type": "scatter",
            "mode": "markers",
            "name": escape(largest[number]) if number < len(largest) else "Other",
            "x": places[rows, 0].round(3).tolist(),
            "y": places[rows, 1].round(3).tolist(),
            # Plotly reads some markup in texts; escaped, a title shows as it is written
            "text": [escape(str(titles[row])) for row in rows.tolist()],
            "customdata": [escape(groups[row]) for row in rows.tolist()],
            "hovertemplate": "<b>%{text}</b><br>%{customdata}<extra></extra>",
            "marker": {"symbol": SYMBOLS[colour], "size": 7},
            "legendrank": 1000 + colour,
            "meta": {"colour": colour},
        }
        if len(rows):
            data.append(trace)
    return data


def plain_layout() -> dict[str, Any]:
    """Return the layout of a picture without axes, in which lengths are the same both ways."""
    hidden = {"visible": False}
    return {
        "xaxis": hidden,
        "yaxis": {**hidden, "scaleanchor": "x"},
        "hovermode": "closest",
        "legend": {"orientation": "h", "y": 0, "yanchor": "top", "itemsizing": "constant"},
    }


def _project(vectors: NDArray[np.float32], by: Projection, seed: int) -> tuple[NDArray[np.float64], float | None]:
    """Return places [n, 2], and of a PCA the share of the variance that they show."""
    try:
        from sklearn.decomposition import PCA
        from sklearn.manifold import TSNE
    except ImportError as error:
        raise MissingExtraError.of("The report's map", "report") from error

    n = len(vectors)
    if n < 4:  # nothing to arrange
        return np.column_stack([np.arange(n), np.zeros(n)]).astype(np.float64), None
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    spread = min(unit.shape) >= 2 and np.ptp(unit, axis=0).max() > 0  # else PCA has no first axis to scale by
    with threadpool_limits(1):  # t-SNE's threads spin while they wait: on busy cores they take four times as long
        if by == "pca":
            if not spread:
                return np.column_stack([unit[:, 0], np.zeros(n)]).astype(np.float64), None
            pca = PCA(2, random_state=seed)
            return np.asarray(pca.fit_transform(unit), np.float64), float(pca.explained_variance_ratio_.sum())
        if spread and min(unit.shape) > BEFORE_TSNE:
            unit = PCA(BEFORE_TSNE, random_state=seed).fit_transform(unit)
        start, perplexity = "pca" if spread else "random", min(30.0, (n - 1) / 3)
        tsne = TSNE(init=start, perplexity=perplexity, max_iter=600, random_state=seed)
        return np.asarray(tsne.fit_transform(unit), np.float64), None


def _finite(column: pd.Series[Any]) -> list[float | None]:
    return [float(value) if np.isfinite(value) else None for value in column.astype(float)]
