from __future__ import annotations

import pytest
from store.memory import MemoryStore

from graphrec.errors import PublishError, UnknownKeyError
from graphrec.publish.record import Version, find, live, locked, other, version_of


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
