from __future__ import annotations

import math
from collections import defaultdict

import numpy as np
import pandas as pd
import pytest
from publish.forgotten import between

from graphrec.errors import ArgumentError, DataError, SchemaError, UnknownKeyError
from graphrec.graph import Graph
from graphrec.schema import GraphSchema, Interaction, Node, Social, Suggestions
from graphrec.store.recipes_feed import feed_recipe

DAY, NOW = 86_400, 1_800_000_000
ODD = ["x' OR 1=1 //", "`", r"a\u0060b", "Ünï"]
PEOPLE = [*ODD, *(f"p{i:02}" for i in range(12)), "alone"]
THINGS = list(range(25))
PLAYED, LIKED = Interaction("PLA`YED", time="at", target=True), Interaction("LIKED", time="when", target=True)
KNOWS, FOLLOWS = Social("KNOWS", target=True), Social("FOLLOWS it", directed=True, target=True)


def schema(interactions=(PLAYED, LIKED), social=(KNOWS, FOLLOWS)):
    return GraphSchema(
        Node("Per son", key="the key", name="called"),
        Node("Th`ing", key="no"),
        [*interactions, Interaction("SKIPPED"), Interaction("SAW", hides=False)],
        social=social,
        suggestions=Suggestions(blocks=["BLOCKS"], declined="NO", opted_out="out", deleted="gone", hidden="shy"),
    )


SCHEMA = schema()
UNTIMED = (Interaction("PLA`YED", target=True), Interaction("LIKED"))
VARIANTS = {
    "both kinds of ties": SCHEMA,
    "followers": schema(social=[FOLLOWS, Social("KNOWS")]),
    "friends, one interaction": schema([PLAYED, Interaction("LIKED")], [KNOWS, Social("FOLLOWS it", directed=True)]),
    "without times": schema(UNTIMED, [KNOWS]),
}


