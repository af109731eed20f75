"""Compare a schema with the live graph, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphrec.errors import SchemaError, near
from graphrec.schema import GraphSchema

if TYPE_CHECKING:
    from collections.abc import Iterator

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
            for name in (node.key, *node.properties)
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


def summary(found: GraphDescription) -> str:
    """Return what is in a graph, for the end of a message."""
    lines = [f"{label} ({info.count:,}: {', '.join(info.properties)})" for label, info in found.labels.items()]
    lines = lines[:_LISTED]
    lines += [
        f"({r.source})-[{r.type}{': ' if r.properties else ''}{', '.join(r.properties)}]->({r.target})"
        for r in found.relationships[:_LISTED]
    ]
    return f"The graph holds: {'; '.join(lines) if lines else 'nothing yet'}."
