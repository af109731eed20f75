"""Items by what they are like: attributes, words, sentences, numbers and vectors of any kind, block beside block."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, ClassVar, NamedTuple

import numpy as np
import torch
from pydantic import Field

from graphrec.data.described import described
from graphrec.data.feature_columns import scaled_columns
from graphrec.data.feature_map import FeatureMap
from graphrec.data.features import fit_encoder
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Choice, Distribution
from graphrec.models.spectrum import spectrum

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.features import Encoder
    from graphrec.data.split import HeldOut

VALIDATION_USERS = 5_000
TRIED = (1 / 4, 4.0, 0.0)


class Content(Model):
    """Recommends items that are like those a user has, by what describes them; other users play no part.

    Each attribute and each feature of the schema's item is a block of columns (see `graphrec.data.features`), in
    which an item has a row of length 1. The likeness of two items is the weighted mean of the blocks' cosines; where
    an item has nothing in a block, that cosine is 0. A user is the sum of their items, so the score of an item is the
    sum of its likenesses to them. Items that nobody has met score like any other, and items that come later get their
    vectors from ``item_map``.

    Columns beyond ``dim`` are compressed by a truncated singular value decomposition (latent semantic analysis);
    with fewer the cosines are exact.

    Attributes:
        dim: length of the vectors at most.
        blocks: the weight of each block, by the relationship type or the property (``"title as words"`` where a
            property is two features); 1 where it is not named. None tries for each in turn a quarter, four times and
            nothing on the validation part, and is 1 each where there is none.
        iterations: of the decomposition.
        seed: of its first vectors.

    Paper: Deerwester et al., Indexing by Latent Semantic Analysis, JASIS 1990.

    Cost: without a decomposition seconds a million values; with one a few products of as many values by ``dim``.
    """

    kind: ClassVar[str] = "content"
    space: ClassVar[Mapping[str, Distribution]] = {"dim": Choice(64, 128, 256, 512)}

    dim: Annotated[int, Field(ge=1, le=4096)] = 256
    blocks: dict[str, Annotated[float, Field(ge=0)]] | None = None
    iterations: Annotated[int, Field(ge=0, le=20)] = 4
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        matrix, encoder = target_matrix(data), fit_encoder(data, "item")
        rows, weights = encoder.encode(described(data, "item")), encoder.weights(self.blocks)
        found = self._likeness(encoder, rows, matrix, weights)
        if self.blocks is None and run.validation is not None:
            seen, metric = data.seen(targets=True), run.metric
            best = _measured(found, seen, run.validation, metric)
            for place in range(len(weights) if len(weights) > 1 else 0):
                for factor in TRIED:
                    tried = [w * factor if i == place else w for i, w in enumerate(weights)]
                    if not any(tried):
                        continue
                    other = self._likeness(encoder, rows, matrix, tried)
                    if (value := _measured(other, seen, run.validation, metric)) > best:
                        best, found, weights = value, other, tried
        config = self.model_copy(update={"blocks": dict(zip(encoder.labels, weights, strict=True))})
        cold = (matrix.sum(0) == 0) & found.items.any(axis=1)
        fitted = FittedVectors.of(config, data, found.users, found.items, found.items)
        return replace(fitted, item_map=found.map, cold_items=cold)

    def _likeness(
        self, encoder: Encoder, rows: sp.csr_array, matrix: sp.csr_array, weights: list[float]
    ) -> _Likeness:
        """Return vectors whose inner products are the weighted means of the cosines, as close as ``dim`` allows."""
        roots = np.sqrt(encoder.columns(weights, amounts=False) / sum(weights))
        turn = np.diag(roots) if len(encoder) <= self.dim else None
        if turn is None:
            weighted = scaled_columns(rows, roots)
            found = spectrum(weighted, self.dim, self.iterations, self.seed, torch.device("cpu"))
            turn = roots[:, None] * found.right.numpy()
        matrices = np.vstack([turn, np.zeros((1, turn.shape[1]))]).astype(np.float32)
        item_map = FeatureMap(encoder, {"vector": matrices, "fold_in": matrices})
        items = item_map.applied(rows)
        lengths = np.sqrt(np.maximum(np.diff(matrix.indptr), 1)).astype(np.float32)
        return _Likeness(np.asarray((matrix @ items) / lengths[:, None], np.float32), items, item_map)


class _Likeness(NamedTuple):
    users: NDArray[np.float32]
    items: NDArray[np.float32]
    map: FeatureMap


def _measured(found: _Likeness, seen: sp.csr_array, validation: HeldOut, metric: str) -> float:
    return held_out_metric(found.users, found.items, seen, validation.matrix, metric, users=VALIDATION_USERS)
