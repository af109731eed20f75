"""What is known of users and items: what they do, which attributes they lean to, and what is most like them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.described import Side, having, interactions_of, nodes_of
from graphrec.data.pairs import target_tables
from graphrec.data.tables import UNDATED, as_keys
from graphrec.errors import ArgumentError, problem
from graphrec.rank.leanings import Kind, leanings, names_in
from graphrec.rank.recommend import similar
from graphrec.rank.scorer import VectorScorer, check_items
from graphrec.rank.topk import check_k

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.rank.scorer import Scorer


OTHER: dict[Side, Side] = {"user": "item", "item": "user"}
CLUSTER = "cluster"


@dataclass(frozen=True, eq=False)
class Profile:
    """What is known of some users, or of some items. Printed, it is its tables.

    Attributes:
        side: ``"user"`` or ``"item"``, which is also the name of the first column of each frame.
        activity: a row each, in the order asked: ``interactions`` (target ones, repeated ones counted), with how many
            different ``items`` (or ``users``), their mean ``weight`` (1 where none is given), and when the ``first``
            and ``last`` one was (epoch seconds, missing where none has a time). Items have a ``name``, and their
            ``popularity``, 1 for the item with most interactions. ``cluster`` where one was written.
        attributes: what each is tied to itself: ``attribute``, ``value``.
        affinity: to which values of the items' attributes a user leans (to which values of the users' attributes an
            item's users lean): ``attribute``, ``value``, ``count`` (of the different items), ``share`` (of them),
            ``base`` (the share of all interactions that are with items that have the value), ``lift`` and ``score``,
            the shrunken lift that gives the order, see `graphrec.rank.leanings.leanings`.
        similar: of items, those whose vectors point most nearly the same way: ``similar``, ``name``, ``score``
            (cosine), ``rank``. Empty for users, and without a model that has vectors.
    """

    side: Side
    activity: pd.DataFrame
    attributes: pd.DataFrame
    affinity: pd.DataFrame
    similar: pd.DataFrame

    def __str__(self) -> str:
        frames = {"": dated(self.activity), "attributes": self.attributes}
        frames |= {"leans to": self.affinity, "similar": self.similar}
        shown = [
            f"{title}\n{frame.to_string(index=False, na_rep='-', float_format='{:.3f}'.format)}".lstrip()
            for title, frame in frames.items()
            if len(frame)
        ]
        return "\n\n".join(shown)


def profile(
    model: Scorer | None,
    data: Dataset,
    *,
    users: Sequence[Any] | None = None,
    items: Sequence[Any] | None = None,
    k: int = 10,
    cluster: str = CLUSTER,
) -> Profile:
    """Say what a dataset knows of users, or of items; see `Profile`.

    Args:
        model: for similar items; None, or one without vectors, leaves them out.
        data: a dataset.
        users: keys of users, each answered once.
        items: keys of items, in place of users.
        k: how many values of each kind of attribute, and how many similar items.
        cluster: the property that holds clusters, where the dataset has it.

    Raises:
        ArgumentError: neither or both of ``users`` and ``items`` are given, or ``k`` is below 1.
        UnknownKeyError: a key is unknown.
        ModelError: the model was fitted on other items than those of the data.

    Cost: one pass over the interactions and attributes.
    """
    side, keys = asked_for(users, items)
    k, table = check_k(k), nodes_of(data, side)
    rows = table.require(keys, f"{side}s")
    names = names_in(data.items, data.schema.item)
    activity = _activity(data, side, rows)
    clusters = (
        table.properties[cluster].take(pa.array(rows)).to_pylist() if cluster in table.properties.schema.names else []
    )
    return Profile(
        side,
        finished(side, keys, activity, [names[row] for row in rows], clusters, interactions_of(data, "item")),
        _own(data, side, keys, rows),
        leanings(side, keys.to_pylist(), _kinds(data, side, rows, activity[f"{OTHER[side]}s"].to_numpy()), k),
        _similar(model, data, keys, names, k) if side == "item" else nothing_similar(),
    )


def asked_for(users: Sequence[Any] | None, items: Sequence[Any] | None) -> tuple[Side, pa.Array]:
    """Return whose profiles are wanted: the side, and its keys, each once.

    Raises:
        ArgumentError: neither or both are given.
        DataError: keys are null or of mixed type.
    """
    if (users is None) == (items is None):
        given = "neither" if users is None else "both"
        raise ArgumentError(problem("users", "must be given, or `items`, and not both", given))
    side: Side = "user" if items is None else "item"
    return side, pc.unique(as_keys(users if items is None else items, f"{side}s"))


def finished(
    side: Side,
    keys: pa.Array,
    activity: pd.DataFrame,
    names: Sequence[Any],
    clusters: Sequence[Any],
    popularity: NDArray[np.int64],
) -> pd.DataFrame:
    """Return `Profile.activity`.

    Args:
        side: whose it is.
        keys: of the rows.
        activity: ``interactions``, ``items`` or ``users``, ``weight``, ``first``, ``last``.
        names: of items.
        clusters: the property that holds clusters; shown where anybody has one.
        popularity: how many interactions each item of all has.
    """
    done = activity.reset_index(drop=True)
    done.insert(0, side, pd.Series(keys.to_pylist()))
    if side == "item":
        done.insert(1, "name", pd.Series(names))
        ordered = np.sort(popularity)
        more = len(ordered) - np.searchsorted(ordered, done["interactions"].to_numpy(), side="right")
        done["popularity"] = more + 1
    if any(each is not None for each in clusters):
        done["cluster"] = pd.array(list(clusters), dtype="Int64")
    return done


def nothing_similar() -> pd.DataFrame:
    """Return `Profile.similar` without rows."""
    return pd.DataFrame(columns=["item", "similar", "name", "score", "rank"])


def dated(activity: pd.DataFrame) -> pd.DataFrame:
    """Return `Profile.activity` with days in place of seconds."""
    done = activity.copy()
    for name in ("first", "last"):
        done[name] = [None if pd.isna(at) else str(np.datetime64(int(at), "s"))[:10] for at in activity[name]]
    return done


def _activity(data: Dataset, side: Side, rows: NDArray[np.int64]) -> pd.DataFrame:
    found = []
    for edge in target_tables(data):
        ends = (edge.source_rows, edge.target_rows) if side == "user" else (edge.target_rows, edge.source_rows)
        here = np.isin(ends[0], rows)
        columns = {"own": ends[0], "other": ends[1], "weight": edge.weights, "time": edge.times}
        found.append(pd.DataFrame({name: column[here] for name, column in columns.items()}))
    frame = pd.concat(found)
    frame["time"] = frame["time"].astype("Int64").mask(frame["time"] == UNDATED)
    each = frame.groupby("own").agg(
        interactions=("own", "size"),
        others=("other", "nunique"),
        weight=("weight", "mean"),
        first=("time", "min"),
        last=("time", "max"),
    )
    each = each.reindex(rows).fillna({"interactions": 0, "others": 0})
    return each.astype({"interactions": np.int64, "others": np.int64}).rename(columns={"others": f"{OTHER[side]}s"})


def _own(data: Dataset, side: Side, keys: pa.Array, rows: NDArray[np.int64]) -> pd.DataFrame:
    found = []
    for attribute in data.schema.attributes:
        if attribute.of == side:
            kind, names = data.schema.kind(attribute), names_in(data.nodes[attribute.to.label], attribute.to)
            values = having(data, attribute)[rows].tocoo()
            found += [(row, kind, names[value]) for row, value in zip(*values.coords, strict=True)]
    return own_frame(side, keys, found)


def own_frame(side: Side, keys: pa.Array, found: Sequence[tuple[int, str, Any]]) -> pd.DataFrame:
    """Return `Profile.attributes` from places in ``keys``, kinds and values."""
    ordered = sorted(found, key=lambda each: (each[0], each[1], str(each[2])))
    own = keys.to_pylist()
    return pd.DataFrame(
        [(own[row], kind, value) for row, kind, value in ordered], columns=[side, "attribute", "value"]
    )


def _kinds(data: Dataset, side: Side, rows: NDArray[np.int64], sizes: NDArray[np.int64]) -> list[Kind]:
    pairs = data.interactions().astype(np.int64)
    histories = pairs[rows] if side == "user" else pairs.T.tocsr()[rows]
    every = interactions_of(data, OTHER[side])
    found = []
    for attribute in data.schema.attributes:
        if attribute.of == OTHER[side]:
            kind, names = data.schema.kind(attribute), names_in(data.nodes[attribute.to.label], attribute.to)
            values = having(data, attribute).astype(np.int64)
            counts = (histories @ values).tocsr()
            found.append(Kind(kind, names, counts, every @ values, sizes, int(every.sum())))
    return found


def _similar(model: Scorer | None, data: Dataset, keys: pa.Array, names: Sequence[Any], k: int) -> pd.DataFrame:
    if not isinstance(model, VectorScorer):
        return nothing_similar()
    check_items(model, data)
    found = similar(model, keys, k)
    return found.assign(name=[names[row] for row in data.items.rows(found["similar"])])[list(nothing_similar())]
