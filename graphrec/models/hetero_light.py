"""Light propagation over all that the graph has: interactions, attributes and properties, ties."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.data.described import described
from graphrec.data.features import Encoder, blocks_of
from graphrec.errors import ArgumentError, near, problem
from graphrec.models.diffusion import friends_of
from graphrec.models.propagation import powers, scaled
from graphrec.models.softmax_model import LightGraph, Open, SoftmaxModel
from graphrec.models.space import Distribution, Float
from graphrec.models.spectrum import normalised
from graphrec.models.training import digest

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.data.described import Side

ATTRIBUTES, TRIED = 1.0, (0.0, 1.0, 2.0, 3.0)


class HeteroLight(SoftmaxModel):
    """`SoftmaxGCN` over a graph in which items and users are tied to what describes them, and users to friends.

    Each value of an attribute or category, each word, and each place on a number's scale is a node with a free vector
    (see `graphrec.data.features`). Every kind of relationship is normalised by itself and then weighted,
    ``Â = Â_interactions + attributes · Σ_b w_b Â_b + ties · Â_ties``. Scores are linear in a user's history as those
    of `SoftmaxGCN` are, so that users are folded in and scores taken apart likewise. Where nothing describes items or
    users, it is `SoftmaxGCN`.

    Attributes:
        dim: length of the vectors.
        attributes: the weight of all that describes items or users. None tries 0, 1, 2 and 3 in short runs of few
            dimensions where there is a validation part, and takes 1 where there is none.
        blocks: w_b by relationship type or property, 1 unless told; 0 leaves one out.
        ties: the weight of the ties of ``schema.ties``; 0 leaves them out.
        layers: how far messages travel.
        exponent: a, of the normalisation ``D^-a A D^-a``.
        temperature: of the softmax; None chooses it as `SoftmaxGCN` does.
        balance: 0 counts all pairs alike, 1 all users.
        negatives: with more items than this, the softmax runs over so many, drawn anew each step.
        learning_rate: of Adam at the first step; it falls to a tenth.
        batch_size: users a step, each with all their items.
        epochs: passes over the users; None makes 8, or as many as make 120 steps.
        seed: of the start and of the order of users.
    """

    kind: ClassVar[str] = "hetero-light"
    space: ClassVar[Mapping[str, Distribution]] = {**SoftmaxModel.space, "attributes": Float(low=0.0, high=4.0)}
    choices: ClassVar[Mapping[str, Open]] = {
        **SoftmaxModel.choices,
        "attributes": Open(ATTRIBUTES, TRIED, 0.5),  # attributes help early: shorter runs would flatter them
    }

    attributes: Annotated[float, Field(ge=0, le=100)] | None = None
    blocks: dict[str, Annotated[float, Field(ge=0, le=100)]] | None = None
    ties: Annotated[float, Field(ge=0, le=100)] = 0.0

    def _graph(self, data: Dataset, matrix: sp.csr_array) -> LightGraph:
        n_users, n_items = matrix.shape
        blocks = self._blocks(data)
        items, users = joined(blocks["item"], n_items, self.exponent), joined(blocks["user"], n_users, self.exponent)
        core, friends = normalised(matrix, self.exponent, self.exponent), None
        if self.ties:
            directed = friends_of(data)
            friends = normalised(directed.maximum(directed.T), self.exponent, self.exponent) * np.float32(self.ties)
        rows: list[list[Any]] = [
            [friends, core, None, users],
            [core.T, None, items, None],
            [None, items.T, None, None],
            [users.T, None, None, None],
        ]
        adjacency = sp.csr_array(sp.block_array(rows, format="csr"))
        nothing = sp.csr_array((users.shape[1], n_items), dtype=np.float32)
        start: list[Any] = [normalised(matrix, 0.5, 0.5), joined(blocks["item"], n_items, 0.5).T, nothing]
        return LightGraph(
            matrix, adjacency, sp.csr_array(sp.vstack(start, format="csr")), {"features": digest(items, users)}
        )

    def _blocks(self, data: Dataset) -> dict[Side, list[tuple[float, sp.csr_array]]]:
        """Return each block of what describes items and users, [n, m], with its weight."""
        sides: tuple[Side, Side] = ("item", "user")
        encoders = {side: Encoder(side, blocks_of(data, side) if self.attributes else ()) for side in sides}
        labels = [label for encoder in encoders.values() for label in encoder.labels]
        weights = dict.fromkeys(labels, 1.0) | (self.blocks or {})
        if self.attributes and (unknown := [name for name in weights if name not in labels]):
            rule = "must name what describes items or users"
            raise ArgumentError(problem("blocks", rule, unknown[0], near(unknown[0], labels)))
        return {
            side: [
                ((self.attributes or 0.0) * weights[label], block.weighed(described(data, side)).unit)
                for label, block in zip(encoder.labels, encoder.blocks, strict=True)
            ]
            for side, encoder in encoders.items()
        }


def joined(blocks: list[tuple[float, sp.csr_array]], n: int, exponent: float) -> sp.csr_array:
    """Return blocks side by side, each ``w D^-a F D^-a`` with the sums of its absolute values, float32 [n, m]."""
    parts: list[Any] = [sp.csr_array((n, 0), dtype=np.float32)]
    for weight, block in blocks:
        if weight:
            sizes = abs(block)
            rows, columns = (powers(sizes.sum(axis, dtype=np.float64), -exponent) for axis in (1, 0))
            parts.append(scaled(block, weight * rows, columns))
    return sp.csr_array(sp.hstack(parts, format="csr"))
