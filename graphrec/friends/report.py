"""What a run of the friends job did."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from graphrec.evaluation.beyond import unevenness


@dataclass
class Report:
    """What a run did; printed, and kept as JSON in the graph.

    Attributes:
        version: the run's number.
        model: what ranked.
        scope: ``"all"``, ``"changed"`` or ``"given"``.
        resumed: whether it went on with a run that had been cut off.
        dry: whether no list was written.
        users: how many users' lists were made; those that were made before a run was cut off do not count.
        served: how many of them got somebody.
        suggestions: how many were written.
        lengths: how many users have a list of each length.
        cold: how many got nobody, as there is nothing to go by.
        skipped: users by the reason why they get nobody.
        refused: suggestions that the graph no longer allowed when they were written.
        removed: old suggestions that were removed besides those that were replaced.
        unchanged: users whose lists a run of the changed ones left alone.
        proven: users for whom nobody was overlooked, by the bound of `graphrec.social.paths`: nobody who was no
            candidate has anything in common with them or, where Adamic–Adar ranks, more than the last of their list.
        exposure: in how many lists people stand: ``most``, ``median``, ``gini``, ``nobody`` (in none).
        seconds: by phase.
        notes: what else a reader must know.
    """

    version: int
    model: str
    scope: str
    resumed: bool = False
    dry: bool = False
    users: int = 0
    served: int = 0
    suggestions: int = 0
    lengths: dict[int, int] = field(default_factory=dict)
    cold: int = 0
    skipped: dict[str, int] = field(default_factory=dict)
    refused: int = 0
    removed: int = 0
    unchanged: int = 0
    proven: int = 0
    exposure: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def document(self) -> dict[str, Any]:
        """Return all of it as JSON can hold it."""
        return asdict(self)

    @classmethod
    def of(cls, document: dict[str, Any]) -> Report:
        """Return the report of a `document` that was read from JSON, where numbers as keys are text."""
        return cls(**{**document, "lengths": {int(length): n for length, n in document["lengths"].items()}})

    def rows(self) -> list[tuple[str, Any]]:
        """Return what a table shows."""
        lengths = np.repeat(list(self.lengths), list(self.lengths.values())) if self.lengths else np.zeros(1)
        shown: dict[str, Any] = {
            "version": self.version,
            "model": self.model,
            "users": f"{self.users:,} ({self.scope}{', resumed' if self.resumed else ''})",
            "with suggestions": self.served,
            "suggestions": self.suggestions,
            "length of lists": f"{lengths.mean():.1f} on average, {int(np.median(lengths))} in the median",
            "cold: nothing to go by": self.cold,
            **{f"skipped: {why}": count for why, count in self.skipped.items()},
            "unchanged": self.unchanged or None,
            "refused when written": self.refused,
            "old ones removed": self.removed,
            "nobody overlooked for": f"{self.proven:,} users",
            "lists that a person is in": ", ".join(f"{k} {v:,.3g}" for k, v in self.exposure.items()) or None,
            "seconds": ", ".join(f"{what} {time:.1f}" for what, time in self.seconds.items()),
        }
        return [(name, value) for name, value in shown.items() if value is not None]


def exposure_of(counts: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, float]:
    """Return how evenly suggestions are spread over people who may be suggested; counts [n]."""
    if not len(counts) or not counts.sum():
        return {}
    return {
        "most": float(counts.max()),
        "median": float(np.median(counts)),
        "gini": round(unevenness(counts), 4),
        "nobody": float((counts == 0).sum()),
    }
