"""What ties, tastes and vectors say of two people, for given pairs and as a way to find them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.data.described import having
from graphrec.models.spectral import Spectral
from graphrec.social.pagerank import PageRank
from graphrec.social.paths import ADAMIC_ADAR, COMMON, SUMS, Paths
from graphrec.social.vectors import Vectors

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.social.friends import Friends

TIES = ""
"""The name of the ties among all relationships: one that no relationship type has."""
NEAR_FLOPS = 2e13
"""The most that finding the nearest vectors of everybody may take: some minutes. Beyond, vectors only rank."""


class Evidence:
    """All that is known of pairs of people.

    Args:
        people: the dataset of `graphrec.social.people.people_of`.
        config: what to look at.

    Attributes:
        ties: who is tied to whom, 0/1 [n, n].
        hidden: whom nobody gets again, [n, n]: their ties, and what else hides.
        lone: bool [n], who has no ties; of them vectors say nothing.
        paths: by relationship what people have in common, the ties first.
        names: what `features` gives, in its order.
    """

    def __init__(self, people: Dataset, config: Friends) -> None:
        self.config = config
        self.ties, self.hidden = people.interactions(), people.seen()
        n, c = len(people.users), config.candidates
        into = self.ties.T.tocsr()
        self.degrees = np.diff(self.ties.indptr), np.diff(into.indptr)  # how many each one has, and is had by
        self.directed = bool(abs(self.ties - into).nnz)
        members = self.degrees[0] + self.degrees[1] if self.directed else self.degrees[0]
        steps = 3 if config.by == "blend" else 2
        self.paths = {TIES: Paths(self.ties, self.ties, members, config.hub, steps=steps)}
        if config.tastes:
            for kind in people.schema.attributes:
                of = having(people, kind)
                if of.nnz:
                    to = of.T.tocsr()
                    self.paths[kind.type] = Paths(of, to, np.diff(to.indptr), config.hub)
        self.walks = PageRank(self.ties, precision=config.precision) if config.pagerank else None
        self.vectors = None
        self.lone = self.degrees[0] == 0
        if config.dim:
            fitted = Spectral(dim=config.dim, seed=config.seed).fit(people)
            self.vectors = Vectors(fitted.user_vectors, fitted.item_vectors)
        self.near = c // 2 if config.dim and 2.0 * n * n * config.dim <= NEAR_FLOPS else 0
        self._into = into
        sums = [f"{name}: {what}" for name in self._tastes() for what in SUMS]
        third = ("three steps",) if steps == 3 else ()
        self.names = (*SUMS, *third, *sums, "jaccard", "ties of user", "ties of other")
        self.names += ("tied the other way",) if self.directed else ()
        self.names += ("pagerank",) if self.walks else ()
        self.names += ("vectors, few", "vectors", "cosine") if self.vectors else ()

    def candidates(
        self, users: NDArray[np.int64], hidden: sp.csr_array, allowed: NDArray[np.bool_]
    ) -> tuple[NDArray[np.int32], NDArray[np.float32], NDArray[np.float32]]:
        """Return whom these users may meet, rows [b, m] (−1 at the end), their sums over ties and the bound of these.

        The ``candidates`` with the largest Adamic–Adar sum over ties, and of each other kind of evidence half as
        many. See `Found.bound`.
        """
        c = self.config.candidates
        more = [
            paths.nearest(users, c // 2, hidden, allowed, by=ADAMIC_ADAR).rows for paths in self._tastes().values()
        ]
        if self.walks is not None:
            more.append(self.walks.nearest(users, c // 2, hidden, allowed).rows)
        if self.vectors is not None and self.near:
            near = self.vectors.nearest(users, self.near, hidden, allowed)
            if self.config.by != "blend":  # the same people for all who have no vector, in no order
                near[self.lone[users]] = -1
            more.append(near)
        if self.directed:
            more.append(_padded(self._into[users], c // 2))
        extra = np.concatenate(more, axis=1) if more else None
        found = self.paths[TIES].nearest(users, c, hidden, allowed, by=ADAMIC_ADAR, extra=extra)
        return found.rows, found.sums, found.bound

    def features(
        self, users: NDArray[np.int64], others: NDArray[np.int32], sums: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Return what is known of given pairs, float32 [b, m, f]; anything where ``others`` is −1.

        Args:
            users: rows [b].
            others: rows [b, m].
            sums: their sums over ties, as `candidates` gives them.
        """
        have, had = self.degrees
        both = sums[..., COMMON]
        either = have[users][:, None] + had[others] - both
        columns = [sums, *(paths.at(users, others) for paths in self._tastes().values())]
        columns.append(np.divide(both, either, out=np.zeros_like(both), where=either > 0)[..., None])
        columns.append(np.broadcast_to(np.log1p(have[users])[:, None, None], (*others.shape, 1)))
        columns.append(np.log1p(had)[others][..., None])
        if self.directed:
            columns.append(_holds(self._into, users, others)[..., None])
        columns += [each.at(users, others) for each in (self.walks, self.vectors) if each is not None]
        return np.concatenate(columns, axis=-1, dtype=np.float32)

    def _tastes(self) -> dict[str, Paths]:
        return {name: paths for name, paths in self.paths.items() if name != TIES}


def _padded(matrix: sp.csr_array, width: int) -> NDArray[np.int32]:
    """Return the first stored places of each row, −1 where there are fewer."""
    lengths = np.minimum(np.diff(matrix.indptr), width)
    found = np.full((matrix.shape[0], width), -1, np.int32)
    row = np.repeat(np.arange(matrix.shape[0]), lengths)
    place = np.arange(len(row)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    found[row, place] = matrix.indices[matrix.indptr[row] + place]
    return found


def _holds(matrix: sp.csr_array, users: NDArray[np.int64], others: NDArray[np.int32]) -> NDArray[np.float32]:
    """Return 1 where a pair is stored."""
    rows = np.repeat(users, others.shape[1])
    return np.asarray(matrix[rows, np.maximum(others, 0).ravel()], np.float32).reshape(others.shape)
