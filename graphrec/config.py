"""``graphrec.toml``: what a project connects to, means, prepares, splits, fits and tunes; no secrets.

::

    [connection]
    url = "neo4j://localhost:7687"

    [schema.user]
    label = "Customer"
    key = "uuid"

    [schema.item]
    label = "Product"
    key = "sku"

    [[schema.interactions]]
    type = "BOUGHT"
    weight = "qty"
    time = "at"

    [model]
    kind = "fusion"
    name = "products"
    dim = 64

    [[prepare]]
    kind = "k-core"
    users = 5
    items = 5

    [split]
    rule = "leave-last-out"

    [friends]
    by = "blend"
    k = 20
    days = 7

    [[rerank]]
    kind = "mmr"
    share = 0.3

    [tune]
    budget = "30m"
    space = { dim = [64, 128], learning_rate = { low = 1e-3, high = 1e-1, log = true } }
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass, field
from inspect import signature
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.data.prepare import steps_of
from graphrec.data.split import split as split_data
from graphrec.errors import ArgumentError, near, problem
from graphrec.evaluation.metrics import parse_metric
from graphrec.models import from_name
from graphrec.rank.reranked import rerank_steps
from graphrec.schema import GraphSchema
from graphrec.store.recipes import check_model_name

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.data.prepare_steps import Step
    from graphrec.data.split import Split
    from graphrec.models import Model
    from graphrec.rank.rerank import Rerank

DEFAULT_PATH = Path("graphrec.toml")
METRIC = "ndcg@20"
_TABLES = ("connection", "schema", "prepare", "split", "model", "friends", "rerank", "tune")
_LISTS = ("prepare", "rerank")
_KEYS = {
    "connection": ("url", "database"),
    "split": tuple(signature(split_data).parameters)[1:],
    "tune": ("budget", "metric", "space", "trials"),
}
_TEXTS = (("connection", "url"), ("connection", "database"), ("split", "rule"), ("model", "kind"))


@dataclass(frozen=True)
class Config:
    """What a ``graphrec.toml`` says.

    Attributes:
        url: the database; None where the file does not say.
        database: Neo4j's database, or None.
        schema: what the labels mean.
        name: the published model's name.
        kind: the model's class by its name, such as ``"fusion"``.
        options: the model's own fields.
        rule: how to split for evaluation.
        split_options: further arguments of the split.
        prepare: the steps of preparation, in order.
        friends: fields of `graphrec.social.friends.Friends` and `graphrec.friends.job.Run`.
        rerank: the steps by which ``graphrec recommend`` puts lists into another order.
        tune: ``budget``, ``metric``, ``space`` and ``trials`` of a tuning, where the file says.
    """

    url: str | None = None
    database: str | None = None
    schema: GraphSchema = field(default_factory=GraphSchema)
    name: str = "graphrec"
    kind: str = "fusion"
    options: dict[str, Any] = field(default_factory=dict)
    rule: str = "leave-last-out"
    split_options: dict[str, Any] = field(default_factory=dict)
    prepare: tuple[Step, ...] = ()
    friends: dict[str, Any] = field(default_factory=dict)
    rerank: tuple[Rerank, ...] = ()
    tune: dict[str, Any] = field(default_factory=dict)

    @property
    def metric(self) -> str:
        """What is measured on the validation part: what a tuning compares, where that is a metric of lists."""
        metric: str = self.tune.get("metric", METRIC)
        return METRIC if parse_metric(metric).power else metric

    def split(self, data: Dataset) -> Split:
        """Return the dataset prepared and split as the file says."""
        return data.split(self.rule, prepare=self.prepare, **self.split_options)

    def model(self, kind: str | None = None, **options: Any) -> Model:
        """Return the configured model; ``kind`` and ``options`` override the file.

        Options of the file belong to the file's kind, so another kind starts from its defaults.
        """
        own = self.options if kind in (None, self.kind) else {}
        return from_name(kind or self.kind, **{**own, **options})


def read_config(path: str | Path | None = None) -> Config:
    """Read a configuration file.

    Args:
        path: the file; None reads ``graphrec.toml`` here where there is one, else gives the defaults.

    Raises:
        ArgumentError: the file is missing or is no TOML, a table or key is unknown, or it holds a secret.
        SchemaError: the schema is impossible.
    """
    if path is None and not DEFAULT_PATH.exists():
        return Config()
    path = Path(path or DEFAULT_PATH)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8-sig"))
    except (OSError, UnicodeError) as error:
        raise ArgumentError(f"`config` must be a readable file. Got {str(path)!r}: {error}.") from error
    except tomllib.TOMLDecodeError as error:
        raise ArgumentError(f"`config` must be TOML. {path}: {error}.") from error
    for name, content in tables.items():
        if name not in _TABLES or not isinstance(content, list if name in _LISTS else dict):
            form = f"[[{name}]]" if name in _LISTS else f"[{name}]"
            hint = f"Write it as {form}." if name in _TABLES else near(name, _TABLES)
            raise ArgumentError(problem("config", "must hold tables of known names", name, hint))
    for secret in ("password", "auth", "user", "token"):
        if secret in tables.get("connection", {}):
            remedy = "Set GRAPHREC_NEO4J_USER and GRAPHREC_NEO4J_PASSWORD."
            raise ArgumentError(f"`connection.{secret}` must not stand in a file. {remedy}")
    for table, known in _KEYS.items():
        for name in tables.get(table, {}):
            if name not in known:
                raise ArgumentError(problem(table, "must hold known keys", name, near(name, known)))
    for table, name in _TEXTS:
        value = tables.get(table, {}).get(name, "")
        if not isinstance(value, str):
            raise ArgumentError(problem(f"{table}.{name}", "must be text", value, "Put it in quotes."))
    connection, model, split = (dict(tables.get(name, {})) for name in ("connection", "model", "split"))
    chosen = {"name": check_model_name(model.pop("name", Config.name)), "kind": model.pop("kind", Config.kind)}
    return Config(
        url=connection.get("url"),
        database=connection.get("database"),
        schema=GraphSchema(**tables.get("schema", {})),
        options=model,
        rule=split.pop("rule", Config.rule),
        split_options=split,
        prepare=steps_of(tables.get("prepare", ())),
        friends=dict(tables.get("friends", {})),
        rerank=rerank_steps(tables.get("rerank")),
        tune=dict(tables.get("tune", {})),
        **chosen,
    )
