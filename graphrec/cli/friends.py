"""The commands under ``graphrec friends``: suggestions of people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from graphrec.cli.command import Session, add
from graphrec.cli.lists import keys_of
from graphrec.cli.models import model_fields, tables_of
from graphrec.cli.output import frame_table, table
from graphrec.cli.plan import Force
from graphrec.errors import ArgumentError, problem

if TYPE_CHECKING:
    from rich.console import RenderableType

app = typer.Typer(name="friends", help="Suggest people to people.", no_args_is_help=True)


def show(
    session: Session,
    users: Annotated[list[str], typer.Argument(help="The users' keys.", metavar="USER")],
    k: Annotated[int, typer.Option("-k", help="How many for each.")] = 10,
) -> None:
    """Show the people who are suggested to users, and why."""
    with session.open() as graph:
        found = graph.friends(keys_of(graph, graph.schema.user, "users", users), k)
    rows = found[["user", "suggested", "score", "rank", "reason"]].astype({"user": str, "suggested": str})
    rows.loc[rows["user"].eq(rows["user"].shift()), "user"] = ""
    title = (
        f"model {found['model'].iloc[0]} version {found['version'].iloc[0]}" if len(found) else "nobody to suggest"
    )
    session.answer(found.to_dict("records"), frame_table(rows, title))


def decline(
    session: Session,
    user: Annotated[str, typer.Argument(help="Who does not want it.")],
    other: Annotated[str, typer.Argument(help="Who is not to be suggested to them.")],
) -> None:
    """Never suggest somebody to a user again, or not for as long as the schema says."""
    with session.open(write=True) as graph:
        graph.decline(*keys_of(graph, graph.schema.user, "users", [user, other]))
    session.answer({"user": user, "declined": other}, f"{other} is not suggested to {user} any more.")


def run(
    session: Session,
    user: Annotated[list[str] | None, typer.Option(help="Only this user; may be repeated.")] = None,
    changed: Annotated[
        bool, typer.Option(help="Only users for whom something changed since their last list.")
    ] = False,
    k: Annotated[int | None, typer.Option("-k", help="How many for each; else the configuration's, else 20.")] = None,
    days: Annotated[
        float | None, typer.Option(help="How long they are shown; else the configuration's, else 7.")
    ] = None,
    cap: Annotated[int | None, typer.Option(help="In how many lists one person may stand at most.")] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the ranking, as by=adamic-adar; may be repeated.")
    ] = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for another run to end.")] = 0.0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Make the lists, and write none.")] = False,
    force: Force = False,
) -> None:
    """Suggest people to people: rank, and write each user's list into the graph.

    A run that was cut off is gone on with by the same command. Two runs never overlap: the second one exits with 4.
    """
    from graphrec.social.friends import Friends

    if user and changed:
        raise ArgumentError(problem("--changed", "must not stand beside --user", user))
    given = {name: value for name, value in (("k", k), ("days", days), ("cap", cap)) if value is not None}
    fields = {**session.config.friends, **given}
    of_run = {name: fields.pop(name) for name in ("k", "days", "cap") if name in fields}
    config = Friends(**{**fields, **model_fields(set_)})
    with session.open(write=True) as graph, session.bars() as progress:
        users: Any = "changed" if changed else "all"
        if user:
            users = keys_of(graph, graph.schema.user, "users", user)
        report = graph.suggest_friends(
            config, **of_run, users=users, wait_s=wait, dry=dry_run, force=force, progress=progress
        )
    session.notes(report.notes)
    session.answer(report.document(), table(["friends", ""], report.rows()))


def status(session: Session) -> None:
    """Show what the last run did, and whether one is under way or was cut off."""
    from graphrec.friends.job import last_report
    from graphrec.friends.report import Report

    with session.open() as graph:
        report, begun = last_report(graph.store, graph.schema)
    if report is None and begun is None:
        session.answer({"report": None, "run": None}, "No run has written suggestions yet: graphrec friends run.")
        return
    shown: list[RenderableType] = [] if report is None else [table(["last run", ""], Report.of(report).rows())]
    if begun is not None:
        since = datetime.fromtimestamp(begun["created"], UTC).isoformat(" ", "minutes")
        shown.append(f"Version {begun['version']}, begun {since}, has not ended: it is under way or was cut off.")
    session.answer({"report": report, "run": begun}, *shown)


def evaluate(
    session: Session,
    by_score: Annotated[
        list[str] | None,
        typer.Option(
            help="A score to compare, as pagerank; may be repeated; else adamic-adar, pagerank, vectors and blend. "
            "The first one is the baseline."
        ),
    ] = None,
    test: Annotated[float, typer.Option(help="Which fraction of the ties is held out.")] = 0.1,
    by: Annotated[Literal["random", "time"], typer.Option(help="Which ones: any, or the last ones.")] = "random",
    seed: Annotated[int, typer.Option(help="Of what is drawn at random.")] = 0,
    metrics: Annotated[
        list[str] | None, typer.Option("--metric", "--metrics", help="A metric, as recall@20; may be repeated.")
    ] = None,
    cap: Annotated[
        int | None, typer.Option(help="Judge each score also where nobody stands in more lists than this.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A field of the ranking, as dim=64; may be repeated.")
    ] = None,
) -> None:
    """Hold out ties, rank without them, and compare the lists with them. Nothing is written."""
    from graphrec.friends.evaluate import METRICS, SCORES, evaluate_ties
    from graphrec.social.friends import Friends

    fields: dict[str, Any] = {**session.config.friends, **model_fields(set_)}
    fields = {name: value for name, value in fields.items() if name not in ("k", "days", "cap", "by")}
    scores = [Friends(**{**fields, "by": score}) for score in by_score or SCORES]
    with session.open() as graph:
        data = graph.dataset(people=True)
    session.notes(data.notes)
    session.notice(f"Fitting {', '.join(config.by for config in scores)} to ties of {len(data.users):,} users")
    judged = evaluate_ties(data, scores, test=test, by=by, seed=seed, metrics=metrics or METRICS, cap=cap)
    found, groups = judged.evaluation, judged.evaluation.by("activity").rename(columns={"group": "ties"})
    session.notes(found.notes)
    few = groups[groups["metric"].isin(groups["metric"].head(1)) & groups["model"].isin([c.by for c in scores])]
    title = "by how many ties a user has in train"
    shown = [*tables_of(found), *([frame_table(few, title)] if len(few) else [])]
    document = {"figures": found.frame().to_dict("records"), "by": groups.to_dict("records")}
    document["comparison"] = found.compare().to_dict("records")
    if judged.exposure is not None:
        title = "what the cap costs, and how evenly everybody is shown"
        shown.append(frame_table(judged.exposure, title))
        document["exposure"] = judged.exposure.to_dict("records")
    session.answer(document, *shown)


for _command in (run, show, decline, status, evaluate):
    add(app, _command, "People")
