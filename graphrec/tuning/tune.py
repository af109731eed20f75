"""Look for the best configuration of a model, by its lists on the validation part alone."""

from __future__ import annotations

import math
import time
from dataclasses import replace
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from graphrec.data.pairs import matrix_of
from graphrec.data.split import HeldOut, Split
from graphrec.errors import ArgumentError, DataError, MemoryPlanError, ModelError, check_type, check_whole, problem
from graphrec.evaluation.evaluate import evaluate
from graphrec.evaluation.metrics import ACCURACY, parse_metric
from graphrec.evaluation.ratings import check_rates
from graphrec.models import from_name
from graphrec.models.space import space_of
from graphrec.tuning.study import BASELINE, CUT, Watch, as_text, give_up, hash_of, import_optuna, open_study, quiet
from graphrec.tuning.tuned import Tuned

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    import optuna

    from graphrec.models.model import Model
    from graphrec.models.space import Distribution

SAME = "same"  # marks a trial that repeats another; that number
IN_A_ROW = 25  # so many trials that fail, or that repeat what was tried, one after the other: no use going on


def tune(
    model: Model | type[Model] | str,
    split: Split,
    space: Mapping[str, Any] | None = None,
    *,
    budget_s: float | None = None,
    trials: int | None = None,
    metric: str = "ndcg@20",
    study: str | Path | None = None,
    seed: int = 0,
    device: str = "auto",
    progress: Callable[[int, float | None, float], None] | None = None,
) -> Tuned:
    """Fit configurations to ``split.train``, compare them on ``split.validation``, and return the best one.

    The first trial is the model as it is given, so the result is never worse on validation. The others are drawn by a
    tree-structured Parzen estimator (Bergstra et al., NeurIPS 2011); one that at some epoch is below the median of
    the others at that epoch is given up. ``split.test`` is never looked at.

    Args:
        model: a model, whose fields outside the space stay as they are; or a class or kind, for its defaults.
        split: with a validation part.
        space: what to try for each field; see `graphrec.models.space.space_of`. None takes the model's own.
        budget_s: seconds for this call. No trial begins that would not fit by the median of those before, and one
            that still runs at the end is cut off where it is trained by epochs: its value until then counts, and
            going on with the study begins it anew. The first trial always begins.
        trials: how many in all, those that ``study`` holds already included.
        metric: of accuracy, or ``"rmse"`` or ``"mae"``.
        study: an SQLite file. Repeating a call that was interrupted goes on there, and gives what it would have given
            without the pause where ``trials`` decides.
        seed: of the sampler.
        device: as in `Model.fit`.
        progress: told after each trial its number, its value (None: pruned or failed), and the best value.

    Raises:
        ArgumentError: an argument is impossible, a field is unknown, or the split has no validation part.
        DataError: the model as it is given cannot be fitted to the data or judged by them.
        ModelError: the study belongs to something else, is damaged, or is used by another process; no configuration
            could be fitted; or ratings are to be judged of a model that ranks.
        MissingExtraError: the extra ``tune`` is not installed.
    """
    check_type("split", split, Split, "Make one with `data.split()`.")
    import_optuna()
    base = _model(model)
    space = space_of(base, space)
    validation = _checked(split, budget_s, trials, metric, seed)
    check_rates(base.kind, base.rates or not parse_metric(metric).power, metric)
    identity = {
        "data": split.train.fingerprint,
        "validation": hash_of(validation),
        "model": f"{base.kind} {base.model_dump_json()}",
        "metric": metric,
        "space": as_text({name: [type(d).__name__, d.model_dump(mode="json")] for name, d in space.items()}),
        "seed": str(seed),
    }
    empty = matrix_of(np.zeros(0, np.int64), (len(validation.users), len(validation.items)))
    blind = replace(split, validation=replace(validation), test=HeldOut(validation.users, validation.items, empty))
    with quiet():
        opened = open_study(study, identity, seed)
        return _Tuning(base, blind, space, metric, device, opened, seed).run(budget_s, trials, progress)


