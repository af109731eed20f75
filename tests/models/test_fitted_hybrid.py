from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.errors import ArgumentError, ModelError, UnknownKeyError
from graphrec.models import Cascade, FittedHybrid, Fusion, LearnedFusion, RankFusion, load_model
from graphrec.models import fitted_hybrid as module
from graphrec.rank.scorer import Lister, Scorer, VectorScorer
from graphrec.train.history import Epoch

if TYPE_CHECKING:
    from pathlib import Path

PARTS = [{"kind": "item-knn"}, {"kind": "spectral", "dim": 6}]


@pytest.fixture(scope="module")
def hybrid() -> FittedHybrid:
    return RankFusion(parts=PARTS, by="scores").fit(dataset_of(communities(2)))  # type: ignore[return-value]


def test_it_is_a_lister_without_vectors(hybrid: FittedHybrid) -> None:
    assert isinstance(hybrid, Scorer)
    assert isinstance(hybrid, Lister)
    assert not isinstance(hybrid, VectorScorer)
    assert hybrid.score(np.array([], np.int64)).shape == (0, 40)
    assert hybrid.lists(np.array([], np.int64), 3).rows.shape == (0, 3)
    with pytest.raises(ModelError, match="cannot serve new users"):
        graphrec.recommend(hybrid, dataset_of(communities(2)), [["Item-00001"]])
    with pytest.raises(ArgumentError, match="`k` must be a whole number"):
        hybrid.lists(np.array([1]), 0)


def test_blocks_change_nothing(hybrid: FittedHybrid, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = dataset_of(communities(2)).seen()
    whole, scores = hybrid.lists(np.arange(60), 9, hidden=seen), hybrid.score(np.arange(60))
    monkeypatch.setattr(module, "BLOCK_BYTES", 64 * 40 * 4 * 7)  # seven users at once
    parts = hybrid.lists(np.arange(60), 9, hidden=seen)
    np.testing.assert_array_equal(parts.rows, whole.rows)
    np.testing.assert_allclose(parts.scores, whole.scores, rtol=1e-6)
    np.testing.assert_allclose(hybrid.score(np.arange(60)), scores, rtol=1e-5, atol=1e-6)


def test_a_file_that_was_altered_is_refused(tmp_path: Path, hybrid: FittedHybrid) -> None:
    path = tmp_path / "m"
    hybrid.save(path)
    whole = path.read_bytes()
    for place in np.linspace(0, len(whole) - 1, 20).astype(int):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 4]) + whole[place + 1 :])
        with pytest.raises(ModelError, match="`path` must be a saved model"):
            load_model(path)


def test_publishing_it_is_refused_before_anything_is_written(tmp_path: Path, hybrid: FittedHybrid) -> None:
    frame = pd.DataFrame({"user_id": [f"User-{i:05}" for i in range(5)], "item_id": ["Item-00001"] * 5})
    with graphrec.connect(tmp_path / "g.lbug") as graph:
        graph.load(edges={"INTERACTED": frame}, on_missing="create")
        with pytest.raises(
            ArgumentError, match=r"`model` must have vectors that can be put on nodes.*such as Fusion"
        ):
            graph.publish(hybrid)
        assert graph.models().empty


def test_it_knows_whom_one_of_its_proposers_knows() -> None:
    matrix = communities(2)
    matrix[7] = 0
    data, everyone = dataset_of(matrix), np.arange(60)
    knn, popular = {"kind": "item-knn"}, {"kind": "popularity"}
    personal = RankFusion(parts=(knn, {"kind": "spectral", "dim": 4})).fit(data)
    assert personal.knows(everyone).tolist() == [user != 7 for user in everyone]
    assert Cascade(candidates=knn, ranker=popular).fit(data).knows(np.array([7, 8])).tolist() == [False, True]
    assert RankFusion(parts=(knn, popular)).fit(data).knows(everyone).all()
    user, other = data.users.keys[7].as_py(), data.users.keys[8].as_py()
    with pytest.raises(UnknownKeyError, match=user):
        graphrec.recommend(personal, data, [user, other])
    frame = graphrec.recommend(personal, data, [user, other], k=3, on_unknown="fallback")
    assert frame["path"].tolist() == ["popularity"] * 3 + ["score"] * 3


@pytest.mark.filterwarnings("ignore:Training was interrupted")
@pytest.mark.parametrize("kind", [Fusion, RankFusion, LearnedFusion])
@pytest.mark.parametrize("at", [1, 5, None])
def test_ctrl_c_in_any_part_is_recorded(kind: type[Fusion], at: int | None) -> None:
    # of parts that train 2 and 4 epochs the longer one's record is kept, whichever part was ended
    parts = [{"kind": "lightgcn", "dim": 2, "epochs": epochs, "eval_every": 1} for epochs in (2, 4)]
    seen: list[Epoch] = []

    def interrupt(epoch: Epoch) -> None:
        seen.append(epoch)
        if len(seen) == at:
            signal.raise_signal(signal.SIGINT)

    assert kind(parts=parts).fit(dataset_of(communities(2)), callbacks=[interrupt]).history.interrupted is bool(at)
