"""Real Neo4j Community servers for the tests: jars by Maven, a JDK found on this machine, no container."""

from __future__ import annotations

import functools
import os
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Self

import neo4j

from graphrec.store.neo4j import Neo4jStore

if TYPE_CHECKING:
    from collections.abc import Iterator

LTS, LATEST = "5.26.30", "2026.08.1"
GIVEN = "given"
INSTALL = "Install a JDK and Maven (apt-get install default-jre-headless maven), or set GRAPHREC_NEO4J_URI."

_CACHE = Path(__file__).parents[1] / ".neo4j"
_JDKS = {LTS: (17, 21), LATEST: (21, 99)}  # Java versions that each release runs on, first and last
_MAIN = {LTS: "org.neo4j.server.CommunityEntryPoint", LATEST: "org.neo4j.server.Neo4jCommunity"}
_OPENED = ("java.nio", "java.io", "sun.nio.ch", "java.util.concurrent", "java.lang")
_SERIAL = "-XX:+UseSerialGC"
_LIGHT = "-XX:TieredStopAtLevel=1"  # halves the processor time of a start; a server that lives on is slower with it
_PASSWORD = "graphrec-test"
_POM = """<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>graphrec</groupId><artifactId>neo4j-for-tests</artifactId><version>1</version><packaging>pom</packaging>
<dependencies><dependency><groupId>org.neo4j</groupId><artifactId>neo4j</artifactId><version>{}</version></dependency>
</dependencies></project>
"""


class NoServerError(RuntimeError):
    """A server cannot be had here; the message says what to install."""


def versions() -> list[str]:
    """Return what to test: the given server, else the LTS and, where a JDK runs it, the latest."""
    if os.environ.get("GRAPHREC_NEO4J_URI"):
        return [GIVEN]
    return [LTS, LATEST] if java_for(LATEST) else [LTS]


@functools.cache
def java_for(version: str) -> Path | None:
    """Return a Java that runs this release, from JAVA_HOME, PATH and /usr/lib/jvm, or None."""
    homes = [Path(os.environ["JAVA_HOME"])] if os.environ.get("JAVA_HOME") else []
    found = shutil.which("java")
    homes += [Path(found).resolve().parents[1]] if found else []
    homes += sorted(Path("/usr/lib/jvm").glob("*"))
    first, last = _JDKS[version]
    for home in homes:
        java = home / "bin" / "java"
        if java.exists() and first <= _java_version(java) <= last:
            return java
    return None


def _java_version(java: Path) -> int:
    told = subprocess.run([java, "-version"], capture_output=True, text=True, check=False).stderr
    number = re.search(r'version "(\d+)', told)
    return int(number[1]) if number else 0


def jars(version: str, cache: Path = _CACHE) -> Path:
    """Return the folder with a release's jars; Maven downloads them (about 150 MB) the first time."""
    lib = cache / version / "lib"
    if lib.is_dir():
        return lib
    if shutil.which("mvn") is None:
        raise NoServerError(f"Neo4j {version} is not in {cache} and there is no Maven to fetch it. {INSTALL}")
    part = cache / version / f"part-{os.getpid()}"
    part.mkdir(parents=True)
    try:
        (part / "pom.xml").write_text(_POM.format(version))
        fetch = ["mvn", "-q", "-B", "dependency:copy-dependencies", "-DoutputDirectory=lib", "-DincludeScope=runtime"]
        done = subprocess.run(fetch, cwd=part, capture_output=True, text=True, check=False, timeout=900)
        if done.returncode:
            raise NoServerError(f"Maven could not fetch Neo4j {version}: {(done.stdout + done.stderr)[-800:]}")
        if not lib.is_dir():  # another test run may have been faster
            (part / "lib").rename(lib)
    finally:
        shutil.rmtree(part)
    return lib


