"""Ties as a dataset of users and people: so every model, split and metric of items serves for people as well."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import pyarrow as pa

from graphrec.data.dataset import Dataset
from graphrec.data.split import divided, target_codes
from graphrec.data.split_rules import Parts, generator_of
from graphrec.data.tables import EdgeTable, NodeTable
from graphrec.errors import ArgumentError, DataError, is_number, problem
from graphrec.schema import Attribute, GraphSchema, Interaction, Node
from graphrec.social.network import network_of

if TYPE_CHECKING:
    from graphrec.data.pairs import Codes
    from graphrec.data.split import Split


def people_of(data: Dataset) -> Dataset:
    """Return the dataset whose items are the users again, and whose interactions are the ties of ``schema.ties``.

    An undirected tie is an interaction both ways. What users took and what describes them are attributes of theirs.
    Ties of other types that hide, and everybody's relationship to themselves, hide and are learned from by nobody.

    Args:
        data: users with ties.

    Raises:
        SchemaError: the schema names no ties.
        DataError: there are none but ties to oneself.
    """
    schema, network = data.schema, network_of(data)
    if not len(network):
        names = " and ".join(tie.type for tie in schema.ties)
        raise DataError(problem(names, "must hold ties between two users to learn from", 0, "Load some first."))
    user = schema.user
    other = Node(f"{user.label}, suggested", user.key, user.key_type, user.properties, user.name)
    name = " or ".join(tie.type for tie in schema.ties)
    taken = [Attribute(i.type, schema.item, "user", i.weight) for i in schema.interactions]
    described = [a for a in schema.attributes if a.of == "user"]
    people = GraphSchema(
        user=user, item=other, interactions=[Interaction(name, target=True)], attributes=[*taken, *described]
    )
    source, target = network.source, network.target
    if not network.directed:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
    hides = [data.edges[tie.type] for tie in schema.social if tie.hides and tie not in schema.ties]
    both = {tie.type for tie in schema.social if not tie.directed}
    from_ = [e.source_rows for e in hides] + [e.target_rows for e in hides if e.type in both]
    to = [e.target_rows for e in hides] + [e.source_rows for e in hides if e.type in both]
    everybody = np.arange(len(data.users))
    hidden = EdgeTable(
        name, user.label, other.label, np.concatenate([everybody, *from_]), np.concatenate([everybody, *to])
    )
    nodes = {label: data.nodes[label] for label in people.nodes if label != other.label}
    nodes[other.label] = NodeTable(other.label, data.users.keys, pa.table({}))
    edges = {a.type: data.edges[a.type] for a in people.attributes}
    edges[name] = EdgeTable(name, user.label, other.label, source, target)
    return Dataset(people, nodes, edges, data.notes, pruned={name: hidden})


def hold_out_ties(
    data: Dataset,
    *,
    test: float = 0.1,
    validation: float = 0.1,
    by: Literal["random", "time"] = "random",
    seed: int = 0,
) -> Split:
    """Hold out ties; of an undirected tie both directions are in one part.

    Where a tie is held out, nothing of ``train`` says that the two are tied: other ties between them that hide leave
    it as well. A directed tie back stays, which is evidence that a model has in use, too.

    Args:
        data: users with ties (not yet `people_of` them).
        test: which fraction of the ties.
        validation: which fraction of the rest; 0 makes no validation part.
        by: ``"random"``, or ``"time"``: the last ones.
        seed: of what is drawn at random.

    Returns:
        A split of `people_of(data)`. All people but those whom a user already has are candidates in
        `graphrec.evaluate`, so the hard ones, friends of friends, are among them.

    Raises:
        ArgumentError: a fraction is impossible.
        DataError: there are too few ties, or undated ones where times are needed.
        SchemaError: the schema names no ties.
    """
    for name, value, least in (("test", test, 1e-12), ("validation", validation, 0.0)):
        if not is_number(value) or not least <= value < 1:
            raise ArgumentError(problem(name, "must be a fraction, between 0 and 1", value))
    if by not in ("random", "time"):
        raise ArgumentError(problem("by", "must be 'random' or 'time'", by))
    people = people_of(data)
    codes = target_codes(people)
    n = len(people.items)
    undirected = _undirected(data)
    first = codes[~np.isin(codes, undirected) | (codes // n < codes % n)]
    second = np.where(np.isin(first, undirected), first % n * n + first // n, first)
    order = generator_of(seed).permutation(len(first))
    if by == "time":
        order = order[np.argsort(-_times(data, first, n)[order], kind="stable")]
    tested = max(1, round(test * len(first)))
    validated = round(validation * (len(first) - tested))
    part = order[:tested], order[tested : tested + validated]

    def both(chosen: Codes) -> Codes:
        return np.union1d(first[chosen], second[chosen])

    rule = f"ties({by}, test={test}, validation={validation}, seed={seed})"
    return divided(people, Parts(rule, both(part[0]), both(part[1]) if validated else None), codes)


def _undirected(data: Dataset) -> Codes:
    """Return the pairs between whom there is an undirected tie, both ways."""
    edges = [data.edges[tie.type] for tie in data.schema.ties if not tie.directed]
    n, none = len(data.users), np.zeros(0, np.int64)
    ways = [(edge.source_rows, edge.target_rows) for edge in edges]
    return np.concatenate([none, *(s * n + t for s, t in ways), *(t * n + s for s, t in ways)])


def _times(data: Dataset, codes: Codes, n: int) -> Codes:
    """Return when each tie, given by its lower row first where it is undirected, was first made."""
    found = np.full(len(codes), np.iinfo(np.int64).max)
    for tie in data.schema.ties:
        edge = data.edges[tie.type]
        if edge.undated:
            raise DataError(
                problem(
                    tie.type, "must have a time on every tie to split by time", "undated ties", "Use by='random'."
                )
            )
        ends = (edge.source_rows, edge.target_rows)
        ways = [ends] if tie.directed else [ends, ends[::-1]]
        for source, target in ways:
            pairs = source * n + target
            place = np.minimum(np.searchsorted(codes, pairs), len(codes) - 1)
            known = codes[place] == pairs
            np.minimum.at(found, place[known], edge.times[known])
    return found
