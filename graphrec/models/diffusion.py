"""Users' vectors smoothed over the ties between them: the fewer items a user has, the more their friends count."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import scipy.sparse as sp
import torch

from graphrec.errors import DataError
from graphrec.models.propagation import bags, on_device

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset


def friends_of(data: Dataset) -> sp.csr_array:
    """Return who looks to whom for taste, float32 0/1 [n_users, n_users], by the ties of ``schema.ties``.

    An undirected tie counts both ways, a directed one for its source, who chose to follow. Doubled ties count once,
    ties to oneself not at all; weights do not matter.

    Raises:
        DataError: there is none between two users.
    """
    n = len(data.users)
    pairs = [np.zeros((2, 0), np.int64)]
    for kind in data.schema.ties:
        edge = data.edges[kind.type]
        rows = np.stack([edge.source_rows, edge.target_rows])
        pairs += [rows] if kind.directed else [rows, rows[::-1]]
    source, target = np.concatenate(pairs, axis=1)
    apart = source != target
    codes = np.unique(source[apart] * n + target[apart])
    if not len(codes):
        names = ", ".join(repr(kind.type) for kind in data.schema.ties) or "the schema, which names none,"
        raise DataError(
            f"{names} must hold ties between two users to learn from friends. Got none. Load some, name them in the "
            'schema (social = [{ type = "FRIEND" }]), or fit the model that would have been mixed by itself.'
        )
    ones = np.ones(len(codes), np.float32)
    return sp.coo_array((ones, (codes // n, codes % n)), shape=(n, n)).tocsr()


def diffused(
    vectors: NDArray[np.float32], counts: NDArray[np.int64], friends: sp.csr_array, strength: float, rounds: int
) -> NDArray[np.float32]:
    """Return each user's vector mixed with the mean of their friends', in ``rounds`` rounds.

    With unit vectors z, ``y ← n_u / (n_u + strength) z + strength / (n_u + strength) mean_{v in friends(u)} y_v``,
    from ``y = z``. The mean is over the friends who have items, or whom an earlier round has reached; users without
    such friends keep their vector as it is, all others its length. A user without items has the mean alone, of the
    mean length.

    Args:
        vectors: float32 [n_users, d].
        counts: n_u, how many items each user has, int64 [n_users]. A vector that rests on none is not passed on.
        friends: float32 0/1 [n_users, n_users], a row for each user.
        strength: how many items all friends together count as; with 0 they count only where there are none.
        rounds: 1 hears friends, 2 also their friends, through them.

    Cost: two sums of d numbers a tie and round; six arrays of the size of ``vectors``.
    """
    known = counts > 0
    lengths = np.linalg.norm(vectors, axis=1)
    units = vectors * (known / np.maximum(lengths, 1e-30)).astype(np.float32)[:, None]
    own = (counts / np.where(known, counts + strength, 1)).astype(np.float32)[:, None]
    csr = on_device(friends, torch.device("cpu"))
    mixed, there = units, known
    for _ in range(rounds):
        heard: NDArray[np.float32] = (friends @ there.astype(np.float32))[:, None]
        mean = bags(torch.from_numpy(mixed), *csr).numpy() / np.maximum(heard, 1)
        mixed = np.where(heard > 0, own * units + (1 - own) * mean, units)
        there = known | (heard[:, 0] > 0)
    length = np.where(known, lengths, lengths[known].mean()).astype(np.float32)
    return np.where(heard > 0, mixed * length[:, None], vectors)
