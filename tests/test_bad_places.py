"""Refused before there is a graph: arguments, schemas, configurations, model files, addresses and graph files."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest

import graphrec
from graphrec import Attribute, GraphSchema, Interaction, Node, connect, dataset_from_frames
from graphrec.config import read_config
from graphrec.errors import (
    ArgumentError,
    ConnectionFailedError,
    DataError,
    GraphRecError,
    ModelError,
    SchemaError,
    StoreError,
)
from graphrec.models import LightGCN, Popularity, from_name, load_model

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

RATED = Interaction("RATED")
FRAME = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"]})
DATA = dataset_from_frames(FRAME)


def config(text: str) -> Callable[[Path], object]:
    def read(folder: Path) -> object:
        (folder / "graphrec.toml").write_text(text)
        return read_config(folder / "graphrec.toml")

    return read


def graph_file(content: bytes) -> Callable[[Path], object]:
    def opened(folder: Path) -> object:
        (folder / "g.lbug").write_bytes(content)
        return connect(folder / "g.lbug")

    return opened


@pytest.mark.parametrize(
    ("act", "error", "says"),
    [
        # schema
        (lambda f: GraphSchema(interactions=[]), SchemaError, ["`interactions` of GraphSchema", "at least 1"]),
        (lambda f: GraphSchema(Node("A"), Node("A")), SchemaError, ["must have different labels", "'A'"]),
        (lambda f: GraphSchema(interactions=[RATED, RATED]), SchemaError, ["'RATED' is used twice"]),
        (lambda f: GraphSchema(interactions=[RATED], attributes=[Attribute("RATED", Node("G"))]), SchemaError,
         ["twice"]),
        (lambda f: GraphSchema(attributes=[Attribute("A", Node("User", "no"))]), SchemaError,
         ["'User' is given two keys"]),
        (lambda f: GraphSchema(usr=Node("A")), SchemaError, ["`usr`", "Did you mean 'user'"]),
        (lambda f: Node(""), SchemaError, ["`label` of Node", "must not be empty"]),
        (lambda f: Node("a\0b"), SchemaError, ["`label` of Node", "without NUL"]),
        (lambda f: Node("x" * 1001), SchemaError, ["1,000 characters"]),
        (lambda f: Node("A", key_type="float"), SchemaError,
         ["`key_type` of Node", "'string' or 'integer'", "'float'"]),
        # models and frames
        (lambda f: LightGCN(dim=0), ArgumentError, ["`dim`", "greater than or equal to 1", "Got 0", "64"]),
        (lambda f: LightGCN(dim="8"), ArgumentError, ["`dim`", "valid integer", "'8'"]),
        (lambda f: LightGCN(dims=8), ArgumentError, ["`dims` is not a field of LightGCN", "Did you mean 'dim'"]),
        (lambda f: LightGCN(learning_rate=float("nan")), ArgumentError, ["`learning_rate`", "nan"]),
        (lambda f: from_name("lightgnc"), ArgumentError, ["`kind`", "'lightgnc'", "Did you mean 'lightgcn'"]),
        (lambda f: dataset_from_frames(FRAME[["user_id"]]), DataError,
         ["`interactions`", "user_id and item_id", "Rename"]),
        (lambda f: DATA.split("magic"), ArgumentError, ["`rule`", "'magic'", "leave-last-out"]),
        (lambda f: graphrec.evaluate([], DATA.split("random")), ArgumentError, ["`models`", "at least one"]),
        (lambda f: graphrec.recommend(Popularity().fit(DATA), DATA, ["a"], k=0), ArgumentError, ["`k`", "Got 0"]),
        # graphrec.toml
        (config("[conection]\n"), ArgumentError, ["`config`", "'conection'", "Did you mean 'connection'"]),
        (config("[connection]\nurll = 'x'\n"), ArgumentError, ["`connection`", "'urll'", "Did you mean 'url'"]),
        (config("[connection]\npassword = 'secret'\n"), ArgumentError,
         ["`connection.password`", "GRAPHREC_NEO4J_PASSWORD"]),
        (config("[schema.usr]\nlabel = 'A'\n"), SchemaError, ["`usr` of GraphSchema", "Did you mean 'user'"]),
        (config("url ="), ArgumentError, ["`config` must be TOML", "graphrec.toml"]),
        (lambda f: read_config(f / "none.toml"), ArgumentError, ["`config` must be a readable file", "none.toml"]),
        # addresses and files
        (lambda f: connect(""), ArgumentError, ["`url` must be a path such as", "Got ''"]),
        (lambda f: connect("http://h:7474"), ArgumentError, ["`url`", "neo4j+s", "'http'"]),
        (lambda f: connect("bolt://127.0.0.1:1"), ConnectionFailedError,
         ["bolt://127.0.0.1:1", "Check that it runs"]),
        (lambda f: connect(f), ConnectionFailedError, ["is a directory", "movies.lbug"]),
        (lambda f: connect(f / "no" / "g.lbug"), ConnectionFailedError, ["does not exist", "Make it first"]),
        (lambda f: connect(f / "g.lbug", read_only=True), ConnectionFailedError,
         ["does not exist", "Check the path"]),
        (graph_file(b"hello " * 100), ConnectionFailedError, ["is not a graph file", "Check the path"]),
        (graph_file(b"LBUG" + (7).to_bytes(8, "little") + bytes(5000)), ConnectionFailedError,
         ["storage version 7", "graphrec export", "graphrec import"]),
        (lambda f: load_model(f / "none"), ModelError,
         ["`path` must be a saved model", "No such file", "save it anew"]),
    ],
)  # fmt: skip
def test_refused(
    act: Callable[[Path], Any],
    error: type[Exception],
    says: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(error) as caught:
        act(tmp_path)
    assert isinstance(caught.value, GraphRecError)
    for part in says:
        assert part in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_model_file_that_was_cut_or_altered(tmp_path: Path) -> None:
    path = tmp_path / "m.model"
    Popularity().fit(DATA).save(path)
    whole = path.read_bytes()
    assert load_model(path).name == "popularity"
    damaged = [whole[:n] for n in (0, 7, 8, 100, len(whole) // 2, len(whole) - 1)] + [whole + b"\0"]
    for at in np.linspace(0, len(whole) - 1, 40).astype(int):
        damaged.append(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
    for content in damaged:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"`path` must be a saved model.*Give another file, or fit again"):
            load_model(path)


def test_a_file_that_another_process_writes(tmp_path: Path) -> None:
    code = "import sys; from graphrec import connect; g = connect(sys.argv[1]); print('open', flush=True); input()"
    pipes: dict[str, Any] = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    with subprocess.Popen([sys.executable, "-c", code, tmp_path / "g.lbug"], **pipes) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ConnectionFailedError, match=rf"is locked: another process \(PID {other.pid}\).*Close it"):
            connect(tmp_path / "g.lbug")
        other.communicate("\n")
    with connect(tmp_path / "g.lbug") as graph:
        assert graph.models().empty


def test_a_graph_opened_for_reading_refuses_to_write(tmp_path: Path) -> None:
    with connect(tmp_path / "g.lbug") as graph:
        graph.load(edges={"INTERACTED": FRAME}, on_missing="create")
    content = (tmp_path / "g.lbug").read_bytes()
    with connect(tmp_path / "g.lbug", read_only=True) as graph:
        data = graph.dataset()
        for act in (
            lambda: graph.load(edges={"INTERACTED": FRAME}),
            lambda: graph.publish(Popularity().fit(data)),
            lambda: graph.query("CREATE (:User {user_id: 'z'})"),
        ):
            with pytest.raises(StoreError, match=r"open for reading only. Open it for writing"):
                act()
    assert (tmp_path / "g.lbug").read_bytes() == content


def test_a_full_disk(tmp_path: Path) -> None:
    """A load and a saved model on a file system of a few megabytes: refused, and what was there is there."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=8m", "none", disk]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("needs the right to mount a small tmpfs (root)")
    try:
        with connect(disk / "g.lbug") as graph:
            graph.load(edges={"INTERACTED": FRAME}, on_missing="create")
        with connect(disk / "g.lbug") as graph:
            size = 200_000
            users = pd.DataFrame({"user_id": [f"user {i:060}" for i in range(size)]})
            with pytest.raises(StoreError, match="Ladybug refused or failed"):
                graph.load({"User": users})
        model = Popularity().fit(dataset_from_frames(pd.DataFrame({"user_id": range(size), "item_id": 0})))
        with pytest.raises(ModelError, match="Choose another folder, or free space"):
            model.save(disk / "m.model")
        assert [path.name for path in disk.iterdir() if "model" in path.name] == []
        with connect(disk / "g.lbug") as graph:
            found = graph.dataset().frame("INTERACTED")
            assert sorted(zip(found.source, found.target, strict=True)) == [("a", "x"), ("a", "y"), ("b", "x")]
    finally:
        subprocess.run(["umount", disk], check=True)
