"""One Ladybug file, opened with care.

Ladybug itself neither notices a second open in one process, which corrupts the file, nor a fork, after which it
hangs; a second writer thread gets an error, and its cache of prepared statements crashes where a bulk statement is
repeated. Its faster export, `query_as_arrow`, turns nulls into zeros and is not used. So a process holds one handle a file, a lock lets one thread in at a time, and bulk statements have
connections of their own.
"""

from __future__ import annotations

import ctypes
import os
import re
import threading
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ladybug
import pyarrow as pa

from graphrec.errors import ConnectionFailedError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RETRIES_S = (0.05, 0.1, 0.2, 0.4, 0.8, 1.6)  # a reader that meets a checkpoint tries again
ARROW_ROWS = 250_000  # rows of an Arrow chunk
STATEMENTS = 1_000  # a connection keeps every statement it has prepared, so it is renewed now and then

_MOVING = re.compile(r"checksum|checkpoint|past the end|shadow|corrupted", re.IGNORECASE)
_open: dict[str, list[LadybugFile]] = {}
_opening = threading.Lock()


def _after_fork() -> None:
    """Keep the parent's handles alive in the child for ever: to destroy one waits for threads that are not there."""
    global _opening
    _opening = threading.Lock()
    for files in _open.values():
        for file in files:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(file))
    _open.clear()


os.register_at_fork(after_in_child=_after_fork)


