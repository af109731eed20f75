"""What attributes bring to graph models: with and without them, on data that have some, all known items."""

from __future__ import annotations

import hashlib
import json
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measure import goal
from graphrec import Attribute, Feature, GraphSchema, Interaction, Node, dataset_from_frames, evaluate
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import (
    Fusion,
    HeteroGNN,
    HeteroLight,
    LightGCN,
    Popularity,
    SoftmaxGCN,
    Spectral,
    load_model,
)

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.measure import Bench
    from graphrec import Dataset
    from graphrec.data.split import Split
    from graphrec.models import FittedVectors, Model

METRICS = ("ndcg@20", "recall@20")
OURS, PLAIN, SAME_LOSS = "hetero-light", "lightgcn", "softmax-gcn"
DIM = 64
GNN_USERS = 5_000  # with more, message passing is left out, for time


def run(bench: Bench) -> dict[str, Any]:
    tables: dict[str, list[dict[str, Any]]] = {}
    goals: list[dict[str, Any]] = []
    for source, data in sets(bench).items():
        split = data.split("random")
        fitted: dict[str, FittedVectors] = {}
        rows: dict[str, dict[str, Any]] = {}
        for name, candidates in models(bench).items():
            if name.startswith("hetero-gnn") and len(data.users) > GNN_USERS:
                continue
            typer.echo(f"  {source}: {name} ...", err=True)
            fitted[name], rows[name] = chosen(candidates, split, bench.cache)
        found = evaluate(fitted, split, METRICS)
        for row in found.figures.itertuples():
            rows[row.model] |= {row.metric: round(row.value, 5)}
            rows[row.model] |= {f"{row.metric} 95 %": f"{row.low:.4f} to {row.high:.4f}"}
        compared = _compared(found, rows)
        tables[f"{source}: figures of the test part, with 95 % intervals over users"] = [
            {"model": name, **row} for name, row in rows.items()
        ]
        tables[f"{source}: what attributes change, paired over users"] = compared
        goals += _goals(source, compared)
    return {
        "title": "Attributes in graph models",
        "goals": goals,
        "tables": tables,
        "notes": [
            "A tenth of all pairs, drawn at random, is test and a tenth validation. Of each model as many settings "
            "as `tried` says were fitted on the training part and steered by the validation part; the best one there "
            "(`chosen`: where it differs from the defaults) was fitted again on everything but the test part. "
            "The test part was judged once, all models in one call.",
            f"Vectors have {DIM} numbers; the spectral model chooses, and fusions have 256 to 1,024. "
            f"`{SAME_LOSS}` is `{OURS}` without attributes: that pair of rows is what attributes bring; "
            f"`{SAME_LOSS}` against `{PLAIN}` is what the loss brings.",
            "MovieLens: genres, the year as a number, the words of the title. Beauty: categories and brands, the "
            "words of a short text. `seconds`: all fits of a row, on a machine that did other things as well.",
            f"Message passing (`hetero-gnn`) is tried where there are at most {GNN_USERS:,} users.",
            "Intervals: paired bootstrap over users; p: paired t test, Holm-corrected over all models and metrics.",
        ],
    }


def models(bench: Bench) -> dict[str, Sequence[Model]]:
    """Return the settings that are tried of each model."""
    small: dict[str, Any] = {"dim": 8, "epochs": 2} if bench.scale < 0.1 else {"dim": DIM}
    spectral: dict[str, Any] = {"kind": "spectral", "dim": 32 if bench.scale < 0.1 else 1024}
    return {
        "popularity": [Popularity()],
        "spectral": [Spectral(dim=spectral["dim"])],
        PLAIN: [
            LightGCN(learning_rate=rate, reg=reg, layers=layers, **small)
            for rate, reg, layers in ((2e-2, 1e-4, 3), (2e-2, 1e-3, 3), (5e-3, 1e-4, 3), (2e-2, 1e-4, 2))
        ],
        SAME_LOSS: [SoftmaxGCN(**small)],
        OURS: [HeteroLight(**small)],
        **{
            f"hetero-gnn, {conv}": [HeteroGNN(conv=conv, learning_rate=rate, **small) for rate in rates]
            for conv, rates in (("sage", (0.003, 0.01)), ("gat", (0.01,)), ("hgt", (0.01,)))
        },
        "fusion": [Fusion(parts=(spectral, {"kind": SAME_LOSS, "weight": 6.0, **small}))],
        "fusion with attributes": [Fusion(parts=(spectral, {"kind": OURS, "weight": 6.0, **small}))],
    }


def chosen(candidates: Sequence[Model], split: Split, cache: Path) -> tuple[FittedVectors, dict[str, Any]]:
    """Return the best model on validation, fitted on all but the test, and its row; from the cache where it is."""
    configs = [[model.kind, model.model_dump(mode="json")] for model in candidates]
    text = json.dumps([configs, split.train.fingerprint, split.without_test.fingerprint], sort_keys=True)
    key = hashlib.sha256(text.encode()).hexdigest()[:20]
    path, record = cache / f"heterogeneous-{key}.safetensors", cache / f"heterogeneous-{key}.json"
    if path.exists() and record.exists():
        return load_model(path), json.loads(record.read_text())
    began, validation = time.perf_counter(), split.validation
    assert validation is not None

    def measured(fitted: FittedVectors) -> float:
        return held_out_metric(
            fitted.user_vectors, fitted.item_vectors, split.train.seen(), validation.matrix, METRICS[0]
        )

    tried = [model.fit(split.train, validation=validation, progress=False) for model in candidates]
    best = max(range(len(tried)), key=lambda place: measured(tried[place]))
    final = tried[best].refit(split.without_test, progress=False)
    usual = type(final.config)().model_dump(mode="json")
    differs = {name: value for name, value in final.config.model_dump(mode="json").items() if value != usual[name]}
    row = {
        "tried": len(tried),
        "chosen": json.dumps(differs).replace('"', ""),
        "validation": round(measured(tried[best]), 5),
        "seconds": round(time.perf_counter() - began),
    }
    cache.mkdir(parents=True, exist_ok=True)
    final.save(path)
    record.write_text(json.dumps(row))
    return final, row


