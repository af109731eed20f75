"""Commands that give lists: recommend, similar, and the Cypher behind them."""

from __future__ import annotations

import csv
import re
import shlex
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graphrec.cli.command import Session
from graphrec.cli.models import json_or_text, model_fields
from graphrec.cli.new_user import new_users
from graphrec.cli.output import frame_table
from graphrec.errors import ArgumentError, near, problem, shown
from graphrec.online.nodes import held, there
from graphrec.schema_parts import QUOTED
from graphrec.store.recipes import named_conditions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    import pandas as pd

    from graphrec.graph import Graph
    from graphrec.schema import Node

K = Annotated[int, typer.Option("-k", help="The length of a list.", min=1)]
Model = Annotated[
    str | None,
    typer.Option(help="The published model; not needed where there is one, or the configuration names it."),
]
Include = Annotated[list[str] | None, typer.Option(help="Only these items: KEY,KEY...; may be repeated.")]
Exclude = Annotated[list[str] | None, typer.Option(help="Not these items: KEY,KEY...; may be repeated.")]
Where = Annotated[
    list[str] | None,
    typer.Option(help="NAME=VALUE or NAME.PARAMETER=VALUE: a filter or an item attribute; may be repeated."),
]
Rerank = Annotated[
    list[str] | None,
    typer.Option(
        help="A step of re-ranking, as 'mmr share=0.3 by=HAS_GENRE'; may be repeated. Else the configuration's; "
        "'none' is none."
    ),
]
Show = Annotated[list[str] | None, typer.Option(help="A property of the items to show, as title; may be repeated.")]


def recommend(
    session: Session,
    users: Annotated[list[str] | None, typer.Argument(help="The users' keys.", metavar="USER")] = None,
    items: Annotated[
        list[str] | None, typer.Option(help="A new user, by their items: KEY,KEY...; may be repeated.")
    ] = None,
    text: Annotated[str | None, typer.Option(help="What a new user would like, in words.")] = None,
    attribute: Annotated[
        list[str] | None,
        typer.Option(help="NAME=VALUE, what describes a new user, as LIVES_IN=Paris; may be repeated."),
    ] = None,
    k: K = 10,
    model: Model = None,
    include: Include = None,
    exclude: Exclude = None,
    where: Where = None,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Also items that the user has seen.")] = False,
    on_unknown: Annotated[
        Literal["raise", "warn", "fallback"], typer.Option(help="What to do with an unknown user.")
    ] = "raise",
    via: Annotated[Literal["memory", "database", "index"], typer.Option(help="Where the list is made.")] = "memory",
    rerank: Rerank = None,
    depth: Annotated[int | None, typer.Option(help="How many candidates re-ranking chooses from.", min=1)] = None,
    show: Show = None,
) -> None:
    """Show the best items for users, unseen only."""
    if bool(users) == bool(items or text is not None or attribute):
        raise ArgumentError("Give either users, or --items, --text and --attribute, which describe a new user.")
    with session.open() as graph:
        schema = graph.schema
        as_item = key_reader(graph, schema.item, "items")
        lines = [split(as_item, [line]) or [] for line in items or []]
        asked = keys_of(graph, schema.user, "users", users or []) or new_users(schema, lines, text, attribute)
        found = graph.recommend(
            asked,
            k,
            model=model,
            include=only(session, graph, include),
            exclude=split(as_item, exclude),
            where=conditions(graph, where),
            exclude_seen=not include_seen,
            on_unknown=on_unknown,
            via=via,
            rerank=session.config.rerank if rerank is None else steps_of(rerank),
            depth=depth,
        )
        _print(session, with_properties(graph, found, show or []), "user")


def similar(
    session: Session,
    items: Annotated[list[str], typer.Argument(help="The items' keys.", metavar="ITEM")],
    k: K = 10,
    model: Model = None,
    include: Include = None,
    exclude: Exclude = None,
    where: Where = None,
    show: Show = None,
) -> None:
    """Show the items that are most like the given ones."""
    with session.open() as graph:
        found = graph.similar(
            keys_of(graph, graph.schema.item, "items", items),
            k,
            model=model,
            include=only(session, graph, include),
            exclude=split(key_reader(graph, graph.schema.item, "items"), exclude),
            where=conditions(graph, where),
        )
        _print(session, with_properties(graph, found, show or [], column=found.columns[1]), str(found.columns[0]))


def feed(
    session: Session,
    users: Annotated[list[str], typer.Argument(help="The users' keys.", metavar="USER")],
    k: K = 10,
    half_life: Annotated[float, typer.Option(help="After how many days something counts half.", min=1e-6)] = 7.0,
    show: Show = None,
) -> None:
    """Show what users' friends took lately, unseen only."""
    with session.open() as graph:
        asked = keys_of(graph, graph.schema.user, "users", users)
        found = graph.feed(asked, k, half_life_days=half_life)
        found = with_properties(graph, found, show or [])
    if not session.json:
        found["named"] = [", ".join(names) for names in found["named"]]
    _print(session, found, "user")


def cypher(
    session: Session,
    recipe: Annotated[
        Literal[
            "topk",
            "topk_index",
            "new_user",
            "similar",
            "explain",
            "profile",
            "seen",
            "models",
            "friends",
            "friends_why",
            "decline",
            "feed",
            "item_friends",
            "item_people",
        ],
        typer.Argument(help="Which statement."),
    ] = "topk",
    model: Model = None,
    include: Annotated[bool, typer.Option("--include", help="Take $include, the only items to consider.")] = False,
    exclude: Annotated[bool, typer.Option("--exclude", help="Take $exclude, items to leave out.")] = False,
    where: Annotated[
        list[str] | None, typer.Option(help="The name of a filter or an item attribute; may be repeated.")
    ] = None,
    include_seen: Annotated[bool, typer.Option("--include-seen", help="Also items that the user has seen.")] = False,
) -> None:
    """Print a Cypher statement for your own application. It goes on working after the next publish."""
    with session.open() as graph:
        text = graph.cypher(
            recipe, model=model, include=include, exclude=exclude, where=where or (), exclude_seen=not include_seen
        )
    parameters = parameters_of(text)
    if session.json:
        session.answer({"recipe": recipe, "parameters": parameters, "cypher": text})
    else:
        print(f"// parameters: {', '.join(f'${name}' for name in parameters) or 'none'}\n{text}")


