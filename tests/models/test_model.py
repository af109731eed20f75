from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import torch
from interactions import communities, dataset_of, held_out_of
from scipy.sparse import csr_array

import graphrec
import graphrec.models
from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.models import KINDS, BiasedMF, FittedModel, LightGCN, Popularity, Random, from_name, load_model
from graphrec.models.model import target_matrix

if TYPE_CHECKING:
    from pathlib import Path


def fields_of(name: str) -> dict[str, object]:
    """Return the fields of a model's class."""
    return dict(getattr(graphrec.models, name).model_fields)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"dim": 0}, r"`dim` should be greater than or equal to 1. Got 0. The default is 64."),
        ({"dim": 1.5}, "`dim` should be a valid integer. Got 1.5"),
        ({"dim": True}, "`dim` should be a valid integer. Got True"),
        ({"layers": -1}, "`layers` should be greater than or equal to 0. Got -1. The default is 3."),
        ({"learning_rate": float("nan")}, "`learning_rate` should be a finite number. Got nan"),
        ({"learning_rate": 0.0}, "`learning_rate` should be greater than 0. Got 0.0"),
        ({"reg": -1e-4}, "`reg` should be greater than or equal to 0"),
        ({"reg": float("inf")}, "`reg` should be a finite number"),
        ({"layers": 2, "layer_weights": (0.5, 0.5)}, r"layer_weights must be layers \+ 1 = 3 numbers"),
        ({"layers": 1, "layer_weights": (0.0, 0.0)}, "not all 0"),
        ({"layers": 1, "layer_weights": (0.0, float("nan"))}, "`layer_weights` should be a finite number"),
        ({"epochs": 0}, "`epochs` should be greater than or equal to 1"),
        ({"batch_size": "2048"}, "`batch_size` should be a valid integer. Got '2048'"),
        ({"seed": -1}, "`seed` should be greater than or equal to 0"),
        ({"learning_rat": 0.1}, "`learning_rat` is not a field of LightGCN. Got 0.1. Did you mean 'learning_rate'?"),
        ({"dim": 0, "layers": -1}, "`dim` .*\n`layers` "),
    ],
)
def test_impossible_values_are_refused(fields: dict[str, object], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        from_name("lightgcn", **fields)


def test_a_configuration_is_frozen_and_goes_through_json() -> None:
    model = LightGCN(layers=1, layer_weights=[0.25, 0.75], learning_rate=1)
    assert model.layer_weights == (0.25, 0.75)
    assert LightGCN(**model.model_dump(mode="json")) == model
    with pytest.raises(ValueError, match="frozen"):
        model.dim = 3  # type: ignore[misc]


# These fill fields by the validation part, and record them.
CHOOSE = {
    "cascade",
    "cold-start",
    "content",
    "learned-fusion",
    "rank-fusion",
    "friend-tastes",
    "fusion",
    "hetero-light",
    "softmax-gcn",
    "spectral",
}
RING = [(user, (user + 4) % 60) for user in range(60)]  # ties within the communities
WEIGHTED = [from_name(kind, weighted=True) for kind, name in KINDS.items() if "weighted" in fields_of(name)]


PARTS = ({"kind": "spectral"}, {"kind": "ease"})
SMALL: dict[str, dict[str, object]] = {
    "cascade": {"candidates": PARTS[1], "ranker": PARTS[0]},
    "learned-fusion": {"parts": PARTS},
    "rank-fusion": {"parts": PARTS},
}


def small(kind: str) -> dict[str, object]:
    """Return fields that make a fit short."""
    return SMALL.get(kind) or ({"epochs": 2} if "epochs" in fields_of(KINDS[kind]) else {})


@pytest.mark.parametrize("kind", KINDS)
def test_every_model_is_fitted_saved_compared_and_ranked_alike(tmp_path: Path, kind: str) -> None:
    data = dataset_of(communities(), friends=RING, groups=4)
    split = data.split("random")
    model = from_name(kind, **small(kind))
    assert model.memory(60, 40, 500) > 0
    fitted = model.fit(split.train, validation=split.validation, progress=False)
    assert isinstance(fitted, FittedModel)
    assert (fitted.name, fitted.fingerprint) == (kind, split.train.fingerprint)
    assert type(fitted.config) is type(model)
    assert fitted.config == model or kind in CHOOSE
    scores = fitted.score(np.arange(60))
    assert (scores.shape, scores.dtype) == ((60, 40), np.float32)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(fitted.score(np.array([7, 3])), scores[[7, 3]], rtol=1e-5, atol=1e-7)
    fitted.save(tmp_path / "m")
    np.testing.assert_array_equal(load_model(tmp_path / "m").score(np.arange(60)), scores)
    assert graphrec.evaluate(fitted, split, metrics=["recall@5"]).frame()["value"].between(0, 1).all()
    listed = graphrec.recommend(fitted, data, ["User-00003"], 4)
    assert listed["score"].is_monotonic_decreasing
    assert len(listed) == 4
    again = fitted.refit(data, progress=False)
    assert type(again) is type(fitted)
    assert again.fingerprint == data.fingerprint


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_recorded_is_what_is_fitted_again(kind: str) -> None:
    """So a second fit has nothing left to choose, and needs no validation part."""
    split = dataset_of(communities(users=90, items=80), friends=RING, groups=4).split("random")
    fitted = from_name(kind, **small(kind)).fit(split.train, validation=split.validation, progress=False)
    again = fitted.config.fit(split.train, progress=False)
    assert again.config == fitted.config
    assert again.score(np.arange(3)).shape == (3, 80)


def test_only_models_of_ratings_are_judged_as_such() -> None:
    data = dataset_of(communities() * np.random.default_rng(0).integers(1, 6, (60, 40)))
    split = data.split("random")
    assert {kind for kind in KINDS if from_name(kind).rates} == {"biased-mf"}
    assert graphrec.evaluate(BiasedMF(dim=2).fit(split.train), split, metrics=["rmse"]).frame()["value"].item() < 3
    for model in (LightGCN(dim=4, epochs=1), Popularity()):
        with pytest.raises(ModelError, match=f"'{model.kind}' must predict ratings for 'rmse': it ranks only"):
            graphrec.evaluate(model.fit(split.train, progress=False), split, metrics=["rmse"])


@pytest.mark.parametrize("kind", sorted(KINDS.keys() - {"random"}))
def test_no_model_learns_from_nothing(kind: str) -> None:
    with pytest.raises(DataError, match=r"`INTERACTED` must hold .* to learn from"):
        from_name(kind).fit(dataset_of([[0.0, 0.0]]))


def test_models_by_name() -> None:
    for kind, name in KINDS.items():
        assert from_name(kind).kind == kind
        assert type(from_name(kind)) is getattr(graphrec.models, name)
    with pytest.raises(ArgumentError, match=r"Got 'lightgnc'. Did you mean 'lightgcn'\?"):
        from_name("lightgnc")
    with pytest.raises(AttributeError, match="no attribute 'NCF'"):
        graphrec.models.NCF  # noqa: B018
    assert set(dir(graphrec.models)) == set(graphrec.models.__all__)
    for name in graphrec.models.__all__:
        getattr(graphrec.models, name)


@pytest.mark.parametrize(
    ("value", "match"),
    [
        (-0.5, "`INTERACTED` must have finite weights of at least 0. Got -0.5"),
        (1e300, "`INTERACTED` must have finite weights of at least 0. Got inf"),
    ],
)
def test_weights_that_cannot_be_used_are_refused(value: float, match: str) -> None:
    data = dataset_of([[1.0, value], [2.0, 0.0]])
    for model in WEIGHTED:
        with pytest.raises(DataError, match=match):
            model.fit(data)
    Popularity().fit(data)


def test_nothing_to_learn_from_is_refused() -> None:
    zero = dataset_of([[float("nan"), 0.0]])  # one interaction of weight 0
    assert target_matrix(zero).nnz == 1
    for model, data in (
        (LightGCN(), dataset_of([[0.0, 0.0]])),
        (Popularity(), dataset_of([[0.0, 0.0]])),
        (LightGCN(weighted=True), zero),
    ):
        with pytest.raises(DataError, match="`INTERACTED` must hold interactions to learn from"):
            model.fit(data)


def test_weight_zero_counts_as_no_interaction() -> None:
    assert target_matrix(dataset_of([[float("nan"), 2.0]]), weighted=True).toarray().tolist() == [[0.0, 2.0]]


def test_what_is_no_dataset_and_no_held_out_part_is_refused() -> None:
    data, frame = dataset_of(communities()), pd.DataFrame({"user_id": [1], "item_id": [2]})
    for act in (lambda: Random().fit(frame), lambda: Random().fit(data).refit(frame)):  # type: ignore[arg-type]
        with pytest.raises(ArgumentError, match=r"`data` must be a Dataset. Got 'DataFrame'.*dataset_from_frames"):
            act()
    for given in (data, frame):
        with pytest.raises(ArgumentError, match=r"`validation` must be a HeldOut.*Take `split.validation`"):
            Random().fit(data, validation=given)  # type: ignore[arg-type]


def test_a_checkpoint_in_no_folder_is_refused_before_an_epoch(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"`checkpoint` must be a file in a folder that is there.*Make '.*none'"):
        LightGCN(epochs=1).fit(dataset_of(communities()), checkpoint=tmp_path / "none" / "c")


@pytest.mark.parametrize("callbacks", [print, None, [3], "print"])
def test_callbacks_that_cannot_be_called_are_refused_before_an_epoch(callbacks: Any) -> None:
    with pytest.raises(ArgumentError, match=r"`callbacks` must be a list of functions.*as \[function\]"):
        LightGCN().fit(dataset_of(communities()), callbacks=callbacks)


def test_devices_may_be_those_of_torch() -> None:
    data, model = dataset_of(communities()), LightGCN(dim=2, epochs=1)
    np.testing.assert_array_equal(
        model.fit(data, device=torch.device("cpu")).user_vectors, model.fit(data, device="cpu").user_vectors
    )
    for device in (None, 0):
        with pytest.raises(ArgumentError, match="`device` must be a known device"):
            model.fit(data, device=device)  # type: ignore[arg-type]


def test_a_validation_part_of_other_nodes_is_refused() -> None:
    data, other = dataset_of(communities()), dataset_of(communities(), integer_keys=True)
    for held_out in (
        held_out_of(dataset_of([[1.0, 1.0]]), csr_array([[1.0, 1.0]])),
        held_out_of(data, csr_array((60, 40))),
        held_out_of(other, csr_array(communities())),
    ):
        with pytest.raises(ArgumentError, match="`validation` must hold interactions"):
            Random().fit(data, validation=held_out)
    with pytest.raises(ArgumentError, match="metric"):
        LightGCN().fit(data, validation=held_out_of(data, csr_array(communities())), metric="nonsense@20")


def test_a_validation_part_that_the_data_holds_is_refused() -> None:
    data = dataset_of(communities())
    split = data.split("random")
    for kind in ("lightgcn", "fusion", "popularity"):
        with pytest.raises(ArgumentError, match=r"`validation` must not share pairs with `data`.* Got \d+. Fit to"):
            from_name(kind).fit(data, validation=split.validation)


def test_learning_never_loads_a_database_driver() -> None:
    code = """
import sys
import graphrec.models
assert not {name for name in sys.modules if name.startswith(("torch", "graphrec.models.", "graphrec.train"))}
graphrec.models.from_name("lightgcn")
for name in graphrec.models.KINDS.values(): getattr(graphrec.models, name)
print([name for name in sys.modules if name.startswith(("neo4j", "ladybug", "graphrec.store"))])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize(
    "kind", ["lightgcn", "softmax-gcn", "hetero-light", "hetero-gnn", "fusion", "spectral", "als", "bpr"]
)
def test_nobody_has_a_vector_of_whom_nothing_is_known(kind: str) -> None:
    matrix = communities()
    matrix[5], matrix[:, 7] = 0, 0
    small = {
        "fusion": {
            "parts": [{"kind": "spectral", "dim": 8}, {"kind": "softmax-gcn", "dim": 8, "epochs": 2}],
            "dim": 4,
        }
    }
    fields = small.get(kind, {"dim": 8} | ({"epochs": 2} if "epochs" in from_name(kind).model_dump() else {}))
    fitted = from_name(kind, **fields).fit(dataset_of(matrix), progress=False)
    assert np.flatnonzero(~fitted.user_vectors.any(1)).tolist() == [5]
    assert np.flatnonzero(~fitted.item_vectors.any(1)).tolist() == [7]


@pytest.mark.parametrize("kind", ["content", "friend-tastes", "fusion", "lightgcn", "softmax-gcn", "spectral"])
def test_targets_that_hide_nothing_are_left_out_of_the_lists_that_steer(kind: str) -> None:
    data = dataset_of(communities(), friends=RING, groups=4)
    interactions = tuple(each.model_copy(update={"hides": False}) for each in data.schema.interactions)
    schema = data.schema.model_copy(update={"interactions": interactions})
    found = []
    for each in (data, replace(data, schema=schema)):
        split = each.split("random")
        model = from_name(kind, **({"epochs": 4} if "epochs" in fields_of(KINDS[kind]) else {}))
        fitted = model.fit(split.train, validation=split.validation, metric="ndcg@5", progress=False)
        found.append((fitted.config, fitted.history.best_validation))
    assert found[0] == found[1]
