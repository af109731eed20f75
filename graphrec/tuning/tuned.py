"""What a tuning found, and the configuration file that it writes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec.errors import ArgumentError, MissingExtraError, problem
from graphrec.evaluation.metrics import parse_metric

if TYPE_CHECKING:
    import pandas as pd

    from graphrec.models.model import Model


@dataclass(frozen=True, eq=False)
class Tuned:
    """The best configuration, and how all of them did.

    Attributes:
        model: the best one; fit it with a validation part as usual.
        metric: what was compared, on the validation part.
        value: what the best one reaches.
        baseline: what the model that the tuning began with reaches; None where it could not be fitted.
        trials: one row a trial: ``trial``, ``state`` (``complete``, ``pruned``, ``failed``, ``cut off``),
            ``value``, ``seconds``, ``error``, and a column for each field that was tried.
        stopped: why there were no more trials.
    """

    model: Model
    metric: str
    value: float
    baseline: float | None
    trials: pd.DataFrame
    stopped: str

    def to_toml(self, path: str | Path, *, source: str | Path | None = None) -> None:
        """Write a configuration file whose ``[model]`` is the best one; atomic, an existing file is replaced.

        Its ``[tune]`` names the metric, which then steers ``graphrec fit`` as it steered the trials.

        Args:
            path: where to.
            source: a configuration file whose other tables, and the model's name, are kept with their comments;
                it may be ``path`` itself.

        Raises:
            ArgumentError: a file cannot be read or written.
            MissingExtraError: the extra ``tune`` is not installed.
        """
        try:
            import tomlkit
        except ImportError as error:
            raise MissingExtraError.of("Writing TOML", "tune") from error
        target = Path(path)
        temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
        try:
            document = tomlkit.parse(Path(source).read_text(encoding="utf-8-sig")) if source else tomlkit.document()
            table = document.setdefault("model", tomlkit.table())
            fields = {"kind": self.model.kind, **self.model.model_dump(mode="json", exclude_none=True)}
            for name in [name for name in table if name != "name" and name not in fields]:
                del table[name]
            table.update(fields)
            document.setdefault("tune", tomlkit.table())["metric"] = self.metric
            temporary.write_text(tomlkit.dumps(document), encoding="utf-8")
            temporary.replace(target)
        except (OSError, UnicodeError, tomlkit.exceptions.TOMLKitError) as error:
            raise ArgumentError(
                problem("path", "must be a file that can be written", str(path), f"{error}.")
            ) from error
        finally:
            temporary.unlink(missing_ok=True)

    def __str__(self) -> str:
        rising = parse_metric(self.metric).power > 0
        best = self.trials.sort_values("value", ascending=rising, kind="stable").head(5)
        return f"{self.model!r}\n{self.metric} {self.value:.4f} on validation\n{best.to_string(index=False)}"
