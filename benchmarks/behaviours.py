"""Several behaviours: what is done besides the target, learned from too, against the target alone."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measure import goal
from graphrec import GraphSchema, Interaction, dataset_from_frames, evaluate
from graphrec.models import Fusion, LightGCN, Popularity

if TYPE_CHECKING:
    from benchmarks.measure import Bench
    from graphrec import Dataset

METRICS = ("ndcg@20", "recall@20")
ALONE, ALL, SAME = "target alone", "target and the other, weights chosen", "both taken for the same"


def run(bench: Bench) -> dict[str, Any]:
    rows, goals = [], []
    for name, data, others in _sets(bench):
        typer.echo(f"  {name} ...", err=True)
        found = _judged(bench, data)
        rows += [{"data": name, "the other": others, **row} for row in found]
        best = next(row for row in found if row["model"] == ALL)
        goals.append(goal(f"{name}: {ALL} / {ALONE}, NDCG@20", best["times"], "x", 1.0))
    return {
        "title": "Several behaviours",
        "goals": goals,
        "tables": {"The test part": rows},
        "notes": [
            "Random splits: a tenth of the target's pairs is test and a tenth validation; the other interactions of "
            "such a pair leave train. Weights are chosen on the validation part, which steers the training too.",
            "MovieLens: the target is a rating of 4 stars or more; the other are lower ratings. HetRec Last.fm: the "
            "target is listening; the other is tagging. Both hide their items in all lists.",
        ],
    }


def _judged(bench: Bench, data: Dataset) -> list[dict[str, Any]]:
    split = data.split("random")
    small: dict[str, Any] = {"dim": 8, "epochs": 2} if bench.scale < 1 else {"dim": 64}
    parts = ({"kind": "spectral", "dim": 8 if small else 1024}, {"kind": "softmax-gcn", "weight": 6.0, **small})
    every = [kind.type for kind in data.schema.interactions]
    plain = Fusion() if bench.scale == 1 else Fusion(parts=parts)
    models = {
        ALONE: plain,
        ALL: Fusion(parts=(*plain.parts, *({**part, "on": every} for part in plain.parts))),
        SAME: Fusion(parts=tuple({**part, "on": every} for part in plain.parts)),
        "lightgcn, target alone": LightGCN(**({"dim": 8, "epochs": 2} if bench.scale < 1 else {})),
    }
    fitted, seconds = {}, {}
    for name, model in models.items():
        began = time.perf_counter()
        fitted[name] = model.fit(split.train, validation=split.validation, progress=False)
        seconds[name] = time.perf_counter() - began
    found = evaluate({**fitted, "popularity": Popularity().fit(split.train)}, split, METRICS)
    values = {(row.model, row.metric): row.value for row in found.figures.itertuples()}
    compared = found.compare(ALONE).set_index(["model", "metric"])
    rows = []
    for name in dict.fromkeys(model for model, _ in values):
        row: dict[str, Any] = {"model": name, **{metric: round(values[name, metric], 5) for metric in METRICS}}
        if name != ALONE:
            paired, against = compared.loc[(name, METRICS[0])], values[ALONE, METRICS[0]]
            row |= {"times": round(values[name, METRICS[0]] / against, 4)}
            row |= {"times, 95 %": f"{1 + paired.low / against:.3f} to {1 + paired.high / against:.3f}"}
            row |= {"p_holm": float(f"{paired.p_holm:.2g}")}
        rows.append({**row, "fit s": round(seconds.get(name, 0))})
    return rows


def _sets(bench: Bench) -> list[tuple[str, Dataset, str]]:
    if bench.data is None or bench.scale != 1:
        return [("planted", planted(), "viewed")]
    found = []
    movies, hetrec = bench.data / "ml_latest_small", bench.data / "hetrec_lastfm2k"
    if movies.is_dir():
        rated = pd.read_parquet(movies / "ratings.parquet")
        liked = rated["rating"] >= 4
        found.append(("MovieLens small", _of("LIKED", rated[liked], "RATED_LOWER", rated[~liked]), "rated lower"))
    if hetrec.is_dir():
        played, tagged = (pd.read_parquet(hetrec / f"{part}.parquet") for part in ("interactions", "user_item_tags"))
        tagged = tagged[["user_id", "item_id"]].drop_duplicates()
        found.append(("HetRec Last.fm", _of("LISTENED", played, "TAGGED", tagged), "tagged"))
    return found


def _of(target: str, pairs: pd.DataFrame, other: str, more: pd.DataFrame) -> Dataset:
    schema = GraphSchema(interactions=[Interaction(target, target=True), Interaction(other)])
    both = [frame[["user_id", "item_id"]].astype(str) for frame in (pairs, more)]
    return dataset_from_frames(both[0], schema=schema, edges={other: both[1]})


def planted(n: int = 200, m: int = 120, groups: int = 6) -> Dataset:
    """Return users who buy a little and view a lot, both among the items of their group."""
    generator = np.random.default_rng(0)
    same = np.arange(n)[:, None] % groups == np.arange(m) % groups
    frames = []
    for share in (0.2, 0.6):
        users, items = ((generator.random((n, m)) < share) & same).nonzero()
        frames.append(pd.DataFrame({"user_id": users, "item_id": items}))
    return _of("BOUGHT", frames[0], "VIEWED", frames[1])
