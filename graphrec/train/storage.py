"""One file of tensors and JSON, written whole or not at all, and refused when a single byte differs.

The file is plain safetensors; its header carries ``graphrec`` (JSON) and ``sha256`` (of the whole file, with the
digest's own 64 characters read as zeros). Nothing is ever unpickled.
"""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from graphrec.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

FORMAT = 1
_BLANK = "0" * 64
_CHUNK = 1 << 20


def write_tensors(
    path: str | Path, what: str, tensors: Mapping[str, NDArray[Any]], metadata: Mapping[str, Any]
) -> None:
    """Write tensors and metadata to one file, atomically: readers see the old file or the new one.

    Args:
        path: where to; an existing file is replaced.
        what: what the file is, such as ``"model"``; `read_tensors` asks for it.
        tensors: arrays by name.
        metadata: anything that JSON holds.

    Raises:
        ModelError: the file cannot be written; an older file is as it was.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    text = json.dumps({"format": FORMAT, "what": what, **metadata}, allow_nan=False)
    try:
        save_file(
            {name: np.asarray(tensor, order="C") for name, tensor in tensors.items()},
            temporary,
            metadata={"graphrec": text, "sha256": _BLANK},
        )
        with temporary.open("r+b") as file:
            header = _read_header(file)
            digest = _digest(file, header)
            file.seek(header.index(_field(_BLANK)))
            file.write(_field(digest))
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except (OSError, SafetensorError) as error:
        raise ModelError(
            f"`path` must be a place that can be written. Got {str(path)!r}: {error}. "
            "Choose another folder, or free space there."
        ) from error
    finally:
        with suppress(OSError):
            temporary.unlink()


def read_tensors(path: str | Path, what: str) -> tuple[dict[str, NDArray[Any]], dict[str, Any]]:
    """Read what `write_tensors` wrote, after checking every byte of it.

    Returns:
        The tensors by name, and the metadata.

    Raises:
        ModelError: the file is missing, is something else, is truncated or altered, or of a newer format.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            header = _read_header(file)
            try:
                fields = json.loads(header[8:])["__metadata__"]
                stated = fields["sha256"].encode()
                metadata = json.loads(fields["graphrec"])
                altered = _digest(file, header.replace(_field(stated), _field(_BLANK), 1)).encode() != stated
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
                raise _wrong(path, what, "it is no file of graphrec, or its head is damaged") from error
        if altered:
            raise _wrong(path, what, "its SHA-256 differs: it was truncated or altered")
        if metadata["format"] > FORMAT:
            raise ModelError(
                f"{str(path)!r} has format {metadata['format']}, this graphrec reads up to {FORMAT}. "
                "Upgrade graphrec."
            )
        if metadata["what"] != what:
            raise _wrong(path, what, f"it is a {metadata['what']}")
        return load_file(path), metadata
    except (OSError, SafetensorError) as error:
        raise _wrong(path, what, str(error)) from error


def _wrong(path: Path, what: str, why: str) -> ModelError:
    return ModelError(
        f"`path` must be a saved {what}. Got {str(path)!r}: {why}. Give another file, or fit again and save it anew."
    )


def _field(digest: str | bytes) -> bytes:
    return b'"sha256":"' + (digest.encode() if isinstance(digest, str) else digest) + b'"'


def _read_header(file: BinaryIO) -> bytes:
    """Return the length field and the JSON header, leaving the file at the first tensor."""
    size = os.fstat(file.fileno()).st_size
    prefix = file.read(8)
    length = int.from_bytes(prefix, "little")
    return prefix + file.read(min(length, size))


def _digest(file: BinaryIO, header: bytes) -> str:
    digest = hashlib.sha256(header)
    while chunk := file.read(_CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
