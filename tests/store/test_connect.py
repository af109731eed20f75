from __future__ import annotations

import subprocess
import sys

import pytest

from graphrec.errors import ArgumentError, ConnectionFailedError
from graphrec.store.connect import open_store


def test_a_path_is_an_embedded_file(tmp_path):
    with open_store(tmp_path / "new.lbug") as store:
        assert store.capabilities.dialect == "ladybug"
    assert (tmp_path / "new.lbug").exists()


@pytest.mark.parametrize("password", ["hunter2", "hunter2[", "hunter2/#?"])
def test_a_password_in_the_url_is_refused_and_not_repeated(password):
    with pytest.raises(ArgumentError, match="GRAPHREC_NEO4J_PASSWORD") as error:
        open_store(f"neo4j://neo4j:{password}@localhost:7687")
    assert "hunter2" not in str(error.value)


def test_an_address_that_is_none_is_refused():
    with pytest.raises(ArgumentError, match="must be a Neo4j address"):
        open_store("bolt://[::1")


@pytest.mark.parametrize(("scheme", "said"), [("bolt", False), ("bolt+s", True)])
def test_a_secure_scheme_that_does_not_connect_says_what_it_needs(scheme, said):
    with pytest.raises(ConnectionFailedError) as error:
        open_store(f"{scheme}://127.0.0.1:1")
    assert ("speaks no TLS" in str(error.value)) == said


def test_a_tilde_is_the_home(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    open_store("~/home.lbug").close()
    assert (tmp_path / "home.lbug").exists()


def test_an_address_without_a_scheme_is_no_file(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ArgumentError, match="Write 'neo4j://localhost:7687'"):
        open_store("localhost:7687")
    assert not list(tmp_path.iterdir())


def test_unknown_schemes_are_refused():
    with pytest.raises(ArgumentError, match="'postgres'"):
        open_store("postgres://localhost")


def test_a_server_that_is_away_is_said_to_be_away():
    with pytest.raises(ConnectionFailedError, match=r"127\.0\.0\.1:1"):
        open_store("bolt://127.0.0.1:1", auth=("neo4j", "hunter2"))


def test_the_environment_gives_user_and_password(neo4j_url):
    with open_store(neo4j_url) as store:
        assert store.capabilities.dialect == "neo4j"


def test_an_embedded_file_needs_no_driver_of_neo4j(tmp_path):
    code = "import sys; from graphrec.store.connect import open_store; open_store(sys.argv[1]).close(); "
    code += "assert 'neo4j' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "x.lbug")], check=True)
