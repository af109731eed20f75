"""Opening a Ladybug file, and saying what to do where that fails."""

from __future__ import annotations

import os
import re
import shutil
import sys
import time
import warnings
from contextlib import suppress
from itertools import count
from pathlib import Path

import ladybug

from graphrec.errors import ConnectionFailedError, GraphRecWarning

RETRIES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # a reader that meets a checkpoint tries again
HEADER, LENGTH = 25, 8  # bytes of a log: before its first record; the length before each, and the checksum behind it

_MOVING = re.compile(
    r"checksum|checkpoint|past the end|shadow|corrupted|assertion failed|invalid local node offset", re.IGNORECASE
)


def stamp(path: str) -> tuple[int, int, int] | None:
    """Return what changes when a writer moves its log into the file."""
    with suppress(FileNotFoundError):
        found = os.stat(path)
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None


def open_database(path: str, read_only: bool, buffer_pool_mb: int) -> ladybug.Database:
    """Open the database; a reader waits up to three seconds for a writer's checkpoint.

    A log whose writer was killed in the middle of a transaction is read up to that transaction, which nobody was told
    to be done: the database alone would refuse it. The log is kept beside the file, and a warning says so.

    Raises:
        ConnectionFailedError: it cannot be opened; the message says what to do.
    """
    _check_place(Path(path), read_only)
    for delay in (*RETRIES_S, None) if read_only else (None,):
        try:
            return ladybug.Database(path, read_only=read_only, buffer_pool_size=buffer_pool_mb << 20)
        except (RuntimeError, MemoryError) as error:  # a damaged length may ask for any memory
            if delay is None and not read_only and _torn(path):
                return _without_the_torn(path, buffer_pool_mb)
            if delay is None or not _MOVING.search(str(error)):
                raise ConnectionFailedError(_reason(path, str(error))) from error
            time.sleep(delay)
    raise AssertionError


def _torn(path: str) -> bool:
    """Return whether a log ends within a record, as it does where its writer was killed."""
    with suppress(FileNotFoundError), open(f"{path}.wal", "rb") as log:
        size, place = log.seek(0, os.SEEK_END), HEADER
        while place + LENGTH <= size:
            log.seek(place)
            place += LENGTH + int.from_bytes(log.read(LENGTH), "little") + LENGTH
        return size > 0 and place != size
    return False


def _without_the_torn(path: str, buffer_pool_mb: int) -> ladybug.Database:
    kept = next(name for i in count(1) if not Path(name := f"{path}.wal.torn{i}").exists())
    pool = buffer_pool_mb << 20
    try:
        shutil.copy(f"{path}.wal", kept)
        found = ladybug.Database(path, buffer_pool_size=pool, throw_on_wal_replay_failure=False)
    except (OSError, RuntimeError, MemoryError) as error:
        raise ConnectionFailedError(_damaged(path, str(error))) from error
    note = (
        f"A process was killed while it wrote to the graph file {path}: all transactions up to the first that cannot "
        f"be read are there, it and what may follow are not. The log as it was found is {kept}; remove it when all "
        "is well."
    )
    warnings.warn(note, GraphRecWarning, stacklevel=2)
    return found


def _check_place(path: Path, read_only: bool) -> None:
    """Refuse what Ladybug would only notice at the first write, or not say clearly."""
    said = None
    if os.fsencode(path).decode(errors="replace") != str(path):  # Ladybug takes no other names
        said = f"has no name in UTF-8 ({sys.getfilesystemencoding()} is in use here). Rename it, or set PYTHONUTF8=1."
    elif path.is_dir():
        said = "is a directory. Give the path of a file, such as movies.lbug in it."
    elif not path.parent.is_dir():
        said = f"cannot be made: the directory {path.parent} does not exist. Make it first."
    elif read_only and not path.exists():
        said = "does not exist, and reading only makes no file. Check the path."
    elif path.exists() and not _may(path, os.R_OK):
        said = "may not be read by this user. Change its permissions."
    elif not read_only and not (_may(path.parent, os.W_OK | os.X_OK) and (not path.exists() or _may(path, os.W_OK))):
        said = "may not be written by this user, or its directory not. Change the permissions, or open it read-only."
    elif path.exists() and path.stat().st_size:
        said = _strange(path)
    if said:
        raise ConnectionFailedError(f"The graph file {path} {said}")


def _strange(path: Path) -> str | None:
    """Say what is wrong with a file's first bytes: Ladybug crashes on some that another version wrote."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[:4] != b"LBUG" or len(head) < 12:
        return "is not a graph file of Ladybug. Check the path."
    have, wanted = int.from_bytes(head[4:], "little"), ladybug.Database.get_storage_version()
    if have != wanted:
        return (
            f"was written with storage version {have}, and ladybug {ladybug.__version__} reads {wanted}. Export it "
            "with the graphrec that wrote it (`graphrec export`), and import that here (`graphrec import`)."
        )
    return None


def _may(path: Path, mode: int) -> bool:
    return os.access(path, mode, effective_ids=os.access in os.supports_effective_ids)


def _reason(path: str, message: str) -> str:
    first = message.splitlines()[0]
    if "Could not set lock" in message:
        owner = re.search(r"PID (\d+)", message)
        by = f"another process (PID {owner[1]})" if owner else "another process"
        return f"The graph file {path} is locked: {by} has it open for writing. Close it there, or open it read-only."
    if _torn(path):
        return (
            f"The log of the graph file {path} ends within a transaction: somebody writes it, or was killed while "
            "writing. Try again; where nobody writes, open it once for writing, which undoes that transaction."
        )
    return _damaged(path, first) if _MOVING.search(message) else f"The graph file {path} cannot be opened: {first}"


def _damaged(path: str, message: str) -> str:
    first = message.splitlines()[0]
    return (
        f"The graph file {path}, or its write-ahead log {path}.wal, is damaged: {first} Copy both. Then move the "
        ".wal file away: what was written since the last checkpoint is lost, the rest opens. If it does not, "
        "load the data again or restore a copy."
    )
