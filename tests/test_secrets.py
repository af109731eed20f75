"""A password is in no log, error, repr, file or node; user and password of a connection stay in the driver."""

from __future__ import annotations

import logging
import os
import traceback
from typing import TYPE_CHECKING

import pytest
from everything import everything
from planted import SCHEMA, USERS, known_model, planted

from graphrec.config import read_config
from graphrec.errors import ArgumentError, GraphRecError
from graphrec.graph import connect

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from graphrec.graph import Graph

WRONG = "tr0ub4dor-and-3"


def told(error: BaseException | None) -> str:
    """Return all that an error says, and the errors behind it."""
    said = []
    while error is not None:
        said += [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
        error = error.__cause__ or error.__context__
    return "\n".join(said)


def failure(act: Callable[[], object]) -> str:
    with pytest.raises(GraphRecError) as caught:
        act()
    return told(caught.value)


def refused(graph: Graph) -> None:
    graph.query("RETURN $x AS")


@pytest.fixture
def password(neo4j_url: str) -> str:
    if "GRAPHREC_NEO4J_PASSWORD" not in os.environ:
        pytest.skip("the given server has no password that could leak")
    return os.environ["GRAPHREC_NEO4J_PASSWORD"]


def test_a_password_that_is_right_is_nowhere(
    neo4j_url: str, password: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with connect(neo4j_url, schema=SCHEMA) as graph:
        planted(graph.store)
        model = known_model(graph.dataset())
        graph.publish(model, "m")
        assert len(graph.recommend(USERS[:1], 3)) == 3
        model.save(tmp_path / "m.model")
        graph.export(tmp_path / "export")
        said = [repr(graph), str(graph), repr(graph.store), repr(vars(graph)), repr(vars(graph.store)), repr(model)]
        said += [repr(graph.dataset()), repr(graph.models().to_dict()), repr(everything(graph.store))]
        said += [failure(lambda: refused(graph))]
    said += [failure(lambda: connect(neo4j_url, database="nosuch")), caplog.text]
    said += [repr(vars(record)) for record in caplog.records]
    assert any(record.name.startswith("neo4j") and "LOGON" in record.getMessage() for record in caplog.records)
    for text in said:
        assert password not in text
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(files) > 5
    for path in files:
        assert password.encode() not in path.read_bytes(), path


def test_a_password_that_is_wrong_is_nowhere(
    neo4j_url: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    text = failure(lambda: connect(neo4j_url, auth=("neo4j", WRONG)))
    assert "refuses this user or password" in text
    monkeypatch.setenv("GRAPHREC_NEO4J_PASSWORD", WRONG)
    for url in ("bolt://127.0.0.1:1", "neo4j://127.0.0.1:1", f"neo4j://neo4j:{WRONG}@127.0.0.1:1", f"x://:{WRONG}@h"):
        text += failure(lambda url=url: connect(url))
    for auth in ((WRONG,), ("neo4j", WRONG, WRONG), WRONG):
        text += failure(lambda auth=auth: connect("bolt://127.0.0.1:1", auth=auth))
    assert WRONG not in text
    assert caplog.records
    assert WRONG not in caplog.text + repr([vars(record) for record in caplog.records])


def test_a_password_after_a_question_mark_is_nowhere() -> None:
    for url in ("bolt://127.0.0.1:1?", "neo4j://127.0.0.1:1?", "neo4j://127.0.0.1:1?x&", "neo4j://127.0.0.1:1?a=1&"):
        text = failure(lambda url=url: connect(f"{url}a={WRONG}", auth=("neo4j", "x")))
        assert WRONG not in text
        assert "127.0.0.1" in text


def test_a_password_in_a_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "graphrec.toml"
    for line in (f"password = '{WRONG}'", f"auth = ['neo4j', '{WRONG}']", f"url = 'bolt://neo4j:{WRONG}@h:1'"):
        path.write_text(f"[connection]\n{line}\n")
        with pytest.raises(ArgumentError, match="GRAPHREC_NEO4J_PASSWORD") as caught:
            connect(read_config(path).url or "")
        assert WRONG not in told(caught.value)
