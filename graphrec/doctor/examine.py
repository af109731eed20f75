"""What is wrong with the machine, the database, the graph and the models, and what to do about it."""

from __future__ import annotations

import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.doctor import machine
from graphrec.doctor.finding import Finding, Status
from graphrec.doctor.models import SAMPLE, job, model
from graphrec.errors import ConnectionFailedError, GraphRecError, StoreError
from graphrec.publish.features import LOAD
from graphrec.publish.record import model_records
from graphrec.store.connect import open_store
from graphrec.store.queries import quote, render
from graphrec.store.validate import problems, summary

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.config import Config
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphDescription, GraphStore


def examine(url: str | None, config: Config | None) -> list[Finding]:
    """Look at everything that can be looked at; where the database is away, at the rest.

    Args:
        url: the database, or None where none is named.
        config: the schema and Neo4j's database name, or None where the configuration cannot be read.

    Cost: counts, and a scan of at most 100,000 nodes of each label.
    """
    found = [*machine.versions()]
    path = None if url is None or "://" in url else Path(url)
    there = path is not None and path.exists()
    if path is not None and there:
        found += machine.file(path)
    found += machine.disk(path if there else None)
    if url is None or config is None:
        return [*found, Finding("connection", "fail", "The database was not looked at.", "Mend the configuration.")]
    if path is not None and not there:
        remedy = "Check --url; `graphrec load` and `graphrec import` make the file, `graphrec demo` a whole example."
        return [*found, Finding("connection", "fail", f"There is no graph file {url!r}.", remedy)]
    try:
        store = open_store(url, database=config.database, read_only=path is not None)
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
            found += machine.memory(config.schema, live)
            models = model_records(store)
            for record in models:
                with _guarded(found, f"model {record['name']}"):
                    found += model(store, config.schema, live, record)
            for record in store.models():
                if record not in models:
                    found += job(record)
            if not models:
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
    counts += [f"{type} {count:,}" for type, count in live.edge_counts(schema).items()]
    yield Finding("schema", "ok", f"The graph holds what the schema names: {', '.join(counts)}.")


def _keys(store: GraphStore, node: Node) -> Iterator[Finding]:
    """Check the keys of a label. An embedded file enforces what Neo4j only enforces under a constraint."""
    name = f"keys of {node.label}"
    if store.capabilities.dialect != "neo4j":
        return
    names = {"label": node.label, "key": node.key}
    row = store.query(render("neo4j", "admin/keys", names), {"sample": SAMPLE}).to_pylist()[0]
    types = sorted({kind.removesuffix(" NOT NULL") for kind in row["types"]})
    without, doubled = row["nodes"] - row["keyed"], row["keyed"] - row["different"]
    mixed = len(types) > 1 or not {"STRING", "INTEGER"}.issuperset(types)
    faults = [f"{without:,} have none and are left out"] if without else []
    faults += [f"{doubled:,} are doubled"] if doubled else []
    faults += [f"they are of the types {', '.join(types)}"] if mixed else []
    if faults:
        text = f"Of {row['nodes']:,} nodes looked at, by {node.key!r}: {'; '.join(faults)}."
        remedy = "Give each node one key; all strings or all integers."
        yield Finding(name, "fail" if doubled or mixed else "warn", text, remedy)
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


def _loads(store: GraphStore) -> Iterator[Finding]:
    try:
        rows = store.query(render(store.capabilities.dialect, "load/unfinished", {})).to_pylist()
    except StoreError:  # no load has ever been begun here
        rows = []
    rows = [row for row in rows if not str(row["id"]).startswith(LOAD)]  # of a publish, which does not go on there
    for row in rows:
        text = f"A load ended after {row['chunks']:,} chunks ({str(row['id'])[:12]})."
        yield Finding("loads", "warn", text, "Repeat the same `graphrec load`: it goes on from there.")
    if not rows:
        yield Finding("loads", "ok", "No load is unfinished.")
