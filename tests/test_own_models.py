"""What docs/own_models.md says runs, block after block, and gives what it promises."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from planted import SCHEMA, planted

import graphrec
from graphrec.errors import ModelError
from graphrec.models import ColdStart, RankFusion, from_name, load_model

if TYPE_CHECKING:
    from graphrec.store.protocol import GraphStore

TEXT = (Path(__file__).parents[1] / "docs" / "own_models.md").read_text(encoding="utf-8")


@pytest.mark.filterwarnings("ignore")  # of PyTorch Geometric and optuna
def test_the_page_runs(any_store: GraphStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    graph = planted(any_store)
    data = graph.dataset()
    split = data.split("random", validation=0.2, test=0.2)
    names: dict[str, Any] = {"__name__": "notebook", "graph": graph, "data": data, "split": split}
    for block in re.findall(r"```python\n((?:.*\n)+?)```", TEXT):
        exec(compile(block, "own_models.md", "exec"), names)
    assert graph.models()["version"].tolist() == [2]
    fitted, loaded = names["fitted"], load_model("sage.safetensors")
    np.testing.assert_array_equal(loaded.user_vectors, fitted.user_vectors)  # type: ignore[union-attr]  # has vectors
    assert type(loaded.config) is names["Sage"]
    users = data.users.keys.to_pylist()[:2]
    assert graphrec.recommend(names["joined"], data, users, 3)["rank"].tolist() == [1, 2, 3] * 2
    hybrid = RankFusion(parts=({"kind": "sage", "epochs": 1}, {"kind": "item-knn"})).fit(data)
    hybrid.save("hybrid")
    assert load_model("hybrid").models[0].config == names["Sage"](epochs=1)  # type: ignore[union-attr]  # a hybrid
    assert ColdStart(base={"kind": "sage", "epochs": 1}).fit(data).name == "cold-start"
    assert data.schema == SCHEMA
    again: dict[str, Any] = {"__name__": "notebook"}
    exec("from graphrec.models import Model\nclass Sage(Model):\n    kind = 'sage'\n    _fit = None", again)
    assert type(from_name("sage")) is again["Sage"]  # a cell that is run again defines it anew


def test_a_model_whose_class_is_not_there_is_told(tmp_path: Path) -> None:
    from interactions import communities, dataset_of

    from graphrec.models import Popularity

    class Passing(Popularity):
        kind = "passing"

    Passing().fit(dataset_of(communities())).save(tmp_path / "m")
    assert load_model(tmp_path / "m").name == "passing"
    Passing.kind = "renamed"
    with pytest.raises(ModelError, match=r"kind 'passing', which.*import the module that defines"):
        load_model(tmp_path / "m")
