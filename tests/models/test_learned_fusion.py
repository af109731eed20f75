from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
import graphrec.models
from graphrec.errors import ArgumentError, DataError
from graphrec.evaluation.evaluate import evaluate
from graphrec.models import FittedHybrid, FittedProduct, LearnedFusion, RankFusion, load_model, popularity
from graphrec.models.model import Model, Run, target_matrix
from graphrec.models.ranker import features, n_features

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec import Dataset

SPECTRAL = {"kind": "spectral", "dim": 8}
KNN = {"kind": "item-knn", "neighbours": 9}
EASE = {"kind": "ease", "reg": 5.0}
PARTS = (SPECTRAL, KNN, {"kind": "popularity"})


def noisy(seed: int = 0, users: int = 150) -> Dataset:
    generator = np.random.default_rng(seed)
    matrix = communities(seed, users=users, items=80) * (generator.random((users, 80)) < 0.7)
    return dataset_of(np.maximum(matrix, generator.random((users, 80)) < 0.05))


class Memory(Model):
    """Knows what it was fitted on by heart, and nothing else."""

    kind: ClassVar[str] = "memory"

    def _fit(self, data: Dataset, run: Run) -> FittedProduct:
        import scipy.sparse as sp

        matrix = target_matrix(data)
        return FittedProduct.of(self, data, matrix, sp.csr_array(np.eye(matrix.shape[1], dtype=np.float32)))


