from __future__ import annotations

import shutil

import pandas as pd
import pytest
from newcomers import arrive, mapped, newcomers_graph
from planted import ITEMS, SCHEMA, USERS, known_model, planted

from graphrec.errors import ArgumentError, DataError, GraphRecWarning
from graphrec.graph import Graph, connect
from graphrec.schema import GraphSchema, Suggestions


def test_a_graph_survives_the_journey_through_files(any_store, tmp_path):
    graph = planted(any_store)
    graph.publish(known_model(graph.dataset()), "m")
    counts = graph.export(tmp_path / "files")
    assert counts["Customer"] == 12
    assert counts["HAS TAG"] == 30
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        copy.import_(tmp_path / "files")
        before, after = graph.dataset(), copy.dataset()
        assert after.fingerprint == before.fingerprint
        assert after.frame(SCHEMA.item.label).equals(before.frame(SCHEMA.item.label))
        first, second = graph.recommend(USERS, 5), copy.recommend(USERS, 5)
        assert first.drop(columns="version").equals(second.drop(columns="version"))
        assert copy.similar(["i04"], 3).equals(graph.similar(["i04"], 3))


def test_what_gave_a_vector_travels_with_it(any_store, tmp_path):
    graph = newcomers_graph(any_store)
    graph.publish(mapped(graph.dataset()), "m")
    arrive(graph)
    with pytest.warns(GraphRecWarning, match="more than the"):
        graph.refresh()
    users = ["u00", "u03", "u90", "u91"]
    before = graph.recommend(users, 25)
    assert before.groupby("user").path.first().tolist() == ["vector", "attributes", "attributes", "fold-in"]
    graph.export(tmp_path / "files")
    with connect(tmp_path / "copy.lbug", schema=graph.schema) as copy:
        copy.import_(tmp_path / "files")
        assert copy.recommend(users, 25).drop(columns="version").equals(before.drop(columns="version"))
        assert copy.models()[["cold_users", "cold_items"]].equals(graph.models()[["cold_users", "cold_items"]])


def test_models_of_other_nodes_and_without_vectors_are_left_out(any_store, tmp_path):
    graph, other = planted(any_store), Graph(any_store, GraphSchema())
    model = known_model(graph.dataset())
    model.user_vectors[:] = 0  # nobody is known, which is no fault
    for name in ("m", "gone"):
        graph.publish(model, name)
    any_store.drop_vectors(SCHEMA.item, "gone_a")
    other.load(
        {"User": pd.DataFrame({"user_id": USERS}), "Item": pd.DataFrame({"item_id": ITEMS})},
        {"INTERACTED": pd.DataFrame({"source": USERS, "target": ITEMS[:12]})},
    )
    other.publish(known_model(other.dataset()), "other")
    with pytest.warns(GraphRecWarning) as said:
        counts = graph.export(tmp_path / "files")
    assert [str(each.message).split(" is left out")[0] for each in said] == ["The model 'gone'", "The model 'other'"]
    assert (counts["m"], counts.get("gone"), counts.get("other")) == (30, None, None)
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        copy.import_(tmp_path / "files")
        assert copy.models().name.tolist() == ["m"]
        assert copy.similar(["i04"], 3).equals(graph.similar(["i04"], 3, model="m"))


def test_blocks_and_declines_travel_too(any_store, tmp_path):
    people = Suggestions(blocks=["BLOCKS", "MUTES"], declined="DECLINED")
    schema = SCHEMA.model_copy(update={"suggestions": people})
    graph = Graph(planted(any_store).store, schema)
    pair = {"source": [USERS[0]], "target": [USERS[1]]}
    graph.load(edges={"BLOCKS": pd.DataFrame(pair), "DECLINED": pd.DataFrame(pair | {"at": [5]})})
    counts = graph.export(tmp_path / "files")
    assert (counts["BLOCKS"], counts["DECLINED"], counts.get("MUTES")) == (1, 1, None)
    with connect(tmp_path / "copy.lbug", schema=schema) as copy:
        copy.import_(tmp_path / "files")
        text = "MATCH (a)-[b:BLOCKS]->(c), (a)-[d:DECLINED]->(c) RETURN a.uuid AS a, c.uuid AS c, d.at AS at"
        assert copy.query(text).to_dict("records") == [{"a": USERS[0], "c": USERS[1], "at": 5}]


