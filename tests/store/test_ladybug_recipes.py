"""The recipes on a graph file against NumPy."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from store.contract import connect, fill

from graphrec.errors import StoreError
from graphrec.schema import Attribute, Filter, GraphSchema, Interaction, Node
from graphrec.store.ladybug_topk import topk
from graphrec.store.protocol import Fence
from graphrec.store.recipes import condition_parameters, recipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.store.ladybug import LadybugStore

SCHEMA = GraphSchema(
    user=Node("A `user", key="u id"),
    item=Node("Movie", key="sku"),
    interactions=[Interaction("RA`TED", target=True), Interaction("VIEWED"), Interaction("LISTED", hides=False)],
    attributes=[Attribute("HAS GENRE", to=Node("Genre", key="name"))],
    filters=[
        Filter("since", "item.year >= $year"),
        Filter("mine", "item.country = user.country"),
    ],
)
RATED, VIEWED, LISTED, GENRE = SCHEMA.relationships.values()
N, DIM = 60, 8
ITEMS = [f"i{j:02}" for j in range(N)]


def rank(score: float) -> float:
    """Round to 6 significant digits."""
    return 0.0 if score == 0 else float(f"{score:.5e}")


def order(scores: dict[Any, float], k: int) -> list[tuple[Any, float]]:
    return sorted(scores.items(), key=lambda pair: (-rank(pair[1]), pair[0]))[:k]


class Published:
    """A small published model: item ``i00`` has no vector, users ``none`` and ``zero`` none or a null one."""

    def __init__(self, store: LadybugStore) -> None:
        self.store = store
        rng = np.random.default_rng(3)
        self.items: NDArray[np.float32] = rng.standard_normal((N, DIM)).astype(np.float32)
        self.items[7] = self.items[5]  # a tie
        self.items[9] = 0
        self.users = {"u": rng.standard_normal(DIM).astype(np.float32), "all": self.items[1], "zero": self.items[9]}
        self.fold_in = rng.standard_normal((N, DIM)).astype(np.float32)
        self.fold_in[4] = 0
        self.years = {item: 1950 + j for j, item in enumerate(ITEMS)}
        self.seen = {"u": {"i03", "i05", "i11"}, "all": set(ITEMS) - {"i20", "i30", "i40"}, "none": {"i01"}}
        country = ["x", "y"] * (N // 2)
        users = [*self.users, "none"]
        fill(store, [(SCHEMA.user, {"key": users, "country": ["x"] * len(users)})])
        fill(store, [(SCHEMA.item, {"key": ITEMS, "year": list(self.years.values()), "country": country})])
        fill(store, [(GENRE.target, {"key": ["even", "third"]})])
        pairs = [(user, item) for user, seen in self.seen.items() for item in sorted(seen)]
        for edge, part in ((RATED, pairs[::2] + pairs[:4]), (VIEWED, pairs[1::2]), (LISTED, [("u", "i50")])):
            unique = list(dict.fromkeys(part))
            connect(store, edge, {"source": [a for a, _ in unique], "target": [b for _, b in unique]})
        tags = [(ITEMS[j], g) for j in range(N) for g, by in (("even", 2), ("third", 3)) if j % by == 0]
        connect(store, GENRE, {"source": [a for a, _ in tags], "target": [b for _, b in tags]})
        assert store.update_model("movies", None, {"lock": "t", "version": 1, "live": "b", "dim": DIM})
        self.fence = Fence("movies", "t", 1.0)
        self.fill_slot("b", 1.0)
        self.fill_slot("a", 2.0, dim=5)  # the slot that is not live has another width

    def fill_slot(self, slot: str, times: float, dim: int = DIM) -> None:
        for node, keys, place, vectors in (
            (SCHEMA.user, list(self.users), f"movies_{slot}", np.stack(list(self.users.values()))),
            (SCHEMA.item, ITEMS[1:], f"movies_{slot}", self.items[1:]),
            (SCHEMA.item, ITEMS[1:], f"movies_{slot}_in", self.fold_in[1:]),
        ):
            self.store.prepare_vectors(node, place, dim, index=False)
            values = (vectors[:, :dim] * np.float32(times)).copy()
            assert self.store.write_vectors(node, place, pa.array(keys), values, self.fence) == len(keys)

    def run(self, name: str, parameters: dict[str, Any], **options: Any) -> list[tuple[Any, float]]:
        text = recipe("ladybug", name, SCHEMA, "movies", **options)
        return [tuple(row.values()) for row in self.store.query(text, parameters).to_pylist()]

    def scores(self, query: NDArray[np.floating], dim: int = DIM) -> dict[str, float]:
        vectors = self.items[1:, :dim].astype(np.float64)
        return dict(zip(ITEMS[1:], (vectors @ query[:dim].astype(np.float64)).tolist(), strict=True))

    def fast(self, user: str, k: int, **options: Any) -> list[tuple[Any, float]]:
        return [tuple(row.values()) for row in topk(self.store, SCHEMA, "movies", user, k, **options).to_pylist()]


@pytest.fixture
def published(ladybug_store: LadybugStore) -> Published:
    return Published(ladybug_store)


def same(found: list[tuple[Any, float]], expected: list[tuple[Any, float]]) -> None:
    assert [item for item, _ in found] == [item for item, _ in expected]
    np.testing.assert_allclose([s for _, s in found], [s for _, s in expected], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("k", [0, 1, 20, 500])
def test_topk_is_numpys_list_without_what_was_seen(published: Published, k: int) -> None:
    for user in ("u", "all"):
        scores = published.scores(published.users[user])
        unseen = {item: score for item, score in scores.items() if item not in published.seen[user]}
        same(published.run("topk", {"user": user, "k": k}), order(unseen, k))
    assert len(published.run("topk", {"user": "all", "k": 20})) == min(20, 3)


@pytest.mark.parametrize("user", ["none", "zero", "nobody", "", "' OR true //"])
def test_topk_of_a_user_without_a_vector_is_empty(published: Published, user: str) -> None:
    assert published.run("topk", {"user": user, "k": 5}) == []


def test_topk_with_seen_items_include_exclude_and_filters(published: Published) -> None:
    scores = published.scores(published.users["u"])
    same(published.run("topk", {"user": "u", "k": 99}, exclude_seen=False), order(scores, 99))
    wanted = ["i03", "i04", "i10", "i12", "i16", "i59", "nothing"]
    unseen = {item: score for item, score in scores.items() if item not in published.seen["u"]}
    few = {item: score for item, score in unseen.items() if item in wanted}
    given: dict[str, Any] = {"user": "u", "k": 99}
    same(published.run("topk", {**given, "include": wanted}, include=True), order(few, 99))
    assert published.run("topk", {**given, "include": []}, include=True) == []
    same(published.run("topk", {**given, "exclude": []}, exclude=True), order(unseen, 99))
    del few["i10"]
    both = {**given, "include": wanted, "exclude": ["i10"]}
    same(published.run("topk", both, include=True, exclude=True), order(few, 99))
    where = {"since": 1960, "mine": {}, "HAS GENRE": ["third"]}
    chosen = {
        item: score
        for item, score in unseen.items()
        if published.years[item] >= 1960 and int(item[1:]) % 2 == 0 and int(item[1:]) % 3 == 0
    }
    values = condition_parameters(SCHEMA, where)
    same(published.run("topk", {**given, **values}, where=list(where)), order(chosen, 99))


def test_three_short_statements_give_the_list_of_one(published: Published) -> None:
    for user in ("u", "all", "none", "zero", "nobody"):
        for k in (0, 1, 7, 99):
            same(published.fast(user, k), published.run("topk", {"user": user, "k": k}))
            one = published.run("topk", {"user": user, "k": k}, exclude_seen=False)
            same(published.fast(user, k, exclude_seen=False), one)
    wanted = ["i03", "i04", "i10", "i12", "nothing"]
    for where in ({}, {"since": 1960}, {"HAS GENRE": ["third"]}, {"mine": {}, "since": 1955}):
        options = {"include": True, "exclude": True, "where": list(where)}
        given = {"user": "u", "k": 9, "include": wanted, "exclude": ["i10"], **condition_parameters(SCHEMA, where)}
        same(
            published.fast("u", 9, include=wanted, exclude=["i10"], where=where),
            published.run("topk", given, **options),
        )


def test_many_equal_scores_are_fetched_until_the_order_is_sure(
    published: Published, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("graphrec.store.ladybug_topk.SPARE", 1)
    published.store.write_vectors(SCHEMA.item, "movies_b", pa.array(ITEMS[:0:-1]), near_ones(), published.fence)
    published.store.write_vectors(
        SCHEMA.user, "movies_b", pa.array(["u"]), np.eye(1, DIM, dtype=np.float32), published.fence
    )
    for k in (1, 8, 40, 59):
        same(published.fast("u", k), published.run("topk", {"user": "u", "k": k}))


def near_ones() -> NDArray[np.float32]:
    """Item vectors whose scores on the first axis differ and all round to 1.00000."""
    vectors = np.zeros((N - 1, DIM), np.float32)
    vectors[:, 0] = 1 + np.arange(N - 1) * np.float32(2e-8)
    return vectors


def test_the_text_goes_on_working_after_the_next_publish(published: Published) -> None:
    def expected(dim: int, times: float) -> list[tuple[Any, float]]:
        query = published.users["u"] * times
        scores = {item: times * score for item, score in published.scores(query, dim).items()}
        return order({item: score for item, score in scores.items() if item not in published.seen["u"]}, 10)

    given = {"user": "u", "k": 10}
    same(published.run("topk", given), expected(DIM, 1.0))
    assert published.store.update_model("movies", {}, {"live": "a", "dim": 5})
    same(published.run("topk", given), expected(5, 2.0))
    published.fill_slot("b", 4.0, dim=2)
    same(published.run("topk", given), expected(5, 2.0))
    assert published.store.update_model("movies", {}, {"live": "b", "dim": 2})
    same(published.run("topk", given), expected(2, 4.0))
    assert published.store.update_model("movies", {}, {"live": None})
    for name, asked in (("topk", {"user": "u"}), ("similar", {"item": "i01"}), ("new_user", {"items": ["i01"]})):
        assert published.run(name, {**asked, "k": 3}) == []


def test_scores_within_a_millionth_go_by_key(published: Published) -> None:
    store = published.store
    base = near_ones()
    store.write_vectors(SCHEMA.item, "movies_b", pa.array(ITEMS[1:][::-1]), base, published.fence)
    store.write_vectors(SCHEMA.user, "movies_b", pa.array(["u"]), np.eye(1, DIM, dtype=np.float32), published.fence)
    found = published.run("topk", {"user": "u", "k": 8}, exclude_seen=False)
    assert [item for item, _ in found] == ITEMS[1:9]
    assert len({score for _, score in found}) > 1  # the score itself is not rounded


@pytest.mark.parametrize("scale", [1e-30, 1e-3, 1e12])
def test_the_order_holds_at_any_scale(published: Published, scale: float) -> None:
    query = (published.users["u"].astype(np.float64) * scale).astype(np.float32)
    published.store.write_vectors(SCHEMA.user, "movies_b", pa.array(["u"]), query[None], published.fence)
    scores = published.scores(query)
    found = published.run("topk", {"user": "u", "k": 99}, exclude_seen=False)
    assert [item for item, _ in found] == [item for item, _ in order(scores, 99)]


def test_a_new_user_is_folded_in(published: Published) -> None:
    known = ["i02", "i08", "i08", "i00", "nothing", "i04"]  # i00 has no vector, i04 a null one
    parts = [published.fold_in[int(item[1:])].astype(np.float64) for item in ("i02", "i08", "i04")]
    scores = published.scores(np.sum(parts, axis=0) / math.sqrt(len(parts)))
    hidden = {item: score for item, score in scores.items() if item not in known}
    same(published.run("new_user", {"items": known, "k": 15}), order(hidden, 15))
    same(published.run("new_user", {"items": known, "k": 15}, exclude_seen=False), order(scores, 15))
    few = {item: score for item, score in hidden.items() if item in ("i10", "i11")}
    same(published.run("new_user", {"items": known, "k": 9, "include": ["i10", "i11"]}, include=True), order(few, 9))
    for nothing in ([], ["nothing"], ["i00"], ["i04"]):
        assert published.run("new_user", {"items": nothing, "k": 5}) == []


def test_similar_is_cosine(published: Published) -> None:
    vectors = published.items.astype(np.float64)
    norms = np.linalg.norm(vectors, axis=1)
    for item in ("i05", "i30"):
        j = int(item[1:])
        scores = {
            other: vectors[i] @ vectors[j] / norms[i] / norms[j]
            for i, other in enumerate(ITEMS)
            if i not in (0, 9, j)
        }
        same(published.run("similar", {"item": item, "k": 500}), order(scores, 500))
    assert published.run("similar", {"item": "i05", "k": 1})[0][0] == "i07"
    assert published.run("similar", {"item": "i05", "k": 3, "exclude": ["i07"]}, exclude=True)[0][0] != "i07"
    for nothing in ("i00", "i09", "nothing"):
        assert published.run("similar", {"item": nothing, "k": 5}) == []


def test_seen_and_models(published: Published) -> None:
    def seen(user: str, **options: Any) -> list[str]:
        text = recipe("ladybug", "seen", SCHEMA, "movies", **options)
        found: list[str] = published.store.query(text, {"user": user})["item_id"].to_pylist()
        return found

    assert seen("u") == sorted(published.seen["u"])
    assert seen("all") == sorted(published.seen["all"])
    assert seen("u", exclude_seen=False) == []
    assert seen("zero") == seen("nobody") == []
    rows = published.store.query(recipe("ladybug", "models", SCHEMA, "movies")).to_pylist()
    assert rows == [{"name": "movies", "live": "b", "version": 1, "previous": None, "dim": DIM, "created": None}]


def test_integer_keys(ladybug_store: LadybugStore) -> None:
    schema = GraphSchema(user=Node("U", "id"), item=Node("I", "id"), interactions=[Interaction("R")])
    fill(ladybug_store, [(schema.user, {"key": [1, 2]}), (schema.item, {"key": [10, 9, 8]})])
    connect(ladybug_store, schema.relationships["R"], {"source": [1], "target": [10]})
    ladybug_store.update_model("m", None, {"lock": "t", "live": "a"})
    for node, place in ((schema.user, "m_a"), (schema.user, "m_b"), (schema.item, "m_a"), (schema.item, "m_b")):
        ladybug_store.prepare_vectors(node, place, 1, index=False)
        keys = ladybug_store.keys(node)
        ones = np.ones((len(keys), 1), np.float32)
        ladybug_store.write_vectors(node, place, keys, ones, Fence("m", "t", 1.0))
    text = recipe("ladybug", "topk", schema, "m")
    assert ladybug_store.query(text, {"user": 1, "k": 5})["item_id"].to_pylist() == [8, 9]
    assert ladybug_store.query(text, {"user": 2, "k": 2})["item_id"].to_pylist() == [8, 9]
    with pytest.raises(StoreError):
        ladybug_store.query(text, {"user": "one", "k": 2})