class World:
    """A small social graph as Python lists, and the same in a database."""

    def __init__(self, store, people):
        rng = np.random.default_rng(5)
        self.people = people
        n = len(people)
        self.knows = {(people[a], people[b]) for a, b in rng.integers(0, n - 1, (24, 2))}  # the last one has no ties
        self.follows = {(people[a], people[b]) for a, b in rng.integers(0, n - 1, (30, 2))}
        self.blocks = {(people[1], people[0]), (people[2], people[5])}
        self.gone, self.shy, self.out = {people[6]}, {people[3], people[7]}, {people[8]}
        self.called = {p: None if i == 4 else f"name {i % 9}" for i, p in enumerate(people)}  # some alike
        draws = [(people[a], int(b)) for a, b in rng.integers(0, [n, 25], (170, 2))]
        self.played = {pair: NOW - int(rng.integers(-DAY, 40 * DAY)) for pair in draws[:100]}
        self.liked = {pair: NOW - int(rng.integers(0, 20 * DAY)) for pair in draws[100:150]}
        for pair in list(self.liked)[::7]:
            self.liked[pair] = None
        self.skipped = set(draws[150:])
        self.store = store
        graph = Graph(store, SCHEMA)
        users = pd.DataFrame({"the key": people, "called": self.called.values()})
        for name, who in (("gone", self.gone), ("shy", self.shy)):
            users[name] = pd.array([p in who or (None if i % 2 else False) for i, p in enumerate(people)], "boolean")
        users["out"] = [int(p in self.out) for p in people]

        def frame(pairs, **columns):
            return pd.DataFrame(sorted(pairs, key=repr), columns=["source", "target"]).assign(**columns)

        played = pd.DataFrame([(*pair, at) for pair, at in self.played.items()], columns=["source", "target", "at"])
        liked = pd.DataFrame([(*pair, at) for pair, at in self.liked.items()], columns=["source", "target", "when"])
        liked["when"] = pd.to_datetime(liked["when"], unit="s")
        graph.load(
            {"Per son": users, "Th`ing": pd.DataFrame({"no": THINGS})},
            {
                "PLA`YED": played,
                "LIKED": liked,
                "SKIPPED": frame(self.skipped),
                "SAW": frame([(people[0], thing) for thing in THINGS]),
                "KNOWS": frame(self.knows),
                "FOLLOWS it": frame(self.follows),
            },
        )
        between(graph, "BLOCKS", {"source": [a for a, _ in self.blocks], "target": [b for _, b in self.blocks]})
        between(graph, "NO", {"source": [people[0]], "target": [people[9]], "at": [NOW]})

    def friends(self, schema, user):
        found = set()
        for tie in schema.ties:
            pairs = self.knows if tie.type == "KNOWS" else self.follows
            found |= {b for a, b in pairs if a == user}
            found |= set() if tie.directed else {a for a, b in pairs if b == user}
        blocked = {b for a, b in self.blocks if a == user} | {a for a, b in self.blocks if b == user}
        return set() if user in self.gone else found - blocked - self.gone - {user}

    def taken(self, schema, user):
        types = {t.type: t.time for t in schema.targets}
        both = (("PLA`YED", self.played), ("LIKED", self.liked))
        return [
            (i, at if types[t] else None) for t, all in both if t in types for (p, i), at in all.items() if p == user
        ]

    def feed(self, schema, user, k, half_life=7):
        """The oracle: a loop over friends and what they took."""
        seen = {i for pairs in (self.played, self.liked, self.skipped) for p, i in pairs if p == user}
        timed = any(t.time for t in schema.targets)
        scores, by = defaultdict(float), defaultdict(set)
        for friend in self.friends(schema, user):
            for item, at in self.taken(schema, friend):
                age = max(0, NOW - at) if at is not None else math.inf
                scores[item] += 0.5 ** (age / DAY / half_life)
                by[item].add(friend)
        scores = scores if timed else {item: float(len(friends)) for item, friends in by.items()}
        order = sorted((-float(f"{s:.5e}"), item) for item, s in scores.items() if item not in seen)[:k]
        return [(item, pytest.approx(scores[item]), len(by[item]), self.names(by[item])) for _, item in order]

    def names(self, people):
        return sorted(self.called[p] or str(p) for p in people - self.shy - self.out)[:3]

    def likers(self, schema, item, user, k):
        """The oracle of people who have an item."""
        mine = {i for i, _ in self.taken(schema, user)}
        follows = self.follows if "FOLLOWS it" in [tie.type for tie in schema.social] else set()
        rows = []
        for p in self.people:
            barred = p == user or {p, user} & (self.gone | self.out) or {(p, user), (user, p)} & self.blocks
            hidden = {(p, user), (user, p)} & self.knows or (user, p) in follows | {(self.people[0], self.people[9])}
            has = {i for i, _ in self.taken(schema, p)}
            if item in has and not barred and not hidden:
                friends = [f for f in self.friends(schema, user) if f != p and self.tied(schema, f, p)]
                name = None if p in self.shy else self.called[p] or str(p)
                rows.append((-len(friends), -len(mine & has), p, name))
        return [(p, name, -f, -i) for f, i, p, name in sorted(rows)[:k]]

    def tied(self, schema, a, b):
        return any(
            (a, b) in pairs or (not tie.directed and (b, a) in pairs)
            for tie in schema.ties
            for pairs in [self.knows if tie.type == "KNOWS" else self.follows]
        )


@pytest.fixture(params=["text", "numbers"])
def world(any_store, request):
    return World(any_store, PEOPLE if request.param == "text" else [2**40, *range(1, 17)])


def rows(frame, user):
    own = frame[frame.user == user]
    assert list(own["rank"]) == list(range(1, len(own) + 1))
    return list(zip(own.item, own.score, own.friends, map(list, own.named), strict=True))


def test_the_feed_is_the_oracles_and_the_recipes(world):
    for schema in VARIANTS.values():
        graph = Graph(world.store, schema)
        frame = graph.feed(world.people, 8, now=NOW)
        text = feed_recipe(world.store.capabilities.dialect, "feed", schema, now=str(NOW))
        assert list(frame.columns) == ["user", "item", "score", "rank", "friends", "named"]
        for user in world.people:
            expected = world.feed(schema, user, 8)
            assert rows(frame, user) == expected, (schema.ties, user)
        for user in world.people[:3]:
            found = graph.query(text, user=user, k=8)
            own = frame[frame.user == user].reset_index(drop=True)
            assert (list(found.item_id), list(found.friends)) == (list(own.item), list(own.friends))
            assert list(map(list, found.named)) == list(map(list, own.named))
            np.testing.assert_allclose(found.score, own.score, rtol=1e-12)  # sums in another order
    assert len(frame) > 20