@pytest.mark.parametrize(
    ("has", "change"),
    [("time", "SET r.`{}` = datetime({{epochSeconds: 5}})"), ("weight", "REMOVE r.`{}`")],
    ids=["a date beside the seconds of a load", "no weight, which counts as one"],
)
def test_what_a_load_does_not_write_travels_as_what_it_counts_for(neo4j, tmp_path, has, change):
    graph = planted(neo4j)
    (edge,) = (e for e in SCHEMA.interactions if getattr(e, has))
    text = f"MATCH ()-[r:`{edge.type}`]->() WITH r LIMIT 3 " + change.format(getattr(edge, has))
    neo4j.query(text, write=True)
    graph.export(tmp_path / "files")
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        copy.import_(tmp_path / "files")
        assert copy.dataset().fingerprint == graph.dataset().fingerprint


def test_what_an_import_would_take_for_keys_is_left_out_and_told(neo4j, tmp_path):
    graph = planted(neo4j)
    neo4j.query("MATCH (c:Customer)-[r]->() SET c.key = 'mine', c.more = 1, r.source = 'web', r.more = 2", write=True)
    with pytest.warns(GraphRecWarning) as said:
        graph.export(tmp_path / "files")
    types = {interaction.type for interaction in SCHEMA.interactions}
    told = {str(each.message).split(" is left out")[0] for each in said}
    assert "The property 'key' of 'Customer'" in told
    assert {f"The property 'source' of {type!r}" for type in types} <= told
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        copy.import_(tmp_path / "files")
        assert copy.dataset().fingerprint == graph.dataset().fingerprint
        assert copy.query("MATCH (c:Customer)-[r]->() RETURN DISTINCT c.more AS c, r.more AS r").values.tolist() == [
            [1, 2]
        ]


def test_a_date_that_python_does_not_have_is_told(neo4j, tmp_path):
    graph = planted(neo4j)
    neo4j.query("MATCH (c:Customer) SET c.until = date({year: 12000})", write=True)
    with pytest.raises(DataError, match=r"years 1 to 9999.*'until'.*Mend it"):
        graph.export(tmp_path / "files")


def test_a_time_of_day_travels_as_text(neo4j, tmp_path):
    graph = planted(neo4j)
    neo4j.query(f"MATCH (n:Customer {{uuid: '{USERS[0]}'}}) SET n.opens = time('10:00')", write=True)
    graph.export(tmp_path / "files")
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        copy.import_(tmp_path / "files")
        found = copy.query(f"MATCH (n:Customer {{uuid: '{USERS[0]}'}}) RETURN n.opens AS opens")
        assert found["opens"].tolist() == ["10:00:00.000000000+00:00"]


def test_a_folder_with_something_in_it_is_left_alone(any_store, tmp_path):
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(ArgumentError, match="must be new or empty"):
        planted(any_store).export(tmp_path)
    assert [p.name for p in tmp_path.iterdir() if p.suffix == ".txt"] == ["mine.txt"]


def test_what_is_no_export_is_refused(any_store, tmp_path):
    graph = Graph(any_store, SCHEMA)
    with pytest.raises(ArgumentError, match=r"manifest\.json"):
        graph.import_(tmp_path / "nothing")
    (tmp_path / "x").mkdir()
    (tmp_path / "x" / "manifest.json").write_text('{"format": 99}')
    with pytest.raises(ArgumentError, match="format 99"):
        graph.import_(tmp_path / "x")


def test_an_export_that_is_not_whole_is_refused_before_anything_is_written(tmp_path):
    files, broken = tmp_path / "files", tmp_path / "broken"
    with connect(tmp_path / "g.lbug", schema=SCHEMA) as graph:
        planted(graph.store)
        graph.publish(known_model(graph.dataset()), name="known")
        graph.export(files)
    whole = (files / "manifest.json").read_text()
    users = (files / "known.users.parquet").read_bytes()
    with connect(tmp_path / "copy.lbug", schema=SCHEMA) as copy:
        for name, content in [
            ("manifest.json", b"[]"),
            ("manifest.json", b'{"format": 1}'),
            ("manifest.json", whole.replace('"kind": "nodes"', '"kind": "rows"').encode()),
            ("known.users.parquet", users[:-50]),
            ("known.items.parquet", None),
            ("000.parquet", None),
        ]:
            shutil.copytree(files, broken)
            (broken / name).unlink() if content is None else (broken / name).write_bytes(content)
            with pytest.raises(ArgumentError, match=r"`folder` must be an export with .* or export anew"):
                copy.import_(broken)
            assert not copy.store.describe().labels, name
            shutil.rmtree(broken)
        copy.import_(files)
        assert len(copy.models()) == 1


def test_an_export_of_another_schema_is_refused(any_store, tmp_path):
    planted(any_store).export(tmp_path / "files")
    with connect(tmp_path / "copy.lbug", schema=GraphSchema()) as copy, pytest.raises(DataError, match="Customer"):
        copy.import_(tmp_path / "files")
