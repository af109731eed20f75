"""Opening a Neo4j server, running statements with retries, and saying what went wrong."""

from __future__ import annotations

import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeVar
from weakref import WeakSet

import neo4j
from neo4j.exceptions import (
    AuthError,
    BrokenRecordError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
    TransientError,
)

from graphrec.errors import ArgumentError, ConnectionFailedError, DataError, StoreError
from graphrec.store import queries
from graphrec.store.protocol import Capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

T = TypeVar("T")

OLDEST = (5, 26)

_connected: WeakSet[Neo4jConnection] = WeakSet()
_parents: list[neo4j.Driver] = []  # kept, so that no child says goodbye on its parent's sockets


def _after_fork() -> None:
    """Give the child drivers of its own: on shared sockets processes would read each other's answers."""
    for connection in _connected:
        _parents.append(connection._driver)
        connection._driver = connection._connect()


if hasattr(os, "register_at_fork"):  # Windows forks nothing
    os.register_at_fork(after_in_child=_after_fork)


def check_version(version: str) -> None:
    """Refuse servers older than the oldest one that the statements were written for.

    Raises:
        ConnectionFailedError: the version is below 5.26, or no version at all.
    """
    number = re.match(r"(\d+)\.(\d+)", version)
    if number is None or (int(number[1]), int(number[2])) < OLDEST:
        raise ConnectionFailedError(
            f"graphrec needs Neo4j {OLDEST[0]}.{OLDEST[1]} (LTS) or newer. Got {version!r}. Upgrade the server."
        )


class Neo4jConnection:
    """A driver with its database name; every call opens its own session, so threads and forked processes share it.

    Args:
        url: ``neo4j://``, ``bolt://`` or their ``+s`` and ``+ssc`` forms, without user and password.
        auth: user and password, or None for a server without authentication.
        database: the database's name; None is the user's home database.
        retry_s: how long a transaction is repeated after transient errors, seconds.
        driver_options: further options of ``neo4j.GraphDatabase.driver``.

    Raises:
        ArgumentError: the URL holds a password, or an option is unknown to the driver.
        ConnectionFailedError: no server answers, it refuses the password, or it is older than 5.26.
    """

    def __init__(
        self,
        url: str,
        auth: tuple[str, str] | None = None,
        database: str | None = None,
        *,
        retry_s: float = 30.0,
        **driver_options: Any,
    ) -> None:
        if "@" in url:
            raise ArgumentError("`url` must not hold a user or password. Give them as `auth=(user, password)`.")
        self._url, _, query = url.partition("?")  # which may hold a secret, and is in no message
        options = {"connection_timeout": 10.0, "notifications_min_severity": "OFF", **driver_options}
        fault: Exception | None = None

        def connect() -> neo4j.Driver:  # a `partial` would show the password
            return neo4j.GraphDatabase.driver(
                url, auth=auth, max_transaction_retry_time=retry_s, user_agent="graphrec", **options
            )

        self._connect = connect
        try:
            self._driver = self._connect()
        except (ConfigurationError, ValueError, TypeError) as error:
            fault = error
        if fault:
            raise ArgumentError(
                f"`url` must be a Neo4j address such as 'neo4j://localhost:7687', with options the driver knows. "
                f"Got {self._url!r}: {'leave out what follows the question mark' if query else fault}"
            ) from None if query else fault
        try:
            with translated(self._url):
                self._driver.verify_connectivity()
                with self._driver.session(database=database) as session:
                    row = session.run(cypher("admin/server")).single(strict=True)
            check_version(row["version"])
        except BaseException:
            self._driver.close()
            raise
        self._database: str = row["database"]
        self._prepared: set[tuple[str, str]] = set()  # labels and keys known to be unique
        self._capabilities = Capabilities("neo4j", row["version"], vector_index=True)
        _connected.add(self)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._url!r}, database={self._database!r})"

    @property
    def capabilities(self) -> Capabilities:
        """What this server can do."""
        return self._capabilities

    def close(self) -> None:
        """Close all connections. Idempotent."""
        _connected.discard(self)
        self._driver.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # One transaction each; `work` may run again after a transient error.

    def _write(self, work: Callable[[neo4j.ManagedTransaction], T]) -> T:
        with translated(self._url), self._driver.session(database=self._database) as session:
            return session.execute_write(lambda tx: _once(tx, work))

    def _read(self, work: Callable[[neo4j.ManagedTransaction], T]) -> T:
        with translated(self._url), self._driver.session(database=self._database) as session:
            return session.execute_read(lambda tx: _once(tx, work))

    def _rows(self, name: str, names: Mapping[str, str] | None = None, /, **parameters: Any) -> list[neo4j.Record]:
        """Run one statement of ``cypher/neo4j`` in a transaction of its mode."""
        text = cypher(name, names)
        run = self._write if queries.load("neo4j", name).mode == "WRITE" else self._read
        return run(lambda tx: list(tx.run(text, parameters)))

    def _until_done(self, name: str, names: Mapping[str, str], /, **parameters: Any) -> int:
        """Repeat a statement that does a bounded piece of work and returns its size; return the sum."""
        total = 0
        while done := int(self._rows(name, names, **parameters)[0][0]):
            total += done
        return total

    def _schema(self, name: str, names: Mapping[str, str], /, **parameters: Any) -> None:
        """Run a schema statement, which Neo4j takes only in a transaction of its own."""
        text = cypher(name, names)
        self._write(lambda tx: tx.run(text, parameters).consume())


