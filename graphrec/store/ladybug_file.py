"""One Ladybug file, opened with care.

Ladybug itself neither notices a second open in one process, which corrupts the file, nor a fork, after which it
hangs; a second writer thread gets an error, and its cache of prepared statements crashes where a bulk statement is
repeated. Its faster export, `query_as_arrow`, turns nulls into zeros. So a process holds one handle a file, a lock
lets one thread in at a time, bulk statements have connections of their own, and that export is not used.
"""

from __future__ import annotations

import ctypes
import os
import threading
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import ladybug
import pyarrow as pa

from graphrec.errors import ConnectionFailedError, StoreError
from graphrec.store.ladybug_open import open_database, stamp

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

READING = "BEGIN TRANSACTION READ ONLY"
ARROW_ROWS = 250_000  # rows of an Arrow chunk
NEVER = (0, 0, 0)  # no file's stamp: what failed to open is tried again by the next call
STATEMENTS = 1_000  # a connection keeps every statement it has prepared, so it is renewed now and then

_open: dict[str, list[LadybugFile]] = {}
_opening = threading.RLock()  # a store that is garbage while another one opens is closed in the same thread


def _after_fork() -> None:
    """Keep the parent's handles alive in the child for ever: to destroy one waits for threads that are not there."""
    global _opening
    _opening = threading.RLock()
    for files in _open.values():
        for file in files:
            ctypes.pythonapi.Py_IncRef(ctypes.py_object(file))
    _open.clear()


if hasattr(os, "register_at_fork"):  # Windows forks nothing
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
        self._seen = stamp(path)
        self._database: ladybug.Database | None = open_database(path, read_only, buffer_pool_mb)

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
        return self.read_only and self._seen != stamp(self.path)

    def _open_again(self) -> None:
        """Follow a writer: what a reader holds of a file that was written since is worthless."""
        self._forget_plans()
        if self._database is not None:
            self._database.close()
        seen, self._seen = stamp(self.path), NEVER
        self._database = open_database(self.path, self.read_only, self._pool_mb)
        self._seen = seen

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
                self._reader.run(READING)
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
        with self._lock, _opening:
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


@contextmanager
def _told() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        lines = str(error).splitlines() or [type(error).__name__]
        if "read-only database" in lines[0]:
            raise StoreError("The graph file is open for reading only. Open it for writing.") from error
        raise StoreError(f"Ladybug refused or failed: {lines[0][:400]}") from error


def _plain(value: Any) -> Any:
    """Return a parameter without NumPy's types, which Ladybug does not know."""
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value.tolist() if type(value).__module__ == "numpy" else value
