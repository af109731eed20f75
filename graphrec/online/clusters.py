"""Groups of users or items whose vectors point the same way, and what sets each group apart."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np
import pandas as pd
import scipy.sparse as sp

from graphrec.data.described import having
from graphrec.data.pairs import target_tables
from graphrec.errors import ArgumentError, ModelError, check_whole, problem
from graphrec.online.kmeans import MAX_SEED, choose, kmeans, library
from graphrec.online.members import members
from graphrec.publish.numbers import check_property, write_numbers
from graphrec.publish.vectors import silent
from graphrec.rank.leanings import Kind, leanings, names_in

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from graphrec.online.live import Live
    from graphrec.online.members import Members
    from graphrec.publish.vectors import Progress

VALUES = 20  # of each kind of attribute
SAID = 3  # values in a cluster's description
LIFTED = 1.1  # the shrunken lift that one needs
SHOWN = 5  # members by name


@dataclass(frozen=True, eq=False)
class Clusters:
    """Users or items by the direction of their vectors. Printed, it is the table.

    Attributes:
        table: a row for each cluster, the largest first: ``cluster``, ``size``, ``share`` (of all interactions, those
            with its members), ``about`` (up to three values of attributes that are over-represented), ``typical``
            and ``popular`` (up to five names: of those nearest to its mean, and of those with most interactions).
        labels: ``item`` (or ``user``) and ``cluster`` of everybody; −1 without a vector, or with a zero one.
        attributes: the 20 most telling values of each kind, as `graphrec.rank.leanings.leanings` says:
            ``cluster``, ``attribute``, ``value``, ``count``, ``share``, ``base``, ``lift``, ``score``. Of their
            own attributes members are counted, of the other side's (what users take) interactions.
        silhouettes: by k, how well that many clusters fit, from −1 to 1; empty where k was given.
        model: whose vectors these are.
        version: its version.
    """

    table: pd.DataFrame
    labels: pd.DataFrame
    attributes: pd.DataFrame
    silhouettes: Mapping[int, float]
    model: str
    version: int | str

    def __str__(self) -> str:
        lists = {name: self.table[name].map(lambda names: ", ".join(map(str, names))) for name in _LISTS}
        return self.table.assign(**lists).to_string(index=False, float_format="{:.3f}".format)


_LISTS = ("about", "typical", "popular")


def cluster_live(
    live: Live,
    k: int | None = None,
    *,
    of: Literal["items", "users"] = "items",
    seed: int = 0,
    write: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Clusters:
    """Group users or items by k-means over the live vectors, each divided by its length; see `Clusters`.

    Args:
        live: the model.
        k: how many clusters; None takes the one from 2 to 20 with the largest silhouette on at most 3,000 vectors.
        of: ``"items"`` or ``"users"``.
        seed: of the starts. The same version, k and seed give the same clusters.
        write: a property of the nodes that takes the number of their cluster, −1 for those without one; None writes
            nothing. Numbers go by size and say nothing about those of an earlier call.
        overwrite: whether that property may be there already, as after an earlier call.
        progress: of writing.

    Raises:
        ArgumentError: an argument breaks its rule, or the property must not be written, see
            `graphrec.publish.numbers.check_property`; nothing was read then.
        UnknownKeyError: no such model is live.
        ModelError: no vector has a direction.
        MissingExtraError: scikit-learn (extra ``report``) is not installed.

    Cost: three times the vectors in memory, and what `graphrec.online.members.members` reads. Above 50,000 vectors
        mini-batches are used: 500,000 with 64 numbers took 18 s of a busy core and 0.7 GB.
    """
    library()  # before a long read, not after it
    k = None if k is None else check_whole("k", k, 1)
    check_whole("seed", seed, 0, MAX_SEED)
    if write is not None:
        node = live.schema.item if of == "items" else live.schema.user
        check_property(live.store, live.schema, node, write, overwrite=overwrite)
    found = clusters_of(members(live, of), k, seed)
    if write is not None:
        numbers = found.labels.set_axis(["key", "number"], axis=1)
        write_numbers(live.store, live.schema, node, numbers, write, overwrite=overwrite, progress=progress)
    return found


def clusters_of(all_: Members, k: int | None, seed: int) -> Clusters:
    """Group members; see `cluster_live`."""
    n = len(all_.rows)
    if not n:
        raise ModelError(f"The model {all_.version.name!r} must have vectors to cluster by. Publish one that has.")
    if k is not None and k > n:
        raise ArgumentError(problem("k", f"must be at most {n:,}, the number of vectors", k))
    silhouettes = choose(all_.directions, seed) if k is None else {}
    k = k or max(silhouettes, key=lambda each: (silhouettes[each], -each), default=1)
    found, near = kmeans(all_.directions, k, seed)
    labels = np.full(len(all_.table), -1, np.int64)
    labels[all_.rows] = found
    attributes = leanings("cluster", range(found.max() + 1), _kinds(all_, labels), VALUES, telling=True)
    return Clusters(
        _table(all_, found, near, attributes),
        pd.DataFrame({all_.side: all_.table.keys.to_pandas(), "cluster": labels}),
        attributes,
        silhouettes,
        all_.version.name,
        all_.version.shown,
    )


def _kinds(all_: Members, labels: NDArray[np.int64]) -> list[Kind]:
    """Return how often each cluster has each value: members their own, interactions those of the other side."""
    data = all_.data
    grouped = sp.csr_array(
        (np.ones(len(all_.rows), np.int64), (labels[all_.rows], all_.rows)), (labels.max() + 1, len(labels))
    )
    edges = target_tables(data)
    users, items = np.concatenate([e.source_rows for e in edges]), np.concatenate([e.target_rows for e in edges])
    pairs = sp.coo_array((np.ones(len(users), np.int64), (users, items)), (len(data.users), len(data.items))).tocsr()
    taken = (grouped @ (pairs if all_.side == "user" else pairs.T)).tocsr()
    found = []
    for attribute in sorted(data.schema.attributes, key=lambda each: each.of != all_.side):
        counted = grouped if attribute.of == all_.side else taken
        counts = (counted @ having(data, attribute).astype(np.int64)).tocsr()
        sizes = np.asarray(counted.sum(axis=1))
        names = names_in(data.nodes[attribute.to.label], attribute.to)
        every = np.asarray(counts.sum(axis=0))
        found.append(Kind(data.schema.kind(attribute), names, counts, every, sizes, int(sizes.sum())))
    return found


def _table(
    all_: Members, found: NDArray[np.int64], near: NDArray[np.float64], attributes: pd.DataFrame
) -> pd.DataFrame:
    popularity = all_.popularity[all_.rows]
    total = max(int(all_.popularity.sum()), 1)
    schema = all_.data.schema
    own_kinds = {schema.kind(attribute) for attribute in schema.attributes if attribute.of == all_.side}
    rows = []
    for cluster in range(found.max() + 1):
        own = np.flatnonzero(found == cluster)
        typical, popular = (
            all_.names(all_.rows[own[np.argsort(-by[own], kind="stable")[:SHOWN]]]) for by in (near, popularity)
        )
        most = attributes[(attributes["cluster"] == cluster) & (attributes["score"] >= LIFTED)]
        most = most.assign(foreign=~most["attribute"].isin(own_kinds))  # what members are themselves comes first
        most = most.assign(tells=most["share"] * np.log(most["score"]))
        most = most.sort_values(["foreign", "tells"], ascending=[True, False], kind="stable").head(SAID)
        about = [f"{row.attribute} {row.value} ({row.lift:.1f}x)" for row in most.itertuples()]
        rows.append((cluster, len(own), int(popularity[own].sum()) / total, about, typical, popular))
    return pd.DataFrame(rows, columns=["cluster", "size", "share", *_LISTS])
