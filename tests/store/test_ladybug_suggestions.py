from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from store.contract import connect, fill
from store.suggested import replace

from graphrec.errors import SchemaError
from graphrec.publish.forget import forget
from graphrec.schema import GraphSchema, Node, Relationship, Social
from graphrec.store.ladybug import LadybugStore

SCHEMA = GraphSchema(Node("Person", "id", "integer"), social=[Social("KNOWS")])
PEOPLE, EACH, POOL_MB, FUTURE = 20_000, 5, 24, 4_000_000_000


def test_few_peoples_lists_are_read_and_replaced_without_room_for_everybodys(tmp_path: Path) -> None:
    """The lists of all take more than the pages that are kept; Ladybug once joined them all to find those of few."""
    people = np.arange(PEOPLE)
    source, rank = np.repeat(people, EACH), np.tile(np.arange(EACH), PEOPLE)
    words = {"reason": [f"{i} friends in common: Somebody {i}" for i in range(len(source))], "score": rank / EACH}
    numbers = {"rank": rank + 1, "version": np.ones_like(rank), "expires": np.full_like(rank, FUTURE)}
    store = LadybugStore(tmp_path / "g.lbug")
    fill(store, [(SCHEMA.user, {"key": people})])
    store.prepare_suggestions(SCHEMA)
    rows = {"source": source, "target": (source + rank + 1) % PEOPLE, **words, **numbers}
    connect(store, Relationship("SUGGESTED", SCHEMA.user, SCHEMA.user), rows, fresh=True)
    store.close()
    few = people[::100]
    with LadybugStore(tmp_path / "g.lbug", buffer_pool_mb=POOL_MB) as small:
        found = small.suggestions(SCHEMA, pa.array(few), EACH, 1.0)
        assert found["user"].to_pylist() == np.repeat(few, EACH).tolist()
        assert replace(small, *((u, u + 9, 1, []) for u in few.tolist()), schema=SCHEMA) == len(few)
        found = small.suggestions(SCHEMA, pa.array(people[:200]), EACH, 1.0)
        assert found["other"].to_pylist()[:6] == [9, 2, 3, 4, 5, 6]
        assert len(found) == 198 * EACH + 2


def test_suggestions_of_an_older_graphrec_are_refused_until_they_are_removed(tmp_path: Path) -> None:
    with LadybugStore(tmp_path / "g.lbug") as store:
        fill(store, [(SCHEMA.user, {"key": np.arange(3)})])
        store.prepare_suggestions(SCHEMA)
        store.query("ALTER TABLE SUGGESTED ADD named INT64[]", write=True)
        some = pa.array([0])
        jobs = (
            lambda: store.suggestions(SCHEMA, some, 3, 1.0),
            lambda: replace(store, (0, 1, 1, []), schema=SCHEMA),
            lambda: forget(store, SCHEMA, [0]),
        )
        for job in jobs:
            with pytest.raises(SchemaError, match=r"DROP TABLE `SUGGESTED`.*friends run"):
                job()
        assert store.known_users(SCHEMA, some) == some
        store.query("DROP TABLE `SUGGESTED`", write=True)
        store.prepare_suggestions(SCHEMA)
        assert replace(store, (0, 1, 1, []), schema=SCHEMA) == 1
        assert store.suggestions(SCHEMA, some, 3, 1.0)["other"].to_pylist() == [1]
