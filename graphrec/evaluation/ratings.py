"""How far predicted ratings are from held-out ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

import numpy as np

from graphrec.errors import DataError, ModelError

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.split import HeldOut

POWERS = {"rmse": 2, "mae": 1}


@runtime_checkable
class Rater(Protocol):
    """Predicts ratings of pairs, on the scale of the weights that it was fitted on."""

    def predict(self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return a rating for each pair, float32 [n]."""


def check_rates(name: str, rates: bool, kind: str) -> None:
    """Go on only where a model predicts ratings.

    Raises:
        ModelError: it does not.
    """
    if not rates:
        raise ModelError(
            f"The model {name!r} must predict ratings for {kind!r}: it ranks only. Take a model of ratings, or "
            "ranking metrics such as 'ndcg@20'."
        )


def rating_errors(
    name: str, model: Any, part: HeldOut, rows: NDArray[np.int64], kinds: list[str]
) -> dict[str, NDArray[np.float64]]:
    """Return each user's ``(Σ |prediction − rating|ᵖ / n)^(1/p)`` over their n held-out pairs, by kind, [b].

    Args:
        name: what errors call the model.
        model: a `Rater`; one whose ``config.rates`` is False predicts scores, but no ratings.
        part: with ratings.
        rows: the users, ascending, each with a held-out pair.
        kinds: ``"rmse"`` (p = 2), ``"mae"`` (p = 1).

    Raises:
        DataError: a held-out pair has no rating.
        ModelError: the model predicts no ratings, or something that is not finite.
    """
    if part.ratings is None or not np.isfinite(part.ratings.data).all():
        raise DataError(
            f"`{kinds[0]}` must have a rating of every held-out pair to compare with. Got pairs without one. Name "
            "the weight of the target interaction in the schema, and hold out pairs of the data."
        )
    check_rates(name, getattr(getattr(model, "config", None), "rates", True) and isinstance(model, Rater), kinds[0])
    truth = part.ratings[rows]
    n = np.diff(truth.indptr)
    found = np.asarray(model.predict(np.repeat(rows, n), truth.indices.astype(np.int64)), np.float64)
    if found.shape != truth.data.shape or not np.isfinite(found).all():
        raise ModelError(f"The ratings predicted by {name!r} must be finite and one a pair. Fit the model again.")
    errors = np.abs(found - truth.data)
    return {
        kind: (np.add.reduceat(errors**power, truth.indptr[:-1]) / n) ** (1 / power)
        for kind, power in POWERS.items()
        if kind in kinds
    }
