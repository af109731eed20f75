"""Callbacks that tell an experiment tracker about every epoch: TensorBoard and MLflow."""

from __future__ import annotations

import re
import warnings
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Protocol, Self

from graphrec.errors import ArgumentError, GraphRecWarning, MissingExtraError, problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from graphrec.train.history import Epoch

EXPERIMENT = "graphrec"


class Tracker(Protocol):
    """A callback that is closed after the training."""

    def __call__(self, epoch: Epoch) -> None:
        """See the epoch that has just ended."""

    def __enter__(self) -> Self:
        """Return itself."""

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the run; one that ends with an error is marked as failed where the tracker can."""


class TensorBoard:
    """Writes event files: the scalars ``loss``, ``seconds`` and, where it is measured, ``validation``.

    Each epoch is flushed, so that nothing is lost with the process. Use it in ``with``, or call `close`.

    Args:
        log_dir: the folder of this run.
        parameters: written once as the text ``parameters``.

    Raises:
        ArgumentError: the folder cannot be made or written.
        MissingExtraError: the extra ``tensorboard`` is not installed.
    """

    def __init__(self, log_dir: str | Path, parameters: Mapping[str, Any] | None = None) -> None:
        try:
            from torch.utils.tensorboard.writer import SummaryWriter
        except ImportError as error:
            raise MissingExtraError.of("TensorBoard", "tensorboard") from error
        try:
            self._writer = SummaryWriter(str(log_dir))
        except OSError as error:
            rule = "must be a folder that can be made and written"
            raise ArgumentError(problem("log_dir", rule, str(log_dir), f"Name another: {error}.")) from error
        if parameters:
            lines = [f"- {name}: {value}" for name, value in parameters.items()]
            self._writer.add_text("parameters", "\n".join(lines))

    def __call__(self, epoch: Epoch) -> None:
        """Write the epoch."""
        for name, value in _scalars(epoch).items():
            self._writer.add_scalar(name, value, epoch.epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the file."""
        self._writer.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class MLflow:
    """Logs to one run of MLflow: the metrics ``loss``, ``seconds`` and, where it is measured, ``validation``.

    Nothing global is changed: no active run, no tracking URI. Use it in ``with``, or call `close`. Where MLflow stops
    answering, a warning says so and the training goes on.

    Args:
        experiment: made where it is not there.
        tracking_uri: such as ``"http://host:5000"`` or ``"sqlite:///mlflow.db"``; None takes MLflow's own setting.
        parameters: logged once.

    Attributes:
        run_id: the run's.

    Raises:
        ArgumentError: there is no MLflow at ``tracking_uri``.
        MissingExtraError: the extra ``mlflow`` is not installed.
    """

    def __init__(
        self,
        experiment: str = EXPERIMENT,
        *,
        tracking_uri: str | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        try:
            from mlflow import MlflowClient
            from mlflow.exceptions import MlflowException
        except ImportError as error:
            raise MissingExtraError.of("MLflow", "mlflow") from error
        try:
            self._client = MlflowClient(tracking_uri)
            found = self._client.get_experiment_by_name(experiment)
            number = found.experiment_id if found else self._client.create_experiment(experiment)
            self.run_id = str(self._client.create_run(number).info.run_id)
        except MlflowException as error:
            what = f"`tracking_uri` must be of an MLflow that answers. It says: {_said(error)}"
            raise ArgumentError(what) from error
        self._lost = False
        for name, value in (parameters or {}).items():
            self._client.log_param(self.run_id, name, value)

    def __call__(self, epoch: Epoch) -> None:
        """Log the epoch."""
        for name, value in _scalars(epoch).items():
            self._tell(self._client.log_metric, name, value, step=epoch.epoch)

    def close(self, *, failed: bool = False) -> None:
        """End the run."""
        self._tell(self._client.set_terminated, "FAILED" if failed else "FINISHED")

    def _tell(self, call: Callable[..., object], *values: Any, **options: Any) -> None:
        """Tell MLflow something of the run; a training is worth more than its record, and goes on without it."""
        if self._lost:
            return
        try:
            call(self.run_id, *values, **options)
        except Exception as error:  # its stores raise what they like
            self._lost = True
            what = f"MLflow takes no more: the rest of this training is not logged. It says: {_said(error)}"
            warnings.warn(what, GraphRecWarning, stacklevel=3)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.close(failed=kind is not None)


@contextmanager
def tracked(places: list[str], parameters: Mapping[str, Any]) -> Iterator[list[Tracker]]:
    """Yield a tracker for each place, and close them all after the block.

    Args:
        places: ``"tensorboard:FOLDER"`` or ``"mlflow:URI"``; ``"mlflow:"`` takes MLflow's own setting.
        parameters: logged once a tracker.

    Raises:
        ArgumentError: a place is neither, or nothing answers there.
        MissingExtraError: what it needs is not installed.
    """
    with ExitStack() as stack:
        yield [stack.enter_context(_tracker(place, parameters)) for place in places]


def _tracker(place: str, parameters: Mapping[str, Any]) -> Tracker:
    kind, _, rest = place.partition(":")
    if kind == "tensorboard" and rest:
        return TensorBoard(rest, parameters)
    if kind == "mlflow":
        return MLflow(tracking_uri=rest or None, parameters=parameters)
    raise ArgumentError(problem("track", "must be tensorboard:FOLDER or mlflow:URI", place))


def _said(error: Exception) -> str:
    return re.sub(r"(?<=//)[^/@\s]*@|\?[^\s?=]+=[^\s'\"]*", "", str(error))[:300]  # an address may hold a password


def _scalars(epoch: Epoch) -> dict[str, float]:
    values = {"loss": epoch.loss, "seconds": epoch.seconds, "validation": epoch.validation}
    return {name: value for name, value in values.items() if value is not None}
