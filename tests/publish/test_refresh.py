from __future__ import annotations

import json
import warnings
from dataclasses import asdict, replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from everything import everything
from newcomers import SCHEMA, USERS, arrive, by_loop, item_values, mapped, newcomers_graph, user_values
from planted import known_model, planted

import graphrec.publish.refresh as refreshing
from graphrec import recommend
from graphrec.errors import DataError, GraphRecWarning, PublishError, StoreError, UnknownKeyError
from graphrec.graph import Graph
from graphrec.models import Content
from graphrec.publish.lift import lift
from graphrec.publish.record import Lock, find, live, locked
from graphrec.publish.version import standby_of, version_of
from graphrec.schema import Feature, GraphSchema, Interaction, Node
from graphrec.store.queries import quote

pytestmark = pytest.mark.filterwarnings("ignore:The graph holds")  # three came to twelve: that is drift
ITEM, USER = SCHEMA.item, SCHEMA.user


@pytest.fixture
def graph(any_store):
    return newcomers_graph(any_store)


def stored(graph, node, place):
    keys, vectors = graph.store.read_vectors(node, place)
    return dict(zip(keys.to_pylist(), vectors, strict=True))


def slots(graph):
    """All vectors by label, slot and key."""
    places = [(node, f"m_{slot}{end}") for node in (USER, ITEM) for slot in "ab" for end in ("", "_in", "_cold")]
    return {(n.label, p, k): v.tolist() for n, p in places for k, v in stored(graph, n, p).items()}


def rows(found):
    return {(r.version, r.label, r.path): r.nodes for r in found.counts.itertuples()}


def expected(model, version, graph, slot):
    """The vectors of i90 and u90 by loops, and of u91 from the slot's own fold-in vectors."""
    folded = stored(graph, ITEM, f"m_{slot}_in")
    return {
        "i90": by_loop(model.item_map, item_values(90)),
        "i90_in": by_loop(model.item_map, item_values(90), "fold_in"),
        "u90": by_loop(model.user_map, user_values(90)),
        "u91": sum(folded[item].astype(np.float64) for item in ("i02", "i17", "i90")) / np.sqrt(3),
    }


