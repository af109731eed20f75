"""Lists of people with their reasons, as they are written."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from graphrec.social.exposure import Exposure
from graphrec.social.reasons import Reasons

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.friends.people import Known
    from graphrec.friends.report import Report
    from graphrec.social.friends import FittedFriends

SPARE = 3
"""With a cap on exposure, how many times k are ranked, so that something is left."""


class Lists:
    """Makes the lists of users, block by block.

    Args:
        known: the graph.
        fitted: what ranks.
        report: counts who gets what.
        counts: int64 [n], in how many lists people stand; counted on in place.
        k: the length of the lists.
        cap: in how many lists one person may stand; None is any number.
    """

    def __init__(
        self,
        known: Known,
        fitted: FittedFriends,
        report: Report,
        counts: NDArray[np.int64],
        *,
        k: int,
        cap: int | None,
    ) -> None:
        self.known, self.fitted, self.report, self.counts, self.k = known, fitted, report, counts, k
        self.exposure = None if cap is None else Exposure(len(counts), cap, counts)
        self.reasons = Reasons(known.people, fitted.evidence, known.unnamed)

    def make(self, block: NDArray[np.int64]) -> pa.Table:
        """Return the rows that `SuggestionStore.replace_suggestions` writes."""
        known, k, report = self.known, self.k, self.report
        users = block[known.allowed[block]]
        for why, flags in (("opted out", known.opted_out), ("deleted", known.deleted & ~known.opted_out)):
            if count := int(flags[block].sum()):
                report.skipped[why] = report.skipped.get(why, 0) + count
        found = self.fitted.suggest(users, k if self.exposure is None else SPARE * k, allowed=known.allowed)
        rows, scores = found.rows, found.scores
        if self.exposure is None:
            np.add.at(self.counts, rows[rows >= 0], 1)
        else:
            rows, scores = self.exposure.take(rows, scores, k)
        there = rows >= 0
        lengths = there.sum(1)
        report.served += int((lengths > 0).sum())
        report.cold += int((lengths == 0).sum())
        # nobody who was left out has a larger sum than the last of the list
        last = (
            found.scores[:, min(k, found.scores.shape[1]) - 1] if self.fitted.config.by == "adamic-adar" else -np.inf
        )
        report.proven += int((found.bound <= np.maximum(last, 0)).sum())
        for length, count in zip(*np.unique(lengths, return_counts=True), strict=True):
            report.lengths[int(length)] = report.lengths.get(int(length), 0) + int(count)
        words = self.reasons.of(users, rows)
        keys = known.people.users
        of = np.repeat(users, lengths)
        rank = np.broadcast_to(np.cumsum(there, axis=1), rows.shape)[there]
        return pa.table(
            {
                "user": keys.take(of),
                "other": keys.take(rows[there].astype(np.int64)),
                "score": scores[there].astype(np.float64),
                "rank": rank.astype(np.int64),
                "reason": pa.array(words.reason, pa.string()),
                "brief": pa.array(words.brief, pa.string()),
                "named": pa.array(words.named, pa.list_(keys.keys.type)),
            }
        )
