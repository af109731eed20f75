from __future__ import annotations

import numpy as np
import pytest
from online.blocks import PEOPLE, SONGS, blocks, heard

from graphrec.errors import ArgumentError
from graphrec.online.members import members


def test_members_are_those_with_a_direction(any_store):
    graph = blocks(any_store)
    found = members(graph._of("m"), "items", ["year"])
    assert found.table.keys.to_pylist() == SONGS
    assert found.rows.tolist() == SONGS[:-1]
    np.testing.assert_allclose(np.linalg.norm(found.directions, axis=1), 1, rtol=1e-6)
    keys, vectors = any_store.read_vectors(graph.schema.item, f"m_{found.version.slot}")
    stored = dict(zip(keys.to_pylist(), vectors[:, : found.version.dim], strict=True))
    for row, direction in zip(found.rows, found.directions, strict=True):
        assert direction @ stored[row] == pytest.approx(np.linalg.norm(stored[row]), rel=1e-5)
    assert found.popularity.tolist() == [sum(s == song for _, s in heard()) for song in SONGS]
    assert found.table.properties["year"].to_pylist()[:1] == [1990]
    people = members(graph._of("m"), "users")
    assert people.table.take(people.rows).to_pylist() == PEOPLE
    assert people.names(np.array([0, 3])) == ["late", "p03"] or people.names(np.array([1, 4])) == [
        "Name of p00",
        "p03",
    ]
    with pytest.raises(ArgumentError, match="`of`"):
        members(graph._of("m"), "songs")
