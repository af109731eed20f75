"""A picture of one user's neighbourhood, with the people who are suggested to them."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrec.errors import ArgumentError, MissingExtraError, check_whole, problem
from graphrec.report.figures import COLOURS, SYMBOLS
from graphrec.report.graph_figures import segments
from graphrec.social.names import hides_name, names_of
from graphrec.social.network import network_of

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

    import pandas as pd
    from numpy.typing import NDArray
    from plotly.graph_objects import Figure

    from graphrec.data.dataset import Dataset

COLUMNS = ("suggested", "score", "rank", "reason")
NAMELESS = "somebody"
LABELLED = 24  # of a circle; more labels would hide one another
YOU, FRIEND, SUGGESTED, GREY = 3, 0, 1, 6  # of the palette


def neighbourhood(
    data: Dataset,
    user: str | int,
    suggestions: pd.DataFrame,
    *,
    names: Mapping[str | int, str] | None = None,
    hidden: Collection[str | int] = (),
    most: int = 60,
) -> Figure:
    """Draw a user in the middle, their friends around them, and the suggested people outside.

    Friends are those whom a tie of ``schema.ties`` joins to the user, whichever way it runs. Lines join the user to
    friends, friends to each other, and friends to the suggested people whom they lead to. Hovering over a suggested
    person shows rank, score and reason. People who are suggested and have a tie by now are left out; the title counts
    them.

    Args:
        data: a dataset with ties.
        user: the user's key.
        suggestions: ``suggested`` (key), ``score``, ``rank`` and ``reason``; where there is a column ``user``, its
            other users' rows are left out.
        names: what people are called, by key; else by the schema's name property where the dataset holds it, else by
            their keys.
        hidden: keys of people who must be neither named nor shown by key, besides those who hide their names by the
            schema's property where the dataset holds it. Reasons are shown as they are given.
        most: how many friends, and how many suggested people, are drawn at most: friends who lead to suggested
            people come first, then those with most ties among the friends. The title says how many there are.

    Returns:
        A figure; ``write_html`` and ``write_image`` save it.

    Raises:
        UnknownKeyError: the user or a suggested person is not in the dataset.
        ArgumentError: a column is missing, or ``most`` is no whole number of at least 1.
        SchemaError: the schema names no ties.
        MissingExtraError: the extra ``report`` is not installed.
    """
    try:
        from plotly.graph_objects import Figure
    except ImportError as error:
        raise MissingExtraError.of("The picture", "report") from error
    most = check_whole("most", most, 1)
    if missing := [name for name in COLUMNS if name not in suggestions]:
        raise ArgumentError(problem("suggestions", f"must have the columns {list(COLUMNS)}", missing, "Add these."))
    own = suggestions[suggestions["user"] == user] if "user" in suggestions else suggestions
    own = own.sort_values("rank", kind="stable").drop_duplicates("suggested")
    here = int(data.users.require([user], "user")[0])
    matrix = _matrix(data)
    friends = matrix.indices[matrix.indptr[here] : matrix.indptr[here + 1]].astype(np.int64)
    rows = data.users.require(own["suggested"].tolist(), "suggestions.suggested") if len(own) else friends[:0]
    new = ~np.isin(rows, [here, *friends])
    own, rows, old = own[new], rows[new], int((~new).sum())
    n_friends, n_suggested = len(friends), len(rows)
    own, rows = own[:most], rows[:most]
    friends = _nearest(matrix, friends, rows)[:most]

    called = _caller(data, names, {*hidden})
    among = matrix[friends][:, friends].tocoo()
    leading = matrix[friends][:, rows].tocoo()
    at = _places(among, leading)
    k = len(friends)
    ties: list[tuple[str, NDArray[Any], int, float]] = [
        (f"Ties of {called(here)}", np.column_stack([np.zeros(k, np.int64), 1 + np.arange(k)]), GREY, 1.2),
        ("Ties among friends", 1 + np.column_stack([among.row, among.col])[among.row < among.col], FRIEND, 0.9),
        ("Ties to suggested people", np.column_stack([1 + leading.row, 1 + k + leading.col]), SUGGESTED, 1.2),
    ]
    lines = [_lines(*each, at) for each in ties]
    shared = np.bincount(leading.col, minlength=len(rows))
    reasons = [
        f"<b>{escape(called(row))}</b><br>rank {line.rank}, score {line.score:.4g}<br>"
        f"{escape(str(line.reason)) if isinstance(line.reason, str) else 'no reason given'}<br>"
        f"{count} of the friends drawn lead there"
        for row, line, count in zip(rows.tolist(), own.itertuples(), shared.tolist(), strict=True)
    ]
    people = [
        _people("Suggested", at[1 + k :], [called(row) for row in rows.tolist()], reasons, SUGGESTED, 15),
        _people("Friends", at[1 : 1 + k], [called(row) for row in friends.tolist()], None, FRIEND, 10),
        _people(called(here), at[:1], [called(here)], None, YOU, 20),
    ]
    for circle in people[:2]:
        if len(circle["x"]) > LABELLED:
            circle["mode"] = "markers"
    title = _title(called(here), (k, n_friends), (len(rows), n_suggested), old)
    unseen = {"visible": False}
    return Figure(
        data=[*(line for line in lines if line["x"]), *(each for each in people if each["x"])],
        layout={
            "title": {"text": title, "font": {"size": 15}},
            "xaxis": {**unseen, "range": [-2.6, 2.6]},
            "yaxis": {**unseen, "range": [-2.4, 2.4], "scaleanchor": "x"},
            "hovermode": "closest",
            "plot_bgcolor": "white",
            "paper_bgcolor": "white",
            "margin": {"l": 10, "r": 10, "t": 60, "b": 10},
            "legend": {"orientation": "h", "y": 0, "yanchor": "top"},
            "showlegend": True,
        },
    )


def _matrix(data: Dataset) -> sp.csr_array:
    """Return who is tied to whom, whichever way, int8 [users, users]."""
    simple = network_of(data).undirected()
    ends = np.concatenate([simple.source, simple.target]), np.concatenate([simple.target, simple.source])
    shape = (simple.users, simple.users)
    return sp.coo_array((np.ones(len(ends[0]), np.int8), ends), shape=shape).tocsr()


def _nearest(matrix: sp.csr_array, friends: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return friends in order: how many of the suggested they lead to, then ties among the friends, then the row."""
    leads, inner = (matrix[friends][:, to].sum(axis=1, dtype=np.int64) for to in (rows, friends))
    return friends[np.lexsort((friends, -inner, -leads))]


