"""The drawings of the report on ties, as plain Plotly figures; the page gives them their colours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.report.figures import SYMBOLS, grouped_points, plain_layout
from graphrec.social.communities import places
from graphrec.social.names import names_of
from graphrec.social.network import Network

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.social.analysis import Analysis

DRAWN_USERS = 360  # more hide one another
DRAWN_TIES = 3_000
POINTS = 400  # of a curve
GREY = len(SYMBOLS) - 1


def degree_figure(analysis: Analysis) -> dict[str, Any]:
    """Return the share of users who have at least so many ties, over the number, both axes logarithmic."""
    data = []
    for number, (name, counts) in enumerate(analysis.degrees.items()):
        ties, users = np.unique(counts[counts > 0], return_counts=True)
        share = users[::-1].cumsum()[::-1] / max(len(counts), 1)
        some = _spaced(len(ties))
        data.append(
            {
                "type": "scatter",
                "mode": "lines+markers",
                "name": {"in": "Incoming", "out": "Outgoing"}.get(name, "Ties"),
                "x": ties[some].tolist(),
                "y": share[some].tolist(),
                "hovertemplate": "%{y:.3%} of users have %{x:,} or more<extra>%{fullData.name}</extra>",
                "meta": {"colour": 2 * number},
            }
        )
    title = "Ties of a user" if len(data) == 1 else "Ties of a user, one way"
    return {"data": data, "layout": _logarithmic(title, "Share of users with so many or more", len(data) > 1)}


def sizes_figure(analysis: Analysis) -> dict[str, Any]:
    """Return the sizes of components and communities by rank, both axes logarithmic."""
    data = []
    for name, sizes, colour in (
        ("Communities", analysis.community_sizes, 0),
        ("Components", analysis.components, 1),
    ):
        some = _spaced(len(sizes))
        data.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": name,
                "x": (some + 1).tolist(),
                "y": sizes[some].tolist(),
                "hovertemplate": "No. %{x:,} has %{y:,} users<extra>%{fullData.name}</extra>",
                "marker": {"symbol": SYMBOLS[colour], "size": 7},
                "meta": {"colour": colour},
            }
        )
    return {"data": data, "layout": _logarithmic("Rank by size", "Users", True)}


def sample_figure(analysis: Analysis, *, seed: int = 0) -> dict[str, Any]:
    """Return a picture of some users with the ties among them, coloured by community.

    All users with ties where they are few; else of each of the six largest communities those with most ties, the
    same number of each. Of more than 3,000 ties among them a random 3,000 are drawn. ``layout.meta`` says what is
    shown: ``users``, ``ties``, ``of_ties`` (among these users) and ``whole`` (whether all users with ties are there).
    """
    rows, whole = _sampled(analysis)
    network = _among(analysis.network, rows)
    at = places(network, seed)
    lines = np.column_stack([network.source, network.target])
    if len(lines) > DRAWN_TIES:
        lines = lines[np.random.default_rng(seed).choice(len(lines), DRAWN_TIES, replace=False)]
    community = analysis.communities["community"].to_numpy()[rows]
    keys = analysis.data.users.take(rows).to_pylist()
    named = names_of(analysis.data, rows.tolist())
    titles = [str(key) if name is None else f"{name} ({key})" for key, name in zip(keys, named, strict=True)]
    x, y = segments(at, lines)
    edges: dict[str, Any] = {"type": "scatter", "mode": "lines", "name": "Ties", "x": x, "y": y, "hoverinfo": "skip"}
    edges |= {"line": {"width": 0.5}, "opacity": 0.5, "meta": {"colour": GREY}}
    points = grouped_points(at, [f"Community {number}" for number in community.tolist()], titles)
    shown = {"users": len(rows), "ties": len(lines), "of_ties": len(network), "whole": whole}
    return {"data": [edges, *points], "layout": {**plain_layout(), "meta": shown}}


def segments(at: NDArray[np.float64], lines: NDArray[np.int64]) -> tuple[list[float | None], list[float | None]]:
    """Return the coordinates of lines between points, each line followed by a gap.

    Args:
        at: places, [n, 2].
        lines: the two points of each line, [m, 2].
    """
    x, y = (
        [None if np.isnan(value) else round(value, 3) for value in column.ravel().tolist()]
        for column in (np.column_stack([at[lines, axis], np.full(len(lines), np.nan)]) for axis in (0, 1))
    )
    return x, y


def _sampled(analysis: Analysis) -> tuple[NDArray[np.int64], bool]:
    """Return the rows of the users to draw, ascending, and whether these are all users with ties."""
    community = analysis.communities["community"].to_numpy()
    rows = np.flatnonzero(community >= 0)
    if len(rows) <= DRAWN_USERS:
        return rows, True
    ties = np.sum(list(analysis.degrees.values()), axis=0)
    groups = SYMBOLS[:GREY]
    of_each = [np.flatnonzero(community == number) for number in range(len(groups))]
    best = [own[np.argsort(-ties[own], kind="stable")[: DRAWN_USERS // len(groups)]] for own in of_each]
    return np.sort(np.concatenate(best)), False


def _among(network: Network, rows: NDArray[np.int64]) -> Network:
    """Return the ties among some users (ascending rows), who get rows from 0 on."""
    simple = network.undirected()
    number = np.full(network.users, -1)
    number[rows] = np.arange(len(rows))
    source, target = number[simple.source], number[simple.target]
    both = (source >= 0) & (target >= 0)
    return Network(len(rows), False, source[both], target[both])


def _spaced(n: int) -> NDArray[np.int64]:
    """Return at most some hundred places of n, evenly spread on a logarithmic axis, the first and last among them."""
    if n <= POINTS:
        return np.arange(n)
    return np.unique(np.geomspace(1, n, POINTS).round().astype(np.int64)) - 1


def _logarithmic(x: str, y: str, legend: bool) -> dict[str, Any]:
    return {
        "xaxis": {"title": {"text": x, "standoff": 8}, "type": "log"},
        "yaxis": {"title": {"text": y}, "type": "log"},
        "hovermode": "closest",
        "margin": {"l": 64, "b": 52},
        "showlegend": legend,
        "legend": {"x": 1, "xanchor": "right", "y": 1},
    }
