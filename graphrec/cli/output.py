"""How the command line speaks: answers on stdout, everything else on stderr, as tables or as JSON."""

from __future__ import annotations

import io
import json
import math
import os
import sys
from collections.abc import Mapping
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bars
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    import pandas as pd

    from graphrec.publish.vectors import Progress

LONGEST = 120  # characters of one value in a table; JSON holds it whole
UNCUT = 4_000  # columns where nobody looks: a pipe must not get shortened lines


class _Steady(io.TextIOWrapper):
    """A stream that work never ends of: what its full disk or its reader who left does not take is lost."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            super().write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            super().flush()


def steady_streams() -> None:
    """Make the standard streams fit for any shell.

    Closed ones lead nowhere (a file opened later must not be taken for one of them), characters that the encoding has
    not are escaped, and notices that cannot be told do not stop the work.
    """
    while (free := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(free)
    sys.stdin = sys.stdin or os.fdopen(0, encoding="utf-8")
    stdout = cast("io.TextIOWrapper", sys.stdout or os.fdopen(1, "w", encoding="utf-8"))
    stderr = cast("io.TextIOWrapper", sys.stderr or os.fdopen(2, "w", encoding="utf-8"))
    stdout.reconfigure(errors="backslashreplace")
    encoding = stderr.encoding
    sys.stdout, sys.stderr = stdout, _Steady(stderr.detach(), encoding, "backslashreplace", line_buffering=True)


def console(*, stderr: bool = False) -> Console:
    """Return a console that shows data as it is: no markup, no emoji codes, nothing cut in a pipe."""
    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else UNCUT
    return Console(stderr=stderr, markup=False, emoji=False, highlight=False, width=width, soft_wrap=False)


def shown(value: Any) -> str:
    """Return a value as a table shows it; control characters are escaped, so that no key can move the cursor."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:.4g}" if abs(value) < 1000 else f"{value:,.0f}"
    text = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(value))
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]], title: str | None = None) -> Table:
    """Return a table; columns that hold only numbers are set to the right."""
    cells = [list(row) for row in rows]
    made = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    for number, name in enumerate(columns):
        values = [row[number] for row in cells if row[number] is not None]
        numbers = bool(values) and all(isinstance(value, int | float) for value in values)
        made.add_column(name, justify="right" if numbers else "left", overflow="fold")
    for row in cells:
        made.add_row(*(Text(shown(plain(value))) for value in row))
    return made


def frame_table(frame: pd.DataFrame, title: str | None = None) -> Table:
    """Return a table of a frame, a row for each of its rows."""
    return table(list(frame.columns), frame.itertuples(index=False), title)


def plain(value: Any) -> Any:
    """Return a value as JSON can hold it: NumPy's and pandas' numbers as Python's, NaN and NaT as None."""
    if isinstance(value, Mapping):
        return {str(name): plain(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        value = value.item()
    elif hasattr(value, "tolist"):
        return plain(value.tolist())
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return None if value != value or str(value) in {"<NA>", "NaT"} else str(value)


def print_json(document: Any, *, stderr: bool = False) -> None:
    """Print one JSON document; where the stream is not UTF-8, in ASCII."""
    stream = sys.stderr if stderr else sys.stdout
    escaped = not stream.encoding.lower().startswith("utf")
    print(json.dumps(plain(document), ensure_ascii=escaped, indent=2), file=stream)


@contextmanager
def bars(quiet: bool) -> Iterator[Progress]:
    """Yield a callback that shows one bar for each thing that makes progress, on a terminal's stderr."""
    screen = console(stderr=True)
    columns = [TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()]
    with Bars(*columns, console=screen, disable=quiet or not screen.is_terminal) as drawn:
        tasks: dict[str, Any] = {}

        def report(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = drawn.add_task(what, total=total)
            drawn.update(tasks[what], completed=done, total=total)

        yield report