def _caller(data: Dataset, names: Mapping[str | int, str] | None, secret: set[str | int]) -> Callable[[int], str]:
    def called(row: int) -> str:
        key = data.users.keys[row].as_py()
        if key in secret or hides_name(data, [row])[0]:
            return NAMELESS
        name = names_of(data, [row])[0] if names is None else names.get(key)
        return str(key) if name is None else name

    return called


def _places(among: sp.coo_array, leading: sp.coo_array) -> NDArray[np.float64]:
    """Return places [1 + friends + suggested, 2]: the user, friends on a circle, the suggested on one around it.

    Friends with ties to each other, or to one suggested person, stand side by side (reverse Cuthill–McKee); a
    suggested person stands where the friends who lead there are, as far as others leave room.
    """
    k, s = leading.shape
    near = sp.block_array([[among, leading], [leading.T, sp.coo_array((s, s), dtype=np.int8)]], format="csr")
    order = sp.csgraph.reverse_cuthill_mckee(near, symmetric_mode=True) if k + s else np.zeros(0, np.int64)
    friends = order[order < k]
    angle = np.zeros(k)
    angle[friends] = 2 * np.pi * np.arange(k) / max(k, 1)
    circle = np.exp(1j * angle)
    wanted = np.asarray(leading.tocsr().T @ circle) if k else np.zeros(s, complex)
    outer = np.zeros(s)
    outer[np.argsort(np.angle(wanted) % (2 * np.pi), kind="stable")] = 2 * np.pi * np.arange(s) / max(s, 1)
    if s and k:  # turn the outer circle to where its people are wanted
        outer += np.angle((wanted * np.exp(-1j * outer)).sum())
    all_at = np.concatenate([[0], circle, 2 * np.exp(1j * outer)])
    return np.column_stack([all_at.real, all_at.imag])


def _lines(name: str, pairs: NDArray[Any], colour: int, width: float, at: NDArray[np.float64]) -> dict[str, Any]:
    x, y = segments(at, pairs)
    line = {"color": COLOURS["light"][colour], "width": width}
    return {"type": "scatter", "mode": "lines", "name": escape(name), "x": x, "y": y, "line": line} | {
        "hoverinfo": "skip",
        "opacity": 0.5,
    }


def _people(
    name: str, at: NDArray[np.float64], called: list[str], said: list[str] | None, colour: int, size: int
) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": "markers+text",
        "name": escape(name),
        "x": at[:, 0].round(3).tolist(),
        "y": at[:, 1].round(3).tolist(),
        "text": [escape(each) for each in called],
        "textposition": ["bottom center" if y < 0 else "top center" for y in at[:, 1].tolist()],
        "hovertext": said or [f"<b>{escape(each)}</b>" for each in called],
        "hoverinfo": "text",
        "marker": {
            "color": COLOURS["light"][colour],
            "symbol": SYMBOLS[colour],
            "size": size,
            "line": {"color": "white", "width": 1},
        },
    }


def _title(who: str, friends: tuple[int, int], suggested: tuple[int, int], old: int) -> str:
    def said(count: tuple[int, int], one: str, many: str) -> str:
        drawn, there = count
        what = f"{there:,} {one if there == 1 else many}"
        return what if drawn == there else f"{drawn:,} of {what} drawn"

    text = f"<b>{escape(who)}</b>: {said(friends, 'friend', 'friends')}, "
    text += said(suggested, "suggested person", "suggested people")
    return text + (f"; {old:,} suggested and tied by now, left out" if old else "")
