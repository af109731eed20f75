"""What every fitted model has, however it scores, and the file that it is saved in."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ClassVar, Self, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.dataset import check_dataset
from graphrec.data.tables import NodeTable
from graphrec.errors import ArgumentError, problem
from graphrec.models import from_name
from graphrec.train.history import History
from graphrec.train.storage import write_tensors

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.models.model import Model


@dataclass(frozen=True, eq=False)
class FittedModel(ABC):
    """A model that was fitted; a `graphrec.rank.scorer.Scorer`.

    Attributes:
        config: the model that was fitted.
        name: what tables and reports call it.
        users: the users' keys, without properties.
        items: the items' keys, without properties.
        fingerprint: of the dataset that it was fitted on.
        history: the record of its training.
        preparation: the steps that the dataset went through; `refit` repeats them.
    """

    config: Model
    name: str
    users: NodeTable
    items: NodeTable
    fingerprint: str
    history: History
    preparation: tuple[Mapping[str, Any], ...] = field(default=(), kw_only=True)

    form: ClassVar[str]
    """How it scores; what its file is read as."""

    @classmethod
    def _beside(cls, config: Model, data: Dataset, history: History | None, **arrays: Any) -> Self:
        """Put what a model has learned beside the keys of the dataset that it was fitted on."""
        users, items = (NodeTable(t.label, t.keys, t.properties.select([])) for t in (data.users, data.items))
        preparation = {"preparation": data.preparation}
        return cls(config, config.kind, users, items, data.fingerprint, history or History(), **arrays, **preparation)

    @abstractmethod
    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of all items for these users, float32 [b, n_items]."""

    @abstractmethod
    def knows(self, user_rows: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Return of which of these users it learned anything, bool [b]; the others' scores are all alike."""

    def refit(self, data: Dataset, **options: Any) -> Self:
        """Fit the same model again, for as many epochs as were best here: usually on all the data.

        Args:
            data: what to learn from; it goes through the steps of ``preparation`` unless it has already.
            options: as in `Model.fit`.

        Raises:
            ArgumentError: it has gone through other steps.
        """
        check_dataset(data)
        if data.preparation not in ((), self.preparation):
            remedy = "Give it unprepared, and the same steps are repeated."
            raise ArgumentError(problem("data", "must be prepared as before", list(data.preparation), remedy))
        data = data if data.preparation else data.prepare(self.preparation)
        trained = self.history.best_epoch > 0 and "epochs" in type(self.config).model_fields
        config = self.config.model_copy(update={"epochs": self.history.best_epoch}) if trained else self.config
        return cast("Self", config.fit(data, **options))

    def save(self, path: str | Path) -> None:
        """Write the model to one file, which `load_model` reads; atomic, an existing file is replaced.

        Raises:
            ModelError: the file cannot be written; an older one is as it was.
        """
        keys = _keys_to_tensors("users", self.users.keys) | _keys_to_tensors("items", self.items.keys)
        write_tensors(path, "model", {**self._to_tensors(), **keys}, self.record())

    def record(self) -> dict[str, Any]:
        """Return what a file says beside keys and what was learned."""
        return {
            "kind": self.config.kind,
            "form": self.form,
            "config": self.config.model_dump(mode="json"),
            "name": self.name,
            "users": self.users.label,
            "items": self.items.label,
            "fingerprint": self.fingerprint,
            "history": self.history.to_json(),
            "preparation": list(self.preparation),
        }

    @classmethod
    def from_file(cls, tensors: dict[str, NDArray[Any]], metadata: dict[str, Any]) -> Self:
        """Return the model of a file that `save` wrote and that was checked."""
        users, items = (
            NodeTable(metadata[side], keys_from_tensors(side, tensors), pa.table({})) for side in ("users", "items")
        )
        return cls(
            from_name(metadata["kind"], **metadata["config"]),
            metadata["name"],
            users,
            items,
            metadata["fingerprint"],
            History.from_json(metadata["history"]),
            **cls._from_tensors(tensors),
            preparation=tuple(metadata.get("preparation", ())),
        )

    @abstractmethod
    def _to_tensors(self) -> dict[str, NDArray[Any]]:
        """Return what was learned as arrays by name."""

    @classmethod
    @abstractmethod
    def _from_tensors(cls, tensors: dict[str, NDArray[Any]]) -> dict[str, Any]:
        """Return what `_to_tensors` gave as this class's own fields."""


def _keys_to_tensors(side: str, keys: pa.Array) -> dict[str, NDArray[Any]]:
    if pa.types.is_integer(keys.type):
        return {f"{side}/keys": keys.to_numpy(zero_copy_only=False)}
    lengths = pc.binary_length(keys).to_numpy(zero_copy_only=False)
    text = np.frombuffer("".join(keys.to_pylist()).encode(), np.uint8)
    return {f"{side}/text": text, f"{side}/offsets": np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])}


def keys_from_tensors(side: str, tensors: Mapping[str, NDArray[Any]]) -> pa.Array:
    """Return the keys of ``"users"`` or ``"items"`` that a model's file holds."""
    if f"{side}/keys" in tensors:
        return pa.array(tensors[f"{side}/keys"], pa.int64())
    offsets, text = (pa.py_buffer(tensors[f"{side}/{part}"]) for part in ("offsets", "text"))
    length = len(tensors[f"{side}/offsets"]) - 1
    return pc.cast(pa.Array.from_buffers(pa.large_string(), length, [None, offsets, text]), pa.string())
