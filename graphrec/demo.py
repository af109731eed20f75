"""The tour: MovieLens from files to a graph, a model, lists, Cypher and a report, in about a minute."""

from __future__ import annotations

import shutil
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pandas as pd
from rich import box
from rich.table import Table
from rich.text import Text

import graphrec
from graphrec.errors import ArgumentError, MissingExtraError, StoreError
from graphrec.models import LightGCN, Popularity, Random
from graphrec.report.figures import ItemMap
from graphrec.report.page import Sample, write_report
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from graphrec.data.dataset import Dataset
    from graphrec.graph import Graph
    from graphrec.models import FittedVectors
    from graphrec.models.model import Model

NAME = "movies"
METRICS = ("recall@20", "ndcg@20", "mrr@20", "coverage@20")
SHOWN = 5  # titles a list

SCHEMA = GraphSchema(
    user=Node("User", key="id"),
    item=Node("Movie", key="id", name="title", properties=("title", "genres")),
    interactions=[Interaction("RATED", weight="stars", time="at", target=True)],
    attributes=[
        Attribute("HAS_GENRE", to=Node("Genre", key="name")),
        Attribute("HAS_TAG", to=Node("Tag", key="name")),
    ],
)

CONFIG = """\
# The same schema that graphrec/demo.py writes in Python. Commands in this folder read it by themselves.
[connection]
url = "movies.lbug"

[schema]
user = { label = "User", key = "id" }
item = { label = "Movie", key = "id", name = "title", properties = ["title", "genres"] }
interactions = [{ type = "RATED", weight = "stars", time = "at", target = true }]
attributes = [
  { type = "HAS_GENRE", to = { label = "Genre", key = "name" } },
  { type = "HAS_TAG", to = { label = "Tag", key = "name" } },
]

[model]
kind = "lightgcn"
name = "movies"

[split]
rule = "leave-last-out"
"""


def tour(data: Path, out: Path, console: Console, model: Model | None = None) -> dict[str, Any]:
    """Walk the whole way, and tell about it. Repeating it writes the same graph and publishes a new version.

    Args:
        data: the folder with ``items.parquet``, ``ratings.parquet`` and ``tags.parquet`` of MovieLens latest-small.
        out: where ``movies.lbug``, ``graphrec.toml`` and ``report.html`` go.
        console: where the sections are printed.
        model: what to fit, of vectors; None is LightGCN as it comes.

    Returns:
        What was counted, measured and written.

    Raises:
        ArgumentError: the data is not there.
        StoreError: the Cypher gave another list than Python.
    """
    nodes, edges = read_movielens(data)
    titles, ratings = nodes["Movie"].set_index("id")["title"], edges["RATED"]
    users = _three_users(ratings)
    model = model or LightGCN()
    out.mkdir(parents=True, exist_ok=True)
    (out / "graphrec.toml").write_text(CONFIG, encoding="utf-8")
    url = out / "movies.lbug"
    with graphrec.connect(url, schema=SCHEMA) as graph:
        with _section(console, "1  MovieLens into a graph file"):
            graph.load(nodes, edges)
            dataset = graph.dataset()
            counts = _counts(dataset)
            console.print(
                _table(("in the graph", "how many"), [(name, f"{count:,}") for name, count in counts.items()])
            )

        with _section(console, "2  Train LightGCN, stop where held-out ratings say so"):
            split = dataset.split("leave-last-out")
            fitted = cast("FittedVectors", model.fit(split.train, validation=split.validation))
            epochs = fitted.history.epochs
            console.print(f"{len(epochs)} epochs, the best is {fitted.history.best_epoch}.")

        with _section(console, "3  Does it recommend what people watched next?"):
            rivals = [fitted, Popularity().fit(split.train), Random().fit(split.train)]
            evaluation = graphrec.evaluate(rivals, split, metrics=list(METRICS))
            console.print(_metric_table(evaluation))
            console.print("Each user's last rating was held out. In brackets: 95 % intervals over users.")

        with _section(console, "4  Fit to all ratings, publish into the graph"):
            final = fitted.refit(dataset)
            version = graph.publish(final, NAME)
            console.print(
                f"Version {version.version} of {NAME!r} is live: {version.users:,} users and {version.items:,} "
                f"movies carry vectors of {version.dim} numbers."
            )

        with _section(console, "5  What three users should see next"):
            samples = [_sample(graph, titles, ratings, user) for user in users]
            for sample in samples:
                console.print(_sample_table(sample))

        with _section(console, "6  The same list in Cypher"):
            cypher = graph.cypher("topk", model=NAME)
            console.print(Text(cypher, style="dim"))
            _compare(graph, cypher, users[0])
            console.print(f"Run for user {users[0]} with k = 10: same list as in Python.")

    with _section(console, "7  Report"):
        report = _report(out, counts, fitted, final, evaluation, samples, cypher, dataset, console)
    program = "graphrec" if shutil.which("graphrec") else str(Path(sys.executable).with_name("graphrec"))
    verbs = (f"recommend {users[0]} --show title", "similar 1 --show title", "cypher topk", "models", "doctor")
    console.print(Text("Next", style="bold"))
    console.print(Text("\n".join([f"  cd {out}", *(f"  {program} {verb}" for verb in verbs)])))
    return {
        "graph": url,
        "report": report,
        "counts": counts,
        "best_epoch": fitted.history.best_epoch,
        "evaluation": evaluation.to_dict()["figures"],
        "version": version.version,
        "same_list": True,
        "samples": [sample._asdict() for sample in samples],
    }


# -------------------------------------------------------------------- data


