from __future__ import annotations

import math
import sqlite3
import sys
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec.config import read_config
from graphrec.data.frames import dataset_from_frames
from graphrec.errors import ArgumentError, DataError, MissingExtraError, ModelError
from graphrec.models import LightGCN, Popularity, Random, SoftmaxGCN
from graphrec.models.lightgcn import LightGCN as Class
from graphrec.tuning.tune import tune

if TYPE_CHECKING:
    from pathlib import Path

SMALL = LightGCN(dim=4, epochs=4, batch_size=512, eval_every=1)
SPACE = {"learning_rate": {"low": 1e-4, "high": 0.3, "log": True}, "layers": {"low": 0, "high": 3}}
SPLIT = dataset_of(communities()).split("random", seed=0)


def rows(found: Any) -> list[Any]:
    return found.trials.drop(columns="seconds").fillna(-1).to_numpy().tolist()


def test_the_best_is_the_best_of_the_table_and_what_fitting_it_gives() -> None:
    said: list[Any] = []
    found = tune(SMALL, SPLIT, SPACE, trials=6, progress=lambda *each: said.append(each))
    assert len(found.trials) == 6
    assert found.stopped == "6 trials"
    complete = found.trials[found.trials["state"] == "complete"]
    best = complete.loc[complete["value"].idxmax()]
    assert (found.value, found.model.learning_rate, found.model.layers) == (
        best["value"],
        best["learning_rate"],
        best["layers"],
    )
    assert (found.model.dim, found.model.epochs) == (4, 4)
    fitted = found.model.fit(SPLIT.train, validation=SPLIT.validation, progress=False)
    again = graphrec.evaluate(fitted, SPLIT, ["ndcg@20"], on="validation").frame()["value"][0]
    assert found.value == pytest.approx(again, rel=1e-6)
    assert [each[0] for each in said] == list(range(6))
    assert said[-1][2] == found.value
    assert "ndcg@20" in str(found)


def test_the_first_trial_is_the_model_as_given() -> None:
    good = SMALL.model_copy(update={"learning_rate": 0.05})
    found = tune(good, SPLIT, {"learning_rate": [1e-7, 2e-7], "layers": [1, 3]}, trials=3)  # not in the space
    assert found.model == good
    assert found.value == found.baseline == found.trials["value"][0]
    assert found.trials["learning_rate"][0] == 0.05


def test_the_test_part_is_never_touched() -> None:
    class Forbidden:
        def __getattr__(self, name: str) -> Any:
            raise AssertionError(f"the test part was asked for {name}")

    blind = replace(SPLIT, test=Forbidden())
    seen = tune(SMALL, blind, SPACE, trials=2)
    assert seen.value == tune(SMALL, SPLIT, SPACE, trials=2).value
    assert SPLIT.test.looks == []


def test_going_on_equals_no_pause(tmp_path: Path) -> None:
    whole = tune(SMALL, SPLIT, SPACE, trials=5)
    tune(SMALL, SPLIT, SPACE, trials=3, study=tmp_path / "s.db")
    parts = tune(SMALL, SPLIT, SPACE, trials=5, study=tmp_path / "s.db")
    assert rows(parts) == rows(whole)
    assert len(tune(SMALL, SPLIT, SPACE, trials=5, study=tmp_path / "s.db").trials) == 5
    other = tune(SMALL, SPLIT, SPACE, trials=2, seed=1)
    assert rows(other)[1] != rows(whole)[1]


@pytest.mark.parametrize("at", [0, 2])
def test_a_trial_that_was_killed_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    whole = tune(SMALL, SPLIT, SPACE, trials=4)
    fit, count = Class.fit, [0]

    class KilledError(BaseException):
        pass

    def killed(self: Any, *args: Any, **options: Any) -> Any:
        count[0] += 1
        if count[0] == at + 1:
            raise KilledError
        return fit(self, *args, **options)

    monkeypatch.setattr(Class, "fit", killed)
    monkeypatch.setattr("graphrec.tuning.tune.give_up", lambda *_: None)  # a killed process tells nobody
    with pytest.raises(KilledError):
        tune(SMALL, SPLIT, SPACE, trials=4, study=tmp_path / "s.db")
    monkeypatch.undo()
    parts = tune(SMALL, SPLIT, SPACE, trials=4, study=tmp_path / "s.db")
    assert [row[1:] for row in rows(parts)] == [row[1:] for row in rows(whole)]
    assert parts.baseline == whole.baseline


