from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from planted import HIDING, SCHEMA, USERS, known_model, planted, seen
from store.memory import MemoryStore

from graphrec.online.asked import ask_keys
from graphrec.publish.record import live


@pytest.fixture
def world():
    graph = planted(MemoryStore())
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    return graph, model, live(graph.store)


def test_each_user_is_answered_once_with_what_they_have_seen(world):
    graph, model, version = world
    asked = ask_keys(graph.store, SCHEMA, version, model.items, [HIDING, "u00", HIDING])
    assert asked.labels.to_pylist() == [HIDING, "u00"]
    assert asked.vectors[1].tolist() == model.user_vectors[0].tolist()
    for row, user in enumerate((HIDING, "u00")):
        assert set(model.items.take(asked.seen[[row]].indices).to_pylist()) == seen(graph.dataset(), user)
    assert asked.take(np.array([1])).labels.to_pylist() == ["u00"]
    assert asked.stored.tolist() == [True, True]


def test_nobody_is_asked_for(world):
    graph, model, version = world
    asked = ask_keys(graph.store, SCHEMA, version, model.items, [])
    assert (len(asked.labels), asked.seen.shape) == (0, (0, 30))


def test_unknown_users_have_no_path(world):
    graph, model, version = world
    asked = ask_keys(graph.store, SCHEMA, version, model.items, ["u00", "nobody"])
    assert asked.path.tolist() == ["vector", ""]
    assert ask_keys(graph.store, SCHEMA, version, model.items, pa.array([1, 2])).path.tolist() == ["", ""]


def test_the_planted_world_has_all_its_users(world):
    assert world[0].store.keys(SCHEMA.user).to_pylist() == USERS
