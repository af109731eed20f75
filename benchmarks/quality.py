"""How good the lists are: models chosen on validation, fitted again on all but the test, judged by it in one call."""

from __future__ import annotations

import hashlib
import json
import os
import statistics
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measure import goal, spread
from graphrec import dataset_from_frames, evaluate
from graphrec.models import (
    ALS,
    FittedVectors,
    Fusion,
    ItemKNN,
    Popularity,
    SoftmaxGCN,
    Spectral,
    load_model,
)

if TYPE_CHECKING:
    from benchmarks.measure import Bench
    from graphrec.data.split import Split
    from graphrec.models import FittedModel, Model

COLUMNS = ("chosen", "choose s", "fit s", "load")
METRICS = ("recall@20", "ndcg@20")
DEFAULT, TEXTBOOK = "fusion", "spectral, exponents of one half"
DIMS = (64, 128, 256, 512, 1024)
PUBLISHED = (
    ("NGCF, SIGIR 2019", 0.1570, 0.1327),
    ("LightGCN, SIGIR 2020", 0.1830, 0.1554),
    ("GF-CF, CIKM 2021", 0.1849, 0.1518),
    ("UltraGCN, CIKM 2021", 0.1862, 0.1580),
    ("SimpleX, CIKM 2021", 0.1872, 0.1557),
    ("LightGCN, 1 layer, BSL, ICDE 2024 (epoch picked on test)", 0.1892, 0.1590),
    ("BSPM-EM, SIGIR 2023", 0.1920, 0.1597),
    ("NESCL, TKDE 2024", 0.1917, 0.1617),
    ("ChebyCF, SIGIR 2025", 0.1941, 0.1616),
)


def run(bench: Bench) -> dict[str, Any]:
    source, frame, split = parts(bench)
    fitted = {name: fit(name, model, split, bench.cache, name != TEXTBOOK) for name, model in models(bench).items()}
    fitted |= _curve(fitted[DEFAULT][0].config, split, bench)
    table, compared = judged({name: model for name, (model, _) in fitted.items()}, split, bench.cache)
    latency = _latency()
    rows = [
        {"model": name, **dict.fromkeys(COLUMNS), **fitted[name][1], **table[name], **latency.get(name, {})}
        for name in fitted
    ]
    seconds = [_from_frame(frame, fitted[TEXTBOOK][0].config) for _ in range(bench.repeats)]
    return {
        "title": "Quality of the lists",
        "goals": _goals(source, fitted, table, statistics.median(seconds)),
        "tables": {
            f"{source}: recall and NDCG of the test part, with 95 % intervals over users": rows,
            f"Difference from {DEFAULT}, paired over users": compared,
            "Seconds from the loaded frame to vectors": [{"model": TEXTBOOK, **spread(seconds)}],
            "Published for Gowalla, the LightGCN split": [
                {"model": name, "recall@20": recall, "ndcg@20": ndcg} for name, recall, ndcg in PUBLISHED
            ],
        },
        "notes": [
            f"{split.rule}. Each model is fitted on the training part, steered by the validation part (`chosen`: "
            "what that decided), then fitted again so on everything but the test part, and judged by the test part, "
            "all of them in one call. No setting was picked by a test figure. Popularity, item-knn and als have "
            "their defaults, which validation does not change.",
            "LightGCN itself is trained by a program of its own, benchmarks/lightgcn_paper.py. "
            "fusion at a dimension: the default's choices with more or fewer numbers, shown as a curve; one fit, as "
            "a compression's first numbers are the compression to fewer. Milliseconds: one user with 50 seen, from "
            "the table of the top-20 above, for as many numbers.",
            f"{TEXTBOOK}: what is written in textbooks; validation did not choose it and prefers the default's.",
            "Seconds: `choose` with the validation part, `fit` again without it; on the machine named below, when "
            "the result was first made (what is in the cache is not fitted again).",
            "The protocols of the published rows were not checked.",
            *(() if "als" in fitted else ("Not installed and left out: implicit, and with it als.",)),
        ],
    }


def parts(bench: Bench) -> tuple[str, pd.DataFrame, Split]:
    """Return the data's name, the frame that a user of the split would load to train on, and the split."""
    if bench.gowalla is None or bench.scale != 1:
        split = dataset_from_frames(bench.frames.ratings[["user_id", "item_id"]]).split("random")
        return "synthetic", _pairs(split), split
    train, test = (pd.read_parquet(bench.gowalla / f"{part}.parquet") for part in ("train", "test"))
    given = bench.gowalla / "valid_lightgcnpp.parquet"
    data = dataset_from_frames(pd.concat([train, test], ignore_index=True))
    validation = pd.read_parquet(given) if given.exists() else 0.1
    return "Gowalla", train, data.split("given", test=test, validation=validation)


def models(bench: Bench) -> dict[str, Model]:
    """Return what is compared, by the names of the table."""
    small = bench.scale < 0.1
    graph: dict[str, Any] = {"dim": 8, "epochs": 1} if small else {}
    parts_: dict[str, Any] = {"parts": ({"kind": "spectral", "dim": 32}, {"kind": "softmax-gcn", **graph})}
    fusion = parts_ if small else {}
    try:
        import implicit  # noqa: F401  is the extra there?

        als = {"als": ALS()}
    except ImportError:
        als = {}
    return {
        "popularity": Popularity(),
        "item-knn": ItemKNN(),
        **als,
        "spectral": Spectral(dim=1024),
        TEXTBOOK: Spectral(dim=512, user_exponent=0.5, item_exponent=0.5, item_weight=0.5, power=0.0),
        "softmax-gcn": SoftmaxGCN(**graph),
        DEFAULT: Fusion(**fusion),
    }


