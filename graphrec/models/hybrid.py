"""What models made of other models have in common: the parts, named by their kinds, and how they are fitted."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Self

from pydantic import Field, model_validator

from graphrec.errors import GraphRecError
from graphrec.models import from_name
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.wrapper import fitted_part

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut
    from graphrec.models.evidence import Evidence
    from graphrec.models.fitted_hybrid import FittedHybrid


class Hybrid(Model):
    """A model of other models: they propose candidates, and `combine` orders them.

    Attributes:
        depth: how many candidates each part proposes.
    """

    weighted: ClassVar[bool] = False  # whether a part may have a ``weight`` beside its fields

    depth: Annotated[int, Field(ge=1, le=100_000)] = 100

    @property
    @abstractmethod
    def named(self) -> tuple[dict[str, Any], ...]:
        """The parts: for each its ``kind`` and fields."""

    @property
    def proposers(self) -> int:
        """How many of the parts, from the first, propose candidates."""
        return len(self.named)

    @abstractmethod
    def with_parts(self, parts: list[dict[str, Any]]) -> Self:
        """Return the same with other parts."""

    @abstractmethod
    def combine(self, evidence: Evidence) -> NDArray[np.float64]:
        """Return what orders candidates, float64 [b, c]; −inf for none of the list."""

    def choose(self, fitted: FittedHybrid, validation: HeldOut, metric: str) -> Self:
        """Return the same with what is best on a validation part that the parts were not fitted on."""
        return self

    @model_validator(mode="after")
    def _check_parts(self) -> Self:
        try:
            self.models()
        except GraphRecError as error:
            raise ValueError(f"parts must be models that can be made: {error}") from None
        return self

    def models(self) -> list[Model]:
        """Return the parts, not fitted."""
        own = {"weight"} if self.weighted else set()
        fields = [{name: value for name, value in part.items() if name not in own} for part in self.named]
        return [from_name(each.pop("kind", ""), **each) for each in fields]

    def memory(self, n_users: int, n_items: int, n_interactions: int) -> int:
        """See `Model.memory`. Parts are fitted one after the other; all stay."""
        own = 12 * n_interactions + 8 * (n_users + n_items)
        return own + sum(model.memory(n_users, n_items, n_interactions) for model in self.models())

    def _fit(self, data: Dataset, run: Run) -> FittedHybrid:
        from graphrec.models.fitted_hybrid import FittedHybrid  # which knows this class

        target_matrix(data)
        parts: list[dict[str, Any]] = []
        fitted = []
        for part, model in zip(self.named, self.models(), strict=True):
            found, chosen = fitted_part(model, data, run, len(parts))
            parts.append(part | chosen)
            fitted.append(found)
        config = self.with_parts(parts)
        whole = FittedHybrid.of(config, data, fitted)
        if run.validation is None:
            return whole
        return replace(whole, config=config.choose(whole, run.validation, run.metric))
