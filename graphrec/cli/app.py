"""The ``graphrec`` program: its commands, and what its exit codes mean."""

from __future__ import annotations

import inspect
import logging
import os
import sys
import traceback
import warnings
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphrec import __version__
from graphrec.cli import data, explain, forget, friends, graph, health, lists, models, plan, profiles, refresh, tune
from graphrec.cli.command import add, shared_options
from graphrec.cli.output import console, print_json, steady_streams
from graphrec.errors import ArgumentError, ConnectionFailedError, GraphRecError, PublishError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

DONE, REFUSED, USAGE, NO_DATABASE, BUSY, INTERRUPTED = 0, 1, 2, 3, 4, 130

EXIT_CODES = (
    "Exit codes: 0 done; 1 refused (data, schema, model), or doctor found a fault; 2 wrong usage; "
    "3 the database cannot be reached or opened; 4 another publisher or run is at work, or nothing to roll back to; "
    "130 interrupted."
)

app = typer.Typer(
    name="graphrec",
    help="A recommender that lives in the graph database.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
_PANELS: dict[str, list[Callable[..., None]]] = {
    "Data": [data.load, data.export, data.import_],
    "Models": [
        plan.plan,
        models.fit,
        tune.tune,
        models.evaluate,
        models.publish,
        models.models,
        models.rollback,
        refresh.refresh,
    ],
    "Lists": [lists.recommend, lists.similar, explain.explain, lists.feed, lists.cypher],
    "People": [graph.graph, forget.forget],
    "Pictures": [profiles.profile, profiles.cluster, profiles.map_],
    "Help": [health.doctor, health.demo],
}
for _panel, _commands in _PANELS.items():
    for _command in _commands:
        add(app, _command, _panel)
app.add_typer(friends.app, rich_help_panel="People")


def _say_version(wanted: bool) -> None:
    if wanted:
        print(f"graphrec {__version__}")
        raise typer.Exit


def _start(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", help="Show the version.", callback=_say_version, is_eager=True)
    ] = False,
    **shared: Any,
) -> None:
    context.obj = shared


_own = inspect.signature(_start, eval_str=True).parameters
_parameters = [
    *(_own[name] for name in ("context", "version")),
    *inspect.signature(shared_options, eval_str=True).parameters.values(),
]
_start.__signature__ = inspect.Signature(_parameters)  # type: ignore[attr-defined]  # what typer reads
_start.__annotations__ = {parameter.name: parameter.annotation for parameter in _parameters}
app.callback()(_start)


def run(arguments: Sequence[str]) -> int:
    """Run one command line and return its exit code; errors are printed on stderr, without a traceback."""
    debug = "--debug" in arguments or os.environ.get("GRAPHREC_DEBUG") == "1"
    if not debug:  # the driver would tell on stderr, beside our JSON, what comes back as an error anyway
        logging.getLogger("neo4j").addHandler(logging.NullHandler())
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _silent if {"--quiet", "-q"}.intersection(arguments) else _warn
            return int(app(list(arguments), prog_name="graphrec", standalone_mode=False) or DONE)
    except KeyboardInterrupt:
        return INTERRUPTED
    except (BrokenPipeError, SystemExit) as end:  # the reader of a pipe has seen enough; Typer and Rich exit of it
        if isinstance(end, SystemExit) and not isinstance(end.__context__, BrokenPipeError):
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return DONE
    except Exception as error:
        if debug:
            traceback.print_exc()
        _complain(error, as_json="--json" in arguments)
        return exit_code(error)


def _warn(message: Warning | str, category: type[Warning], *_: Any, **__: Any) -> None:
    if issubclass(category, UserWarning):  # the others are for programmers
        console(stderr=True).print(f"warning: {message}", style="yellow")


def _silent(*_: Any, **__: Any) -> None:
    pass


def exit_code(error: Exception) -> int:
    """Return what a script sees of an error."""
    if isinstance(error, GraphRecError):
        kinds = {ArgumentError: USAGE, ConnectionFailedError: NO_DATABASE, PublishError: BUSY}
        return next((code for kind, code in kinds.items() if isinstance(error, kind)), REFUSED)
    return int(getattr(error, "exit_code", REFUSED))  # the parser's errors carry their own


def _complain(error: Exception, *, as_json: bool) -> None:
    text = str(error)
    if hasattr(error, "format_message"):
        text = error.format_message()
        if not text:  # a call without arguments has printed the help
            return
        if getattr(error, "option_name", "")[1:].isdigit():
            text += ". Write -- before keys that begin with -, as in: graphrec recommend -- -1"
    elif not isinstance(error, GraphRecError):
        text = f"{type(error).__name__}: {text}"
        if not isinstance(error, OSError | MemoryError):
            text += "\nThis is a fault of graphrec. Repeat the command with --debug and report what it prints."
    if as_json:
        print_json({"error": type(error).__name__, "message": text}, stderr=True)
    else:
        console(stderr=True).print(f"error: {text}", style="red")


def main() -> None:
    """Run the program on the command line's arguments."""
    steady_streams()
    code = run(sys.argv[1:])
    try:
        sys.stdout.flush()
    except OSError:  # `run` has told it; Python would meet it again at its end, and exit with 120
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)
