from __future__ import annotations

import numpy as np
import pytest
from planted import SCHEMA, known_model, planted
from store.memory import MemoryStore

from graphrec.data.new_user import NewUser
from graphrec.errors import ModelError
from graphrec.online.new_users import ask_new
from graphrec.publish.record import live


def asked(graph, items, *users):
    return ask_new(graph.store, SCHEMA, live(graph.store), items, list(enumerate(users)))


def test_a_history_is_folded_in_and_counts_as_seen():
    graph = planted(MemoryStore())
    model = known_model(graph.dataset())
    graph.publish(model, "m")
    found = asked(graph, model.items, NewUser(["i03", "i01", "i03"]), NewUser())
    expected = model.fold_in_vectors[[1, 3]].astype(np.float64).sum(0) / np.sqrt(2)
    assert found.vectors[0] == pytest.approx(expected, rel=1e-6)
    assert found.path.tolist() == ["fold-in", ""]
    assert found.stored.tolist() == [False, False]
    assert found.labels.to_pylist() == [0, 1]
    assert found.seen[[0]].indices.tolist() == [1, 3]
    for user, how in ((NewUser(text="even"), "by a text"), (NewUser(attributes={"age": 3}), "by attributes")):
        with pytest.raises(ModelError, match=f"cannot serve new users {how}"):
            asked(graph, model.items, user)
    graph.publish(known_model(graph.dataset(), fold_in=False), "m")
    for user in (NewUser(["i01"]), NewUser()):
        with pytest.raises(ModelError, match="cannot serve new users by their items"):
            asked(graph, model.items, user)