def test_people_who_like_an_item_are_the_oracles(any_store):
    world = World(any_store, PEOPLE)
    total = 0
    for schema in VARIANTS.values():
        graph = Graph(world.store, schema)
        for item in (3, 11):
            for user in world.people[:3]:
                frame = graph.people_who_like(item, user, 6)
                found = [
                    (*row[:1], None if pd.isna(row[1]) else row[1], *row[2:]) for row in frame.to_numpy().tolist()
                ]
                assert found == world.likers(schema, item, user, 6)
                total += len(frame)
        frame = graph.people_who_like(3)
        has = {p for p in world.people if 3 in {i for i, _ in world.taken(schema, p)}}
        assert list(frame.user) == sorted(has - world.gone - world.out - world.shy)[:10]
        assert (frame.friends == 0).all()
    assert total > 15


def test_half_life_and_length_and_who_has_no_friends(any_store):
    world = World(any_store, PEOPLE)
    graph = Graph(any_store, SCHEMA)
    user = world.people[0]
    assert rows(graph.feed([user, user], 3, half_life_days=0.5, now=NOW), user) == world.feed(SCHEMA, user, 3, 0.5)
    assert graph.feed(["alone"]).empty
    assert list(graph.feed(["alone"]).columns) == ["user", "item", "score", "rank", "friends", "named"]
    assert graph.feed([]).empty
    assert graph.feed([*world.gone]).empty
    assert len(graph.feed([user], 10**9)) > 3
    late = graph.feed([user], 5)  # by the clock
    assert (late.score >= 0).all()


def test_what_happens_in_the_graph_counts_at_once(any_store):
    world = World(any_store, PEOPLE)
    graph = Graph(any_store, SCHEMA)
    user = world.people[0]
    first = graph.feed([user], 1, now=NOW).item[0]
    graph.load(edges={"SKIPPED": pd.DataFrame({"source": [user], "target": [first]})})
    assert first not in set(graph.feed([user], 25, now=NOW).item)
    friend = sorted(world.friends(SCHEMA, user))[0]
    between(graph, "BLOCKS", {"source": [friend], "target": [user]})
    world.blocks.add((friend, user))
    world.skipped.add((user, first))
    assert rows(graph.feed([user], 25, now=NOW), user) == world.feed(SCHEMA, user, 25)


def test_wrong_arguments_are_refused(any_store):
    graph = Graph(any_store, SCHEMA)
    with pytest.raises(UnknownKeyError, match="1 unknown"):
        graph.feed(["p01"])
    World(any_store, PEOPLE)
    for call in (
        lambda: graph.feed(["nobody", "p01"]),
        lambda: graph.feed([7]),
        lambda: graph.people_who_like(99),
        lambda: graph.people_who_like("3"),
        lambda: graph.people_who_like(3, "nobody"),
    ):
        with pytest.raises(UnknownKeyError, match="unknown"):
            call()
    for options in ({"k": 0}, {"k": 2.5}, {"half_life_days": 0}, {"half_life_days": math.inf}, {"now": "today"}):
        with pytest.raises(ArgumentError, match=f"`{next(iter(options))}`"):
            graph.feed(["p01"], **options)
    for now in (True, math.nan, 1e300, "today"):
        with pytest.raises(ArgumentError, match="`now` must be epoch seconds"):
            graph.feed(["p01"], now=now)
    for days in (0, -7, math.nan, 1e305, "7"):
        with pytest.raises(ArgumentError, match="`half_life_days`"):
            graph.cypher("feed", half_life_days=days)
    assert len(graph.feed(PEOPLE, half_life_days=1e20))  # an exponent with a plus is no number to Ladybug
    with pytest.raises(DataError, match="users"):
        graph.feed("p01")
    tieless = Graph(any_store, GraphSchema(SCHEMA.user, SCHEMA.item, SCHEMA.interactions))
    with pytest.raises(SchemaError, match="names no ties"):
        tieless.feed(["p01"])
    with pytest.raises(SchemaError, match="names no ties"):
        tieless.people_who_like(3, "p01")
    assert len(tieless.people_who_like(3))
    with pytest.raises(ArgumentError, match="Did you mean 'feed'"):
        feed_recipe("neo4j", "feeds", SCHEMA)


def test_a_graph_without_ties_or_interactions_yet_gives_nothing(any_store):
    graph = Graph(any_store, SCHEMA)
    graph.load({"Per son": pd.DataFrame({"the key": ["a"]}), "Th`ing": pd.DataFrame({"no": [1]})})
    assert graph.feed(["a"]).empty
    assert graph.people_who_like(1).empty
    assert graph.people_who_like(1, "a").empty
