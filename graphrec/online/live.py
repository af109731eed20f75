"""Answers from the live version of a published model: its vectors, and what users have seen, are the graph's own."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.tables import as_keys
from graphrec.errors import ArgumentError, StoreError, UnknownKeyError, problem, shown
from graphrec.online.asked import ask_keys
from graphrec.online.known import known_now
from graphrec.online.live_queries import allowed_now, list_by_cypher, popularity_now
from graphrec.online.new_users import ask_new
from graphrec.online.nodes import there, with_vectors
from graphrec.publish.features import read_maps
from graphrec.publish.lift import unlift
from graphrec.publish.record import live
from graphrec.publish.served import ways
from graphrec.rank.lists import both, list_frame, settle_unknown, told_apart
from graphrec.rank.reranked import candidates_for, rerank_steps, reranked_frame
from graphrec.rank.topk import ItemVectors, TopK, check_k, topk_vectors
from graphrec.store.recipes import cold_property, slot_property

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.publish.features import Maps
    from graphrec.publish.version import Version
    from graphrec.rank.lists import OnUnknown
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

Via = Literal["memory", "database", "index"]
T = TypeVar("T")

TRIES = 10
RESTLESS = "The model {!r} was published again and again while it was read. Try again."


@dataclass(frozen=True)
class _Loaded:
    version: Version
    items: NodeTable
    vectors: ItemVectors
    item_path: NDArray[np.object_]


class Live:
    """The live version of one model.

    Item vectors are read once and kept until the pointer moves or a list has an item that was deleted; each call asks
    the graph for the pointer, for the vectors of its users, for what they have seen, and whether its items are there.

    Args:
        store: the graph.
        schema: what the labels mean.
        name: the published model's name.
    """

    def __init__(self, store: GraphStore, schema: GraphSchema, name: str) -> None:
        self.store, self.schema, self.name = store, schema, name
        self._loaded: _Loaded | None = None
        self._maps: tuple[Version, Maps] | None = None
        self._lock = Lock()

    def load(self) -> _Loaded:
        """Return the live version with its item vectors, read again where the pointer has moved."""
        with self._lock:
            for _ in range(TRIES):
                version = live(self.store, self.name, self.schema)
                if self._loaded and self._loaded.version == version:
                    return self._loaded
                keys, vectors = self.store.read_vectors(self.schema.item, slot_property(self.name, version.slot))
                # a publish that ended meanwhile may have begun to overwrite this slot
                if live(self.store, self.name).shown == version.shown:
                    items, order = with_vectors(self.schema.item, keys, version)
                    vectors = vectors[order]
                    path = np.full(len(items), "vector", dtype=object)
                    if version.cold_items:
                        path = ways(self.store, self.schema.item, cold_property(self.name, version.slot), items.keys)
                    loaded = unlift(vectors, version.scale) if version.lifted else vectors
                    self._loaded = _Loaded(version, items, ItemVectors.of(loaded, repr(self.name)), path)
                    return self._loaded
        raise StoreError(RESTLESS.format(self.name))

    def settled(self, answer: Callable[[_Loaded], T]) -> T:
        """Return an answer of one version: given again where another one went live meanwhile.

        The slot of one that is not live is soon overwritten: users' vectors are then of another version than items'.
        """
        for _ in range(TRIES):
            loaded, fault = self.load(), None
            try:
                found = answer(loaded)
            except Exception as error:
                fault = error
            if live(self.store, self.name) == loaded.version:
                if fault:
                    raise fault
                return found
        raise StoreError(RESTLESS.format(self.name))

    def maps(self, version: Version) -> Maps:
        """Return the maps of a version, read once."""
        with self._lock:
            if self._maps is None or self._maps[0] != version:
                self._maps = version, read_maps(self.store, version)
            return self._maps[1]

    def recommend(
        self,
        users: Sequence[Any],
        k: int = 10,
        *,
        include: Sequence[Any] | None = None,
        exclude: Sequence[Any] | None = None,
        where: Mapping[str, Any] | None = None,
        exclude_seen: bool = True,
        on_unknown: OnUnknown = "raise",
        via: Via = "memory",
        rerank: Any = None,
        depth: int | None = None,
    ) -> pd.DataFrame:
        """Return the best ``k`` items of each user, by the live version.

        Args:
            users: keys of users; new users as `graphrec.data.new_user.NewUser`, or as lists of the item keys that
                they took; or both.
            k: the length of the lists; shorter where fewer items are eligible.
            include: the only items to consider.
            exclude: items to leave out.
            where: names of the schema's filters or item attributes, with values; see
                `graphrec.store.recipes.condition_parameters`.
            exclude_seen: leave out items that the user has an interaction with that hides, as the graph has it now.
            on_unknown: what to do with users of whom neither a vector nor an item nor an attribute is known:
                ``"raise"``; ``"warn"`` leaves them out; ``"fallback"`` gives them the most popular items.
            via: ``"memory"`` ranks here, exactly; ``"database"`` runs the exact Cypher of `recipe` for each user;
                ``"index"`` the one through Neo4j's vector index, and the exact one where that list falls short or the
                index is gone. The first two give the same list.
            rerank: steps that put the lists into another order; see `graphrec.rank.reranked.rerank_steps`.
            depth: how many candidates the steps choose from; None is five times ``k``, at least 100.

        Returns:
            A frame with the columns ``user`` (for new users: the position in ``users``, or such as ``"#3"`` where
            keys are asked for too), ``item``, ``score``, ``rank``, ``model``, ``version`` (7, or ``"7.1"`` after a
            refresh), ``path`` and ``item_path``. ``path`` says what gave the user's vector: ``"vector"`` (training),
            ``"fold-in"`` (the user's items), ``"attributes"``, ``"text"``, such as ``"fold-in+text"`` for several, or
            ``"popularity"``; ``item_path`` what gave the item's: ``"vector"`` or ``"attributes"``. Where a step
            explores, ``explored`` says which items were drawn at random. Newer items wait for a refresh.

        Raises:
            ArgumentError: an argument breaks its rule.
            UnknownKeyError: a user, item or model is unknown.
            ModelError: the model cannot serve new users, or not by what describes them.

        Cost: six small queries a call, one more where users have vectors without training; ``via="memory"`` reads
            all item vectors once for each version.
        """
        check_k(k)
        if via not in ("memory", "database", "index"):
            raise ArgumentError(problem("via", "must be 'memory', 'database' or 'index'", via))
        if via == "index" and not self.store.capabilities.vector_index:
            raise ArgumentError(problem("via", "must be 'memory' or 'database' here: there is no vector index", via))
        limits = {"include": include, "exclude": exclude, "where": where, "exclude_seen": exclude_seen}
        how: dict[str, Any] = {"on_unknown": on_unknown, "via": via, "rerank": rerank, "depth": depth}
        return self.settled(lambda loaded: self._recommend(loaded, users, k, limits, how))

    def _recommend(
        self, loaded: _Loaded, users: Sequence[Any], k: int, limits: Mapping[str, Any], how: Mapping[str, Any]
    ) -> pd.DataFrame:
        keys, new = told_apart(users)
        steps = rerank_steps(how["rerank"], apart=bool(len(keys) and new))
        if len(keys) and new:
            return both(users, lambda some: self._recommend(loaded, some, k, limits, how))
        at = (self.store, self.schema, loaded.version, loaded.items)
        known = partial(self.maps, loaded.version)
        asked = ask_new(*at, new, known) if new else ask_keys(*at, keys, known)
        answered = settle_unknown(asked.labels, asked.path, how["on_unknown"], new=bool(new), stacklevel=7)
        asked = asked.take(answered)
        length = min(k, max(1, len(loaded.items)))
        depth = min(candidates_for(length, how["depth"]), max(1, len(loaded.items))) if steps else length
        narrowed = (limits["include"], limits["exclude"], limits["where"])
        allowed = allowed_now(self.store, self.schema, loaded.items, *narrowed)
        best = TopK.empty(len(asked.path), depth)

        def rank(rows: NDArray[np.int64], queries: NDArray[np.float32], vectors: ItemVectors) -> None:
            hidden = asked.seen[rows] if limits["exclude_seen"] else None
            found = topk_vectors(queries, vectors, depth, hidden=hidden, allowed=allowed, name=repr(self.name))
            best.put(rows, found)

        popularity = partial(popularity_now, self.store, self.schema, loaded.items)
        popular = np.flatnonzero(asked.path == "popularity")
        if len(popular):
            rank(popular, np.ones((len(popular), 1), np.float32), ItemVectors.of(popularity()))
        here = (asked.path != "popularity") & (~asked.stored | (how["via"] == "memory"))
        rank(np.flatnonzero(here), asked.vectors[here], loaded.vectors)
        if how["via"] != "memory" and (allowed is None or allowed.any()):
            for row in np.flatnonzero(asked.stored):
                user = asked.labels[int(row)].as_py()
                found = list_by_cypher(
                    self.store, self.schema, self.name, user, depth, index=how["via"] == "index", **limits
                )
                rows = loaded.items.rows(found["item_id"])
                if (rows < 0).any():  # items that came after the vectors were read
                    self._loaded = None
                    return self._recommend(self.load(), users, k, limits, how)
                best.rows[row, : found.num_rows] = rows
                best.scores[row, : found.num_rows] = found["score"].to_numpy()
        if self._deleted(loaded.items, best):
            return self._recommend(self.load(), users, k, limits, how)
        columns: dict[str, Any] = {"model": self.name, "version": loaded.version.shown, "path": asked.path}
        columns["item_path"] = loaded.item_path
        if not steps:
            return list_frame(asked.labels, loaded.items, best, **columns)
        of: dict[str, Any] = {
            "new": bool(new),
            "vectors": loaded.vectors.vectors,
            "popularity": lambda: popularity()[:, 0],
        }
        known_of = known_now(self.store, self.schema, loaded.items, asked, **of)
        return reranked_frame(best, length, steps, known_of, loaded.items, **columns)

    def similar(
        self,
        items: Sequence[Any],
        k: int = 10,
        *,
        include: Sequence[Any] | None = None,
        exclude: Sequence[Any] | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return the ``k`` items whose vectors have the highest cosine with each given item's, itself left out.

        Args:
            items: keys of items.
            k: the length of the lists.
            include: the only items to consider.
            exclude: items to leave out.
            where: as in `recommend`.

        Returns:
            A frame with the columns ``item``, ``similar``, ``score`` (cosine), ``rank``, ``model`` and ``version``.

        Raises:
            ArgumentError: an argument breaks its rule.
            UnknownKeyError: an item has no vector in the live version.
        """
        check_k(k)
        return self.settled(lambda loaded: self._similar(loaded, items, k, (include, exclude, where)))

    def _similar(self, loaded: _Loaded, items: Sequence[Any], k: int, narrowed: tuple[Any, Any, Any]) -> pd.DataFrame:
        keys = pc.unique(as_keys(items, "items"))
        rows = self.require(loaded.items, keys, "items")
        itself = sp.csr_array((np.ones(len(rows)), (np.arange(len(rows)), rows)), (len(rows), len(loaded.items)))
        allowed = allowed_now(self.store, self.schema, loaded.items, *narrowed)
        k = min(k, max(1, len(loaded.items)))
        found = topk_vectors(
            loaded.vectors.vectors[rows], loaded.vectors, k, hidden=itself, allowed=allowed, cosine=True
        )
        if self._deleted(loaded.items, found, rows):
            return self._similar(self.load(), items, k, narrowed)
        version = loaded.version.shown
        return list_frame(keys, loaded.items, found, ("item", "similar"), model=self.name, version=version)

    def _deleted(self, items: NodeTable, lists: TopK, *more: NDArray[np.int64]) -> bool:
        """Return whether the graph has lost an item of these lists since vectors were read, and forget them then."""
        listed = items.take(np.unique(np.concatenate([lists.rows[lists.rows >= 0], *more])))
        if not len(listed) or len(there(self.store, self.schema.item, listed.to_pylist())) == len(listed):
            return False
        self._loaded = None
        return True

    def require(self, items: NodeTable, keys: pa.Array, argument: str) -> NDArray[np.int64]:
        """Return the rows of items; say of one that came after the publish what brings it in.

        Raises:
            UnknownKeyError: an item has no vector; the message names the argument.
        """
        rows = items.rows(keys)
        new = keys.filter(pa.array(rows < 0))
        there = self.store.keys(self.schema.item) if len(new) else new
        if len(new) and new.type == there.type and (came := new.filter(pc.is_in(new, there))):
            raise UnknownKeyError(
                f"`{argument}` must name items with vectors in {self.name!r}. Got {len(came)} that are in the graph "
                f"without one, such as {shown(came[:3].to_pylist())}. "
                "Call refresh() for what is new, or publish again."
            )
        return items.require(keys, argument)
