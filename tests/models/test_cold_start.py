from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.data.described import described
from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.models import ColdStart, FittedVectors, FriendTastes, LightGCN, Spectral, from_name, load_model
from graphrec.models import cold_choice as module

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.data.dataset import Dataset

SPECTRAL = {"kind": "spectral", "dim": 6}
LIGHT = {"kind": "lightgcn", "dim": 8, "epochs": 6, "eval_every": 1, "learning_rate": 0.05}
COLD_ITEMS, COLD_USERS = range(32, 40), range(50, 60)


def planted(of: Any = ("item", "user"), groups: int = 4) -> Dataset:
    """Communities, told by attributes; the last users and items have no interactions."""
    matrix = communities()
    matrix[list(COLD_USERS)] = 0
    matrix[:, list(COLD_ITEMS)] = 0
    return dataset_of(matrix, groups=groups, of=of)


def test_what_has_interactions_keeps_its_vectors_bit_for_bit() -> None:
    data = planted()
    base, found = Spectral(dim=6).fit(data), ColdStart(base=SPECTRAL).fit(data)
    assert found.fold_in_vectors is not None
    assert base.fold_in_vectors is not None
    assert found.cold_items is not None
    assert found.cold_users is not None
    assert np.flatnonzero(found.cold_items).tolist() == [*COLD_ITEMS]
    assert np.flatnonzero(found.cold_users).tolist() == [*COLD_USERS]
    warm_items, warm_users = ~found.cold_items, ~found.cold_users
    np.testing.assert_array_equal(found.item_vectors[warm_items], base.item_vectors[warm_items])
    np.testing.assert_array_equal(found.fold_in_vectors[warm_items], base.fold_in_vectors[warm_items])
    np.testing.assert_array_equal(found.user_vectors[warm_users], base.user_vectors[warm_users])
    assert not base.item_vectors[found.cold_items].any()
    assert found.item_vectors[found.cold_items].any(axis=1).all()
    assert found.name == "cold-start"


def test_cold_nodes_have_what_the_maps_give() -> None:
    data = planted()
    found = ColdStart(base=SPECTRAL).fit(data)
    assert found.item_map is not None
    assert found.user_map is not None
    items, users = (described(data, side) for side in ("item", "user"))  # type: ignore[arg-type]
    np.testing.assert_array_equal(found.item_vectors[COLD_ITEMS], found.item_map.vectors(items)[COLD_ITEMS])
    by_fold_in = found.item_map.vectors(items, "fold_in")
    np.testing.assert_array_equal(found.fold_in_vectors[COLD_ITEMS], by_fold_in[COLD_ITEMS])  # type: ignore[index]
    np.testing.assert_array_equal(found.user_vectors[COLD_USERS], found.user_map.vectors(users)[COLD_USERS])
    assert set(found.user_map.matrices) == {"vector"}


def test_cold_items_and_users_find_their_group() -> None:
    data = planted()
    found = ColdStart(base=SPECTRAL).fit(data)
    keys = [f"User-{user:05}" for user in (*range(8), *COLD_USERS)]
    new = [f"Item-{item:05}" for item in COLD_ITEMS]
    for include in (None, new):
        listed = graphrec.recommend(found, data, keys, 2, include=include)
        assert len(listed) == 2 * len(keys)
        assert (listed["item"].str[-5:].astype(int) % 4 == listed["user"].str[-5:].astype(int) % 4).all()


@pytest.mark.parametrize(("of", "none"), [(["item"], "user"), (["user"], "item")])
def test_one_side_is_enough(of: list[str], none: str) -> None:
    data = planted(of)
    base, found = Spectral(dim=6).fit(data), ColdStart(base=SPECTRAL).fit(data)
    assert getattr(found, f"{none}_map") is None
    assert getattr(found, f"cold_{none}s") is None
    assert getattr(found, f"{of[0]}_map") is not None
    np.testing.assert_array_equal(getattr(found, f"{none}_vectors"), getattr(base, f"{none}_vectors"))


@pytest.mark.parametrize("base", [SPECTRAL, LIGHT, {"kind": "fusion", "parts": [SPECTRAL, LIGHT], "dim": 8}])
def test_over_a_fitted_base_it_is_what_fitting_gives(base: dict[str, Any]) -> None:
    split = planted().split("random", seed=1)
    options: dict[str, Any] = {"validation": split.validation, "metric": "recall@10"}
    whole = ColdStart(base=base).fit(split.train, device="cpu", progress=False, **options)
    alone = from_name(**base).fit(split.train, device="cpu", progress=False, **options)
    assert isinstance(alone, FittedVectors)
    after = ColdStart().over(alone, split.train, metric="recall@10")
    assert after.config == whole.config
    np.testing.assert_array_equal(after.item_vectors, whole.item_vectors)
    np.testing.assert_array_equal(after.user_vectors, whole.user_vectors)
    assert graphrec.evaluate({"plain": alone, "cold": after}, split, ["ndcg@5"]).figures["value"].notna().all()


