from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from store.contract import fill, lock
from store.suggested import BLOCKS, DAY, SCHEMA, STAMP, replace, rows_of, society, tie

from graphrec.config import read_config
from graphrec.errors import ArgumentError, SchemaError, UnknownKeyError
from graphrec.friends.read import decline
from graphrec.graph import Graph
from graphrec.store.ladybug import LadybugStore
from graphrec.store.suggestions import Stamp

if TYPE_CHECKING:
    from pathlib import Path

    from commands import Call

    from graphrec.store.protocol import GraphStore

COLUMNS = ["user", "suggested", "score", "rank", "reason", "model", "version", "created", "expires"]


@pytest.fixture
def graph(any_store: GraphStore) -> Graph:
    now = int(time.time())
    replace(
        society(any_store),
        ("Ann", "Bob", 1, ["Cy"]),
        ("Ann", "Cy", 2, []),
        ("Bob", "Dee", 1, []),
        stamp=Stamp("blend", 3, now, now + DAY),
    )
    return Graph(any_store, SCHEMA)


def test_lists_are_in_the_order_asked_for(graph: Graph) -> None:
    found = graph.friends(["Dee", "Bob", "Ann", "Bob"])
    assert list(found.columns) == COLUMNS
    assert found[["user", "suggested", "rank"]].values.tolist() == [
        ["Bob", "Dee", 1],
        ["Ann", "Bob", 1],
        ["Ann", "Cy", 2],
    ]
    assert [str(found[name].dtype)[:3] for name in ("score", "rank", "version", "expires")] == [
        "flo",
        *["int"] * 3,
    ]
    assert set(found.model) == {"blend"}
    assert graph.friends(["Ann"], 1).suggested.tolist() == ["Bob"]
    tie(graph.store, BLOCKS, ("Cy", "Ann"))
    again = graph.friends(["Ann"])
    assert again[["suggested", "reason"]].values.tolist() == [["Bob", "with 1"]]
    assert graph.friends(["Ann"], now=STAMP.expires * 2).empty
    graph.decline("Ann", "Bob")
    for nobody in (["Ann"], ["Dee"], []):
        empty = graph.friends(nobody)
        assert (list(empty.columns), len(empty)) == (COLUMNS, 0)


def test_wrong_arguments_and_unknown_people(graph: Graph) -> None:
    for users in (["Ann", "nobody"], [1]):
        with pytest.raises(UnknownKeyError, match="must be keys"):
            graph.friends(users)
    for users in ("Ann", [None], [1.5], ["Ann", 1]):
        with pytest.raises((ArgumentError, ValueError), match="users"):
            graph.friends(users)  # type: ignore[arg-type]
    for k in (0.5, -1, "3"):
        with pytest.raises(ArgumentError, match="`k`"):
            graph.friends(["Ann"], k)  # type: ignore[arg-type]
    for now in (float("nan"), "today"):
        with pytest.raises(ArgumentError, match="`now`"):
            graph.friends(["Ann"], now=now)  # type: ignore[arg-type]
    with pytest.raises(UnknownKeyError, match="'nobody'"):
        graph.decline("Ann", "nobody")
    with pytest.raises(ArgumentError, match="somebody else"):
        graph.decline("Ann", "Ann")
    with pytest.raises(ArgumentError, match="`now` must be epoch seconds"):
        decline(graph.store, SCHEMA, "Ann", "Cy", now=math.nan)
    with pytest.raises(SchemaError, match="no relationship for declined"):
        Graph(graph.store, SCHEMA.model_copy(update={"suggestions": type(SCHEMA.suggestions)()})).decline("Ann", "Cy")


def test_recipes_on_people_need_no_model(graph: Graph) -> None:
    found = graph.query(graph.cypher("friends"), user="Ann", k=5)
    assert found.user_id.tolist() == ["Bob", "Cy"]
    assert len(graph.query(graph.cypher("friends_why"), user="Ann", other="Bob")) == 0
    graph.query(graph.cypher("decline"), user="Ann", other="Bob")
    assert graph.friends(["Ann"]).suggested.tolist() == ["Cy"]


CONFIG = """
[connection]
url = "{url}"
[schema]
user = {{ label = "P", key = "id" }}
interactions = [{{ type = "R" }}]
social = [{{ type = "F" }}]
suggestions = {{ declined = "NO" }}
"""


def test_the_command_line(tmp_path: Path, call: Call, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "graphrec.toml").write_text(CONFIG.format(url="g.lbug"))
    schema, now = read_config(None).schema, int(time.time())
    with LadybugStore("g.lbug") as store:
        fill(store, [(schema.user, {"key": [1, 2, 3]})])
        store.prepare_suggestions(schema)
        users = pa.table({"key": [1], "state": [0]})
        stamp = Stamp("blend", 7, now, now + DAY)
        store.replace_suggestions(schema, users, rows_of((1, 2, 1, []), (1, 3, 2, [])), stamp, lock(store), {})

    shown = call("friends", "show", "1", "-k", "5")
    assert shown.code == 0
    assert "blend version 7" in shown.out
    assert "no names" in shown.out
    assert call("friends", "decline", "1", "2") == (0, "2 is not suggested to 1 any more.\n", "")
    shown = call("friends", "show", "1", "--json")
    assert shown.code == 0
    assert '"suggested": 3' in shown.out
    assert "nobody to suggest" in call("friends", "show", "2")[1]
    assert call("friends", "show", "9")[0] == 1
    assert call("friends", "show", "x")[0] == 2
    assert "$user, $k" in call("cypher", "friends")[1].splitlines()[0]
