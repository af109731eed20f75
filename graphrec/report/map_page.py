"""A map of users or items: one HTML file with a point for each, near where their vectors point the same way."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from graphrec.data.described import having
from graphrec.errors import ArgumentError, ModelError, check_whole, near, problem
from graphrec.online.clusters import clusters_of
from graphrec.online.kmeans import MAX_SEED
from graphrec.online.members import members
from graphrec.rank.leanings import names_in
from graphrec.report.figures import DRAWN, SYMBOLS, ItemMap, map_figure
from graphrec.report.page import write_page

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from graphrec.online.live import Live
    from graphrec.online.members import Members
    from graphrec.report.figures import Projection
    from graphrec.schema import Attribute

COLOURED = len(SYMBOLS) - 1


def write_map(
    path: str | Path,
    live: Live,
    *,
    by: Projection = "tsne",
    of: Literal["items", "users"] = "items",
    color: str = "cluster",
    seed: int = 0,
    title: str | None = None,
) -> Path:
    """Write a self-contained HTML page of about 5 MB; most of it is the chart library.

    The 2,000 users or items with most interactions are drawn. Names are shown as text: markup in them is never
    interpreted. A user who hides the name is shown by key.

    Args:
        path: the file; missing folders are made, an old file is replaced.
        live: the model whose vectors are drawn.
        by: ``"tsne"`` or ``"pca"``, see `graphrec.report.figures.map_figure`.
        of: ``"items"`` or ``"users"``.
        color: ``"cluster"``, six of what is drawn, by `graphrec.online.clusters`; the label or type of an attribute
            of theirs: of the six values that most have, the rarest that a point has; or a property, such as one that
            clusters were written to.
        seed: of the clusters and the picture.
        title: the page's heading.

    Returns:
        The path.

    Raises:
        ArgumentError: an argument breaks its rule.
        UnknownKeyError: no such model is live.
        ModelError: no vector has a direction.
        MissingExtraError: the extra ``report`` is not installed.
    """
    check_whole("seed", seed, 0, MAX_SEED)
    side = "item" if of == "items" else "user"
    attributes = {each.type: each for each in live.schema.attributes if each.of == side}
    attributes |= {live.schema.kind(each): each for each in attributes.values()}
    property = color if color != "cluster" and color not in attributes else None
    node = live.schema.item if side == "item" else live.schema.user
    if property is not None:
        label = live.store.describe().labels.get(node.label)
        known = {} if label is None else label.properties
        if property not in known:
            rule = f"must be 'cluster', an attribute or a property of {node.label!r}"
            raise ArgumentError(problem("color", rule, color, near(color, ["cluster", *attributes, *known])))
    all_ = members(live, of, [property] if property else ())
    if not len(all_.rows):
        raise ModelError(f"The model {all_.version.name!r} must have vectors to draw. Publish one that has.")
    order = np.argsort(-all_.popularity[all_.rows], kind="stable")[:DRAWN]
    rows = all_.rows[order]
    if property is not None:
        values = all_.table.properties[property].to_pylist()
        groups = ["none" if values[row] is None else str(values[row]) for row in rows]
        colours_are = f"values of {property}; the six with most points have one"
    elif color == "cluster":
        groups, colours_are = _clusters(all_, order, seed), "k-means clusters of what is drawn"
    else:
        groups = _values(all_, rows, attributes[color])
        colours_are = f"values of {color}: of those that most have, the rarest that a point has"
    figure = map_figure(ItemMap(all_.names(rows), groups, all_.directions[order]), by, seed)
    return write_page(
        path,
        "map.html",
        title=title or f"{node.label}: vectors of {all_.version.name}",
        summary={of.capitalize(): len(all_.table), "Drawn": len(rows), "Model": all_.version.name}
        | {"Version": all_.version.shown},
        what=of,
        by=by,
        there=len(all_.rows),
        drawn=len(rows),
        explained=figure["layout"].get("meta", {}).get("explained"),
        colours_are=colours_are,
        figures={"map": figure},
        notes=all_.data.notes,
    )


def _clusters(all_: Members, order: NDArray[np.int64], seed: int) -> list[str]:
    """Return the cluster of each point among those drawn, called by what sets it apart; as many as there are colours.

    Those that are not drawn, which have few interactions, would make most clusters, and leave one for what is seen.
    """
    drawn = np.sort(order)
    some = replace(all_, rows=all_.rows[drawn], directions=all_.directions[drawn])
    found = clusters_of(some, min(COLOURED, len(drawn)), seed)
    named = zip(found.table["cluster"].tolist(), found.table["about"].tolist(), strict=True)
    names = [", ".join([f"Cluster {cluster}", *about[:1]]) for cluster, about in named]
    labels = found.labels["cluster"].to_numpy()[all_.rows]
    return [names[label] for label in labels[order]]


def _values(all_: Members, rows: NDArray[np.int64], attribute: Attribute) -> list[str]:
    """Return one value of each point: of the six that most have, its rarest one; else its most frequent one."""
    own = having(all_.data, attribute)[rows]
    names: list[Any] = names_in(all_.data.nodes[attribute.to.label], attribute.to)
    counts = np.asarray(own.sum(axis=0))
    most = set(np.argsort(-counts, kind="stable")[:COLOURED].tolist())
    groups = []
    for i in range(len(rows)):
        values = own.indices[own.indptr[i] : own.indptr[i + 1]].tolist()
        frequent = [value for value in values if value in most]
        if frequent:
            groups.append(str(names[min(frequent, key=lambda value: (counts[value], value))]))
        else:
            groups.append(str(names[max(values, key=lambda value: counts[value])]) if values else "none")
    return groups
