"""What the ties between users look like as a whole: degrees, components, clustering, communities."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from graphrec.evaluation.beyond import unevenness
from graphrec.social.communities import find, tail_of
from graphrec.social.names import names_of
from graphrec.social.network import network_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.social.network import Network

QUANTILES = (0.1, 0.25, 0.5, 0.75, 0.9, 0.99)
HUBS = 10
SIZES = 5  # communities whose size the table tells


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was found; `str` gives a readable table.

    Attributes:
        values: what was counted and measured, by name, in the order of the table. NaN is "not defined", such as the
            modularity of no ties.
        degrees: the number of ties of each user, int64 [users]: ``degree``, or ``in`` and ``out`` for directed ties.
        components: sizes of the (weakly) connected components, largest first.
        communities: ``key`` and ``community`` of each user: 0 is the largest, −1 are users without ties.
        hubs: the users with most ties (incoming ones where directed): ``key``, ``name`` where the dataset has names
            (None for users without one, or who hide it), and their degrees.
        network: the distinct ties.
        data: what was analysed.
    """

    values: Mapping[str, int | float]
    degrees: Mapping[str, NDArray[np.int64]]
    components: NDArray[np.int64]
    communities: pd.DataFrame
    hubs: pd.DataFrame
    network: Network = field(repr=False)
    data: Dataset = field(repr=False)

    @property
    def community_sizes(self) -> NDArray[np.int64]:
        """How many users each community has, largest first."""
        community = self.communities["community"].to_numpy()
        return np.bincount(community[community >= 0])

    def table(self) -> pd.DataFrame:
        """Return one row for each value: ``what`` and ``value``."""
        return pd.DataFrame({"what": list(self.values), "value": pd.Series(list(self.values.values()), dtype=object)})

    def __str__(self) -> str:
        width = max(map(len, self.values))
        said = {what: f"{v:,}" if isinstance(v, int) else f"{v:,.4g}" for what, v in self.values.items()}
        lines = [f"{what:{width}}  {text:>14}" for what, text in said.items()]
        return "\n".join([*lines, "", self.hubs.to_string(index=False)] if len(self.hubs) else lines)


def analyse(data: Dataset, *, seed: int = 0) -> Analysis:
    """Measure the ties of ``schema.ties`` over all users, and briefly what users did with items.

    An undirected tie counts once, whichever way and however often it is stored; ties to oneself and repeated ones
    are counted and set aside. Where one of the ties is directed, all are: undirected ones run both ways. Clustering
    and communities count two users as tied whichever way the tie runs. Weights are not used.

    Args:
        data: a dataset with ties.
        seed: of the communities. The same data and seed give the same communities.

    Raises:
        SchemaError: the schema names no ties.
        MissingExtraError: the extra ``analysis`` is not installed.

    Cost: about 110 bytes a tie besides the dataset. 2 million ties of 100,000 users took 11 s of one core and 0.2 GB;
        expect some minutes and 2.2 GB for 20 million. Most of it is the communities and the clustering.
    """
    network = network_of(data)
    found = find(network, seed)
    n, m = network.users, len(network)
    degrees = network.degrees()
    every = np.sum(list(degrees.values()), axis=0)
    weak = network.components()
    values: dict[str, int | float] = {
        "users": n,
        "users without ties": int((every == 0).sum()),
        "ties": m,
        "ties to oneself": network.self_ties,
        "repeated ties": network.duplicates,
        "density": _share(m if network.directed else 2 * m, n * (n - 1)) if n > 1 else 0.0,
    }
    for name, counts in degrees.items():
        what = "degree" if name == "degree" else f"{name}-degree"
        values |= {f"{what} {each}": value for each, value in _spread(counts)}
        if (tail := tail_of(counts)) is not None:
            values |= {f"{what} power law exponent": tail.exponent, f"{what} power law from": tail.start}
    values |= _sizes("weak component" if network.directed else "component", weak, n)
    if network.directed:
        values |= _sizes("strong component", network.components(strong=True), n)
        values["reciprocity"] = _share(2 * (m - len(network.undirected())), m)
    values |= {
        "clustering of users": found.clustering,
        "transitivity": found.transitivity,
        "degree assortativity": network.assortativity(),
    }
    sizes = np.bincount(found.community[found.community >= 0])
    values |= {"communities": len(sizes), "modularity": found.modularity}
    values |= {f"community {number} size": int(size) for number, size in enumerate(sizes[:SIZES])}
    return Analysis(
        values | _interactions(data),
        degrees,
        weak,
        pd.DataFrame({"key": data.users.keys.to_pandas(), "community": found.community}),
        _hubs(data, degrees),
        network,
        data,
    )


def _spread(counts: NDArray[np.int64]) -> Iterator[tuple[str, int | float]]:
    """Yield how counts are spread: mean, quantiles, maximum, Gini."""
    if not len(counts):
        return
    yield "mean", float(counts.mean())
    for share, value in zip(QUANTILES, np.quantile(counts, QUANTILES), strict=True):
        yield "median" if share == 0.5 else f"{share:.0%} quantile", float(value)
    yield "max", int(counts.max())
    yield "Gini", unevenness(counts) if counts.any() else float("nan")


def _sizes(what: str, sizes: NDArray[np.int64], n: int) -> dict[str, int | float]:
    largest = int(sizes[0]) if n else 0
    return {f"{what}s": len(sizes), f"largest {what}": largest, f"largest {what} share": _share(largest, n)}


def _hubs(data: Dataset, degrees: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    counts = next(iter(degrees.values()))
    rows = np.argsort(-counts, kind="stable")[:HUBS]
    rows = rows[counts[rows] > 0]
    hubs = pd.DataFrame({"key": data.users.take(rows).to_pylist()})
    if data.schema.user.name in data.users.properties.column_names:
        hubs["name"] = pd.Series(names_of(data, rows.tolist()), dtype=object)
    return hubs.assign(**{name: each[rows] for name, each in degrees.items()})


def _interactions(data: Dataset) -> dict[str, int | float]:
    pairs = data.interactions()
    users, items = np.diff(pairs.indptr), np.bincount(pairs.indices, minlength=len(data.items))
    values: dict[str, int | float] = {"items": len(items), "interactions": pairs.nnz}
    if not pairs.nnz:
        return values
    for what, counts in (("a user", users), ("an item", items)):
        values |= {f"interactions of {what} {each}": value for each, value in _spread(counts)}
        values[f"{what.split()[1]}s without interactions share"] = _share(int((counts == 0).sum()), len(counts))
    return values


def _share(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")
