"""The commands under ``graphrec friends``: suggestions of people."""

from __future__ import annotations

from typing import Annotated

import typer

from graphrec.cli.command import Session, add
from graphrec.cli.lists import key_reader
from graphrec.cli.output import table

app = typer.Typer(name="friends", help="Suggest people to people.", no_args_is_help=True)


def show(
    session: Session,
    users: Annotated[list[str], typer.Argument(help="The users' keys.", metavar="USER")],
    k: Annotated[int, typer.Option("-k", help="How many for each.")] = 10,
) -> None:
    """Show the people who are suggested to users, and why."""
    with session.open() as graph:
        read = key_reader(graph, graph.schema.user, "users")
        found = graph.friends([read(user) for user in users], k)  # type: ignore[arg-type]
    rows = found[["user", "suggested", "score", "rank", "reason"]].astype({"user": str, "suggested": str})
    rows.loc[rows["user"].eq(rows["user"].shift()), "user"] = ""
    title = (
        f"model {found['model'].iloc[0]} version {found['version'].iloc[0]}" if len(found) else "nobody to suggest"
    )
    session.answer(found.to_dict("records"), table(list(rows.columns), rows.itertuples(index=False), title))


def decline(
    session: Session,
    user: Annotated[str, typer.Argument(help="Who does not want it.")],
    other: Annotated[str, typer.Argument(help="Who is not to be suggested to them.")],
) -> None:
    """Never suggest somebody to a user again, or not for as long as the schema says."""
    with session.open(write=True) as graph:
        read = key_reader(graph, graph.schema.user, "users")
        graph.decline(read(user), read(other))
    session.answer({"user": user, "declined": other}, f"{other} is not suggested to {user} any more.")


for _command in (show, decline):
    add(app, _command, "People")
