"""What is refused: with an error that names argument, rule, value and remedy, and the graph as it was."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from everything import everything
from neo4j_server import LTS, empty_store, versions
from planted import known_model

from graphrec.data.tables import NodeTable
from graphrec.errors import (
    ArgumentError,
    DataError,
    ModelError,
    PublishError,
    SchemaError,
    StoreError,
    UnknownKeyError,
)
from graphrec.graph import Graph
from graphrec.models import LightGCN
from graphrec.schema import Attribute, Filter, GraphSchema, Interaction, Node
from graphrec.store.ladybug import LadybugStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from graphrec.data.dataset import Dataset
    from graphrec.models import FittedVectors

USER, ITEM = Node("User", key="user_id"), Node("Item", key="item_id", properties=["price"])
RATED = Interaction("RATED", weight="stars", time="at")
OF = Attribute("OF", to=Node("Genre", key="name"))
SCHEMA = GraphSchema(USER, ITEM, [RATED], [OF], filters=[Filter("cheap", "item.price <= $limit")])
USERS, ITEMS = [f"u{i}" for i in range(6)], [*(f"i{i}" for i in range(8)), "i10", "i11"]


@dataclass
class World:
    """A loaded graph with one published model, and a folder for files."""

    graph: Graph
    data: Dataset
    model: FittedVectors
    folder: Path

    def load(self, nodes: Any = None, edges: Any = None, **options: Any) -> None:
        self.graph.load(nodes, edges, **options)

    def users(self, keys: Any, **options: Any) -> None:
        self.load({"User": pd.DataFrame({"user_id": keys})}, **options)

    def rated(self, n: int = 1, **columns: Any) -> None:
        """Load rows that are good but for these columns, behind nodes that are good."""
        frame = pd.DataFrame({"source": ["u0"] * n, "target": ["i1"] * n, "stars": [1.0] * n, "at": [5] * n})
        self.load({"User": pd.DataFrame({"user_id": ["new"]})}, {"RATED": frame.assign(**columns)})

    def file(self, name: str, content: bytes) -> Path:
        (self.folder / name).write_bytes(content)
        return self.folder / name

    def ask(self, users: Any = ("u0",), k: Any = 3, **options: Any) -> None:
        self.graph.recommend(users, k, **options)

    def read(self, **change: Any) -> None:
        Graph(self.graph.store, SCHEMA.model_copy(update=change)).dataset()

    def publish(self, **change: Any) -> None:
        self.graph.publish(replace(self.model, **change), "m")


@pytest.fixture(scope="module", params=["ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("world")
    if request.param == "neo4j":
        server = request.getfixturevalue("neo4j_servers")(LTS if LTS in versions() else versions()[0])
        opened = empty_store(server)
    else:
        opened = LadybugStore(folder / "g.lbug", buffer_pool_mb=256)
    with opened as store:
        graph = Graph(store, SCHEMA)
        pairs = [(u, i) for a, u in enumerate(USERS) for b, i in enumerate(ITEMS) if (a + b) % 3 == 0]
        graph.load(
            {
                "User": pd.DataFrame({"user_id": USERS}),
                "Item": pd.DataFrame({"item_id": ITEMS, "price": np.arange(10.0)}),
                "Genre": pd.DataFrame({"name": ["x", "y"]}),
            },
            {
                "RATED": pd.DataFrame(pairs, columns=["source", "target"]).assign(stars=1.0, at=range(len(pairs))),
                "OF": pd.DataFrame({"source": ITEMS, "target": ["x", "y"] * 5}),
            },
        )
        data = graph.dataset()
        model = known_model(data)
        graph.publish(model, "m")
        yield World(graph, data, model, folder)


CASES: list[Any] = []


def refused(name: str, act: Callable[[World], object], error: type[Exception], *says: str) -> None:
    CASES.append(pytest.param(act, error, says, id=name))


# ---------------------------------------------------------------- keys

refused(
    "null key", lambda w: w.users(["new", None]), DataError, "nodes['User']", "'user_id' must not be null", "row 1"
)
refused("null end", lambda w: w.rated(source=[None]), DataError, "edges['RATED']", "'source' must not be null")
refused("empty key", lambda w: w.users([""]), DataError, "must not be empty text")
refused("key of 10 kB", lambda w: w.users(["x" * 10_240]), DataError, "at most 8,000 bytes", "such as a hash")
refused("keys of mixed type", lambda w: w.users(["a", 1]), DataError, "'user_id'", "one type", "Got 1", "astype")
refused(
    "keys of another type", lambda w: w.users([1]), DataError, "must hold string keys", "Got integer", "astype(str)"
)
refused("float keys", lambda w: w.users([1.5]), DataError, "text or whole numbers", "Got floats")
refused(
    "doubled key, by rule", lambda w: w.users(["n", "n"], on_duplicate="raise"), DataError, "each key once", "'n'"
)
refused(
    "unknown end", lambda w: w.rated(source=["zoe"]), UnknownKeyError, "'zoe'", "on_missing", "Nothing was written"
)

# ---------------------------------------------------------------- weights and times

refused("NaN weight", lambda w: w.rated(stars=[np.nan]), DataError, "edges['RATED']", "'stars'", "finite", "Drop")
refused("infinite weight", lambda w: w.rated(stars=[-np.inf]), DataError, "'stars' must hold finite", "-inf")
refused("weight as text", lambda w: w.rated(stars=["five"]), DataError, "'stars' must hold numbers", "to_numeric")
refused("time as rubbish", lambda w: w.rated(at=["soon"]), DataError, "'at'", "ISO 8601", "'soon'", "to_datetime")
refused("time in ms", lambda w: w.rated(at=[1_700_000_000_000]), DataError, "epoch seconds", "// 1000")
refused("time with a fraction", lambda w: w.rated(at=[1.5]), DataError, "'at' must be whole epoch seconds", "1.5")
refused("boolean time", lambda w: w.rated(at=[True]), DataError, "'at'", "values of type bool")

# ---------------------------------------------------------------- columns, frames, files

ends = pd.DataFrame({"source": ["u0"], "target": ["i1"]})
refused(
    "missing weight", lambda w: w.load(None, {"RATED": ends.assign(at=1)}), DataError, "'stars'", "'target', 'at'"
)
refused("missing end", lambda w: w.load(None, {"RATED": ends[["target"]]}), DataError, "source and target", "Rename")
refused(
    "missing key", lambda w: w.load({"User": pd.DataFrame({"id": ["a"]})}), DataError, "'user_id'", "columns 'id'"
)
refused("no columns", lambda w: w.load({"User": pd.DataFrame()}), DataError, "'user_id'", "an empty frame")
double = pa.table([["a"], ["b"]], names=["user_id"] * 2)
refused("two columns of one name", lambda w: w.load({"User": double}), DataError, "two columns of one name", "Rename")
lists = pd.DataFrame({"item_id": ["i0"], "tags": [[["a"]]]})
refused(
    "lists of lists as a property", lambda w: w.load({"Item": lists}), DataError, "'tags' must hold text", "list<"
)
refused("column name with NUL", lambda w: w.load({"User": pd.DataFrame({"user_id": ["a"], "x\0": [1]})}), DataError,
        "without NUL", "Rename")  # fmt: skip
refused("duplicates, by rule", lambda w: w.load(None, {"RATED": pd.concat([ends] * 2).assign(stars=1, at=1)},
        on_duplicate="raise"), DataError, "each source and target once", "on_duplicate")  # fmt: skip
refused("unknown label", lambda w: w.load({"user": ends}), ArgumentError, "`nodes`", "'user'", "Did you mean 'User'")
refused("unknown type", lambda w: w.load(None, {"RATE": ends}), ArgumentError, "`edges`", "Did you mean 'RATED'")
refused(
    "a frame without its name", lambda w: w.load(ends), ArgumentError, "`nodes`", "'DataFrame'", "{'User': frame}"
)
refused("no frame", lambda w: w.load({"User": 7}), ArgumentError, "nodes['User']", "pandas or polars", "'int'")
refused("unknown rule", lambda w: w.users(["a"], on_duplicate="mean"), ArgumentError, "`on_duplicate`", "'mean'")
refused("no duplicates rule", lambda w: w.users(["a"], on_duplicate=None), ArgumentError, "`on_duplicate`", "None")
refused("unknown on_error", lambda w: w.users(["a"], on_error="shrug"), ArgumentError, "`on_error`", "'shrug'")
refused(
    "no such file", lambda w: w.load({"User": w.folder / "users.csv"}), ArgumentError, "nodes['User']", "users.csv"
)
refused("unknown kind of file", lambda w: w.load({"User": w.file("x.txt", b"a")}), ArgumentError, ".parquet or .csv")
refused("CSV with a broken row", lambda w: w.load({"User": w.file("x.csv", b"user_id,a\nu0,1\nu1\n")}), DataError,
        "nodes['User']", "Expected 2 columns, got 1")  # fmt: skip
refused("CSV that is empty", lambda w: w.load({"User": w.file("y.csv", b"")}), DataError, "Empty CSV")
refused("CSV that is not UTF-8", lambda w: w.load({"User": w.file("z.csv", b"user_id\n\xe9\n")}), DataError, "UTF8")
refused(
    "no Parquet", lambda w: w.load({"User": w.file("x.parquet", b"hello")}), DataError, "Parquet", "readable file"
)
refused("an export that is none", lambda w: w.graph.import_(w.folder), ArgumentError, "`folder`", "manifest.json")
refused("an export into a full folder", lambda w: w.graph.export(w.folder), ArgumentError, "new or empty", "Choose")

# ---------------------------------------------------------------- schema against the graph

refused("schema: label", lambda w: w.read(user=Node("Usr", "user_id")), SchemaError, "no label 'Usr'",
        "Did you mean 'User'", "The graph holds: Genre (2: name)")  # fmt: skip
refused(
    "schema: key", lambda w: w.read(item=Node("Item", "itemid")), SchemaError, "no property 'itemid'", "'item_id'"
)
refused("schema: type", lambda w: w.read(interactions=(Interaction("RATES"),)), SchemaError, "'RATES'", "'RATED'")
refused(
    "schema: weight", lambda w: w.read(interactions=(Interaction("RATED", weight="star"),)), SchemaError, "'stars'"
)
refused("schema: turned round", lambda w: w.read(user=ITEM, item=USER), SchemaError, "does not run from 'Item'",
        "Found: ('User')->('Item')")  # fmt: skip

# ---------------------------------------------------------------- publishing

refused("model of another graph", lambda w: w.publish(items=NodeTable("Item", pa.array([f"x{i}" for i in range(10)]),
        pa.table({}))), ModelError, "belongs to another graph", "10 'Item' keys", "Fit it on this graph")  # fmt: skip
refused(
    "model of another label", lambda w: w.publish(users=replace(w.model.users, label="P")), ModelError, "label 'P'"
)
refused("NaN in a vector", lambda w: w.publish(user_vectors=np.full((6, 8), np.nan, np.float32)), ModelError,
        "`user_vectors`", "finite", "Fit again")  # fmt: skip
refused(
    "a model that is not fitted", lambda w: w.graph.publish(LightGCN()), ArgumentError, "`model`", "Call fit(data)"
)
refused("Cypher as a model's name", lambda w: w.graph.publish(w.model, "m`}) DETACH DELETE n //"), ArgumentError,
        "`name`", "a letter followed by")  # fmt: skip
refused("rollback of nothing", lambda w: w.graph.rollback("m"), PublishError, "no version to roll back to", "Publish")
refused("rollback of nobody", lambda w: w.graph.rollback("M"), UnknownKeyError, "`model`", "'M'", "Known: 'm'")

# ---------------------------------------------------------------- lists

for k in (0, -1, 2.5, "3", None, True):
    refused(
        f"k = {k!r}", lambda w, k=k: w.ask(k=k), ArgumentError, "`k` must be a whole number of at least 1", repr(k)
    )
refused("k = 0, similar", lambda w: w.graph.similar(["i0"], 0), ArgumentError, "`k`")
refused("users as text", lambda w: w.ask("u0"), ArgumentError, "`users` must be a list", "'u0'")
refused("users as a frame", lambda w: w.ask(pd.DataFrame({"user": ["u0"]})), ArgumentError, "`users` must be a list")
refused("users of mixed type", lambda w: w.ask(["u0", 1]), DataError, "`users`", "one type")
refused("null user", lambda w: w.ask([None]), DataError, "`users` must not hold nulls")
refused("unknown user", lambda w: w.ask(["u0", "zoe"]), UnknownKeyError, "`users`", "'zoe'", "on_unknown")
refused("user of another type", lambda w: w.ask([1]), UnknownKeyError, "`users`", "[1]", "on_unknown")
refused("new user without items", lambda w: w.ask([[]]), UnknownKeyError, "`users`", "on_unknown")
refused(
    "new user, unknown item", lambda w: w.ask([["zz"]]), UnknownKeyError, "`users`", "'zz'", "such as ['i0', 'i1']"
)
refused("unknown item", lambda w: w.graph.similar(["zz"]), UnknownKeyError, "`items`", "'zz'")
refused("unknown model", lambda w: w.ask(model="M"), UnknownKeyError, "`model`", "'M'", "Known: 'm'")
refused("model that is no name", lambda w: w.ask(model=3), UnknownKeyError, "`model`", "3", "Known: 'm'")
refused("include as text", lambda w: w.ask(include="i0"), ArgumentError, "`include` must be a list", "'i0'")
refused("exclude of another type", lambda w: w.ask(exclude=[1]), ArgumentError, "`exclude`", "[1]", "such as ['i0'")
refused("unknown filter", lambda w: w.ask(where={"OFF": "x"}), ArgumentError, "`where`", "Did you mean 'OF'")
refused("where as text", lambda w: w.ask(where="OF"), ArgumentError, "`where` must give values by name", "'OF'")
refused(
    "filter without its value", lambda w: w.ask(where={"cheap": {"limt": 3}}), ArgumentError, "['limit']", "'limt'"
)
refused("filter of an object", lambda w: w.ask(where={"cheap": object()}), ArgumentError, "`where`", "'cheap'")
refused("unknown way", lambda w: w.ask(via="magic"), ArgumentError, "`via`", "'magic'", "'database'")
refused("unknown on_unknown", lambda w: w.ask(on_unknown="shrug"), ArgumentError, "`on_unknown`", "'shrug'", "'warn'")
refused("a recipe of no model", lambda w: w.graph.cypher(model="x"), UnknownKeyError, "must name a published model")
refused("unknown recipe", lambda w: w.graph.cypher("topq"), ArgumentError, "Did you mean 'topk'")
refused("unknown filter in Cypher", lambda w: w.graph.cypher(where=["zz"]), ArgumentError, "`where`", "'OF', 'cheap'")
refused("broken Cypher", lambda w: w.graph.query("MATCH (n"), StoreError, "refused", "Invalid input")


@pytest.mark.parametrize(("act", "error", "says"), CASES)
def test_refused_and_the_graph_is_as_it_was(
    world: World, act: Callable[[World], object], error: type[Exception], says: tuple[str, ...]
) -> None:
    before = everything(world.graph.store)
    with pytest.raises(error) as caught:
        act(world)
    assert type(caught.value) is error
    for part in says:
        assert re.search(re.escape(part), str(caught.value)), (part, str(caught.value))
    assert len(str(caught.value)) < 1_500
    assert everything(world.graph.store) == before


def test_there_are_enough_cases_and_the_graph_still_answers(world: World) -> None:
    assert len(CASES) >= 60
    assert len(world.graph.recommend(["u0"], 3)) == 3


@pytest.mark.parametrize("columns", [{"price": ["cheap"]}, {"Price": [1.0]}])
def test_a_property_that_a_graph_file_cannot_hold_is_refused_before_anything_is_written(
    tmp_path: Path, columns: dict[str, list[Any]]
) -> None:
    with LadybugStore(tmp_path / "g.lbug", buffer_pool_mb=256) as store:
        graph = Graph(store, SCHEMA)
        graph.load(
            {"Item": pd.DataFrame({"item_id": ["i0"], "price": [1.0]}), "User": pd.DataFrame({"user_id": ["a"]})}
        )
        before = everything(store)
        with pytest.raises(DataError, match="price"):
            graph.load(
                {"User": pd.DataFrame({"user_id": ["b"]}), "Item": pd.DataFrame({"item_id": ["i0"], **columns})}
            )
        assert everything(store) == before