def test_a_validation_part_of_cold_items_does_not_steer_the_base(monkeypatch: pytest.MonkeyPatch) -> None:
    """The base knows nothing of these items, and would choose by the order of their keys."""
    split = planted().split("cold-items")
    seen = []
    fit = LightGCN._fit
    monkeypatch.setattr(LightGCN, "_fit", lambda self, data, run: seen.append(run.validation) or fit(self, data, run))
    ColdStart(base=LIGHT).fit(split.train, validation=split.validation, progress=False)
    warm = planted().split("random")
    ColdStart(base=LIGHT).fit(warm.train, validation=warm.validation, progress=False)
    assert seen == [None, warm.validation]


def test_it_is_saved_loaded_and_fitted_again_as_it_was(tmp_path: Path) -> None:
    split = planted().split("random")
    found = ColdStart(base=LIGHT).fit(split.train, validation=split.validation, device="cpu", progress=False)
    assert isinstance(found.config, ColdStart)
    assert found.config.base["epochs"] == found.history.best_epoch > 0
    assert None not in (found.config.reg, found.config.blocks, found.config.user_reg, found.config.user_blocks)
    found.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert isinstance(loaded, FittedVectors)
    assert loaded.config == found.config
    np.testing.assert_array_equal(loaded.score(np.arange(60)), found.score(np.arange(60)))
    np.testing.assert_array_equal(loaded.cold_users, found.cold_users)
    new = described(planted(groups=2), "item")
    for which in ("vector", "fold_in"):
        np.testing.assert_array_equal(loaded.item_map.vectors(new, which), found.item_map.vectors(new, which))
    again = loaded.refit(split.without_test, device="cpu", progress=False)
    assert again.config == found.config


def test_the_maps_are_the_ridge_regression_that_the_configuration_says() -> None:
    """Against the normal equations, dense."""
    data = planted()
    base = Spectral(dim=6).fit(data)
    fields: dict[str, Any] = {
        "reg": 2.0,
        "blocks": {"ITEM_IN": 3.0},
        "user_reg": 0.5,
        "user_blocks": {},
        "scale": 2.5,
    }
    found = ColdStart(base=SPECTRAL, **fields).fit(data)
    matrix = data.interactions()
    for side, targets, counts, weight, reg in (
        ("item", base.item_vectors, matrix.sum(0), 3.0, 2.0),
        ("user", base.user_vectors, matrix.sum(1), 1.0, 0.5),
    ):
        feature_map = getattr(found, f"{side}_map")
        rows = feature_map.encoder.encode(described(data, side)).toarray().astype(float)
        warm = counts > 0
        x = np.hstack([rows * weight, np.ones((len(rows), 1))])[warm]
        penalty = reg * np.diag([1.0] * rows.shape[1] + [0.0])
        wanted = np.linalg.solve(x.T @ x + penalty, x.T @ targets[warm])
        wanted[:-1] *= weight
        wanted *= 2.5 if side == "item" else 1.0
        np.testing.assert_allclose(feature_map.matrices["vector"], wanted, atol=1e-3 * np.abs(wanted).max())


def test_a_block_of_noise_is_given_less_weight() -> None:
    matrix = communities(users=120, items=120)
    data = dataset_of(matrix, groups=4)
    noise = np.random.default_rng(0).permutation(120) % 30
    edge = data.edges["ITEM_IN"]
    schema = data.schema.model_copy(
        update={
            "attributes": (*data.schema.attributes, data.schema.attributes[0].model_copy(update={"type": "NOISE"}))
        }
    )
    keys = data.nodes["Group"]
    assert len(keys) == 4
    both = replace(
        data, schema=schema, edges={**data.edges, "NOISE": replace(edge, type="NOISE", target_rows=noise % 4)}
    )
    found = ColdStart(base=SPECTRAL).fit(both)
    assert isinstance(found.config, ColdStart)
    assert found.config.blocks is not None
    assert found.config.blocks["NOISE"] < found.config.blocks["ITEM_IN"]


