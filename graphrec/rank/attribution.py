"""What each item of a user's history adds to a score."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp

if TYPE_CHECKING:
    from numpy.typing import NDArray

NUMBERS = 1 << 22  # read at once


def history_parts(
    item_vectors: NDArray[np.float32], fold_in: NDArray[np.float32], histories: sp.csr_array
) -> sp.csr_array:
    """Return what each item of a history adds to the score of one item, ``fold_in[j] · item / √|history|``.

    A user who is folded in is the sum of these, so that the parts are the whole score. The vector of a user whom the
    model was fitted on has a part of its own besides: score minus parts. Of LightGCN that is what the user's own free
    vector brings (α₀ e_u), of the spectral model nothing; of models whose vectors are scaled or compressed
    afterwards it holds what that changes, too.

    Args:
        item_vectors: of the items to explain, float32 [b, d].
        fold_in: what each item adds to a new user, float32 [n, d].
        histories: what the user of each of the b pairs has, [b, n]; stored entries count, whatever their values.

    Returns:
        float64 [b, n], stored where ``histories`` is.
    """
    counts = np.diff(histories.indptr)
    rows = np.repeat(np.arange(len(counts)), counts)
    parts = np.empty(len(rows))
    step = max(1, NUMBERS // max(1, item_vectors.shape[1]))
    for start in range(0, len(rows), step):
        here = slice(start, start + step)
        added = fold_in[histories.indices[here]].astype(np.float64)
        parts[here] = np.vecdot(added, item_vectors[rows[here]].astype(np.float64))
    parts /= np.sqrt(counts[rows])
    return sp.csr_array((parts, histories.indices, histories.indptr), shape=histories.shape)
