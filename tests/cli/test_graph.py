from __future__ import annotations

import json
import re
import shutil
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

import graphrec
from graphrec.config import read_config

if TYPE_CHECKING:
    from pathlib import Path

    from commands import Call

CONFIG = """
[connection]
url = "people.lbug"

[schema]
user = { label = "Person", key = "nick", name = "called" }
item = { label = "Song", key = "id" }
interactions = [{ type = "HEARD" }]
social = [{ type = "KNOWS" }]
suggestions = { hidden = "shy" }
"""
# ana, bob and cy know each other, dan and eve each other; fay knows nobody but fay
KNOWS = [("ana", "bob"), ("bob", "ana"), ("bob", "cy"), ("cy", "ana"), ("dan", "eve"), ("fay", "fay"), ("cy", "gil")]


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("people")
    (folder / "graphrec.toml").write_text(CONFIG)
    nicks = ["ana", "bob", "cy", "dan", "eve", "fay", "gil"]
    with graphrec.connect(folder / "people.lbug", schema=read_config(folder / "graphrec.toml").schema) as graph:
        graph.load(
            {
                "Person": pd.DataFrame({"nick": nicks, "called": [f"<i>{n.title()}</i>" for n in nicks]}).assign(
                    shy=[n == "bob" for n in nicks], motto="hm"
                ),
                "Song": pd.DataFrame({"id": ["s1", "s2"]}),
            },
            {
                "KNOWS": pd.DataFrame(KNOWS, columns=["source", "target"]),
                "HEARD": pd.DataFrame({"source": ["ana"], "target": ["s1"]}),
            },
        )
    return folder


@pytest.fixture
def people(made: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a copy of that graph, in which the commands run."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHREC_URL", raising=False)
    return tmp_path


def community_of(found: Any) -> dict[str, int]:
    return dict(zip(found["nick"], found["community"], strict=True))


EXPECTED = {"ana": 0, "bob": 0, "cy": 0, "gil": 0, "dan": 1, "eve": 1, "fay": -1}


def test_the_table_is_printed_and_json_says_the_same(people: Path, call: Call) -> None:
    code, out, _ = call("graph")
    assert code == 0
    assert re.search(r"users without ties +1 *\n", out)
    assert re.search(r"ties to oneself +1 *\n", out)
    assert re.search(r"transitivity +0\.6 *\n", out)  # one triangle; five triples, three of them closed
    assert re.search(r"\n *cy +<i>Cy</i> +3 *\n", out)
    document = json.loads(call("graph", "--json")[1])
    assert document["values"]["ties"] == 5
    assert document["values"]["repeated ties"] == 1
    assert document["community_sizes"] == [4, 2]
    names = {hub["key"]: hub["name"] for hub in document["hubs"]}
    assert names["ana"] == "<i>Ana</i>"
    assert names["bob"] is None  # hides it


def test_communities_go_to_a_file_and_to_the_graph(people: Path, call: Call) -> None:
    code, _, err = call("graph", "--communities", "new/c.csv", "--write", "community")
    assert code == 0
    assert "new/c.csv" in err
    assert "'community'" in err
    frame = pd.read_csv("new/c.csv")
    assert dict(zip(frame["key"], frame["community"], strict=True)) == EXPECTED
    code, out, err = call("graph", "--write", "community")  # might be somebody's data
    assert (code, out) == (2, "")
    assert "must be new" in err
    assert call("graph", "--write", "community", "--overwrite")[0] == 0
    with graphrec.connect("people.lbug", schema=read_config().schema) as graph:
        found = graph.query("MATCH (p:Person) RETURN p.nick AS nick, p.community AS community")
    assert community_of(found) == EXPECTED


@pytest.mark.parametrize(
    ("name", "says"),
    [("nick", "schema"), ("called", "schema"), ("shy", "schema"), ("motto", "whole numbers"), ("", "name")],
)
def test_a_property_that_means_something_else_is_not_overwritten(
    people: Path, call: Call, name: str, says: str
) -> None:
    code, out, err = call("graph", "--write", name, "--overwrite")
    assert (code, out) == (2, "")
    assert says in err
    assert "`write`" in err


def test_the_report_is_one_page(people: Path, call: Call) -> None:
    code, _, err = call("graph", "--report", "r.html")
    assert code == 0
    assert "Report: r.html" in err
    text = (people / "r.html").read_text(encoding="utf-8")
    assert "What the ties look like" in text
    assert "&lt;i&gt;Cy&lt;/i&gt;" in text
    assert "<i>" not in text.split("<script")[0]
    assert "Bob" not in text  # hides the name


def test_a_schema_without_ties_is_refused(people: Path, call: Call) -> None:
    (people / "graphrec.toml").write_text(CONFIG.replace('social = [{ type = "KNOWS" }]\n', ""))
    code, _, err = call("graph")
    assert code == 1
    assert "names no ties" in err
