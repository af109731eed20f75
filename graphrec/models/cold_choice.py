"""What describes items or users with interactions, and choosing by it how strong and long maps are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import scipy.sparse as sp

from graphrec.data.feature_columns import scaled_columns
from graphrec.data.feature_map import FeatureMap
from graphrec.data.pairs import target_tables
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import from_name
from graphrec.models.ridge import ridge
from graphrec.rank.topk import topk_vectors

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.features import Encoder
    from graphrec.models.fitted import FittedVectors

REG, REGS = 10.0, (0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
FACTORS = (1 / 3, 3.0, 0.0)
TRIAL: dict[str, Any] = {"kind": "spectral", "dim": 64}
FOLDS, LEAST = 4, 40  # the nodes with interactions are held out in so many parts to choose by, if they are so many
CHOICE_USERS = 3_000
SCALES, LISTS = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0), 2_000


@dataclass(frozen=True, eq=False)
class Known:
    """What describes the items or the users."""

    encoder: Encoder
    rows: sp.csr_array
    counts: NDArray[np.int64]
    weights: list[float]

    @property
    def has(self) -> NDArray[np.bool_]:
        """Who has interactions."""
        return self.counts > 0

    @property
    def warm(self) -> NDArray[np.int64]:
        """Rows of the nodes that have interactions and are described: what is learned from."""
        return np.flatnonzero(self.has & (np.diff(self.rows.indptr) > 0))

    def map(
        self,
        targets: Mapping[str, NDArray[np.float32]],
        learned: NDArray[np.int64],
        weights: Sequence[float],
        reg: float,
    ) -> FeatureMap:
        """Return the maps to these vectors that are learned from some of the nodes."""
        columns = self.encoder.columns(weights)
        rows = scaled_columns(self.rows[learned], columns)
        matrices = {name: ridge(rows, vectors[learned], reg) for name, vectors in targets.items()}
        factors = np.append(columns, 1).astype(np.float32)[:, None]
        return FeatureMap(self.encoder, {name: matrix * factors for name, matrix in matrices.items()})


def fair_scale(
    fitted: FittedVectors, known: Known, feature_map: FeatureMap, matrix: sp.csr_array, seed: int
) -> float:
    """Return the largest factor with which some known items have no more of the lists by the map than else."""
    generator = np.random.default_rng(seed)
    some = generator.permutation(known.warm)[: -(-len(known.warm) // 5)]
    users = generator.permutation(np.flatnonzero(np.diff(matrix.indptr)))[:LISTS]
    vectors = fitted.item_vectors.copy()

    def share() -> float:
        best = topk_vectors(fitted.user_vectors[users], vectors, 20, hidden=matrix[users]).rows
        return float(np.isin(best[best >= 0], some).mean())

    own, mapped, found = share(), feature_map.applied(known.rows)[some], SCALES[0]
    for scale in SCALES:
        vectors[some] = mapped * np.float32(scale)
        if share() > own:
            break
        found = scale
    return found


def measure(
    data: Dataset, known: Known, matrix: sp.csr_array, seed: int, metric: str
) -> Callable[[Sequence[float], float], float]:
    """Return what says how good weights and a strength are: the mean over parts that a trial model has not met.

    What the base has learned tells of them, and would favour too little regularisation.
    """
    parts = np.array_split(np.random.default_rng(seed).permutation(known.warm), FOLDS)
    trials = [_Trial.of(data, known, matrix, part) for part in parts]

    def measured(weights: Sequence[float], reg: float) -> float:
        return float(np.mean([trial.measured(known, weights, reg, metric) for trial in trials]))

    return measured


class _Trial(NamedTuple):
    """A model that has not met some of the items, or users, and whom they belong to."""

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    held: NDArray[np.int64]
    truth: Any

    @classmethod
    def of(cls, data: Dataset, known: Known, matrix: sp.csr_array, held: NDArray[np.int64]) -> _Trial:
        of_items, kept = known.encoder.side == "item", {}
        for edge in target_tables(data):
            kept[edge.type] = edge.select(~np.isin(edge.target_rows if of_items else edge.source_rows, held))
        without: Any = from_name(**TRIAL).fit(data.with_edges(kept))
        return cls(without.user_vectors, without.item_vectors, held, matrix[:, held] if of_items else matrix[held])

    def measured(self, known: Known, weights: Sequence[float], reg: float, metric: str) -> float:
        of_items, learned = known.encoder.side == "item", np.setdiff1d(known.warm, self.held)
        targets = {"vector": self.items if of_items else self.users}
        found = known.map(targets, learned, weights, reg).applied(known.rows[self.held])
        users, items = (self.users, found) if of_items else (found, self.items)
        seen: Any = sp.csr_array(self.truth.shape, dtype=np.float32)
        return held_out_metric(users, items, seen, self.truth, metric, users=CHOICE_USERS)


def search(
    measured: Callable[[Sequence[float], float], float],
    reg: float | None,
    weights: list[float],
    *,
    open_reg: bool,
    open_blocks: bool,
) -> tuple[float, list[float]]:
    """Return the strength and the weights that are best, one after another."""
    reg = REG if reg is None else reg
    best = measured(weights, reg)
    if open_reg:
        start = REGS.index(REG)
        for ladder in (REGS[start + 1 :], REGS[:start][::-1]):
            moved = False
            for each in ladder:
                if (value := measured(weights, each)) <= best:
                    break
                best, reg, moved = value, each, True
            if moved:
                break
    for place in range(len(weights) if open_blocks and len(weights) > 1 else 0):
        for factor in FACTORS:
            tried = [w * factor if i == place else w for i, w in enumerate(weights)]
            if any(tried) and (value := measured(tried, reg)) > best:
                best, weights = value, tried
    return reg, weights
