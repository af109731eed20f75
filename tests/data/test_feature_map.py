from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from graphrec import Attribute, Feature, GraphSchema, Interaction, Node, dataset_from_frames
from graphrec.data.described import described
from graphrec.data.feature_map import FeatureMap
from graphrec.data.features import fit_encoder

SCHEMA = GraphSchema(
    item=Node("Item", key="item_id", features=[Feature("title", "words"), Feature("year", "number")]),
    interactions=[Interaction("INTERACTED")],
    attributes=[Attribute("OF", to=Node("Genre", key="name"))],
)


@pytest.fixture
def feature_map() -> FeatureMap:
    items = pd.DataFrame(
        {
            "item_id": [1, 2, 3, 4],
            "title": ["big cat", "big 漢字", "漢字 cat", None],
            "year": [1990.0, 2000, None, None],
        }
    )
    genres = pd.DataFrame({"source": [1, 2], "target": ["Comedy", "Drama"]})
    ratings = pd.DataFrame({"source": ["u"], "target": [1]})
    data = dataset_from_frames(ratings, schema=SCHEMA, nodes={"Item": items}, edges={"OF": genres})
    encoder, generator = fit_encoder(data), np.random.default_rng(0)
    matrices = {
        name: generator.normal(size=(len(encoder) + 1, 3)).astype(np.float32) for name in ("vector", "fold_in")
    }
    return FeatureMap(encoder, matrices)


def data_of(*rows: dict[str, object]) -> object:
    ratings = pd.DataFrame({"source": ["u"], "target": [rows[0]["item_id"]]})
    genres = pd.DataFrame({"source": [rows[0]["item_id"]], "target": ["Drama"]})
    items = pd.DataFrame(list(rows))
    return described(dataset_from_frames(ratings, schema=SCHEMA, nodes={"Item": items}, edges={"OF": genres}), "item")


def test_vectors_are_rows_times_matrix_plus_the_last_row(feature_map: FeatureMap) -> None:
    new = data_of({"item_id": 9, "title": "BIG", "year": 1995.0}, {"item_id": 10, "title": "none", "year": None})
    for which, matrix in feature_map.matrices.items():
        rows = feature_map.encoder.encode(new).toarray().astype(float)
        found = feature_map.vectors(new, which)
        np.testing.assert_allclose(found[0], rows[0] @ matrix[:-1] + matrix[-1], rtol=1e-5)
        np.testing.assert_array_equal(found[1], 0)  # nothing that the encoder knows describes it
        assert found.dtype == np.float32


def test_it_goes_through_arrays_as_it_is(feature_map: FeatureMap) -> None:
    arrays = feature_map.to_tensors("item_map")
    assert all(name.startswith("item_map/") for name in arrays)
    json.loads(arrays["item_map/blocks"].tobytes())  # text, and nothing that is run when it is read
    again = FeatureMap.from_tensors("item_map", arrays)
    assert again is not None
    assert again.encoder.names == feature_map.encoder.names
    assert again.encoder.side == "item"
    new = data_of({"item_id": 9, "title": "漢字", "year": 1991.0})
    for which in ("vector", "fold_in"):
        np.testing.assert_array_equal(again.vectors(new, which), feature_map.vectors(new, which))
    assert FeatureMap.from_tensors("user_map", arrays) is None


def test_one_matrix_is_enough(feature_map: FeatureMap) -> None:
    alone = FeatureMap(feature_map.encoder, {"vector": feature_map.matrices["vector"]})
    again = FeatureMap.from_tensors("m", alone.to_tensors("m"))
    assert again is not None
    assert set(again.matrices) == {"vector"}
