from __future__ import annotations

from collections import Counter

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.errors import ArgumentError, DataError, ModelError, UnknownKeyError
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

SCHEMA = GraphSchema(
    user=Node("User", key="id"),
    item=Node("Film", key="id", name="title", properties=["title"]),
    interactions=[
        Interaction("SAW", weight="stars", time="at", target=True),
        Interaction("BOUGHT", target=True),
        Interaction("CLICKED"),
    ],
    attributes=[
        Attribute("HAS_GENRE", to=Node("Genre", key="name")),
        Attribute("BY", to=Node("Person", key="id")),
        Attribute("WITH", to=Node("Person", key="id")),
        Attribute("LIVES_IN", to=Node("Town", key="name"), of="user"),
    ],
)
FILMS, USERS = list(range(12)), [f"u{i}" for i in range(6)]


def rows(seed: int = 3) -> dict[str, pd.DataFrame]:
    rng = np.random.default_rng(seed)
    pairs = sorted({(USERS[u], int(f)) for u, f in zip(rng.integers(0, 5, 40), rng.integers(0, 11, 40), strict=True)})
    saw = pd.DataFrame(pairs, columns=["source", "target"])
    bought = pd.DataFrame([(u, f) for u, f in pairs[::3]], columns=["source", "target"])  # parallel ones
    return {
        "SAW": saw.assign(stars=rng.integers(1, 6, len(saw)), at=rng.integers(1, 10**9, len(saw))),
        "BOUGHT": bought,
        "CLICKED": pd.DataFrame({"source": ["u5"], "target": [11]}),
        "HAS_GENRE": pd.DataFrame(
            [(f, g) for f in FILMS[:10] for g in rng.choice(["a", "b", "c", "d"], 2, replace=False)],
            columns=["source", "target"],
        ),
        "BY": pd.DataFrame({"source": FILMS, "target": [f % 4 for f in FILMS]}),
        "WITH": pd.DataFrame({"source": FILMS[:3], "target": [1, 2, 3]}),
        "LIVES_IN": pd.DataFrame({"source": USERS[:4], "target": ["Bern", "Bern", "Rome", "Rome"]}),
    }


def nodes() -> dict[str, pd.DataFrame]:
    return {
        "User": pd.DataFrame({"id": USERS}),
        "Film": pd.DataFrame({"id": FILMS, "title": [f"Film {f}" for f in FILMS]}),
        "Genre": pd.DataFrame({"name": ["a", "b", "c", "d"]}),
        "Person": pd.DataFrame({"id": range(4)}),
        "Town": pd.DataFrame({"name": ["Bern", "Rome"]}),
    }


def made(schema, nodes, edges):
    return graphrec.dataset_from_frames(edges.pop("SAW"), schema=schema, nodes=nodes, edges=edges)


@pytest.fixture
def data():
    return made(SCHEMA, nodes(), rows())


def oracle(user, kind):
    """The affinity of a user by the book: a loop over relationships."""
    edges = rows()
    taken = [(r.source, r.target) for name in ("SAW", "BOUGHT") for r in edges[name].itertuples()]
    own = {film for u, film in taken if u == user}
    values = [(r.source, r.target) for r in edges[kind].itertuples()]
    found = {}
    for value in {value for film, value in values if film in own}:
        films = {film for film, v in values if v == value}
        count, base = len(own & films), sum(film in films for _, film in taken) / len(taken)
        share = count / len(own)
        found[value] = (count, share, base, share / base, (count + 5) / (len(own) * base + 5))
    return found


@pytest.mark.parametrize(("kind", "name"), [("HAS_GENRE", "Genre"), ("BY", "BY"), ("WITH", "WITH")])
def test_leanings_are_the_oracles(data, kind, name):
    found = graphrec.profile(None, data, users=USERS, k=50)
    for user in USERS:
        expected = oracle(user, kind)
        here = found.affinity[(found.affinity.user == user) & (found.affinity.attribute == name)]
        assert set(here.value) == set(expected)
        for row in here.to_dict("records"):
            figures = tuple(row[name] for name in ("count", "share", "base", "lift", "score"))
            assert figures == pytest.approx(expected[row["value"]])
        order = sorted(expected, key=lambda value: (-expected[value][4], -expected[value][0], str(value)))
        assert list(here.value) == order
    assert len(graphrec.profile(None, data, users=["u0"], k=1).affinity) <= 3


