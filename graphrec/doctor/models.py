"""Published models: what is live, who holds the lock, which nodes lack a vector, and the index."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from graphrec.doctor.finding import Finding
from graphrec.errors import StoreError
from graphrec.publish.record import LEASE_S
from graphrec.publish.version import version_of
from graphrec.store.queries import render
from graphrec.store.recipes import slot_property

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphDescription, GraphStore, Record

SAMPLE = 100_000  # nodes whose keys or vectors are looked at
DRIFT = 0.1  # a larger share of nodes without a vector is worth a word


def model(store: GraphStore, schema: GraphSchema, live: GraphDescription, record: Record) -> Iterator[Finding]:
    """Look at one published model."""
    name = f"model {record['name']}"
    yield from _lock(name, record)
    if not record.get("live"):
        text = "Its first publish has not ended: nothing is live."
        yield Finding(name, "warn", text, "Publish it again once nobody else does.")
        return
    at = version_of(record)
    if record.get("refreshing") and not record.get("lock"):
        yield Finding(name, "warn", "A refresh was cut off.", "Run `graphrec refresh` again: it goes on.")
    text = f"{at.kind} version {at.shown} is live since {at.created} (slot {at.slot}, {at.dim} numbers a vector)."
    if not at.belongs(schema):
        labels = f"the labels {at.user_label!r} and {at.item_label!r}, and to another schema than this"
        yield Finding(name, "ok", f"{text} It belongs to {labels}.")
        return
    if record.get("standby") or at.version == 1:
        yield Finding(name, "ok", text)
    else:
        remedy = "Nothing needs doing: the next publish brings it back."
        yield Finding(name, "warn", f"{text} There is nothing to roll back to: a publish did not end.", remedy)
    place = slot_property(at.name, at.slot)
    for node, published in ((schema.user, at.users), (schema.item, at.items)):
        yield _coverage(store, live, node, place, published, name)
        yield from _odd(store, node, place, at.dim + at.lifted, name)
    if at.lifted:
        yield _index(live, at, place, name)


def job(record: Record) -> Iterator[Finding]:
    """Look at the last run of a job."""
    name = f"job {record['name']}"
    yield from _lock(name, record)
    if record.get("run") and not record.get("lock"):
        text = f"The run of version {record.get('version')} was cut off: some lists are of the version before."
        yield Finding(name, "warn", text, "Run it again: it goes on where it was.")
    elif not record.get("run"):
        yield Finding(name, "ok", f"Version {record.get('version')} has ended.")


def _lock(name: str, record: Record) -> Iterator[Finding]:
    if not record.get("lock"):
        return
    left = float(record.get("lock_until") or 0) - time.time()
    if left > LEASE_S:
        text = (
            f"The lease of {record.get('lock_owner')} ends in {left:,.0f} s, and no lease is as long: a clock moved."
        )
        yield Finding(name, "warn", text, "Publish again; after a minute without a sign of the owner it takes over.")
    elif left > 0:
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
        why = "Nodes or vectors were removed" if covered < published else "The graph has moved on"
        return Finding(name, "warn", text, f"{why}: `graphrec refresh`, or fit and publish.")
    return Finding(name, "ok", text)


def _odd(store: GraphStore, node: Node, place: str, width: int, name: str) -> Iterator[Finding]:
    """Look for vectors that this graphrec did not write. A column of an embedded file holds vectors of one width."""
    if store.capabilities.dialect != "neo4j":
        return
    text = render("neo4j", "admin/odd_vectors", {"label": node.label, "property": place})
    if odd := store.query(text, {"width": width, "sample": SAMPLE})["odd"][0].as_py():
        text = (
            f"{odd:,} {node.label!r} nodes hold in {place!r} something else than {width} numbers: lists are refused."
        )
        yield Finding(name, "fail", text, "Another program writes this property: stop it, and publish again.")


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
