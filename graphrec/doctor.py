"""What is wrong with the machine, the database, the graph and the models, and what to do about it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import sys
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from graphrec import __version__
from graphrec.errors import ConnectionFailedError, GraphRecError, StoreError
from graphrec.publish.record import Version, version_of
from graphrec.store.connect import open_store
from graphrec.store.queries import quote, render
from graphrec.store.recipes import slot_property
from graphrec.store.validate import problems, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.config import Config
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphDescription, GraphStore, Record

Status = Literal["ok", "warn", "fail"]

SAMPLE = 100_000  # nodes whose keys are looked at
DRIFT = 0.1  # a larger share of nodes without a vector is worth a word
LITTLE_DISK = 1 << 30
NO_DISK = 100 << 20
BYTES_AN_EDGE, BYTES_A_NODE = 120, 300  # peak of export and fit


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        name: what was looked at.
        status: ``"ok"``; ``"warn"``, it works but not for long or not well; ``"fail"``, something cannot work.
        text: what was found.
        remedy: what to do about it; empty where all is well.
    """

    name: str
    status: Status
    text: str
    remedy: str = ""


def examine(url: str | None, config: Config | None) -> list[Finding]:
    """Look at everything that can be looked at; where the database is away, at the rest.

    Args:
        url: the database, or None where none is named.
        config: the schema and Neo4j's database name, or None where the configuration cannot be read.

    Cost: counts, and a scan of at most 100,000 nodes of each label.
    """
    found = [*_versions()]
    embedded = url is not None and "://" not in url
    if embedded and url:
        found += _file(Path(url))
    found += _disk(Path(url) if embedded and url and Path(url).exists() else None)
    if url is None or config is None:
        return [*found, Finding("connection", "fail", "The database was not looked at.", "Mend the configuration.")]
    if embedded and not Path(url).exists():
        remedy = "Check --url; `graphrec load` and `graphrec import` make the file, `graphrec demo` a whole example."
        return [*found, Finding("connection", "fail", f"There is no graph file {url!r}.", remedy)]
    try:
        store = open_store(url, database=config.database, read_only=embedded)
    except ConnectionFailedError as error:
        return [*found, Finding("connection", "fail", str(error), "Everything below waits for this.")]
    except GraphRecError as error:
        return [*found, Finding("connection", "fail", str(error))]
    with store:
        found.append(Finding("connection", "ok", f"{store!r} answers in {_round_trip(store)}."))
        with _guarded(found, "database"):
            found.append(_database(store))
        with _guarded(found, "schema"):
            live = store.describe()
            found += _schema(config.schema, live)
            for node in config.schema.nodes.values():
                if node.label in live.labels:
                    found += _keys(store, node)
            found += _memory(config.schema, live)
            for record in store.models():
                with _guarded(found, f"model {record['name']}"):
                    found += _model(store, config.schema, live, record)
            if not store.models():
                found.append(Finding("models", "ok", "No model is published yet."))
        with _guarded(found, "loads"):
            found += _loads(store)
    return found


@contextmanager
def _guarded(found: list[Finding], name: str) -> Iterator[None]:
    """Turn an error of one check into its finding, so that the next one runs."""
    try:
        yield
    except GraphRecError as error:
        found.append(Finding(name, "fail", str(error)))


# -------------------------------------------------------------------- the machine


def _versions() -> Iterator[Finding]:
    names = ("torch", "torch-geometric", "neo4j", "neo4j-rust-ext", "ladybug")
    have = {name: found for name in names if (found := _version_of(name))}
    listed = ", ".join(f"{name} {number}" for name, number in have.items())
    yield Finding("versions", "ok", f"graphrec {__version__}, Python {platform.python_version()}, {listed}.")
    pinned = _pinned("ladybug")
    if pinned and have.get("ladybug") != pinned:
        text = f"graphrec needs exactly ladybug {pinned}, and {have.get('ladybug', 'none')} is installed."
        yield Finding("ladybug", "fail", text, f"pip install ladybug=={pinned}")
    if "neo4j-rust-ext" not in have:
        text = "neo4j-rust-ext is not installed: Neo4j reads and vector writes take about twice as long."
        yield Finding("rust driver", "ok", text, "pip install 'graphrec[fast]'")
    if sys.version_info < (3, 11):  # noqa: UP036  an installation by force
        yield Finding("python", "fail", "graphrec needs Python 3.11 or newer.", "Install a newer Python.")


