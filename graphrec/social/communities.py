"""What igraph finds in a network: communities, clustering, the tail of the degrees, and places to draw users at."""

from __future__ import annotations

import random
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from graphrec.errors import MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from graphrec.social.network import Network

ITERATIONS = 4  # of Leiden; ten give a modularity higher by less than .005 for twice the time
FITTED = 50  # users with ties; a tail of fewer says nothing


class Found(NamedTuple):
    """Groups of users and how tightly they are tied.

    Attributes:
        community: int64 [users], 0 the largest; −1 for users without ties.
        modularity: of these communities; NaN without ties.
        clustering: the mean over users of the share of pairs of their contacts that are tied, 0 for users with
            fewer than two; NaN without users.
        transitivity: the share of connected triples that are closed; 0 where there is none.
    """

    community: NDArray[np.int64]
    modularity: float
    clustering: float
    transitivity: float


class Tail(NamedTuple):
    """A power law ``p(degree) ~ degree^-exponent`` for degrees of at least ``start``."""

    exponent: float
    start: int


def find(network: Network, seed: int) -> Found:
    """Return communities by the Leiden algorithm, which raises the modularity, and clustering.

    Directed ties count as ties, whichever way they run. The same seed gives the same communities.

    Traag, Waltman, van Eck, From Louvain to Leiden: guaranteeing well-connected communities, Scientific Reports 2019.

    Raises:
        MissingExtraError: the extra ``analysis`` is not installed.
    """
    graph = _igraph(network)
    degrees = np.asarray(graph.degree(), np.int64)
    with seeded(seed):
        found = np.asarray(graph.community_leiden("modularity", n_iterations=ITERATIONS).membership, np.int64)
    triples = degrees * (degrees - 1) / 2
    local = np.asarray(graph.transitivity_local_undirected(mode="zero"), np.float64)
    return Found(
        numbered(np.where(degrees > 0, found, -1)),
        float(graph.modularity(found.tolist())) if len(network) else float("nan"),
        float(local.mean()) if network.users else float("nan"),
        float(local @ triples / triples.sum()) if triples.any() else 0.0,
    )


def tail_of(degrees: NDArray[np.int64]) -> Tail | None:
    """Return the power law that fits the largest degrees best, by maximum likelihood; None for too few users.

    Clauset, Shalizi, Newman, Power-law distributions in empirical data, SIAM Review 2009. That it fits best does not
    say that it fits well.
    """
    some = degrees[degrees > 0]
    if len(some) < FITTED or some.min() == some.max():
        return None
    with seeded(0):  # its p value, which is not used, comes from resampling; this precision resamples once
        fit = library().power_law_fit(some.tolist(), method="discrete", p_precision=0.5)
    return Tail(float(fit.alpha), int(fit.xmin))


def places(network: Network, seed: int) -> NDArray[np.float64]:
    """Return where to draw each user, float64 [users, 2]: users with ties near each other (Fruchterman–Reingold)."""
    graph = _igraph(network)
    with seeded(seed):
        return np.asarray(graph.layout("fr").coords, np.float64).reshape(-1, 2)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Let igraph draw its random numbers from a seed, and give Python's own generator back afterwards."""
    igraph = library()
    igraph.set_random_number_generator(random.Random(seed))
    try:
        yield
    finally:
        igraph.set_random_number_generator(random)


def library() -> Any:
    """Return igraph.

    Raises:
        MissingExtraError: the extra ``analysis`` is not installed.
    """
    try:
        import igraph
    except ImportError as error:
        raise MissingExtraError.of("The analysis of ties", "analysis") from error
    return igraph


def _igraph(network: Network) -> Any:
    simple = network.undirected()
    return library().Graph(n=simple.users, edges=np.column_stack([simple.source, simple.target]))


def numbered(found: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return groups numbered by size, equal ones by their first member; −1 stays."""
    there = found >= 0
    _, first, group, sizes = np.unique(found[there], return_index=True, return_inverse=True, return_counts=True)
    number = np.empty(len(sizes), np.int64)
    number[np.lexsort((first, -sizes))] = np.arange(len(sizes))
    community = np.full(len(found), -1, np.int64)
    community[there] = number[group]
    return community
