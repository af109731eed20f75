from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.errors import ArgumentError, DataError
from graphrec.evaluation.evaluate import evaluate
from graphrec.models import FittedHybrid, RankFusion, from_name, load_model
from graphrec.models.saved import FORMS

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec import Dataset

SPECTRAL = {"kind": "spectral", "dim": 8}
KNN = {"kind": "item-knn", "neighbours": 9}
EASE = {"kind": "ease", "reg": 5.0}
THREE = [SPECTRAL | {"weight": 2.0}, KNN, EASE | {"weight": 0.5}]


def noisy(seed: int = 0) -> Dataset:
    generator = np.random.default_rng(seed)
    matrix = communities(seed, users=80, items=60) * (generator.random((80, 60)) < 0.7)
    return dataset_of(np.maximum(matrix, generator.random((80, 60)) < 0.04))


def places(kind: dict[str, Any], data: Dataset, depth: int) -> list[dict[int, int]]:
    """Return the place of each of a part's first items, user by user."""
    fields = {name: value for name, value in kind.items() if name != "weight"}
    fitted = from_name(**fields).fit(data)
    scores = fitted.score(np.arange(len(data.users))).astype(np.float64)
    scores[data.seen().toarray() > 0] = -np.inf
    found = []
    for row in scores:
        order = sorted((-float(f"{x:.5e}"), i) for i, x in enumerate(row) if np.isfinite(x))
        found.append({i: place + 1 for place, (_, i) in enumerate(order[:depth])})
    return found


@pytest.mark.parametrize("constant", [0, 60])
def test_reciprocal_ranks_by_hand(constant: int) -> None:
    data = noisy()
    fitted = RankFusion(parts=THREE, by="ranks", constant=constant, depth=12).fit(data)
    assert isinstance(fitted, FittedHybrid)
    of_parts = [places(part, data, 12) for part in THREE]
    frame = graphrec.recommend(fitted, data, data.users.keys.to_pylist(), 12)
    for user, (key, mine) in enumerate(frame.groupby("user")):
        total: dict[int, float] = {}
        for weight, part in zip((2.0, 1.0, 0.5), of_parts, strict=True):
            for item, place in part[user].items():
                total[item] = total.get(item, 0) + weight / (constant + place)
        expected = sorted(total, key=lambda item: (-float(f"{total[item]:.5e}"), item))[:12]
        assert key == f"User-{user:05}"
        assert mine["item"].tolist() == [f"Item-{item:05}" for item in expected]
        np.testing.assert_allclose(mine["score"], [total[item] for item in expected], rtol=1e-12)
    assert set(frame["path"]) == {"score"}


def test_scores_on_one_scale_by_hand() -> None:
    data = noisy()
    fitted = RankFusion(parts=THREE, by="scores", depth=60).fit(data)
    users = np.arange(80)
    total, seen = np.zeros((80, 60)), data.seen().toarray() > 0
    for weight, part in zip((2.0, 1.0, 0.5), THREE, strict=True):
        scores = from_name(**{k: v for k, v in part.items() if k != "weight"}).fit(data).score(users).astype(float)
        scores[seen] = np.nan
        low, high = np.nanmin(scores, axis=1, keepdims=True), np.nanmax(scores, axis=1, keepdims=True)
        total += weight * (scores - low) / (high - low)
    found = fitted.score(users)
    np.testing.assert_allclose(found[~seen], total[~seen] / 3.5, atol=1e-4)
    assert (found[seen] < found.min(axis=1, where=~seen, initial=9).repeat(seen.sum(axis=1))).all()


def test_one_part_orders_as_it_does_alone() -> None:
    data = noisy()
    for by in ("ranks", "scores"):
        fused, own = RankFusion(parts=[KNN], by=by).fit(data), from_name(**KNN).fit(data)
        lists = [graphrec.recommend(each, data, data.users.keys.to_pylist(), 7)["item"] for each in (fused, own)]
        assert (lists[0] == lists[1]).mean() > 0.99  # near ties may fall otherwise after scaling


def test_what_is_chosen_on_validation_is_no_worse_there_than_any_part_or_all_alike() -> None:
    split = noisy().split("random", validation=0.2)
    fitted = RankFusion(parts=THREE).fit(split.train, validation=split.validation, metric="ndcg@5")
    assert isinstance(fitted.config, RankFusion)
    assert fitted.config.by in ("ranks", "scores")
    assert sum(part["weight"] for part in fitted.config.parts) == pytest.approx(1)
    others = {
        f"{by}-{number}": RankFusion(parts=parts, by=by).fit(split.train)
        for by in ("ranks", "scores")
        for number, parts in enumerate([THREE, [SPECTRAL, KNN, EASE], [SPECTRAL], [KNN], [EASE]])
    }
    figures = evaluate({"chosen": fitted, **others}, split, ["ndcg@5"], on="validation").frame()
    values = dict(zip(figures["model"], figures["value"], strict=True))
    assert all(values["chosen"] >= value - 1e-9 for value in values.values())


