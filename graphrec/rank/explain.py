"""Why an item stands in a user's list: parts that sum to its score, and what it shares with what the user has."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp

from graphrec.data.dataset import check_dataset
from graphrec.data.described import having
from graphrec.data.tables import as_keys
from graphrec.errors import ArgumentError, problem
from graphrec.rank.asked import vectors_of_users
from graphrec.rank.leanings import names_in
from graphrec.rank.scorer import (
    Attributable,
    Lister,
    Trace,
    Traceable,
    VectorScorer,
    check_fitted,
    check_items,
    scores_of,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import NodeTable
    from graphrec.rank.scorer import Scorer

NAMED = 3  # items of the history that a path names
MOST = 5  # paths of a pair
MESSAGES = 100  # relationships of a pair
_MESSAGE_COLUMNS = ["user", "item", "score", "source_label", "source", "type", "target_label", "target", "part"]
_MISSING = ("because", "source_label", "source", "type", "target_label", "target")  # in some rows


class Values(NamedTuple):
    """One kind of attribute.

    Attributes:
        having: [n_items, m]; stored entries say which item has which value.
        names: what people read, [m].
        rarity: of each value, float64 [m]; 0 for one that all items have.
    """

    having: sp.csr_array
    names: Sequence[Any]
    rarity: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Explanation:
    """Why some items were given to some users. Printed, it is the words.

    Attributes:
        parts: a row for each part of a score: ``user``, ``item``, ``score``, ``because`` (an item of the user's
            history; missing for the user's own part, which comes first) and ``part``, largest first. The parts of a
            pair sum to its score.
        paths: a row for each value of an attribute that the item shares with the user's history: ``user``, ``item``,
            ``attribute``, ``value``, ``because`` (the history's items that have it, those with the largest parts
            first, at most three), ``count`` (how many have it) and ``share`` (of the history); at most five for a
            pair, first those whose items bring most and that few items have.
        words: a row for each pair: ``user``, ``item``, ``score``, ``text``.
        messages: of models that pass them (`HeteroGNN`), else empty: a row for each relationship that a score
            comes from: ``user``, ``item``, ``score``, ``source_label``, ``source``, ``type``, ``target_label``,
            ``target`` and ``part``; the largest 100 of a pair, then, without source and target, all others and what
            the score is without any. The rows of a pair sum to its score.
    """

    parts: pd.DataFrame
    paths: pd.DataFrame
    words: pd.DataFrame
    messages: pd.DataFrame = field(default_factory=lambda: _frame([], _MESSAGE_COLUMNS))

    def __str__(self) -> str:
        return "\n".join(f"{row.user} <- {row.item}: {row.text}" for row in self.words.itertuples())


def explain(model: Scorer, data: Dataset, pairs: Any) -> Explanation:
    """Say why a model gives users these scores for items; see `Explanation`.

    The parts are exact where a score is linear in the user's history: for vector models that can fold in (see
    `graphrec.rank.attribution`), item-kNN and EASE. Of graph networks an item of the history brings what the
    relationships between the two add (see `HeteroGNN`), and all others are among the user's own part. Of other
    models that is the whole score. Paths need attributes in the schema, and no model.

    Args:
        model: a fitted model.
        data: what it was fitted on, or a later snapshot; the histories are those of ``data``.
        pairs: pairs of user and item keys, or a frame with the columns ``user`` and ``item``, as lists have. Of
            hybrids, whose scores depend on what else may be in the list, the list's own scores are explained.

    Raises:
        ArgumentError: these are no pairs.
        UnknownKeyError: the data does not know a user or item, or the model has nothing to serve a user by.
        ModelError: the model was fitted on other items than those of the data; a graph network on other data.

    Cost: one inner product for each item of a history; of graph networks see `FittedNetwork.traces`.
    """
    check_fitted(model)
    check_dataset(data)
    users, items = as_pairs(pairs)
    check_items(model, data)
    item_rows = model.items.require(items, "pairs")
    histories = data.interactions()[data.users.require(users, "pairs")]
    if isinstance(model, VectorScorer):
        user_rows, ours = vectors_of_users(model, data, users)
        scores = np.vecdot(ours.astype(np.float64), model.item_vectors[item_rows].astype(np.float64))
    else:
        user_rows = model.users.require(users, "pairs")
        scores = np.empty(len(item_rows), np.float32)
        for user in np.unique(user_rows):
            mine = user_rows == user
            scores[mine] = scores_of(model, np.array([user]))[0, item_rows[mine]]
        if isinstance(model, Lister) and isinstance(pairs, pd.DataFrame) and {"score", "model"} <= set(pairs):
            scores = np.where(pairs["model"] == model.name, pairs["score"], scores)
    parts, messages = None, list[tuple[Any, ...]]()
    if isinstance(model, Traceable):
        parts = histories.astype(np.float64)
        first = list(zip(users.to_pylist(), items.to_pylist(), scores.tolist(), strict=True))
        for i, trace in enumerate(model.traces(data, user_rows, item_rows)):
            here = slice(histories.indptr[i], histories.indptr[i + 1])
            parts.data[here] = _direct(trace, data, user_rows[i], histories.indices[here])
            messages += [(*first[i], *row) for row in _messages(trace, data, first[i][2])]
    elif isinstance(model, Attributable):
        parts = model.parts(user_rows, item_rows, histories)
    names, values = names_in(data.items, data.schema.item), values_of(data)
    found = put_together(users, items, scores, item_rows, parts, histories, data.items, names, values)
    return replace(found, messages=_frame(messages, _MESSAGE_COLUMNS))


def _direct(trace: Trace, data: Dataset, user: np.int64, history: NDArray[np.int32]) -> NDArray[np.float64]:
    """Return what the relationships between a user and the items of their history add, float64 [h]."""
    ours, theirs = data.schema.user.label, data.schema.item.label
    brought = np.zeros(len(data.items))
    for (source, _, target), (sources, targets, added) in trace.parts.items():
        if {source, target} == {ours, theirs}:
            users, items = (sources, targets) if source == ours else (targets, sources)
            np.add.at(brought, items[users == user], added[users == user])
    return brought[history]


def _messages(trace: Trace, data: Dataset, score: float) -> list[tuple[Any, ...]]:
    """Return the last columns of the rows of `Explanation.messages` for one pair."""
    kinds = list(trace.parts)
    of = np.repeat(np.arange(len(kinds)), [len(added) for _, _, added in trace.parts.values()])
    sources, targets, parts = (np.concatenate(each) for each in zip(*trace.parts.values(), strict=True))

    def key(label: str, row: np.int64) -> Any:
        return data.nodes[label].keys[int(row)].as_py()

    rows: list[tuple[Any, ...]] = []
    for place in np.argsort(-np.abs(parts), kind="stable")[:MESSAGES]:
        source, type, target = kinds[of[place]]
        ends = source, key(source, sources[place]), type, target, key(target, targets[place])
        rows.append((*ends, float(parts[place])))
    return [*rows, (None, None, None, None, None, score - sum(row[-1] for row in rows))]


def _frame(rows: list[tuple[Any, ...]], columns: list[str]) -> pd.DataFrame:
    """Return a frame whose keys stay what they are where some are missing."""
    frame = pd.DataFrame(rows, columns=columns, dtype=object)
    for name in columns:
        if name not in _MISSING:
            frame[name] = frame[name].infer_objects()
    return frame


def as_pairs(pairs: Any) -> tuple[pa.Array, pa.Array]:
    """Return the users and the items of pairs.

    Raises:
        ArgumentError: they are none.
        DataError: keys are null or of mixed type.
    """
    if isinstance(pairs, pd.DataFrame):
        if not {"user", "item"} <= set(pairs.columns):
            raise ArgumentError(problem("pairs", "must have the columns 'user' and 'item'", list(pairs.columns)))
        return as_keys(pa.array(pairs["user"]), "pairs"), as_keys(pa.array(pairs["item"]), "pairs")
    try:
        given = [(user, item) for user, item in pairs]
    except (TypeError, ValueError):
        raise ArgumentError(problem("pairs", "must be pairs of a user's and an item's key", pairs)) from None
    return as_keys([user for user, _ in given], "pairs"), as_keys([item for _, item in given], "pairs")


def values_of(data: Dataset) -> dict[str, Values]:
    """Return the attributes of items, by relationship type."""
    found = {}
    for attribute in data.schema.attributes:
        if attribute.of == "item":
            nodes, own = data.nodes[attribute.to.label], having(data, attribute)
            counts = np.bincount(own.indices, minlength=len(nodes))
            names = names_in(nodes, attribute.to)
            found[data.schema.kind(attribute)] = Values(own, names, rarity(counts, len(data.items)))
    return found


def rarity(counts: NDArray[np.int64], n: int) -> NDArray[np.float64]:
    """Return ``log(n / count)`` of values that so many of n items have."""
    return np.maximum(np.log(max(n, 1) / np.maximum(counts, 1)), 0.0)


def put_together(
    users: pa.Array,
    items: pa.Array,
    scores: NDArray[np.floating[Any]],
    item_rows: NDArray[np.int64],
    parts: sp.csr_array | None,
    histories: sp.csr_array,
    table: NodeTable,
    names: Sequence[Any] | Mapping[int, Any],
    values: Mapping[str, Values],
) -> Explanation:
    """Return the frames of an explanation.

    Args:
        users: keys [b].
        items: keys [b].
        scores: [b].
        item_rows: of the items in ``table``, [b].
        parts: [b, n], what each item of a history brings; None where that is not known.
        histories: [b, n].
        table: the n items.
        names: what people read of them, [n].
        values: their attributes.
    """
    part_rows: list[tuple[Any, ...]] = []
    path_rows: list[tuple[Any, ...]] = []
    texts: list[tuple[Any, ...]] = []
    weights = histories.astype(np.float64) if parts is None else parts
    for i, (user, item, score) in enumerate(zip(users.to_pylist(), items.to_pylist(), scores, strict=True)):
        here = slice(weights.indptr[i], weights.indptr[i + 1])
        rows, brought = weights.indices[here].astype(np.int64), weights.data[here]
        order = np.lexsort([rows, -brought])
        rows, brought = rows[order], brought[order]
        score = float(score)
        own = score if parts is None else score - float(brought.sum())
        part_rows.append((user, item, score, None, own))
        if parts is not None:
            keys = table.take(rows).to_pylist()
            part_rows += [(user, item, score, key, float(part)) for key, part in zip(keys, brought, strict=True)]
        paths = _paths(int(item_rows[i]), rows, brought, values)
        path_rows += [
            (user, item, kind, value, table.take(shared[:NAMED]).to_pylist(), len(shared), len(shared) / len(rows))
            for kind, value, shared in paths
        ]
        known = brought if parts is not None or paths else np.zeros(len(rows))
        texts.append((user, item, score, _text(rows, known, paths, names)))
    return Explanation(
        _frame(part_rows, ["user", "item", "score", "because", "part"]),
        pd.DataFrame(path_rows, columns=["user", "item", "attribute", "value", "because", "count", "share"]),
        pd.DataFrame(texts, columns=["user", "item", "score", "text"]),
    )


def _paths(
    item: int, rows: NDArray[np.int64], brought: NDArray[np.float64], values: Mapping[str, Values]
) -> list[tuple[str, Any, NDArray[np.int64]]]:
    """Return kind, value and the items of the history that share it with the item, the most telling first."""
    found = []
    for kind, (had, names, rarity) in values.items():
        own = had.indices[had.indptr[item] : had.indptr[item + 1]]
        shared = had[rows][:, own].tocsc()
        for column, value in enumerate(own):
            places = np.sort(shared.indices[shared.indptr[column] : shared.indptr[column + 1]])
            worth = float(np.maximum(brought[places], 0).sum()) * float(rarity[value])
            if len(places) and worth > 0:
                found.append((-worth, kind, str(names[value]), names[value], rows[places]))
    found.sort(key=lambda each: each[:3])
    return [(kind, value, shared) for _, kind, _, value, shared in found[:MOST]]


def _text(
    rows: NDArray[np.int64], brought: NDArray[np.float64], paths: list[tuple[str, Any, NDArray[np.int64]]], names: Any
) -> str:
    """Return one sentence: what of the history brings most, and what that has in common with the item."""
    sharing = np.concatenate([rows[:0], *(shared for _, _, shared in paths)])
    telling = rows[np.isin(rows, sharing) & (brought > 0)]
    first = (telling if len(telling) else rows[brought > 0])[:2]
    if not len(first):
        return "suits you by all that is known of you"
    said = [f"{kind} {value}" for kind, value, shared in paths if np.isin(first, shared).all()][:NAMED]
    text = "because of " + " and ".join(str(names[row]) for row in first)
    return text + (f": {'both ' if len(first) > 1 else ''}{', '.join(said)}" if said else "")