def cypher(name: str, names: Mapping[str, str] | None = None, fragments: Mapping[str, str] | None = None) -> str:
    """Return a statement of ``cypher/neo4j`` filled with names."""
    return queries.render("neo4j", name, names or {}, fragments)


def _once(tx: neo4j.ManagedTransaction, work: Callable[[neo4j.ManagedTransaction], T]) -> T:
    try:
        return work(tx)
    except TransientError as error:
        if "OutOfMemory" in (error.code or ""):  # "transient", but it fails the same way each time
            raise StoreError(
                f"The transaction did not fit the server's memory ({error.code}). Raise "
                "dbms.memory.transaction.total.max or the heap (server.memory.heap.max_size), or write less at once."
            ) from error
        raise
    except Neo4jError as error:
        if "EntityNotFound" in f"{error.code} {error.message}":  # deleted meanwhile: gone the next time
            raise TransientError(error.message) from error
        raise


@contextmanager
def translated(url: str) -> Iterator[None]:
    """Turn the driver's errors into ours; the driver's own is the cause."""
    try:
        yield
    except AuthError as error:
        raise ConnectionFailedError(
            f"The server at {url} refuses this user or password ({error.code}). Check GRAPHREC_NEO4J_USER and "
            "GRAPHREC_NEO4J_PASSWORD, or `auth=`."
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        secure = "+s" in url.partition("://")[0]
        tls = (
            " Where the server speaks no TLS, or by a certificate of its own, '+s' cannot connect." if secure else ""
        )
        raise ConnectionFailedError(
            f"No Neo4j server answers at {url}, or it went away: {_first_line(str(error))}. "
            f"Check that it runs, host and port, and repeat the command.{tls}"
        ) from error
    except Neo4jError as error:
        code = error.code or "unknown"
        if code.endswith("AuthenticationRateLimit"):
            raise ConnectionFailedError(
                f"The server at {url} is locked for a moment after several wrong passwords ({code}). Wait some "
                "seconds, then try with the right one."
            ) from error
        if code.endswith(("DatabaseNotFound", "DatabaseUnavailable")):
            raise ConnectionFailedError(
                f"The database is not there or not online at {url} ({code}): {error.message}. Check `database=` "
                "against SHOW DATABASES."
            ) from error
        raise StoreError(f"Neo4j refused a statement ({code}): {_first_line(error.message)}") from error
    except BrokenRecordError as error:
        raise DataError(
            f"A value in the graph cannot be read here, such as a date outside the years 1 to 9999 ({error}). "
            "Mend it in the graph."
        ) from error
    except DriverError as error:
        raise StoreError(f"The Neo4j driver failed: {_first_line(str(error))}") from error
    except (OverflowError, TypeError, ValueError) as error:  # a parameter that Bolt cannot carry
        if isinstance(error, DataError | ArgumentError):
            raise
        raise DataError(f"A value cannot be sent to Neo4j: {error}") from error


def _first_line(message: str | None) -> str:
    """Return the first line of a server message: the lines after it quote the statement."""
    return (message or "").strip().partition("\n")[0][:500].rstrip(":")
