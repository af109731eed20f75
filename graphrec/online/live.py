"""Answers from the live version of a published model: its vectors, and what users have seen, are the graph's own."""

from __future__ import annotations

from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.tables import NodeTable, as_keys
from graphrec.errors import ArgumentError, ConnectionFailedError, DataError, StoreError, problem
from graphrec.online.asked import ask_histories, ask_keys
from graphrec.publish.lift import unlift
from graphrec.publish.record import live
from graphrec.rank.eligible import allowed_mask
from graphrec.rank.lists import are_histories, list_frame, settle_unknown
from graphrec.rank.topk import ItemVectors, TopK, check_k, topk_vectors
from graphrec.store.ladybug_topk import topk
from graphrec.store.queries import render
from graphrec.store.recipes import condition, condition_parameters, recipe, slot_property

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from graphrec.publish.record import Version
    from graphrec.rank.lists import OnUnknown
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore

Via = Literal["memory", "database", "index"]


@dataclass(frozen=True)
class _Loaded:
    version: Version
    items: NodeTable
    vectors: ItemVectors


class Live:
    """The live version of one model.

    Item vectors are read once and kept until the pointer moves; each call asks the graph for the pointer, for the
    vectors of its users, and for what they have seen.

    Args:
        store: the graph.
        schema: what the labels mean.
        name: the published model's name.
    """

    def __init__(self, store: GraphStore, schema: GraphSchema, name: str) -> None:
        self.store, self.schema, self.name = store, schema, name
        self._loaded: _Loaded | None = None
        self._lock = Lock()

    def load(self) -> _Loaded:
        """Return the live version with its item vectors, read again where the pointer has moved."""
        with self._lock:
            for _ in range(3):
                version = live(self.store, self.name)
                if self._loaded and self._loaded.version == version:
                    return self._loaded
                keys, vectors = self.store.read_vectors(self.schema.item, slot_property(self.name, version.slot))
                # a publish that ended meanwhile may have begun to overwrite this slot
                if live(self.store, self.name).version == version.version:
                    order = pc.sort_indices(keys)
                    vectors = vectors[np.asarray(order)]
                    items = NodeTable(self.schema.item.label, keys.take(order), pa.table({}))
                    loaded = unlift(vectors, version.scale) if version.lifted else vectors
                    self._loaded = _Loaded(version, items, ItemVectors.of(loaded, repr(self.name)))
                    return self._loaded
        raise StoreError(f"The model {self.name!r} was published three times while it was read. Try again.")

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
    ) -> pd.DataFrame:
        """Return the best ``k`` items of each user, by the live version.

        Args:
            users: keys of users; or lists of item keys, each a new user by the items that they took.
            k: the length of the lists; shorter where fewer items are eligible.
            include: the only items to consider.
            exclude: items to leave out.
            where: names of the schema's filters or item attributes, with values; see
                `graphrec.store.recipes.condition_parameters`.
            exclude_seen: leave out items that the user has an interaction with that hides, as the graph has it now.
            on_unknown: what to do with users of whom neither a vector nor an item is known: ``"raise"``; ``"warn"``
                leaves them out; ``"fallback"`` gives them the most popular items.
            via: ``"memory"`` ranks here, exactly; ``"database"`` runs the exact Cypher of `recipe` for each user;
                ``"index"`` the one through Neo4j's vector index, and the exact one where that list falls short. The
                first two give the same list.

        Returns:
            A frame with the columns ``user`` (for new users: the position in ``users``), ``item``, ``score``,
            ``rank``, ``model``, ``version`` and ``path``, which says what served the row: ``"vector"``,
            ``"fold-in"`` (from the items that the user has) or ``"popularity"``.

        Raises:
            ArgumentError: an argument breaks its rule.
            UnknownKeyError: a user, item or model is unknown.

        Cost: four small queries a call; ``via="memory"`` reads all item vectors once for each version.
        """
        check_k(k)
        if via not in ("memory", "database", "index"):
            raise ArgumentError(problem("via", "must be 'memory', 'database' or 'index'", via))
        if via == "index" and not self.store.capabilities.vector_index:
            raise ArgumentError(problem("via", "must be 'memory' or 'database' here: there is no vector index", via))
        loaded = self.load()
        asked = (
            ask_histories(self.store, self.schema, loaded.version, loaded.items, users)
            if are_histories(users)
            else ask_keys(self.store, self.schema, loaded.version, loaded.items, users)
        )
        answered = settle_unknown(asked.labels, asked.path, on_unknown, stacklevel=4)
        asked = asked.take(answered)
        k = min(k, max(1, len(loaded.items)))
        allowed = self._allowed(loaded.items, include, exclude, where)
        best = TopK.empty(len(asked.path), k)

        def rank(path: str, queries: NDArray[np.float32], vectors: NDArray[np.float32] | ItemVectors) -> None:
            rows = np.flatnonzero(asked.path == path)
            hidden = asked.seen[rows] if exclude_seen else None
            best.put(
                rows, topk_vectors(queries[rows], vectors, k, hidden=hidden, allowed=allowed, name=repr(self.name))
            )

        if "popularity" in asked.path:
            rank("popularity", np.ones((len(asked.path), 1), np.float32), self._popularity(loaded.items))
        rank("fold-in", asked.vectors, loaded.vectors)
        if via == "memory":
            rank("vector", asked.vectors, loaded.vectors)
        elif allowed is None or allowed.any():
            options = {"include": include, "exclude": exclude, "where": where, "exclude_seen": exclude_seen}
            for row in np.flatnonzero(asked.path == "vector"):
                found = self._ask_database(asked.labels[int(row)].as_py(), k, via, options)
                best.rows[row, : found.num_rows] = loaded.items.rows(found["item_id"])
                best.scores[row, : found.num_rows] = found["score"].to_numpy()
        version = loaded.version.version
        return list_frame(asked.labels, loaded.items, best, model=self.name, version=version, path=asked.path)

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
        loaded = self.load()
        keys = pc.unique(as_keys(items, "items"))
        rows = loaded.items.require(keys, "items")
        itself = sp.csr_array((np.ones(len(rows)), (np.arange(len(rows)), rows)), (len(rows), len(loaded.items)))
        allowed = self._allowed(loaded.items, include, exclude, where)
        k = min(k, max(1, len(loaded.items)))
        found = topk_vectors(
            loaded.vectors.vectors[rows], loaded.vectors, k, hidden=itself, allowed=allowed, cosine=True
        )
        version = loaded.version.version
        return list_frame(keys, loaded.items, found, ("item", "similar"), model=self.name, version=version)

    # ---------------------------------------------------------------- what may be recommended

    def _allowed(
        self,
        items: NodeTable,
        include: Sequence[Any] | None,
        exclude: Sequence[Any] | None,
        where: Mapping[str, Any] | None,
    ) -> NDArray[np.bool_] | None:
        dialect = self.store.capabilities.dialect
        found = None
        if where:
            parameters = condition_parameters(self.schema, where)
            conditions = "".join(f" AND {condition(self.schema, name, dialect)}" for name in where)
            names = {"item": self.schema.item.label, "item_key": self.schema.item.key}
            text = render(dialect, "read/matching", names, {"conditions": conditions})
            try:
                found = self.store.query(text, parameters)["item_id"]
            except ConnectionFailedError:
                raise
            except (StoreError, DataError) as error:
                rule = "must give values that the graph's properties can be compared with"
                raise ArgumentError(problem("where", rule, dict(where), str(error))) from error
        return allowed_mask(items, include=include, exclude=exclude, matching=found)

    def _popularity(self, items: NodeTable) -> NDArray[np.float32]:
        targets = [self.schema.relationships[i.type] for i in self.schema.targets]
        counted = self.store.popular(targets, len(items))
        rows = items.rows(counted["key"])
        counts = np.zeros((len(items), 1), np.float32)
        counts[rows[rows >= 0], 0] = counted["count"].to_numpy()[rows >= 0]
        return counts

    def _ask_database(self, user: Any, k: int, via: Via, options: Mapping[str, Any]) -> pa.Table:
        if self.store.capabilities.dialect == "ladybug":  # several small statements are faster there than the recipe
            return topk(self.store, self.schema, self.name, user, k, **options)
        given = {name: list(options[name]) for name in ("include", "exclude") if options[name] is not None}
        where = options["where"] or {}
        parameters = {"user": user, "k": k, **given, **condition_parameters(self.schema, where)}

        def run(name: str) -> pa.Table:
            asked: dict[str, Any] = {
                "include": "include" in given,
                "exclude": "exclude" in given,
                "where": list(where),
            }
            text = recipe("neo4j", name, self.schema, self.name, exclude_seen=options["exclude_seen"], **asked)
            return self.store.query(text, parameters)

        found = run("topk_index") if via == "index" else run("topk")
        return run("topk") if via == "index" and found.num_rows < k else found