class _Tuning:
    """One call of `tune`."""

    def __init__(
        self,
        base: Model,
        split: Split,
        space: dict[str, Distribution],
        metric: str,
        device: str,
        study: optuna.Study,
        seed: int,
    ) -> None:
        self.base, self.split, self.space, self.metric, self.device = base, split, space, metric, device
        self.study, self.seed, self.optuna = study, seed, import_optuna()
        self.sign = -1 if parse_metric(metric).power else 1
        states = self.optuna.trial.TrialState
        self.complete, self.pruned, self.failed = states.COMPLETE, states.PRUNED, states.FAIL
        if not study.trials:
            inside = {name: value for name, value in base.model_dump().items() if name in space}
            inside = {name: value for name, value in inside.items() if space[name].holds(value)}
            study.enqueue_trial(inside, user_attrs={BASELINE: inside})

    def run(
        self, budget_s: float | None, trials: int | None, progress: Callable[[int, float | None, float], None] | None
    ) -> Tuned:
        deadline = math.inf if budget_s is None else time.monotonic() + budget_s
        while not (stopped := self._enough(deadline, trials)):
            # a sampler for each trial, so that going on draws what no pause would have drawn
            own = (self.seed * 1_000_003 + len(self._finished())) % 2**32
            self.study.sampler = self.optuna.samplers.TPESampler(seed=own)
            trial = self.study.ask()
            try:
                self._try(trial, deadline)
            except KeyboardInterrupt:
                give_up(self.study, trial)
                stopped = "interrupted"
                break
            except BaseException:
                give_up(self.study, trial)
                raise
            done = self.study.get_trials(deepcopy=False)[trial.number]
            if progress and SAME not in done.user_attrs:
                value = self._value(done)
                progress(trial.number, None if math.isnan(value) else value, self._value(self._best()))
            if CUT in done.user_attrs:
                stopped = "the time is up"
                break
        return self._result(stopped)

    def _try(self, trial: optuna.Trial, deadline: float) -> None:
        names = trial.user_attrs.get(BASELINE, self.space)
        values = {name: self.space[name].suggest(trial, name) for name in names}
        try:
            model = type(self.base)(**{**self.base.model_dump(), **values})
        except ArgumentError as error:  # fields that exclude each other
            self._tell(trial, self.failed, error=str(error))
            return
        trial.set_user_attr("model", model.model_dump(mode="json"))
        for other in self._finished():
            if other.user_attrs.get("model") == trial.user_attrs["model"]:
                trial.set_user_attr(SAME, other.number)
                self._tell(trial, other.state, other.value if other.state == self.complete else None)
                return
        start = time.monotonic()
        watch = Watch(trial, deadline, self.optuna.TrialPruned)
        try:
            fitted = model.fit(
                self.split.train,
                validation=self.split.validation,
                metric=self.metric,
                device=self.device,
                callbacks=[watch],
                progress=False,
            )
            if fitted.history.interrupted:
                raise KeyboardInterrupt
            value = evaluate({"model": fitted}, self.split, [self.metric], on="validation").frame()["value"].iloc[0]
        except self.optuna.TrialPruned:
            self._tell(trial, self.pruned, seconds=time.monotonic() - start)
        except (DataError, ModelError, MemoryPlanError) as error:
            if isinstance(error, DataError) and BASELINE in trial.user_attrs:
                raise  # such data will do for no other either
            self._tell(trial, self.failed, seconds=time.monotonic() - start, error=str(error))
        else:
            if watch.cut:  # the best of this call it may be; going on with the study begins it anew
                trial.set_user_attr(CUT, self.sign * float(value))
                trial.set_user_attr("seconds", round(time.monotonic() - start, 3))
                give_up(self.study, trial)
                return
            self._tell(trial, self.complete, self.sign * float(value), seconds=time.monotonic() - start)

    def _tell(
        self, trial: optuna.Trial, state: Any, value: float | None = None, *, seconds: float = 0.0, error: str = ""
    ) -> None:
        trial.set_user_attr("seconds", round(seconds, 3))
        trial.set_user_attr("error", error)
        self.study.tell(trial, value, state=state)

    def _finished(self) -> list[Any]:
        """Return the trials that ended by themselves."""
        ended = (self.complete, self.pruned, self.failed)
        found = self.study.get_trials(deepcopy=False, states=ended)
        return [t for t in found if "seconds" in t.user_attrs and CUT not in t.user_attrs]

    def _valued(self) -> list[Any]:
        """Return the trials that have a value: the complete ones, and those that were cut off."""
        cut = [t for t in self.study.get_trials(deepcopy=False) if CUT in t.user_attrs]
        return [*(t for t in self._finished() if t.state == self.complete), *cut]

    def _value(self, trial: Any) -> float:
        """Return the metric of a trial; NaN where it has none."""
        if trial is None or (CUT not in trial.user_attrs and trial.state != self.complete):
            return math.nan
        return self.sign * float(trial.user_attrs.get(CUT, trial.value))

    def _enough(self, deadline: float, trials: int | None) -> str:
        """Return why no further trial is to begin; nothing where one is."""
        ended = self._finished()
        own = [t for t in ended if SAME not in t.user_attrs]
        if trials is not None and len(own) >= trials:
            return f"{len(own)} trials"
        if not ended:
            return ""
        tried = [t for t in own if len(t.user_attrs.get(BASELINE, self.space)) == len(self.space)]
        if len(tried) >= math.prod(each.size for each in self.space.values()):
            return "everything was tried"
        last = ended[-IN_A_ROW:]
        if len(last) == IN_A_ROW and all(SAME in t.user_attrs or t.state == self.failed for t in last):
            return "the last trials failed or repeated others"
        times = [t.user_attrs["seconds"] for t in own if t.state == self.complete] or [0.0]
        return "the time is up" if time.monotonic() + median(times) > deadline else ""

    def _best(self) -> Any:
        return max(self._valued(), key=lambda t: (self.sign * self._value(t), -t.number), default=None)

    def _result(self, stopped: str) -> Tuned:
        best = self._best()
        own = [*self._finished(), *(t for t in self._valued() if CUT in t.user_attrs)]
        ended = sorted((t for t in own if SAME not in t.user_attrs), key=lambda t: int(t.number))
        if best is None and stopped == "interrupted":
            raise KeyboardInterrupt
        if best is None:
            why = next(
                (t.user_attrs["error"] for t in reversed(ended) if t.user_attrs.get("error")), "every one was pruned"
            )
            raise ModelError(f"No configuration of {self.base.kind!r} could be fitted. The last one: {why}")
        names = {self.complete: "complete", self.pruned: "pruned", self.failed: "failed"}
        rows = [
            {
                "trial": t.number,
                "state": "cut off" if CUT in t.user_attrs else names[t.state],
                "value": self._value(t),
                "seconds": t.user_attrs["seconds"],
                "error": t.user_attrs.get("error", ""),
                **{name: t.user_attrs.get("model", t.params).get(name) for name in self.space},
            }
            for t in ended
        ]
        first = [t for t in self._valued() if BASELINE in t.user_attrs][:1]  # a complete one comes before one cut off
        return Tuned(
            model=type(self.base)(**best.user_attrs["model"]),
            metric=self.metric,
            value=self._value(best),
            baseline=self._value(first[0]) if first else None,
            trials=pd.DataFrame(rows),
            stopped=stopped,
        )


