"""Steps of re-ranking one after the other, over the lists of any model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp

from graphrec.data.dataset import check_dataset
from graphrec.data.described import having, interactions_of
from graphrec.errors import ArgumentError, ModelError, is_whole, near, problem
from graphrec.rank.calibrated import Calibrated
from graphrec.rank.explore import Explore
from graphrec.rank.exposure import ExposureCap
from graphrec.rank.lists import list_frame
from graphrec.rank.mmr import MMR, VECTORS
from graphrec.rank.order import TopK
from graphrec.rank.popularity_penalty import PopularityPenalty
from graphrec.rank.rerank import Candidates, Known, Rerank
from graphrec.rank.scorer import VectorScorer, check_fitted, known_by
from graphrec.rank.topk import check_k, topk_scores

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    import pyarrow as pa
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import NodeTable
    from graphrec.rank.scorer import Scorer
    from graphrec.schema import GraphSchema

STEPS: dict[str, type[Rerank]] = {s.kind: s for s in (MMR, Calibrated, PopularityPenalty, Explore, ExposureCap)}
TIMES, LEAST = 5, 100
"""Candidates: five times as many as places, and at least a hundred."""


def rerank_steps(given: Any, *, apart: bool = False) -> tuple[Rerank, ...]:
    """Return steps, checked; None is none.

    Args:
        given: a step, or several, in their order; each one a configuration or its fields with a ``kind``, such as
            ``{"kind": "mmr", "share": 0.3}``.
        apart: whether the lists are made in two parts, so that nothing counts in how many an item stands.

    Raises:
        ArgumentError: there is no such step, a field is unknown or impossible, a step follows a cap on exposure, or
            lists are made apart and there is one.
    """
    if given is None:
        return ()
    single = isinstance(given, Rerank | dict)
    if not single and not isinstance(given, list | tuple):
        raise ArgumentError(problem("rerank", "must be a list of steps, such as [MMR(share=0.3)]", given))
    steps = tuple(map(_step, [given] if single else given))
    for step in steps[:-1]:
        if isinstance(step, ExposureCap):
            rule = "must have 'exposure-cap' as its last step, since later ones could show an item more often"
            raise ArgumentError(problem("rerank", rule, [step.kind for step in steps]))
    if apart and steps and isinstance(steps[-1], ExposureCap):
        rule = "must not hold 'exposure-cap' where keys and new users are asked for together, in lists made apart"
        remedy = "Ask for them in two calls, each with a cap of its own."
        raise ArgumentError(problem("rerank", rule, [step.kind for step in steps], remedy))
    return steps


def candidates_for(k: int, depth: int | None) -> int:
    """Return how many candidates lists of k are chosen from.

    Raises:
        ArgumentError: ``depth`` is no whole number of at least k.
    """
    if depth is None:
        return max(TIMES * k, LEAST)
    if not is_whole(depth) or depth < k:
        raise ArgumentError(problem("depth", f"must be a whole number of at least k={k}", depth))
    return int(depth)


def reranked(best: TopK, k: int, steps: tuple[Rerank, ...], known: Known) -> Candidates:
    """Return the first k of lists [b, d] after all steps, in [b, at most k]; scores are the model's own.

    Raises:
        ArgumentError: a step asks for an attribute or vectors that are not there.
    """
    found = Candidates.of(best)
    for step in steps:
        found = step.apply(found, k, known)
    return found.take(np.tile(np.arange(min(k, found.rows.shape[1])), (len(found.rows), 1)))


def reranked_frame(
    best: TopK, k: int, steps: tuple[Rerank, ...], known: Known, items: NodeTable, **more: Any
) -> pd.DataFrame:
    """Return re-ranked lists as `list_frame` does, with ``explored`` where a step explores; see `reranked`."""
    found = reranked(best, k, steps, known)
    drawn: dict[str, Any] = {"explored": found.explored} if any(isinstance(step, Explore) for step in steps) else {}
    return list_frame(known.labels, items, TopK(found.rows, found.scores), **more, **drawn)


def known_of(
    data: Dataset, labels: pa.Array, histories: Callable[[], sp.csr_array], vectors: NDArray[np.float32] | None
) -> Known:
    """Return what steps may ask of a dataset; see `Known`.

    Args:
        data: the items are its rows.
        labels: what the users are called.
        histories: what each has.
        vectors: of the items; None where the model has none.
    """

    def attribute(name: str, rows: NDArray[np.int64]) -> sp.csr_array:
        check_attribute(data.schema, name)
        return having(data, next(each for each in data.schema.attributes if each.type == name))

    return Known(
        labels,
        lambda: vectors_of(vectors, data.schema),
        lambda: interactions_of(data, "item").astype(np.float64),
        histories,
        attribute,
    )


def vectors_of(vectors: NDArray[np.float32] | None, schema: GraphSchema) -> NDArray[np.float32]:
    """Return the vectors.

    Raises:
        ArgumentError: there are none.
    """
    if vectors is None:
        remedy = near("", _attributes(schema))
        raise ArgumentError(problem("by", "must be an attribute for a model without vectors", VECTORS, remedy))
    return vectors


def check_attribute(schema: GraphSchema, name: str) -> None:
    """Go on only where items have an attribute of this type.

    Raises:
        ArgumentError: they have none.
    """
    known = _attributes(schema)
    if name not in known:
        raise ArgumentError(problem("rerank", "must name attributes of items", name, near(name, known)))


@dataclass(frozen=True, eq=False)
class Reranked:
    """A model with its lists re-ranked: what `graphrec.evaluate` compares with the model alone.

    Attributes:
        model: any fitted model; of one that is re-ranked already, the steps come first.
        steps: as in `rerank_steps`.
        data: what steps read popularity, histories and attributes from: what the model was fitted on, such as
            ``split.train``.
        depth: how many candidates; None is five times the length of a list, at least 100.
        name: what tables call it; the model's name and the steps unless it is given.

    Raises:
        ArgumentError: a step is impossible.
        ModelError: the data has other users or items than the model.
    """

    model: Scorer
    steps: tuple[Rerank, ...]
    data: Dataset
    depth: int | None = None
    name: str = ""

    def __post_init__(self) -> None:
        check_fitted(self.model)
        check_dataset(self.data)
        candidates_for(1, self.depth)
        object.__setattr__(self, "steps", rerank_steps(self.steps))
        object.__setattr__(self, "name", self.name or " + ".join([self.model.name, *map(str, self.steps)]))
        if isinstance(inner := self.model, Reranked):  # one list of steps, of which each sees the vectors
            object.__setattr__(self, "steps", rerank_steps([*inner.steps, *self.steps]))
            object.__setattr__(self, "depth", self.depth or inner.depth)
            object.__setattr__(self, "model", inner.model)
        for side in ("users", "items"):
            if not getattr(self.model, side).keys.equals(getattr(self.data, side).keys):
                raise ModelError(f"`data` must have the {side} of the model {self.model.name!r}. Got others.")

    @property
    def users(self) -> NodeTable:
        """The users' keys."""
        return self.model.users

    @property
    def items(self) -> NodeTable:
        """The items' keys."""
        return self.model.items

    @property
    def fingerprint(self) -> str | None:
        """Of the dataset that the model was fitted on."""
        return getattr(self.model, "fingerprint", None)

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the model's own scores, float32 [b, n_items]: steps change the order of lists, not scores."""
        return self.model.score(user_rows)

    def knows(self, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `graphrec.rank.scorer.Knowing`: whom the model knows."""
        return known_by(self.model, user_rows)

    def lists(
        self,
        user_rows: NDArray[np.int64],
        k: int,
        *,
        hidden: sp.csr_array | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> TopK:
        """Return the lists of these users, re-ranked together; see `graphrec.rank.topk.topk_scores`."""
        k, user_rows = check_k(k), np.asarray(user_rows, np.int64)
        best = topk_scores(self.model, user_rows, candidates_for(k, self.depth), hidden=hidden, allowed=allowed)
        best = best.of(self.knows(user_rows))
        vectors = self.model.item_vectors if isinstance(self.model, VectorScorer) else None
        known = known_of(self.data, self.users.take(user_rows), lambda: self.data.interactions()[user_rows], vectors)
        found, lists = reranked(best, k, self.steps, known), TopK.empty(len(user_rows), k)
        lists.rows[:, : found.rows.shape[1]], lists.scores[:, : found.rows.shape[1]] = found.rows, found.scores
        return lists


def _step(given: Any) -> Rerank:
    if isinstance(given, Rerank):
        return given
    kind = given.get("kind") if isinstance(given, dict) else None
    if not isinstance(kind, str) or kind not in STEPS:
        rule = "must have a known kind in each step, as in {'kind': 'mmr', 'share': 0.3}"
        found, remedy = (kind, near(str(kind), STEPS)) if isinstance(given, dict) else (given, near("", STEPS))
        raise ArgumentError(problem("rerank", rule, found, remedy))
    return STEPS[kind](**{str(name): value for name, value in given.items() if name != "kind"})


def _attributes(schema: GraphSchema) -> list[str]:
    return [attribute.type for attribute in schema.attributes if attribute.of == "item"]
