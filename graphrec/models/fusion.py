"""Several vector models as one set of vectors: joined, weighted, and compressed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, NamedTuple, Self

import numpy as np
from pydantic import Field, model_validator

from graphrec.errors import ArgumentError, GraphRecError, ModelError, check_type, is_number, near, problem
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import from_name
from graphrec.models.compression import compression
from graphrec.models.fitted import FittedVectors
from graphrec.models.folding import HISTORIES, folding
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.space import Choice, Distribution
from graphrec.models.wrapper import fitted_part
from graphrec.schema import GraphSchema
from graphrec.train.history import History

if TYPE_CHECKING:
    from collections.abc import Sequence

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut

    _Vectors = tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.float32] | None]

VALIDATION_USERS = 10_000
DIM, MOST = 256, 1024
FACTORS, WIDER = (1 / 3, 3.0), (1 / 3, 3.0, 0.1, 0.01)
"""What a weight is tried at; what other behaviours tell may be next to nothing."""
GAIN = 1.03  # of the metric, for which twice the numbers are worth their time at each query
PARTS = (
    {"kind": "spectral", "weight": 1.0, "dim": 1024},
    {"kind": "softmax-gcn", "weight": 6.0, "dim": 256},
)


class Fusion(Model):
    """A weighted sum of the scores of several vector models, as vectors of ``dim`` numbers.

    The vectors of the parts, each scaled to a mean length of 1 on both sides, stand side by side, so that inner
    products add up; the joined vectors are then compressed to the best fit of their scores with ``dim`` numbers
    (see `graphrec.models.compression`). What comes out is published, served and folded in as any other vectors.

    Compression favours the users whom it knows, so what items add to a new user is not compressed alike: it is
    learned from short histories of known users (see `graphrec.models.folding`).

    With a validation part each part makes its own choices (the spectral rank, the temperature, the epochs), and each
    weight but the first is tried at a third and at three times its value too, and further as long as that gains. All
    that was chosen is in the fitted model's ``config``, and fitting that to more data chooses nothing any more. The
    ``history`` is that of the part that was trained for the most epochs.

    **Several behaviours.** A part learns from the target interactions, or from the types that it names under ``on``:
    ``{"kind": "spectral", "on": ["BOUGHT", "VIEWED"]}`` takes a purchase and a view for the same. Beside a part that
    learns from purchases alone, with weights that the validation part chooses, views count for as much as they tell;
    see `of_behaviours`.

    Attributes:
        parts: for each model its ``kind``, its ``weight`` (1 unless told), ``on`` (the interactions that it learns
            from; the target ones unless told), and its own fields.
        dim: length of the vectors; not more than the parts have together. None is 256, and with a validation part
            twice as many, up to 1024, as long as doubling gains 3 %.

    Cost: that of the parts; the compression takes seconds.
    """

    kind: ClassVar[str] = "fusion"
    space: ClassVar[Mapping[str, Distribution]] = {"dim": Choice(128, 256, 512, 1024)}

    parts: Annotated[tuple[dict[str, Any], ...], Field(min_length=1, strict=False)] = PARTS
    dim: Annotated[int, Field(ge=1, le=4096)] | None = None

    @property
    def width(self) -> int:
        """See `Model.width`."""
        return self.dim or DIM

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            self._models()
        except GraphRecError as error:
            raise ValueError(f"parts must be models that can be made: {error}") from None
        return self

    @classmethod
    def of_behaviours(cls, schema: GraphSchema, **fields: Any) -> Self:
        """Return the default parts twice: learning from the target interactions, and from all that the schema names.

        Args:
            schema: names views, carts and purchases as interactions, of which one is the target.
            fields: further fields.

        Raises:
            ArgumentError: ``schema`` is none, or names no interaction besides the targets.
        """
        check_type("schema", schema, GraphSchema, "Take `data.schema`.")
        targets = {kind.type for kind in schema.targets}
        others = [kind.type for kind in schema.interactions if kind.type not in targets]
        if not others:
            remedy = "Name views, carts or the like as further interactions."
            raise ArgumentError(
                problem("schema", "must name interactions besides the targets", sorted(targets), remedy)
            )
        every = [kind.type for kind in schema.interactions]
        return cls(parts=(*PARTS, *({**part, "on": every} for part in PARTS)), **fields)

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`."""
        models = [model for model, _ in self._models()]
        joined = sum(model.width for model in models)
        most = max(model.memory(n_users, n_items, n_interactions) for model in models)
        return most + 4 * joined * (3 * (n_users + n_items) + HISTORIES)

    def _models(self) -> list[tuple[Model, float]]:
        found = []
        for part in self.parts:
            fields = {"weight": 1.0, **part}
            weight, on = fields.pop("weight"), fields.pop("on", None)
            if on is not None and (not isinstance(on, list | tuple) or not on):
                raise ArgumentError(problem("on", "must be a list of interaction types", on))
            if not is_number(weight) or not 0 < weight < np.inf:
                raise ArgumentError(problem("weight", "must be a number above 0", weight))
            found.append((from_name(fields.pop("kind", ""), **fields), float(weight)))
        return found

    def _fit(self, data: Dataset, run: Run) -> FittedVectors:
        parts: list[dict[str, Any]] = []
        fitted: list[FittedVectors] = []
        for part, (model, _) in zip(self.parts, self._models(), strict=True):
            found, chosen = fitted_part(model, _learning_from(data, part.get("on")), run, len(parts))
            if not isinstance(found, FittedVectors):
                raise ModelError(f"{model.kind!r} cannot be a part of a fusion: it has no vectors.")
            fitted.append(found)
            parts.append(part | chosen)
        weights = [weight for _, weight in self._models()]
        blocks = [_Block.of(each) for each in fitted]
        dim = self.width
        if run.validation is not None:
            weights, dim = self._chosen(blocks, weights, data.seen(targets=True), run.validation, run.metric)
        parts = [part | {"weight": weight} for part, weight in zip(parts, weights, strict=True)]
        recorded = self.model_copy(update={"parts": tuple(parts), "dim": dim})
        history = History.of_parts(each.history for each in fitted)
        whole = FittedVectors.of(recorded, data, *_joined(blocks, weights, dim, target_matrix(data)), history)
        return replace(whole, cold_items=_cold(fitted, "item"), cold_users=_cold(fitted, "user"))

    def _chosen(
        self, blocks: list[_Block], weights: list[float], seen: sp.csr_array, validation: HeldOut, metric: str
    ) -> tuple[list[float], int]:
        """Return the weights, and where it is open the number of dimensions, that are best on the validation part."""

        def measured(weights: list[float], dim: int) -> float:
            users, items, _ = _joined(blocks, weights, dim)
            return held_out_metric(users, items, seen, validation.matrix, metric, users=VALIDATION_USERS)

        dim, all_dims = self.width, sum(block.users.shape[1] for block in blocks)
        best = measured(weights, dim)
        for place in range(1, len(blocks)):
            for factor in WIDER if "on" in self.parts[place] else FACTORS:
                step = [factor if i == place else 1.0 for i in range(len(weights))]
                while (found := measured(tried := [w * f for w, f in zip(weights, step, strict=True)], dim)) > best:
                    best, weights = found, tried
        while self.dim is None and dim < min(all_dims, MOST):
            if (found := measured(weights, 2 * dim)) < GAIN * best:
                break
            best, dim = found, 2 * dim
        return weights, dim