def _model(model: Model | type[Model] | str) -> Model:
    from graphrec.models.model import Model

    if isinstance(model, str):
        return from_name(model)
    made = model() if isinstance(model, type) and issubclass(model, Model) else model
    if not isinstance(made, Model):
        raise ArgumentError(problem("model", "must be a model, its class or its kind", model))
    return made


def _checked(split: Split, budget_s: float | None, trials: int | None, metric: str, seed: int) -> HeldOut:
    if budget_s is None and trials is None:
        raise ArgumentError("`budget_s` or `trials` must be given, else tuning would not end. Give one or both.")
    if budget_s is not None and not (isinstance(budget_s, int | float | np.number) and 0 < budget_s < math.inf):
        raise ArgumentError(problem("budget_s", "must be a number of seconds above 0", budget_s))
    if trials is not None:
        check_whole("trials", trials, 1)
    check_whole("seed", seed, 0, 2**32 - 1)
    wanted = parse_metric(metric)
    if wanted.kind not in ACCURACY and not wanted.power:
        raise ArgumentError(problem("metric", "must be of accuracy or of ratings", metric, "Take ndcg@20."))
    if split.validation is None:
        remedy = "Split with a validation part: tuning never looks at the test part."
        raise ArgumentError(problem("split", "must have a validation part", None, remedy))
    return split.validation
