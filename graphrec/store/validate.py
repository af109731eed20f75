"""Compare a schema with the live graph, in words."""

from __future__ import annotations

from difflib import get_close_matches
from typing import TYPE_CHECKING, Any, NamedTuple

from graphrec.errors import DataError, SchemaError, StoreError, near, shown
from graphrec.schema import GraphSchema

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from graphrec.schema import Relationship
    from graphrec.store.protocol import GraphDescription

_LISTED = 20


class Problem(NamedTuple):
    """What a schema names and the graph does not hold.

    Attributes:
        text: one sentence that says what is missing and what comes near it.
        fatal: True where nothing can be recommended without it; False for attributes and ties that may come later.
    """

    text: str
    fatal: bool


def problems(schema: GraphSchema, found: GraphDescription) -> list[Problem]:
    """Return where a schema and the live graph differ; empty where they agree."""
    needed = {schema.user.label, schema.item.label, *(i.type for i in schema.targets)}
    plain = schema == GraphSchema()  # serves plain frames, which may do without weight and time
    said: list[Problem] = []
    for label, node in schema.nodes.items():
        if label not in found.labels:
            said.append(Problem(f"There is no label {label!r}. {near(label, found.labels)}", label in needed))
            continue
        properties = found.labels[label].properties
        said += [
            Problem(f"{label!r} nodes have no property {name!r}. {near(name, properties)}", name == node.key)
            for name in (node.key, *node.columns)
            if found.labels[label].count and name not in properties
        ]
    for name, relationship in schema.relationships.items():
        said += [
            Problem(text, (kind == "missing" and name in needed) or (kind == "other" and not plain))
            for text, kind in _relationship(relationship, found)
        ]
    return said


def _relationship(wanted: Relationship, found: GraphDescription) -> Iterator[tuple[str, str]]:
    same = [r for r in found.relationships if r.type == wanted.type]
    ends = (wanted.source.label, wanted.target.label)
    fitting = [r for r in same if (r.source, r.target) == ends]
    if not same:
        known = {r.type for r in found.relationships}
        yield f"There is no relationship type {wanted.type!r}. {near(wanted.type, known)}", "missing"
        return
    if not fitting:
        seen = ", ".join(sorted({f"({r.source!r})->({r.target!r})" for r in same}))
        yield f"{wanted.type!r} does not run from {ends[0]!r} to {ends[1]!r}. Found: {seen}.", "other"
        return
    properties = {name for r in fitting for name in r.properties}
    for name in (wanted.weight, wanted.time):
        if name and name not in properties and any(r.count for r in fitting):
            yield f"{wanted.type!r} has no property {name!r}. {near(name, properties)}", "other"


def require(schema: GraphSchema, found: GraphDescription) -> list[str]:
    """Return the problems that are not fatal.

    Raises:
        SchemaError: there is a fatal one; the message lists all problems and what the graph holds.
    """
    said = problems(schema, found)
    if any(problem.fatal for problem in said):
        listed = "\n".join(f"- {problem.text}" for problem in said)
        raise SchemaError(f"The schema does not fit the graph:\n{listed}\n{summary(found)}")
    return [problem.text for problem in said]


