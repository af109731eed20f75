"""Write a whole number onto each user or item, into a property that means nothing else."""

from __future__ import annotations

from typing import TYPE_CHECKING

from graphrec.errors import ArgumentError, problem
from graphrec.publish.load import load_graph
from graphrec.publish.vectors import silent
from graphrec.store.suggestions import state_property

if TYPE_CHECKING:
    import pandas as pd

    from graphrec.publish.vectors import Progress
    from graphrec.schema import GraphSchema, Node
    from graphrec.store.protocol import GraphStore


def check_property(store: GraphStore, schema: GraphSchema, node: Node, name: str, *, overwrite: bool = False) -> None:
    """Refuse a property whose values must not be lost.

    Args:
        store: the graph.
        schema: what the labels mean.
        node: the users or the items.
        name: the property.
        overwrite: whether it may be there already, where it holds whole numbers.

    Raises:
        ArgumentError: the name is empty, has a meaning in the schema, or is a property that is there already: always
            where it holds something else than whole numbers, else without ``overwrite``.
    """
    said = schema.suggestions
    taken = {node.key, node.name, *node.columns}
    if node == schema.user:
        taken |= {said.opted_out, said.deleted, said.hidden, state_property(schema)}
    remedy = "Give another name, such as 'group'."
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or len(name) > 1000:
        raise ArgumentError(problem("write", "must be the name of a property", name, remedy))
    if name in taken:
        raise ArgumentError(problem("write", "must not be a property that the schema names", name, remedy))
    label = store.describe().labels.get(node.label)
    kind = "" if label is None else label.properties.get(name, "")
    if kind and kind.upper() not in ("INT64", "INTEGER", "LONG"):
        rule = f"must be new, or hold whole numbers; here {node.label}.{name} holds {kind}"
        raise ArgumentError(problem("write", rule, name, remedy))
    if kind and not overwrite:
        remedy = "Give another name, or allow to overwrite where it holds what an earlier call wrote."
        raise ArgumentError(problem("write", f"must be new; {node.label} has such a property", name, remedy))


def write_numbers(
    store: GraphStore,
    schema: GraphSchema,
    node: Node,
    numbers: pd.DataFrame,
    name: str,
    *,
    overwrite: bool = False,
    progress: Progress = silent,
) -> int:
    """Set a property of users or items to a number each.

    Args:
        store: the graph.
        schema: what the labels mean.
        node: the users or the items.
        numbers: ``key`` and ``number``.
        name: the property.
        overwrite: whether what it holds already is replaced.
        progress: called after each chunk.

    Returns:
        How many nodes were written. Those that are no longer in the graph are left out.

    Raises:
        ArgumentError: see `check_property`.
    """
    check_property(store, schema, node, name, overwrite=overwrite)
    there = numbers["key"].isin(store.keys(node).to_pandas())
    rows = numbers[there].rename(columns={"key": node.key, "number": name})
    return load_graph(store, schema, {node.label: rows}, {}, progress=progress).rows[0].written
