from __future__ import annotations

import shutil
import sys
from typing import TYPE_CHECKING

import pytest

from graphrec.errors import ArgumentError, GraphRecWarning, MissingExtraError
from graphrec.train.history import Epoch
from graphrec.train.trackers import MLflow, TensorBoard, tracked

if TYPE_CHECKING:
    from pathlib import Path

EPOCHS = [Epoch(1, 0.7, 0.1), Epoch(2, 0.6, 0.1, 0.25), Epoch(3, 0.55, 0.1, 0.5)]
LOSSES = [(1, 0.7), (2, 0.6), (3, 0.55)]


@pytest.fixture(autouse=True)
def _files_are_a_store(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # else only a server or a database may be one


def test_tensorboard_event_files_hold_every_epoch(tmp_path: Path) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    with TensorBoard(tmp_path / "run", {"dim": 8}) as tracker:
        for epoch in EPOCHS:
            tracker(epoch)
        during = EventAccumulator(str(tmp_path / "run")).Reload()
        assert len(during.Scalars("loss")) == 3  # flushed before it is closed
    read = EventAccumulator(str(tmp_path / "run")).Reload()
    assert [(e.step, pytest.approx(e.value)) for e in read.Scalars("loss")] == LOSSES
    assert [(e.step, e.value) for e in read.Scalars("validation")] == [(2, 0.25), (3, 0.5)]
    assert read.Tags()["tensors"] == ["parameters/text_summary"]


def test_mlflow_run_holds_every_epoch(tmp_path: Path) -> None:
    from mlflow import MlflowClient

    uri = (tmp_path / "runs").as_uri()
    with MLflow("shop", tracking_uri=uri, parameters={"dim": 8, "layer_weights": None}) as tracker:
        for epoch in EPOCHS:
            tracker(epoch)
    client = MlflowClient(uri)
    run = client.get_run(tracker.run_id)
    assert run.info.status == "FINISHED"
    assert run.data.params == {"dim": "8", "layer_weights": "None"}
    assert [(m.step, m.value) for m in client.get_metric_history(tracker.run_id, "loss")] == LOSSES
    assert [(m.step, m.value) for m in client.get_metric_history(tracker.run_id, "validation")] == [
        (2, 0.25),
        (3, 0.5),
    ]

    second = MLflow("shop", tracking_uri=uri)
    with pytest.raises(ZeroDivisionError), second:
        raise ZeroDivisionError
    failed = client.get_run(second.run_id)
    assert (failed.info.status, failed.info.experiment_id) == ("FAILED", run.info.experiment_id)


def test_places_are_read_and_closed(tmp_path: Path) -> None:
    with tracked([f"tensorboard:{tmp_path}/a", f"mlflow:{(tmp_path / 'b').as_uri()}"], {"dim": 8}) as trackers:
        assert [type(each) for each in trackers] == [TensorBoard, MLflow]
    assert list((tmp_path / "a").iterdir())
    with tracked([], {}) as trackers:
        assert trackers == []


@pytest.mark.parametrize("place", ["wandb:x", "tensorboard", "tensorboard:", ""])
def test_other_places_are_refused(place: str) -> None:
    with pytest.raises(ArgumentError, match="`track` must be tensorboard:FOLDER or mlflow:URI"), tracked([place], {}):
        pass


def test_a_folder_that_cannot_be_made_is_an_argument(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("taken")
    place = f"tensorboard:{tmp_path / 'file' / 'run'}"
    with (
        pytest.raises(ArgumentError, match=r"`log_dir` must be a folder.*file/run.*Name another"),
        tracked([place], {}),
    ):
        pass


def test_a_server_that_does_not_answer_is_an_argument(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    with pytest.raises(ArgumentError, match="`tracking_uri` must be of an MLflow that answers") as found:
        MLflow(tracking_uri="http://me:secret@127.0.0.1:1?token=secret")
    assert "secret" not in str(found.value)


def test_a_training_outlives_its_mlflow(tmp_path: Path) -> None:
    with MLflow(tracking_uri=(tmp_path / "runs").as_uri()) as tracker:
        shutil.rmtree(tmp_path / "runs")
        with pytest.warns(GraphRecWarning, match="MLflow takes no more.*not logged"):
            tracker(EPOCHS[0])
        tracker(EPOCHS[1])  # nothing more is said


@pytest.mark.parametrize(
    ("module", "place", "extra"),
    [("torch.utils.tensorboard.writer", "tensorboard:x", "tensorboard"), ("mlflow", "mlflow:", "mlflow")],
)
def test_what_is_missing_is_named(monkeypatch: pytest.MonkeyPatch, module: str, place: str, extra: str) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=rf"pip install 'graphrec\[{extra}\]'"), tracked([place], {}):
        pass
