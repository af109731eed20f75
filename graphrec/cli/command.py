"""What all commands share: the options that stand before or after the verb, and the graph that they open."""

from __future__ import annotations

import inspect
import os
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, Annotated, Any

import typer

from graphrec.cli.output import bars, console, print_json
from graphrec.errors import ArgumentError, ConnectionFailedError, GraphRecError, problem

if TYPE_CHECKING:
    from collections.abc import Iterable
    from contextlib import AbstractContextManager

    from rich.console import RenderableType

    from graphrec.config import Config
    from graphrec.graph import Graph
    from graphrec.publish.vectors import Progress

_PANEL = "Every command"


def shared_options(
    config: Annotated[
        Path | None,
        typer.Option(
            "--config", "-c", help="Configuration; ./graphrec.toml where there is one.", rich_help_panel=_PANEL
        ),
    ] = None,
    url: Annotated[
        str | None,
        typer.Option(
            "--url",
            help="Graph file or neo4j:// address; else GRAPHREC_URL, else the configuration's.",
            rich_help_panel=_PANEL,
        ),
    ] = None,
    json: Annotated[
        bool, typer.Option("--json", help="One JSON document on stdout, errors as JSON.", rich_help_panel=_PANEL)
    ] = False,
    quiet: Annotated[
        bool, typer.Option("--quiet", "-q", help="No progress and no notices.", rich_help_panel=_PANEL)
    ] = False,
    debug: Annotated[
        bool, typer.Option("--debug", help="Show where an error comes from.", rich_help_panel=_PANEL)
    ] = False,
) -> None:
    """Stand for the options that every command takes."""


@dataclass(frozen=True)
class Session:
    """One run of a command.

    Attributes:
        path: the configuration file, or None for the default.
        given_url: what ``--url`` said.
        json: whether the answer is JSON.
        quiet: whether progress and notices are left out.
    """

    path: Path | None
    given_url: str | None
    json: bool
    quiet: bool

    @cached_property
    def config(self) -> Config:
        """The configuration file's content, or the defaults."""
        from graphrec.config import read_config

        return read_config(self.path)

    @property
    def url(self) -> str:
        """The database: ``--url``, else ``GRAPHREC_URL``, else the configuration's."""
        url = self.given_url or os.environ.get("GRAPHREC_URL") or self.config.url
        if not url:
            raise ArgumentError(
                "No database is named. Give --url FILE or --url neo4j://HOST:7687, set GRAPHREC_URL, or write "
                "[connection] url = ... into graphrec.toml."
            )
        return os.path.expanduser(url)

    def open(self, *, write: bool = False, new: bool = False) -> Graph:
        """Open the graph.

        Args:
            write: whether the command writes; an embedded file is else opened for reading only.
            new: whether an embedded file may be made.

        Raises:
            ConnectionFailedError: there is no such file, or the database cannot be reached or opened.
        """
        from graphrec.graph import connect

        if "://" not in self.url and not new and not Path(self.url).exists():
            raise ConnectionFailedError(
                f"There is no graph file {self.url!r}. Check --url; `graphrec load` and `graphrec import` make one."
            )
        graph = connect(self.url, schema=self.config.schema, database=self.config.database, read_only=not write)
        graph.default = self.config.name
        return graph

    def answer(self, document: Any, *shown: RenderableType) -> None:
        """Print the answer: ``document`` with ``--json``, else what is ``shown``."""
        try:
            if self.json:
                print_json(document)
                return
            for each in shown:
                console().print(each)
        except BrokenPipeError:
            raise
        except OSError as error:
            raise GraphRecError(f"The work is done; its answer could not be written: {error.strerror}.") from error

    def notice(self, text: str) -> None:
        """Say something that is not part of the answer, on stderr."""
        if not self.quiet:
            console(stderr=True).print(text)

    def notes(self, notes: Iterable[str]) -> None:
        """Say what a result notes about itself, on stderr."""
        for note in notes:
            self.notice(f"note: {note}")

    def bars(self) -> AbstractContextManager[Progress]:
        """Show progress bars, on stderr."""
        return bars(self.quiet)


def check_writable(option: str, path: Path, *, make: bool = False) -> None:
    """Refuse a file that cannot be written, before the work begins whose result it is to hold.

    Args:
        option: what names the file.
        path: the file.
        make: make folders that are missing.

    Raises:
        ArgumentError: it is a folder, or its folder is not there or cannot be written.
    """
    try:
        if make:
            path.parent.mkdir(parents=True, exist_ok=True)
        if path.is_dir():
            raise IsADirectoryError("it is a folder")
        with TemporaryFile(dir=path.parent):
            pass
    except OSError as error:
        rule = "must be a file in a folder that is there and can be written"
        raise ArgumentError(problem(option, rule, str(path), f"Name another: {error}.")) from error


def add(app: typer.Typer, function: Callable[..., None], panel: str) -> None:
    """Make a command of a function whose first parameter is a `Session`; its name and docstring are the command's."""
    own = list(inspect.signature(function, eval_str=True).parameters.values())[1:]
    shared = list(inspect.signature(shared_options, eval_str=True).parameters.values())
    names = {option.name for option in shared}

    def run(context: typer.Context, **given: Any) -> None:
        both = {name: given[name] or context.obj[name] for name in names}
        session = Session(both["config"], both["url"], both["json"], both["quiet"])
        try:
            function(session, **{name: value for name, value in given.items() if name not in names})
        except KeyboardInterrupt as error:
            if session.json:  # as any other end without an answer
                what = {"error": type(error).__name__, "message": "Interrupted before there was an answer."}
                print_json(what, stderr=True)
            raise

    kind = inspect.Parameter.KEYWORD_ONLY
    context = inspect.Parameter("context", kind, annotation=typer.Context)
    parameters = [context, *(parameter.replace(kind=kind) for parameter in [*own, *shared])]
    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]  # what typer reads
    run.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    run.__doc__ = function.__doc__
    app.command(function.__name__.strip("_"), rich_help_panel=panel)(run)