@pytest.fixture
def memory(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.setitem(graphrec.models.KINDS, "memory", "Memory")
    monkeypatch.setitem(graphrec.models._HOMES, "Memory", "popularity")
    monkeypatch.setattr(popularity, "Memory", Memory, raising=False)
    return {"kind": "memory"}


def test_scores_are_the_formula_of_the_features() -> None:
    data = noisy()
    coefficients = tuple(np.random.default_rng(0).normal(size=n_features(3)).tolist())
    fitted = LearnedFusion(parts=PARTS, coefficients=coefficients, depth=15).fit(data)
    assert isinstance(fitted, FittedHybrid)
    (evidence,) = fitted.evidence(np.arange(150), hidden=data.seen())
    values = features(evidence) @ np.array(coefficients)
    found = fitted.lists(np.arange(150), 10, hidden=data.seen())
    for user in range(150):
        there = evidence.rows[user] >= 0
        order = np.lexsort((evidence.rows[user][there], -values[user][there]))[:10]
        np.testing.assert_allclose(found.scores[user], values[user][there][order], rtol=1e-5)
    scores = fitted.score(np.arange(150))
    user, column = np.nonzero(evidence.rows >= 0)
    np.testing.assert_allclose(scores[user, evidence.rows[user, column]], values[user, column], rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("validated", [True, False])
def test_a_part_that_memorises_does_not_win(memory: dict[str, Any], validated: bool) -> None:
    """It would, if the formula were learned from pairs that the parts were fitted on."""
    split = noisy().split("random", test=0.2, validation=0.2 if validated else 0)
    parts = (memory, SPECTRAL)
    fitted = LearnedFusion(parts=parts).fit(split.train, validation=split.validation)
    alone = RankFusion(parts=[SPECTRAL]).fit(split.train)
    figures = evaluate({"learned": fitted, "alone": alone}, split, ["ndcg@10"]).frame().set_index("model")["value"]
    assert figures["learned"] > 0.95 * figures["alone"] > 0.2
    assert fitted.fingerprint == split.train.fingerprint, "all parts are fitted on all of the training part"
    assert fitted.models[1].fingerprint == split.train.fingerprint


def test_nothing_is_learned_from_the_pairs_of_the_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a validation part: what the ranker learns from was held out of what its parts were fitted on."""
    data, pairs = noisy(), {}
    choose = LearnedFusion.choose

    def watched(self: LearnedFusion, fitted: FittedHybrid, validation: Any, metric: str) -> LearnedFusion:
        pairs["fitted"], pairs["learned"] = fitted.seen, validation.matrix
        return choose(self, fitted, validation, metric)

    monkeypatch.setattr(LearnedFusion, "choose", watched)
    fitted = LearnedFusion(parts=PARTS).fit(data)
    assert pairs["learned"].nnz == pytest.approx(0.1 * data.interactions().nnz, abs=1)
    assert not pairs["fitted"].multiply(pairs["learned"]).nnz
    assert (pairs["fitted"] + pairs["learned"] != data.interactions()).nnz == 0
    assert fitted.fingerprint == data.fingerprint


def test_it_learns_from_weighed_interactions_without_a_validation_part() -> None:
    fitted = LearnedFusion(parts=PARTS).fit(noisy().prepare([{"kind": "log"}]))
    assert fitted.config.coefficients is not None


def test_it_is_as_good_as_the_best_part_and_better_than_a_poor_one() -> None:
    split = noisy(users=300).split("random", validation=0.2, test=0.2)
    parts = (SPECTRAL, {"kind": "random"}, {"kind": "popularity"})
    fitted = LearnedFusion(parts=parts).fit(split.train, validation=split.validation)
    models = {"learned": fitted} | {part["kind"]: RankFusion(parts=[part]).fit(split.train) for part in parts}
    values = evaluate(models, split, ["ndcg@20"]).frame().set_index("model")["value"]
    assert values["learned"] > 0.98 * values["spectral"]
    assert values["learned"] > 1.2 * values[["random", "popularity"]].max()


def test_learning_brings_what_no_weights_can() -> None:
    """Popularity is right for the one half of users, who have few items, and spectral for the other."""
    generator = np.random.default_rng(0)
    groups = communities(1, users=400, items=80, groups=8)
    head = np.zeros((400, 80))
    head[:, :20] = generator.random((400, 20)) < 0.6
    few = np.arange(400) < 200
    matrix = np.where(few[:, None], head, groups)
    matrix[few, :] *= generator.random((200, 80)) < 0.5
    split = dataset_of(matrix).split("random", validation=0.25, test=0.25)
    parts = ({"kind": "popularity"}, KNN)
    learned, weighted = (
        kind(parts=parts).fit(split.train, validation=split.validation) for kind in (LearnedFusion, RankFusion)
    )
    values = evaluate([learned, weighted], split, ["ndcg@10"]).frame().set_index("model")["value"]
    assert values["learned-fusion"] > 0.99 * values["rank-fusion"]


def test_too_few_pairs_are_taken_as_alike() -> None:
    fitted = LearnedFusion(parts=(KNN, {"kind": "popularity"})).fit(dataset_of(communities(users=8, items=10)))
    assert isinstance(fitted.config, LearnedFusion)
    assert fitted.config.coefficients == (1.0, 1.0, *[0.0] * 8)


def test_it_is_saved_loaded_and_fitted_again_as_it_was(tmp_path: Path) -> None:
    data = noisy()
    split = data.split("random")
    fitted = LearnedFusion(parts=(*PARTS, EASE)).fit(split.train, validation=split.validation)
    assert isinstance(fitted.config, LearnedFusion)
    assert len(fitted.config.coefficients or ()) == n_features(4)
    fitted.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.config == fitted.config
    np.testing.assert_array_equal(loaded.score(np.arange(150)), fitted.score(np.arange(150)))
    again = loaded.refit(data)
    assert again.config == fitted.config, "nothing is chosen any more"
    assert LearnedFusion(**json.loads(json.dumps(fitted.config.model_dump(mode="json")))) == fitted.config
    assert graphrec.recommend(again, data, ["User-00003"], 5)["rank"].tolist() == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"parts": [KNN], "coefficients": (1.0,)}, "coefficients must be 6 numbers for 1 parts"),
        ({"parts": [KNN], "coefficients": (1.0,) * 5 + (float("nan"),)}, "`coefficients`"),
        ({"parts": [{"kind": "e-knn"}]}, "parts must be models that can be made"),
        ({"parts": [KNN | {"weight": 2.0}]}, "`weight` is not a field of ItemKNN"),
        ({"reg": 0}, "`reg` should be greater than 0"),
    ],
)
def test_impossible_configurations_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        LearnedFusion(**fields)


def test_it_learns_from_something() -> None:
    with pytest.raises(DataError, match="to learn from"):
        LearnedFusion().fit(dataset_of([[0.0, 0.0]]))