def _pinned(package: str) -> str | None:
    """Return the exact version that graphrec asks for; None where graphrec itself runs from its sources."""
    try:
        wanted = requires("graphrec") or []
    except PackageNotFoundError:
        return None
    return next((m[1] for text in wanted if (m := re.match(rf"{package}\s*==\s*([\w.]+)", text))), None)


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _file(path: Path) -> Iterator[Finding]:
    if not path.exists():
        return
    size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*") if part.is_file())
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        yield Finding("file", "ok", f"{path}, {_bytes(size)}, can be read and written.")
    elif os.access(path, os.R_OK):
        text = f"{path} can only be read: lists can be asked for, but nothing loaded or published."
        yield Finding("file", "warn", text, f"chmod u+w {path} and its folder, where that is not meant.")
    else:
        yield Finding("file", "fail", f"{path} cannot be read.", f"chmod u+r {path}, or run as its owner.")


def _disk(path: Path | None) -> Iterator[Finding]:
    places = {"disk, temporary": Path(tempfile.gettempdir())}
    needed = LITTLE_DISK
    if path is not None:
        places["disk, graph"] = path.resolve().parent
        needed = max(needed, 2 * path.stat().st_size)
    for name, place in places.items():
        free = shutil.disk_usage(place).free
        status: Status = "fail" if free < NO_DISK else "warn" if free < needed else "ok"
        remedy = (
            "" if status == "ok" else f"Free {_bytes(needed)} there; loads and publishing write before they remove."
        )
        yield Finding(name, status, f"{_bytes(free)} free at {place}.", remedy)


def _memory(schema: GraphSchema, live: GraphDescription) -> Iterator[Finding]:
    edges = sum(r.count for r in live.relationships if r.type in schema.relationships)
    nodes = sum(info.count for label, info in live.labels.items() if label in schema.nodes)
    needed = edges * BYTES_AN_EDGE + nodes * BYTES_A_NODE
    free = _free_memory()
    text = f"A fit will take roughly {_bytes(needed)} beside PyTorch's own"
    if free is None:
        yield Finding("memory", "ok", f"{text}.")
        return
    status: Status = "warn" if needed > free else "ok"
    remedy = "Fit on a machine with more memory." if status == "warn" else ""
    yield Finding("memory", status, f"{text}; {_bytes(free)} are free.", remedy)


def _free_memory() -> int | None:
    try:  # what Linux can give without swapping; sysconf leaves the caches out
        lines = Path("/proc/meminfo").read_text(encoding="ascii")
        return 1024 * int(re.search(r"MemAvailable:\s*(\d+)", lines)[1])  # type: ignore[index]
    except (OSError, TypeError):
        return None


