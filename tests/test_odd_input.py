"""What is odd and accepted, with its exact result, on both databases."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from planted import oracle

from graphrec.errors import DataError, SchemaError
from graphrec.graph import Graph
from graphrec.models import LightGCN, Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from graphrec.data.dataset import Dataset
    from graphrec.store.protocol import GraphStore

SCHEMA = GraphSchema(Node("U", "id"), Node("I", "id"), [Interaction("R", weight="w", time="t")])
U, I = pd.DataFrame({"id": ["u1", "u2"]}), pd.DataFrame({"id": ["i1", "i2", "i3"]})  # noqa: E741
ODD_KEYS = [
    "it's",
    'quo"te',
    "new\nline",
    "tab\t",
    "emoji 🦄",
    "`tick`",
    "\\u0060",
    " spaced ",
    "$k",
    "x" * 8_000,
    "Ώ",
    "0",
]


@pytest.fixture
def graph(any_store: GraphStore) -> Graph:
    return Graph(any_store, SCHEMA)


def rated(source: Any = ("u1",), target: Any = ("i1",), w: Any = (1.0,), t: Any = (5,)) -> dict[str, pd.DataFrame]:
    return {"R": pd.DataFrame({"source": list(source), "target": list(target), "w": list(w), "t": list(t)})}


def random_model(data: Dataset, seed: int = 0, dim: int = 8) -> FittedVectors:
    rng = np.random.default_rng(seed)
    users, items = rng.normal(size=(len(data.users), dim)), rng.normal(size=(len(data.items), dim))
    return FittedVectors.of(Popularity(), data, users.astype(np.float32), items.astype(np.float32))


def rows(graph: Graph) -> list[tuple[Any, ...]]:
    frame = graph.dataset().frame("R").sort_values(["source", "target"])
    return [tuple(None if pd.isna(x) else x for x in row) for row in frame.itertuples(index=False)]


@pytest.mark.parametrize(
    ("columns", "options", "found"),
    [
        pytest.param({"w": [0.0]}, {}, (0.0, 5), id="zero weight"),
        pytest.param({"w": [-2.5]}, {}, (-2.5, 5), id="negative weight"),
        pytest.param({"w": [3]}, {}, (3.0, 5), id="whole weight"),
        pytest.param({"t": ["2024-05-31T12:00:00Z"]}, {}, (1.0, 1_717_156_800), id="time as ISO text"),
        pytest.param({"t": ["2024-05-31"]}, {}, (1.0, 1_717_113_600), id="time as a date"),
        pytest.param({"t": pd.to_datetime(["2024-05-31 14:00+02"])}, {}, (1.0, 1_717_156_800), id="time with a zone"),
        pytest.param({"t": [4_102_444_800]}, {}, (1.0, 4_102_444_800), id="future time"),
        pytest.param({"t": [-86_400]}, {}, (1.0, -86_400), id="negative time"),
        pytest.param({"source": ["u1", "u1"], "target": ["i1", "i1"], "w": [3, 1], "t": [5, 4]},
                     {}, (1.0, 4), id="last"),
        pytest.param({"source": ["u1", "u1"], "target": ["i1", "i1"], "w": [3, 1], "t": [5, 4]},
                     {"on_duplicate": "sum"}, (4.0, 5), id="sum"),
        pytest.param({"source": ["u1", "u1"], "target": ["i1", "i1"], "w": [3, 1], "t": [5, 4]},
                     {"on_duplicate": "max"}, (3.0, 5), id="max"),
        pytest.param({"source": ["u1", "zoe"], "target": ["i1", "i1"], "w": [1, 1], "t": [5, 5]},
                     {"on_missing": "skip"}, (1.0, 5), id="unknown end, skipped"),
        pytest.param({"source": ["u1", None], "target": ["i1", "i2"], "w": [1, 1], "t": [5, 5]},
                     {"on_error": "skip"}, (1.0, 5), id="null key, skipped"),
    ],
)  # fmt: skip
def test_one_relationship(
    graph: Graph, columns: dict[str, Any], options: dict[str, Any], found: tuple[Any, Any]
) -> None:
    graph.load({"U": U, "I": I}, rated(**columns), **options)
    assert rows(graph) == [("u1", "i1", *found)]


def test_a_relationship_without_a_time(graph: Graph) -> None:
    graph.load({"U": U, "I": I}, rated(["u1", "u2"], ["i1", "i2"], [1.0, 2.0], [None, 7]))
    assert rows(graph) == [("u1", "i1", 1.0, None), ("u2", "i2", 2.0, 7)]


def test_odd_keys_come_back_and_are_recommended(graph: Graph) -> None:
    items = [f"{key}!"[-8_000:] for key in ODD_KEYS]
    frame = rated(ODD_KEYS, items, [1.0] * len(items), [5] * len(items))
    graph.load({"U": pd.DataFrame({"id": ODD_KEYS}), "I": pd.DataFrame({"id": items})}, frame)
    data = graph.dataset()
    assert data.users.keys.to_pylist() == pa.array(ODD_KEYS).sort().to_pylist()
    assert {(s, t) for s, t, *_ in rows(graph)} == set(zip(ODD_KEYS, items, strict=True))
    LightGCN(dim=4, epochs=1).fit(data, progress=False)
    model = random_model(data)
    graph.publish(model, "m")
    lists = graph.recommend(ODD_KEYS, 20)
    text = graph.cypher("topk")
    for user, item in zip(ODD_KEYS, items, strict=True):
        best = oracle(model, model.user_vectors[model.users.rows([user])[0]], {item}, 20)
        assert list(lists[lists.user == user].item) == best
        assert list(graph.query(text, user=user, k=20).item_id) == best


NAMES = ["a `b", "`) DETACH DELETE n //", 'it\'s "so" 🦄', "\\u0060", "`@item`/*@hiding*/"]


@pytest.mark.parametrize("odd", NAMES)
def test_names_with_cypher_in_them_are_only_names(any_store: GraphStore, odd: str) -> None:
    """The whole loop under odd names; a node that nothing names is there to the end."""
    schema = GraphSchema(
        Node(f"{odd} user", odd),
        Node(f"{odd} item", odd, properties=[f"{odd} title"]),
        [Interaction(odd, weight=f"{odd} w", time=f"{odd} t"), Interaction(f"{odd} hid")],
        [Attribute(f"{odd} of", to=Node(f"{odd} tag", odd))],
    )
    if any_store.capabilities.dialect == "ladybug":
        any_store.query("CREATE NODE TABLE Canary(id STRING PRIMARY KEY)", write=True)
    any_store.query("CREATE (:Canary {id: 'sings'})", write=True)
    graph = Graph(any_store, schema)
    users, items = ["u1", "u2", "u3"], ["i1", "i2", "i3", "i4", "i10", "i11"]
    pairs = pd.DataFrame({"source": users, "target": items[:3]})
    graph.load(
        {
            f"{odd} user": pd.DataFrame({odd: users}),
            f"{odd} item": pd.DataFrame({odd: items, f"{odd} title": items}),
            f"{odd} tag": pd.DataFrame({odd: [odd]}),
        },
        {
            odd: pairs.assign(**{f"{odd} w": 2.0, f"{odd} t": 7}),
            f"{odd} hid": pd.DataFrame({"source": ["u1"], "target": ["i2"]}),
            f"{odd} of": pd.DataFrame({"source": items[2:], "target": [odd] * 4}),
        },
    )
    data = graph.dataset()
    assert data.frame(odd)[["weight", "time"]].to_numpy().tolist() == [[2.0, 7.0]] * 3
    LightGCN(dim=2, epochs=1).fit(data, progress=False)
    for seed, dim in ((0, 8), (1, 5)):  # another width over the same names
        model = random_model(data, seed, dim)
        graph.publish(model, "m")
    vector = model.user_vectors[0]
    expected = oracle(model, vector, {"i1", "i2"}, 9)
    assert list(graph.recommend(["u1"], 9).item) == expected
    assert list(graph.query(graph.cypher(), user="u1", k=9).item_id) == expected
    tagged = oracle(model, vector, {"i1", "i2"}, 9, lambda item: item not in ("i1", "i2"))
    for via in ("memory", "database"):
        assert list(graph.recommend(["u1"], 9, where={f"{odd} of": odd}, via=via).item) == tagged
    assert len(graph.similar(["i1"], 9)) == 5
    assert graph.query("MATCH (c:Canary) RETURN c.id AS id").id.to_list() == ["sings"]


def test_vectors_of_another_width(graph: Graph) -> None:
    graph.load({"U": U, "I": pd.DataFrame({"id": [f"i{i:02}" for i in range(12)]})}, rated(target=["i01"]))
    data = graph.dataset()
    text = None
    for seed, dim in enumerate((8, 5, 5, 8, 1)):
        model = random_model(data, seed, dim)
        graph.publish(model, "m")
        text = text or graph.cypher()  # rendered once, by an application
        expected = oracle(model, model.user_vectors[0], {"i01"}, 20)
        assert list(graph.recommend(["u1"], 20).item) == expected
        assert list(graph.query(text, user="u1", k=20).item_id) == expected


def test_users_without_items_and_lists_of_nothing(graph: Graph) -> None:
    graph.load({"U": U, "I": I}, rated(["u2"]))
    data = graph.dataset()
    assert (len(data.users), len(data.items), data.interactions().nnz) == (2, 3, 1)
    model = random_model(data)
    graph.publish(model, "m")
    best = oracle(model, model.user_vectors[0], set(), 3)
    for via in ("memory", "database"):
        for k in (3, 4, 10**6, 2**62):
            assert list(graph.recommend(["u1"], k, via=via).item) == best
        assert graph.recommend(["u1"], include=[], via=via).empty
        assert graph.recommend([], via=via).empty
        assert list(graph.recommend(["u1", "u1"], 1, via=via).user) == ["u1"]
    assert list(graph.similar(["i1"], 2**62).item) == ["i1", "i1"]


def test_without_interactions_there_is_nothing_to_learn(graph: Graph) -> None:
    """Neo4j does not know a relationship type that nothing has; a graph file does."""
    graph.load({"U": U, "I": I}, {"R": rated()["R"].head(0)})
    says = r"There is no relationship type 'R'|must hold interactions to learn from"
    with pytest.raises((SchemaError, DataError), match=says):
        LightGCN(epochs=1).fit(graph.dataset())


def test_one_user_with_the_only_item(graph: Graph) -> None:
    graph.load({"U": U.head(1), "I": I.head(1)}, rated())
    data = graph.dataset()
    with pytest.raises(DataError, match="Every user has every item"):
        LightGCN(epochs=1).fit(data)
    graph.publish(random_model(data), "m")
    assert graph.recommend(["u1"], 5).empty
    assert list(graph.recommend(["u1"], 5, exclude_seen=False).item) == ["i1"]


def test_weights_and_learning(graph: Graph) -> None:
    """Negative weights load; weighted LightGCN refuses them, plain LightGCN counts each as one."""
    graph.load({"U": U, "I": I}, rated(["u1", "u2"], ["i1", "i2"], [-1.0, 2.0], [1, 2]))
    data = graph.dataset()
    with pytest.raises(DataError, match=r"finite weights of at least 0. Got -1.0. Mend them, or use weighted=False"):
        LightGCN(epochs=1, weighted=True).fit(data)
    assert np.isfinite(LightGCN(dim=2, epochs=1).fit(data, progress=False).user_vectors).all()


def test_an_empty_frame_changes_nothing(graph: Graph) -> None:
    for _ in range(2):
        report = graph.load({"U": U.head(0), "I": I}, {"R": rated()["R"].head(0)})
        assert [(row.read, row.written) for row in report.rows] == [(0, 0), (3, 3), (0, 0)]
    assert len(graph.store.keys(SCHEMA.user)) == 0
