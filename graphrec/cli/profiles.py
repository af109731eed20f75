"""Commands that say what is known of users and items: profile, cluster, map."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graphrec.cli.command import Session, check_writable
from graphrec.cli.lists import Model, keys_of
from graphrec.cli.output import frame_table

if TYPE_CHECKING:
    import pandas as pd

Of = Annotated[Literal["items", "users"], typer.Option(help="Whose vectors.")]
Seed = Annotated[int, typer.Option(help="Of what is drawn at random.")]


def profile(
    session: Session,
    keys: Annotated[list[str], typer.Argument(help="The users' keys; with --items the items'.", metavar="KEY")],
    items: Annotated[bool, typer.Option("--items", help="The keys are of items.")] = False,
    k: Annotated[int, typer.Option("-k", help="How many values of each attribute, and similar items.", min=1)] = 10,
    model: Model = None,
    cluster: Annotated[str, typer.Option(help="The property that holds clusters.", metavar="PROPERTY")] = "cluster",
) -> None:
    """Show what is known of users or items: activity, attributes, leanings, similar items."""
    from graphrec.rank.profile import dated

    with session.open() as graph:
        node, argument = (graph.schema.item, "items") if items else (graph.schema.user, "users")
        asked = {argument: keys_of(graph, node, argument, keys)}
        found = graph.profile(**asked, k=k, model=model, cluster=cluster)
    frames = {name: getattr(found, name) for name in ("activity", "attributes", "affinity", "similar")}
    titles = {"activity": f"{found.side}s", "affinity": "leans to"}
    shown = [
        _table(dated(frame) if name == "activity" else frame, found.side, titles.get(name, name))
        for name, frame in frames.items()
        if len(frame)
    ]
    session.answer({name: frame.to_dict("records") for name, frame in frames.items()}, *shown)


def cluster(
    session: Session,
    k: Annotated[int | None, typer.Option("-k", help="How many; chosen by silhouette unless told.", min=1)] = None,
    of: Of = "items",
    model: Model = None,
    seed: Seed = 0,
    write: Annotated[
        str | None, typer.Option(help="Write each one's cluster to this property.", metavar="PROPERTY")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="The property may be there already, from an earlier call.")
    ] = False,
    labels: Annotated[Path | None, typer.Option(help="Write each one's cluster to this CSV file.")] = None,
) -> None:
    """Group items or users by where their vectors point (k-means). Cluster 0 is the largest; −1 have no vector."""
    if labels is not None:
        check_writable("--labels", labels, make=True)
    with session.open(write=write is not None) as graph, session.bars() as progress:
        found = graph.cluster(k, of=of, model=model, seed=seed, write=write, overwrite=overwrite, progress=progress)
    rows = found.table.copy()
    for name in ("about", "typical", "popular"):
        rows[name] = [", ".join(map(str, names)) for names in rows[name]]
    if found.silhouettes:
        best = max(found.silhouettes.values())
        session.notice(f"The number was chosen by the silhouette on a sample, {best:.3f}; -k says another.")
    if write is not None:
        session.notice(f"Clusters are in the property {write!r} of the {of}.")
    if labels is not None:
        found.labels.to_csv(labels, index=False)
        session.notice(f"Clusters: {labels}")
    session.answer(
        {
            "clusters": found.table.to_dict("records"),
            "silhouettes": found.silhouettes,
            "model": found.model,
            "version": found.version,
            "written": write,
        },
        frame_table(rows, f"model {found.model} version {found.version}"),
    )


def map_(
    session: Session,
    file: Annotated[Path, typer.Argument(help="The HTML file.", metavar="FILE")],
    by: Annotated[Literal["tsne", "pca"], typer.Option(help="How many numbers become two.")] = "tsne",
    of: Of = "items",
    color: Annotated[str, typer.Option(help="'cluster', an attribute, or a property.")] = "cluster",
    model: Model = None,
    seed: Seed = 0,
) -> None:
    """Draw items or users as points, near where their vectors point the same way."""
    check_writable("FILE", file, make=True)
    with session.open() as graph:
        path = graph.map(file, by=by, of=of, color=color, model=model, seed=seed)
    session.answer({"map": str(path)})
    session.notice(f"Map: {path}")


def _table(frame: pd.DataFrame, first: str, title: str) -> Any:
    keys = [name for name in (first, "similar", "name") if name in frame.columns]  # a name may be a key
    rows = frame.astype(dict.fromkeys(keys, str))
    if title != f"{first}s":
        rows[first] = rows[first].where(rows[first].ne(rows[first].shift()), "")
    rows = rows.astype(object).where(rows.notna(), None)
    return frame_table(rows, title)
