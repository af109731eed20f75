from __future__ import annotations

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from publish.forgotten import MARY, NUMBERS, PEOPLE, SCHEMA, made, model

from graphrec.errors import ArgumentError
from graphrec.graph import connect
from graphrec.publish.held import check_paths, held_by
from graphrec.schema import GraphSchema, Node


def found(folder, keys, schema=SCHEMA):
    held, unread = held_by([folder], keys, schema)
    return {(each.path.name, each.what): set(each.users) for each in held}, [path.name for path in unread]


@pytest.mark.parametrize("people", [PEOPLE, NUMBERS], ids=["text", "numbers"])
def test_exports_and_models_are_searched_where_users_are(tmp_path, people):
    with connect(tmp_path / "graph.lbug", schema=SCHEMA) as graph:
        made(graph.store, people)
        fitted = model(graph.dataset())
        graph.publish(fitted, "m")
        graph.export(tmp_path / "out" / "export")
    fitted.save(tmp_path / "out" / "fitted.bin")
    first = pa.array(people[:1])
    held, unread = found(tmp_path / "out", first)
    assert not unread
    assert all(users == {people[0]} for users in held.values())
    assert ("fitted.bin", "model popularity") in {(name, what.lower()) for name, what in held}
    assert ("m.users.parquet", "column key") in held
    columns = sorted(what for _, what in held)
    assert columns.count("column source") == 5  # HAS, KNOWS, FOLLOWS, LIVES IN, DECLINED
    assert "column the id" in columns
    with_property = [what for what in columns if what == "column called"]
    assert not with_property  # a name is not the key
    assert found(tmp_path / "out", pa.array(["nobody"]))[0] == {}


def test_tables_of_any_shape(tmp_path):
    schema = GraphSchema(Node("User", "user_id"))
    keys = pa.array(["u-1", "15", 'ü, "x"'])
    pd.DataFrame({"a": ["u-1", "zz"], "n": [15, 3]}).to_parquet(tmp_path / "words.parquet")
    pd.DataFrame({"user_id": [15, 3], "n": [15, 3]}).to_csv(tmp_path / "numbers.csv", index=False)
    pd.DataFrame({"who": ['ü, "x"', None]}).to_csv(tmp_path / "quoted.csv", index=False)
    lists = pa.table({"named": [["a", "u-1"], [], None], "empty": pa.nulls(3)})
    pq.write_table(lists, tmp_path / "lists.parquet")
    coded = pa.table({"who": pa.array(["u-1", "b"]).dictionary_encode()})
    pq.write_table(coded, tmp_path / "coded.parquet")
    pd.DataFrame({"x": ["u-11", "au-1"]}).to_parquet(tmp_path / "near.parquet")
    pd.DataFrame({"user": [15, None], "n": [15, None]}).to_parquet(tmp_path / "floats.parquet")
    pq.write_table(pa.table({"who": pa.array([{"a": "u-1"}])}), tmp_path / "struct.parquet")
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 no")
    (tmp_path / "notes.txt").write_text("u-1")
    held, unread = found(tmp_path, keys, schema)
    assert held == {
        ("words.parquet", "column a"): {"u-1"},
        ("numbers.csv", "column user_id"): {"15"},
        ("quoted.csv", "column who"): {'ü, "x"'},
        ("lists.parquet", "column named"): {"u-1"},
        ("coded.parquet", "column who"): {"u-1"},
        ("floats.parquet", "column user"): {"15"},
    }
    assert unread == ["broken.parquet", "notes.txt"]
    assert found(tmp_path, pa.array([15]), schema)[0] == {
        ("numbers.csv", "column user_id"): {15},
        ("floats.parquet", "column user"): {15},
    }


def test_paths_must_be_there(tmp_path):
    assert check_paths([tmp_path, str(tmp_path)]) == [tmp_path, tmp_path]
    for bad in ([tmp_path / "no"], str(tmp_path), tmp_path):
        with pytest.raises(ArgumentError, match="saved"):
            check_paths(bad)


def test_a_damaged_model_is_said_to_be_unread(tmp_path):
    with connect(tmp_path / "graph.lbug", schema=SCHEMA) as graph:
        fitted = model(made(graph.store).dataset())
    fitted.save(tmp_path / "fitted.safetensors")
    whole = (tmp_path / "fitted.safetensors").read_bytes()
    (tmp_path / "half.safetensors").write_bytes(whole[:200])
    held, unread = held_by([tmp_path / "half.safetensors", tmp_path / "fitted.safetensors"], pa.array([MARY]), SCHEMA)
    assert [path.name for path in unread] == ["half.safetensors"]
    assert [each.users for each in held] == [(MARY,)]
