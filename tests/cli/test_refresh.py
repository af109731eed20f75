from __future__ import annotations

import json
from dataclasses import replace

import pytest
from newcomers import CITY, SCHEMA, arrive, mapped, newcomers_graph

import graphrec.config
from graphrec.cli.app import run
from graphrec.graph import Graph
from graphrec.store.ladybug import LadybugStore

pytestmark = pytest.mark.filterwarnings("always::graphrec.errors.GraphRecWarning")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A graph file with a model, and what came later; the configuration names its schema."""
    monkeypatch.chdir(tmp_path)
    with LadybugStore(tmp_path / "g.lbug", buffer_pool_mb=256) as store:
        graph = newcomers_graph(store)
        graph.publish(mapped(graph.dataset()), "m")
        arrive(graph)
        schema = graph.schema
    read = graphrec.config.read_config
    monkeypatch.setattr(graphrec.config, "read_config", lambda path: replace(read(path), schema=schema))
    return str(tmp_path / "g.lbug")


def test_new_users_and_items_are_brought_in(file, capsys):
    assert run(["refresh", "--url", file, "--quiet"]) == 0
    shown = capsys.readouterr().out
    assert "m 1.1 is live" in shown
    assert "fold-in" in shown
    assert run(["refresh", "--url", file, "--json"]) == 0
    told, errors = capsys.readouterr()
    document = json.loads(told)
    assert document["version"]["shown"] == "1.1"
    assert document["standby"] is None
    assert {row["path"] for row in document["counts"]} == {"none"}
    assert len(document["notes"]) == 2
    assert "25% more than the 12" in errors
    assert run(["recommend", "u90", "-k", "2", "--url", file, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["path"], row["version"]) for row in rows] == [("attributes", "1.1")] * 2
    assert run(["models", "--url", file]) == 0
    assert "1.1" in capsys.readouterr().out


def test_what_cannot_be_refreshed_ends_with_its_code(file, capsys):
    assert run(["refresh", "--model", "n", "--url", file]) == 1
    assert "Known: 'm'" in capsys.readouterr().err
    assert run(["refresh", "--url", "missing.lbug"]) == 3
    assert "missing.lbug" in capsys.readouterr().err


def test_a_new_user_is_described_on_the_command_line(file, capsys):
    who = graphrec.NewUser(items=["i02"], attributes={CITY: ["Paris"], "age": 30}, text="quiet dream")
    with LadybugStore(file, buffer_pool_mb=256) as store:
        wanted = Graph(store, SCHEMA).recommend([who], 4)
    said = ["--items", "i02", "--text", "quiet dream", "--attribute", f"{CITY}=Paris", "--attribute", "age=30"]
    assert run(["recommend", *said, "-k", "4", "--url", file, "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [(row["item"], row["path"]) for row in rows] == list(zip(wanted.item, wanted.path, strict=True))
    assert rows[0]["path"] == "fold-in+text+attributes"
    assert run(["recommend", "u00", "--text", "quiet", "--url", file]) == 2
    assert "Give either users, or --items, --text and --attribute" in capsys.readouterr().err
