"""What hybrids bring over the best single model, on three data sets; and what re-ranking costs."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measure import goal
from graphrec import (
    MMR,
    Attribute,
    Calibrated,
    Explore,
    ExposureCap,
    GraphSchema,
    Interaction,
    Node,
    PopularityPenalty,
    dataset_from_frames,
    evaluate,
    rerank_costs,
)
from graphrec.models import (
    ALS,
    EASE,
    FittedHybrid,
    Fusion,
    ItemKNN,
    LearnedFusion,
    RankFusion,
    Spectral,
    load_model,
)

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.measure import Bench
    from graphrec import Dataset
    from graphrec.data.split import Split
    from graphrec.models import FittedModel, Model

GENRE, SEED = "HAS_GENRE", 7  # a split on which nothing was tried while hybrids were made
SCHEMA = GraphSchema(interactions=[Interaction("TOOK")], attributes=[Attribute(GENRE, to=Node("Genre", key="name"))])
METRICS = ("ndcg@20", "recall@20")
LEARNED, WEIGHTED, PLAIN = "learned fusion", "weighted fusion", "reciprocal ranks, all alike"
WAYS = (
    MMR(share=0.1),
    MMR(share=0.3),
    MMR(share=0.3, by=GENRE),
    Calibrated(attribute=GENRE, strength=0.3),
    Calibrated(attribute=GENRE, strength=0.7),
    PopularityPenalty(strength=0.2),
    PopularityPenalty(strength=0.5),
    ExposureCap(share=0.1),
    ExposureCap(share=0.05),
    Explore(share=0.05),
    Explore(share=0.1),
)


def run(bench: Bench) -> dict[str, Any]:
    tables: dict[str, list[dict[str, Any]]] = {}
    goals: list[dict[str, Any]] = []
    notes: list[str] = []
    gains = 0
    sources = _sources(bench)
    for name, data in sources.items():
        typer.echo(f"  {name} ...", err=True)
        split = data.split("random", seed=SEED)
        figures, compared, chosen = _judged(bench, split)
        tables[f"{name}: NDCG and recall of the test part, with 95 % intervals over users"] = figures
        tables[f"{name}: against the best single model, which validation chose, paired over users"] = compared
        notes.append(f"{name}: {split.rule}; {chosen}.")
        row = next(row for row in compared if (row["model"], row["metric"]) == (LEARNED, METRICS[0]))
        bounds: tuple[float, ...] = (1.0, 1.03) if len(sources) > 1 else ()
        low = float(row["times, 95 %"].split(" to ")[0])
        gains += low > 1
        goals.append(goal(f"{name}, learned fusion against {row['against']}, NDCG@20", row["times"], "x", *bounds))
        goals.append(
            goal(f"{name}, the same, lower end of the 95 % interval", low, "x", *([0.995] if bounds else []))
        )
    if len(sources) > 1:
        goals.append(goal("data sets with a significant gain of learned fusion", gains, "of 3", 2))
    name, data = next(iter(sources.items()))
    caption = f"{name}: what re-ranking costs in NDCG@20, as shares of the model's own, and what it brings"
    tables[caption] = _costs(bench, data.split("random", seed=SEED))
    return {
        "title": "Hybrids and re-ranking",
        "goals": goals,
        "tables": tables,
        "notes": [
            *notes,
            "Parts are fitted on the training part, steered by the validation part, on which all else is chosen too: "
            "the best single model, weights, the learned formula, and whether it is used. All is then fitted again "
            "to everything but the test part, and judged by it in one call.",
            "Intervals: paired bootstrap over users; p: paired t test, Holm-corrected over all models and metrics.",
            "Re-ranking: of the best single model, fitted on the training part, from 100 candidates; shares and "
            "strengths are examples that nothing was chosen by. change: of NDCG@20, with the paired 95 % interval.",
        ],
    }


def _judged(bench: Bench, split: Split) -> tuple[list[dict[str, Any]], list[dict[str, Any]], str]:
    """Return figures, comparisons, and what was chosen."""
    first, last, best = _parts(bench, split)
    kinds = tuple({"kind": model.config.kind} for model in first)
    hybrids: dict[str, FittedHybrid] = {}
    said = []
    for label, config in (
        (LEARNED, LearnedFusion(parts=kinds)),
        (WEIGHTED, RankFusion(parts=kinds)),
        (PLAIN, RankFusion(parts=kinds, by="ranks")),
    ):
        if label != PLAIN:
            config = config.choose(FittedHybrid.of(config, split.train, first), split.validation, METRICS[0])
            said.append(f"{label}: {_chosen(config)}")
        hybrids[label] = FittedHybrid.of(config, split.without_test, last)
    found = evaluate({model.name: model for model in last} | hybrids, split, METRICS)
    rows: dict[str, dict[str, Any]] = {}
    value = {}
    for row in found.figures.itertuples():
        value[row.model, row.metric] = row.value
        shown = {row.metric: round(row.value, 5), f"{row.metric} 95 %": f"{row.low:.4f} to {row.high:.4f}"}
        rows.setdefault(row.model, {"model": row.model}).update(shown)
    compared = []
    for row in found.compare(best).itertuples():
        before = max(value[best, row.metric], 1e-9)
        compared.append(
            {
                "model": row.model,
                "against": best,
                "metric": row.metric,
                "times": round(value[row.model, row.metric] / before, 4),
                "times, 95 %": f"{1 + row.low / before:.4f} to {1 + row.high / before:.4f}",
                "effect": round(row.effect, 3),
                "p_holm": float(f"{row.p_holm:.2g}"),
            }
        )
    return list(rows.values()), compared, "; ".join(said)


def _chosen(config: RankFusion | LearnedFusion) -> str:
    if isinstance(config, RankFusion):
        return f"by {config.by}, " + ", ".join(f"{part['kind']} {part['weight']:.2f}" for part in config.parts)
    used, n = np.flatnonzero(config.coefficients), len(config.parts)
    if len(used) > n:
        return "the learned formula"
    way = "places" if used.min() >= n else "scores"
    return f"a weighted sum of {way}" if len(used) > 1 else f"{config.parts[used[0] % n]['kind']} alone"


def _parts(bench: Bench, split: Split) -> tuple[list[FittedModel], list[FittedModel], str]:
    """Return the single models on the training part and on all but the test, and which one validation chooses."""
    pairs = [_fit(bench.cache, model, split) for model in _models(bench)]
    first, last = [one for one, _ in pairs], [two for _, two in pairs]
    values = evaluate(first, split, METRICS[:1], on="validation").figures
    return first, last, str(values["model"].iloc[int(np.argmax(values["value"]))])


def _models(bench: Bench) -> list[Model]:
    if bench.scale < 0.1:
        return [Spectral(dim=8), ItemKNN(neighbours=20), EASE()]
    try:
        import implicit  # noqa: F401  is the extra there?

        als: list[Model] = [ALS()]
    except ImportError:
        als = []
    return [Fusion(), EASE(), ItemKNN(), *als]


def _fit(cache: Path, model: Model, split: Split) -> tuple[FittedModel, FittedModel]:
    """Return the model fitted with the validation part, and again on all but the test; kept between runs."""
    told = [model.kind, model.model_dump(mode="json"), split.train.fingerprint, split.without_test.fingerprint]
    key = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:20]
    paths = [cache / f"hybrids-{key}-{part}.safetensors" for part in ("train", "rest")]
    if not all(path.exists() for path in paths):
        typer.echo(f"    {model.kind}", err=True)
        cache.mkdir(parents=True, exist_ok=True)
        chosen = model.fit(split.train, validation=split.validation, progress=False)
        chosen.save(paths[0])
        chosen.refit(split.without_test, progress=False).save(paths[1])
    return load_model(paths[0]), load_model(paths[1])


def _costs(bench: Bench, split: Split) -> list[dict[str, Any]]:
    first, _, best = _parts(bench, split)
    model = next((each for each in first if each.name == best and hasattr(each, "item_vectors")), first[0])
    table = rerank_costs(model, WAYS, split, on="test")
    table["rerank"] = [f"{model.name}, as it is", *table["rerank"].iloc[1:]]
    numbers = list(table.select_dtypes("number").columns)
    table[numbers] = table[numbers].round(4)
    return [{str(key): value for key, value in row.items()} for row in table.to_dict("records")]


def _sources(bench: Bench) -> dict[str, Dataset]:
    """Return the data sets that are there; else one that is made up."""
    if bench.data is None or bench.scale != 1:
        return {"made up": _made_up(bench.size(1500, 120))}
    found = {}
    for name, folder, file in (
        ("MovieLens latest-small", "ml_latest_small", "ratings"),
        ("HetRec Last.fm", "hetrec_lastfm2k", "interactions"),
        ("Amazon Beauty", "amazon_beauty_5core", "sequences"),
    ):
        if (bench.data / folder).is_dir():
            frame = pd.read_parquet(bench.data / folder / f"{file}.parquet")[["user_id", "item_id"]]
            edges = {GENRE: _genres(bench.data / folder, frame)} if file == "ratings" else {}
            found[name] = dataset_from_frames(frame, schema=SCHEMA, edges=edges)
    return found or {"made up": _made_up(bench.size(1500, 120))}


def _genres(folder: Path, ratings: pd.DataFrame) -> pd.DataFrame:
    items = pd.read_parquet(folder / "items.parquet", columns=["item_id", "genres"])
    items = items[items["item_id"].isin(ratings["item_id"]) & (items["genres"] != "(no genres listed)")]
    return items.assign(name=items["genres"].str.split("|")).explode("name")[["item_id", "name"]]


def _made_up(n: int, groups: int = 6, items: int = 240) -> Dataset:
    """Return users who mostly take the items of their group, popular ones more often."""
    generator = np.random.default_rng(0)
    same = np.arange(n)[:, None] % groups == np.arange(items) % groups
    often = 0.6 * (1 + np.arange(items)) ** -0.2
    users, taken = (generator.random((n, items)) < np.where(same, often, 0.03)).nonzero()
    genres = pd.DataFrame({"item_id": range(items), "name": [f"genre {i % groups}" for i in range(items)]})
    frame = pd.DataFrame({"user_id": users, "item_id": taken})
    return dataset_from_frames(frame, schema=SCHEMA, edges={GENRE: genres[genres["item_id"].isin(taken)]})