def test_ctrl_c_gives_the_best_so_far(monkeypatch: pytest.MonkeyPatch) -> None:
    fit, count = Class.fit, [0]

    def interrupted(self: Any, *args: Any, **options: Any) -> Any:
        count[0] += 1
        if count[0] == 3:
            raise KeyboardInterrupt
        return fit(self, *args, **options)

    monkeypatch.setattr(Class, "fit", interrupted)
    found = tune(SMALL, SPLIT, SPACE, trials=9)
    assert (found.stopped, len(found.trials)) == ("interrupted", 2)
    count[0] = 2
    with pytest.raises(KeyboardInterrupt):
        tune(SMALL, SPLIT, SPACE, trials=9)


def test_the_budget_ends_trials_and_a_running_one() -> None:
    endless = SMALL.model_copy(update={"epochs": 100_000, "patience": 100_000})
    start = time.monotonic()
    found = tune(endless, SPLIT, SPACE, budget_s=1.5)
    assert time.monotonic() - start < 15
    assert found.stopped == "the time is up"
    assert len(found.trials) == 1
    assert found.value == found.baseline > 0
    quick = tune(SMALL, SPLIT, SPACE, budget_s=2)
    assert len(quick.trials) > 1
    assert quick.trials["seconds"].sum() < 6


def test_a_trial_that_the_budget_cuts_off_is_begun_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = tune(SMALL, SPLIT, SPACE, trials=3)
    late = iter([0.0] * 4)  # the deadline is there after some epochs
    real = time.monotonic
    monkeypatch.setattr(time, "monotonic", lambda: real() + next(late, 1e6))
    cut = tune(SMALL, SPLIT, SPACE, trials=3, budget_s=1e5, study=tmp_path / "study.db")
    monkeypatch.undo()
    assert (cut.stopped, cut.trials["state"].tolist()) == ("the time is up", ["cut off"])
    assert cut.value == cut.baseline == cut.trials["value"][0]
    found = tune(SMALL, SPLIT, SPACE, trials=3, study=tmp_path / "study.db")
    assert found.trials["state"][0] == "cut off"
    columns = ["state", "value", *SPACE]
    assert found.trials[columns][1:].reset_index(drop=True).equals(whole.trials[columns])
    assert found.baseline == whole.baseline


def test_the_budget_ends_the_short_runs_that_choose_a_field() -> None:
    start = time.monotonic()
    found = tune(SoftmaxGCN(dim=4, epochs=1_000_000), SPLIT, {"dim": [4, 5]}, budget_s=0.2)
    assert time.monotonic() - start < 15
    assert (found.stopped, len(found.trials)) == ("the time is up", 1)


def test_bad_trials_are_pruned(monkeypatch: pytest.MonkeyPatch) -> None:
    longer = LightGCN(dim=4, epochs=12, batch_size=128, eval_every=1, learning_rate=0.05)
    found = tune(longer, SPLIT, {"learning_rate": {"low": 1e-8, "high": 0.1, "log": True}}, trials=14)
    assert "pruned" in set(found.trials["state"])
    assert found.trials["state"][0] == "complete"
    assert found.trials.loc[found.trials["state"] == "pruned", "value"].isna().all()


def test_what_cannot_be_fitted_is_a_failed_trial(monkeypatch: pytest.MonkeyPatch) -> None:
    fit = Class.fit

    def diverges(self: Any, *args: Any, **options: Any) -> Any:
        if self.layers == 2:
            raise ModelError("Training diverged. Lower the learning rate.")
        return fit(self, *args, **options)

    monkeypatch.setattr(Class, "fit", diverges)
    found = tune(SMALL, SPLIT, {"layers": [1, 2, 3]}, trials=20)  # the model as given has 3
    assert found.stopped in ("everything was tried", "the last trials failed or repeated others")
    assert dict(zip(found.trials["layers"], found.trials["state"], strict=True)) == {
        1: "complete",
        2: "failed",
        3: "complete",
    }
    assert "diverged" in found.trials.set_index("layers")["error"][2]
    only = SMALL.model_copy(update={"layers": 2})
    with pytest.raises(ModelError, match=r"No configuration of 'lightgcn' could be fitted.*diverged"):
        tune(only, SPLIT, {"dim": [4, 5]}, trials=3)


