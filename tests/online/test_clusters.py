from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from online.blocks import BLOCK, GENRES, NAMES, PEOPLE, SCHEMA, SONGS, TOWNS, blocks, heard

from graphrec.errors import ArgumentError, MissingExtraError, ModelError, UnknownKeyError
from graphrec.graph import Graph
from graphrec.models import Popularity
from graphrec.models.fitted import FittedVectors


@pytest.fixture
def graph(any_store):
    return blocks(any_store)


def held(graph, label, key, name):
    found = graph.query(f"MATCH (n:`{label}`) RETURN n.`{key}` AS key, n.`{name}` AS value")
    return dict(zip(found["key"], found["value"], strict=True))


def test_planted_clusters_are_found_described_and_written(graph):
    before = graph.dataset().fingerprint
    found = graph.cluster()
    assert max(found.silhouettes, key=found.silhouettes.__getitem__) == 3  # nobody said so
    labels = dict(zip(found.labels["item"], found.labels["cluster"], strict=True))
    assert labels == {song: int(BLOCK[song]) if song != 24 else -1 for song in SONGS}
    assert found.table["size"].tolist() == [12, 8, 4]
    pairs = heard()
    counts = Counter(song for _, song in pairs)
    for row in found.table.to_dict("records"):
        own = [song for song in SONGS if labels[song] == row["cluster"]]
        assert row["share"] == pytest.approx(sum(counts[song] for song in own) / len(pairs))
        assert row["popular"] == [NAMES[s] for s in sorted(own, key=lambda s: (-counts[s], s))[:5]]
        assert row["about"][0].startswith(f"Genre {GENRES[row['cluster']]} (")
    first = found.attributes[(found.attributes.cluster == 2) & (found.attributes.attribute == "Genre")]
    assert first[["value", "count", "share", "base", "lift"]].to_numpy().tolist() == [["jazz", 4, 1, 4 / 24, 6]]
    assert first.score.tolist() == [pytest.approx(9 / (4 * 4 / 24 + 5))]
    towns = found.attributes[(found.attributes.cluster == 0) & (found.attributes.attribute == "Town")]
    assert towns.value.tolist() == ["Bern"]  # by what people of Bern hear
    assert "rock" in str(found)
    assert "cluster" not in graph.store.describe().labels["Song"].properties
    for write, expected in (("group", labels), ("odd `name`", labels)):
        graph.cluster(write=write)
        assert held(graph, "Song", "id", write.replace("`", "``")) == expected
    assert graph.dataset().fingerprint == before
    assert graph.profile(items=[20, 0], cluster="group").activity.cluster.tolist() == [2, 0]


def test_users_have_clusters_too(graph):
    found = graph.cluster(3, of="users", seed=3, write="cluster")
    labels = dict(zip(found.labels["user"], found.labels["cluster"], strict=True))
    assert found.silhouettes == {}
    assert labels.pop("late") == -1  # came after the publish
    assert labels == {person: i % 3 for i, person in enumerate(PEOPLE)}  # of one size: by the first member
    assert held(graph, "Person", "nick", "cluster") == {**labels, "late": -1}
    said = [[text.split(" (")[0] for text in about] for about in found.table["about"]]
    assert said == [[f"Town {town}", f"Genre {genre}"] for town, genre in zip(TOWNS, GENRES, strict=True)]
    own = found.attributes[found.attributes.attribute == "Town"]
    assert list(zip(own.cluster, own.value, own["count"], strict=True)) == [(i, t, 4) for i, t in enumerate(TOWNS)]
    names = {name for row in found.table.itertuples() for name in [*row.typical, *row.popular]}
    assert names <= {f"Name of {p}" for p in PEOPLE if p != "p03"} | {"p03"}  # who hides the name
    assert "p03" in graph.cluster(18, of="users").table["typical"].explode().tolist()


def test_the_same_seed_gives_the_same_clusters(graph):
    one, other = graph.cluster(5, seed=1), graph.cluster(5, seed=1)
    pd.testing.assert_frame_equal(one.labels, other.labels)
    pd.testing.assert_frame_equal(one.table, other.table)
    assert (one.model, one.version) == ("m", 1)


def test_foreign_properties_are_not_overwritten(graph):
    graph.load(nodes={"Song": pd.DataFrame({"id": SONGS, "plays": 1, "mood": "sad"})})
    for name in ["id", "title", "year", "mood", "m_a", "", " "]:
        with pytest.raises(ArgumentError, match=r"`write` must .* Give another name"):
            graph.cluster(3, write=name, overwrite=True)
    with pytest.raises(ArgumentError, match=r"`write` must be new.*'plays'"):
        graph.cluster(3, write="plays")
    assert set(held(graph, "Song", "id", "plays").values()) == {1}
    graph.cluster(3, write="plays", overwrite=True)
    assert set(held(graph, "Song", "id", "plays").values()) == {-1, 0, 1, 2}


def test_what_cannot_be_clustered(graph, monkeypatch):
    for options in ({"k": 0}, {"k": 2.5}, {"k": True}, {"k": 25}):
        with pytest.raises(ArgumentError, match="`k`"):
            graph.cluster(**options)
    assert graph.cluster(np.int64(3), seed=np.int64(1)).labels.equals(graph.cluster(3, seed=1).labels)
    for seed in (-1, 2**32, 1.5, True):
        with pytest.raises(ArgumentError, match="`seed` must be a whole number"):
            graph.cluster(3, seed=seed)
    with pytest.raises(ArgumentError, match="`of`"):
        graph.cluster(of="genres")
    with pytest.raises(UnknownKeyError, match="`model`"):
        graph.cluster(model="other")
    data = graph.dataset()
    none = [np.zeros((len(table), 2), np.float32) for table in (data.users, data.items)]
    graph.publish(FittedVectors.of(Popularity(), data, *none), "none")
    with pytest.raises(ModelError, match="must have vectors"):
        graph.cluster(model="none")
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtraError, match=r"graphrec\[report\]"):
        graph.cluster(model="m")


def test_a_graph_without_attributes_will_do(any_store):
    bare = SCHEMA.model_copy(update={"attributes": ()})
    blocks(any_store)
    found = Graph(any_store, bare).cluster(3)
    assert found.table["about"].tolist() == [[], [], []]
    assert found.attributes.empty
