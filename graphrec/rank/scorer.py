"""What can be ranked: the seam between models and everything that puts items in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, runtime_checkable

import numpy as np

from graphrec.data.tables import NodeTable
from graphrec.errors import ArgumentError, ModelError, problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.rank.order import TopK


class Fitted(Protocol):
    """Has a name, and the node tables that it was fitted on: rows are theirs."""

    @property
    def name(self) -> str:
        """What tables and reports call it."""

    @property
    def users(self) -> NodeTable:
        """The users' keys; user row i is key i."""

    @property
    def items(self) -> NodeTable:
        """The items' keys; item row i is key i."""


@runtime_checkable
class Scorer(Fitted, Protocol):
    """Gives each user a score for each item; higher is better. Every fitted model is one."""

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of all items for these users, float32 [b, n_items]."""


def check_fitted(model: Any) -> None:
    """Go on only with a fitted model.

    Raises:
        ArgumentError: it is none, such as one that is not fitted yet.
    """
    if not isinstance(model, Scorer):
        raise ArgumentError(problem("model", "must be a fitted model", model, "Call fit(data) first."))


def check_items(model: Fitted, data: Dataset) -> None:
    """Go on only with a model of a dataset's own items.

    Raises:
        ModelError: it was fitted on others.
    """
    if not model.items.keys.equals(data.items.keys):
        raise ModelError(f"{model.name!r} must have the items of `data`. Give it the data that it was fitted on.")


def scores_of(scorer: Scorer, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
    """Return the scores of all items for these users, float32 [b, n_items].

    Raises:
        ModelError: the scorer gives more or fewer.
    """
    scores = np.asarray(scorer.score(user_rows), np.float32)
    if scores.shape != (shape := (len(user_rows), len(scorer.items))):
        raise ModelError(f"The scores of {scorer.name!r} must be of shape {shape}. Got {scores.shape}.")
    return scores


class Vectors(Fitted, Protocol):
    """Vectors of users and items whose inner products are scores: what can live on the nodes.

    ``score(u, i) = user_vectors[u] · item_vectors[i]``.
    """

    @property
    def user_vectors(self) -> NDArray[np.float32]:
        """Float32 [n_users, d]."""

    @property
    def item_vectors(self) -> NDArray[np.float32]:
        """Float32 [n_items, d]."""

    @property
    def fold_in_vectors(self) -> NDArray[np.float32] | None:
        """Float32 [n_items, d]: what each item adds to a new user's vector; None where the model cannot."""


def check_vectors(model: Any) -> None:
    """Go on only with vectors that stand beside the keys of their nodes.

    Raises:
        ArgumentError: it lacks an attribute of `Vectors`, or one is not of the type and shape that is written there.
    """
    names = ("name", "users", "items", "user_vectors", "item_vectors", "fold_in_vectors")
    if lacking := [name for name in names if not hasattr(model, name)]:
        remedy = "`fold_in_vectors` may be None." if lacking == ["fold_in_vectors"] else ""
        raise ArgumentError(problem("model", f"must have {', '.join(names)}", f"none of {lacking}", remedy))
    for side in ("users", "items"):
        if not isinstance(table := getattr(model, side), NodeTable):
            remedy = f"Take `data.{side}`; row i of the vectors is its key i."
            raise ArgumentError(
                problem(side, f"of {model.name!r} must be a table of nodes", type(table).__name__, remedy)
            )
    dim = getattr(model.user_vectors, "shape", (0,))[-1]
    for field, side in (("user_vectors", "users"), ("item_vectors", "items"), ("fold_in_vectors", "items")):
        vectors, shape = getattr(model, field), (len(getattr(model, side)), dim)
        if field == "fold_in_vectors" and vectors is None:
            continue
        if not isinstance(vectors, np.ndarray) or vectors.dtype != np.float32 or vectors.shape != shape:
            found = f"{type(vectors).__name__} {getattr(vectors, 'dtype', '')} {list(getattr(vectors, 'shape', []))}"
            rule = f"of {model.name!r} must be a NumPy array of float32 {list(shape)}, a row for each of `{side}`"
            raise ArgumentError(
                f"`{field}` {rule}. Got {found}. Put rows into the order of the keys, then .astype('float32')."
            )


@runtime_checkable
class VectorScorer(Vectors, Scorer, Protocol):
    """A scorer whose scores are inner products."""

    def fold_in(self, histories: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return vectors float32 [b, d] for new users known by the rows of their items."""


@runtime_checkable
class Knowing(Protocol):
    """Says whom it learned anything of, by other means than vectors that are zero."""

    def knows(self, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return of which of these users it learned anything, bool [b]."""


def known_by(model: Fitted, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return of which of these users a model learned anything, bool [b]: of all where it does not say."""
    return model.knows(user_rows) if isinstance(model, Knowing) else np.ones(len(user_rows), bool)


@runtime_checkable
class Lister(Protocol):
    """Makes its lists itself, from candidates, without a score for every item."""

    def lists(
        self,
        user_rows: NDArray[np.int64],
        k: int,
        *,
        hidden: sp.csr_array | None,
        allowed: NDArray[np.bool_] | None,
    ) -> TopK:
        """Return the k best candidates of these users; see `graphrec.rank.topk.topk_scores`."""


@runtime_checkable
class Attributable(Protocol):
    """Its scores are sums over what a user has."""

    def parts(
        self, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64], histories: sp.csr_array
    ) -> sp.csr_array | None:
        """Return what each item of a history adds to the scores of b pairs, float64 [b, n_items].

        Args:
            user_rows: int64 [b].
            item_rows: int64 [b].
            histories: what these users have, [b, n_items].

        Returns:
            None where this one cannot say.
        """


class Trace(NamedTuple):
    """What the score of one pair is made of.

    Attributes:
        base: what it is without any message.
        parts: by edge type (source label, type, target label) rows of sources and targets, int64 [e], and what each
            relationship adds, float64 [e].
    """

    base: float
    parts: Mapping[tuple[str, str, str], tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]]


@runtime_checkable
class Traceable(Protocol):
    """Its scores come from messages over the graph that it was fitted on."""

    def traces(self, data: Dataset, user_rows: NDArray[np.int64], item_rows: NDArray[np.int64]) -> Iterable[Trace]:
        """Return for each of b pairs what each relationship adds to its score.

        Args:
            data: what it was fitted on.
            user_rows: int64 [b].
            item_rows: int64 [b].

        Raises:
            ModelError: it was fitted on other data.
        """