def parameters_of(text: str) -> list[str]:
    """Return the names of a statement's parameters, in order of first use."""
    return list(dict.fromkeys(re.findall(r"\$(\w+)", QUOTED.sub("", text))))


def key_reader(graph: Graph, node: Node, argument: str) -> Callable[[str], str | int]:
    """Return what turns text into a key of the graph's type."""
    if not _whole_numbers(graph, node):
        return str

    def read(text: str) -> int:
        try:
            return int(text)
        except ValueError:
            rule = f"must be whole numbers: {node.label}.{node.key} holds them"
            raise ArgumentError(problem(argument, rule, text)) from None

    return read


def keys_of(graph: Graph, node: Node, argument: str, texts: Iterable[str]) -> list[Any]:
    """Return texts as keys of the graph's type."""
    return list(map(key_reader(graph, node, argument), texts))


def _whole_numbers(graph: Graph, node: Node) -> bool:
    if node.key_type:
        return node.key_type == "integer"
    label = graph.store.describe().labels.get(node.label)
    return label is not None and "INT" in label.properties.get(node.key, "").upper()


def split(reader: Callable[[str], str | int], values: Iterable[str] | None) -> list[Any] | None:
    """Return the keys in comma-separated texts, or None where there are none; a key with a comma goes in quotes."""
    if values is None:
        return None
    try:
        return [reader(key) for line in csv.reader(values, skipinitialspace=True) for key in line]
    except csv.Error as error:
        raise ArgumentError(f"Keys must be separated by commas, those with one in double quotes: {error}.") from None


def only(session: Session, graph: Graph, values: Iterable[str] | None) -> list[Any] | None:
    """Return ``include=``, and say which of its keys no item has."""
    item = graph.schema.item
    keys = split(key_reader(graph, item, "items"), values)
    if keys and (gone := set(keys) - there(graph.store, item, keys)):
        session.notice(f"note: --include names what is no item's key: {shown(sorted(gone))}")
    return keys


def conditions(graph: Graph, values: Sequence[str] | None) -> dict[str, Any] | None:
    """Return ``where=`` from NAME=VALUE and NAME.PARAMETER=VALUE.

    A filter's values are JSON where they read as JSON (1990, true, "1990" in quotes), else text. An attribute's are
    keys of its node.
    """
    if not values:
        return None
    known = named_conditions(graph.schema)
    attributes = {a.type: a.to for a in graph.schema.attributes}
    where: dict[str, Any] = {}
    for given in values:
        name = max((n for n in known if given.startswith((f"{n}=", f"{n}."))), key=len, default=None)
        parameter, separator, value = given[len(name or "") :].partition("=")
        if name is None or not separator:
            hint = near(given.partition("=")[0], known)
            raise ArgumentError(problem("--where", "must be NAME=VALUE or NAME.PARAMETER=VALUE", given, hint))
        if name in attributes:
            where.setdefault(name, []).append(key_reader(graph, attributes[name], "--where")(value))
        elif parameter:
            where.setdefault(name, {})[parameter[1:]] = json_or_text(value)
        else:
            where[name] = json_or_text(value)
    return where


def steps_of(values: Sequence[str]) -> list[dict[str, Any]]:
    """Return ``rerank=`` from texts such as ``mmr share=0.3 by="IN CITY"``; 'none' gives none."""
    try:
        given = [shlex.split(text) or [""] for text in values]
    except ValueError as error:
        raise ArgumentError(problem("--rerank", 'must close its quotes, as in by="IN CITY"', values)) from error
    return [{"kind": kind, **model_fields(fields, "--rerank")} for kind, *fields in given if kind != "none"]


def with_properties(graph: Graph, found: pd.DataFrame, names: Sequence[str], column: str = "item") -> pd.DataFrame:
    """Return lists with properties of their items as further columns; one called as a list's own is ``item.score``.

    Raises:
        ArgumentError: the items have no such property.
    """
    if not names or found.empty:
        return found
    item = graph.schema.item
    known = graph.store.describe().labels[item.label].properties
    for name in names:
        if name not in known:
            raise ArgumentError(problem("--show", f"must be a property of {item.label!r}", name, near(name, known)))
    keys = found[column].tolist()
    shown_as = {name: f"{column}.{name}" if name in found else name for name in names}  # a list has its own score
    return found.assign(**{shown_as[name]: held(graph.store, item, name, keys) for name in names})


def _print(session: Session, found: pd.DataFrame, asked: str) -> None:
    """Print lists: what was asked for stands once, before its first row."""
    said = [name for name in ("model", "version") if name in found]
    last = [name for name in ("score", "rank", "path", "item_path", "explored") if name in found]
    rows = found[[name for name in found.columns if name not in (*said, *last)] + last]
    keys = [name for name in rows.columns if name in (asked, "item", "similar", "user")]
    rows = rows.astype(dict.fromkeys(keys, str))
    rows.loc[rows[asked].eq(rows[asked].shift()), asked] = ""
    title = " ".join(f"{name} {found[name].iloc[0]}" for name in said) if len(found) else "nothing to recommend"
    session.answer(found.to_dict("records"), frame_table(rows, title))