def read_movielens(folder: Path) -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Return frames of nodes by label and of relationships by type.

    Raises:
        ArgumentError: a file is not there.
    """
    names = ("items", "ratings", "tags")
    if missing := [name for name in names if not (folder / f"{name}.parquet").is_file()]:
        raise ArgumentError(
            f"`data` must be a folder with {', '.join(f'{n}.parquet' for n in names)}. Got {str(folder)!r} without "
            f"{', '.join(missing)}. MovieLens is in examples/data/ml-latest-small of the repository: run there, "
            "or give --data."
        )
    items, ratings, tags = (pd.read_parquet(folder / f"{name}.parquet") for name in names)
    tags["tag"] = tags["tag"].str.strip().str.lower()
    genres = items.assign(genre=items["genres"].str.split("|")).explode("genre")
    genres = genres[genres["genre"] != "(no genres listed)"]
    users = pd.unique(pd.concat([ratings["user_id"], tags["user_id"]]))
    nodes = {
        "User": pd.DataFrame({"id": users}),
        "Movie": items[["item_id", "title", "genres"]].rename(columns={"item_id": "id"}),
        "Genre": pd.DataFrame({"name": genres["genre"].unique()}),
        "Tag": pd.DataFrame({"name": tags["tag"].unique()}),
    }
    ratings = ratings.rename(columns={"item_id": "movie_id", "rating": "stars", "timestamp": "at"})
    edges = {
        "RATED": ratings,
        "HAS_GENRE": genres[["item_id", "genre"]].rename(columns={"item_id": "movie_id"}),
        "HAS_TAG": tags[["item_id", "tag"]].drop_duplicates().rename(columns={"item_id": "movie_id"}),
    }
    return nodes, edges


def _three_users(ratings: pd.DataFrame) -> list[int]:
    """Return a user with few ratings, one with some, one with many."""
    counts = ratings.groupby("user_id").size().sort_values(kind="stable")
    return [int(counts.index[int(len(counts) * share)]) for share in (0.25, 0.5, 0.75)]


def _counts(dataset: Dataset) -> dict[str, int]:
    return {name: len(table) for tables in (dataset.nodes, dataset.edges) for name, table in tables.items()}


def _sample(graph: Graph, titles: pd.Series[Any], ratings: pd.DataFrame, user: int) -> Sample:
    rated = ratings[ratings["user_id"] == user]
    liked = rated.sort_values(["stars", "at"], ascending=False, kind="stable")["movie_id"].head(SHOWN)
    found = graph.recommend([user], SHOWN, model=NAME)
    lines = list(zip(titles[found["item"]], found["score"].astype(float), strict=True))
    return Sample(f"User {user}", list(titles[liked]), lines)


def _compare(graph: Graph, cypher: str, user: int) -> None:
    """Check that the database's list is Python's."""
    here = graph.recommend([user], 10, model=NAME)
    there = graph.query(cypher, user=user, k=10)
    same = here["item"].tolist() == there["item_id"].tolist()
    if not same or not np.allclose(here["score"].astype(float), there["score"].astype(float), rtol=1e-5):
        raise StoreError(
            f"The Cypher gave another list than Python for user {user}: {there['item_id'].tolist()} instead of "
            f"{here['item'].tolist()}. This is a fault of graphrec: please report it."
        )


def _report(
    out: Path,
    counts: dict[str, int],
    fitted: FittedVectors,
    final: FittedVectors,
    evaluation: Any,
    samples: list[Sample],
    cypher: str,
    dataset: Dataset,
    console: Console,
) -> Path | None:
    known = np.argsort(-np.bincount(dataset.edges["RATED"].target_rows, minlength=len(dataset.items)), kind="stable")
    items = dataset.items.properties.to_pandas().iloc[known]
    groups = items["genres"].str.split("|").str[0]
    try:
        path = write_report(
            out / "report.html",
            title="MovieLens with graphrec",
            data_summary=counts,
            history=fitted.history.epochs,
            evaluation=evaluation.frame(),
            item_map=ItemMap(list(items["title"]), list(groups), final.item_vectors[known]),
            samples=samples,
            cypher=cypher,
            notes=[
                "Ratings count as watched: a low one too hides the movie.",
                "MovieLens latest-small by GroupLens, University of Minnesota, under the terms that come with it.",
                *dataset.notes,
            ],
        )
    except MissingExtraError as error:
        console.print(f"No report: {error}")
        return None
    console.print(f"Open {path} in a browser: training, figures, a map of the movies, lists.")
    return path


# -------------------------------------------------------------------- what it looks like


@contextmanager
def _section(console: Console, title: str) -> Iterator[None]:
    console.print(Text(title, style="bold"))
    start = time.perf_counter()
    yield
    console.print(Text(f"{time.perf_counter() - start:.1f} s\n", style="dim"))


def _table(columns: tuple[str, ...], rows: list[tuple[str, ...]]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for number, column in enumerate(columns):
        table.add_column(column, justify="right" if number and len(rows[0][number]) < 30 else "left")
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _metric_table(evaluation: Any) -> Table:
    frame = evaluation.frame()
    cells = {}
    for row in frame.itertuples():
        interval = "" if np.isnan(row.low) else f" ({row.low:.3f}-{row.high:.3f})"
        cells[row.model, row.metric] = f"{row.value:.3f}{interval}"
    names = list(dict.fromkeys(frame["metric"]))
    rows = [(name, *(cells[name, metric] for metric in names)) for name in dict.fromkeys(frame["model"])]
    return _table(("", *names), rows)


def _sample_table(sample: Sample) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    table.add_column(f"{sample.user} liked", width=44, no_wrap=True)
    table.add_column("and should see", width=44, no_wrap=True)
    for liked, (title, _) in zip(sample.liked, sample.recommended, strict=False):
        table.add_row(Text(liked), Text(title))
    return table
