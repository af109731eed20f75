"""Scores judged by held-out ties, with and without a cap on exposure, in Python and on the command line."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from ties import tied

import graphrec
from graphrec.config import read_config
from graphrec.errors import ArgumentError
from graphrec.friends.evaluate import evaluate_ties
from graphrec.social.friends import Friends
from graphrec.social.people import hold_out_ties

if TYPE_CHECKING:
    from pathlib import Path

    from commands import Call

    from graphrec.data.dataset import Dataset

N, CAP = 120, 8


def ties() -> list[tuple[int, int]]:
    """Two hubs whom half of all know, and groups of eight."""
    generator = np.random.default_rng(0)
    group = np.arange(N) // 8
    chance = np.where(group[:, None] == group, 0.5, 0.01)
    chance[[0, 1]] = 0.5
    return [(int(a), int(b)) for a, b in np.argwhere(np.triu(generator.random((N, N)) < chance, 1))]


@pytest.fixture(scope="module")
def data() -> Dataset:
    return tied(N, ties())


@pytest.fixture(scope="module")
def config() -> Friends:
    return Friends(by="adamic-adar")


def test_the_figures_are_those_of_evaluate(data: Dataset, config: Friends) -> None:
    scores = [config, Friends(by="preferential-attachment")]
    found = evaluate_ties(data, scores, test=0.2, seed=2, metrics=["recall@5", "mrr@5"])
    split = hold_out_ties(data, test=0.2, validation=0.0, seed=2)
    models = {each.by: each.fit(split.train) for each in scores}
    expected = graphrec.evaluate(models, split, ["recall@5", "mrr@5"], seed=2)
    pd.testing.assert_frame_equal(found.evaluation.figures, expected.figures)
    assert found.exposure is None


def test_the_cap_is_kept_and_its_cost_is_shown(data: Dataset, config: Friends) -> None:
    scores = [config, Friends(by="preferential-attachment")]
    metrics = ["coverage@5", "recall@5"]
    found = evaluate_ties(data, scores, seed=1, metrics=metrics, cap=CAP)
    plain = evaluate_ties(data, scores, seed=1, metrics=metrics).evaluation.figures
    assert found.exposure is not None
    table = found.exposure
    assert list(table["score"]) == ["adamic-adar"] * 2 + ["preferential-attachment"] * 2
    assert list(table["cap"]) == [None, CAP] * 2
    figures = found.evaluation.figures
    for score in ("adamic-adar", "preferential-attachment"):
        own = figures[figures["model"] == score].reset_index(drop=True)
        pd.testing.assert_frame_equal(own, plain[plain["model"] == score].reset_index(drop=True))
        before, after = (row for _, row in table[table["score"] == score].iterrows())
        assert after["most"] <= CAP < before["most"]
        assert after["gini"] < before["gini"]
        assert after["coverage"] > before["coverage"]
        assert after["difference"] == pytest.approx(after["recall@5"] - before["recall@5"])
        assert after["low"] <= after["difference"] <= after["high"]
        assert pd.isna(before["difference"])
    split = hold_out_ties(data, validation=0.0, seed=1)
    everybody = config.fit(split.train).suggest(np.arange(N), 5).rows
    shown = np.sort(np.bincount(everybody[everybody >= 0], minlength=N))
    gini = sum(abs(int(a) - int(b)) for a in shown for b in shown) / (2 * N * shown.sum())
    assert table["gini"].iloc[0] == pytest.approx(gini, abs=1e-4)
    assert table["coverage"].iloc[0] == pytest.approx((shown > 0).mean())
    assert table["most"].iloc[0] == shown[-1]


def test_impossible_arguments(data: Dataset, config: Friends) -> None:
    for scores in ([], [config, config]):
        with pytest.raises(ArgumentError, match="`scores` must be one or more different"):
            evaluate_ties(data, scores)
    with pytest.raises(ArgumentError, match="`metrics` must be of lists"):
        evaluate_ties(data, [config], metrics=["rmse"])
    with pytest.raises(ArgumentError, match="`cap`"):
        evaluate_ties(data, [config], cap=0)
    with pytest.raises(ArgumentError, match="`metrics` must hold one that belongs to a user"):
        evaluate_ties(data, [config], metrics=["coverage@5", "gini@5"], cap=CAP)


CONFIG = """
[connection]
url = "people.lbug"
[schema]
user = { label = "Person", key = "nick" }
item = { label = "Song", key = "id" }
interactions = [{ type = "HEARD" }]
social = [{ type = "KNOWS" }]
[friends]
by = "pagerank"
k = 3
trees = 9
"""


def test_the_command_line(tmp_path: Path, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    """A graph of people and ties alone will do."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GRAPHREC_URL", raising=False)
    (tmp_path / "graphrec.toml").write_text(CONFIG)
    with graphrec.connect("people.lbug", schema=read_config().schema) as graph:
        frame = pd.DataFrame(ties(), columns=["source", "target"])
        graph.load({"Person": pd.DataFrame({"nick": range(N)})}, {"KNOWS": frame})

    some = (
        "friends",
        "evaluate",
        "--by-score",
        "adamic-adar",
        "--by-score",
        "jaccard",
        "--metric",
        "recall@5",
        "--cap",
        "8",
    )
    code, out, err = call(*some)
    assert code == 0, err
    for text in ("adamic-adar", "jaccard, cap 8", "against adamic-adar", "ties(random", "gini", "ties a user has"):
        assert text in out
    assert "Fitting adamic-adar, jaccard to ties of 120 users" in err
    code, out, _ = call(*some, "--json", "--seed", "3", "--test", "0.2")
    document = json.loads(out)
    assert code == 0
    assert {row["model"] for row in document["figures"]} == {
        f"{score}{cap}" for score in ("adamic-adar", "jaccard") for cap in ("", ", cap 8")
    }
    assert document["exposure"][0]["cap"] is None
    assert document["exposure"][1]["most"] <= 8
    assert document["by"][0]["ties"]
    assert document["comparison"][0]["metric"] == "recall@5"
    code, out, err = call("friends", "evaluate", "--by-score", "adamic-adar", "--metric", "coverage@5")
    assert code == 0, err
    assert "coverage@5" in out
    assert "ties a user has" not in out, "what belongs to all lists together has no groups"
    for wrong, says in (
        (("--by-score", "katz"), "by"),
        (("--by", "time"), "must have a time"),
        (("--test", "2"), "fraction"),
    ):
        code, out, err = call("friends", "evaluate", *wrong)
        assert code != 0
        assert not out
        assert says in err