def _learning_from(data: Dataset, on: Sequence[str] | None) -> Dataset:
    """Return a dataset whose targets are these interactions.

    Raises:
        ArgumentError: one is not in the schema.
    """
    if on is None:
        return data
    known = [kind.type for kind in data.schema.interactions]
    if unknown := [name for name in on if name not in known]:
        raise ArgumentError(
            problem("on", "must name interactions of the schema", unknown[0], near(unknown[0], known))
        )
    kinds = tuple(kind.model_copy(update={"target": kind.type in on}) for kind in data.schema.interactions)
    return replace(data, schema=data.schema.model_copy(update={"interactions": kinds}))


class _Block(NamedTuple):
    """The vectors of a part, users and items each of mean length 1."""

    users: NDArray[np.float32]
    items: NDArray[np.float32]
    fold_in: NDArray[np.float32] | None

    @classmethod
    def of(cls, fitted: FittedVectors) -> _Block:
        scale = _mean_length(fitted.user_vectors)
        fold_in = None if fitted.fold_in_vectors is None else fitted.fold_in_vectors / scale
        return cls(fitted.user_vectors / scale, fitted.item_vectors / _mean_length(fitted.item_vectors), fold_in)


def _joined(blocks: list[_Block], weights: list[float], dim: int, matrix: sp.csr_array | None = None) -> _Vectors:
    """Return user, item and fold-in vectors of ``dim`` numbers; the last are learned where ``matrix`` is given."""
    total = np.float32(sum(weights))
    users = np.hstack([block.users * np.float32(w / total) for block, w in zip(blocks, weights, strict=True)])
    items = np.hstack([block.items for block in blocks])
    folds = [block.fold_in for block in blocks]
    known = [each * np.float32(w / total) for each, w in zip(folds, weights, strict=True) if each is not None]
    fold_in = np.hstack(known) if len(known) == len(folds) else None
    if users.shape[1] <= dim:
        return users, items, fold_in
    for_users, for_items = compression(users, items, dim)
    users, items, for_new = users @ for_users, items @ for_items, for_users
    if fold_in is not None and matrix is not None:
        for_new = folding(fold_in, users, for_users, matrix)
    return users, items, None if fold_in is None else fold_in @ for_new


def _cold(fitted: list[FittedVectors], side: str) -> NDArray[np.bool_]:
    """Return whose vectors come from what describes them alone: no part learned anything of them, bool [n]."""
    there = np.array([getattr(each, f"{side}_vectors").any(axis=1) for each in fitted])
    flags = [getattr(each, f"cold_{side}s") for each in fitted]
    mapped = np.array([np.zeros(there.shape[1], bool) if cold is None else cold for cold in flags])
    return np.asarray(mapped.any(axis=0) & ~(there & ~mapped).any(axis=0))


def _mean_length(vectors: NDArray[np.float32]) -> np.float32:
    return np.float32(max(float(np.linalg.norm(vectors, axis=1).mean()), 1e-30))
