from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

import graphrec
import graphrec.friends.needs
from graphrec import GraphSchema, Node, Social
from graphrec.data.plan import POOL
from graphrec.errors import MemoryPlanError
from graphrec.friends.needs import job_memory
from graphrec.social.friends import Friends

PLAIN = Friends(by="adamic-adar")


def test_what_will_not_fit_is_refused_beforehand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = GraphSchema(Node("Person", "id"), social=[Social("FRIEND")])
    with graphrec.connect(tmp_path / "g.lbug", schema=schema) as graph:
        ties = pd.DataFrame({"source": [1, 2], "target": [2, 3]})
        graph.load({"Person": pd.DataFrame({"id": range(9)})}, {"FRIEND": ties})
        monkeypatch.setattr(graphrec.friends.needs, "available_memory", lambda: 1000)
        with pytest.raises(MemoryPlanError, match="9 users and 2 ties"):
            graph.suggest_friends(PLAIN)
        assert graph.suggest_friends(PLAIN, force=True).suggestions == 2


@pytest.mark.parametrize(
    ("k", "pages", "rows"), [(0, 85_000_000, 85_000_000), (6, 175_000_000, 160_000_000), (900, POOL, 160_000_000)]
)
def test_the_dataset_and_the_pages_of_a_file_or_the_rows_of_a_server_count(k: int, pages: int, rows: int) -> None:
    ranked = PLAIN.memory(50_000, 900_000) + 16_000_000
    assert job_memory(PLAIN, 50_000, 900_000, 100_000, k, embedded=False) == ranked + rows
    assert job_memory(PLAIN, 50_000, 900_000, 100_000, k, embedded=True) == ranked + pages
