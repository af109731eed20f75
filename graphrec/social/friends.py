"""Ranking people: by one score, or by a blend of all that is learned from the ties themselves."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import scipy.sparse as sp
from pydantic import Field

from graphrec.data.closed import Closed
from graphrec.data.split import divided, target_codes
from graphrec.data.split_rules import Parts
from graphrec.data.tables import NodeTable
from graphrec.errors import ArgumentError, MissingExtraError, problem
from graphrec.rank.order import TopK
from graphrec.social.evidence import Evidence
from graphrec.social.paths import SUMS
from graphrec.social.trees import Trees

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

By = Literal[
    "blend",
    "common",
    "adamic-adar",
    "resource-allocation",
    "jaccard",
    "preferential-attachment",
    "pagerank",
    "vectors",
]
BLOCK = 4096  # users at once
HIDDEN_TIES = 0.1  # of all, in one round of learning
EXAMPLES = 40_000  # hidden ties that are enough to learn from
FIXED = 20_000_000  # bytes that threads and blocks of users take
OTHERS = 30  # people without a tie to learn from, for each user of a round


class Friends(Closed):
    """Whom a user may know: candidates from ties, tastes, walks and vectors, in the order of a score.

    Attributes:
        by: one score (the formulas are in `graphrec.social.paths` and `graphrec.social.pagerank`; ``"vectors"`` are
            spectral ones of the ties), or a blend of all: gradient-boosted trees that learn which of some hidden ties
            were ties. ``"jaccard"`` and ``"preferential-attachment"`` order the candidates that the others found.
        candidates: how many people by ties, and half as many by each other kind of evidence.
        hub: users, items and attributes with more people than this lead nobody to anybody; see `Paths`.
        dim: numbers of the vectors; 0 does without.
        pagerank: whether walks count.
        precision: of the walks; see `PageRank`.
        tastes: whether what users took, and what describes them, counts.
        trees: how many the blend has.
        rounds: how often ties are hidden to learn from, unless fewer give 40,000 of them.
        seed: of what is drawn at random.
    """

    by: By = "blend"
    candidates: Annotated[int, Field(ge=1, le=100_000)] = 100
    hub: Annotated[int, Field(ge=1)] = 1000
    dim: Annotated[int, Field(ge=0, le=4096)] = 128
    pagerank: bool = True
    precision: Annotated[float, Field(gt=0, le=0.1)] = 1e-5
    tastes: bool = True
    trees: Annotated[int, Field(ge=1, le=10_000)] = 200
    rounds: Annotated[int, Field(ge=1, le=100)] = 12
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0

    def fit(self, people: Dataset) -> FittedFriends:
        """Look at all evidence, and learn the blend.

        Args:
            people: the dataset of `graphrec.social.people.people_of`.

        Raises:
            ArgumentError: the score is of evidence that is left out.
            MissingExtraError: a library is not installed.
        """
        needs = {"pagerank": self.pagerank, "vectors": bool(self.dim)}
        if not needs.get(self.by, True):
            remedy = "Set pagerank=True." if self.by == "pagerank" else "Give a dim above 0."
            raise ArgumentError(problem("by", "must be of evidence that is looked at", self.by, remedy))
        only = self if self.by == "blend" else self._alone()
        return FittedFriends(
            self, Evidence(people, only), people, self._learn(people) if self.by == "blend" else None
        )

    def memory(self, n_users: int, n_ties: int, n_taken: int = 0) -> int:
        """Return the bytes that `people_of`, fitting and suggesting take at their peak, beyond the dataset.

        With n users, m ties and t of tastes: ``140 n + 130 m`` for tables and matrices, ``60 t`` for those of tastes,
        and for walks 40 n. A blend learns beside what it will use: half as much again, ``20 · dim · n``, and for
        each candidate that it learns from, or looks at in one block, 270 bytes.

        Args:
            n_users: n.
            n_ties: m, distinct ties; an undirected one counts once.
            n_taken: t, relationships of what users took and of what describes them.
        """
        blend = self.by == "blend"
        walks = 40 * n_users * (self.pagerank if blend else self.by == "pagerank")
        vectors = 20 * self.dim * n_users * (blend or self.by == "vectors")
        tastes = 60 * n_taken * (blend and self.tastes)
        hidden = max(1, min(round(HIDDEN_TIES * n_ties), EXAMPLES))
        rounds = min(self.rounds, -(-EXAMPLES // hidden))
        learned = rounds * (2 * hidden + OTHERS * min(n_users, 2 * hidden))
        pairs = 270 * (learned + 2 * self.candidates * min(n_users, BLOCK)) * blend
        tables = round((1.5 if blend else 1) * (140 * n_users + 130 * n_ties + tastes))
        return FIXED + tables + walks + vectors + pairs

    def _alone(self) -> Friends:
        """Return what one score needs to look at."""
        dim = self.dim if self.by == "vectors" else 0
        return self.model_copy(update={"pagerank": self.by == "pagerank", "dim": dim, "tastes": False})

    def _learn(self, people: Dataset) -> Trees:
        try:
            from sklearn.ensemble import HistGradientBoostingClassifier
        except ImportError as error:
            raise MissingExtraError.of("A learned blend", "friends") from error
        codes = target_codes(people)
        n = len(people.items)
        mirrored = np.isin(codes % n * n + codes // n, codes)
        generator = np.random.default_rng(self.seed)
        xs, ys = [], []
        rounds = min(self.rounds, max(1, -(-EXAMPLES // max(1, round(HIDDEN_TIES * len(codes))))))
        once = codes[(codes // n < codes % n) | ~mirrored]
        for _ in range(rounds):
            drawn = generator.choice(once, max(1, min(round(HIDDEN_TIES * len(once)), EXAMPLES)), replace=False)
            hidden = np.union1d(drawn, (drawn % n * n + drawn // n)[np.isin(drawn, codes[mirrored])])
            if len(hidden) == len(codes):
                break
            split = divided(people, Parts("hidden ties", hidden, None), codes)
            x, y = self._examples(Evidence(split.train, self), split.test.matrix, generator)
            xs.append(x)
            ys.append(y)
        y = np.concatenate([np.zeros(0, np.bool_), *ys])
        if y.all() or not y.any():
            raise ArgumentError(
                problem(
                    "by", "must not be 'blend' where hidden ties teach nothing", "too few ties", "Use 'adamic-adar'."
                )
            )
        trees = HistGradientBoostingClassifier(
            max_iter=self.trees, learning_rate=0.05, max_leaf_nodes=15, min_samples_leaf=50, l2_regularization=1.0,
            early_stopping=False, max_features=0.5, random_state=self.seed,
        )  # fmt: skip
        return Trees.of(trees.fit(np.concatenate(xs), y))

    def _examples(
        self, evidence: Evidence, truth: sp.csr_array, generator: np.random.Generator
    ) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
        """Return what is known of candidates, [e, f], and whether a tie to them was hidden."""
        users = np.flatnonzero(np.diff(truth.indptr))
        everybody = np.ones(truth.shape[0], np.bool_)
        xs, ys = [], []
        for start in range(0, len(users), BLOCK):
            block = users[start : start + BLOCK]
            rows, sums, _ = evidence.candidates(block, evidence.hidden[block], everybody)
            y = np.asarray(truth[np.repeat(block, rows.shape[1]), np.maximum(rows, 0).ravel()] > 0)
            y = y.reshape(rows.shape) & (rows >= 0)
            keep = y | (generator.random(rows.shape) * rows.shape[1] < OTHERS)
            keep &= rows >= 0
            xs.append(evidence.features(block, rows, sums)[keep])
            ys.append(y[keep])
        return np.concatenate(xs), np.concatenate(ys)


@dataclass(frozen=True, eq=False)
class Suggested:
    """Lists of people.

    Attributes:
        rows: int32 [b, k], best first; −1 where a list is shorter.
        scores: float64 [b, k].
        bound: float32 [b]: nobody who was no candidate has a larger Adamic–Adar sum over ties.
    """

    rows: NDArray[np.int32]
    scores: NDArray[np.float64]
    bound: NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class FittedFriends:
    """Ranks people; a `graphrec.rank.scorer.Scorer` over users and people."""

    config: Friends
    evidence: Evidence
    people: Dataset = field(repr=False)
    trees: Trees | None = field(repr=False)

    @property
    def name(self) -> str:
        """What tables call it."""
        return f"friends: {self.config.by}"

    @property
    def users(self) -> NodeTable:
        """The users' keys."""
        return self.people.users

    @property
    def items(self) -> NodeTable:
        """The keys of the people, the users again."""
        return self.people.items

    @property
    def fingerprint(self) -> str:
        """Of the dataset that it was fitted on."""
        return self.people.fingerprint

    def suggest(
        self,
        users: NDArray[np.int64],
        k: int,
        *,
        hidden: sp.csr_array | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> Suggested:
        """Return the best k people for each user.

        Args:
            users: rows, int64 [b]; some thousands at once.
            k: the length of the lists.
            hidden: [b, n], whom they must not get; their ties and what else hides where it is None.
            allowed: bool [n], the only people whom anyone may get.
        """
        hidden = self.evidence.hidden[users] if hidden is None else hidden
        allowed = np.ones(len(self.items), np.bool_) if allowed is None else allowed
        rows, sums, bound = self.evidence.candidates(users, hidden, allowed)
        scores = self._scores(users, rows, sums)
        scores[rows < 0] = -np.inf
        order = np.lexsort((rows, -scores), axis=-1)[:, :k]
        there = np.arange(len(users))[:, None]
        rows, scores = rows[there, order], scores[there, order]
        short = max(0, k - rows.shape[1])
        return Suggested(
            np.pad(rows, ((0, 0), (0, short)), constant_values=-1),
            np.pad(scores, ((0, 0), (0, short)), constant_values=-np.inf),
            bound,
        )

    def score(self, user_rows: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return scores of all people, float32 [b, n]; who is no candidate has less than all who are."""
        found = self.suggest(user_rows, len(self.items))
        return dense(found.rows, found.scores, len(self.items))

    def lists(
        self,
        user_rows: NDArray[np.int64],
        k: int,
        *,
        hidden: sp.csr_array | None = None,
        allowed: NDArray[np.bool_] | None = None,
    ) -> TopK:
        """Return the best k people for each user, as `graphrec.evaluate` judges them; see `suggest`.

        Args:
            user_rows: rows, int64 [b].
            k: the length of the lists.
            hidden: [b, n], whom they must not get; nobody but themselves where it is None.
            allowed: bool [n], the only people whom anyone may get.
        """
        hidden = sp.csr_array((len(user_rows), len(self.items))) if hidden is None else hidden
        best = TopK.empty(len(user_rows), k)
        for start in range(0, len(user_rows), BLOCK):
            here = slice(start, start + BLOCK)
            found = self.suggest(user_rows[here], k, hidden=hidden[here], allowed=allowed)
            best.rows[here], best.scores[here] = found.rows, found.scores
        return best

    def _scores(
        self, users: NDArray[np.int64], rows: NDArray[np.int32], sums: NDArray[np.float32]
    ) -> NDArray[np.float64]:
        by = self.config.by
        if by in SUMS:
            return sums[..., SUMS.index(by)].astype(np.float64)
        if by == "preferential-attachment":
            have, had = self.evidence.degrees
            return have[users][:, None] * had[rows].astype(np.float64)
        features = self.evidence.features(users, rows, sums)
        if self.trees is None:
            return features[..., self.evidence.names.index(by)].astype(np.float64)
        return self.trees.score(features)


def dense(rows: NDArray[Any], scores: NDArray[np.float64], n: int) -> NDArray[np.float32]:
    """Return lists [b, k] as scores of everybody, float32 [b, n]; who is in no list has less than all who are."""
    there = rows >= 0
    least = float(scores[there].min()) if there.any() else 0.0
    found = np.full((len(rows), n), least - max(1.0, abs(least)), np.float32)
    found[np.nonzero(there)[0], rows[there]] = scores[there]
    return found
