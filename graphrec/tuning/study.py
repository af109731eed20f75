"""The study behind a tuning: an SQLite file that can be gone on with, or memory."""

from __future__ import annotations

import hashlib
import json
import math
import sqlite3
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from graphrec.errors import MissingExtraError, ModelError
from graphrec.train.history import StopTraining

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from optuna import Study, Trial
    from optuna.trial import FrozenTrial

    from graphrec.data.split import HeldOut
    from graphrec.train.history import Epoch

NAME = "graphrec"
IDENTITY = "identity"
BASELINE = "baseline"
"""Marks the trial of the model that a tuning begins with, and holds its values within the space."""
CUT = "cut"
"""Marks a trial that was given up as the time was up, and holds its value until then."""


def import_optuna() -> Any:
    """Return the module.

    Raises:
        MissingExtraError: the extra ``tune`` is not installed.
    """
    try:
        import optuna
    except ImportError as error:
        raise MissingExtraError.of("Tuning", "tune") from error
    return optuna


@contextmanager
def quiet() -> Iterator[None]:
    """Let Optuna say only warnings inside the block."""
    optuna = import_optuna()
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(before)


def open_study(path: str | Path | None, identity: Mapping[str, str], seed: int) -> Study:
    """Make a study, or open it where the file exists; trials that were running when it was left begin anew.

    Args:
        path: an SQLite file; None keeps the study in memory.
        identity: what the study is about, by part; one about something else is refused.
        seed: of the sampler.

    Raises:
        ModelError: the file is no study, is damaged, or is about something else.
    """
    optuna = import_optuna()
    place = None if path is None else Path(path)
    if place is not None and place.exists():
        _check_file(place)
    if place is not None and not place.parent.is_dir():
        raise ModelError(f"`study` must be in a folder that exists. Got {str(path)!r}. Make the folder first.")
    try:
        study: Study = optuna.create_study(
            storage=None if place is None else f"sqlite:///{place.resolve()}",
            study_name=NAME,
            load_if_exists=True,
            direction="maximize",
            sampler=optuna.samplers.TPESampler(seed=seed),
            pruner=optuna.pruners.MedianPruner(n_startup_trials=4, n_warmup_steps=4),
        )
        saved = study.user_attrs.get(IDENTITY)
        if saved is None and not study.trials:
            study.set_user_attr(IDENTITY, dict(identity))
            saved = dict(identity)
        for trial in study.get_trials(states=[optuna.trial.TrialState.RUNNING]):
            give_up(study, trial)
    except (optuna.exceptions.OptunaError, _database_error()) as error:
        raise _unusable(path, f"it cannot be read: {str(error).splitlines()[0]}") from error
    if other := [part for part in {**(saved or {}), **identity} if (saved or {}).get(part) != identity.get(part)]:
        raise _unusable(path, f"it is of another {' and '.join(other)}")
    return study


def give_up(study: Study, trial: Trial | FrozenTrial) -> None:
    """End a trial that was left: the baseline is queued again; what the sampler drew it will draw again.

    Raises:
        ModelError: somebody else has ended it.
    """
    try:
        study.tell(trial.number, state=import_optuna().trial.TrialState.FAIL)
    except ValueError as error:  # it runs no more
        raise ModelError(
            "`study` must be of one tuning at a time. Another one has begun on the same file and taken this one's "
            "trial as left. Go on with one of them; what was finished is kept."
        ) from error
    if BASELINE in trial.user_attrs:
        baseline = trial.user_attrs[BASELINE]
        study.enqueue_trial(baseline, user_attrs={BASELINE: baseline})


class Watch:
    """Tells Optuna every measurement, and ends what is to be pruned or is out of time.

    Attributes:
        cut: whether it ended a fit that was out of time.
    """

    throughout = True

    def __init__(self, trial: Trial, deadline: float, pruned: type[Exception]) -> None:
        self.trial, self.deadline, self.pruned = trial, deadline, pruned
        self.best, self.cut = -math.inf, False

    def __call__(self, epoch: Epoch) -> None:
        """Report the best measurement so far."""
        if epoch.validation is not None:
            self.best = max(self.best, epoch.validation)
            self.trial.report(self.best, epoch.epoch)
            if BASELINE not in self.trial.user_attrs and self.trial.should_prune():
                raise self.pruned
        if time.monotonic() >= self.deadline:
            self.cut = True
            raise StopTraining


def hash_of(held_out: HeldOut) -> str:
    """Return a hash of the pairs of a held-out part."""
    matrix = held_out.matrix
    return hashlib.sha256(b"".join(part.tobytes() for part in (matrix.indptr, matrix.indices))).hexdigest()


def as_text(value: Any) -> str:
    """Return what stands for a value in an identity."""
    return json.dumps(value, sort_keys=True)


def _check_file(path: Path) -> None:
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)
        try:
            state = connection.execute("PRAGMA integrity_check").fetchone()[0]
        finally:
            connection.close()
    except sqlite3.Error as error:
        raise _unusable(path, str(error)) from error
    if state != "ok":
        raise _unusable(path, f"it is damaged ({state.splitlines()[0]})")


def _unusable(path: str | Path | None, why: str) -> ModelError:
    return ModelError(
        f"`study` must be a study of this tuning. Got {str(path)!r}: {why}. Delete it, or choose another path."
    )


def _database_error() -> type[Exception]:
    from sqlalchemy.exc import SQLAlchemyError

    return SQLAlchemyError
