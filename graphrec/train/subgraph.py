"""Parts of a graph of several node types, enough to compute vectors of a few nodes: neighbours of neighbours, drawn.

PyTorch Geometric's own samplers (`NeighborLoader` and its kin) are compiled code in ``pyg-lib`` or ``torch-sparse``,
which no package index has for every PyTorch. This is the same in NumPy: a fixed number of distinct neighbours a node,
relationship and step, and node lists in which nearer nodes come first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    EdgeType = tuple[str, str, str]
    Rows = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Subgraph:
    """What `Sampler.around` gives.

    Attributes:
        nodes: rows by node type, int64: the seeds, then what one step reaches, then two, each once.
        edges: for each step by edge type the relationships that it found, int64 [2, e], as places in ``nodes``.
        sizes: how many of the first ``nodes`` of each type lie within 0, 1, 2 … steps.
    """

    nodes: Mapping[str, Rows]
    edges: Sequence[Mapping[EdgeType, Rows]]
    sizes: Sequence[Mapping[str, int]]

    def into(self, steps: int) -> dict[EdgeType, Rows]:
        """Return the relationships that point to nodes within so many steps, less one, of the seeds."""
        return {kind: np.concatenate([found[kind] for found in self.edges[:steps]], 1) for kind in self.edges[0]}


class Sampler:
    """Draws neighbourhoods, against the direction of the relationships: who sends messages to whom.

    Args:
        edges: by edge type (source, name, target) rows of both ends, int64 [2, e].
        sizes: how many nodes each type has.

    Cost: 16 bytes a relationship and 8 a node; drawing f of a node's n neighbours takes time by f, whatever n is.
    """

    def __init__(self, edges: Mapping[EdgeType, Rows], sizes: Mapping[str, int]) -> None:
        self._sizes = dict(sizes)
        self._lists = {kind: Neighbours(rows[0], rows[1], sizes[kind[2]]) for kind, rows in edges.items()}
        self._places = {name: np.full(n, -1, np.int64) for name, n in sizes.items()}

    def around(
        self, seeds: Mapping[str, Rows], fanouts: Sequence[int | None], generator: np.random.Generator
    ) -> Subgraph:
        """Return the seeds and what sends messages to them in so many steps.

        The mean over the neighbours drawn is, on average, the mean over all.

        Args:
            seeds: distinct rows by node type.
            fanouts: for each step how many distinct neighbours a node and edge type at most; None takes all.
            generator: of the drawing; left alone where no node has more neighbours than are taken.
        """
        nodes = {name: [seeds.get(name, np.zeros(0, np.int64))] for name in self._sizes}
        counts = {name: len(rows) for name, (rows,) in nodes.items()}
        for name, (rows,) in nodes.items():
            self._places[name][rows] = np.arange(len(rows))
        edges, sizes = [], [dict(counts)]
        for most in fanouts:
            frontier = {name: parts[-1] for name, parts in nodes.items()}
            found = {kind: each.draw(frontier[kind[2]], most, generator) for kind, each in self._lists.items()}
            for name, parts in nodes.items():
                met = [sources for kind, (sources, _) in found.items() if kind[0] == name]
                there = np.unique(np.concatenate([np.zeros(0, np.int64), *met]))
                fresh = there[self._places[name][there] < 0]
                self._places[name][fresh] = counts[name] + np.arange(len(fresh))
                counts[name] += len(fresh)
                parts.append(fresh)
            edges.append(
                {
                    kind: np.stack([self._places[kind[0]][a], self._places[kind[2]][frontier[kind[2]][b]]])
                    for kind, (a, b) in found.items()
                }
            )
            sizes.append(dict(counts))
        rows_of = {name: np.concatenate(parts) for name, parts in nodes.items()}
        for name, rows in rows_of.items():
            self._places[name][rows] = -1
        return Subgraph(rows_of, edges, sizes)


class Neighbours:
    """The sources of each target, one list after the other.

    Args:
        sources: int64 [e].
        targets: int64 [e].
        n: how many targets there are.
    """

    def __init__(self, sources: Rows, targets: Rows, n: int) -> None:
        self._sources = sources[np.argsort(targets, kind="stable")]
        self._counts = np.bincount(targets, minlength=n)
        self._starts = np.cumsum(self._counts) - self._counts

    def draw(self, targets: Rows, most: int | None, generator: np.random.Generator) -> tuple[Rows, Rows]:
        """Return up to ``most`` distinct sources of each target, and beside each source the place of its target."""
        counts, starts = self._counts[targets], self._starts[targets]
        whole = counts <= (counts if most is None else most)
        of = np.flatnonzero(whole)
        taken = counts[of]
        within = np.arange(taken.sum()) - (np.cumsum(taken) - taken).repeat(taken)
        places, of = starts[of].repeat(taken) + within, of.repeat(taken)
        if most is not None and not whole.all():
            drawn = distinct(counts[~whole], most, generator) + starts[~whole, None]
            places, of = np.append(places, drawn), np.append(of, np.flatnonzero(~whole).repeat(most))
        return self._sources[places], of


def distinct(counts: Rows, most: int, generator: np.random.Generator) -> Rows:
    """Return ``most`` distinct numbers below each count, all sets alike likely, int64 [n, most].

    Floyd's way (Bentley and Floyd, CACM 1987): no list is shuffled.

    Args:
        counts: int64 [n], each at least ``most``.
        most: how many.
        generator: of the drawing.
    """
    drawn = np.empty((len(counts), most), np.int64)
    for i in range(most):
        last = counts - most + i
        each = generator.integers(0, last + 1)
        drawn[:, i] = np.where((drawn[:, :i] == each[:, None]).any(1), last, each)
    return drawn
