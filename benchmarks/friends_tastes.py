"""What friends' tastes bring: each vector model with and without them, for users with no plays, few, and all."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import typer

from benchmarks.measure import goal
from graphrec import GraphSchema, Interaction, Social, dataset_from_frames, evaluate
from graphrec.models import FriendTastes, Fusion, LightGCN, Popularity, SoftmaxGCN, Spectral

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.measure import Bench
    from graphrec import Dataset
    from graphrec.data.split import Split
    from graphrec.models import FittedVectors, Model

SCHEMA = GraphSchema(interactions=[Interaction("LISTENED")], social=[Social("FRIEND")])
SHARE, MOST = 0.2, 5  # of the users, how many are thinned for each part; how many plays they keep at most
METRICS = ("ndcg@20", "recall@20")
PLAIN, WITH, SHUFFLED = "lightgcn", "{} + friends", "lightgcn + shuffled friends"
NONE, FEW, OTHERS, ALL = "0 plays", f"1 to {MOST} plays", "other users", "all users"
LEAST = "fewest plays (a quarter)"


@dataclass(frozen=True, eq=False)
class Judged:
    """A split and the rows of the users of each group."""

    name: str
    split: Split
    groups: dict[str, NDArray[np.int64]]


def run(bench: Bench) -> dict[str, Any]:
    source, data = hetrec(bench)
    tables: dict[str, list[dict[str, Any]]] = {}
    goals: list[dict[str, Any]] = []
    notes: list[str] = []
    for judged in (thinned(data), by_activity(data)):
        typer.echo(f"  {judged.name} ...", err=True)
        fitted, seconds = models(bench, judged.split)
        figures, compared = _figures(judged, fitted)
        tables[f"{source}, {judged.name}: figures of the test part, with 95 % intervals over users"] = figures
        tables[f"{source}, {judged.name}: what friends change, paired over users"] = compared
        goals += _goals(source, judged, compared)
        chosen = {name: model.config.strength for name, model in fitted.items() if hasattr(model.config, "strength")}
        notes.append(
            f"{judged.name}: {judged.split.rule}. Strength chosen: "
            + ", ".join(f"{name} {strength:g}" for name, strength in chosen.items())
            + f". Mixing, the choice included: {statistics.median(seconds):.2g} s."
        )
    return {
        "title": "Friends' tastes",
        "goals": goals,
        "tables": tables,
        "notes": [
            *notes,
            f"Thinned: {SHARE:.0%} of the users, drawn at random, keep 0 to {MOST} plays in train, and the rest of "
            "theirs is test; as many others likewise for validation; of all other users a tenth of the pairs is test "
            "and a tenth validation.",
            "All models are fitted on the training part, steered by the validation part, and judged by the test part "
            "in one run. `+ friends` mixes the vectors of that same fit, so that a pair of rows differs by the ties "
            f"alone. `{SHUFFLED}`: the same ties between users drawn at random, strength 3.",
            "Intervals: paired bootstrap over users; p: paired t test, Holm-corrected over all models and metrics of "
            "a group. Ties of these data are undated: some may be younger than the plays that are held out.",
        ],
    }


def thinned(data: Dataset, seed: int = 0) -> Judged:
    """Return a split in which some users keep a handful of plays or none; theirs are most of the test part."""
    matrix = data.interactions()
    generator, n = np.random.default_rng(seed), matrix.shape[0]
    drawn, each = generator.permutation(n), round(SHARE * n)
    part_of = np.zeros(n, np.int64)
    part_of[drawn[:each]], part_of[drawn[each : 2 * each]] = 1, 2
    keeps = generator.integers(0, MOST + 1, n)
    users, items = matrix.tocoo().coords
    order = np.lexsort((generator.random(len(users)), users))
    place = np.empty(len(users), np.int64)
    place[order] = np.arange(len(users)) - matrix.indptr[users[order]]
    luck, hidden = generator.random(len(users)), place >= keeps[users]
    whole = part_of[users] == 0
    parts = [
        ((part_of[users] == number) & hidden) | (whole & (luck >= low) & (luck < low + 0.1))
        for number, low in ((1, 0.0), (2, 0.1))
    ]
    test, validation = (
        pd.DataFrame({"user_id": data.users.take(users[part]), "item_id": data.items.take(items[part])})
        for part in parts
    )
    few = (part_of == 1) & (keeps > 0)
    groups = {FEW: few, NONE: (part_of == 1) & (keeps == 0), OTHERS: part_of == 0, ALL: np.ones(n, bool)}
    return Judged(
        "thinned users",
        data.split("given", test=test, validation=validation),
        {name: np.flatnonzero(members) for name, members in groups.items()},
    )


def by_activity(data: Dataset) -> Judged:
    """Return a plain random split, and the quarter of its users who have the fewest plays in train."""
    split = data.split("random")
    counts = np.diff(split.train.interactions().indptr)
    tested = np.flatnonzero(np.diff(split.test.matrix.indptr))
    fewest = tested[np.argsort(counts[tested], kind="stable")[: -(-len(tested) // 4)]]
    return Judged("plain random split", split, {LEAST: fewest, ALL: tested})


def models(bench: Bench, split: Split) -> tuple[dict[str, FittedVectors], list[float]]:
    """Return each model with and without friends, the ablations, and what mixing took in seconds."""
    small: dict[str, Any] = {"dim": 8, "epochs": 2} if bench.scale < 0.1 else {}
    parts: dict[str, Any] = {"parts": ({"kind": "spectral", "dim": 32}, {"kind": "softmax-gcn", **small})}
    bases: dict[str, Model] = {
        PLAIN: LightGCN(**small),
        "spectral": Spectral(),
        "softmax-gcn": SoftmaxGCN(**small),
        "fusion": Fusion(**(parts if small else {})),
    }
    data, validation = split.train, split.validation
    fitted: dict[str, FittedVectors] = {"popularity": Popularity().fit(data)}
    seconds = []
    for name, model in bases.items():
        typer.echo(f"    {name}", err=True)
        fitted[name] = model.fit(data, validation=validation, progress=False)
        began = time.perf_counter()
        fitted[WITH.format(name)] = FriendTastes().over(fitted[name], data, validation=validation)
        seconds.append(time.perf_counter() - began)
    others = _shuffled(data)
    moved = FriendTastes(strength=3).over(replace(fitted[PLAIN], fingerprint=others.fingerprint), others)
    fitted[SHUFFLED] = replace(moved, fingerprint=data.fingerprint)
    return fitted, seconds


def _shuffled(data: Dataset) -> Dataset:
    """Return the data with the same network of ties laid over the users at random."""
    edge, place = data.edges["FRIEND"], np.random.default_rng(0).permutation(len(data.users))
    moved = replace(edge, source_rows=place[edge.source_rows], target_rows=place[edge.target_rows])
    return data.with_edges({"FRIEND": moved})


def _figures(judged: Judged, fitted: dict[str, FittedVectors]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    figures: list[dict[str, Any]] = []
    compared: list[dict[str, Any]] = []
    for group, rows in judged.groups.items():
        found = evaluate(fitted, judged.split, METRICS, users=judged.split.train.users.take(rows).to_pylist())
        values = {(row.model, row.metric): row for row in found.figures.itertuples()}
        for name in fitted:
            shown = {"group": group, "users": values[name, METRICS[0]].n_users, "model": name}
            for metric in METRICS:
                row = values[name, metric]
                shown |= {metric: round(row.value, 5), f"{metric} 95 %": f"{row.low:.4f} to {row.high:.4f}"}
            figures.append(shown)
        bases = [name for name in fitted if WITH.format(name) in fitted]
        pairs = [(WITH.format(name), name) for name in bases]
        pairs += [(WITH.format(name), PLAIN) for name in bases[1:]] + [(SHUFFLED, PLAIN)]
        pairs += [(WITH.format(name), "popularity") for name in bases] if group == NONE else []
        tables = {name: found.compare(name).set_index(["model", "metric"]) for name in {each for _, each in pairs}}
        for model, against in pairs:
            for metric in METRICS:
                row, before = tables[against].loc[(model, metric)], max(values[against, metric].value, 1e-9)
                compared.append(
                    {
                        "group": group,
                        "model": model,
                        "against": against,
                        "metric": metric,
                        "times": round(values[model, metric].value / before, 3),
                        "times, 95 %": f"{1 + row.low / before:.3f} to {1 + row.high / before:.3f}",
                        "difference": round(row.difference, 5),
                        "effect": round(row.effect, 2),
                        "p_holm": float(f"{row.p_holm:.2g}"),
                    }
                )
    return figures, compared


def _goals(source: str, judged: Judged, compared: list[dict[str, Any]]) -> list[dict[str, Any]]:
    first, friends = next(iter(judged.groups)), WITH.format(PLAIN)
    wanted = [(first, PLAIN)] + [(NONE, "popularity")] * (NONE in judged.groups)
    found = []
    for row in compared:
        if row["model"] != friends or (row["group"], row["against"]) not in wanted:
            continue
        bounds = (1.0, 1.1) if row["group"] == FEW and source != "planted" else ()  # they say nothing of other data
        what = f"{source}, {judged.name}, {row['group']}: {friends} against {row['against']}, {row['metric']}"
        found.append(goal(what, row["times"], "x", *bounds))
        if bounds:
            low = float(row["times, 95 %"].split(" to ")[0])
            found.append(goal(f"{what}, lower end of the 95 % interval", low, "x", 1.0))
    return found


def hetrec(bench: Bench) -> tuple[str, Dataset]:
    """Return the name and the data: plays and ties of HetRec Last.fm where they are, else planted ones."""
    folder = bench.data and bench.data / "hetrec_lastfm2k"
    if folder and folder.is_dir() and bench.scale == 1:
        played = pd.read_parquet(folder / "interactions.parquet")[["user_id", "item_id"]]
        ties = pd.read_parquet(folder / "friends.parquet")
        return "HetRec Last.fm", dataset_from_frames(played, schema=SCHEMA, edges={"FRIEND": ties})
    return "planted", planted(bench.size(1000, 120))


def planted(n: int, groups: int = 6, items: int = 240) -> Dataset:
    """Return users who mostly play the items of their group, with most of their ties inside it."""
    generator = np.random.default_rng(0)
    plays = generator.random((n, items)) < 0.01
    plays |= (generator.random((n, items)) < 0.4) & (np.arange(n)[:, None] % groups == np.arange(items) % groups)
    users, played = plays.nonzero()
    source = np.arange(n).repeat(6)
    near = (source + groups * generator.integers(1, 20, len(source))) % (n - n % groups)
    target = np.where(generator.random(len(source)) < 0.8, near, generator.integers(0, n, len(source)))
    frame = pd.DataFrame({"user_id": users, "item_id": played})
    ties = pd.DataFrame({"user_id": source, "friend_id": target})
    return dataset_from_frames(frame, schema=SCHEMA, edges={"FRIEND": ties})
