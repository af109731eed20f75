"""From what describes a node to its vectors, for nodes that no interaction tells anything of."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa

from graphrec.data.feature_blocks import Block
from graphrec.data.features import Encoder

if TYPE_CHECKING:
    from collections.abc import Mapping

    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.described import Described, Side


def amounts(encoder: Encoder) -> NDArray[np.bool_]:
    """Return which columns of an encoder say how many values a node has, bool [m]."""
    found: NDArray[np.bool_] = encoder.columns([1.0] * len(encoder.blocks), amounts=False) == 0
    return found


@dataclass(frozen=True, eq=False)
class FeatureMap:
    """Linear maps from the columns of an encoder to vectors, ``x = encoded · matrix[:-1] + matrix[-1]``.

    Attributes:
        encoder: what the columns mean; m of them.
        matrices: float32 [m + 1, d] by what they give: ``"vector"``, and for items, where the model can fold in,
            ``"fold_in"``, what an item adds to a new user. The last row is added to every node that is described.
    """

    encoder: Encoder
    matrices: Mapping[str, NDArray[np.float32]]

    def vectors(self, nodes: Described, which: str = "vector") -> NDArray[np.float32]:
        """Return vectors float32 [n, d]; zero for nodes of which the encoder knows nothing.

        Raises:
            DataError: values are not what the schema says.
        """
        return self.applied(self.encoder.encode(nodes), which)

    def applied(self, encoded: sp.csr_array, which: str = "vector") -> NDArray[np.float32]:
        """Return vectors float32 [n, d] of what the encoder gave, [n, m].

        They are zero where that is nothing, or no more than how many values a node has.
        """
        matrix = self.matrices[which]
        tells = ~amounts(self.encoder)[encoded.indices]
        known = np.bincount(np.repeat(np.arange(encoded.shape[0]), np.diff(encoded.indptr))[tells]) > 0
        known = np.append(known, np.zeros(encoded.shape[0] - len(known), bool))
        found = (encoded @ matrix[:-1].astype(np.float64) + matrix[-1]) * known[:, None]
        return np.asarray(found, np.float32)

    def to_tensors(self, prefix: str) -> dict[str, NDArray[Any]]:
        """Return it as arrays by names that begin with ``prefix``."""
        blocks = [{"name": b.name, "kind": b.kind, "values": b.values.to_pylist()} for b in self.encoder.blocks]
        text = json.dumps({"side": self.encoder.side, "blocks": blocks})
        numbers = np.concatenate([block.numbers for block in self.encoder.blocks])
        arrays = {f"{prefix}/{name}": matrix for name, matrix in self.matrices.items()}
        return {**arrays, f"{prefix}/blocks": np.frombuffer(text.encode(), np.uint8), f"{prefix}/numbers": numbers}

    @classmethod
    def from_tensors(cls, prefix: str, tensors: Mapping[str, NDArray[Any]]) -> FeatureMap | None:
        """Return what `to_tensors` gave; None where there is none."""
        if f"{prefix}/blocks" not in tensors:
            return None
        said = json.loads(tensors[f"{prefix}/blocks"].tobytes())
        ends = np.cumsum([len(each["values"]) for each in said["blocks"]])[:-1]
        parts = np.split(tensors[f"{prefix}/numbers"], ends)
        blocks = [
            Block(each["name"], each["kind"], pa.array(each["values"], pa.string()), numbers)
            for each, numbers in zip(said["blocks"], parts, strict=True)
        ]
        there = {name: tensors[f"{prefix}/{name}"] for name in ("vector", "fold_in") if f"{prefix}/{name}" in tensors}
        return cls(Encoder(cast("Side", said["side"]), tuple(blocks)), there)
