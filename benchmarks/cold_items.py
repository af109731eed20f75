"""Items that nobody has met: lists by what describes them, among new items alone and among all."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer
from sklearn.feature_extraction.text import TfidfVectorizer

from benchmarks.measure import goal
from graphrec import Attribute, Feature, GraphSchema, Interaction, Node, dataset_from_frames, evaluate
from graphrec.models import ColdStart, Content, Popularity, from_name
from graphrec.rank.topk import topk_vectors

if TYPE_CHECKING:
    from pathlib import Path

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from benchmarks.measure import Bench
    from graphrec import Dataset
    from graphrec.data.tables import NodeTable
    from graphrec.models import FittedVectors

METRICS = ("recall@20", "ndcg@20")
COLD, OTHERS = 0.2, 0.1  # of the items all pairs are test, of the pairs of the other items so many
SEEDS = (0, 1, 2)
POPULAR, COSINE, OURS, CONTENT = "popularity", "TF-IDF cosine", "cold-start", "content"
TITLE = r"^(.*?)\s*(?:\((\d{4})\))?\s*$"


@dataclass(frozen=True, eq=False)
class TfIdf:
    """The baseline, by scikit-learn alone: one document an item, a user the mean of theirs, cosine."""

    name: str
    users: NodeTable
    items: NodeTable
    rows: sp.csr_array
    profiles: sp.csr_array

    @classmethod
    def of(cls, data: Dataset, texts: list[str]) -> TfIdf:
        rows = TfidfVectorizer(sublinear_tf=True).fit_transform(texts).tocsr()
        return cls(COSINE, data.users, data.items, rows, (data.interactions() @ rows).tocsr())

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        scores: NDArray[np.float32] = (self.profiles[user_rows] @ self.rows.T).toarray().astype(np.float32)
        return scores


@dataclass(frozen=True, eq=False)
class Source:
    """A data set, the one text of each item for the baseline, and the base that suits its size."""

    name: str
    data: Dataset
    texts: list[str]
    base: dict[str, Any]
    goals: bool


def run(bench: Bench) -> dict[str, Any]:
    tables: dict[str, list[dict[str, Any]]] = {}
    goals: list[dict[str, Any]] = []
    notes: list[str] = []
    for source in sources(bench):
        typer.echo(f"  {source.name} ...", err=True)
        figures, compared, chosen = among_cold(source, bench)
        tables[f"{source.name}: among the cold items, test part, 95 % intervals over users"] = figures
        tables[f"{source.name}: against the baselines, paired over users"] = compared
        tables[f"{source.name}: among all items, {OTHERS:.0%} of the other items' pairs held out too"] = among_all(
            source
        )
        goals += goals_of(source, compared)
        notes.append(f"{source.name}: {chosen}")
    return {
        "title": "Cold items",
        "goals": goals,
        "tables": tables,
        "notes": [
            *notes,
            f"{COLD:.0%} of the items are cold: all their interactions are the test part (and those of a tenth the "
            "validation part, by which the weights of the content models are chosen; cold-start chooses inside its "
            "training data). Ranked are the cold items alone, or all items. Reported models are fitted on all but "
            "the test part.",
            f"{COSINE}: scikit-learn's TfidfVectorizer over one text an item (title, genres, year), a user the sum "
            f"of their items. {CONTENT}: graphrec's model over the same, block by block. Popular items: nobody has a "
            "cold item, so they come in the order of their keys, which in MovieLens is no accident: low keys are "
            "old and well-known films.",
            "Tags of films are given by users who have seen them, also by those whose ratings are held out: figures "
            "with tags may be too good, and are no goal.",
            "Intervals: paired bootstrap over users.",
        ],
    }


def among_cold(source: Source, bench: Bench) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Return the figures of all models, their differences, and what was chosen."""
    figures: list[dict[str, Any]] = []
    compared: list[dict[str, Any]] = []
    said = ""
    for seed in SEEDS if bench.scale >= 0.1 else SEEDS[:1]:
        split = source.data.split("cold-items", test=COLD, validation=0.1, seed=seed)
        began = time.perf_counter()
        ours = ColdStart(base=source.base).fit(split.without_test, metric="recall@20", progress=False)
        seconds = time.perf_counter() - began
        content = Content().fit(split.train, validation=split.validation, metric="recall@20")
        models = {
            POPULAR: Popularity().fit(split.without_test),
            COSINE: TfIdf.of(split.without_test, source.texts),
            CONTENT: content.refit(split.without_test),
            OURS: ours,
        }
        cold = split.test.frame()["item_id"].unique().tolist()
        found = evaluate(models, split, METRICS, candidates=cold)
        values = {(row.model, row.metric): row for row in found.figures.itertuples()}
        for name in models:
            shown = {"seed": seed, "users": values[name, METRICS[0]].n_users, "cold items": len(cold), "model": name}
            for metric in METRICS:
                row = values[name, metric]
                shown |= {metric: round(row.value, 4), f"{metric} 95 %": f"{row.low:.4f} to {row.high:.4f}"}
            figures.append(shown)
        for against in (POPULAR, COSINE, CONTENT):
            table = found.compare(against).set_index(["model", "metric"])
            for metric in METRICS:
                row, before = table.loc[(OURS, metric)], max(values[against, metric].value, 1e-9)
                compared.append(
                    {
                        "seed": seed,
                        "model": OURS,
                        "against": against,
                        "metric": metric,
                        "times": round(values[OURS, metric].value / before, 3),
                        "times, 95 %": f"{1 + row.low / before:.3f} to {1 + row.high / before:.3f}",
                        "p_holm": float(f"{row.p_holm:.2g}"),
                    }
                )
        said = (
            f"chosen by {OURS} (seed {seed}): {settings(ours)}; fitted in {seconds:.0f} s. Weights of {CONTENT}: "
            + (", ".join(f"{name} {weight:g}" for name, weight in content.config.blocks.items()) + ".")
        )
    return figures, compared, said


