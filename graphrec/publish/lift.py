"""Inner products through a cosine index: one more coordinate makes all items equally long.

    lifted(x) = [x, sqrt(M² − |x|²)] / M        query(q) = [q, 0]        cos(lifted, query) = x·q / (M |q|)

so the cosine orders items as the inner product does. M is a power of two: dividing by it changes no bit of a
float32, so ``M · Σ lifted_j q_j`` is the model's own inner product, not an approximation.

Paper: Bachrach et al., Speeding Up the Xbox Recommender System Using a Euclidean Transformation for Inner-Product
Spaces, RecSys 2014, section 3.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEADROOM = 1.1  # vectors folded in later may be this much longer than the longest of the model


def lengths(vectors: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the lengths of vectors, [n]."""
    found: NDArray[np.float64] = np.sqrt(np.einsum("nd,nd->n", vectors, vectors, dtype=np.float64))
    return found


def scale_for(items: NDArray[np.float32]) -> float:
    """Return M: the least power of two that leaves `HEADROOM` over the longest item vector."""
    longest = float(lengths(items).max(initial=0.0))
    return 2.0 ** math.ceil(math.log2(longest * HEADROOM)) if longest > 0 else 1.0


def lift(items: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Return lifted item vectors, float32 [n, d + 1]."""
    square = np.einsum("nd,nd->n", items, items, dtype=np.float64)
    rest = np.sqrt(np.maximum(scale * scale - square, 0.0)) / scale
    return np.concatenate([items / np.float32(scale), rest[:, None].astype(np.float32)], axis=1)


def unlift(lifted: NDArray[np.float32], scale: float) -> NDArray[np.float32]:
    """Return the item vectors that were lifted, float32 [n, d], bit for bit."""
    return lifted[:, :-1] * np.float32(scale)


def query(users: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return user vectors as queries of lifted items, float32 [n, d + 1]."""
    return np.concatenate([users, np.zeros((len(users), 1), np.float32)], axis=1)
