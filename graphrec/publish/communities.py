"""Analyse the ties of a graph, and write the number of each user's community onto the users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.publish.network import read_network
from graphrec.publish.numbers import check_property, write_numbers
from graphrec.publish.vectors import silent
from graphrec.social.analysis import analyse
from graphrec.social.communities import library
from graphrec.social.names import named

if TYPE_CHECKING:
    from graphrec.publish.vectors import Progress
    from graphrec.schema import GraphSchema
    from graphrec.social.analysis import Analysis
    from graphrec.store.protocol import GraphStore


def analyse_graph(
    store: GraphStore,
    schema: GraphSchema,
    *,
    seed: int = 0,
    write: str | None = None,
    overwrite: bool = False,
    progress: Progress = silent,
) -> Analysis:
    """Read the graph and measure its ties; see `graphrec.social.analysis.analyse`.

    A graph of users and ties alone will do, without any items.

    Args:
        store: the graph.
        schema: what the labels mean.
        seed: of the communities.
        write: a property of the users that takes the number of their community, −1 without ties; None writes nothing.
            Numbers go by size and say nothing about those of an earlier analysis.
        overwrite: whether that property may be there already, as after an earlier analysis.
        progress: of writing.

    Raises:
        ArgumentError: see `graphrec.publish.numbers.check_property`; nothing was read then.
        SchemaError: the schema names no ties, or the graph does not hold what it names.
        MissingExtraError: the extra ``analysis`` is not installed.
    """
    library()  # before a long read, not after it
    if write is not None:
        check_property(store, schema, schema.user, write, overwrite=overwrite)
    found = analyse(read_network(store, named(schema)), seed=seed)
    if write is not None:
        numbers = found.communities.rename(columns={"community": "number"})
        write_numbers(store, schema, schema.user, numbers, write, overwrite=overwrite, progress=progress)
    return found
