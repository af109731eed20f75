"""A fitted model made of others: each is asked for candidates, and a formula orders them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import scipy.sparse as sp

from graphrec.models.evidence import Counts, Evidence, gathered
from graphrec.models.fitted_model import FittedModel
from graphrec.models.hybrid import Hybrid
from graphrec.rank.order import TopK, in_order
from graphrec.rank.topk import check_k
from graphrec.train.history import History

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

BLOCK_BYTES = 64 << 20


@dataclass(frozen=True, eq=False)
class FittedHybrid(FittedModel):
    """Several models in one: a `graphrec.rank.scorer.Lister`, whose ``config`` says how candidates are ordered.

    It ranks in Python and is compared, saved and fitted again as any other model, but has no vectors that a database
    could serve; `graphrec.models.fusion.Fusion` joins vector models to one that has.

    Attributes:
        models: its parts, fitted on the same data.
        counts: how many items each user has, and users each item.
        seen: what users had when it was fitted, [n_users, n_items].
    """

    config: Hybrid
    models: tuple[FittedModel, ...]
    counts: Counts
    seen: sp.csr_array

    form: ClassVar[str] = "hybrid"

    @classmethod
    def of(cls, config: Hybrid, data: Dataset, models: Sequence[FittedModel]) -> FittedHybrid:
        """Put parts together that were fitted on a dataset."""
        taken = data.interactions()
        users = np.diff(taken.indptr).astype(np.int64)
        items = np.bincount(taken.indices, minlength=taken.shape[1]).astype(np.int64)
        seen = data.seen(targets=True)
        history = History.of_parts(model.history for model in models)
        return cls._beside(config, data, history, models=tuple(models), counts=Counts(users, items), seen=seen)

    def evidence(
        self,
        user_rows: NDArray[np.int64],
        *,
        hidden: sp.csr_array | None,
        allowed: NDArray[np.bool_] | None = None,
        depth: int | None = None,
    ) -> list[Evidence]:
        """Return what the parts say, block by block of the users; see `graphrec.models.evidence.gathered`."""
        config = self.config
        depth = min(depth or config.depth, max(1, len(self.items)))
        height = max(1, BLOCK_BYTES // (64 * depth * config.proposers * len(self.models)))
        found = []
        for start in range(0, len(user_rows), height):
            here = slice(start, start + height)
            mine = None if hidden is None else hidden[here]
            rows = user_rows[here]
            found.append(
                gathered(self.models, config.proposers, rows, depth, self.counts, hidden=mine, allowed=allowed)
            )
        return found

    def lists(
        self,
        user_rows: NDArray[np.int64],
        k: int,
        *,
        hidden: sp.csr_array | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> TopK:
        """Return the k best candidates of these users; see `graphrec.rank.topk.topk_scores`.

        A list of more than ``config.depth`` items takes as many candidates from each part, which may move its first
        items.
        """
        k, user_rows = check_k(k), np.asarray(user_rows, np.int64)
        depth = max(self.config.depth, min(k, len(self.items)))
        best, start = TopK.empty(len(user_rows), k), 0
        for each in self.evidence(user_rows, hidden=hidden, allowed=allowed, depth=depth):
            found = in_order(each.rows, self._values(each), k)
            here = slice(start, start + len(found.rows))
            best.rows[here, : found.rows.shape[1]], best.scores[here, : found.rows.shape[1]] = found
            start = here.stop
        return best

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return scores of all items, float32 [b, n_items].

        What is no candidate, such as what the user had when this was fitted, has less than all candidates.
        """
        user_rows = np.asarray(user_rows, np.int64)
        found, start = np.zeros((len(user_rows), len(self.items)), np.float32), 0
        for each in self.evidence(user_rows, hidden=self.seen[user_rows]):
            values = self._values(each)
            there = np.isfinite(values)
            least = np.where(there, values, np.inf).min(axis=1, initial=np.inf)
            least = np.where(np.isfinite(least), least, 0)
            here = slice(start, start + len(values))
            found[here] = (least - np.maximum(1, np.abs(least)))[:, None]
            user, column = np.nonzero(there)
            found[start + user, each.rows[user, column]] = values[user, column]
            start = here.stop
        return found

    def knows(self, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """See `FittedModel.knows`."""
        proposing = self.models[: self.config.proposers]
        return np.asarray(np.any([model.knows(user_rows) for model in proposing], axis=0))

    def _values(self, evidence: Evidence) -> NDArray[np.float64]:
        return np.where(evidence.rows < 0, -np.inf, self.config.combine(evidence))

    def _to_tensors(self) -> dict[str, NDArray[Any]]:
        records = json.dumps([model.record() for model in self.models], allow_nan=False)
        tensors: dict[str, NDArray[Any]] = {"models": np.frombuffer(records.encode(), np.uint8)}
        for number, model in enumerate(self.models):
            tensors |= {f"{number}/{name}": tensor for name, tensor in model._to_tensors().items()}
        counts = {"counts/users": self.counts.users, "counts/items": self.counts.items}
        return tensors | counts | {"seen/indices": self.seen.indices, "seen/indptr": self.seen.indptr}

    @classmethod
    def _from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
        from graphrec.models.saved import FORMS  # which knows this class

        keys = {name: tensor for name, tensor in tensors.items() if name.startswith(("users/", "items/"))}
        models = []
        for number, record in enumerate(json.loads(tensors["models"].tobytes())):
            mine = {
                name.removeprefix(f"{number}/"): x for name, x in tensors.items() if name.startswith(f"{number}/")
            }
            models.append(FORMS[record["form"]].from_file(mine | keys, record))
        counts = Counts(tensors["counts/users"], tensors["counts/items"])
        indices, indptr = tensors["seen/indices"], tensors["seen/indptr"]
        ones = np.ones(len(indices), np.float32)
        seen = sp.csr_array((ones, indices, indptr), shape=(len(counts.users), len(counts.items)))
        return {"models": tuple(models), "counts": counts, "seen": seen}

    def __repr__(self) -> str:
        names = ", ".join(model.name for model in self.models)
        users, items = self.seen.shape
        return f"FittedHybrid({self.name!r} of {names}, {users:,} users, {items:,} items, {self.fingerprint[:12]})"
