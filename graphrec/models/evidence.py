"""What several models say of the same candidates: their scores on one scale, and the places they give them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.rank.topk import topk_scores

if TYPE_CHECKING:
    from collections.abc import Sequence

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.models.fitted_model import FittedModel

SCORES = 1 << 24  # numbers of a model's whole scores that are made at once


@dataclass(frozen=True, eq=False)
class Evidence:
    """The candidates of b users, at most c each, and what p models say of them.

    Attributes:
        rows: int64 [b, c], item rows in ascending order; −1 at the end where there are fewer.
        scores: float32 [b, c, p], a model's score, 1 for the first of its own list and 0 for the last, not below −1;
            of a model that proposes nothing, 1 for the best candidate and 0 for the last. 0 where all are alike.
        places: int32 [b, c, p], the place in the model's list, from 1; 0: it is not in it.
        popularity: float32 [b, c], log(1 + users of the item), 1 for the item with the most.
        activity: float32 [b], log(1 + items of the user), 1 for the user with the most.
    """

    rows: NDArray[np.int64]
    scores: NDArray[np.float32]
    places: NDArray[np.int32]
    popularity: NDArray[np.float32]
    activity: NDArray[np.float32]

    @classmethod
    def joined(cls, parts: Sequence[Evidence]) -> Evidence:
        """Return several users' evidence as one."""
        width = max(part.rows.shape[1] for part in parts)

        def whole(name: str, empty: int) -> Any:
            arrays = [getattr(part, name) for part in parts]
            short = [[(0, 0), (0, width - x.shape[1]), *[(0, 0)] * (x.ndim - 2)] for x in arrays]
            return np.concatenate([np.pad(x, s, constant_values=empty) for x, s in zip(arrays, short, strict=True)])

        activity = np.concatenate([part.activity for part in parts])
        return cls(whole("rows", -1), whole("scores", 0), whole("places", 0), whole("popularity", 0), activity)


@dataclass(frozen=True, eq=False)
class Counts:
    """How much there is of each user and item.

    Attributes:
        users: int64 [n_users], a user's items.
        items: int64 [n_items], an item's users.
    """

    users: NDArray[np.int64]
    items: NDArray[np.int64]


def gathered(
    models: Sequence[FittedModel],
    proposers: int,
    user_rows: NDArray[np.int64],
    depth: int,
    counts: Counts,
    *,
    hidden: sp.csr_array | None,
    allowed: NDArray[np.bool_] | None,
) -> Evidence:
    """Return what models say of all candidates that the first ``proposers`` of them propose.

    Args:
        models: fitted on the same nodes.
        proposers: how many of them have a list of ``depth`` items in the candidates.
        user_rows: int64 [b].
        depth: the length of a list.
        counts: of the training data.
        hidden: [b, n_items], as in `topk_scores`.
        allowed: bool [n_items].

    Cost: a list and a score for each pair of all models; models without vectors score all items for that.
    """
    n = len(counts.items)
    limits: Any = {"hidden": hidden, "allowed": allowed}
    lists = [topk_scores(each, user_rows, depth, **limits).of(each.knows(user_rows)) for each in models[:proposers]]
    rows = np.concatenate([each.rows for each in lists], axis=1)
    rows = np.sort(np.where(rows < 0, n, rows), axis=1)
    rows[:, 1:][rows[:, 1:] == rows[:, :-1]] = n
    rows = np.sort(rows, axis=1)[:, : max(1, int((rows < n).sum(axis=1).max(initial=0)))]
    there = rows < n
    scores = np.zeros((*rows.shape, len(models)), np.float32)
    places = np.zeros(scores.shape, np.int32)
    for number, model in enumerate(models):
        own = _scores(model, user_rows, np.where(there, rows, 0)).astype(np.float64)
        listed = own
        if number < proposers:
            listed = lists[number].scores
            places[..., number] = _places(rows, lists[number].rows, n)
        scores[..., number] = np.where(there, _scaled(own, listed, there if listed is own else listed > -np.inf), 0)
    return Evidence(
        np.where(there, rows, -1),
        scores,
        places,
        _logs(counts.items)[np.where(there, rows, 0)] * there if n else np.zeros(rows.shape, np.float32),
        _logs(counts.users)[user_rows],
    )


def _places(rows: NDArray[np.int64], listed: NDArray[np.int64], n: int) -> NDArray[np.int64]:
    """Return the place of each candidate in a list, [b, c], from 1; 0 where it is not in it.

    Args:
        rows: candidates, ascending, n where there is none.
        listed: a list [b, k], all of whose items are candidates; −1 where it is shorter.
        n: how many items there are.
    """
    codes = (np.arange(len(rows))[:, None] * (n + 1) + rows).ravel()
    user, place = np.nonzero(listed >= 0)
    found = np.zeros(len(codes), np.int64)
    found[np.searchsorted(codes, user * (n + 1) + listed[user, place])] = place + 1
    return found.reshape(rows.shape)


def _scaled(
    scores: NDArray[np.float64], listed: NDArray[np.float64], there: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Return scores with 1 for the highest of what is listed ``there`` and 0 for the lowest, not below −1."""
    first = np.where(there, listed, -np.inf).max(axis=1, initial=-np.inf)[:, None]
    last = np.where(there, listed, np.inf).min(axis=1, initial=np.inf)[:, None]
    wide = first > last
    above = np.where(wide, last, 0)
    return np.asarray(((scores - above) / (np.where(wide, first, 1) - above)).clip(-1, 1) * wide)


def _scores(model: FittedModel, user_rows: NDArray[np.int64], rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return a model's scores of candidates, float32 [b, c]."""
    if hasattr(model, "predict"):
        found: NDArray[np.float32] = model.predict(np.repeat(user_rows, rows.shape[1]), rows.ravel())
        return found.reshape(rows.shape)
    height = max(1, SCORES // max(1, len(model.items)))
    blocks = [slice(start, start + height) for start in range(0, len(rows), height)]
    parts = [np.take_along_axis(model.score(user_rows[here]), rows[here], axis=1) for here in blocks]
    return np.concatenate(parts) if parts else np.zeros(rows.shape, np.float32)


def _logs(counts: NDArray[np.int64]) -> NDArray[np.float32]:
    logs = np.log1p(counts.astype(np.float64))
    return (logs / max(float(logs.max(initial=0)), 1e-30)).astype(np.float32)
