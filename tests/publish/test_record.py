from __future__ import annotations

import time
from dataclasses import replace

import pytest
from store.memory import MemoryStore

from graphrec.errors import ArgumentError, ModelError, PublishError, UnknownKeyError
from graphrec.publish.record import find, kept, live, locked, published, rollback
from graphrec.publish.version import Version, standby_of, version_of
from graphrec.schema import GraphSchema, Node


def version(number: int, slot: str) -> Version:
    return Version("m", number, slot, "LightGCN", 8, 1.0, False, True, "f" * 64, 3, 4, "2026-01-01T00:00:00+00:00")


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


@pytest.mark.parametrize("wait_s", ["10", None, -1, float("nan"), True])
def test_how_long_to_wait_is_a_number_of_seconds(wait_s):
    store = MemoryStore()
    with pytest.raises(ArgumentError, match="`wait_s` must be a number of seconds"), locked(store, "m", wait_s):
        pass
    assert find(store, "m") is None


def test_a_lease_that_nobody_renews_ends_whatever_the_clocks_say(monkeypatch):
    monkeypatch.setattr("graphrec.publish.record.LEASE_S", 0.5)
    store, ahead = MemoryStore(), time.time() + 3600  # its owner died, and the clock went back an hour
    store.update_model("m", None, {"version": 0, "lock": "x", "lock_owner": "elsewhere:1", "lock_until": ahead})
    with pytest.raises(PublishError, match=r"elsewhere:1.*ends in 3600 s"), locked(store, "m", 0.1):
        pass
    with locked(store, "m", 5) as lock:
        assert find(store, "m")["lock"] == lock.token


def test_a_lease_that_is_renewed_is_waited_for(monkeypatch):
    monkeypatch.setattr("graphrec.publish.record.LEASE_S", 0.5)
    store = MemoryStore()
    with locked(store, "m", 0) as lock, kept(lock):
        monkeypatch.setattr("graphrec.publish.record._free", lambda _: False)
        with pytest.raises(PublishError, match="Try again then"), locked(store, "m", 1.5):
            pass


def test_a_model_that_was_never_flipped_is_not_live():
    store = MemoryStore()
    with locked(store, "m", 0):
        pass
    with pytest.raises(UnknownKeyError, match="None is published"):
        live(store)


def test_models_of_other_labels_are_not_this_schemas():
    store, films = MemoryStore(), GraphSchema(item=Node("Film"))
    for name, item in (("item", "Item"), ("film", "Film"), ("more", "Film"), ("old", None)):
        with locked(store, name, 0) as lock:
            lock.flip(lock.begin_overwrite(), replace(version(1, "a"), user_label=item and "User", item_label=item))
    with pytest.raises(UnknownKeyError, match=r"none given. Known: 'film', 'more', 'old'"):
        live(store, None, films, "item")
    assert live(store, None, films, "more").name == live(store, "more", films).name == "more"
    assert live(store, "old", films) == live(store, "old", GraphSchema())
    with pytest.raises(ModelError, match=r"labels 'User' and 'Film'. Got 'item'. It is of 'User' and 'Item'"):
        live(store, "item", films)
    with pytest.raises(ModelError, match=r"labels 'User' and 'Film'. Got 'item'"):
        rollback(store, "item", 0, films)
    del store.records["old"]
    assert live(store, schema=GraphSchema()).name == "item"  # the only one of these labels
    for name in ("film", "more"):
        del store.records[name]
    with pytest.raises(UnknownKeyError, match="None is published"):
        live(store, None, films)


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