class Session:
    """A connection of one's own: what runs on it shares a transaction where `LadybugFile.session` began one."""

    def __init__(self, database: ladybug.Database) -> None:
        self._connection = ladybug.Connection(database)
        self.statements = 0

    def run(self, text: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a statement and return its columns (none for a statement that returns nothing)."""
        self.statements += 1
        with _told():
            found = self._connection.execute(text, {k: _plain(v) for k, v in (parameters or {}).items()})
            result = found[-1] if isinstance(found, list) else found
            return result.get_as_arrow(ARROW_ROWS) if result.get_column_names() else pa.table({})

    def close(self) -> None:
        """End the connection; an open transaction is rolled back."""
        with suppress(RuntimeError):
            self._connection.close()


class LadybugFile:
    """An open file. Make one with `open_file`."""

    def __init__(self, path: str, *, read_only: bool, buffer_pool_mb: int) -> None:
        self.path = path
        self.read_only = read_only
        self.users = 1
        self._pid = os.getpid()
        self._lock = threading.RLock()
        self._reader: Session | None = None
        self._pool_mb = buffer_pool_mb
        self._depth = 0
        self._seen = _stamp(path)
        self._database: ladybug.Database | None = _database(path, read_only, buffer_pool_mb)

    @contextmanager
    def held(self) -> Iterator[ladybug.Database]:
        """Keep other threads out."""
        if os.getpid() != self._pid:
            raise StoreError(
                f"The graph file {self.path} was opened before this process was forked, and cannot be used here. "
                "Open it in the new process, or start workers with the 'spawn' method."
            )
        with self._lock:
            if self._database is None:
                raise StoreError(f"The graph file {self.path} is closed. Open it again.")
            if self._written_elsewhere() and not self._depth:
                self._open_again()
            self._depth += 1
            try:
                yield self._database
            except StoreError as error:
                self._check_still(error)
                raise
            finally:
                self._depth -= 1
            self._check_still()

    def _written_elsewhere(self) -> bool:
        return self.read_only and self._seen != _stamp(self.path)

    def _open_again(self) -> None:
        """Follow a writer: what a reader holds of a file that was written since is worthless."""
        self._forget_plans()
        if self._database is not None:
            self._database.close()
        self._seen = _stamp(self.path)
        self._database = _database(self.path, self.read_only, self._pool_mb)

    def _check_still(self, error: StoreError | None = None) -> None:
        if self._written_elsewhere():
            raise StoreError(
                f"The graph file {self.path} was written by another process while it was read. Read again, best when "
                "the writer is done."
            ) from error

    def read(self, text: str, parameters: Mapping[str, Any] | None = None) -> pa.Table:
        """Run a statement that must not write; repeated ones are planned only once."""
        with self.held() as database:
            if self._reader is not None and self._reader.statements >= STATEMENTS:
                self._forget_plans()
            self._reader = self._reader or Session(database)
            try:
                self._reader.run("BEGIN TRANSACTION READ ONLY")
                found = self._reader.run(text, parameters)
                self._reader.run("COMMIT")
            except BaseException:
                self._forget_plans()
                raise
            return found

    @contextmanager
    def session(self, *, begin: str | None = "BEGIN TRANSACTION") -> Iterator[Session]:
        """Hold the file for some statements: one transaction (``begin`` is its first word), or none (None)."""
        with self.held() as database:
            if begin != READING:
                if self.read_only:
                    raise StoreError(f"The graph file {self.path} is open for reading only. Open it for writing.")
                self._forget_plans()
            session = Session(database)
            try:
                if begin:
                    session.run(begin)
                yield session
                if begin:
                    session.run("COMMIT")
            except BaseException:
                if begin:
                    with suppress(StoreError):  # most errors have ended the transaction already
                        session.run("ROLLBACK")
                raise
            finally:
                session.close()

    def checkpoint(self) -> None:
        """Move the write-ahead log into the file."""
        with self.session(begin=None) as session:
            session.run("CHECKPOINT")

    def _forget_plans(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def release(self) -> None:
        """Give up one use; the last one writes everything into the file and closes it."""
        if os.getpid() != self._pid:
            return
        with _opening, self._lock:
            self.users -= 1
            if self.users or self._database is None:
                return
            if not self.read_only:
                with suppress(StoreError):  # what was acknowledged is in the log, and is read at the next open
                    self.checkpoint()
            self._forget_plans()
            database, self._database = self._database, None
            files = _open.get(self.path, [])
            if self in files:
                files.remove(self)
            if not files:
                _open.pop(self.path, None)
            database.close()


READING = "BEGIN TRANSACTION READ ONLY"


def open_file(path: str | Path, *, read_only: bool, buffer_pool_mb: int) -> LadybugFile:
    """Open a graph file, or share it where this process has it open for writing.

    Raises:
        ConnectionFailedError: it cannot be opened; the message says what to do.
    """
    real = os.path.realpath(path)
    with _opening:
        held = _open.get(real, [])
        if held and held[0].read_only != read_only:
            have, want = ("reading only", "writing") if held[0].read_only else ("writing", "reading only")
            raise ConnectionFailedError(
                f"The graph file {real} is open for {have} in this process, and cannot be opened for {want} beside "
                "that. Close it first."
            )
        if held and not read_only:
            held[0].users += 1
            return held[0]
        file = LadybugFile(real, read_only=read_only, buffer_pool_mb=buffer_pool_mb)
        _open.setdefault(real, []).append(file)
        return file


def _stamp(path: str) -> tuple[int, int, int] | None:
    """Return what changes when a writer moves its log into the file."""
    with suppress(FileNotFoundError):
        found = os.stat(path)
        return found.st_ino, found.st_size, found.st_mtime_ns
    return None


def _database(path: str, read_only: bool, buffer_pool_mb: int) -> ladybug.Database:
    _check_place(Path(path), read_only)
    for delay in (*RETRIES_S, None) if read_only else (None,):
        try:
            return ladybug.Database(path, read_only=read_only, buffer_pool_size=buffer_pool_mb << 20)
        except RuntimeError as error:
            if delay is None or not _MOVING.search(str(error)):
                raise ConnectionFailedError(_reason(path, str(error))) from error
            time.sleep(delay)
    raise AssertionError


def _check_place(path: Path, read_only: bool) -> None:
    """Refuse what Ladybug would only notice at the first write, or not say clearly."""
    said = None
    if path.is_dir():
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
            f"was written with storage version {have}, and ladybug {ladybug.__version__} reads {wanted}. Export it with "
            "the version of graphrec that wrote it (`graphrec export`), and import that here (`graphrec import`)."
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
    if _MOVING.search(message):
        return (
            f"The graph file {path}, or its write-ahead log {path}.wal, is damaged: {first} Copy both. Then move the "
            ".wal file away: what was written since the last checkpoint is lost, the rest opens. If it does not, "
            "load the data again or restore a copy."
        )
    return f"The graph file {path} cannot be opened: {first}"


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        raise StoreError(f"Ladybug refused or failed: {lines[0][:400]}") from error


def _plain(value: Any) -> Any:
    """Return a parameter without NumPy's types, which Ladybug does not know."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.tolist() if type(value).__module__ == "numpy" else value