def test_new_items_get_no_more_of_the_lists_than_known_ones() -> None:
    """The factor is the largest with which a fifth of the known items, by the map, stay within their own share."""
    data = planted()
    base = Spectral(dim=6).fit(data)
    found = ColdStart(reg=30.0, blocks={}).over(base, data)
    assert isinstance(found.config, ColdStart)
    assert found.config.scale in module.SCALES
    plain = ColdStart(reg=30.0, blocks={}, scale=1.0).over(base, data)
    factor = np.float32(found.config.scale)
    np.testing.assert_allclose(found.item_vectors[COLD_ITEMS], plain.item_vectors[COLD_ITEMS] * factor, rtol=1e-5)
    np.testing.assert_array_equal(found.fold_in_vectors, plain.fold_in_vectors)
    listed = graphrec.recommend(found, data, [f"User-{user:05}" for user in range(50)], 3)
    new = listed["item"].str[-5:].astype(int) >= COLD_ITEMS[0]
    assert 0 < new.mean() < 1


def test_nobody_is_cold_where_all_have_interactions() -> None:
    data = dataset_of(communities(), groups=4, of=["item", "user"])
    found = ColdStart(base=SPECTRAL).fit(data)
    assert not found.cold_items.any()  # type: ignore[union-attr]
    assert not found.cold_users.any()  # type: ignore[union-attr]
    np.testing.assert_array_equal(found.item_vectors, Spectral(dim=6).fit(data).item_vectors)


def test_a_base_without_fold_in_has_a_map_to_vectors_alone() -> None:
    data = planted()
    base = replace(Spectral(dim=6).fit(data), fold_in_vectors=None)
    found = ColdStart().over(base, data)
    assert found.fold_in_vectors is None
    assert found.item_map is not None
    assert set(found.item_map.matrices) == {"vector"}


def test_the_smallest_data_have_maps_too() -> None:
    data = dataset_of([[1.0, 0.0, 0.0], [1.0, 1.0, 0.0]], groups=2)
    found = ColdStart(base={"kind": "spectral", "dim": 1}).fit(data)
    assert np.isfinite(found.item_vectors).all()
    assert found.item_vectors[2].any()


def test_friends_may_be_mixed_over_it() -> None:
    matrix = communities()
    matrix[list(COLD_USERS)] = 0
    data = dataset_of(matrix, friends=[(user, (user + 4) % 60) for user in range(60)], groups=4)
    found = FriendTastes(base={"kind": "cold-start", "base": SPECTRAL}, strength=1).fit(data)
    assert found.item_map is not None


def test_a_configuration_comes_from_tables_and_goes_through_json() -> None:
    model = ColdStart(base=SPECTRAL, reg=4, blocks={"OF": 2.0})
    assert from_name("cold-start", **json.loads(json.dumps(model.model_dump(mode="json")))) == model
    assert ColdStart().base == {"kind": "fusion"}
    assert (ColdStart().width, model.width) == (256, 6)
    assert model.memory(1000, 2000, 9) > Spectral(dim=6).memory(1000, 2000, 9)


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"base": {"kind": "lightgnc"}}, "base must be a model that can be made: .* Did you mean 'lightgcn'"),
        ({"base": {}}, "base must be a model that can be made: `kind` must be a known model"),
        ({"reg": 0}, "`reg` should be greater than 0"),
        ({"user_reg": float("nan")}, "`user_reg` should be a finite number"),
        ({"blocks": {"OF": -1}}, "`blocks` should be greater than or equal to 0"),
    ],
)
def test_impossible_configurations_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        ColdStart(**fields)


def test_what_is_missing_is_said_before_the_base_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LightGCN, "_fit", lambda *_: pytest.fail("it was fitted"))
    with pytest.raises(DataError, match=r"Nothing describes 'Item': .* Nothing describes 'User': "):
        ColdStart(base=LIGHT).fit(dataset_of(communities()))
    with pytest.raises(ArgumentError, match=r"`blocks` must name what describes items. Got 'ITEM_INN'. Did you mean"):
        ColdStart(base=LIGHT, blocks={"ITEM_INN": 1.0}).fit(planted())


def test_a_base_without_vectors_and_one_of_other_data_are_refused() -> None:
    data = planted()
    with pytest.raises(ModelError, match="'ease' cannot give vectors to what is new: it has none"):
        ColdStart(base={"kind": "ease"}).fit(data)
    with pytest.raises(ModelError, match=r"'spectral' must be .* the data that it was fitted on"):
        ColdStart().over(Spectral(dim=6).fit(data), data.split("random").train)
