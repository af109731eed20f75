from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from newcomers import arrive, by_loop, item_values, mapped, newcomers_graph, user_values
from scorers import Scores, nodes
from store.memory import MemoryStore

from graphrec import NewUser
from graphrec.errors import ModelError
from graphrec.rank.asked import asked_by_keys, new_users, served, vectors_of_items


@pytest.fixture(scope="module")
def world():
    graph = newcomers_graph(MemoryStore())
    model = mapped(graph.dataset())
    arrive(graph)
    data = graph.dataset()
    return model, data, model.items.rows(data.items.keys)


def test_items_that_are_new_in_the_data_get_vectors_of_what_describes_them(world):
    model, data, there = world
    vectors, path = vectors_of_items(model, data, there)
    assert dict(zip(data.items.keys.to_pylist()[-4:], path[-4:], strict=True)) == {
        "i19": "vector",
        "i90": "attributes",
        "i91": "attributes",
        "i99": "",
    }
    assert path[5] == "attributes"
    np.testing.assert_allclose(vectors[20], by_loop(model.item_map, item_values(90)), rtol=1e-5, atol=1e-6)
    plain = replace(model, item_map=None, cold_items=None)
    assert vectors_of_items(plain, data, there)[1].tolist() == ["vector"] * 20 + [""] * 3
    scores = Scores(nodes("Customer", ["u01"]), nodes("Odd `label`", ["i01", "i99"]), np.ones((1, 2), np.float32))
    found, path = vectors_of_items(scores, data, scores.items.rows(data.items.keys))
    assert found.shape == (23, 0)
    assert path[[1, 22, 0]].tolist() == ["score", "score", ""]


def test_who_is_new_in_the_data_is_served_by_items_or_else_by_what_describes_them(world):
    model, data, there = world
    asked = asked_by_keys(model, data, ["u90", "u91", "u99", "u00", "nobody", "u03"])
    path, vectors = served(model, data, asked, there)
    assert path.tolist() == ["attributes", "fold-in", "", "vector", "", "attributes"]
    np.testing.assert_allclose(vectors[0], by_loop(model.user_map, user_values(90)), rtol=1e-5, atol=1e-6)
    parts = [model.fold_in_vectors[row].astype(float) for row in model.items.rows(["i02", "i17"])]
    wanted = (sum(parts) + by_loop(model.item_map, item_values(90), "fold_in")) / np.sqrt(3)
    np.testing.assert_allclose(vectors[1], wanted, rtol=1e-5, atol=1e-6)
    plain = replace(model, item_map=None, user_map=None, cold_users=None)
    path, vectors = served(plain, data, asked, there)
    assert path.tolist() == ["", "fold-in", "", "vector", "", "vector"]
    np.testing.assert_allclose(vectors[1], sum(parts) / np.sqrt(2), rtol=1e-5)


def test_an_item_of_which_the_model_learned_nothing_is_as_new(world):
    model, data, there = world
    nothing = {name: getattr(model, name).copy() for name in ("item_vectors", "fold_in_vectors")}
    for vectors in nothing.values():
        vectors[model.items.rows(["i17"])] = 0
    asked = new_users(model, data, [(0, NewUser(["i02", "i17"]))])
    first = model.fold_in_vectors[model.items.rows(["i02"])[0]]
    _, vectors = served(replace(model, **nothing, item_map=None), data, asked, there)
    np.testing.assert_allclose(vectors[0], first, rtol=1e-5, err_msg="as it is in a graph, where it has no vector")
    _, vectors = served(replace(model, **nothing), data, asked, there)
    wanted = (first + by_loop(model.item_map, item_values(17), "fold_in")) / np.sqrt(2)
    np.testing.assert_allclose(vectors[0], wanted, rtol=1e-5, atol=1e-6)


def test_without_fold_in_there_is_still_what_users_say(world):
    model, data, there = world
    plain = replace(model, fold_in_vectors=None)
    for user in (NewUser(["i01"]), NewUser()):
        with pytest.raises(ModelError, match="cannot serve new users by their items"):
            new_users(plain, data, [(0, user)])
    scores = Scores(model.users, model.items, np.zeros((len(model.users), len(model.items)), np.float32))
    for user in (NewUser(text="quiet"), NewUser(attributes={"age": 47.0})):
        with pytest.raises(ModelError, match="cannot serve new users"):
            new_users(scores, data, [(0, user)])
    asked = new_users(plain, data, [(3, NewUser(attributes={"age": 47.0}))])
    path, vectors = served(plain, data, asked, there)
    assert (asked.labels.to_pylist(), path.tolist()) == ([3], ["attributes"])
    np.testing.assert_allclose(vectors[0], by_loop(model.user_map, {"age": 47.0}), rtol=1e-5)


def test_somebody_whose_vector_says_nothing_is_as_new(world):
    model, data, there = world
    nothing = model.user_vectors.copy()
    rows = model.users.rows(["u00", "u03"])
    nothing[rows] = 0
    plain = replace(model, user_vectors=nothing, user_map=None, item_map=None, cold_users=None)
    asked = asked_by_keys(plain, data, ["u00", "u03", "u01"])
    path, vectors = served(plain, data, asked, there)
    assert path.tolist() == ["fold-in", "", "vector"]
    history = data.interactions()[data.users.rows(["u00"])].indices
    np.testing.assert_allclose(vectors[0], model.fold_in([there[history][there[history] >= 0]])[0], rtol=1e-5)
