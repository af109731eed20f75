"""Suggesting people, judged by held-out ties: the blend against its parts and other models, and what tastes add."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import typer

from benchmarks.friends_tastes import hetrec, planted
from benchmarks.measure import goal
from graphrec import Attribute, GraphSchema, Node, Social, evaluate
from graphrec.data.dataset import Dataset
from graphrec.models import EASE, SoftmaxGCN, Spectral
from graphrec.social.friends import Friends
from graphrec.social.people import hold_out_ties

if TYPE_CHECKING:
    from collections.abc import Mapping

    from benchmarks.measure import Bench
    from graphrec.data.split import Split
    from graphrec.models import Model

METRICS = ("recall@20", "mrr@20", "ndcg@20")
PLAIN, BLEND, TIES, BOTH = "adamic-adar", "blend", "ties alone", "ties + tastes"
DESCRIBED = "blend, attributes too"
FEW = 5
SEEDS = (0, 1, 2)


def run(bench: Bench) -> dict[str, Any]:
    small: dict[str, Any] = {"dim": 8, "trees": 20} if bench.scale < 0.1 else {}
    name, data = _asia(bench)
    split = hold_out_ties(data, seed=0)
    figures, compared = _figures(_fitted(_models(small), split), split, PLAIN)
    tables = {
        f"{name}: held-out ties, with 95 % intervals over users": figures,
        f"{name}: against {PLAIN}, paired over users": compared,
    }
    goals = []
    for row in compared:
        if row["model"] in (BLEND, DESCRIBED) and row["metric"] != "ndcg@20":
            bounds = (1.1, 1.25) if bench.scale == 1 and name != "planted" else ()
            what = f"{name}: {row['model']}, against {PLAIN}, {row['metric']}"
            goals.append(goal(what, row["times"], "x", *bounds))
    notes = [_reachable(name, split)]
    name, data = hetrec(bench)
    for seed in SEEDS if bench.scale == 1 else SEEDS[:1]:
        split = hold_out_ties(data, seed=seed)
        ties = np.diff(split.without_test.interactions().indptr)
        models = {PLAIN: Friends(by="adamic-adar"), TIES: Friends(tastes=False, **small), BOTH: Friends(**small)}
        fitted = _fitted(models, split)
        for group, rows in {f"fewer than {FEW} ties": ties < FEW, "all users": ties >= 0}.items():
            users = split.train.users.take(np.flatnonzero(rows)).to_pylist()
            figures, compared = _figures(fitted, split, TIES, users)
            named = {"split": f"seed {seed}", "group": group}
            for about, shown in (
                ("held-out ties, with 95 % intervals over users", figures),
                (f"against {TIES}, paired over users", compared),
            ):
                tables.setdefault(f"{name}, {about}", []).extend(named | row for row in shown)
            for row in compared:
                if seed == SEEDS[0] and row["model"] == BOTH and row["metric"] == METRICS[0]:
                    few = group.startswith("fewer") and name != "planted"
                    what = f"{name}, {group}: {BOTH} against {TIES}, {row['metric']}"
                    goals.append(goal(what, row["times"], "x", *((1.15, 1.3) if few else ())))
    return {
        "title": "Suggesting people",
        "goals": goals,
        "tables": tables,
        "notes": [
            *notes,
            "A tenth of the ties, drawn at random, is the test part, a tenth of the others the validation part, by "
            "which alone defaults were chosen. Models are fitted on all but the test part, and judged by it once. "
            "All people whom a user is not tied to are ranked, all friends of friends, the hard ones, among them.",
            f"{DESCRIBED}: with what describes the users as well, in LastFM Asia the 18 countries.",
            f"Fewer than {FEW} ties: in what the models are fitted on; a held-out tie is one more.",
            "Intervals: paired bootstrap over users; p: paired t test, Holm-corrected over models and metrics.",
        ],
    }


def _models(small: dict[str, Any]) -> dict[str, Model | Friends]:
    names = (PLAIN, "resource-allocation", "jaccard", "pagerank")
    dims = {"dim": 8} if small else {}
    return {
        **{by: Friends(by=by, tastes=False) for by in names},  # type: ignore[arg-type]  # literals
        "spectral": Spectral(**dims),
        "softmax-gcn": SoftmaxGCN(temperature=0.15, **(dims | {"epochs": 2} if dims else {})),
        "ease": EASE(reg=20.0),
        BLEND: Friends(tastes=False, **small),
        DESCRIBED: Friends(**small),
    }


def _fitted(models: Mapping[str, Model | Friends], split: Split) -> dict[str, Any]:
    fitted, data = {}, split.without_test
    for name, model in models.items():
        began = time.perf_counter()
        fitted[name] = model.fit(data) if isinstance(model, Friends) else model.fit(data, progress=False)
        typer.echo(f"    {name}: {time.perf_counter() - began:.1f} s", err=True)
    return fitted


def _figures(
    fitted: dict[str, Any], split: Split, against: str, users: list[Any] | None = None
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    found = evaluate(fitted, split, METRICS, users=users)
    values = {(row.model, row.metric): row for row in found.figures.itertuples()}
    figures: list[dict[str, Any]] = []
    for name in fitted:
        shown: dict[str, Any] = {"model": name, "users": values[name, METRICS[0]].n_users}
        for metric in METRICS:
            row = values[name, metric]
            shown |= {metric: round(row.value, 4), f"{metric}, 95 %": f"{row.low:.4f} to {row.high:.4f}"}
        figures.append(shown)
    compared: list[dict[str, Any]] = []
    for row in found.compare(against).itertuples():
        before = max(values[against, row.metric].value, 1e-9)
        compared.append(
            {
                "model": row.model,
                "metric": row.metric,
                "times": round(values[row.model, row.metric].value / before, 3),
                "times, 95 %": f"{1 + row.low / before:.3f} to {1 + row.high / before:.3f}",
                "difference": round(row.difference, 4),
                "p_holm": float(f"{row.p_holm:.2g}"),
            }
        )
    return figures, compared


def _reachable(name: str, split: Split) -> str:
    """Say how many of the held-out ties a score of common friends can find at all."""
    ties = split.without_test.interactions()
    users, others = split.test.matrix.nonzero()
    common = np.asarray(ties[users].multiply(ties[others]).sum(1)).ravel()
    return f"{name}: {(common > 0).mean():.0%} of the held-out ties are between friends of friends."


def _asia(bench: Bench) -> tuple[str, Dataset]:
    folder = bench.data and bench.data / "lastfm_asia"
    if folder and folder.is_dir() and bench.scale == 1:
        people = pd.read_parquet(folder / "lastfm_asia_nodes.parquet")
        keys, (place, countries) = people["id"], pd.factorize(people["target"], sort=True)
        row_of = pd.Series(range(len(keys)), keys)
        pairs = pd.read_parquet(folder / "lastfm_asia_edges.parquet")
        ties = pa.table({"source": row_of[pairs["src"]].to_numpy(), "target": row_of[pairs["dst"]].to_numpy()})
        lives = Attribute("LIVES_IN", Node("Country", "code"), of="user")
        schema = GraphSchema(user=Node("User", "id"), social=[Social("FRIEND")], attributes=[lives])
        tables = {"User": pa.table({"key": pa.array(keys)}), "Country": pa.table({"key": pa.array(countries)})}
        edges = {"FRIEND": ties, "LIVES_IN": pa.table({"source": np.arange(len(keys)), "target": place})}
        return "LastFM Asia", Dataset.from_tables(schema, tables, edges)
    return "planted", planted(bench.size(1000, 120))