def test_models_without_epochs_are_tuned_too() -> None:
    weights = communities() * np.random.default_rng(0).integers(1, 9, (60, 40))
    split = dataset_of(weights).split("random")
    found = tune(Popularity, split, {"weighted": [False, True]}, trials=9, metric="recall@5")
    assert found.stopped == "everything was tried"
    for weighted in (False, True):
        fitted = Popularity(weighted=weighted).fit(split.train)
        expected = graphrec.evaluate(fitted, split, ["recall@5"], on="validation").frame()["value"][0]
        value = found.trials.set_index("weighted")["value"][weighted]
        assert value == pytest.approx(expected)
    assert found.value == found.trials["value"].max()
    assert tune("popularity", split, {"weighted": [False, True]}, trials=9, metric="recall@5").model == found.model


# ---------------------------------------------------------------- files


def test_a_study_of_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    tune(SMALL, SPLIT, SPACE, trials=1, study=path)
    other = dataset_of(communities(1)).split("random", seed=0)
    for change, part in (
        ({"split": other}, "data and validation"),
        ({"metric": "recall@20"}, "metric"),
        ({"space": {"layers": [1, 2]}}, "space"),
        ({"seed": 1}, "seed"),
        ({"model": SMALL.model_copy(update={"dim": 5})}, "model"),
    ):
        arguments = {"model": SMALL, "split": SPLIT, "space": SPACE, "trials": 1, "study": path} | change
        with pytest.raises(ModelError, match=f"`study` must be a study of this tuning.*another {part}. Delete it"):
            tune(**arguments)
    tune(SMALL, SPLIT, SPACE, trials=1, study=path)


def test_damaged_study_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "s.db"
    tune(SMALL, SPLIT, SPACE, trials=1, study=path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], b"no database " * 1000, whole[:100]):
        path.write_bytes(content)
        with pytest.raises(ModelError, match=r"`study` must be a study of this tuning.*Delete it"):
            tune(SMALL, SPLIT, SPACE, trials=1, study=path)
        assert path.read_bytes() == content
    path.unlink()
    with sqlite3.connect(path) as connection:
        connection.execute("CREATE TABLE studies (x)")
    connection.close()
    with pytest.raises(ModelError, match=r"`study` must be"):
        tune(SMALL, SPLIT, SPACE, trials=1, study=path)
    with pytest.raises(ModelError, match=r"`study` must be in a folder that exists"):
        tune(SMALL, SPLIT, SPACE, trials=1, study=tmp_path / "none" / "s.db")


def test_data_that_a_field_cannot_do_with_cost_a_trial_and_not_the_tuning() -> None:
    undated = dataset_from_frames(
        SPLIT.train.frame("INTERACTED")[["source", "target"]].set_axis(["user_id", "item_id"], axis=1)
    )
    split = undated.split("random", seed=0)
    found = tune(Popularity(), split, trials=3)
    assert found.trials["state"].tolist() == ["complete", "failed", "failed"]
    assert (found.model, found.value) == (Popularity(), found.baseline)
    with pytest.raises(DataError, match="must have a time on each relationship"):
        tune(Popularity(half_life=1.0), split, trials=3)