def _bytes(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"


# -------------------------------------------------------------------- the database


def _round_trip(store: GraphStore) -> str:
    start = time.perf_counter()
    store.query("RETURN 1 AS one")
    return f"{1000 * (time.perf_counter() - start):.1f} ms"


def _database(store: GraphStore) -> Finding:
    """Name the database; one below the floor is refused when it is opened."""
    can = store.capabilities
    if can.dialect == "neo4j":
        edition = store.query(render("neo4j", "admin/edition", {}))["edition"][0].as_py()
        return Finding("database", "ok", f"Neo4j {can.version}, {edition} edition (5.26 is the oldest that works).")
    return Finding("database", "ok", f"Embedded, ladybug {can.version}.")


def _schema(schema: GraphSchema, live: GraphDescription) -> Iterator[Finding]:
    said = problems(schema, live)
    for problem in said:
        status: Status = "fail" if problem.fatal else "warn"
        yield Finding("schema", status, problem.text, "Correct [schema] in graphrec.toml, or load what is missing.")
    if said:
        yield Finding("schema", "ok", summary(live))
        return
    counts = [f"{label} {live.labels[label].count:,}" for label in schema.nodes]
    counts += [f"{r.type} {r.count:,}" for r in live.relationships if r.type in schema.relationships]
    yield Finding("schema", "ok", f"The graph holds what the schema names: {', '.join(counts)}.")


def _keys(store: GraphStore, node: Node) -> Iterator[Finding]:
    """Check the keys of a label. An embedded file enforces what Neo4j only enforces under a constraint."""
    name = f"keys of {node.label}"
    if store.capabilities.dialect != "neo4j":
        return
    names = {"label": node.label, "key": node.key}
    row = store.query(render("neo4j", "admin/keys", names), {"sample": SAMPLE}).to_pylist()[0]
    types = sorted({kind.removesuffix(" NOT NULL") for kind in row["types"]})
    faults = []
    if row["nodes"] > row["keyed"]:
        faults.append(f"{row['nodes'] - row['keyed']:,} have none and are left out")
    if row["keyed"] > row["different"]:
        faults.append(f"{row['keyed'] - row['different']:,} are doubled")
    if len(types) > 1 or not {"STRING", "INTEGER"}.issuperset(types):
        faults.append(f"they are of the types {', '.join(types)}")
    serious = row["keyed"] > row["different"] or len(types) > 1 or not {"STRING", "INTEGER"}.issuperset(types)
    if faults:
        text = f"Of {row['nodes']:,} nodes looked at, by {node.key!r}: {'; '.join(faults)}."
        remedy = "Give each node one key; all strings or all integers."
        yield Finding(name, "fail" if serious else "warn", text, remedy)
    indexes = store.query(render("neo4j", "admin/key_indexes", {})).to_pylist()
    fitting = [i for i in indexes if i["label"] == node.label and i["properties"] == [node.key]]
    if not any(index["state"] == "ONLINE" for index in fitting):
        made = (
            f"CREATE CONSTRAINT FOR (n:{quote(node.label, 'neo4j')}) REQUIRE n.{quote(node.key, 'neo4j')} IS UNIQUE"
        )
        yield Finding(name, "warn", f"{node.key!r} has no index: each look-up reads the whole label.", made)
    elif not faults:
        unique = " and a constraint keeps them so" if any(index["constrained"] for index in fitting) else ""
        yield Finding(name, "ok", f"{node.key!r}: {', '.join(types) or 'no values'}, unique{unique}.")


# -------------------------------------------------------------------- models and loads


def _model(store: GraphStore, schema: GraphSchema, live: GraphDescription, record: Record) -> Iterator[Finding]:
    name = f"model {record['name']}"
    yield from _lock(name, record)
    if not record.get("live"):
        text = "Its first publish has not ended: nothing is live."
        yield Finding(name, "warn", text, "Publish it again once nobody else does.")
        return
    at = version_of(record)
    text = f"{at.kind} version {at.version} is live since {at.created} (slot {at.slot}, {at.dim} numbers a vector)."
    if record.get("standby") or at.version == 1:
        yield Finding(name, "ok", text)
    else:
        remedy = "Nothing needs doing: the next publish brings it back."
        yield Finding(name, "warn", f"{text} There is nothing to roll back to: a publish did not end.", remedy)
    place = slot_property(at.name, at.slot)
    for node, published in ((schema.user, at.users), (schema.item, at.items)):
        yield _coverage(store, live, node, place, published, name)
    if at.lifted:
        yield _index(live, at, place, name)


def _lock(name: str, record: Record) -> Iterator[Finding]:
    if not record.get("lock"):
        return
    left = float(record.get("lock_until") or 0) - time.time()
    if left > 0:
        yield Finding(name, "ok", f"{record.get('lock_owner')} is publishing; its lease ends in {left:.0f} s.")
    else:
        text = f"{record.get('lock_owner')} stopped while it published; its lease ended {-left:,.0f} s ago."
        yield Finding(name, "warn", text, "Nothing needs doing: the next publish takes over.")


def _coverage(
    store: GraphStore, live: GraphDescription, node: Node, place: str, published: int, name: str
) -> Finding:
    """Compare how many nodes there are with how many have a vector in the live slot."""
    text = render(store.capabilities.dialect, "read/covered", {"label": node.label, "property": place})
    try:
        covered = int(store.query(text)["covered"][0].as_py())
    except StoreError:  # the place itself is gone
        covered = 0
    total = live.labels[node.label].count if node.label in live.labels else 0
    bare = total - covered
    text = f"{bare:,} of {total:,} {node.label!r} nodes have no vector (new since, or without interactions)."
    if covered < published:
        text += f" {published - covered:,} of the {published:,} that were published are gone."
    if covered == 0 and published:
        return Finding(name, "fail", text, "Something removed the vectors. Publish again, or roll back.")
    if bare > DRIFT * total:
        return Finding(name, "warn", text, "The graph has moved on: fit and publish.")
    return Finding(name, "ok", text)


def _index(live: GraphDescription, at: Version, place: str, name: str) -> Finding:
    remedy = "Publish again, which makes it anew; until then use the exact recipes."
    index = next((index for index in live.indexes if index.name == place), None)
    if index is None:
        return Finding(name, "fail", f"The vector index {place!r} is missing.", remedy)
    if index.state != "ONLINE":
        return Finding(name, "warn", f"The vector index {place!r} is {index.state}.", "Wait until it is ONLINE.")
    if index.dim != at.dim + 1:
        text = f"The vector index {place!r} is for {index.dim} numbers; the stored vectors have {at.dim + 1}."
        return Finding(name, "fail", text, remedy)
    recall = "" if at.index_recall is None else f", recall@20 {at.index_recall:.3f} when it was published"
    return Finding(name, "ok", f"The vector index {place!r} is online{recall}.")


def _loads(store: GraphStore) -> Iterator[Finding]:
    rows: list[dict[str, Any]] = []
    try:
        rows = store.query(render(store.capabilities.dialect, "load/unfinished", {})).to_pylist()
    except StoreError:  # no load has ever been begun here
        rows = []
    for row in rows:
        text = f"A load ended after {row['chunks']:,} chunks ({str(row['id'])[:12]})."
        yield Finding("loads", "warn", text, "Repeat the same `graphrec load`: it goes on from there.")
    if not rows:
        yield Finding("loads", "ok", "No load is unfinished.")
