"""Ratings as a mean, a bias of the user, a bias of the item, and an inner product."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar

import numpy as np
from pydantic import Field

from graphrec.data.pairs import target_tables
from graphrec.errors import DataError, ModelError, problem
from graphrec.models.fitted import FittedVectors
from graphrec.models.model import Model, Run
from graphrec.models.space import Distribution, Float, Int

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

NUMBERS = 1 << 22  # how many of the vectors are gathered at once


class BiasedMF(Model):
    """Predicts the weight of an interaction: ``μ + b_u + b_i + p_u · q_i``.

    μ is the mean of all ratings. Factors and biases minimise the squared error plus ``reg ‖p‖²``, ``reg ‖q‖²`` and
    ``bias_reg b²``, by solving for all users and all items in turn. The fitted vectors are ``[p_u, μ + b_u, 1]`` and
    ``[q_i, 1, b_i]``, so their inner product is the rating, and `FittedVectors.predict` gives it. Of users and items
    without ratings the biases and factors are 0. Ratings may be negative or 0; those of parallel interactions are
    added up.

    Attributes:
        dim: number of factors; the vectors have two numbers more.
        reg: the larger, the shorter are the factors.
        bias_reg: the bias of a user or item with n ratings alone is n / (n + bias_reg) of their mean difference.
        epochs: how often users and items are solved for in turn.
        seed: of the first factors of items.

    Paper: Koren, Bell, Volinsky, Matrix Factorization Techniques for Recommender Systems, IEEE Computer 2009.

    Cost: an epoch takes ``2 nnz (dim + 1)²`` multiplications and two solutions of ``dim + 1`` equations a node.
    """

    kind: ClassVar[str] = "biased-mf"
    rates: ClassVar[bool] = True
    space: ClassVar[Mapping[str, Distribution]] = {
        "dim": Int(low=4, high=128, log=True),
        "reg": Float(low=0.1, high=100.0, log=True),
        "bias_reg": Float(low=0.1, high=100.0, log=True),
        "epochs": Int(low=5, high=50, log=True),
    }

    dim: Annotated[int, Field(ge=1, le=1024)] = 32
    reg: Annotated[float, Field(gt=0)] = 15.0
    bias_reg: Annotated[float, Field(gt=0)] = 3.0
    epochs: Annotated[int, Field(ge=1)] = 20
    seed: Annotated[int, Field(ge=0, lt=2**63)] = 0

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        return 60 * n_interactions + 24 * (self.dim + 2) * (n_users + n_items) + 18 * NUMBERS

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        ratings = _ratings(data)
        mean = float(ratings.data.mean())
        ratings.data -= mean
        by_item = ratings.T.tocsr()
        n_users, n_items = ratings.shape
        ridge = np.append(np.full(self.dim, self.reg), self.bias_reg)  # factors and, last, the bias
        items = np.random.default_rng(self.seed).normal(0, 0.1, (n_items, self.dim + 1))
        items[:, -1] = 0
        try:
            for _ in range(self.epochs):
                users = _solve(ratings, items, ridge)
                items = _solve(by_item, users, ridge)
        except np.linalg.LinAlgError as error:
            remedy = "Raise it, or divide the ratings."
            raise ModelError(problem("reg", "must be large enough beside such ratings", self.reg, remedy)) from error
        one = [np.ones((n, 1)) for n in (n_users, n_items)]
        user_vectors = np.hstack([users[:, :-1], mean + users[:, -1:], one[0]])
        item_vectors = np.hstack([items[:, :-1], one[1], items[:, -1:]])
        return FittedVectors.of(self, data, user_vectors.astype(np.float32), item_vectors.astype(np.float32))


def _ratings(data: Dataset) -> sp.csr_array:
    """Return the weights of the target interactions, float64 [n_users, n_items]; 0 is a rating as any other."""
    tables = target_tables(data)
    names = ", ".join(edge.type for edge in tables)
    if any(edge.weight is None for edge in tables):
        remedy = "Name the property that holds the rating in the schema, or take a model that only ranks."
        raise DataError(problem(names, "must have weights, which are the ratings to learn from", None, remedy))
    with np.errstate(over="ignore"):
        ratings = data.interactions(weighted=True).astype(np.float64)
    if not ratings.nnz:
        raise DataError(problem(names, "must hold ratings to learn from", 0, "Load some, or check the schema."))
    bad = ratings.data[~np.isfinite(ratings.data)]
    if len(bad):
        raise DataError(problem(names, "must have finite weights", float(bad[0]), "Mend them."))
    return ratings


def _solve(ratings: sp.csr_array, others: NDArray[np.float64], ridge: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return factors and bias of each row, given those of the columns: ridge regression by normal equations.

    Args:
        ratings: [n, m], less the mean.
        others: [m, d + 1], the last one is the bias.
        ridge: what is added to the diagonal, [d + 1].

    Returns:
        Float64 [n, d + 1].
    """
    n, width = ratings.shape[0], others.shape[1]
    known = np.vstack([others, np.zeros(width)])  # the last row stands for a place without a rating
    known[:-1, -1], biases = 1, np.append(others[:, -1], 0)
    found, sizes = np.zeros((n, width)), np.diff(ratings.indptr)
    order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
    start = 0
    while start < len(order):
        length = int(sizes[order[start]])
        rows = order[start : start + max(1, NUMBERS // (width * max(length, width)))]
        here = np.arange(length) < sizes[rows, None]
        places = np.where(here, ratings.indptr[rows, None] + np.arange(length), 0)
        columns = np.where(here, ratings.indices[places], len(others))
        vectors = known[columns]
        targets = np.where(here, ratings.data[places] - biases[columns], 0)[..., None]
        gram = vectors.mT @ vectors
        gram[:, np.arange(width), np.arange(width)] += ridge
        found[rows] = np.linalg.solve(gram, vectors.mT @ targets)[..., 0]
        start += len(rows)
    return found
