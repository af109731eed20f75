from __future__ import annotations

from dataclasses import replace

import pytest
from store.memory import MemoryStore

from graphrec.errors import PublishError, UnknownKeyError
from graphrec.publish.record import (
    Version,
    find,
    live,
    locked,
    other,
    published,
    rollback,
    standby_of,
    version_of,
)


def version(number: int, slot: str) -> Version:
    return Version("m", number, slot, "LightGCN", 8, 1.0, False, True, "f" * 64, 3, 4, "2026-01-01T00:00:00+00:00")


def test_the_first_slot_is_a_and_then_they_alternate():
    assert [other(None), other("a"), other("b")] == ["a", "b", "a"]


def test_a_flip_is_one_change_that_keeps_the_old_version():
    store = MemoryStore()
    with locked(store, "m", 0) as lock:
        lock.flip(lock.begin_overwrite(), version(1, "a"))
    assert live(store) == live(store, "m") == version(1, "a")
    with locked(store, "m", 0) as lock:
        lock.flip(lock.begin_overwrite(), version(2, "b"))
    record = find(store, "m")
    assert (record["version"], record["previous"], record["live"], record["last"]) == (2, 1, "b", 2)
    assert version_of(record) == version(2, "b")


def test_a_model_that_was_never_flipped_is_not_live():
    store = MemoryStore()
    with locked(store, "m", 0):
        pass
    with pytest.raises(UnknownKeyError, match="None is published"):
        live(store)


def test_a_lost_lock_changes_nothing():
    store = MemoryStore()
    with locked(store, "m", 0) as lock:
        store.update_model("m", {}, {"lock": "thief"})
        with pytest.raises(PublishError, match="taken over"):
            lock.flip({}, version(1, "a"))
    assert find(store, "m")["lock"] == "thief"
    assert not find(store, "m").get("live")


def test_what_a_refresh_added_is_shown_and_kept_for_a_rollback():
    store = MemoryStore()
    for number, slot in ((1, "a"), (2, "b")):
        with locked(store, "m", 0) as lock:
            lock.flip(lock.begin_overwrite(), version(number, slot))
    with locked(store, "m", 0) as lock:
        lock.set({"refreshing": True})
        lock.refreshed(replace(version(2, "b"), minor=3, users=9), replace(version(1, "a"), minor=1))
    record = find(store, "m")
    assert "refreshing" not in record
    assert (live(store).shown, standby_of(record).shown, live(store).users) == ("2.3", "1.1", 9)
    frame = published(store)
    assert frame[["version", "previous"]].iloc[0].tolist() == ["2.3", "1.1"]
    assert rollback(store, "m").shown == "1.1"
    assert standby_of(find(store, "m")).shown == "2.3"
    assert standby_of({"name": "m"}) is None