def require_people(schema: GraphSchema, found: GraphDescription) -> list[str]:
    """Return what is not there of what keeps people from being suggested; it may come later.

    Raises:
        SchemaError: there are no ties to suggest people for; the type of suggestions is used for something else; or
            what is not there has a near name that is, which may be a mistake in the schema, and blocks or wishes
            would not be kept. The message lists all of these and what the graph holds.
    """
    people, user = schema.suggestions, schema.user.label
    between = {r.type: r for r in found.relationships if (r.source, r.target) == (user, user)}
    properties = found.labels[user].properties if user in found.labels else {}
    fatal = [text for tie in schema.ties for text in _not_between(tie.type, user, found)]
    if not schema.ties:
        ties = (
            f"Between {user!r} nodes there are {sorted(between)}." if between else f"None are between {user!r} nodes."
        )
        fatal.append(f"The schema names no ties between users, as in social=[Social('FRIEND')]. {ties}")
    own = between.get(people.type)
    if own and own.count and not {"score", "rank", "expires", "version"} <= own.properties.keys():
        fatal.append(f"{people.type!r} relationships are there and no suggestions. Choose another suggestions.type.")
    notes: list[str] = []
    named = {people.type, *schema.refusals, *(tie.type for tie in schema.social)}
    meanings = [(type, "nobody is blocked by it") for type in people.blocks]
    meanings += [(people.declined, "nothing is declined")] if people.declined else []
    meanings += [(tie.type, "nobody has it") for tie in schema.social if tie not in schema.ties]
    for type, meaning in meanings:
        if type not in between:
            said = _not_between(type, user, found)[0]
            elsewhere = any(r.type == type for r in found.relationships)
            close = _close(type, between.keys() - named)
            (fatal if elsewhere or close else notes).append(f"{said} {close or f'So {meaning}.'}")
    declined = between.get(people.declined or "")
    taken = {schema.user.key, schema.user.name, people.opted_out, people.deleted, people.hidden}
    wishes = [(people.opted_out, "nobody has opted out"), (people.deleted, "nobody counts as deleted")]
    wishes += [(people.hidden, "everybody may be named in reasons"), (schema.user.name, "reasons show keys")]
    for name, meaning in wishes:
        if name and name not in properties:
            close = _close(name, properties.keys() - taken)
            said = f"{user!r} nodes have no property {name!r}. {close or f'So {meaning}.'}"
            (fatal if close else notes).append(said)
    if declined and declined.count and people.declined_days and people.declined_at not in declined.properties:
        close = _close(people.declined_at, declined.properties)
        said = f"{people.declined!r} has no property {people.declined_at!r}. {close or 'So declines count for ever.'}"
        (fatal if close else notes).append(said)
    if fatal:
        listed = "\n".join(f"- {text}" for text in [*fatal, *notes])
        raise SchemaError(
            f"The ties between users that the schema names do not fit the graph:\n{listed}\n{summary(found)}"
        )
    return notes


def _not_between(type: str, user: str, found: GraphDescription) -> list[str]:
    """Return that a type does not run between users, in at most one sentence."""
    ends = {(r.source, r.target) for r in found.relationships if r.type == type}
    if not ends:
        known = sorted({r.type for r in found.relationships if (r.source, r.target) == (user, user)})
        return [f"There is no relationship type {type!r} between {user!r} nodes; there are {known}."]
    seen = ", ".join(f"({source!r})->({target!r})" for source, target in sorted(ends))
    return [] if (user, user) in ends else [f"{type!r} does not run between {user!r} nodes. Found: {seen}."]


def _close(name: str, known: Collection[str]) -> str:
    """Return that a known name may be meant, or "" where none is near."""
    folded = {each.casefold(): each for each in known}
    close = get_close_matches(name.casefold(), folded, n=1)
    return (
        f"Is {folded[close[0]]!r} meant? If not, take {name!r} out of the schema until it is used." if close else ""
    )


def summary(found: GraphDescription) -> str:
    """Return what is in a graph, for the end of a message."""
    lines = [f"{label} ({info.count:,}: {', '.join(info.properties)})" for label, info in found.labels.items()]
    lines = lines[:_LISTED]
    lines += [
        f"({r.source})-[{r.type}{': ' if r.properties else ''}{', '.join(r.properties)}]->({r.target})"
        for r in found.relationships[:_LISTED]
    ]
    return f"The graph holds: {'; '.join(lines) if lines else 'nothing yet'}."


def of_others(label: str, property: str, type: str) -> StoreError:
    """Return what to say where vectors would take the place of somebody's values."""
    return StoreError(
        f"Vectors would take the place of what {property!r} of {label!r} holds: values of type {type}. Publish under "
        "another name, or remove that property."
    )


def joined_twice(type: str, source: Any, target: Any) -> DataError:
    """Return what to say of a row whose pair several relationships join: all would get its properties."""
    return DataError(
        f"The relationship {type!r} from {shown(source)} to {shown(target)} must be one to be loaded again. Got "
        "several, each of which would be overwritten. Make them one, or load under another type."
    )
