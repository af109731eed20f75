from __future__ import annotations

import json
import os
import shutil
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.cli.app import run
from graphrec.config import Config
from graphrec.doctor.examine import examine
from graphrec.doctor.finding import Finding
from graphrec.models import LightGCN
from graphrec.schema import GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from collections.abc import Iterable

SCHEMA = GraphSchema(
    user=Node("User", key="user_id"),
    item=Node("Item", key="item_id"),
    interactions=[Interaction("TOOK", time="timestamp", target=True)],
)
CONFIG = Config(schema=SCHEMA)
SECRET = "correct horse battery staple"


def fill(graph: graphrec.Graph) -> None:
    pairs = pd.DataFrame(
        [(u, i) for u in range(20) for i in range(10) if (u + i) % 2], columns=["user_id", "item_id"]
    )
    graph.load(edges={"TOOK": pairs.assign(timestamp=np.arange(len(pairs)))}, on_missing="create")


def publish(graph: graphrec.Graph) -> None:
    graph.publish(LightGCN(dim=4, epochs=1).fit(graph.dataset()), "m")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("doctor") / "graph.lbug"
    with graphrec.connect(path, schema=SCHEMA) as graph:
        fill(graph)
        publish(graph)
    return path


@pytest.fixture
def path(made: Path, tmp_path: Path) -> Path:
    shutil.copytree(made.parent, tmp_path, dirs_exist_ok=True)
    return tmp_path / made.name


def of(findings: Iterable[Finding], name: str) -> list[Finding]:
    return [finding for finding in findings if finding.name == name]


def bad(findings: Iterable[Finding]) -> list[tuple[str, str]]:
    """Return what is not well, disk and memory aside: they are this machine's."""
    return [(f.name, f.status) for f in findings if f.status != "ok" and not f.name.startswith(("disk", "memory"))]


def test_a_healthy_graph(path: Path) -> None:
    findings = examine(str(path), CONFIG)
    assert bad(findings) == []
    [versions_] = of(findings, "versions")
    assert f"graphrec {graphrec.__version__}" in versions_.text
    assert "torch " in versions_.text
    assert "User 20, Item 10, TOOK 100" in of(findings, "schema")[0].text
    texts = [finding.text for finding in of(findings, "model m")]
    assert texts[0].startswith("lightgcn version 1 is live")
    assert texts[1:] == [
        "0 of 20 'User' nodes have no vector (new since, or without interactions).",
        "0 of 10 'Item' nodes have no vector (new since, or without interactions).",
    ]


def test_no_file(tmp_path: Path) -> None:
    findings = examine(str(tmp_path / "none.lbug"), CONFIG)
    assert bad(findings) == [("connection", "fail")]
    assert of(findings, "versions")
    assert "graphrec load" in of(findings, "connection")[0].remedy
    assert not (tmp_path / "none.lbug").exists()


def test_a_file_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "text.lbug").write_text("no database " * 1000)
    findings = examine(str(tmp_path / "text.lbug"), CONFIG)
    assert ("connection", "fail") in bad(findings)


def test_no_server_and_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GRAPHREC_NEO4J_PASSWORD", SECRET)
    findings = examine("neo4j://localhost:1", CONFIG)
    assert bad(findings) == [("connection", "fail")]
    assert "localhost:1" in of(findings, "connection")[0].text
    assert SECRET not in str(findings)


def test_another_schema_names_what_is_missing(path: Path) -> None:
    other = GraphSchema(
        user=Node("User", key="id"), item=Node("Items", key="item_id"), interactions=[Interaction("TOOK")]
    )
    findings = examine(str(path), Config(schema=other))
    texts = " ".join(f.text for f in of(findings, "schema") if f.status == "fail")
    assert "'Items'" in texts
    assert "'User' nodes have no property 'id'" in texts


def test_a_model_of_another_schema_is_no_fault(path: Path) -> None:
    with graphrec.connect(path) as graph:
        assert graph.store.update_model("m", {}, {"item_label": "Film"})
    findings = examine(str(path), CONFIG)
    assert bad(findings) == []
    [found] = of(findings, "model m")
    assert found.text.endswith("It belongs to the labels 'User' and 'Film', and to another schema than this.")


def test_new_nodes_without_a_vector(path: Path) -> None:
    with graphrec.connect(path, schema=SCHEMA) as graph:
        graph.load(nodes={"Item": pd.DataFrame({"item_id": [100, 101, 102]})})
    findings = examine(str(path), CONFIG)
    assert bad(findings) == [("model m", "warn")]
    [drift] = [f for f in findings if f.status == "warn" and f.name == "model m"]
    assert drift.text.startswith("3 of 13 'Item' nodes have no vector")
    assert "publish" in drift.remedy


def test_a_lock_that_is_held_and_one_that_was_left(path: Path) -> None:
    def lock(until: float) -> None:
        with graphrec.connect(path, schema=SCHEMA) as graph:
            change = {"lock": "token", "lock_owner": "host:1", "lock_until": until}
            assert graph.store.update_model("m", {}, change)

    lock(time.time() + 50)
    findings = examine(str(path), CONFIG)
    assert bad(findings) == []
    assert any("host:1 is publishing" in f.text for f in findings)
    lock(time.time() - 50)
    findings = examine(str(path), CONFIG)
    assert bad(findings) == [("model m", "warn")]
    assert any("host:1 stopped while it published" in f.text for f in findings)
    lock(time.time() + 5000)
    findings = examine(str(path), CONFIG)
    assert bad(findings) == [("model m", "warn")]
    assert any("a clock moved" in f.text for f in findings)


