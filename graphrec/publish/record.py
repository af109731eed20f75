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
from dataclasses import asdict, dataclass
from threading import Event, Thread
from typing import TYPE_CHECKING, cast

import pandas as pd

from graphrec.errors import (
    ArgumentError,
    ModelError,
    PublishError,
    StoreError,
    UnknownKeyError,
    is_number,
    near,
    problem,
)
from graphrec.publish.version import as_fields, standby_of, version_of
from graphrec.store.protocol import Fence
from graphrec.store.recipes import MODEL_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.publish.version import Version
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphStore, Record

LEASE_S = 60.0


def model_records(store: GraphStore) -> list[Record]:
    """Return the records of models, published or about to be; those of jobs have a colon in their names."""
    return [record for record in store.models() if MODEL_NAME.fullmatch(str(record["name"]))]


def find(store: GraphStore, name: str) -> Record | None:
    """Return a model's record or None."""
    return next((record for record in store.models() if record["name"] == name), None)


def live(
    store: GraphStore, name: str | None = None, schema: GraphSchema | None = None, default: str | None = None
) -> Version:
    """Return the live version of a model.

    Args:
        store: where to look.
        name: the model's name; None where only one model is published.
        schema: what the labels mean: models of other labels are refused, and are none where no name is given.
        default: the name that is meant where none is given and several are published.

    Raises:
        UnknownKeyError: no such model is live, or several are and no name is given.
        ModelError: the model is of other labels.
    """
    versions = {str(r["name"]): version_of(r) for r in store.models() if r.get("live")}
    own = [each for each, version in versions.items() if schema is None or version.belongs(schema)]
    if name is None:
        name = own[0] if len(own) == 1 else default if default in own else None
    if name is None or name not in versions:
        found = "none given" if name is None else repr(name)
        hint = near(str(name or ""), own) if own else "None is published yet."
        raise UnknownKeyError(f"`model` must name a published model. Got {found}. {hint}")
    if schema and name not in own:
        rule = f"must be published for the labels {schema.user.label!r} and {schema.item.label!r}"
        labels = f"{versions[name].user_label!r} and {versions[name].item_label!r}"
        raise ModelError(problem("model", rule, name, f"It is of {labels}: use their schema, or another model."))
    return versions[name]


def published(store: GraphStore) -> pd.DataFrame:
    """Return the live models, one row each: their `Version`, and what a rollback would bring."""
    rows = []
    for record in store.models():
        if record.get("live"):
            at, back = version_of(record), standby_of(record)
            previous = back.shown if back else record.get("previous")
            rows.append({**vars(at), "version": at.shown, "previous": previous, "rollback": bool(back)})
    first = ["name", "version", "previous", "rollback", "kind", "dim", "users", "items", "fold_in", "index_recall"]
    more = ["created", "slot", "scale", "fingerprint", "cold_users", "cold_items"]
    return pd.DataFrame(rows, columns=[*first, *more])


@contextmanager
def locked(store: GraphStore, name: str, wait_s: float, *, what: str | None = None) -> Iterator[Lock]:
    """Hold a model's lock: one publisher at a time, whichever machine it runs on.

    A lock is a lease of 60 seconds that each batch renews. It is taken over when the lease has ended; when nobody has
    renewed it for 60 seconds of waiting, whatever the machines' clocks say; or at once when its owner is a process of
    this machine that no longer runs.

    Raises:
        ArgumentError: ``wait_s`` is no number of at least 0.
        PublishError: another publisher still holds the lock after ``wait_s`` seconds.
    """
    if not is_number(wait_s) or not wait_s >= 0:
        raise ArgumentError(problem("wait_s", "must be a number of seconds of at least 0", wait_s))
    token, owner = uuid.uuid4().hex, f"{socket.gethostname()}:{os.getpid()}"
    deadline = time.monotonic() + wait_s
    seen, since = None, time.monotonic()
    while True:
        record = find(store, name)
        held = {field: (record or {}).get(field) for field in ("lock", "lock_until")}
        if held != seen:
            seen, since = held, time.monotonic()
        claim: Record = {"lock": token, "lock_owner": owner, "lock_until": time.time() + LEASE_S}
        if record is None:
            taken = store.update_model(name, None, {**claim, "version": 0})
        else:
            abandoned = time.monotonic() - since > LEASE_S
            taken = (abandoned or _free(record)) and store.update_model(name, held, claim)
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
        self.set({**as_fields(new), "previous": previous, "standby": old, "last": last, "refreshing": None})

    def refreshed(self, new: Version, standby: Version | None) -> None:
        """Say that nodes were added to the live version, and to the one on standby: one transaction."""
        old = json.dumps(asdict(standby)) if standby else None
        self.set({**as_fields(new), "standby": old, "refreshing": None})

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


def rollback(store: GraphStore, name: str, wait_s: float = 10.0, schema: GraphSchema | None = None) -> Version:
    """Make the version on standby live again; the live one goes on standby, so that a rollback can be undone.

    Raises:
        UnknownKeyError: no such model.
        ModelError: it was published for other labels than the schema's.
        PublishError: there is no version on standby, or a publisher is at work.
    """
    current = live(store, name, schema)
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
