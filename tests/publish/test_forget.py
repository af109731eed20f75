from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from publish import forgotten
from publish.forgotten import MARY, NUMBERS, PEOPLE, SCHEMA, THINGS, between, everything, made, model

import graphrec.publish.forget as forgetting
from graphrec.errors import ArgumentError, DataError, ModelError, StoreError, UnknownKeyError
from graphrec.graph import connect
from graphrec.store.ladybug import LadybugStore

ROOT = Path(__file__).parents[2]


def removed(report, user):
    """What a report says of one user, by kind and name."""
    rows = report.removed[report.removed.user == user]
    return {(kind, name): count for kind, name, count in zip(rows.kind, rows.name, rows.removed, strict=True)}


def named(row):
    """Whom a suggestion names, from a list or from a column for each."""
    values = [name for value in row for name in (value if isinstance(value, list) else [value])]
    return [name for name in values if name is not None]


@pytest.mark.parametrize("people", [PEOPLE, NUMBERS], ids=["text", "numbers"])
def test_a_user_is_gone_with_all_that_hangs_on_them(any_store, people):
    graph = made(any_store, people)
    first = people[0]
    data = graph.dataset()
    for seed in (0, 1):  # both slots
        graph.publish(model(data, seed), "m")
    graph.publish(model(data, 2), "other")
    before = {edge.type: edge.count for edge in graph.store.describe().relationships}
    assert str(first) in everything(graph)
    report = graph.forget([first])
    expected = {
        ("node", "Per`son"): 1,
        ("vector", "m_a"): 1,
        ("vector", "m_b"): 1,
        ("vector", "other_a"): 1,
        ("relationship", "HAS"): 4,
        ("relationship", "KNOWS `"): 6,
        ("relationship", "FOLLOWS"): 1,
        ("relationship", "LIVES IN"): 1,
        ("relationship", "BLOCKS"): 1,
        ("relationship", "DECLINED"): 1,
        ("relationship", "SUG`GESTED"): 2,
        ("mention", "SUG`GESTED"): 2,
    }
    assert removed(report, first) == expected
    assert (report.removed.left == 0).all()
    assert (report.users, report.gone) == ((first,), ())
    assert str(first) not in everything(graph)
    after = {edge.type: edge.count for edge in graph.store.describe().relationships}
    for type, count in before.items():
        assert after.get(type, 0) == count - expected.get(("relationship", type), 0), type
    for slot in ("m_a", "m_b", "other_a"):
        assert first not in graph.store.read_vectors(SCHEMA.user, slot)[0].to_pylist()
    assert [(v.name, v.version) for v in report.models] == [("m", 2), ("other", 1)]
    assert "'m' (version 2, published 20" in str(report)
    assert "Fit it again and publish it" in str(report)
    with pytest.raises(UnknownKeyError, match="1 unknown"):
        graph.recommend([first], 3, model="m")


def test_others_keep_their_suggestions_with_the_brief_reason(any_store):
    graph = made(any_store)
    graph.forget([MARY])
    columns = ", ".join(f"s.{column}" for column in forgotten.naming(graph, []))
    text = f"MATCH (a:`Per``son`)-[s:`SUG``GESTED`]->() RETURN a.`the id`, s.reason, {columns}"
    found = [row.values() for row in graph.store.query(text).to_pylist()]
    rows = {a: (named(whom), reason) for a, reason, *whom in found}
    kept = PEOPLE[5]
    assert rows == {
        PEOPLE[3]: ([], "1 friends in common"),
        PEOPLE[4]: ([], "3 friends in common"),
        kept: ([kept], f"friends in common: {kept}"),
    }


def test_forgetting_twice_and_forgetting_the_unknown(any_store):
    graph = made(any_store)
    with pytest.raises(UnknownKeyError, match=r"2 unknown, such as \['nobody', 'none'\].*Nothing was removed"):
        graph.forget([MARY, "nobody", "none"])
    assert MARY in everything(graph)
    with pytest.raises(UnknownKeyError, match="unknown"):
        graph.forget([4])
    for bad in ("one text", [None], [1.5], [MARY, 3]):
        with pytest.raises(DataError, match="users"):
            graph.forget(bad)
    hostile = PEOPLE[1]
    assert len(graph.forget([MARY, hostile, MARY]).users) == 2
    with pytest.raises(UnknownKeyError, match="missing_ok=True"):
        graph.forget([MARY])
    report = graph.forget([MARY, PEOPLE[2]], missing_ok=True)
    assert report.gone == (MARY,)
    assert set(report.removed.user) == {PEOPLE[2]}
    assert "1 forgotten, 1 not in the graph, nothing left" in str(report)
    assert graph.forget([]).removed.empty
    assert graph.store.keys(SCHEMA.user).to_pylist().__len__() == len(PEOPLE) - 3


def test_an_empty_graph_has_nobody_to_forget(any_store):
    graph = connect_like(any_store)
    with pytest.raises(UnknownKeyError, match="1 unknown"):
        graph.forget([MARY])
    assert graph.forget([MARY], missing_ok=True).gone == (MARY,)


def connect_like(store):
    return forgotten.Graph(store, SCHEMA)