def settings(fitted: FittedVectors) -> str:
    config = fitted.config.model_dump()
    weights = ", ".join(f"{name} {weight:g}" for name, weight in (config["blocks"] or {}).items())
    return f"reg {config['reg']:g}, scale {config['scale']:g}, weights {weights}"


def among_all(source: Source) -> list[dict[str, Any]]:
    """Return what cold vectors do to the lists of all items, where other items have held-out pairs as well."""
    data, generator = source.data, np.random.default_rng(0)
    users, items = data.interactions().tocoo().coords
    cold = np.zeros(len(data.items), bool)
    there = np.unique(items)
    cold[generator.choice(there, round(COLD * len(there)), replace=False)] = True
    held = cold[items] | (generator.random(len(items)) < OTHERS)
    frame = pd.DataFrame({"user_id": data.users.take(users[held]), "item_id": data.items.take(items[held])})
    split = data.split("given", test=frame, validation=0)
    base = from_name(**source.base).fit(split.train, progress=False)
    models = {source.base["kind"]: base, OURS: ColdStart().over(base, split.train)}
    found = evaluate(models, split, METRICS).figures.set_index(["model", "metric"])["value"]
    truth, rows = split.test.matrix, np.flatnonzero(np.diff(split.test.matrix.indptr))
    shown = []
    for name, model in models.items():
        best = topk_vectors(model.user_vectors[rows], model.item_vectors, 20, hidden=split.train.seen()[rows])
        lists = best.rows[best.rows >= 0]
        row: dict[str, Any] = {"model": name, **{metric: round(found[name, metric], 4) for metric in METRICS}}
        row |= {
            "cold items, of all": round(float(cold[there].mean()), 3),
            "cold, of the held-out pairs": round(float(cold[truth.indices].mean()), 3),
            "cold, of the lists": round(float(cold[lists].mean()), 3),
        }
        shown.append(row)
    return shown