def fit(
    name: str, model: Model, split: Split, cache: Path, choose: bool = True
) -> tuple[FittedModel, dict[str, Any]]:
    """Return the model that validation chose, fitted on all but the test, and its row; from the cache where it is."""
    key = _key(model.kind, model.model_dump(mode="json"), split.train.fingerprint, split.without_test.fingerprint)
    path, record = cache / f"quality-{key}.safetensors", cache / f"quality-{key}.json"
    if path.exists() and record.exists():
        typer.echo(f"  {name}: kept from an earlier run", err=True)
        return load_model(path), json.loads(record.read_text())
    typer.echo(f"  {name}: fitting with validation ...", err=True)
    began = time.perf_counter()
    chosen = model.fit(split.train, validation=split.validation) if choose else None
    between = time.perf_counter()
    typer.echo(f"  {name}: {between - began:.1f} s; on all but the test ...", err=True)
    final = model.fit(split.without_test) if chosen is None else chosen.refit(split.without_test)
    row = {
        "chosen": _changed(model, final.config),
        "choose s": round(between - began, 2),
        "fit s": round(time.perf_counter() - between, 2),
        "load": round(os.getloadavg()[0], 1),
    }
    cache.mkdir(parents=True, exist_ok=True)
    final.save(path)
    record.write_text(json.dumps(row))
    return final, row


def _curve(config: Model, split: Split, bench: Bench) -> dict[str, tuple[FittedModel, dict[str, Any]]]:
    """Return the default's choices at several dimensions."""
    dims = (4, 16) if bench.scale < 0.1 else DIMS
    whole, row = fit(
        f"{DEFAULT}, {dims[-1]}-d", config.model_copy(update={"dim": dims[-1]}), split, bench.cache, False
    )

    def first(dim: int) -> FittedVectors:
        config = whole.config.model_copy(update={"dim": dim})
        vectors = (np.ascontiguousarray(each[:, :dim]) for each in (whole.user_vectors, whole.item_vectors))
        return FittedVectors.of(config, split.without_test, *vectors)

    return {f"{DEFAULT}, {dim}-d": (first(dim), row if dim == dims[-1] else {}) for dim in dims}


def _latency() -> dict[str, dict[str, float]]:
    """Return what one user's list takes in the databases at each dimension, where that was measured."""
    path, found = Path(__file__).parent / "results" / "topk.json", {}
    if path.exists():
        for row in next(iter(json.loads(path.read_text())["tables"].values())):
            if row["seen"] == 50 and row["way"] in ("Ladybug Cypher", "Neo4j index"):
                found.setdefault(f"{DEFAULT}, {row['dim']}-d", {})[f"{row['way']}, ms"] = row["p50"]
    return found


def judged(
    fitted: dict[str, FittedModel], split: Split, cache: Path, on: str = "test"
) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """Return each model's figures and the paired comparison; a part judges the same models only once."""
    configs = {name: [model.config.model_dump(mode="json"), model.fingerprint] for name, model in fitted.items()}
    record = cache / f"quality-{on}-{_key(configs, split.rule)}.json"
    if not record.exists():
        typer.echo(f"  judging {len(fitted)} models on {on} ...", err=True)
        found = evaluate(fitted, split, METRICS, on=on)
        table: dict[str, dict[str, Any]] = {name: {} for name in fitted}
        for row in found.figures.itertuples():
            table[row.model][row.metric] = round(row.value, 5)
            table[row.model][f"{row.metric} 95 %"] = f"{row.low:.4f} to {row.high:.4f}"
        wanted = ["model", "metric", "difference", "low", "high", "effect", "p_holm"]
        compared = found.compare(DEFAULT if DEFAULT in fitted else None)[wanted].to_dict("records")
        cache.mkdir(parents=True, exist_ok=True)
        record.write_text(json.dumps([table, compared]))
    table, compared = json.loads(record.read_text())
    return table, compared


def _goals(source: str, fitted: dict[str, Any], table: dict[str, Any], seconds: float) -> list[dict[str, Any]]:
    recall, ndcg = METRICS
    ours, spectral = table[DEFAULT], table[TEXTBOOK]
    of_gowalla = source == "Gowalla"  # the bounds say nothing about other data

    def against(what: str, value: float, unit: str, *bounds: float, less: bool = False) -> dict[str, Any]:
        return goal(f"{source}, {what}", value, unit, *(bounds if of_gowalla else ()), less=less)

    return [
        against(f"recall@20 of the default ({DEFAULT})", ours[recall], "", 0.19, 0.1941),
        against(f"NDCG@20 of the default ({DEFAULT})", ours[ndcg], "", 0.156, 0.1616),
        against(f"recall@20 of {TEXTBOOK}", spectral[recall], "", 0.183),
        against(f"NDCG@20 of {TEXTBOOK}", spectral[ndcg], "", 0.1554),
        against(f"fit of {TEXTBOOK} from the loaded frame", seconds, "s", 8, 3, less=True),
        against("fit of the default", fitted[DEFAULT][1]["fit s"], "s", 180, 60, less=True),
    ]


def _from_frame(frame: pd.DataFrame, config: Model) -> float:
    began = time.perf_counter()
    config.fit(dataset_from_frames(frame))
    return time.perf_counter() - began


def _pairs(split: Split) -> pd.DataFrame:
    frame = split.without_test.frame(split.train.schema.targets[0].type)
    return frame.rename(columns={"source": "user_id", "target": "item_id"})[["user_id", "item_id"]]


def _changed(before: Model, after: Model) -> str:
    first, last = before.model_dump(mode="json"), after.model_dump(mode="json")
    return json.dumps({name: value for name, value in last.items() if value != first[name]}).replace('"', "")


def _key(*what: Any) -> str:
    return hashlib.sha256(json.dumps(what, sort_keys=True).encode()).hexdigest()[:20]
