from __future__ import annotations

import json

import pandas as pd
import pytest

import graphrec
from graphrec.config import read_config

CONFIG = """
[connection]
url = "people.lbug"

[schema]
user = { label = "Person", key = "no", name = "called" }
item = { label = "Song", key = "id" }
interactions = [{ type = "HEARD", time = "at" }]
social = [{ type = "KNOWS" }]
"""


@pytest.fixture
def call(call, tmp_path, monkeypatch):
    (tmp_path / "graphrec.toml").write_text(CONFIG)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHREC_URL", raising=False)
    with graphrec.connect("people.lbug", schema=read_config(tmp_path / "graphrec.toml").schema) as graph:
        people = pd.DataFrame({"no": [1, 2, 3], "called": ["Ana", "Bob", "Cy"]})
        heard = pd.DataFrame({"source": [2, 3, 3], "target": ["s1", "s1", "s2"], "at": [1_000_000_000, 5, 6]})
        knows = pd.DataFrame({"source": [1, 3], "target": [2, 1]})
        songs = pd.DataFrame({"id": ["s1", "s2"], "title": ["One", "Two"]})
        graph.load({"Person": people, "Song": songs}, {"HEARD": heard, "KNOWS": knows})
    people.to_csv("people.csv", index=False)
    return call


def test_a_feed_is_printed_with_names(call):
    code, out, _ = call("feed", "1", "--half-life", "3650", "--show", "title")
    assert code == 0
    assert "Bob, Cy" in out
    assert "One" in out
    rows = json.loads(call("feed", "1", "-k", "1", "--json")[1])
    assert [(row["user"], row["item"], row["friends"], row["named"]) for row in rows] == [(1, "s1", 2, ["Bob", "Cy"])]
    code, _, err = call("feed", "9")
    assert (code, "1 unknown" in err) == (1, True)
    text = call("cypher", "feed")[1]
    assert "// parameters: $user, $k" in text


def test_forgetting_asks_or_needs_yes_and_says_what_holds_the_user(call):
    code, _, err = call("forget", "2")
    assert (code, "Give --yes" in err) == (2, True)
    code, out, _ = call("forget", "2", "--yes", "--saved", "people.csv")
    assert code == 0
    assert "relationship" in out
    assert "people.csv' (column no) still holds [2]" in out
    code, _, err = call("forget", "2", "--yes")
    assert (code, "1 unknown" in err) == (1, True)
    code, out, _ = call("forget", "2", "3", "--yes", "--missing-ok", "--json")
    report = json.loads(out)
    assert (code, report["gone"], report["users"]) == (0, [2], [2, 3])
    assert {row["left"] for row in report["removed"]} == {0}
    code, out, _ = call("feed", "1")
    assert (code, "nothing to recommend" in out) == (0, True)
