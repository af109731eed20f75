"""Who may be suggested to whom, as Cypher: one condition for the write, the read and every recipe.

The conditions speak of the variables ``user`` (who gets a suggestion), ``other`` (who is suggested) and ``named``
(somebody whom a reason names), and hold at the moment in which the statement runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from graphrec.store.queries import any_of, quote

if TYPE_CHECKING:
    from collections.abc import Collection

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import Dialect

CLOCK = {"neo4j": "timestamp() / 1000", "ladybug": "to_epoch_ms(current_timestamp()) / 1000"}

_NUMBER = "-?[0-9]{1,18}([.][0-9]{0,9})?([eE][-+]?[0-9]{1,2})?"
_DAY = "[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
_CLOCK = "([01][0-9]|2[0-3]):[0-5][0-9]"
_SECONDS = ":[0-5][0-9]([.][0-9]{1,9})?"
_OFFSET = "Z|[+-](0[0-9]|1[0-7])(:?[0-5][0-9])?"
# A graph file's casts read no time without seconds, and take a time with an offset for one without.
_MOMENT = {
    "neo4j": f"{_DAY}([T ]{_CLOCK}({_SECONDS})?({_OFFSET})?(\\\\[.*)?)?",
    "ladybug": f"{_DAY}([T ]{_CLOCK}{_SECONDS}(Z|[+]00(:?00)?)?)?",
}
# A time of a type in which a decline's may be stored, from epoch seconds.
_TIMES = {
    "ZONED DATETIME": "datetime({{epochSeconds: toInteger({0})}})",
    "LOCAL DATETIME": "localdatetime(datetime({{epochSeconds: toInteger({0})}}))",
    "TIMESTAMP": "to_timestamp({0})",
    "TIMESTAMP_TZ": "CAST(to_timestamp({0}) AS TIMESTAMP_TZ)",
}
_TEXTS = {
    "neo4j": {
        "DATE": "date(datetime({{epochSeconds: toInteger({0})}}))",
        "STRING": "toString(datetime({{epochSeconds: toInteger({0})}}))",
    },
    "ladybug": {"DATE": "CAST(to_timestamp({0}) AS DATE)", "STRING": "CAST(to_timestamp({0}) AS STRING)"},
}


class Found(NamedTuple):
    """What a graph file holds of what a schema names: there it is an error to name the rest.

    Attributes:
        types: the relationship types between users.
        properties: the properties of users.
        dated: whether declines have their time property.
    """

    types: Collection[str]
    properties: Collection[str]
    dated: bool


def allowed(schema: GraphSchema, dialect: Dialect, now: str, found: Found | None = None) -> str:
    """Return the condition under which ``other`` may be suggested to ``user``, as text that goes after a WHERE part.

    Args:
        schema: what the labels mean.
        dialect: the database that will run it.
        now: an expression or parameter in epoch seconds.
        found: what is there; None names everything.
    """
    people = schema.suggestions
    key = quote(schema.user.key, dialect)
    hiding = [tie for tie in schema.social if tie.hides]
    either = [tie.type for tie in hiding if not tie.directed] + list(people.blocks)
    tied = [
        _path([tie.type for tie in hiding if tie.directed], "->", "other", dialect, found),
        _path(either, "-", "other", dialect, found),
        _declined(schema, dialect, now, found),
    ]
    gone = [
        _no(variable, name, dialect)
        for variable in ("user", "other")
        for name in (people.opted_out, people.deleted)
        if name and _there(name, found)
    ]
    parts = [f"user.{key} <> other.{key}", *(f"NOT EXISTS {{ {path} }}" for path in tied if path), *gone]
    return "".join(f"\n  AND {part}" for part in parts)


def nameable(schema: GraphSchema, dialect: Dialect, found: Found | None = None) -> str:
    """Return the condition under which ``named`` may be named in a reason that ``user`` reads."""
    people = schema.suggestions
    blocked = _path(people.blocks, "-", "named", dialect, found)
    names = [n for n in (people.hidden, people.opted_out, people.deleted) if n and _there(n, found)]
    parts = [f"named.{quote(schema.user.key, dialect)} IS NOT NULL", *(_no("named", n, dialect) for n in names)]
    return "\n  AND ".join([*parts, *([f"NOT EXISTS {{ {blocked} }}"] if blocked else [])])


def present(schema: GraphSchema, dialect: Dialect, variable: str) -> str:
    """Return the condition under which a user is not deleted."""
    name = schema.suggestions.deleted
    return _no(variable, name, dialect) if name else "true"


def as_time(seconds: str, type: str | None, dialect: Dialect) -> str:
    """Return epoch seconds as a value of a stored type; numbers stay what they are."""
    form = (_TIMES | _TEXTS[dialect]).get((type or "").removesuffix(" NOT NULL"), "{0}")
    return form.format(seconds)


def _path(types: Collection[str], arrow: str, end: str, dialect: Dialect, found: Found | None) -> str | None:
    known = any_of([type for type in types if found is None or type in found.types], dialect)
    return f"MATCH (user)-[{known}]{arrow}({end})" if known else None


def _there(name: str, found: Found | None) -> bool:
    return found is None or name in found.properties


def _declined(schema: GraphSchema, dialect: Dialect, now: str, found: Found | None) -> str | None:
    people = schema.suggestions
    if not people.declined or (found and people.declined not in found.types):
        return None
    path = f"MATCH (user)-[declined:{quote(people.declined, dialect)}]->(other)"
    if people.declined_days is None or (found and not found.dated):
        return path
    at = seconds(f"declined.{quote(people.declined_at, dialect)}", dialect)
    return f"{path}\n    WHERE NOT coalesce({at} + {people.declined_days * 86400!r} <= {now}, false)"


def _no(variable: str, name: str, dialect: Dialect) -> str:
    """Return that a property of any type is missing, null, False, 0 or empty text."""
    value = f"{variable}.{quote(name, dialect)}"
    if dialect == "neo4j":
        return f"coalesce({value} IN [false, 0, ''], true)"
    text = f"CAST({value} AS STRING)"
    zero = f"regexp_full_match({text}, 'False|-?0+([.]0+)?')"
    return f"({value} IS NULL OR CASE typeof({value}) WHEN 'STRING' THEN {text} = '' ELSE {zero} END)"


def seconds(value: str, dialect: Dialect) -> str:
    """Return a number, a temporal value or ISO 8601 text as epoch seconds; null where it is none of these.

    A day is counted from the first of its month, since a 31st of February would be an error and not a null.
    """
    moment = _MOMENT[dialect]
    if dialect == "neo4j":
        text = f"trim(toStringOrNull({value}))"
        first = f"replace(left({text}, 8) + '01' + substring(split({text}, '[')[0], 10), ' ', 'T')"
        days = f"toInteger(substring({text}, 8, 2)) - 1"
        return (
            f"CASE WHEN {text} =~ '{_NUMBER}' THEN toFloat({text})"
            f" WHEN {text} =~ '{moment}' THEN datetime({first}).epochSeconds + 86400 * ({days}) END"
        )
    text = f"trim(CAST({value} AS STRING))"

    def where(pattern: str, then: str) -> str:  # CAST looks at all rows, so what cannot be cast is null before
        return f"CASE WHEN regexp_full_match({text}, '{pattern}') THEN {then} END"

    first = where(moment, f"concat(substring({text}, 1, 8), '01', substring({text}, 11, 40))")
    days = f"CAST({where(moment, f'substring({text}, 9, 2)')} AS INT64) - 1"
    return (
        f"coalesce(CAST({where(_NUMBER, text)} AS DOUBLE), "
        f"to_epoch_ms(CAST({first} AS TIMESTAMP)) / 1000 + 86400.0 * ({days}))"
    )