def test_the_best_is_written_as_toml(tmp_path: Path) -> None:
    found = tune(SMALL, SPLIT, SPACE, trials=2)
    found.to_toml(tmp_path / "plain.toml")
    plain = read_config(tmp_path / "plain.toml")
    assert (plain.model(), plain.metric) == (found.model, "ndcg@20")
    source = tmp_path / "graphrec.toml"
    text = (
        '# ours\n[connection]\nurl = "x.lbug" # here\n\n[model]\nname = "shop" # its name\nkind = "random"\ndim = 9\n'
    )
    source.write_text(f'{text}\n[[prepare]]\nkind = "log"\n\n[tune.space]\ndim = [2, 4]\n')
    before = source.read_text()
    found.to_toml(tmp_path / "tuned.toml", source=source)
    assert source.read_text() == before
    config = read_config(tmp_path / "tuned.toml")
    assert (config.model(), config.name, config.url) == (found.model, "shop", "x.lbug")
    assert [step.kind for step in config.prepare] == ["log"]
    assert config.tune == {"space": {"dim": [2, 4]}, "metric": "ndcg@20"}
    written = (tmp_path / "tuned.toml").read_text()
    assert "# ours" in written
    assert "# its name" in written
    source.write_text(before, encoding="utf-8-sig")  # as editors on Windows do
    found.to_toml(source, source=source)
    assert read_config(source).model() == found.model
    assert sorted(path.name for path in tmp_path.iterdir()) == ["graphrec.toml", "plain.toml", "tuned.toml"]
    for path, origin in ((tmp_path / "no" / "x.toml", None), (tmp_path / "y.toml", tmp_path / "none.toml")):
        with pytest.raises(ArgumentError, match="`path` must be a file that can be written"):
            found.to_toml(path, source=origin)


def test_two_tunings_of_one_study_are_told_apart(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path, fit = tmp_path / "s.db", Class.fit

    def meanwhile(model: LightGCN, *arguments: Any, **options: Any) -> Any:
        monkeypatch.setattr(Class, "fit", fit)
        tune(SMALL, SPLIT, SPACE, trials=1, study=path)
        return model.fit(*arguments, **options)

    monkeypatch.setattr(Class, "fit", meanwhile)
    with pytest.raises(ModelError, match="Another one has begun on the same file"):
        tune(SMALL, SPLIT, SPACE, trials=2, study=path)
    assert len(tune(SMALL, SPLIT, SPACE, trials=2, study=path).trials) == 2


# ---------------------------------------------------------------- arguments


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"trials": None}, "`budget_s` or `trials` must be given"),
        ({"budget_s": 0}, "`budget_s` must be a number of seconds above 0. Got 0"),
        ({"budget_s": -1.0}, "`budget_s`.*Got -1.0"),
        ({"budget_s": math.nan}, "`budget_s`.*Got nan"),
        ({"budget_s": "30m"}, "`budget_s`.*Got '30m'"),
        ({"trials": 0}, "`trials` must be a whole number of at least 1. Got 0"),
        ({"trials": True}, "`trials`.*Got True"),
        ({"seed": -1}, "`seed` must be a whole number from 0 to 4,294,967,295. Got -1"),
        ({"seed": 0.5}, "`seed`.*Got 0.5"),
        ({"space": {}}, "`space` must hold a field"),
        ({"space": {"lerning_rate": [1.0]}}, "Did you mean 'learning_rate'"),
        ({"model": "lightgnc"}, "Did you mean 'lightgcn'"),
        ({"model": 7}, "`model` must be a model, its class or its kind. Got 7"),
        ({"model": Random(), "space": None}, "must hold a field of 'random' to try"),
        ({"metric": "ndgc@20"}, "Did you mean 'ndcg'"),
        ({"metric": "coverage@20"}, "`metric` must be of accuracy or of ratings. Got 'coverage@20'"),
        ({"split": SPLIT.train}, r"`split` must be a Split. Got 'Dataset'. Make one with `data.split\(\)`"),
        ({"split": replace(SPLIT, validation=None)}, "`split` must have a validation part.*never looks at the test"),
    ],
)
def test_impossible_arguments_are_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        tune(**{"model": SMALL, "split": SPLIT, "space": SPACE, "trials": 1} | change)


def test_ratings_of_a_model_that_ranks_are_refused_before_a_fit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr("graphrec.models.model.Model.fit")
    with pytest.raises(ModelError, match="'lightgcn' must predict ratings for 'rmse': it ranks only"):
        tune(SMALL, SPLIT, SPACE, trials=1, metric="rmse")


def test_limits_may_be_numpys() -> None:
    found = tune(Popularity(), SPLIT, {"weighted": [True]}, trials=np.int64(2), budget_s=np.float32(60))  # type: ignore[arg-type]
    assert len(found.trials) == 2


def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = tune(SMALL, SPLIT, SPACE, trials=1)
    monkeypatch.setitem(sys.modules, "tomlkit", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'graphrec\[tune\]'"):
        found.to_toml(tmp_path / "x.toml")
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'graphrec\[tune\]'"):
        tune(SMALL, SPLIT, SPACE, trials=1)
