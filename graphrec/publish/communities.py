"""Analyse the ties of a graph, and write the number of each user's community onto the users."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.errors import ArgumentError, problem
from graphrec.publish.load import load_graph
from graphrec.publish.network import read_network
from graphrec.publish.vectors import silent
from graphrec.social.analysis import analyse
from graphrec.social.communities import library
from graphrec.social.names import named

if TYPE_CHECKING:
    import pandas as pd

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
        write: a property of the users that takes the number of their community, see `write_communities`; None writes
            nothing.
        overwrite: whether that property may be there already, as after an earlier analysis.
        progress: of writing.

    Raises:
        ArgumentError: see `check_property`; nothing was read then.
        SchemaError: the schema names no ties, or the graph does not hold what it names.
        MissingExtraError: the extra ``analysis`` is not installed.
    """
    library()  # before a long read, not after it
    if write is not None:
        check_property(store, schema, write, overwrite=overwrite)
    found = analyse(read_network(store, named(schema)), seed=seed)
    if write is not None:
        write_communities(store, schema, found.communities, write, overwrite=overwrite, progress=progress)
    return found


def check_property(store: GraphStore, schema: GraphSchema, name: str, *, overwrite: bool = False) -> None:
    """Refuse a property whose values must not be lost.

    Raises:
        ArgumentError: the name is empty, has a meaning in the schema, or is a property that is there already: always
            where it holds something else than whole numbers, else without ``overwrite``.
    """
    user, said = schema.user, schema.suggestions
    taken = {user.key, user.name, *user.properties, said.opted_out, said.deleted, said.hidden}
    remedy = "Give another name, such as 'community'."
    if not name.strip() or not name.isprintable() or len(name) > 1000:
        raise ArgumentError(problem("write", "must be the name of a property", name, remedy))
    if name in taken:
        raise ArgumentError(problem("write", "must not be a property that the schema names", name, remedy))
    label = store.describe().labels.get(user.label)
    kind = "" if label is None else label.properties.get(name, "")
    if kind and kind.upper() not in ("INT64", "INTEGER", "LONG"):
        rule = f"must be new, or hold whole numbers; here {user.label}.{name} holds {kind}"
        raise ArgumentError(problem("write", rule, name, remedy))
    if kind and not overwrite:
        remedy = "Give another name, or allow to overwrite where it holds communities."
        raise ArgumentError(problem("write", f"must be new; {user.label} has such a property", name, remedy))


def write_communities(
    store: GraphStore,
    schema: GraphSchema,
    communities: pd.DataFrame,
    name: str,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Set a property of the users to the number of their community, −1 for users without ties.

    Numbers go by size and say nothing about those of an earlier analysis.

    Args:
        store: the graph.
        schema: what the labels mean.
        communities: ``key`` and ``community``, as `graphrec.social.analysis.Analysis.communities`.
        name: the property.
        overwrite: whether what it holds already is replaced.
        progress: called after each chunk.

    Returns:
        How many users were written. Users who are no longer in the graph are left out.

    Raises:
        ArgumentError: see `check_property`.
    """
    check_property(store, schema, name, overwrite=overwrite)
    there = communities["key"].isin(store.keys(schema.user).to_pandas())
    rows = communities[there].rename(columns={"key": schema.user.key, "community": name})
    return load_graph(store, schema, {schema.user.label: rows}, {}, progress=progress).rows[0].written
