"""What re-ranking costs and brings, in one table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from graphrec.errors import ArgumentError, problem
from graphrec.evaluation.evaluate import evaluate
from graphrec.rank.reranked import Reranked, rerank_steps

if TYPE_CHECKING:
    from collections.abc import Sequence

    from graphrec.data.split import Split
    from graphrec.rank.scorer import Scorer

BESIDE = ("diversity", "novelty", "arp", "coverage", "gini")
OWN = "as it is"


def rerank_costs(
    model: Scorer,
    ways: Sequence[Any],
    split: Split,
    *,
    k: int = 20,
    depth: int | None = None,
    on: str = "validation",
    seed: int = 0,
) -> pd.DataFrame:
    """Return what each way of re-ranking costs in NDCG and what it changes else, beside the model as it is.

    Args:
        model: fitted on ``split.train``.
        ways: steps, or lists of steps that are taken one after the other.
        split: what the model is judged by.
        k: the length of the lists.
        depth: how many candidates; see `graphrec.rank.reranked.Reranked`.
        on: ``"validation"`` to choose by, or ``"test"``.
        seed: of the bootstrap.

    Returns:
        A row for the model and for each way: ``rerank``, ``ndcg``, ``change`` (of NDCG, as a share of the model's
        own), ``low`` and ``high`` (its 95 % paired bootstrap interval over users), and ``diversity``, ``novelty``,
        ``arp``, ``coverage`` and ``gini``; see `graphrec.evaluation.metrics`.

    Raises:
        ArgumentError: a way is impossible, or there is none.
    """
    if not isinstance(ways, list | tuple) or not ways:
        raise ArgumentError(problem("ways", "must be a list of steps to compare, such as [MMR(share=0.3)]", ways))
    models: dict[str, Scorer] = {OWN: model}
    for way in ways:
        steps = rerank_steps(way)
        models[" + ".join(map(str, steps))] = Reranked(model, steps, split.train, depth)
    ndcg = f"ndcg@{k}"
    found = evaluate(models, split, [ndcg, *(f"{each}@{k}" for each in BESIDE)], on=on, seed=seed)
    values: dict[str, dict[str, float]] = {name: {} for name in models}
    for row in found.figures.to_dict("records"):
        values[row["model"]][row["metric"]] = row["value"]
    own = max(values[OWN][ndcg], 1e-30)
    change = {OWN: dict.fromkeys(("change", "low", "high"), 0.0)}
    for row in found.compare(OWN).to_dict("records"):
        if row["metric"] == ndcg:
            ends = (row["difference"], row["low"], row["high"])
            change[row["model"]] = dict(zip(("change", "low", "high"), (end / own for end in ends), strict=True))
    rows = [
        {"rerank": name, "ndcg": mine[ndcg], **change[name], **{each: mine[f"{each}@{k}"] for each in BESIDE}}
        for name, mine in values.items()
    ]
    return pd.DataFrame(rows)