class Neo4jServer:
    """One server on a free loopback port, with a home of its own and authentication on.

    Args:
        version: `LTS` or `LATEST`.
        heap: the size of the Java heap.
        brief: whether it is started often and asked little.

    Raises:
        NoServerError: no JDK, no Maven, or the server did not come up.
    """

    def __init__(self, version: str = LTS, heap: str = "1g", *, brief: bool = False) -> None:
        java = java_for(version)
        if java is None:
            first, last = _JDKS[version]
            raise NoServerError(f"Neo4j {version} needs Java {first} to {last}, and none is here. {INSTALL}")
        self.version = version
        self.auth = ("neo4j", _PASSWORD)
        self.home = Path(tempfile.mkdtemp(prefix="graphrec-neo4j-"))
        self._lib, self._java, self._heap, self._brief = jars(version), java, heap, brief
        self._process: subprocess.Popen[bytes] | None = None
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port: int = free.getsockname()[1]
        self.uri = f"bolt://127.0.0.1:{self.port}"
        self._settle()

    def _settle(self) -> None:
        address = f"127.0.0.1:{self.port}"
        settings = {
            "server.bolt.listen_address": address,
            "server.bolt.advertised_address": address,
            "server.http.enabled": "false",
            "server.https.enabled": "false",
            "dbms.usage_report.enabled": "false",
            "db.tx_log.preallocate": "false",  # else an empty home takes half a gigabyte
            "server.memory.pagecache.size": "128m",
        }
        (self.home / "conf").mkdir()
        (self.home / "conf" / "neo4j.conf").write_text("".join(f"{k}={v}\n" for k, v in settings.items()))
        admin = ["org.neo4j.cli.AdminTool", "dbms", "set-initial-password", _PASSWORD]
        where = {"NEO4J_HOME": str(self.home), "NEO4J_CONF": str(self.home / "conf")}
        done = subprocess.run(
            [self._java, _LIGHT, _SERIAL, "-Xmx256m", "-cp", f"{self._lib}/*", *admin],
            env=os.environ | where,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise NoServerError(f"The password could not be set: {(done.stdout + done.stderr)[-800:]}")

    def start(self, timeout: float = 120) -> Self:
        """Start the server and wait until it answers."""
        java = [
            *([_LIGHT] if self._brief else []),
            _SERIAL,
            f"-Xms{self._heap}",
            f"-Xmx{self._heap}",
            "-cp",
            f"{self._lib}/*",
        ]
        java += [f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED]
        java += ["--add-modules=jdk.incubator.vector", "-Dio.netty.tryReflectionSetAccessible=true"]
        java += ["-Dlog4j2.disable.jmx=true"]
        with (self.home / "stdout.log").open("ab") as log:
            self._process = subprocess.Popen(
                [
                    self._java,
                    *java,
                    _MAIN[self.version],
                    f"--home-dir={self.home}",
                    f"--config-dir={self.home / 'conf'}",
                ],
                stdout=log,
                stderr=log,
            )
        end = time.monotonic() + timeout
        while time.monotonic() < end and self._process.poll() is None:
            try:
                with neo4j.GraphDatabase.driver(self.uri, auth=self.auth) as driver:
                    driver.verify_connectivity()
                return self
            except (neo4j.exceptions.DriverError, neo4j.exceptions.TransientError):
                time.sleep(0.1)
        self.kill()
        raise NoServerError(f"Neo4j {self.version} did not start: {self._last_words()}")

    def _last_words(self) -> str:
        logs = [self.home / "logs" / "neo4j.log", self.home / "stdout.log"]
        return "\n".join(log.read_text(errors="replace")[-1500:] for log in logs if log.exists())

    def _end(self, how: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(how)
            self._process.wait(60)
            self._process = None

    def stop(self) -> None:
        """Stop the server in an orderly way; its home stays."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kill the server where it stands (SIGKILL); its home stays."""
        self._end(signal.SIGKILL)

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def restart(self) -> Self:
        """Stop the server where it runs, and start it on the same home and port."""
        self.stop()
        return self.start()

    def __enter__(self) -> Self:
        try:
            return self.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise

    def __exit__(self, *_: object) -> None:
        self.kill()  # nothing in the home is worth a slow, clean stop
        shutil.rmtree(self.home, ignore_errors=True)


class GivenServer:
    """The server named by GRAPHREC_NEO4J_URI, GRAPHREC_NEO4J_USER and GRAPHREC_NEO4J_PASSWORD.

    Raises:
        NoServerError: the database holds nodes, which the tests would delete, and GRAPHREC_NEO4J_ERASE is not 1.
    """

    def __init__(self) -> None:
        self.uri = os.environ["GRAPHREC_NEO4J_URI"]
        password = os.environ.get("GRAPHREC_NEO4J_PASSWORD")
        self.auth = (os.environ.get("GRAPHREC_NEO4J_USER", "neo4j"), password) if password else None

    def __enter__(self) -> Self:
        with Neo4jStore(self.uri, self.auth) as store:
            used = store.query("MATCH (n) RETURN count(n) AS nodes")["nodes"][0].as_py()
        if used and os.environ.get("GRAPHREC_NEO4J_ERASE") != "1":
            raise NoServerError(
                f"The tests delete everything in the database at GRAPHREC_NEO4J_URI, and it holds {used} nodes. Give "
                "an empty one, or set GRAPHREC_NEO4J_ERASE=1."
            )
        return self

    def __exit__(self, *_: object) -> None:
        return None


def server_for(version: str) -> Neo4jServer | GivenServer:
    """Return a server that is not started yet."""
    return GivenServer() if version == GIVEN else Neo4jServer(version)


@contextmanager
def empty_store(server: Neo4jServer | GivenServer, *, keep_schema: bool = False) -> Iterator[Neo4jStore]:
    """Delete everything that the server's database holds, and open a store on it.

    With ``keep_schema`` constraints and indexes stay: the next test on the same labels then starts in a tenth of the
    time, since Neo4j neither builds them again nor forgets its plans.
    """
    with neo4j.GraphDatabase.driver(server.uri, auth=server.auth, notifications_min_severity="OFF") as driver:

        def names(what: str) -> list[str]:
            return [
                r[0]
                for r in driver.execute_query(f"SHOW {what} YIELD name, type WHERE type <> 'LOOKUP' RETURN name")[0]
            ]

        while driver.execute_query("MATCH (n) WITH n LIMIT 10000 DETACH DELETE n RETURN count(*)")[0][0][0]:
            pass
        for what in () if keep_schema else ("CONSTRAINT", "INDEX"):
            for name in names(what):
                driver.execute_query(f"DROP {what} `{name.replace('`', '``')}`")
    with Neo4jStore(server.uri, server.auth) as store:
        yield store