def test_activity_is_counted(data):
    edges = rows()
    found = graphrec.profile(None, data, users=[*USERS[::-1], "u0"])
    assert list(found.activity.user) == USERS[::-1]  # each once, in the order asked
    for row in found.activity.itertuples():
        saw = edges["SAW"][edges["SAW"].source == row.user]
        bought = edges["BOUGHT"][edges["BOUGHT"].source == row.user]
        assert row.interactions == len(saw) + len(bought)
        assert row.items == len({*saw.target, *bought.target})
        if len(saw):
            assert row.weight == pytest.approx((saw.stars.sum() + len(bought)) / (len(saw) + len(bought)))
            assert (row.first, row.last) == (saw["at"].min(), saw["at"].max())
        else:
            assert pd.isna([row.weight, row.first, row.last]).all()
    assert found.activity.interactions.tolist()[0] == 0  # u5 only clicked
    assert not (found.affinity.user == "u5").any()
    assert set(map(tuple, found.attributes.to_numpy())) == {
        (r.source, "Town", r.target) for r in edges["LIVES_IN"].itertuples()
    }
    assert found.similar.empty


def test_an_item_is_told_by_its_users(data):
    edges = rows()
    found = graphrec.profile(None, data, items=FILMS)
    taken = [(r.source, r.target) for name in ("SAW", "BOUGHT") for r in edges[name].itertuples()]
    counts = Counter(film for _, film in taken)
    live = dict(edges["LIVES_IN"].itertuples(index=False))
    assert found.activity.name.tolist() == [f"Film {f}" for f in FILMS]
    for row in found.activity.itertuples():
        assert row.interactions == counts[row.item]
        assert row.popularity == 1 + sum(counts[other] > counts[row.item] for other in FILMS)
        users = {u for u, film in taken if film == row.item}
        here = found.affinity[found.affinity.item == row.item].set_index("value")
        assert set(here.index) == {live[u] for u in users if u in live}
        for town in here.index:
            count = sum(live.get(u) == town for u in users)
            base = sum(live.get(u) == town for u, _ in taken) / len(taken)
            assert here["count"][town] == count
            assert here.score[town] == pytest.approx((count + 5) / (len(users) * base + 5))
    assert set(found.attributes[found.attributes.item == 1].itertuples(index=False, name=None)) == {
        (1, "Genre", g) for g in edges["HAS_GENRE"][edges["HAS_GENRE"].source == 1].target
    } | {(1, "BY", 1), (1, "WITH", 2)}
    assert not (found.attributes[found.attributes.item == 11].attribute == "Genre").any()


def test_similar_items_are_those_of_the_model(data):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(len(FILMS), 4)).astype(np.float32)
    model = FittedVectors.of(Popularity(), data, np.ones((len(USERS), 4), np.float32), vectors)
    found = graphrec.profile(model, data, items=[2, 5], k=3).similar
    expected = graphrec.similar(model, [2, 5], 3)
    assert found.similar.tolist() == expected.similar.tolist()
    assert found.name.tolist() == [f"Film {f}" for f in expected.similar]
    fewer = {**nodes(), "Film": pd.DataFrame({"id": [1], "title": ["One"]})}
    other = made(SCHEMA, fewer, {"SAW": rows()["SAW"][rows()["SAW"].target == 1]})
    with pytest.raises(ModelError, match="items of `data`"):
        graphrec.profile(model, other, items=[1])


def test_it_prints_as_tables(data):
    item = data.frame("SAW").target.mode()[0]
    found = graphrec.profile(None, data, items=[item])
    assert f"Film {item}" in str(found)
    assert "leans to" in str(found)
    assert "similar" not in str(found)
    assert str(np.datetime64(int(found.activity["first"][0]), "s"))[:10] in str(found)
    assert "u5" in str(graphrec.profile(None, data, users=["u5"]))


def test_a_written_cluster_is_shown(data):
    schema = SCHEMA.model_copy(update={"user": Node("User", key="id", properties=["cluster"])})
    frames = {**nodes(), "User": pd.DataFrame({"id": USERS, "cluster": [0, 1, 0, 1, 2, -1]})}
    found = graphrec.profile(None, made(schema, frames, rows()), users=["u4", "u1"])
    assert found.activity.cluster.tolist() == [2, 1]
    assert "cluster" not in graphrec.profile(None, data, users=["u4"]).activity


def test_what_cannot_be_asked(data):
    for given in ({}, {"users": ["u1"], "items": [1]}):
        with pytest.raises(ArgumentError, match="`users` must be given, or `items`"):
            graphrec.profile(None, data, **given)
    with pytest.raises(UnknownKeyError, match="nobody"):
        graphrec.profile(None, data, users=["nobody"])
    with pytest.raises(UnknownKeyError, match="`items`"):
        graphrec.profile(None, data, items=["1"])
    with pytest.raises(ArgumentError, match="`k`"):
        graphrec.profile(None, data, users=["u1"], k=0)
    with pytest.raises(DataError, match="users"):
        graphrec.profile(None, data, users="u1")
    assert len(graphrec.profile(None, data, users=[]).activity) == 0
