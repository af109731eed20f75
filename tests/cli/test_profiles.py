from __future__ import annotations

import json
import shutil

import pandas as pd
import pytest
from online.blocks import SCHEMA, blocks

import graphrec
from graphrec.cli.output import console
from graphrec.cli.profiles import _table
from graphrec.store.ladybug import LadybugStore

CONFIG = """
[connection]
url = "songs.lbug"

[schema]
user = { label = "Person", key = "nick", name = "called" }
item = { label = "Song", key = "id", name = "title", properties = ["year"] }
interactions = [{ type = "HEARD" }, { type = "SKIPPED" }]
attributes = [
  { type = "HAS_GENRE", to = { label = "Genre", key = "name" } },
  { type = "LIVES_IN", to = { label = "Town", key = "name" }, of = "user" },
]
suggestions = { hidden = "shy" }
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("songs")
    (folder / "graphrec.toml").write_text(CONFIG)
    with LadybugStore(folder / "songs.lbug", buffer_pool_mb=256) as store:
        blocks(store)
    return folder


@pytest.fixture
def call(call, made, tmp_path, monkeypatch):
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHREC_URL", raising=False)
    return call


def test_profiles_as_tables_and_as_json(call):
    code, out, _ = call("profile", "p00", "p01", "-k", "2")
    assert code == 0
    assert "leans to" in out
    assert "rock" in out
    assert "similar" not in out
    document = json.loads(call("profile", "p00", "--json")[1])
    with graphrec.connect("songs.lbug", schema=SCHEMA) as graph:
        expected = graph.profile(users=["p00"])
    assert document["affinity"] == expected.affinity.to_dict("records")
    assert document["activity"][0]["interactions"] == expected.activity.interactions[0]
    assert document["activity"][0]["first"] is None
    code, out, _ = call("profile", "--items", "20", "-k", "1")
    assert code == 0
    assert "<b>Song 20</b>" in out
    assert "similar" in out
    assert call("profile", "--items", "twenty")[0] == 2
    assert call("profile", "nobody")[0] == 1


def test_clusters_go_to_the_graph_and_to_a_file(call):
    code, out, err = call("cluster", "--write", "cluster", "--labels", "new/c.csv")
    assert code == 0
    assert "Genre jazz (6.0x)" in out
    assert "silhouette" in err
    labels = pd.read_csv("new/c.csv")
    assert labels["cluster"].value_counts().to_dict() == {0: 12, 1: 8, 2: 4, -1: 1}
    assert call("cluster", "--write", "cluster")[0] == 2
    code, out, _ = call("cluster", "--write", "cluster", "--overwrite", "-k", "2", "--json")
    assert [row["size"] for row in json.loads(out)["clusters"]] == [12, 12]
    assert '"cluster": 0' in call("profile", "--items", "0", "--json")[1]


def test_a_map_is_a_file(call, tmp_path):
    code, out, err = call("map", "new/m.html", "--by", "pca", "--color", "Genre")
    assert (code, out) == (0, "")
    assert "Map: new/m.html" in err
    assert "Song 7" in (tmp_path / "new" / "m.html").read_text(encoding="utf-8")
    assert call("map", "m.html", "--color", "colour")[0] == 2


def test_the_recipe_is_printed(call):
    document = json.loads(call("cypher", "profile", "--json")[1])
    assert document["parameters"] == ["user", "k"]


def test_a_key_that_stands_for_a_name_is_no_amount(capsys):
    frame = pd.DataFrame({"item": [260], "similar": [1198], "name": [1198], "score": [0.5], "rank": [1]})
    console().print(_table(frame, "item", "similar"))
    out = capsys.readouterr().out
    assert out.count("1198") == 2
    assert "1,198" not in out
