"""The record of a published model, and the lock that keeps publishers apart.

The record is the node ``(:GraphrecModel {name, live, version, previous, dim, metric, scale, ...})``. Its fields
describe the live slot; ``standby`` holds the same fields of the other slot as JSON, and is empty while that slot is
being overwritten. Every change is a compare-and-set in one transaction.
"""

from __future__ import annotations

import json
import os
import socket
import time
import uuid
from contextlib import contextmanager, suppress
from dataclasses import MISSING, asdict, dataclass, fields
from threading import Event, Thread
from typing import TYPE_CHECKING, Any, Literal, cast

import pandas as pd

from graphrec.errors import PublishError, StoreError, UnknownKeyError, near
from graphrec.store.protocol import Fence
from graphrec.store.recipes import MODEL_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.store.protocol import GraphStore, Record

Slot = Literal["a", "b"]
LEASE_S = 60.0


@dataclass(frozen=True)
class Version:
    """What is known of one published version of a model.

    Attributes:
        name: the model's name in the graph.
        version: 1, 2, 3, ...: never given twice.
        slot: where its vectors are, ``"a"`` or ``"b"``.
        kind: the model's class, such as ``"LightGCN"``.
        dim: numbers in a vector, without the lift.
        scale: M of the lift (`graphrec.publish.lift`); 1 where vectors are stored as they are.
        lifted: whether vectors are stored lifted, for a cosine index.
        fold_in: whether new users can be folded in.
        fingerprint: the dataset that the model was fitted on.
        users: how many user vectors were written.
        items: how many item vectors were written.
        created: when it went live, ISO 8601 in UTC.
        index_recall: recall@20 of the index path against the exact one, measured on a sample at publishing; None
            where there is no index.
        minor: how often `graphrec.publish.refresh` has added nodes to it: 7.1 is version 7 with new nodes.
        cold_users: how many user vectors were made of items or attributes, without training.
        cold_items: how many item vectors were made of attributes.
        features: what maps from attributes to vectors it has (`graphrec.publish.features`), as JSON.
        graph: how large the graph was when it was published (`graphrec.publish.drift`), as JSON.
    """

    name: str
    version: int
    slot: Slot
    kind: str
    dim: int
    scale: float
    lifted: bool
    fold_in: bool
    fingerprint: str
    users: int
    items: int
    created: str
    index_recall: float | None = None
    minor: int = 0
    cold_users: int = 0
    cold_items: int = 0
    features: str | None = None
    graph: str | None = None

    @property
    def shown(self) -> int | str:
        """What people read: 7, or ``"7.1"`` once nodes were added."""
        return f"{self.version}.{self.minor}" if self.minor else self.version


def other(slot: object) -> Slot:
    """Return the slot that is not this one (``"a"`` for the first publish)."""
    return "b" if slot == "a" else "a"


def model_records(store: GraphStore) -> list[Record]:
    """Return the records of models, published or about to be; those of jobs have a colon in their names."""
    return [record for record in store.models() if MODEL_NAME.fullmatch(str(record["name"]))]


def find(store: GraphStore, name: str) -> Record | None:
    """Return a model's record or None."""
    return next((record for record in store.models() if record["name"] == name), None)


def live(store: GraphStore, name: str | None = None) -> Version:
    """Return the live version of a model.

    Args:
        store: where to look.
        name: the model's name; None where only one model is published.

    Raises:
        UnknownKeyError: no such model is live, or several are and no name is given.
    """
    records = {str(r["name"]): r for r in store.models() if r.get("live")}
    if name is None and len(records) == 1:
        name = next(iter(records))
    if name is None or name not in records:
        found = "none given" if name is None else repr(name)
        hint = near(str(name or ""), records) if records else "None is published: call publish() first."
        raise UnknownKeyError(f"`model` must name a published model. Got {found}. {hint}")
    return version_of(records[name])


def version_of(record: Record) -> Version:
    """Return the live version that a record describes."""
    values = {f.name: record.get(_FIELD.get(f.name, f.name)) for f in fields(Version)}
    known = {f.name for f in fields(Version) if values[f.name] is not None or f.default is MISSING}
    return Version(**cast("dict[str, Any]", {name: values[name] for name in known}))


def standby_of(record: Record) -> Version | None:
    """Return the version that a rollback would bring; fields of a newer graphrec are left out."""
    if not record.get("standby"):
        return None
    known = {f.name for f in fields(Version)}
    return Version(**{k: v for k, v in json.loads(str(record["standby"])).items() if k in known})


def published(store: GraphStore) -> pd.DataFrame:
    """Return the live models, one row each: their `Version`, and what a rollback would bring."""
    rows = [
        {
            **vars(at),
            "version": at.shown,
            "previous": back.shown if back else r.get("previous"),
            "rollback": bool(back),
        }
        for r in store.models()
        if r.get("live")
        for at, back in [(version_of(r), standby_of(r))]
    ]
    first = ["name", "version", "previous", "rollback", "kind", "dim", "users", "items", "fold_in", "index_recall"]
    more = ["created", "slot", "scale", "fingerprint", "cold_users", "cold_items"]
    return pd.DataFrame(rows, columns=[*first, *more])