def test_the_end_is_checked_by_asking_the_graph(any_store):
    """A program that goes on naming the user is found out, and repeating ends it although the node is gone."""
    graph = made(any_store)

    def busy(what, done, total):
        if what == SCHEMA.user.label:
            columns = {"source": [PEOPLE[20]], "target": [PEOPLE[21]], "reason": ["r"], "brief": ["b"]}
            between(graph, "SUG`GESTED", columns | forgotten.naming(graph, [[MARY]]))

    with pytest.raises(StoreError, match="still holds 1 mention"):
        graph.forget([MARY], progress=busy)
    report = graph.forget([MARY])
    assert removed(report, MARY) == {("mention", "SUG`GESTED"): 1}
    assert MARY not in everything(graph)


def test_suggestions_are_changed_in_bounded_transactions(any_store, monkeypatch):
    monkeypatch.setattr(forgetting, "MENTIONS", 1)
    monkeypatch.setattr(forgetting, "USERS", 2)
    graph = made(any_store)
    graph.forget(PEOPLE[:5])
    assert not [person for person in PEOPLE[:5] if person in everything(graph)]
    assert PEOPLE[5] in everything(graph)


def test_a_model_fitted_before_brings_nobody_back(any_store, tmp_path):
    graph = made(any_store)
    old = model(graph.dataset())
    graph.publish(old, "m")
    old.save(tmp_path / "model.safetensors")
    graph.forget([MARY])
    version = graph.publish(old, "m")
    assert version.users == len(PEOPLE) - 1
    graph.rollback("m")
    assert MARY not in everything(graph)
    graph.load({SCHEMA.user.label: pd.DataFrame({"the id": [MARY]})})  # comes back, a stranger
    assert MARY not in graph.store.read_vectors(SCHEMA.user, "m_a")[0].to_pylist()
    assert MARY not in graph.store.read_vectors(SCHEMA.user, "m_b")[0].to_pylist()
    graph.forget(PEOPLE[:10])
    with pytest.raises(ModelError, match="belongs to another graph"):
        graph.publish(old, "m")


def test_what_was_saved_is_named_and_left_alone(any_store, tmp_path):
    graph = made(any_store)
    fitted = model(graph.dataset())
    fitted.save(tmp_path / "model.safetensors")
    graph.export(tmp_path / "export")
    with pytest.raises(ArgumentError, match="saved"):
        graph.forget([MARY], saved=[tmp_path / "nothing"])
    assert MARY in everything(graph)
    report = graph.forget([MARY], saved=[tmp_path])
    paths = {each.path.relative_to(tmp_path).parts[0] for each in report.held}
    assert paths == {"model.safetensors", "export"}
    assert "still holds" in str(report)
    assert (tmp_path / "model.safetensors").exists()


def test_one_who_forgets_is_killed_and_the_repeat_ends_it(any_place):
    url, schema = any_place
    for steps in (2,):
        with connect(url, schema=schema) as graph:
            for label in graph.store.describe().labels:
                graph.query(f"MATCH (n:`{label.replace('`', '``')}`) DETACH DELETE n")
            made(graph.store)
        command = [sys.executable, "-m", "publish.forgotten", url, MARY, str(steps)]
        done = subprocess.run(command, cwd=ROOT / "tests", env=environment(), capture_output=True, check=False)
        assert done.returncode == -9, done.stderr
        with connect(url, schema=schema) as graph:
            report = graph.forget([MARY], missing_ok=True)
            assert report.gone == ((MARY,) if steps == 3 else ())
            assert MARY not in everything(graph)


def environment():
    import os

    return os.environ | {"PYTHONPATH": f"{ROOT}:{ROOT / 'tests'}"}


@pytest.fixture(params=["ladybug", pytest.param("neo4j", marks=pytest.mark.neo4j)])
def any_place(request, tmp_path):
    if request.param == "neo4j":
        return request.getfixturevalue("neo4j_url"), SCHEMA
    return str(tmp_path / "graph.lbug"), SCHEMA


def test_a_graph_file_keeps_the_bytes_until_it_is_written_anew(tmp_path):
    """Deleted rows stay in the pages of the file; a new file, by export and import, has no such bytes."""
    path = tmp_path / "graph.lbug"
    with LadybugStore(path) as store:
        graph = made(store)
        graph.publish(model(graph.dataset()), "m")
        graph.forget([MARY])
        assert MARY not in everything(graph)
    assert MARY.encode() in path.read_bytes()
    with connect(path, schema=SCHEMA) as old, connect(tmp_path / "new.lbug", schema=SCHEMA) as new:
        old.export(tmp_path / "files")
        new.import_(tmp_path / "files")
        assert {"BLOCKS", "DECLINED"} <= {each.type for each in new.store.describe().relationships}
        assert new.recommend([PEOPLE[2]], 3).item.tolist() == old.recommend([PEOPLE[2]], 3).item.tolist()
    for file in tmp_path.glob("new.lbug*"):
        assert MARY.encode() not in file.read_bytes()
    assert THINGS[0] in connect_keys(tmp_path / "new.lbug")


def connect_keys(path):
    with connect(path, schema=SCHEMA) as graph:
        return graph.store.keys(SCHEMA.item).to_pylist()