def test_a_publish_that_did_not_end(path: Path) -> None:
    with graphrec.connect(path, schema=SCHEMA) as graph:
        publish(graph)
        assert graph.store.update_model("m", {}, {"standby": None})
        assert graph.store.update_model("n", None, {"version": 0})
    findings = examine(str(path), CONFIG)
    assert bad(findings) == [("model m", "warn"), ("model n", "warn")]
    assert "nothing to roll back to" in of(findings, "model m")[0].text
    assert "nothing is live" in of(findings, "model n")[0].text


def test_vectors_that_are_gone(path: Path) -> None:
    with graphrec.connect(path, schema=SCHEMA) as graph:
        graph.store.drop_vectors(SCHEMA.item, "m_a")
    findings = examine(str(path), CONFIG)
    assert ("model m", "fail") in bad(findings)


def test_some_vectors_that_are_gone(path: Path) -> None:
    with graphrec.connect(path, schema=SCHEMA) as graph:
        graph.store.query("MATCH (i:Item) WHERE i.item_id < 3 SET i.m_a = NULL", write=True)
    [gone] = [f for f in examine(str(path), CONFIG) if f.status == "warn" and f.name == "model m"]
    assert gone.text.endswith("3 of the 10 that were published are gone.")
    assert gone.remedy.startswith("Nodes or vectors were removed: ")


def test_a_file_that_can_only_be_read(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    access = os.access
    refused = os.W_OK  # root may write whatever the mode says, so the answer is changed instead
    monkeypatch.setattr(os, "access", lambda place, mode, **kw: not mode & refused and access(place, mode, **kw))
    assert bad(examine(str(path), CONFIG)) == [("file", "warn")]


def test_the_command_prints_findings_and_fails_with_them(
    path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("graphrec.toml").write_text('[schema]\ninteractions = [{ type = "TOOK", time = "timestamp" }]\n')
    assert run(["doctor", "--url", str(path)]) == 0
    assert "model m" in capsys.readouterr().out
    assert run(["doctor", "--url", "none.lbug", "--json"]) == 1
    findings = json.loads(capsys.readouterr().out)
    assert {"name", "status", "text", "remedy"} == set(findings[0])
    assert "fail" in {finding["status"] for finding in findings}


def test_a_broken_configuration_is_a_finding(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("graphrec.toml").write_text("[schema]\nusr = 3\n")
    assert run(["doctor", "--url", "none.lbug"]) == 1
    out = capsys.readouterr().out
    assert "FAIL  configuration" in out
    assert "usr" in out
    assert "versions" in out


def test_neo4j(neo4j_url: str) -> None:
    def change(cypher: str) -> list[Finding]:
        with graphrec.connect(neo4j_url, schema=SCHEMA) as graph:
            graph.query(cypher)
        return examine(neo4j_url, CONFIG)

    with graphrec.connect(neo4j_url, schema=SCHEMA) as graph:
        fill(graph)
        publish(graph)
    findings = examine(neo4j_url, CONFIG)
    assert bad(findings) == []
    assert "edition" in of(findings, "database")[0].text
    assert of(findings, "keys of User")[0].text == "'user_id': INTEGER, unique and a constraint keeps them so."
    assert any("vector index 'm_a' is online" in f.text for f in of(findings, "model m"))

    findings = change("CREATE (:GraphrecLoad {id: 'abc', chunks: 3})")
    assert bad(findings) == [("loads", "warn")]
    findings = change("MATCH (l:GraphrecLoad) DELETE l WITH count(*) AS gone CREATE (:User)")
    assert bad(findings) == [("keys of User", "warn")]
    assert "1 have none" in of(findings, "keys of User")[0].text
    with graphrec.connect(neo4j_url, schema=SCHEMA) as graph:
        for name in graph.query(
            "SHOW CONSTRAINTS YIELD name, labelsOrTypes WHERE 'User' IN labelsOrTypes RETURN name"
        )["name"]:
            graph.query(f"DROP CONSTRAINT `{name}`")
    findings = change("MATCH (u:User) WHERE u.user_id IS NULL DELETE u")
    assert bad(findings) == [("keys of User", "warn")]
    assert of(findings, "keys of User")[0].remedy.startswith("CREATE CONSTRAINT FOR (n:`User`)")
    findings = change("CREATE (:User {user_id: 1}), (:User {user_id: '1'})")
    assert ("keys of User", "fail") in bad(findings)
    assert "1 are doubled; they are of the types INTEGER, STRING" in of(findings, "keys of User")[0].text
    findings = change(
        "MATCH (i:Item {item_id: 1}) SET i.m_a = [1.0, 2.0] WITH i MATCH (u:User {user_id: 2}) SET u.m_a = 'x'"
    )
    odd = [f.text for f in of(findings, "model m") if "something else" in f.text]
    assert odd == [
        "1 'User' nodes hold in 'm_a' something else than 5 numbers: lists are refused.",
        "1 'Item' nodes hold in 'm_a' something else than 5 numbers: lists are refused.",
    ]
    findings = change("DROP INDEX m_a")
    assert ("model m", "fail") in bad(findings)


def test_neo4j_with_a_wrong_password(neo4j_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    if "GRAPHREC_NEO4J_PASSWORD" not in os.environ:
        pytest.skip("this server asks for no password")
    monkeypatch.setenv("GRAPHREC_NEO4J_PASSWORD", SECRET)
    findings = examine(neo4j_url, CONFIG)
    assert bad(findings) == [("connection", "fail")]
    assert "GRAPHREC_NEO4J_PASSWORD" in of(findings, "connection")[0].text
    assert SECRET not in str(findings)