def _compared(found: Any, rows: dict[str, dict[str, Any]]) -> list[dict[str, Any]]:
    with_them = [name for name in rows if name.startswith("hetero")]
    pairs = [(name, against) for name in with_them for against in (PLAIN, "spectral", SAME_LOSS)]
    pairs += [(SAME_LOSS, PLAIN), ("fusion with attributes", "fusion"), ("fusion with attributes", PLAIN)]
    tables = {name: found.compare(name).set_index(["model", "metric"]) for name in {each for _, each in pairs}}
    compared = []
    for model, against in pairs:
        for metric in METRICS:
            row, before = tables[against].loc[(model, metric)], max(rows[against][metric], 1e-9)
            compared.append(
                {
                    "model": model,
                    "against": against,
                    "metric": metric,
                    "times": round(rows[model][metric] / before, 3),
                    "times, 95 %": f"{1 + row.low / before:.3f} to {1 + row.high / before:.3f}",
                    "difference": round(row.difference, 5),
                    "effect": round(row.effect, 2),
                    "p_holm": float(f"{row.p_holm:.2g}"),
                }
            )
    return compared


def _goals(source: str, compared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    found = []
    for row in compared:
        if row["model"] != OURS or row["metric"] != METRICS[0]:
            continue
        bounds = {PLAIN: (1.0, 1.08), "spectral": (1.0,)}.get(row["against"], ()) if source != "planted" else ()
        what = f"{source}: {OURS} against {row['against']}, {row['metric']}"
        found.append(goal(what, row["times"], "x", *bounds))
        if bounds:
            low = float(row["times, 95 %"].split(" to ")[0])
            found.append(goal(f"{what}, lower end of the 95 % interval", low, "x", 1.0))
    return found


def sets(bench: Bench) -> dict[str, Dataset]:
    """Return the data sets by name."""
    there = bench.data if bench.scale == 1 else None
    found = {}
    if there and (there / "ml_latest_small").is_dir():
        found["MovieLens latest-small"] = movielens(there / "ml_latest_small")
    if there and (there / "amazon_beauty_5core").is_dir():
        found["Amazon Beauty"] = beauty(there / "amazon_beauty_5core")
    return found or {"planted": planted(bench.size(1000, 120))}


def movielens(folder: Path) -> Dataset:
    """Return who rated which film, whatever the stars; genres, year and words of the title."""
    schema = GraphSchema(
        user=Node("User", key="user_id"),
        item=Node("Movie", key="item_id", features=[Feature("year", "number"), Feature("title", "words")]),
        interactions=[Interaction("RATED")],
        attributes=[Attribute("HAS_GENRE", Node("Genre", key="genre"))],
    )
    films = pd.read_parquet(folder / "items.parquet")
    year = films["title"].str.extract(r"\((\d{4})\)\s*$")[0]
    films = films.assign(
        year=pd.to_numeric(year), title=films["title"].str.replace(r"\s*\(\d{4}\)\s*$", "", regex=True)
    )
    genres = films.assign(genre=films["genres"].str.split("|")).explode("genre")[["item_id", "genre"]]
    return dataset_from_frames(
        pd.read_parquet(folder / "ratings.parquet")[["user_id", "item_id"]],
        schema=schema,
        nodes={"Movie": films[["item_id", "title", "year"]]},
        edges={"HAS_GENRE": genres[genres["genre"] != "(no genres listed)"]},
    )


def beauty(folder: Path) -> Dataset:
    """Return who bought which product; categories and brands, and the words of a short text."""
    schema = GraphSchema(
        user=Node("User", key="user_id"),
        item=Node("Product", key="item_id", features=[Feature("text", "words")]),
        interactions=[Interaction("BOUGHT")],
        attributes=[Attribute("HAS", Node("Attribute", key="attribute_id"))],
    )
    return dataset_from_frames(
        pd.read_parquet(folder / "sequences.parquet")[["user_id", "item_id"]],
        schema=schema,
        nodes={
            "Product": pd.read_parquet(folder / "items.parquet").rename(columns={"text_id": "text"})[
                ["item_id", "text"]
            ]
        },
        edges={"HAS": pd.read_parquet(folder / "item_attributes.parquet")},
    )


def planted(n: int, groups: int = 6, items: int = 240) -> Dataset:
    """Return users who mostly play the items of their group, which is a tag of the item."""
    generator = np.random.default_rng(0)
    plays = generator.random((n, items)) < 0.01
    plays |= (generator.random((n, items)) < 0.2) & (np.arange(n)[:, None] % groups == np.arange(items) % groups)
    users, played = plays.nonzero()
    attributes = [Attribute("TAGGED", Node("Tag", key="tag_id"))]
    schema = GraphSchema(interactions=[Interaction("TOOK")], attributes=attributes)
    tags = pd.DataFrame({"item_id": np.arange(items), "tag_id": np.arange(items) % groups})
    return dataset_from_frames(
        pd.DataFrame({"user_id": users, "item_id": played}), schema=schema, edges={"TAGGED": tags}
    )
