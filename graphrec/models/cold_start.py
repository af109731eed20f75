"""Any vector model, with vectors for items and users that have no interactions: by what describes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.data.described import described
from graphrec.data.feature_map import FeatureMap
from graphrec.data.features import encoder_of, undescribed
from graphrec.errors import DataError, ModelError
from graphrec.models.cold_choice import LEAST, REG, Known, fair_scale, measure, search
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Run, target_matrix
from graphrec.models.space import Distribution, Float
from graphrec.models.wrapper import Wrapper, recorded

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.data.described import Side
    from graphrec.data.split import HeldOut

Weights = dict[str, Annotated[float, Field(ge=0)]]


class ColdStart(Wrapper):
    """A vector model, ``base``, with vectors for items and users that nobody has met, by what describes them.

    Two linear maps, from the columns of `graphrec.data.features` to the base's item vectors and fold-in vectors, are
    learned by ridge regression from the items that have interactions; a third, likewise, to user vectors. Items and
    users without interactions get what the maps give. All others keep the base's vectors bit for bit. Items that come
    after the fit get vectors by the same maps. Either side may lack features.

    What is left open is chosen inside the training data: the items (users) with interactions are held out of quick
    spectral models, a quarter of each, and what ranks them best is recorded. No validation part is needed; one that
    holds cold items alone does not steer the base, which knows nothing of them.

    Attributes:
        base: the model's ``kind`` and its fields.
        reg: the strength of the ridge for items, in units of rows of length 1. None tries 0.3 to 300.
        blocks: the weight of each block of items, as in `graphrec.models.Content`; a weight of 2 is a fourth of
            the strength. None tries a third, three times and nothing for each in turn.
        scale: a factor for the vectors of new items. A map gives the mean of what is alike, which is shorter than
            what it is the mean of, so that new items would hardly come into lists. None takes, of 1 to 8, the largest
            with which a fifth of the known items, by the map, have no more of the lists than by their own vectors.
        user_reg: as ``reg``, for users.
        user_blocks: as ``blocks``, for users.
        seed: of what is held out.

    Paper: Gantner et al., Learning Attribute-to-Feature Mappings for Cold-Start Recommendations, ICDM 2010.

    Cost: that of the base; a map takes some 20 to 300 products of the features with the vectors, the choice some 60
    maps to 64 numbers more.
    """

    kind: ClassVar[str] = "cold-start"
    space: ClassVar[Mapping[str, Distribution]] = {"reg": Float(low=0.3, high=300.0, log=True)}

    reg: Annotated[float, Field(gt=0)] | None = None
    blocks: Weights | None = None
    scale: Annotated[float, Field(gt=0)] | None = None
    user_reg: Annotated[float, Field(gt=0)] | None = None
    user_blocks: Weights | None = None
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`. Maps come on top: 44 bytes for each column and number of a vector."""
        return self._base().memory(n_users, n_items, n_interactions) + 6 * 4 * self.width * (n_users + n_items)

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        matrix = target_matrix(data)
        sides = self._sides(data, matrix)  # what is missing is said before the base is fitted
        steered = run if _warm(run.validation, matrix) else replace(run, validation=None)
        fitted = self._base()._fit(data, steered)
        if not isinstance(fitted, FittedVectors):
            raise ModelError(f"{fitted.name!r} cannot give vectors to what is new: it has none.")
        return self._over(fitted, data, sides, matrix, run.metric)

    def over(self, fitted: FittedVectors, data: Dataset, *, metric: str = "ndcg@20") -> FittedVectors:
        """Return the same model with maps from what describes nodes: what fitting would give, from a fitted base.

        Args:
            fitted: the base; its configuration is recorded in place of ``base``.
            data: what it was fitted on.
            metric: what is measured where something is chosen.

        Raises:
            DataError: nothing describes items or users.
            ModelError: the base was fitted on other data.
        """
        if fitted.fingerprint != data.fingerprint:
            raise ModelError(f"{fitted.name!r} must be mapped over the data that it was fitted on. Got other data.")
        matrix = target_matrix(data)
        return self._over(fitted, data, self._sides(data, matrix), matrix, metric)

    def _sides(self, data: Dataset, matrix: sp.csr_array) -> dict[Side, Known]:
        sides: dict[Side, Known] = {}
        ways: tuple[tuple[Side, Weights | None, int], ...] = (("item", self.blocks, 0), ("user", self.user_blocks, 1))
        for side, weights, axis in ways:
            if (encoder := encoder_of(data, side)) is not None:
                counts = (matrix > 0).sum(axis)
                sides[side] = Known(encoder, encoder.encode(described(data, side)), counts, encoder.weights(weights))
        if not sides:
            raise DataError(f"{undescribed(data, 'item')} {undescribed(data, 'user')}")
        return sides

    def _over(
        self, fitted: FittedVectors, data: Dataset, sides: dict[Side, Known], matrix: sp.csr_array, metric: str
    ) -> FittedVectors:
        found: dict[str, Any] = {}
        chosen: dict[str, Any] = {"base": recorded(fitted)}
        fold_in = fitted.fold_in_vectors
        for side, known in sides.items():
            prefix = "user_" if side == "user" else ""
            targets = {"vector": fitted.user_vectors if side == "user" else fitted.item_vectors}
            if side == "item" and fold_in is not None:
                targets["fold_in"] = fold_in
            reg, weights = getattr(self, f"{prefix}reg"), known.weights
            open_reg, open_blocks = reg is None, getattr(self, f"{prefix}blocks") is None
            if (open_reg or open_blocks) and len(known.warm) >= LEAST:
                measured = measure(data, known, matrix, self.seed, metric)
                reg, weights = search(measured, reg, weights, open_reg=open_reg, open_blocks=open_blocks)
            reg = REG if reg is None else reg
            feature_map = known.map(targets, known.warm, weights, reg)
            if side == "item":
                chosen["scale"] = self.scale or fair_scale(fitted, known, feature_map, matrix, self.seed)
                longer = feature_map.matrices["vector"] * np.float32(chosen["scale"])
                feature_map = FeatureMap(known.encoder, {**feature_map.matrices, "vector": longer})
            cold = ~known.has & (np.diff(known.rows.indptr) > 0)
            found |= {f"{side}_map": feature_map, f"cold_{side}s": cold}
            for name, vectors in targets.items():
                place = "fold_in_vectors" if name == "fold_in" else f"{side}_vectors"
                found[place] = np.where(cold[:, None], feature_map.applied(known.rows, name), vectors)
            named = dict(zip(known.encoder.labels, weights, strict=True))
            chosen |= {f"{prefix}reg": reg, f"{prefix}blocks": named}
        return fitted.changed(config=self.model_copy(update=chosen), name=self.kind, **found)


def _warm(validation: HeldOut | None, matrix: sp.csr_array) -> bool:
    """Return whether a validation part has a pair of a user and an item of which the model knows anything."""
    if validation is None:
        return False
    users, items = validation.matrix.tocoo().coords
    return bool(((np.diff(matrix.indptr)[users] > 0) & (matrix.sum(0)[items] > 0)).any())
