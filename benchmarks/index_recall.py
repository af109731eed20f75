"""How much of the exact unseen top-20 Neo4j's vector index finds, with vectors of a trained model."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.measure import goal
from benchmarks.rows import runner
from graphrec import dataset_from_frames
from graphrec.models import LightGCN
from graphrec.models.saved import load_model
from graphrec.rank.topk import topk_vectors
from graphrec.schema import GraphSchema

if TYPE_CHECKING:
    from benchmarks.measure import Bench
    from graphrec.data.dataset import Dataset
    from graphrec.models.fitted import FittedVectors

K, USERS, EPOCHS = 20, 1_000, 8


def run(bench: Bench) -> dict[str, Any]:
    if not bench.neo4j:
        return {"title": "Recall of the index", "goals": [], "tables": {}, "notes": ["Needs Neo4j: left out."]}
    source, frame = _interactions(bench)
    data = dataset_from_frames(frame)
    model = _trained(bench, data, source)
    generator = np.random.default_rng(0)
    rows = np.sort(generator.choice(len(data.users), min(USERS, len(data.users)), replace=False))
    exact = topk_vectors(model.user_vectors[rows], model.item_vectors, K, hidden=data.seen()[rows]).rows
    schema = GraphSchema()
    found: dict[str, list[float]] = {}
    with ExitStack() as stack:
        target = bench.empty("neo4j", stack, schema)
        graph = target.graph
        nodes = {
            node.label: pd.DataFrame({node.key: data.nodes[node.label].keys.to_pylist()})
            for node in schema.nodes.values()
        }
        graph.load(nodes, {"INTERACTED": frame})
        for round_ in ("first publish", "second publish, the other slot", "third publish, over the first"):
            version = graph.publish(model, "recall")
            text = graph.cypher("topk_index", model="recall")
            with runner(target) as ask:
                found[round_] = [
                    _recall(data, best, ask(text, {"user": user, "k": K}))
                    for user, best in zip(data.users.take(rows).to_pylist(), exact, strict=True)
                ]
            found[round_].append(version.index_recall or 0.0)
    table = [
        {
            "state": name,
            "recall@20": np.mean(each[:-1]),
            "worst user": min(each[:-1]),
            "users below 1": sum(r < 1 for r in each[:-1]),
            "stated at publishing": each[-1],
        }
        for name, each in found.items()
    ]
    worst = min(row["recall@20"] for row in table)
    return {
        "title": "Recall of the index",
        "goals": [goal(f"recall@20 of the index path, {source}, {len(rows):,} users", worst, "", 0.98, 0.995)],
        "tables": {f"Unseen top-20 of {len(data.items):,} items against the exact list": table},
        "notes": [
            f"LightGCN with its default configuration, {EPOCHS} epochs, {model.item_vectors.shape[1]}-d. The text of "
            "graph.cypher('topk_index') for each user, against exact lists computed from the model itself."
        ],
    }


def _interactions(bench: Bench) -> tuple[str, pd.DataFrame]:
    if bench.gowalla is None:
        return "synthetic", bench.frames.ratings[["user_id", "item_id"]]
    return "Gowalla", pd.read_parquet(bench.gowalla / "train.parquet")


def _trained(bench: Bench, data: Dataset, source: str) -> FittedVectors:
    """Return the model, trained once; a file of other data or settings is not used."""
    config = LightGCN(epochs=EPOCHS)
    path = bench.cache / f"{source.lower()}.safetensors"
    if path.exists():
        model = load_model(path)
        if (model.fingerprint, model.config) == (data.fingerprint, config):
            return model
    model = config.fit(data)
    path.parent.mkdir(parents=True, exist_ok=True)
    model.save(path)
    return model


def _recall(data: Dataset, best: np.ndarray, answer: list[Any]) -> float:
    wanted = set(data.items.take(best[best >= 0]).to_pylist())
    return len(wanted.intersection(row[0] for row in answer)) / len(wanted)
