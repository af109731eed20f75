"""k-means over directions, and how many clusters they fall into."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from threadpoolctl import threadpool_limits

from graphrec.errors import MissingExtraError
from graphrec.social.communities import numbered

if TYPE_CHECKING:
    from numpy.typing import NDArray

MANY = 50_000  # more vectors are clustered by mini-batches
SAMPLE = 3_000  # vectors by which k is chosen: silhouettes need all their distances
MAX_SEED = 2**32 - 1  # that scikit-learn takes
CHOICES = (2, 3, 4, 5, 6, 8, 10, 12, 16, 20)


def kmeans(directions: NDArray[np.float32], k: int, seed: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Return clusters of vectors of length 1, where squared distance is twice one minus the cosine.

    Sculley, Web-scale k-means clustering, WWW 2010, for more than 50,000 vectors; else Lloyd's algorithm, the best of
    four starts (k-means++). The same vectors and seed give the same clusters.

    Args:
        directions: float32 [n, d].
        k: how many clusters, at most n; there may be fewer, where vectors are equal.
        seed: of the starts.

    Returns:
        The cluster of each vector, int64 [n], by their size from 0 on (equal ones by their first member), and the
        cosine of each vector with its cluster's mean, [n].

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    sklearn = library()
    maker = sklearn.KMeans(k, n_init=4, random_state=seed)
    if len(directions) > MANY:
        maker = sklearn.MiniBatchKMeans(k, n_init=4, batch_size=4096, random_state=seed)
    with threadpool_limits(1), warnings.catch_warnings():  # sums of several threads differ in their last bits
        warnings.simplefilter("ignore", _fewer_than_asked())
        found = numbered(np.asarray(maker.fit(directions).labels_, np.int64))
    near = np.empty(len(found))
    for cluster in range(found.max(initial=-1) + 1):
        own = directions[found == cluster].astype(np.float64)
        centre = own.mean(axis=0)
        near[found == cluster] = own @ (centre / max(float(np.linalg.norm(centre)), 1e-12))
    return found, near


def choose(directions: NDArray[np.float32], seed: int) -> dict[int, float]:
    """Return the mean silhouette (cosine) of each k of `CHOICES`, from −1 to 1; the largest says which fits best.

    Measured on at most 3,000 vectors, drawn by the seed. Empty where there are fewer than three different vectors.

    Rousseeuw, Silhouettes: a graphical aid to the interpretation and validation of cluster analysis, Journal of
    Computational and Applied Mathematics 1987.

    Raises:
        MissingExtraError: scikit-learn is not installed.
    """
    library()
    from sklearn.metrics import silhouette_score

    rows = np.arange(len(directions))
    if len(rows) > SAMPLE:
        rows = np.sort(np.random.default_rng(seed).choice(rows, SAMPLE, replace=False))
    sample = directions[rows]
    different = len(np.unique(sample, axis=0))
    found = {}
    for k in (k for k in CHOICES if k < different):
        labels = kmeans(sample, k, seed)[0]
        found[k] = float(silhouette_score(sample, labels, metric="cosine"))
    return found


def library() -> Any:
    """Return scikit-learn's clusters.

    Raises:
        MissingExtraError: it is not installed.
    """
    try:
        import sklearn.cluster
    except ImportError as error:
        raise MissingExtraError.of("Clusters", "report") from error
    return sklearn.cluster


def _fewer_than_asked() -> type[Warning]:
    from sklearn.exceptions import ConvergenceWarning

    warning: type[Warning] = ConvergenceWarning
    return warning