def goals_of(source: Source, compared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    recall = [row for row in compared if row["metric"] == METRICS[0] and row["against"] in (POPULAR, COSINE)]
    by_seed: dict[int, list[dict[str, Any]]] = {}
    for row in recall:
        by_seed.setdefault(row["seed"], []).append(row)
    least = [min(rows, key=lambda row: row["times"]) for rows in by_seed.values()]
    bounds = (1.15, 1.4) if source.goals else ()
    what = f"{source.name}, {METRICS[0]} among cold items: {OURS} against the best of {COSINE} and {POPULAR}"
    mean = float(np.mean([row["times"] for row in least]))
    low = min(float(row["times, 95 %"].split(" to ")[0]) for row in least)
    lower = [goal(f"{what}, lowest lower end of the 95 % intervals", low, "x", 1.15)] if source.goals else []
    return [goal(f"{what}, mean of {len(least)} splits", mean, "x", *bounds), *lower]


def sources(bench: Bench) -> list[Source]:
    folder = bench.data
    if not folder or bench.scale != 1 or not (folder / "ml_latest_small").is_dir():
        return [planted(bench.size(2_000, 200))]
    found = [movielens(folder / "ml_latest_small", tags=tags) for tags in (False, True)]
    if (folder / "amazon_beauty_5core").is_dir():
        found.append(beauty(folder / "amazon_beauty_5core"))
    return found


def movielens(folder: Path, *, tags: bool) -> Source:
    films, ratings, given = (pd.read_parquet(folder / f"{name}.parquet") for name in ("items", "ratings", "tags"))
    parts = films["title"].str.extract(TITLE)
    nodes = pd.DataFrame({"id": films["item_id"], "title": parts[0], "year": pd.to_numeric(parts[1])})
    genres = films.assign(target=films["genres"].str.split("|")).explode("target")
    genres = genres[genres["target"] != "(no genres listed)"].rename(columns={"item_id": "source"})
    edges = {"HAS_GENRE": genres[["source", "target"]]}
    attributes = [Attribute("HAS_GENRE", to=Node("Genre", "name"))]
    if tags:
        named = pd.DataFrame({"source": given["item_id"], "target": given["tag"].str.lower()}).drop_duplicates()
        edges, attributes = edges | {"HAS_TAG": named}, [*attributes, Attribute("HAS_TAG", to=Node("Tag", "name"))]
    features = [Feature("title", "words"), Feature("year", "number"), Feature("year", "category")]
    schema = GraphSchema(
        user=Node("User", "id"),
        item=Node("Movie", "id", features=features),
        interactions=[Interaction("RATED")],
        attributes=attributes,
    )
    rated = ratings.rename(columns={"user_id": "source", "item_id": "target"})[["source", "target"]]
    data = dataset_from_frames(rated, schema=schema, nodes={"Movie": nodes}, edges=edges)
    return Source(f"MovieLens latest-small{', with tags' * tags}", data, texts_of(data), {"kind": "fusion"}, not tags)


def beauty(folder: Path) -> Source:
    items, pairs = (pd.read_parquet(folder / f"{name}.parquet") for name in ("items", "item_attributes"))
    bought = pd.read_parquet(folder / "sequences.parquet").rename(columns={"user_id": "source", "item_id": "target"})
    schema = GraphSchema(
        user=Node("User", "id"),
        item=Node("Product", "id", features=[Feature("text", "words")]),
        interactions=[Interaction("BOUGHT")],
        attributes=[Attribute("HAS", to=Node("Attribute", "id"))],
    )
    data = dataset_from_frames(
        bought[["source", "target"]],
        schema=schema,
        nodes={"Product": pd.DataFrame({"id": items["item_id"], "text": items["text_id"]})},
        edges={"HAS": pairs.rename(columns={"item_id": "source", "attribute_id": "target"})},
    )
    return Source("Amazon Beauty", data, texts_of(data), {"kind": "spectral", "dim": 512}, False)


def planted(n: int, groups: int = 6, items: int = 240) -> Source:
    """Return users who mostly take items of their group, which the items' attributes and titles tell."""
    generator = np.random.default_rng(0)
    takes = generator.random((n, items)) < 0.02
    takes |= (generator.random((n, items)) < 0.3) & (np.arange(n)[:, None] % groups == np.arange(items) % groups)
    users, taken = takes.nonzero()
    titles = [f"word{i % groups} other{generator.integers(20)}" for i in range(items)]
    schema = GraphSchema(
        item=Node("Item", "id", features=[Feature("title", "words")]),
        interactions=[Interaction("TOOK")],
        attributes=[Attribute("OF", to=Node("Genre", "name"))],
    )
    data = dataset_from_frames(
        pd.DataFrame({"source": users, "target": taken}),
        schema=schema,
        nodes={"Item": pd.DataFrame({"id": range(items), "title": titles})},
        edges={"OF": pd.DataFrame({"source": range(items), "target": [f"g{i % groups // 2}" for i in range(items)]})},
    )
    return Source("planted", data, texts_of(data), {"kind": "spectral", "dim": 32}, False)


def texts_of(data: Dataset) -> list[str]:
    """Return one text for each item: its properties, and the keys of its attributes as words."""
    parts: list[list[str]] = [[] for _ in range(len(data.items))]
    for name in data.items.properties.column_names:
        for text, value in zip(parts, data.items.properties[name].to_pylist(), strict=True):
            text.append("" if value is None else f"{value:.0f}" if isinstance(value, float) else str(value))
    for attribute in data.schema.attributes:
        edge = data.edges[attribute.type]
        keys = data.nodes[attribute.to.label].take(edge.target_rows).to_pylist()
        for row, key in zip(edge.source_rows.tolist(), keys, strict=True):
            parts[row].append(f"{attribute.type}{key}".replace(" ", "").replace("-", ""))
    return [" ".join(part) for part in parts]
