"""The one thing that a user holds: a connection, what its labels mean, and the verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, cast

from graphrec.data.dataset import Dataset
from graphrec.data.plan import memory_plan
from graphrec.friends.job import Run, suggest_friends
from graphrec.friends.read import decline, friends
from graphrec.online.clusters import cluster_live
from graphrec.online.explain import explain_live
from graphrec.online.feed import feed, people_who_like
from graphrec.online.live import Live
from graphrec.online.profile import profile_live
from graphrec.publish.communities import analyse_graph
from graphrec.publish.exchange import export_graph, import_graph
from graphrec.publish.forget import forget
from graphrec.publish.load import load_graph
from graphrec.publish.network import read_network
from graphrec.publish.record import live, published, rollback
from graphrec.publish.refresh import refresh
from graphrec.publish.vectors import publish, silent
from graphrec.report.map_page import write_map
from graphrec.schema import GraphSchema
from graphrec.store.connect import open_store
from graphrec.store.recipes_any import any_recipe
from graphrec.store.validate import require

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Self

    import pandas as pd

    from graphrec.data.new_user import NewUser
    from graphrec.data.plan import MemoryPlan
    from graphrec.friends.report import Report
    from graphrec.models.model import Model
    from graphrec.online.clusters import Clusters
    from graphrec.publish.forget import Forgotten
    from graphrec.publish.load import LoadReport
    from graphrec.publish.refresh import Refreshed
    from graphrec.publish.vectors import Progress
    from graphrec.publish.version import Version
    from graphrec.rank.explain import Explanation
    from graphrec.rank.profile import Profile
    from graphrec.rank.scorer import Scorer, Vectors
    from graphrec.social.analysis import Analysis
    from graphrec.social.friends import Friends
    from graphrec.store.protocol import GraphStore

    Keys = Sequence[str] | Sequence[int]


def connect(
    url: str | Path,
    *,
    schema: GraphSchema | None = None,
    auth: tuple[str, str] | None = None,
    database: str | None = None,
    read_only: bool = False,
) -> Graph:
    """Open a graph: ``"movies.lbug"`` for an embedded file, ``"neo4j://host:7687"`` for Neo4j.

    Args:
        url: a path, or a URL of Neo4j.
        schema: what the labels mean; by default users ``User.user_id``, items ``Item.item_id`` and ``INTERACTED``.
        auth: user and password; else ``GRAPHREC_NEO4J_USER`` and ``GRAPHREC_NEO4J_PASSWORD``.
        database: Neo4j's database; None for the user's home database.
        read_only: open an embedded file for reading only.

    Raises:
        ArgumentError: the URL cannot be used, or the schema is none.
        ConnectionFailedError: the database cannot be reached or opened.
    """
    meant = GraphSchema.of(schema)
    return Graph(open_store(url, auth=auth, database=database, read_only=read_only), meant)


class Graph:
    """A graph database with a schema. Use it as a context manager, or call `close`.

    Args:
        store: an open store.
        schema: what the labels mean.

    Attributes:
        default: the published model that is meant where none is named and there are several of these labels.
    """

    def __init__(self, store: GraphStore, schema: GraphSchema) -> None:
        self.store, self.schema = store, schema
        self.default: str | None = None
        self._live: dict[str, Live] = {}

    # ---------------------------------------------------------------- data in

    def load(
        self,
        nodes: Mapping[str, Any] | None = None,
        edges: Mapping[str, Any] | None = None,
        *,
        on_duplicate: Literal["last", "sum", "max", "raise"] = "last",
        on_missing: Literal["raise", "create", "skip"] = "raise",
        on_error: Literal["raise", "skip"] = "raise",
        progress: Progress = silent,
    ) -> LoadReport:
        """Write frames into the graph; see `graphrec.publish.load.load_graph`."""
        return load_graph(
            self.store,
            self.schema,
            {} if nodes is None else nodes,
            {} if edges is None else edges,
            on_duplicate=on_duplicate,
            on_missing=on_missing,
            on_error=on_error,
            progress=progress,
        )

    def dataset(self, *, people: bool = False) -> Dataset:
        """Read the graph into one immutable snapshot; ``people`` reads users and their ties, items or none.

        Raises:
            SchemaError: the schema names what the graph does not hold; the message lists what it found.
            DataError: keys are null, doubled or of mixed type, or weights are not finite.
        """
        if people:
            return read_network(self.store, self.schema)
        notes = require(self.schema, self.store.describe())
        snapshot = self.store.snapshot(list(self.schema.nodes.values()), list(self.schema.relationships.values()))
        return Dataset.from_tables(self.schema, snapshot.nodes, snapshot.edges, [*notes, *snapshot.moved])

    def plan(self, model: Model | None = None) -> MemoryPlan:
        """Return what loading, reading, fitting ``model`` (None: 64 numbers a vector) and ranking need, by counts."""
        found = self.store.describe()
        return memory_plan(self.schema, found.node_counts, found.edge_counts(self.schema), model)

    def analyse(
        self, *, seed: int = 0, write: str | None = None, overwrite: bool = False, progress: Progress = silent
    ) -> Analysis:
        """Measure the ties between users; see `graphrec.publish.communities.analyse_graph`."""
        return analyse_graph(self.store, self.schema, seed=seed, write=write, overwrite=overwrite, progress=progress)

    def forget(
        self, users: Keys, *, saved: Sequence[str | Path] = (), missing_ok: bool = False, progress: Progress = silent
    ) -> Forgotten:
        """Remove users with all that the graph holds of them; see `graphrec.publish.forget.forget`."""
        return forget(self.store, self.schema, users, saved=saved, missing_ok=missing_ok, progress=progress)

    # ---------------------------------------------------------------- models

    def publish(
        self, model: Vectors | Scorer, name: str = "graphrec", *, wait_s: float = 120.0, progress: Progress = silent
    ) -> Version:
        """Write a model's vectors onto the nodes and make them live; see `graphrec.publish.vectors.publish`."""
        return publish(self.store, self.schema, model, name, wait_s=wait_s, progress=progress)

    def refresh(self, name: str | None = None, *, wait_s: float = 120.0, progress: Progress = silent) -> Refreshed:
        """Give vectors to users and items that came after the publish; see `graphrec.publish.refresh.refresh`."""
        return refresh(self.store, self.schema, self._named(name), wait_s=wait_s, progress=progress)

    def models(self) -> pd.DataFrame:
        """Return the published models, one row each: what is live, since when, and what a rollback would bring."""
        return published(self.store)

    def rollback(self, name: str, *, wait_s: float = 10.0) -> Version:
        """Make the previous version live again; see `graphrec.publish.record.rollback`."""
        return rollback(self.store, name, wait_s, self.schema)

    # ---------------------------------------------------------------- lists out

    def recommend(
        self,
        users: Sequence[str | int | Keys | NewUser],
        k: int = 10,
        *,
        model: str | None = None,
        include: Keys | None = None,
        exclude: Keys | None = None,
        where: Mapping[str, Any] | None = None,
        exclude_seen: bool = True,
        on_unknown: Literal["raise", "warn", "fallback"] = "raise",
        via: Literal["memory", "database", "index"] = "memory",
        rerank: Any = None,
        depth: int | None = None,
    ) -> pd.DataFrame:
        """Return the best ``k`` items of each user, unseen only, from the live version; see `Live.recommend`."""
        return self._of(model).recommend(
            users,
            k,
            include=include,
            exclude=exclude,
            where=where,
            exclude_seen=exclude_seen,
            on_unknown=on_unknown,
            via=via,
            rerank=rerank,
            depth=depth,
        )

    def similar(
        self,
        items: Keys,
        k: int = 10,
        *,
        model: str | None = None,
        include: Keys | None = None,
        exclude: Keys | None = None,
        where: Mapping[str, Any] | None = None,
    ) -> pd.DataFrame:
        """Return the ``k`` items whose vectors point most nearly the same way; see `Live.similar`."""
        return self._of(model).similar(items, k, include=include, exclude=exclude, where=where)

    def explain(self, pairs: Any, *, model: str | None = None) -> Explanation:
        """Say why users get these items from the live version; see `graphrec.online.explain.explain_live`."""
        return explain_live(self._of(model), pairs)

    def profile(self, **options: Any) -> Profile:
        """Say what is known of ``users=[...]`` or ``items=[...]``; see `graphrec.online.profile.profile_live`."""
        return profile_live(self.store, self.schema, self._of, **options)

    def cluster(self, k: int | None = None, *, model: str | None = None, **options: Any) -> Clusters:
        """Group items or users by their vectors; see `graphrec.online.clusters.cluster_live`."""
        return cluster_live(self._of(model), k, **options)

    def map(self, path: str | Path, *, model: str | None = None, **options: Any) -> Path:
        """Draw items or users as points on one HTML page; see `graphrec.report.map_page.write_map`."""
        return write_map(path, self._of(model), **options)

    def feed(
        self, users: Keys, k: int = 10, *, half_life_days: float = 7.0, now: float | None = None
    ) -> pd.DataFrame:
        """Return what users' friends took lately, unseen only; see `graphrec.online.feed.feed`."""
        return feed(self.store, self.schema, users, k, half_life_days=half_life_days, now=now)

    def people_who_like(self, item: str | int, user: str | int | None = None, k: int = 10) -> pd.DataFrame:
        """Return people who have an item; see `graphrec.online.feed.people_who_like`."""
        return people_who_like(self.store, self.schema, item, user, k)

    def friends(self, users: Keys, k: int = 10, *, now: float | None = None) -> pd.DataFrame:
        """Return the people suggested to users, as far as they may be suggested now; see `graphrec.friends.read`."""
        return friends(self.store, self.schema, users, k, now=now)

    def suggest_friends(self, config: Friends | None = None, **options: Any) -> Report:
        """Rank people for users and write the lists into the graph; see `graphrec.friends.job.suggest_friends`.

        ``options`` are the fields of `graphrec.friends.job.Run`, and what `suggest_friends` takes besides.
        """
        from graphrec.social.friends import Friends  # needs the extra "friends"

        fields = {name: options.pop(name) for name in ("k", "days", "cap", "users") if name in options}
        return suggest_friends(self.store, self.schema, config or Friends(), Run(**fields), **options)

    def decline(self, user: str | int, other: str | int) -> None:
        """Do not suggest somebody to a user again; see `graphrec.friends.read.decline`."""
        decline(self.store, self.schema, user, other)

    def _named(self, model: str | None) -> str:
        return live(self.store, model, self.schema, self.default).name

    def _of(self, model: str | None) -> Live:
        name = model if model in self._live else self._named(model)
        return self._live.setdefault(name, Live(self.store, self.schema, name))

    def cypher(self, name: str = "topk", *, model: str | None = None, **options: Any) -> str:
        """Return the Cypher of a recipe; see `graphrec.store.recipes.recipe`. Those on people need no model."""
        return any_recipe(self.store, self.schema, name, lambda: self._named(model), **options)

    def query(self, text: str, **parameters: Any) -> pd.DataFrame:
        """Run Cypher in the database's own dialect; it may write, except to a file open for reading only."""
        return cast("pd.DataFrame", self.store.query(text, parameters, write=True).to_pandas())

    # ---------------------------------------------------------------- files

    def export(self, folder: str | Path) -> dict[str, int]:
        """Write the graph to Parquet files; see `graphrec.publish.exchange.export_graph`."""
        return export_graph(self.store, self.schema, folder)

    def import_(self, folder: str | Path, *, progress: Progress = silent) -> dict[str, int]:
        """Read what `export` wrote; see `graphrec.publish.exchange.import_graph`."""
        return import_graph(self.store, self.schema, folder, progress=progress)

    # ---------------------------------------------------------------- life

    def close(self) -> None:
        """Release the database."""
        self.store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"Graph({self.store.capabilities.dialect} {self.store.capabilities.version}, {self.store!r})"