def test_the_new_are_served_at_once_in_both_slots_and_nobody_else_is_touched(graph):
    data = graph.dataset()
    models = {"a": mapped(data, 0), "b": mapped(data, 1)}
    for model in models.values():
        graph.publish(model, "m")
    before = slots(graph)
    arrive(graph)
    found = graph.refresh()
    after = slots(graph)
    assert {key: after[key] for key in before} == before, "bit for bit"
    new = {key[2] for key in after.keys() - before.keys()}
    assert new == {"i90", "i91", "u90", "u91"}
    assert (found.version.shown, found.standby.shown) == ("2.1", "1.1")
    assert rows(found) == {
        (version, label, path): n
        for version in ("1.1", "2.1")
        for label, path, n in [
            (ITEM.label, "attributes", 2),
            (ITEM.label, "none", 1),
            (USER.label, "fold-in", 1),
            (USER.label, "attributes", 1),
            (USER.label, "none", 1),
        ]
    }
    record = find(graph.store, "m")
    for slot, version in (("b", version_of(record)), ("a", standby_of(record))):
        model = models[slot]
        wanted = expected(model, version, graph, slot)
        items, users = stored(graph, ITEM, f"m_{slot}"), stored(graph, USER, f"m_{slot}")
        if version.lifted:
            exact = lift(np.float32([wanted["i90"]]), version.scale)[0]
            np.testing.assert_allclose(items["i90"], exact, rtol=1e-5, atol=1e-6)
        else:
            np.testing.assert_allclose(items["i90"], wanted["i90"], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(stored(graph, ITEM, f"m_{slot}_in")["i90"], wanted["i90_in"], rtol=1e-5, atol=1e-6)
        for user in ("u90", "u91"):
            np.testing.assert_allclose(users[user][:6], wanted[user], rtol=1e-5, atol=1e-6)
            assert not users[user][6:].any()
        assert (version.users, version.items, version.cold_users, version.cold_items) == (14, 22, 3, 3)
    frame = graph.recommend(["u90", "u91", "u03", "u00"], 30, exclude_seen=False)
    assert dict(zip(frame.user, frame.path, strict=True)) == {
        "u90": "attributes",
        "u91": "fold-in",
        "u03": "attributes",
        "u00": "vector",
    }
    of_items = dict(zip(frame.item, frame.item_path, strict=True))
    assert {item for item, path in of_items.items() if path == "attributes"} == {"i05", "i90", "i91"}
    assert len(of_items) == 22
    assert set(frame.version) == {"2.1"}
    assert list(graph.models()[["version", "previous", "rollback"]].iloc[0]) == ["2.1", "1.1", True]
    for user in ("u90", "u91", "u00"):
        for via in ("database", *(["index"] if graph.store.capabilities.vector_index else [])):
            first, second = (graph.recommend([user], 22, via=each) for each in ("memory", via))
            assert list(first.item) == list(second.item)
            assert list(first.path) == list(second.path)
    assert graph.similar(["i90"], 3).similar.tolist() == list(
        graph.query(graph.cypher("similar"), item="i90", k=3).item_id
    )
    assert graph.rollback("m").shown == "1.1"
    frame = graph.recommend(["u90", "u91"], 30, exclude_seen=False)
    assert {"i90", "i91"} <= set(frame.item)
    assert set(frame.version) == {"1.1"}


def test_before_a_refresh_what_is_published_answers(graph):
    graph.publish(mapped(graph.dataset()), "m")
    arrive(graph)
    frame = graph.recommend(["u90", "u91", "u03"], 30, exclude_seen=False)
    assert dict(zip(frame.user, frame.path, strict=True)) == {
        "u90": "attributes",
        "u91": "fold-in",
        "u03": "attributes",
    }
    assert not {"i90", "i91"} & set(frame.item)
    with pytest.raises(UnknownKeyError, match=r"'i90'\]. Call refresh\(\)"):
        graph.similar(["i00", "i90"])
    with pytest.raises(UnknownKeyError, match="nothing"):
        graph.similar(["nothing"])
    graph.refresh()
    after = graph.recommend(["u90", "u91", "u03"], 30, exclude_seen=False)
    kept = after[~after.item.isin(["i90", "i91"])]
    pd.testing.assert_series_equal(
        kept.set_index(["user", "item"]).score, frame.set_index(["user", "item"]).score, check_exact=False, rtol=1e-6
    )
    assert (after.groupby("user").path.first() == frame.groupby("user").path.first()).all()


def test_a_second_refresh_finds_nothing_and_changes_nothing(graph):
    graph.publish(mapped(graph.dataset()), "m")
    assert graph.refresh().version.shown == 1
    arrive(graph)
    graph.refresh()
    before = everything(graph.store)
    found = graph.refresh()
    assert everything(graph.store) == before
    assert found.version.shown == "1.1"
    assert set(found.counts.path) == {"none"}


def test_a_node_that_cannot_be_read_stops_no_other(any_store):
    schema = GraphSchema(
        user=Node("User", key="id"),
        item=Node("Item", key="id", features=[Feature("look", "vector")]),
        interactions=[Interaction("TOOK")],
    )
    graph, items = Graph(any_store, schema), [f"i{n}" for n in range(9)]
    took = pd.DataFrame([("u", item) for item in items[:5]], columns=["source", "target"])
    nodes = {"User": pd.DataFrame({"id": ["u"]})}
    nodes["Item"] = pd.DataFrame({"id": items, "look": [[1.0, n] for n in range(9)]})
    graph.load(nodes, {"TOOK": took})
    graph.publish(Content().fit(graph.dataset()), "m")
    graph.load({"Item": pd.DataFrame({"id": ["short", "good"], "look": [[1.0], [1.0, 3.0]]})})
    with pytest.warns(GraphRecWarning, match="'Item': 1 nodes, such as 'short', are left out: `look` must"):
        found = graph.refresh()
    assert rows(found) == {("1.1", "Item", "none"): 1, ("1.1", "Item", "attributes"): 1}
    assert {"good"} == set(graph.recommend(["u"], 20)["item"]) - set(items)


def test_who_has_other_items_now_is_folded_in_again(graph):
    graph.publish(mapped(graph.dataset()), "m")
    arrive(graph)
    graph.refresh()
    before = slots(graph)
    more = pd.DataFrame(
        [("u90", "i04"), ("u91", "i05"), ("u03", "i06"), ("u00", "i05")], columns=["source", "target"]
    )
    graph.load(edges={"BOUGHT": more})
    found = graph.refresh()
    after = slots(graph)
    changed = {key[2] for key in before if after[key] != before[key]}
    assert changed == {"u90", "u91", "u03"}, "who was trained stays"
    assert rows(found)["1.2", USER.label, "fold-in"] == 3
    folded = stored(graph, ITEM, "m_a_in")
    wanted = sum(folded[item].astype(np.float64) for item in ("i02", "i17", "i90", "i05")) / 2
    np.testing.assert_allclose(stored(graph, USER, "m_a")["u91"][:6], wanted, rtol=1e-5)
    assert set(graph.recommend(["u90", "u91", "u03"], 3).path) == {"fold-in"}


def test_who_has_no_items_any_more_is_served_by_what_describes_them(graph):
    graph.publish(mapped(graph.dataset()), "m")
    arrive(graph)
    graph.refresh()
    before = slots(graph)
    graph.query("MATCH (:Customer {uuid: 'u91'})-[r:BOUGHT]->() DELETE r")
    graph.query("MATCH (:Customer {uuid: 'u01'})-[r:BOUGHT]->() DELETE r")
    found = graph.refresh()
    assert found.version.shown == "1.2"
    assert {key[2] for key, value in slots(graph).items() if value != before[key]} == {"u91"}, "who was trained stays"
    assert set(graph.recommend(["u91"], 3).path) == {"attributes"}
    assert graph.refresh().version.shown == "1.2"


def test_an_item_of_which_nothing_was_known_is_as_new(graph):
    model = mapped(graph.dataset())
    row = model.items.rows(["i07"])[0]
    model.item_vectors[row] = 0
    published = graph.publish(model, "m")
    assert published.items == len(model.items) - 1
    assert "i07" not in stored(graph, ITEM, "m_a")
    data = graph.dataset()
    bare = replace(model, item_map=None, cold_items=None)
    for lists in (
        graph.recommend(["u00"], 30, exclude_seen=False),
        recommend(bare, data, ["u00"], 30, exclude_seen=False),
    ):
        assert (lists["score"] < 0).any(), "above which a zero would stand"
        assert "i07" not in set(lists["item"])
    frame = recommend(model, data, ["u00"], 30, exclude_seen=False)
    assert frame.loc[frame["item"] == "i07", "item_path"].tolist() == ["attributes"]
    assert rows(graph.refresh())["1.1", ITEM.label, "attributes"] == 1
    assert "i07" in stored(graph, ITEM, "m_a")


def test_without_maps_users_are_folded_in_all_the_same(any_store):
    graph = planted(any_store)
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    bought = pd.DataFrame({"source": ["u98"] * 2, "target": ["i02", "i20"], "qty": [1.0, 1.0], "at": [1, 2]})
    user = pd.DataFrame({"uuid": ["u98"]})
    graph.load({"Customer": user, graph.schema.item.label: pd.DataFrame({"sku no": ["i98"]})}, {"BOUGHT": bought})
    before = graph.recommend(["u98"], 6)
    found = graph.refresh("m")
    assert rows(found) == {("1.1", "Customer", "fold-in"): 1, ("1.1", graph.schema.item.label, "none"): 1}
    assert "maps no attributes" in found.counts.why[0]
    frame = graph.recommend(["u98"], 6)
    assert frame.drop(columns="version").equals(before.drop(columns="version"))
    assert list(graph.query(graph.cypher("topk"), user="u98", k=6).item_id) == list(frame.item)
    graph.publish(known_model(graph.dataset(), fold_in=False), "m")
    graph.load({"Customer": pd.DataFrame({"uuid": ["u99"]})})
    assert "the model cannot fold in" in set(graph.refresh("m").counts.why)


class Cut:
    """A store whose n-th write of vectors fails, before or after it is done."""

    def __init__(self, store, n, *, after):
        self._store, self._left, self._after = store, n, after

    def __getattr__(self, name):
        return getattr(self._store, name)

    def write_vectors(self, *arguments):
        self._left -= 1
        if self._left == 0 and not self._after:
            raise StoreError("the database went away")
        found = self._store.write_vectors(*arguments)
        if self._left == 0:
            raise StoreError("the database went away")
        return found


def test_a_refresh_that_is_cut_off_anywhere_is_gone_on_with(graph, monkeypatch):
    monkeypatch.setattr(refreshing, "ROWS", 2)
    data = graph.dataset()
    for seed in range(2):
        graph.publish(mapped(data, seed), "m")
    old = slots(graph)
    graph.recommend(USERS, 3)
    arrive(graph)
    writes = 0
    while True:
        writes += 1
        cut = Graph(Cut(graph.store, 3 + writes % 2, after=bool(writes % 2)), SCHEMA)
        try:
            found = cut.refresh()
            break
        except StoreError as error:
            said = str(error)
        assert said == "the database went away"
        now = slots(graph)
        assert {key: now[key] for key in old} == old
        for slot in "ab":  # whoever has a vector has all that goes with it
            have = {key for label, place, key in now if place == f"m_{slot}" and label == ITEM.label}
            assert have <= {key for _, place, key in now if place == f"m_{slot}_in"}
            marked = {key for _, place, key in now if place == f"m_{slot}_cold"}
            served = {key for _, place, key in now if place == f"m_{slot}" and key[1] == "9"}
            assert served <= marked
        assert (live(graph.store).shown, find(graph.store, "m").get("refreshing")) == (2, True)
        assert find(graph.store, "m").get("lock") is None
        assert writes < 40
    assert writes > 3
    whole = slots(graph)
    assert (found.version.shown, found.standby.shown) == ("2.1", "1.1")
    assert (found.version.users, found.version.items, found.version.cold_users) == (14, 22, 3)
    assert {key[2] for key in whole.keys() - old.keys()} == {"i90", "i91", "u90", "u91"}
    assert find(graph.store, "m").get("refreshing") is None
    assert {"i90", "i91"} <= set(graph.recommend(["u00"], 30).item), "who read it before reads it again"


def test_a_refresh_that_lost_its_lock_stops(graph):
    graph.publish(mapped(graph.dataset()), "m")
    arrive(graph)
    before = slots(graph)

    def steal(what, done, total):
        Lock(graph.store, "m", find(graph.store, "m")["lock"]).set({"lock": "somebody else"})

    with pytest.raises(PublishError, match="taken over"):
        graph.refresh(progress=steal)
    after = slots(graph)
    assert {key: after[key] for key in before} == before
    assert not {key for key in after if key[2].startswith("u9")}
    assert live(graph.store).shown == 1


def test_one_publisher_or_refresh_at_a_time(graph):
    graph.publish(mapped(graph.dataset()), "m")
    with locked(graph.store, "m", 0), pytest.raises(PublishError, match="Another publisher"):
        graph.refresh(wait_s=0)
    with pytest.raises(UnknownKeyError, match="Known: 'm'"):
        graph.refresh("n")


def test_a_publish_that_covers_them_takes_the_marks_away(graph):
    graph.publish(mapped(graph.dataset()), "m")
    arrive(graph)
    graph.refresh()
    data = graph.dataset()
    model = mapped(data, 2)
    version = graph.publish(model, "m")
    assert (version.shown, version.cold_users, version.cold_items, version.users) == (2, 1, 1, 15)
    assert set(stored(graph, USER, "m_b_cold")) == {"u03"}
    frame = graph.recommend(["u90", "u91", "u03"], 30)
    assert dict(zip(frame.user, frame.path, strict=True)) == {"u90": "vector", "u91": "vector", "u03": "attributes"}
    assert dict(zip(frame.item, frame.item_path, strict=True))["i90"] == "vector"
    graph.rollback("m")
    assert set(graph.recommend(["u90"], 3).path) == {"attributes"}
    graph.publish(replace(model, cold_users=None, cold_items=None), "m")
    graph.publish(replace(model, cold_users=None, cold_items=None), "m")
    assert not [key for key in slots(graph) if key[1].endswith("_cold")]


def test_vectors_beyond_the_room_of_the_index_ask_for_a_new_version(graph):
    lifted = graph.store.capabilities.vector_index
    model = mapped(graph.dataset(), scale=30.0)
    version = graph.publish(replace(model, cold_items=None, item_vectors=np.clip(model.item_vectors, -1, 1)), "m")
    arrive(graph)
    long = float(np.linalg.norm(by_loop(model.item_map, item_values(90))))
    if not lifted:  # an embedded file compares the vectors as they are
        assert rows(graph.refresh())["1.1", ITEM.label, "attributes"] == 2
        return
    assert long > version.scale
    with pytest.warns(GraphRecWarning, match=f"longer than the {version.scale:g}") as caught:
        found = graph.refresh()
    assert "i90" in str(caught[0].message) + str(caught[-1].message)
    assert any("longer than the index has room for" in why for why in found.counts.why)
    assert {"i90", "i91"}.isdisjoint(stored(graph, ITEM, "m_a"))
    assert rows(found)["1.1", USER.label, "attributes"] == 1


@pytest.mark.filterwarnings("default:The graph holds")
def test_growth_beyond_a_tenth_asks_for_a_new_version(graph):
    graph.publish(mapped(graph.dataset()), "m")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert graph.refresh().notes == ()
    arrive(graph)
    with pytest.warns(GraphRecWarning, match="15 .*users, 25% more than the 12 when version 1") as caught:
        found = graph.refresh()
    assert all(each.filename == __file__ for each in caught)
    assert len(found.notes) == len(caught) == 2
    assert found.notes[0] in str(found)


def test_records_of_an_older_graphrec_are_read(graph):
    graph.publish(mapped(graph.dataset()), "m")
    graph.publish(mapped(graph.dataset()), "m")
    new = ("minor", "cold_users", "cold_items", "features", "graph")
    old = {name: value for name, value in asdict(standby_of(find(graph.store, "m"))).items() if name not in new}
    change = dict.fromkeys(new) | {"standby": json.dumps(old | {"of tomorrow": 1})}
    assert graph.store.update_model("m", {}, change)
    version = live(graph.store)
    assert (version.shown, version.cold_users, version.features, version.graph) == (2, 0, None, None)
    arrive(graph)
    found = graph.refresh()
    assert (found.version.shown, found.standby.shown, found.notes) == ("2.1", "1.1", ())
    assert rows(found)["2.1", USER.label, "fold-in"] == 1
    assert graph.rollback("m").shown == "1.1"


def test_the_only_model_needs_no_name(graph):
    graph.publish(mapped(graph.dataset()), "m")
    graph.publish(mapped(graph.dataset()), "n")
    with pytest.raises(UnknownKeyError, match="none given"):
        graph.refresh()
    assert graph.refresh("n").version.name == "n"
    assert pa.types.is_string(graph.store.keys(USER).type)


def test_a_key_of_another_type_is_left_out_and_breaks_nobody(neo4j):
    graph = newcomers_graph(neo4j)
    graph.publish(mapped(graph.dataset()), "m")
    for node in (ITEM, USER):
        names = [quote(name, "neo4j") for name in (node.label, node.key)]
        graph.query("CREATE (:{} {{{}: 7, title: 'loud dream', age: 30}})".format(*names))
    found = graph.refresh()
    assert set(found.counts.path) == {"none"}
    assert found.counts.why.str.contains("keys are of another type").all()
    assert len(found.counts) == 2
    assert len(graph.recommend(["u00"], 3)) == 3
    text = f"MATCH (n:{quote(ITEM.label, 'neo4j')} {{`sku no`: 7}}) SET n.m_a = [1.0]"
    graph.query(text)
    with pytest.raises(DataError, match=r"must be all strings or all integers\. Got 7, 'i"):
        Graph(neo4j, SCHEMA).recommend(["u00"], 3)
