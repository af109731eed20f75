"""A fitted model: vectors whose inner products are the scores, and the file that it is saved in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import NodeTable
from graphrec.errors import ModelError
from graphrec.models import KINDS, from_name
from graphrec.train.history import History
from graphrec.train.storage import read_tensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.models.model import Model


@dataclass(frozen=True, eq=False)
class FittedVectors:
    """What every vector model is once it is fitted; a `graphrec.rank.scorer.VectorScorer`.

    Attributes:
        config: the model that was fitted.
        name: what tables and reports call it.
        users: the users' keys, without properties.
        items: the items' keys, without properties.
        user_vectors: float32 [n_users, d].
        item_vectors: float32 [n_items, d].
        fold_in_vectors: float32 [n_items, d], what each item adds to a new user; None where the model cannot.
        fingerprint: of the dataset that it was fitted on.
        history: the record of its training.
    """

    config: Model
    name: str
    users: NodeTable
    items: NodeTable
    user_vectors: NDArray[np.float32]
    item_vectors: NDArray[np.float32]
    fold_in_vectors: NDArray[np.float32] | None
    fingerprint: str
    history: History

    @classmethod
    def of(
        cls,
        config: Model,
        data: Dataset,
        user_vectors: NDArray[np.float32],
        item_vectors: NDArray[np.float32],
        fold_in_vectors: NDArray[np.float32] | None = None,
        history: History | None = None,
    ) -> FittedVectors:
        """Put the vectors of a model beside the keys of the dataset that it was fitted on."""
        users, items = (NodeTable(t.label, t.keys, t.properties.select([])) for t in (data.users, data.items))
        vectors = (user_vectors, item_vectors, fold_in_vectors)
        return cls(config, config.kind, users, items, *vectors, data.fingerprint, history or History())

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the scores of all items for these users, float32 [b, n_items]."""
        return self.user_vectors[user_rows] @ self.item_vectors.T

    def fold_in(self, histories: list[NDArray[np.int64]]) -> NDArray[np.float32]:
        """Return vectors for new users without training: ``Σ fold_in_vectors[history] / √|history|``.

        Args:
            histories: for each user the rows of their items; one that stands twice counts once.

        Returns:
            Float32 [b, d]; zero where the history is empty.

        Raises:
            ModelError: this model cannot fold in.
        """
        if self.fold_in_vectors is None:
            raise ModelError(f"{self.name!r} cannot serve new users by their items. Fit it again with them.")
        vectors = np.zeros((len(histories), self.fold_in_vectors.shape[1]), np.float32)
        for row, history in enumerate(map(np.unique, histories)):
            if len(history):
                vectors[row] = self.fold_in_vectors[history].sum(0) / np.sqrt(len(history))
        return vectors

    def refit(self, data: Dataset, **options: Any) -> FittedVectors:
        """Fit the same model again, for as many epochs as were best here: usually on all the data.

        Args:
            data: what to learn from.
            options: as in `Model.fit`.
        """
        trained = self.history.best_epoch > 0
        config = self.config.model_copy(update={"epochs": self.history.best_epoch}) if trained else self.config
        return config.fit(data, **options)

    def save(self, path: str | Path) -> None:
        """Write the model to one file, which `load_model` reads; atomic, an existing file is replaced.

        Raises:
            ModelError: the file cannot be written; an older one is as it was.
        """
        tensors = {"user_vectors": self.user_vectors, "item_vectors": self.item_vectors}
        if self.fold_in_vectors is not None:
            tensors["fold_in_vectors"] = self.fold_in_vectors
        metadata = {
            "kind": self.config.kind,
            "config": self.config.model_dump(mode="json"),
            "name": self.name,
            "users": self.users.label,
            "items": self.items.label,
            "fingerprint": self.fingerprint,
            "history": self.history.to_json(),
        }
        keys = _keys_to_tensors("users", self.users.keys) | _keys_to_tensors("items", self.items.keys)
        write_tensors(path, "model", {**tensors, **keys}, metadata)

    def __repr__(self) -> str:
        (users, dim), items = self.user_vectors.shape, len(self.items)
        return f"FittedVectors({self.name!r}, {users:,} users, {items:,} items, d={dim}, {self.fingerprint[:12]})"


def load_model(path: str | Path) -> FittedVectors:
    """Read a model that `FittedVectors.save` wrote.

    Raises:
        ModelError: the file is missing, is no model, is truncated or altered, or of a newer graphrec.
    """
    tensors, metadata = read_tensors(path, "model")
    if metadata["kind"] not in KINDS:
        raise ModelError(
            f"`path` must be a saved model. Got {str(path)!r} of the kind {metadata['kind']!r}, which this graphrec "
            "does not know. Upgrade graphrec."
        )
    users, items = (
        NodeTable(metadata[side], keys, pa.table({}))
        for side in ("users", "items")
        for keys in [_keys_from_tensors(side, tensors)]
    )
    return FittedVectors(
        config=from_name(metadata["kind"], **metadata["config"]),
        name=metadata["name"],
        users=users,
        items=items,
        user_vectors=tensors["user_vectors"],
        item_vectors=tensors["item_vectors"],
        fold_in_vectors=tensors.get("fold_in_vectors"),
        fingerprint=metadata["fingerprint"],
        history=History.from_json(metadata["history"]),
    )


def _keys_to_tensors(side: str, keys: pa.Array) -> dict[str, NDArray[Any]]:
    if pa.types.is_integer(keys.type):
        return {f"{side}/keys": keys.to_numpy(zero_copy_only=False)}
    lengths = pc.binary_length(keys).to_numpy(zero_copy_only=False)
    text = np.frombuffer("".join(keys.to_pylist()).encode(), np.uint8)
    return {f"{side}/text": text, f"{side}/offsets": np.concatenate([[0], np.cumsum(lengths, dtype=np.int64)])}


def _keys_from_tensors(side: str, tensors: dict[str, NDArray[Any]]) -> pa.Array:
    if f"{side}/keys" in tensors:
        return pa.array(tensors[f"{side}/keys"], pa.int64())
    offsets, text = (pa.py_buffer(tensors[f"{side}/{part}"]) for part in ("offsets", "text"))
    length = len(tensors[f"{side}/offsets"]) - 1
    return pc.cast(pa.Array.from_buffers(pa.large_string(), length, [None, offsets, text]), pa.string())
