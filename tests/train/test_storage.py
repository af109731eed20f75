from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest
from safetensors.numpy import save_file

from graphrec.errors import ModelError
from graphrec.train import storage
from graphrec.train.storage import read_tensors, write_tensors

if TYPE_CHECKING:
    from pathlib import Path

TENSORS = {
    "vectors": np.arange(12, dtype=np.float32).reshape(3, 4)[:, ::2],
    "scalar": np.array(7.0, np.float32),
    "empty": np.zeros((0, 4), np.int64),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    write_tensors(tmp_path / "a.bin", "thing", TENSORS, {"quote": 'a"sha256":"' + "0" * 64, "n": [1, 2]})
    return tmp_path / "a.bin"


def test_round_trip(file: Path) -> None:
    tensors, metadata = read_tensors(file, "thing")
    assert set(tensors) == set(TENSORS)
    for name, tensor in TENSORS.items():
        np.testing.assert_array_equal(tensors[name], tensor)
        assert (tensors[name].dtype, tensors[name].shape) == (tensor.dtype, tensor.shape)
    assert metadata["n"] == [1, 2]
    assert [path.name for path in file.parent.iterdir()] == ["a.bin"]


def test_every_flipped_byte_is_refused(file: Path) -> None:
    whole = file.read_bytes()
    assert len(whole) < 2_000
    for place in range(len(whole)):
        for flip in (0x01, 0x80, 0x20):
            file.write_bytes(whole[:place] + bytes([whole[place] ^ flip]) + whole[place + 1 :])
            with pytest.raises(ModelError, match="must be a saved thing"):
                read_tensors(file, "thing")
    file.write_bytes(whole)
    read_tensors(file, "thing")


def test_every_truncation_and_a_longer_file_are_refused(file: Path) -> None:
    whole = file.read_bytes()
    for length in range(len(whole)):
        file.write_bytes(whole[:length])
        with pytest.raises(ModelError, match="must be a saved thing"):
            read_tensors(file, "thing")
    file.write_bytes(whole + b"\0")
    with pytest.raises(ModelError, match="truncated or altered"):
        read_tensors(file, "thing")


def test_what_is_no_such_file_is_refused(file: Path) -> None:
    with pytest.raises(ModelError, match=r"must be a saved model.*it is a thing"):
        read_tensors(file, "model")
    for path in (file.parent / "none", file.parent):
        with pytest.raises(ModelError, match="must be a saved thing"):
            read_tensors(path, "thing")
    save_file({"x": np.zeros(3)}, file)
    with pytest.raises(ModelError, match="no file of graphrec"):
        read_tensors(file, "thing")
    file.write_bytes(b"[" * 200_000)
    with pytest.raises(ModelError, match="no file of graphrec"):
        read_tensors(file, "thing")


def test_a_newer_format_is_refused(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storage, "FORMAT", 2)
    write_tensors(file, "thing", TENSORS, {})
    monkeypatch.undo()
    with pytest.raises(ModelError, match=r"has format 2, this graphrec reads up to 1. Upgrade"):
        read_tensors(file, "thing")


def test_a_failed_write_leaves_the_old_file_and_nothing_else(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(handle: int) -> None:
        raise OSError(28, "No space left on device")

    old = file.read_bytes()
    monkeypatch.setattr(storage.os, "fsync", full)
    with pytest.raises(ModelError, match=r"`path` must be a place that can be written.*No space left"):
        write_tensors(file, "thing", TENSORS, {})
    assert file.read_bytes() == old
    assert [path.name for path in file.parent.iterdir()] == ["a.bin"]
    with pytest.raises(ModelError, match="must be a place that can be written"):
        write_tensors(file.parent / "no" / "folder", "thing", TENSORS, {})


def test_metadata_must_be_json_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="JSON"):
        write_tensors(tmp_path / "b", "thing", {}, {"x": json.loads("NaN")})
    assert not list(tmp_path.iterdir())
