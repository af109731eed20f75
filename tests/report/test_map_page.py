from __future__ import annotations

import json
import re

import pandas as pd
import pytest
from online.blocks import NAMES, blocks

from graphrec.errors import ArgumentError, UnknownKeyError
from graphrec.store.ladybug import LadybugStore


def drawn(path):
    text = path.read_text(encoding="utf-8")
    found = re.search(r'<script id="figures" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    return text, json.loads(found[1])["map"]


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    with LadybugStore(tmp_path_factory.mktemp("map") / "graph.lbug", buffer_pool_mb=256) as store:
        yield blocks(store)


def test_the_page_holds_the_names_and_loads_nothing(graph, tmp_path):
    path = graph.map(tmp_path / "new" / "m.html", color="Genre")
    text, figure = drawn(path)
    by_name = {trace["name"]: trace["text"] for trace in figure["data"]}
    escaped = [name.replace("<", "&lt;").replace(">", "&gt;") for name in NAMES]
    assert {name: set(titles) for name, titles in by_name.items()} == {
        "rock": set(escaped[:12]),
        "folk": set(escaped[12:20]),
        "jazz": set(escaped[20:24]),  # the last song has no direction
    }
    assert "<b>Song" not in text
    head = text.split("<script>")[0]
    assert not re.search(r"<(link|img|iframe)|<script src|https?://", head)
    assert "default-src 'none'" in head
    assert "All 24 items with a vector." in text
    assert "Map of the items" in text


def test_colours_are_clusters_attributes_or_properties(graph, tmp_path):
    _, figure = drawn(graph.map(tmp_path / "m.html", by="pca"))
    names = {trace["name"] for trace in figure["data"]}
    assert len(names) == 6
    assert all(re.fullmatch(r"Cluster \d, Genre \w+ \(\d.\dx\)", name) for name in names)
    text, figure = drawn(graph.map(tmp_path / "m.html", by="pca", color="year"))
    assert {trace["name"]: len(trace["x"]) for trace in figure["data"]} == {"1990": 12, "1991": 8, "1992": 4}
    assert "% of what differs" in text
    assert 0.5 < figure["layout"]["meta"]["explained"] <= 1
    _, figure = drawn(graph.map(tmp_path / "m.html", by="pca", of="users", color="LIVES_IN"))
    assert {trace["name"]: len(trace["x"]) for trace in figure["data"]} == {
        "Bern": 4,
        "Rome": 4,
        "Oslo": 4,
        "none": 6,
    }
    said = {name for trace in figure["data"] for name in trace["text"]}
    assert "p03" in said  # hides the name
    assert "Name of p03" not in said


def test_a_point_has_the_rarest_of_the_frequent_values(graph, tmp_path):
    graph.load(edges={"HAS_GENRE": pd.DataFrame({"source": list(range(4)), "target": ["jazz"] * 4})})
    try:
        _, figure = drawn(graph.map(tmp_path / "m.html", by="pca", color="Genre"))
    finally:
        graph.query("MATCH (s:Song)-[r:HAS_GENRE]->(g:Genre {name: 'jazz'}) WHERE s.id < 4 DELETE r")
    assert {trace["name"]: len(trace["x"]) for trace in figure["data"]} == {"rock": 8, "folk": 8, "jazz": 8}


def test_only_the_most_popular_are_drawn_and_the_seed_gives_the_same_picture(graph, tmp_path, monkeypatch):
    for module in ("figures", "map_page"):
        monkeypatch.setattr(f"graphrec.report.{module}.DRAWN", 10)
    text, figure = drawn(graph.map(tmp_path / "m.html"))
    assert "Of 24 items with a vector, the 10 with most interactions." in text
    assert sum(len(trace["x"]) for trace in figure["data"]) == 10
    assert drawn(graph.map(tmp_path / "n.html"))[1] == figure


def test_what_cannot_be_drawn(graph, tmp_path):
    for options, argument in (
        ({"by": "umap"}, "by"),
        ({"of": "songs"}, "of"),
        ({"color": "genre"}, "color"),
        ({"seed": -1}, "seed"),
    ):
        with pytest.raises(ArgumentError, match=f"`{argument}`"):
            graph.map(tmp_path / "m.html", **options)
    with pytest.raises(ArgumentError, match="Did you mean 'Genre'"):
        graph.map(tmp_path / "m.html", color="genre")
    with pytest.raises(UnknownKeyError, match="`model`"):
        graph.map(tmp_path / "m.html", model="other")
    assert not (tmp_path / "m.html").exists()
