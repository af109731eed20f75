from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.errors import ArgumentError, DataError, ModelError
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import FittedVectors, FriendTastes, LightGCN, Spectral, from_name, load_model
from graphrec.models.diffusion import diffused, friends_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset

SPECTRAL = {"kind": "spectral", "dim": 6}
LIGHT = {"kind": "lightgcn", "dim": 8, "epochs": 6, "eval_every": 1, "learning_rate": 0.05}
RING = [(user, (user + step) % 60) for user in range(60) for step in (4, 8)]  # users u and u % 4 are of one group
BARE, FRIENDLESS = range(12), (57, 58, 59)


def planted() -> Dataset:
    """Communities in which the first users have no items, the next twelve one, and the last ones no friends."""
    matrix = communities()
    matrix[list(BARE)] = 0
    for user in range(12, 24):
        matrix[user, np.flatnonzero(matrix[user])[1:]] = 0
    return dataset_of(matrix, friends=[tie for tie in RING if not set(tie) & set(FRIENDLESS)])


def test_it_mixes_users_and_nothing_else() -> None:
    data = planted()
    base = Spectral(dim=6).fit(data)
    found = FriendTastes(base=SPECTRAL, strength=2, rounds=1).fit(data)
    counts = np.diff(data.interactions().indptr)
    np.testing.assert_array_equal(
        found.user_vectors, diffused(base.user_vectors, counts, friends_of(data), strength=2, rounds=1)
    )
    np.testing.assert_array_equal(found.item_vectors, base.item_vectors)
    np.testing.assert_array_equal(found.fold_in_vectors, base.fold_in_vectors)
    np.testing.assert_array_equal(found.user_vectors[list(FRIENDLESS)], base.user_vectors[list(FRIENDLESS)])
    assert not np.allclose(found.user_vectors[12:24], base.user_vectors[12:24], atol=1e-3)
    assert found.name == "friend-tastes"


@pytest.mark.parametrize("base", [SPECTRAL, LIGHT, {"kind": "fusion", "parts": [SPECTRAL, LIGHT], "dim": 8}])
def test_mixing_a_fitted_base_is_fitting(base: dict[str, Any]) -> None:
    split = planted().split("random", seed=1)
    options: dict[str, Any] = {"validation": split.validation, "metric": "recall@10"}
    whole = FriendTastes(base=base).fit(split.train, device="cpu", progress=False, **options)
    alone = from_name(**base).fit(split.train, device="cpu", progress=False, **options)
    assert isinstance(alone, FittedVectors)
    after = FriendTastes().over(alone, split.train, **options)
    assert after.config == whole.config
    np.testing.assert_array_equal(after.user_vectors, whole.user_vectors)
    assert graphrec.evaluate({"plain": alone, "friends": after}, split, ["ndcg@5"]).figures["value"].notna().all()


def test_who_has_no_items_gets_those_of_their_friends_group() -> None:
    data = planted()
    found = FriendTastes(base=SPECTRAL, strength=1).fit(data)
    first = np.argsort(-found.score(np.array(BARE)), axis=1)[:, :8]
    assert (first % 4 == np.array(BARE)[:, None] % 4).all()
    keys = [f"User-{user:05}" for user in BARE]
    listed = graphrec.recommend(found, data, keys, 4)
    assert [int(item[-5:]) % 4 for item in listed["item"]] == [user % 4 for user in BARE for _ in range(4)]


def test_the_strength_is_what_is_best_for_those_with_the_fewest_items() -> None:
    """Against a loop: a quarter of the users with held-out items, by items and then rows."""
    split = planted().split("random", test=0.1, validation=0.2, seed=3)
    assert split.validation is not None
    base = Spectral(dim=6).fit(split.train)
    counts = np.diff(split.train.interactions().indptr)
    held_out = split.validation.matrix.toarray()
    asked = sorted((counts[user], user) for user in range(60) if held_out[user].any())
    few = [user for _, user in asked[: int(np.ceil(len(asked) / 4))]]
    others = [user for user in range(60) if user not in few]
    held_out[others] = 0

    def measured(strength: float) -> float:
        users = diffused(base.user_vectors, counts, friends_of(split.train), strength, 2)
        seen = split.train.seen()
        return held_out_metric(users, base.item_vectors, seen, type(seen)(held_out), "ndcg@5")

    found = FriendTastes(base=SPECTRAL).over(base, split.train, validation=split.validation, metric="ndcg@5")
    assert isinstance(found.config, FriendTastes)
    tried = {strength: measured(strength) for strength in (0.0, 1.0, 3.0, 10.0, 30.0)}
    assert len(set(tried.values())) > 1
    assert found.config.strength is not None
    assert tried[found.config.strength] == max(tried.values())


