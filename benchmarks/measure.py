"""What all benchmarks share: settings, databases, clocks, and the figures as JSON."""

from __future__ import annotations

import datetime
import importlib.metadata
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import graphrec
from benchmarks.synthetic import SCHEMA, Frames, interactions

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from graphrec.graph import Graph
    from graphrec.schema import GraphSchema

ROOT = Path(__file__).parents[1]
HEAP = "2g"
_PACKAGES = (
    "graphrec",
    "neo4j",
    "neo4j-rust-ext",
    "ladybug",
    "torch",
    "torch-geometric",
    "numpy",
    "scipy",
    "pyarrow",
)


@dataclass(frozen=True)
class Target:
    """A graph, and where a peer finds its database."""

    name: str
    place: str
    auth: tuple[str, str] | None
    graph: Graph


@dataclass
class Bench:
    """Settings, a folder for scratch, and databases that are started or filled when a benchmark asks for them.

    Attributes:
        scale: 1 is a million interactions; sizes of samples shrink with it.
        repeats: how often each figure is taken.
        gowalla: a folder with train.parquet, or None.
        neo4j: whether a Neo4j server is to be measured.
        cache: where trained models are kept between runs.
        data: a folder of data sets by name, or None.
    """

    scale: float
    repeats: int
    gowalla: Path | None
    neo4j: bool
    cache: Path
    data: Path | None = None
    _stack: ExitStack = field(default_factory=ExitStack)
    _loaded: dict[str, Target] = field(default_factory=dict)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def databases(self) -> list[str]:
        return ["ladybug", "neo4j"] if self.neo4j else ["ladybug"]

    @cached_property
    def folder(self) -> Path:
        return Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="graphrec-bench-")))

    @cached_property
    def frames(self) -> Frames:
        return interactions(self.scale)

    def size(self, full: int, least: int = 5) -> int:
        """Return the size of a sample at this scale."""
        return max(min(least, full), int(full * min(self.scale, 1.0)))

    def loaded(self, database: str) -> Target:
        """Return a database with the synthetic graph, loaded once."""
        if database not in self._loaded:
            target = self.empty(database, self._stack)
            target.graph.load(self.frames.nodes, self.frames.edges)
            self._loaded[database] = target
        return self._loaded[database]

    def forget(self, database: str) -> None:
        """Load the synthetic graph anew when it is asked for again."""
        self._loaded.pop(database, None)

    def empty(self, database: str, stack: ExitStack, schema: GraphSchema = SCHEMA) -> Target:
        """Return an empty graph: a new file, or a new Neo4j server. Both end with the stack."""
        if database == "ladybug":
            place = str(self.folder / f"{time.monotonic_ns()}.lbug")
            return Target(database, place, None, stack.enter_context(graphrec.connect(place, schema=schema)))
        sys.path.append(str(ROOT / "tests"))
        from neo4j_server import Neo4jServer

        server = stack.enter_context(Neo4jServer(heap=HEAP))
        graph = stack.enter_context(graphrec.connect(server.uri, schema=schema, auth=server.auth))
        return Target(database, server.uri, server.auth, graph)


def timed(call: Callable[[], Any]) -> float:
    """Return the wall time of a call, seconds."""
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def in_turns(cases: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Time all cases in turns, ``repeats`` times each."""
    taken: dict[str, list[float]] = {name: [] for name in cases}
    for _ in range(repeats):
        for name, call in cases.items():
            taken[name].append(timed(call))
    return taken


def spread(values: list[float], digits: int = 3) -> dict[str, Any]:
    """Return median and range, and the values themselves."""
    return {
        "median": round(statistics.median(values), digits),
        "least": round(min(values), digits),
        "most": round(max(values), digits),
        "all": [round(value, digits) for value in values],
    }


def ratio(peer: list[float], ours: list[float]) -> float:
    """Return how many times as long the peer takes, median against median."""
    return statistics.median(peer) / statistics.median(ours)


def goal(
    what: str, value: float, unit: str, must: float | None = None, aim: float | None = None, *, less: bool = False
) -> dict[str, Any]:
    """Return a figure beside what it is meant to reach; ``less`` where less is better."""

    def met(bound: float | None) -> bool | None:
        return None if bound is None else value <= bound if less else value >= bound

    return {
        "what": what,
        "value": float(f"{value:.4g}"),
        "unit": unit,
        "must": must,
        "aim": aim,
        "less_is_better": less,
        "must_met": met(must),
        "aim_met": met(aim),
    }


def machine() -> dict[str, Any]:
    """Return what the figures depend on."""
    import psutil

    def version(package: str) -> str | None:
        try:
            return importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            return None

    return {
        "cores": os.cpu_count(),
        "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": platform.python_version(),
        **{package: version(package) for package in _PACKAGES},
    }


def write(out: Path, name: str, bench: Bench, run: Callable[[Bench], dict[str, Any]], command: str) -> dict[str, Any]:
    """Run a benchmark and write its JSON."""
    load, began = os.getloadavg(), time.perf_counter()
    report = {"name": name, **run(bench)}
    report |= {
        "scale": bench.scale,
        "repeats": bench.repeats,
        "command": command,
        "date": datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%d %H:%M UTC"),
        "seconds": round(time.perf_counter() - began),
        "load_before": [round(value, 1) for value in load],
        "load_after": [round(value, 1) for value in os.getloadavg()],
        "machine": machine(),
    }
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_text(json.dumps(report, indent=1, default=float) + "\n", encoding="utf-8")
    return report
