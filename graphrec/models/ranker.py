"""A linear formula that orders candidates by what several models say of them, learned from held-out pairs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import minimize

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.models.evidence import Evidence

CONSTANT = 60  # as in reciprocal rank fusion


def n_features(parts: int) -> int:
    """Return how many numbers `features` gives for so many models."""
    return 4 * parts + 2


def features(evidence: Evidence) -> NDArray[np.float32]:
    """Return what is known of each candidate, float32 [b, c, f].

    For each model its score, and 61 / (60 + place), or 0 where it is not in its list; the item's popularity, and that
    times the user's activity; for each model its score times activity; for each its score times popularity. Activity
    alone would change no order.
    """
    popularity, activity = evidence.popularity[..., None], evidence.activity[:, None, None]
    scores, places = evidence.scores, evidence.places
    reciprocal = np.where(places > 0, (CONSTANT + 1) / (CONSTANT + np.maximum(places, 1)), 0)
    found = [scores, reciprocal, popularity, popularity * activity, scores * activity, scores * popularity]
    return np.concatenate(found, axis=2, dtype=np.float32)


def learned(
    x: NDArray[np.float32], there: NDArray[np.bool_], hits: NDArray[np.bool_], reg: float
) -> NDArray[np.float64]:
    """Return coefficients [f] under which held-out candidates are likely among all of their user's.

    It minimises, over features of mean 0 and variance 1, the mean over users of ``−log softmax`` of their held-out
    candidates plus ``reg / 2 · ‖w‖²``, which has one minimum. (Cao et al., Learning to rank: from pairwise approach
    to listwise approach, ICML 2007, with the whole list's first place.)

    Args:
        x: float32 [b, c, f].
        there: bool [b, c], which are candidates.
        hits: bool [b, c], which of them are held out; a user without any teaches nothing.
        reg: above 0.

    Cost: some hundred passes over x.
    """
    users = hits.any(axis=1)
    if not users.any():
        return np.zeros(x.shape[2])
    there, hits = there[users], hits[users] & there[users]
    rows = x[users][there]
    scale = rows.std(axis=0, dtype=np.float64)
    scale = np.where(scale > 1e-6, scale, np.inf)
    rows = ((rows - rows.mean(axis=0, dtype=np.float64)) / scale).astype(np.float32)
    sizes = there.sum(axis=1)
    starts, n = np.concatenate([[0], np.cumsum(sizes)[:-1]]), len(sizes)
    share = (hits / hits.sum(axis=1, keepdims=True))[there]

    def loss(w: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        values = (rows @ w.astype(np.float32)).astype(np.float64)
        peaks = np.maximum.reduceat(values, starts)
        powers = np.exp(values - np.repeat(peaks, sizes))
        sums = np.add.reduceat(powers, starts)
        away = powers / np.repeat(sums, sizes) - share
        found = (np.log(sums) + peaks).sum() - share @ values
        gradient = (away.astype(np.float32) @ rows).astype(np.float64)
        return found / n + reg / 2 * float(w @ w), gradient / n + reg * w

    found = minimize(loss, np.zeros(x.shape[2]), jac=True, method="L-BFGS-B", options={"maxiter": 500})
    return np.asarray(found.x / scale, np.float64)
