"""How much memory a graph will need, from counts alone, and how much there is."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psutil

from graphrec.errors import ArgumentError, MemoryPlanError, problem

if TYPE_CHECKING:
    from collections.abc import Mapping

    from graphrec.schema import GraphSchema

FIXED = 80_000_000  # database, threads and allocator, beyond what imports take
BATCH = 1_000_000  # the most rows that a load holds at once
POOL = 1 << 30  # the most that an embedded file keeps of its pages
RANKING = 125_000_000  # a block of scores with its candidates, on each of up to four threads
BLOCK = 70_000_000  # a block of scores, where lists are all that is made
CGROUP = Path("/sys/fs/cgroup")


def memory_estimate(
    n_users: int,
    n_items: int,
    n_interactions: int,
    *,
    dim: int = 64,
    batch_size: int = 8192,
    columns: float = 4,
    fit: int | None = None,
    relationships: int | None = None,
) -> dict[str, int]:
    """Return the peak memory in bytes of each job on an embedded file, beyond Python and its imports.

    With r relationships of c columns of 8 bytes (both ends, and weight and time where the schema names them), n of
    them interactions, and T the bytes of one table of vectors, ``4 · dim · (n_users + n_items)``:

    * ``"load"``: 200 bytes a row for the rows held at once, at most a million of them, and 85 r for pages of the
      file, at most 1 GiB;
    * ``"dataset"``: 4 · 8 c r: the database's result, its Arrow columns, and two copies while rows are renumbered;
    * ``"hetero"``: that, and 56 r for tensors in both directions;
    * ``"fit"``: 5 · 8 c r for the graph and its training part, and what the model says; see `trained`;
    * ``"topk"``: lists of 20 for all users: 4 · 8 c r for reading the graph; or, once it is read, 8 c r to keep it,
      60 n to know what everybody has seen, T, 224 · 20 bytes a user for the frame, and the blocks of scores.

    Each has a fixed part besides. Within a quarter of what ``benchmarks/memory.py`` measures at one and at five
    million interactions. A read of Neo4j also holds up to half a million relationships as Python objects.

    Args:
        n_users: nodes of the user label.
        n_items: nodes of the item label.
        n_interactions: n, the target interactions.
        dim: length of the vectors.
        batch_size: pairs a training step.
        columns: c.
        fit: what a model says that it needs beyond the dataset (`Model.memory`); else what `trained` says.
        relationships: r; None takes n.
    """
    everything = n_interactions if relationships is None else relationships
    row = int(8 * columns * everything)
    table = 4 * dim * (n_users + n_items)
    blocks = BLOCK * min(4, os.cpu_count() or 1)
    if fit is None:
        fit = trained(n_users, n_items, n_interactions, dim=dim, batch_size=batch_size)
    return {
        "load": FIXED + 200 * min(everything, BATCH) + min(85 * everything, POOL),
        "dataset": FIXED + 4 * row,
        "hetero": FIXED + 4 * row + 56 * everything,
        "fit": FIXED + 5 * row + fit,
        "topk": FIXED + max(4 * row, row + 60 * n_interactions + table + 224 * 20 * n_users + blocks),
    }


def trained(n_users: int, n_items: int, n_interactions: int, *, dim: int, batch_size: int) -> int:
    """Return the bytes that training free vectors by gradients takes beyond the dataset.

    100 n for matrices, propagation and sampling; 6 T for the table, gradient, Adam, best state and products; and the
    larger of a batch's vectors, four times, and the blocks of scores by which validation ranks, one on each core up
    to four.
    """
    batch = 4 * 3 * 4 * dim * min(batch_size, n_interactions)
    return 100 * n_interactions + 6 * 4 * dim * (n_users + n_items) + max(batch, _ranking())


def _ranking() -> int:
    return RANKING * min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class MemoryPlan:
    """What jobs on a graph will need, next to what there is.

    Attributes:
        users: nodes of the user label.
        items: nodes of the item label.
        interactions: target interactions.
        needs: bytes at the peak of each job, beyond Python and its imports.
        available: bytes that this machine can give now without swapping.
    """

    users: int
    items: int
    interactions: int
    needs: Mapping[str, int]
    available: int

    def fits(self, job: str) -> bool:
        """Return whether a job will fit."""
        return self.needs[job] <= self.available

    def require(self, job: str, remedy: str) -> None:
        """Go on only where a job will fit.

        Raises:
            MemoryPlanError: it will not; the message ends with ``remedy``.
        """
        if not self.fits(job):
            size = f"{self.users:,} users, {self.items:,} items and {self.interactions:,} interactions"
            refuse(f"`{job}` with {size}", self.needs[job], self.available, remedy)


def memory_plan(
    schema: GraphSchema,
    nodes: Mapping[str, int],
    edges: Mapping[str, int],
    model: Any = None,
) -> MemoryPlan:
    """Return what jobs on a graph will need.

    Args:
        schema: what labels and types mean.
        nodes: how many nodes a label has; others than the schema's do not count.
        edges: how many relationships a type has; likewise.
        model: what is to be fitted, a `Model`; None is 64 numbers a vector and what `trained` says.

    Raises:
        ArgumentError: ``model`` is no model to fit.
    """
    if model is not None and (isinstance(model, type) or not hasattr(model, "memory")):
        remedy = "Of a fitted model take `.config`."
        raise ArgumentError(problem("model", "must be a model to fit, such as LightGCN(dim=32)", model, remedy))
    counts = nodes.get(schema.user.label, 0), nodes.get(schema.item.label, 0)
    targets = sum(edges.get(kind.type, 0) for kind in schema.targets)
    used = {name: edges.get(name, 0) for name in schema.relationships}
    columns = {name: 2 + bool(r.weight) + bool(r.time) for name, r in schema.relationships.items()}
    total = sum(used.values())
    needs = memory_estimate(
        *counts,
        targets,
        dim=64 if model is None else model.width,
        columns=sum(columns[name] * n for name, n in used.items()) / max(total, 1),
        fit=None if model is None else model.memory(*counts, targets),
        relationships=total,
    )
    return MemoryPlan(*counts, targets, needs, available_memory())


def refuse(what: str, need: int, available: int, remedy: str) -> None:
    """Raise what says that something will not fit.

    Raises:
        MemoryPlanError: always.
    """
    raise MemoryPlanError(
        f"{what} needs about {need / 1e9:,.1f} GB of memory. {available / 1e9:,.1f} GB are free. {remedy}"
    )


def available_memory() -> int:
    """Return the bytes that can be had now without swapping: the machine's, or less where a container is limited."""
    free = int(psutil.virtual_memory().available)
    try:
        limit = int((CGROUP / "memory.max").read_text())
        used = int((CGROUP / "memory.current").read_text())
        counted = dict(line.split() for line in (CGROUP / "memory.stat").read_text().splitlines())
        return max(0, min(free, limit - used + int(counted["inactive_file"])))
    except (OSError, ValueError, KeyError):  # no such limit: "max", another system, or the older kind of groups
        return free