@pytest.mark.parametrize("best", [0.0, 1.0, 3.0, 10.0, 30.0])
def test_each_strength_may_be_chosen(monkeypatch: pytest.MonkeyPatch, best: float) -> None:
    split = planted().split("random")
    base = Spectral(dim=6).fit(split.train)
    wanted = FriendTastes(strength=best).over(base, split.train).user_vectors

    def measured(users: NDArray[np.float32], *_: object, **__: object) -> float:
        return float(np.array_equal(users, wanted))

    monkeypatch.setattr("graphrec.models.friend_tastes.held_out_metric", measured)
    found = FriendTastes().over(base, split.train, validation=split.validation)
    assert found.config == FriendTastes(base={**SPECTRAL, **Spectral(dim=6).model_dump()}, strength=best)
    np.testing.assert_array_equal(found.user_vectors, wanted)


def test_without_a_validation_part_it_is_three() -> None:
    found = FriendTastes(base=SPECTRAL).fit(planted())
    assert isinstance(found.config, FriendTastes)
    assert found.config.strength == 3


def test_it_is_saved_loaded_and_fitted_again_as_it_was(tmp_path: Path) -> None:
    split = planted().split("random")
    found = FriendTastes(base=LIGHT).fit(split.train, validation=split.validation, device="cpu", progress=False)
    assert isinstance(found.config, FriendTastes)
    assert found.config.base["epochs"] == found.history.best_epoch > 0
    found.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.config == found.config
    np.testing.assert_array_equal(loaded.score(np.arange(60)), found.score(np.arange(60)))
    again = loaded.refit(split.without_test, device="cpu", progress=False)
    assert again.config == found.config
    assert len(again.history.epochs) == found.history.best_epoch


def test_a_configuration_comes_from_tables_and_goes_through_json() -> None:
    model = FriendTastes(base=SPECTRAL, strength=4, rounds=1)
    assert from_name("friend-tastes", **json.loads(json.dumps(model.model_dump(mode="json")))) == model
    assert FriendTastes().base == {"kind": "fusion"}
    assert (FriendTastes().width, model.width) == (256, 6)
    assert model.memory(1000, 2000, 9) == Spectral(dim=6).memory(1000, 2000, 9) + 24 * 6 * 1000


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"base": {"kind": "lightgnc"}}, "base must be a model that can be made: .* Did you mean 'lightgcn'"),
        ({"base": {}}, "base must be a model that can be made: `kind` must be a known model"),
        ({"base": {"kind": "lightgcn", "dim": 0}}, "base must be a model .*`dim` should be greater"),
        ({"strength": -1}, "`strength` should be greater than or equal to 0"),
        ({"strength": float("inf")}, "`strength` should be a finite number"),
        ({"rounds": 0}, "`rounds` should be greater than or equal to 1"),
    ],
)
def test_impossible_configurations_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        FriendTastes(**fields)


def test_what_is_missing_is_said_before_the_base_is_fitted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(LightGCN, "_fit", lambda *_: pytest.fail("it was fitted"))
    with pytest.raises(DataError, match="must hold ties between two users to learn from friends"):
        FriendTastes(base=LIGHT).fit(dataset_of(communities()))


def test_a_base_without_vectors_and_one_of_other_data_are_refused() -> None:
    data = planted()
    with pytest.raises(ModelError, match="'ease' cannot be mixed with friends: it has no vectors"):
        FriendTastes(base={"kind": "ease"}).fit(data)
    with pytest.raises(ModelError, match="'spectral' must be mixed over the data that it was fitted on"):
        FriendTastes().over(Spectral(dim=6).fit(data), data.split("random").train)
