from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from interactions import communities, dataset_of

from graphrec.data.dataset import Dataset
from graphrec.errors import ModelError
from graphrec.models import (
    BiasedMF,
    FittedVectors,
    Fusion,
    LearnedFusion,
    LightGCN,
    Popularity,
    Random,
    SoftmaxGCN,
    Spectral,
    load_model,
)
from graphrec.schema import GraphSchema
from graphrec.train.storage import write_tensors

if TYPE_CHECKING:
    from pathlib import Path

ODD = ["", "a'b\"c`", "line\nbreak\0", "ключ", "👩‍👩‍👧", "x" * 10_000, "1"]


def equal(one: FittedVectors, other: FittedVectors) -> bool:
    arrays = ("user_vectors", "item_vectors", "fold_in_vectors")
    return (
        all(np.array_equal(getattr(one, name), getattr(other, name)) for name in arrays)
        and one.users.keys.equals(other.users.keys)
        and one.items.keys.equals(other.items.keys)
        and (one.users.label, one.items.label) == (other.users.label, other.items.label)
        and (one.config, one.name, one.fingerprint) == (other.config, other.name, other.fingerprint)
        and one.history == other.history
    )


@pytest.mark.parametrize(
    "config",
    [
        LightGCN(dim=3, epochs=1),
        LightGCN(dim=3, layers=0, epochs=1),
        SoftmaxGCN(dim=3, epochs=1),
        Spectral(dim=3),
        Fusion(parts=[{"kind": "spectral", "dim": 3}, {"kind": "popularity", "weight": 2}], dim=2),
        Random(dim=2),
        BiasedMF(dim=2),
        Popularity(),
    ],
)
@pytest.mark.parametrize("integer_keys", [False, True])
def test_save_and_load(tmp_path: Path, config: Any, integer_keys: bool) -> None:
    model = config.fit(dataset_of(communities(), integer_keys=integer_keys), progress=False)
    model.save(tmp_path / "m.graphrec")
    loaded = load_model(tmp_path / "m.graphrec")
    assert equal(model, loaded)
    loaded.save(tmp_path / "again")
    assert equal(model, load_model(str(tmp_path / "again")))


def test_odd_and_sliced_keys_come_back(tmp_path: Path) -> None:
    nodes = {"User": pa.table({"key": ODD}), "Item": pa.table({"key": pa.array([2**62, -5, 0])})}
    edges = {"INTERACTED": pa.table({"source": [0, 1], "target": [0, 1]})}
    model = Popularity().fit(Dataset.from_tables(GraphSchema(), nodes, edges))
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.users.keys.to_pylist() == sorted(ODD, key=str.encode)
    assert loaded.items.keys.to_pylist() == [-5, 0, 2**62]
    assert loaded.users.keys.type == pa.string()
    assert loaded.users.require(["👩‍👩‍👧"], "users")[0] == model.users.require(["👩‍👩‍👧"], "users")[0]


def test_an_altered_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "m"
    LightGCN(dim=3, layers=1, epochs=2).fit(dataset_of(communities()), progress=False).save(path)
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 60).astype(int):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ModelError, match=r"`path` must be a saved model.*fit again and save it anew"):
            load_model(path)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ModelError, match="`path` must be a saved model"):
        load_model(path)


def test_a_model_of_an_unknown_kind_is_refused(tmp_path: Path) -> None:
    for metadata in ({"kind": "lightgcn2"}, {"kind": "lightgcn", "form": "trees"}):
        write_tensors(tmp_path / "m", "model", {}, metadata)
        with pytest.raises(ModelError, match=r"must be a saved model.*does not know"):
            load_model(tmp_path / "m")


def test_properties_are_not_kept(tmp_path: Path) -> None:
    nodes = {"User": pa.table({"key": ["u"], "name": ["secret"]}), "Item": pa.table({"key": ["i", "j"]})}
    edges = {"INTERACTED": pa.table({"source": [0], "target": [0]})}
    model = Popularity().fit(Dataset.from_tables(GraphSchema(), nodes, edges))
    model.save(tmp_path / "m")
    assert model.users.properties.num_columns == 0
    assert b"secret" not in (tmp_path / "m").read_bytes()


def test_options_that_are_no_more_are_told_with_the_file(tmp_path: Path) -> None:
    """Parts of a `LearnedFusion` once took weights, which did nothing."""
    parts = [{"kind": "spectral", "dim": 2}, {"kind": "popularity"}]
    model = LearnedFusion(parts=parts).fit(dataset_of(communities()))
    older = model.config.model_copy(update={"parts": tuple(part | {"weight": 1.0} for part in model.config.named)})
    replace(model, config=older).save(tmp_path / "m")
    with pytest.raises(
        ModelError, match=r"`path` must be a saved model .*/m': .*`weight` is not a field.* Fit it again"
    ):
        load_model(tmp_path / "m")