_FIELD = {"slot": "live"}


def _as_fields(version: Version) -> Record:
    return {_FIELD.get(name, name): value for name, value in asdict(version).items() if name != "name"}


@contextmanager
def locked(store: GraphStore, name: str, wait_s: float, *, what: str | None = None) -> Iterator[Lock]:
    """Hold a model's lock: one publisher at a time, whichever machine it runs on.

    A lock is a lease of 60 seconds that each batch renews. It is taken over when the lease has ended, or at once when
    its owner is a process of this machine that no longer runs.

    Raises:
        PublishError: another publisher still holds the lock after ``wait_s`` seconds.
    """
    token, owner = uuid.uuid4().hex, f"{socket.gethostname()}:{os.getpid()}"
    deadline = time.monotonic() + wait_s
    while True:
        record = find(store, name)
        claim: Record = {"lock": token, "lock_owner": owner, "lock_until": time.time() + LEASE_S}
        if record is None:
            taken = store.update_model(name, None, {**claim, "version": 0})
        else:
            taken = _free(record) and store.update_model(name, {"lock": record.get("lock")}, claim)
        if taken:
            break
        if time.monotonic() > deadline:
            left = float(cast("float", (record or {}).get("lock_until") or 0.0)) - time.time()
            raise PublishError(
                f"Another publisher ({(record or {}).get('lock_owner')}) is writing {what or f'the model {name!r}'}; "
                f"its lease ends in {max(left, 0):.0f} s. Try again then."
            )
        time.sleep(0.2)
    lock = Lock(store, name, token)
    try:
        yield lock
    finally:
        lock.release()


def _free(record: Record) -> bool:
    if not record.get("lock") or float(cast("float", record.get("lock_until") or 0.0)) < time.time():
        return True
    host, _, pid = str(record.get("lock_owner")).rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        pass
    return False


@dataclass(frozen=True)
class Lock:
    """A held lock: what may be done under it."""

    store: GraphStore
    name: str
    token: str

    def fence(self) -> Fence:
        """Return the condition for the next batch, which renews the lease."""
        return Fence(self.name, self.token, time.time() + LEASE_S)

    def set(self, change: Record) -> None:
        """Change the record.

        Raises:
            PublishError: the lock was lost.
        """
        if not self.store.update_model(self.name, {"lock": self.token}, change):
            raise PublishError(
                f"The lock of the model {self.name!r} was taken over. Nothing went live; publish again."
            )

    def begin_overwrite(self) -> Record:
        """Say that the slot that is not live is no version any more; return the record."""
        self.set({"standby": None})
        record = find(self.store, self.name)
        if record is None:
            raise PublishError(f"The model {self.name!r} was removed while it was being published. Publish again.")
        return record

    def flip(self, record: Record, new: Version) -> None:
        """Make a version live, keep the old one on standby: one transaction."""
        old = json.dumps(asdict(version_of(record))) if record.get("live") else None
        last = max(int(cast("int", record.get("last") or 0)), new.version)
        previous = record["version"] if old else None
        self.set({**_as_fields(new), "previous": previous, "standby": old, "last": last, "refreshing": None})

    def refreshed(self, new: Version, standby: Version | None) -> None:
        """Say that nodes were added to the live version, and to the one on standby: one transaction."""
        old = json.dumps(asdict(standby)) if standby else None
        self.set({**_as_fields(new), "standby": old, "refreshing": None})

    def release(self) -> None:
        """Give the lock back; harmless where it is lost or the database is gone: the lease ends by itself."""
        with suppress(StoreError):
            freed: Record = {"lock": None, "lock_owner": None, "lock_until": None}
            self.store.update_model(self.name, {"lock": self.token}, freed)


@contextmanager
def kept(lock: Lock) -> Iterator[None]:
    """Renew a lease in the background, while long work goes on that writes nothing."""
    ended = Event()

    def renew() -> None:
        while not ended.wait(LEASE_S / 4):
            with suppress(StoreError, PublishError):
                lock.set({"lock_until": time.time() + LEASE_S})

    thread = Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def rollback(store: GraphStore, name: str, wait_s: float = 10.0) -> Version:
    """Make the version on standby live again; the live one goes on standby, so that a rollback can be undone.

    Raises:
        UnknownKeyError: no such model.
        PublishError: there is no version on standby, or a publisher is at work.
    """
    current = live(store, name)
    with locked(store, current.name, wait_s) as lock:
        record = cast("Record", find(store, current.name))
        back = standby_of(record)
        if back is None:
            raise PublishError(
                f"The model {current.name!r} has no version to roll back to: version {current.version} is the only "
                "one that is whole. Publish another model."
            )
        lock.flip(record, back)
    return back