def test_a_useless_part_gets_no_weight_to_speak_of() -> None:
    split = noisy().split("random", validation=0.2)
    parts = [SPECTRAL, {"kind": "random"}, {"kind": "random", "seed": 1}]
    fitted = RankFusion(parts=parts).fit(split.train, validation=split.validation)
    assert isinstance(fitted.config, RankFusion)
    assert fitted.config.parts[0]["weight"] > 0.6


def test_it_is_saved_loaded_and_fitted_again_as_it_was(tmp_path: Path) -> None:
    data = noisy()
    split = data.split("random")
    parts = [SPECTRAL, EASE, KNN, {"kind": "softmax-gcn", "dim": 4, "epochs": 3}, {"kind": "popularity"}]
    fitted = RankFusion(parts=parts).fit(split.train, validation=split.validation, progress=False)
    assert isinstance(fitted.config, RankFusion)
    assert fitted.config.parts[3]["epochs"] == fitted.history.best_epoch
    fitted.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert isinstance(loaded, FittedHybrid)
    assert FORMS["hybrid"] is FittedHybrid
    assert loaded.config == fitted.config
    assert [type(model) for model in loaded.models] == [type(model) for model in fitted.models]
    np.testing.assert_array_equal(loaded.score(np.arange(80)), fitted.score(np.arange(80)))
    found, again = (
        each.lists(np.arange(80), 9, hidden=split.train.seen(), allowed=np.arange(60) % 7 > 0)
        for each in (fitted, loaded)
    )
    np.testing.assert_array_equal(found.rows, again.rows)
    refit = loaded.refit(data, progress=False)
    assert isinstance(refit.config, RankFusion)
    assert refit.config == fitted.config
    assert RankFusion(**json.loads(json.dumps(fitted.config.model_dump(mode="json")))) == fitted.config


def test_lists_hold_nothing_hidden_and_are_beginnings_of_longer_ones() -> None:
    data = noisy()
    fitted = RankFusion(parts=THREE, depth=20).fit(data)
    hidden, allowed = data.seen(), np.arange(60) % 3 > 0
    long = fitted.lists(np.arange(80), 20, hidden=hidden, allowed=allowed)
    short = fitted.lists(np.arange(80), 4, hidden=hidden, allowed=allowed)
    np.testing.assert_array_equal(long.rows[:, :4], short.rows)
    seen = hidden.toarray() > 0
    for user, rows in enumerate(long.rows):
        mine = rows[rows >= 0]
        assert allowed[mine].all()
        assert not seen[user, mine].any()
    whole = fitted.lists(np.arange(80), 60, hidden=hidden)
    assert ((whole.rows >= 0).sum(axis=1) == (~seen).sum(axis=1)).all()


def test_hybrids_of_hybrids_and_a_model_of_an_older_snapshot() -> None:
    data = noisy()
    inner = {"kind": "rank-fusion", "parts": [KNN, EASE], "by": "scores"}
    fitted = RankFusion(parts=[inner, SPECTRAL]).fit(data)
    assert np.isfinite(fitted.score(np.arange(80))).all()
    wider = dataset_of(np.pad(data.interactions().toarray(), ((0, 0), (0, 5))))
    old, new = (graphrec.recommend(fitted, each, ["User-00003"], 5) for each in (data, wider))
    assert old["item"].tolist() == new["item"].tolist()


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"parts": []}, "`parts`"),
        ({"parts": [{"kind": "spectrall"}]}, "parts must be models that can be made: .* Did you mean 'spectral'"),
        ({"parts": [{**KNN, "weight": -1}]}, "parts must have weights of at least 0. Got -1"),
        ({"parts": [{**KNN, "weight": True}]}, "parts must have weights of at least 0. Got True"),
        ({"parts": [{**KNN, "weight": float("nan")}]}, "parts must have weights of at least 0. Got nan"),
        ({"parts": [{**KNN, "weight": 0}, {**EASE, "weight": 0}]}, "at least one weight above 0"),
        ({"by": "places"}, "`by`"),
        ({"constant": -1}, "`constant` should be greater than or equal to 0"),
        ({"depth": 0}, "`depth` should be greater than or equal to 1"),
    ],
)
def test_impossible_configurations_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        RankFusion(**fields)


def test_it_is_not_published_and_learns_from_something() -> None:
    data = noisy()
    fitted = RankFusion(parts=[KNN, EASE]).fit(data)
    assert not hasattr(fitted, "item_vectors")
    assert repr(fitted).startswith("FittedHybrid('rank-fusion' of item-knn, ease, 80 users, 60 items, ")
    with pytest.raises(DataError, match="to learn from"):
        RankFusion().fit(dataset_of([[0.0, 0.0]]))
    split = data.split("random")
    with pytest.raises(ArgumentError, match="`metric` must be one that more is better of"):
        RankFusion(parts=[KNN, EASE]).fit(split.train, validation=split.validation, metric="arp@20")
