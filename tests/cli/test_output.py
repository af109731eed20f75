from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec.cli.app import run
from graphrec.config import read_config
from graphrec.models import Spectral

ROOT = str(Path(__file__).parents[2])
PLAIN = {"LC_ALL": "C", "PYTHONCOERCECLOCALE": "0", "PYTHONUTF8": "0"}  # a shell whose text is ASCII
CONFIG = """
[connection]
url = "g.lbug"
[schema]
interactions = [{ type = "INTERACTED" }]
social = [{ type = "KNOWS" }]
[model]
kind = "spectral"
dim = 2
[split]
rule = "random"
"""


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a graph whose items are called by other scripts, and with a published model."""
    folder = tmp_path_factory.mktemp("said")
    (folder / "graphrec.toml").write_text(CONFIG)
    items = [f"№ {i} é 🎬" for i in range(8)]
    pairs = [(user, items[(user + 3 * i) % 8]) for user in range(6) for i in range(4)]
    with graphrec.connect(folder / "g.lbug", schema=read_config(folder / "graphrec.toml").schema) as graph:
        graph.load(
            {"User": pd.DataFrame({"user_id": np.arange(6)}), "Item": pd.DataFrame({"item_id": items})},
            {
                "INTERACTED": pd.DataFrame(pairs, columns=["user_id", "item_id"]),
                "KNOWS": pd.DataFrame({"source": [0, 1], "target": [1, 2]}),
            },
        )
        graph.publish(Spectral(dim=2).fit(graph.dataset()))
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(made, tmp_path / "work"))


def shell(folder: Path, line: str, **env: str) -> subprocess.CompletedProcess[bytes]:
    """Run a shell's line, in which $G is the program."""
    program = {"G": f"{sys.executable} -m graphrec", "PYTHONPATH": ROOT}
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("GRAPHREC_", "PYTHONIO"))}
    return subprocess.run(
        ["bash", "-c", line], cwd=folder, env=kept | program | env, capture_output=True, check=False
    )


def test_closed_streams_change_no_exit_code(folder: Path) -> None:
    done = shell(folder, "$G models <&- >&- && $G models --url none.lbug 2>&-")
    assert (done.returncode, done.stderr) == (3, b"")


@pytest.mark.parametrize("there", ["2>/dev/full", "2> >(exec true)"])
def test_notices_that_cannot_be_told_do_not_stop_the_work(folder: Path, there: str) -> None:
    done = shell(folder, f"$G similar '№ 1 é 🎬' --include x --include '№ 2 é 🎬' --json {there}")
    assert [row["similar"] for row in json.loads(done.stdout)] == ["№ 2 é 🎬"]


@pytest.mark.parametrize("option", ["", "--json"])
def test_an_answer_that_a_full_disk_does_not_take_is_told_with_exit_code_1(folder: Path, option: str) -> None:
    done = shell(folder, f"$G models {option} >/dev/full")
    assert done.returncode == 1
    assert b"The work is done; its answer could not be written: No space left" in done.stderr
    assert b"ignored" not in done.stderr


def test_json_is_whole_in_every_encoding(folder: Path) -> None:
    done = shell(folder, "$G recommend 1 -k 2 --json", **PLAIN, PYTHONIOENCODING="latin-1")
    assert all(row["item"].endswith("é 🎬") for row in json.loads(done.stdout.decode("latin-1")))


def test_tables_and_errors_escape_what_the_terminal_cannot_show(folder: Path) -> None:
    (folder / "né.lbug").touch()
    done = shell(folder, "$G recommend 1 -k 1; $G models --url né.lbug", **PLAIN)
    assert rb"\u2116" in done.stdout
    assert b"has no name in UTF-8 (ascii is in use here)" in done.stderr


@pytest.mark.parametrize(
    "command", ["cluster -k 2 --labels a.csv", "evaluate --kind popularity --report a.html", "graph --report a.html"]
)
def test_files_are_written_before_the_answer(folder: Path, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    def gone(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.chdir(folder)
    monkeypatch.setattr("graphrec.cli.command.print_json", gone)
    monkeypatch.setattr("os.dup2", lambda *_: None)
    assert run([*command.split(), "--json"]) == 0
    assert list(folder.glob("a.*"))
