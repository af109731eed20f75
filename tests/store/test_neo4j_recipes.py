"""The recipes on real servers, against ten lines of numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from neo4j_server import empty_store

from graphrec.publish.lift import lift, query, scale_for
from graphrec.schema import Attribute, Filter, GraphSchema, Interaction, Node
from graphrec.store.protocol import Chunk, Fence
from graphrec.store.recipes import condition_parameters, recipe

if TYPE_CHECKING:
    from collections.abc import Iterator

    from neo4j_server import Neo4jServer
    from numpy.typing import NDArray

    from graphrec.store.neo4j import Neo4jStore

SCHEMA = GraphSchema(
    user=Node("My user", key="id"),
    item=Node("Item", key="sku"),
    interactions=[Interaction("SAW"), Interaction("BOUGHT"), Interaction("LIKED", hides=False)],
    attributes=[Attribute("IN", to=Node("Shelf", key="no"))],
    filters=[Filter("cheap", "item.price < $most")],
)
N, D = 300, 8
NONE = ["all but three", "nothing", "zero", "no vector"]


class World:
    """Items, users and what they saw, as arrays.

    ``x`` has zero vectors, equal ones, small integers, and such as score nearly 52 with "ones": equal in six digits,
    but not in the last bits of 32.
    """

    def __init__(self) -> None:
        rng = np.random.default_rng(7)
        self.keys = [f"i{n}" if n % 3 else f"é{n}" for n in range(N)]
        self.x = rng.normal(size=(N, D)).astype(np.float32) * rng.lognormal(0, 0.7, (N, 1)).astype(np.float32)
        self.x[50:130] = self.x[40]  # 81 items share each score, more than any margin
        self.x[130:140] = 0
        self.x[140:200] = rng.integers(-2, 3, (60, D))
        self.x[250:290] = np.linspace(0.5, 12.5, D)
        self.x[250:290, -1] += np.arange(40) * np.float32(2**-20)
        self.users = {
            "u": rng.normal(size=D),
            "ones": np.ones(D),
            "all but three": rng.normal(size=D),
            "nothing": -np.ones(D),
        }
        self.seen = {"u": range(200, 260), "ones": range(3), "all but three": range(3, N), "nothing": range(0)}
        self.fold_in = rng.normal(size=(N, D)).astype(np.float32)
        self.price = np.arange(N) % 10

    def list(
        self, q: NDArray[np.float64], k: int, hidden: object = (), cosine: bool = False
    ) -> list[tuple[str, float]]:
        x = self.x[:290].astype(np.float64)  # the last ten items have no vector
        scores = x @ q.astype(np.float64)
        left = set(range(290)) - set(hidden)  # type: ignore[call-overload]
        if cosine:
            lengths = np.linalg.norm(x, axis=1)
            left -= set(np.flatnonzero(lengths == 0))
            scores = scores / np.where(lengths > 0, lengths, 1) / np.linalg.norm(q)
        rounded = [float(f"{score:.5e}") for score in scores]
        return [
            (self.keys[i], scores[i]) for i in sorted(left, key=lambda i: (-rounded[i], self.keys[i].encode()))[:k]
        ]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def store(neo4j_server: Neo4jServer, world: World) -> Iterator[Neo4jStore]:
    with empty_store(neo4j_server) as store:
        user, item, edges = SCHEMA.user, SCHEMA.item, SCHEMA.relationships
        for node in (user, item):
            store.prepare_node(node, pa.schema([]))
        store.upsert_nodes(user, pa.table({"key": [*world.users, "zero", "no vector"]}), Chunk("u", 0))
        store.upsert_nodes(item, pa.table({"key": world.keys, "price": world.price}), Chunk("i", 0))
        for number, (name, seen) in enumerate(world.seen.items()):
            half = [world.keys[i] for i in seen]
            for part, type in enumerate(("SAW", "BOUGHT")):  # some seen twice
                rows = half[: 2 * len(half) // 3] if part else half[len(half) // 3 :]
                table = pa.table(
                    {"source": pa.array([name] * len(rows), pa.string()), "target": pa.array(rows, pa.string())}
                )
                store.upsert_edges(edges[type], table, Chunk(type, number))
        store.upsert_edges(edges["LIKED"], pa.table({"source": ["u"], "target": ["i1"]}), Chunk("l", 0))
        store.query("MATCH (i:Item) WHERE i.price = 3 MERGE (s:Shelf {no: 3}) CREATE (i)-[:IN]->(s)", write=True)

        fence, scale = Fence("m", "t", 1.0), scale_for(world.x)
        store.update_model(
            "m", None, {"lock": "t", "live": "b", "version": 2, "dim": D, "scale": scale, "created": "x"}
        )
        order = np.argsort(-np.linalg.norm(world.x[:290], axis=1), kind="stable")
        keys = pa.array(world.keys).take(pa.array(order))
        for slot in "ab":
            store.prepare_vectors(item, f"m_{slot}", D + 1, index=True)
            store.prepare_vectors(user, f"m_{slot}", D + 1, index=False)
        store.write_vectors(item, "m_b", keys, lift(world.x[order], scale), fence)
        store.write_vectors(item, "m_a", keys, np.ones((290, D + 1), np.float32), fence)  # the slot that is not live
        store.write_vectors(item, "m_b_in", keys, world.fold_in[order], fence)
        q = np.array([*world.users.values(), np.zeros(D)], np.float32)
        store.write_vectors(user, "m_b", pa.array([*world.users, "zero"]), query(q), fence)
        yield store


def run(store: Neo4jStore, name: str, *, k: int = 20, **asked: object) -> list[tuple[str, float]]:
    parameters = {
        key: asked.pop(key)
        for key in ("user", "item", "items", "include", "exclude", "most", "attribute_0")
        if key in asked
    }
    options = {key: True for key in ("include", "exclude") if key in parameters}
    text = recipe("neo4j", name, SCHEMA, "m", **options, **asked)  # type: ignore[arg-type]
    return [tuple(row.values()) for row in store.query(text, {**parameters, "k": k}).to_pylist()]


def check(found: list[tuple[str, float]], expected: list[tuple[str, float]]) -> None:
    assert [key for key, _ in found] == [key for key, _ in expected]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("name", ["topk", "topk_index"])
@pytest.mark.parametrize("user", ["u", "ones", "all but three", "nothing"])
@pytest.mark.parametrize("k", [1, 20, 1000])
def test_unseen_items_of_a_user(store: Neo4jStore, world: World, name: str, user: str, k: int) -> None:
    expected = world.list(world.users[user].astype(np.float32), k, world.seen[user])
    found = run(store, name, user=user, k=k)
    if name == "topk" or user == "all but three":
        check(found, expected)
    assert not {key for key, _ in found} & {world.keys[i] for i in world.seen[user]}
    if name == "topk_index" and k == 20 and user in ("u", "ones"):
        assert len(dict(found).keys() & dict(expected).keys()) >= 15


@pytest.mark.parametrize("name", ["topk", "topk_index"])
@pytest.mark.parametrize("user", ["zero", "no vector", "unknown", 1, None])
def test_users_of_whom_nothing_is_known(store: Neo4jStore, name: str, user: object) -> None:
    assert run(store, name, user=user) == []


def test_seen_items_when_asked_for(store: Neo4jStore, world: World) -> None:
    check(
        run(store, "topk", user="all but three", exclude_seen=False),
        world.list(world.users["all but three"].astype(np.float32), 20),
    )


def test_include_exclude_and_conditions(store: Neo4jStore, world: World) -> None:
    q, seen = world.users["u"].astype(np.float32), set(world.seen["u"])
    rows = set(range(N))
    some, gone = set(range(100, 290)), set(range(150, 180))
    cheap, shelf = set(np.flatnonzero(world.price < 5)), set(np.flatnonzero(world.price == 3))

    def expect(kept: set[int]) -> list[tuple[str, float]]:
        return world.list(q, 20, seen | (rows - kept))

    include, exclude = [world.keys[i] for i in some], [world.keys[i] for i in gone]
    check(run(store, "topk", user="u", include=include), expect(some))
    check(run(store, "topk", user="u", exclude=exclude), expect(rows - gone))
    check(run(store, "topk", user="u", where=["cheap"], most=5), expect(cheap))
    assert condition_parameters(SCHEMA, {"IN": 3}) == {"attribute_0": [3]}
    check(run(store, "topk", user="u", where=["IN"], attribute_0=[3]), expect(shelf))
    check(
        run(store, "topk", user="u", where=["cheap", "IN"], most=5, attribute_0=[3], include=include),
        expect(cheap & shelf & some),
    )
    check(
        run(store, "similar", item="i7", where=["IN"], attribute_0=[3]),
        world.list(world.x[7].astype(np.float64), 20, {7} | (rows - shelf), cosine=True),
    )
    assert run(store, "topk", user="u", include=[]) == []
    found = dict(run(store, "topk_index", user="u", where=["cheap"], most=5))
    assert found.keys() <= {world.keys[i] for i in cheap}


def test_more_equal_scores_than_the_first_scan_keeps(store: Neo4jStore, world: World) -> None:
    some = set(range(35, 140))  # 81 of these 105 share a score, so the places 25 to 81 are theirs
    expected = world.list(world.users["u"].astype(np.float32), 30, set(range(N)) - some)
    check(run(store, "topk", user="u", k=30, include=[world.keys[i] for i in some]), expected)


@pytest.mark.parametrize("known", [[4], [4, 9, 9, 260], [299, 5]])
def test_somebody_known_by_items(store: Neo4jStore, world: World, known: list[int]) -> None:
    have = sorted({i for i in known if i < 290})
    q = world.fold_in[have].astype(np.float64).sum(axis=0) / np.sqrt(len(have))
    check(run(store, "new_user", items=[*(world.keys[i] for i in known), "unknown"]), world.list(q, 20, known))


@pytest.mark.parametrize("items", [[], ["unknown"], ["i298"]])
def test_nobody_is_known_by_nothing(store: Neo4jStore, items: list[str]) -> None:
    assert run(store, "new_user", items=items) == []


@pytest.mark.parametrize("item", [7, 40, 150])
@pytest.mark.parametrize("k", [5, 400])
def test_similar_items(store: Neo4jStore, world: World, item: int, k: int) -> None:
    expected = world.list(world.x[item].astype(np.float64), k, {item}, cosine=True)
    check(run(store, "similar", item=world.keys[item], k=k), expected)


@pytest.mark.parametrize("item", [130, 299, None])
def test_items_that_resemble_nothing(store: Neo4jStore, world: World, item: int | None) -> None:
    assert run(store, "similar", item="unknown" if item is None else world.keys[item]) == []


def test_seen(store: Neo4jStore, world: World) -> None:
    text = recipe("neo4j", "seen", SCHEMA, "m")
    for user, seen in world.seen.items():
        found = store.query(text, {"user": user})["item_id"].to_pylist()
        assert found == sorted((world.keys[i] for i in seen), key=str.encode)


def test_models(store: Neo4jStore) -> None:
    found = store.query(recipe("neo4j", "models", SCHEMA, "m")).to_pylist()
    assert found == [{"name": "m", "live": "b", "version": 2, "previous": None, "dim": D, "created": "x"}]


def test_a_model_that_is_not_there(store: Neo4jStore) -> None:
    text = recipe("neo4j", "topk", SCHEMA, "nosuch")
    assert store.query(text, {"user": "u", "k": 3}).num_rows == 0


def test_a_copied_text_follows_the_live_slot(store: Neo4jStore, world: World) -> None:
    before = run(store, "topk", user="ones", k=3)
    store.update_model("m", {"live": "b"}, {"live": "a"})
    assert run(store, "topk", user="ones", k=3) == []  # no user has a vector there
    store.update_model("m", {"live": "a"}, {"live": "b"})
    assert run(store, "topk", user="ones", k=3) == before
