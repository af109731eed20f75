from __future__ import annotations

from dataclasses import replace

from graphrec.publish.version import Version, as_fields, other, standby_of, version_of
from graphrec.schema import GraphSchema, Node

VERSION = Version("m", 1, "a", "LightGCN", 8, 1.0, False, True, "f" * 64, 3, 4, "2026-01-01T00:00:00+00:00")


def test_the_first_slot_is_a_and_then_they_alternate():
    assert [other(None), other("a"), other("b")] == ["a", "b", "a"]


def test_a_record_holds_a_version_whole():
    version = replace(VERSION, user_label="User", item_label="Film")
    record = {"name": "m", **as_fields(version)}
    assert record["live"] == "a"
    assert version_of(record) == version
    assert standby_of(record) is None


def test_a_version_belongs_to_its_labels_and_an_old_one_to_any():
    assert VERSION.belongs(GraphSchema())
    labels = [("User", "Item"), ("User", "Film"), ("Person", "Item"), ("User", None)]
    versions = [replace(VERSION, user_label=user, item_label=item) for user, item in labels]
    assert [version.belongs(GraphSchema()) for version in versions] == [True, False, False, True]
    assert versions[1].belongs(GraphSchema(item=Node("Film")))
