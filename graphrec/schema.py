"""What the labels, relationship types and properties of a graph mean to a recommender.

A `GraphSchema` is plain, frozen data: it opens no connection and renames nothing. The same fields are the
keyword arguments in Python and the ``[schema]`` table of ``graphrec.toml``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator

from graphrec.errors import check_type
from graphrec.schema_parts import (
    OWN_LABELS,
    RESERVED_PARAMETERS,
    Attribute,
    Feature,
    Filter,
    Frozen,
    Interaction,
    KeyType,
    Name,
    Node,
    Relationship,
    Social,
    Suggestions,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "RESERVED_PARAMETERS",
    "Attribute",
    "Feature",
    "Filter",
    "GraphSchema",
    "Interaction",
    "KeyType",
    "Name",
    "Node",
    "Relationship",
    "Social",
    "Suggestions",
]

_WORDS = re.compile(
    "ACYCLIC|ALL|AND|ANY|ASC|ASCENDING|CASE|CAST|COLUMN|CREATE|CSR|DBTYPE|DEFAULT|DESC|DESCENDING|DISTINCT|"
    "ELSE|END|ENDS|EXISTS|FALSE|FOR|GLOB|GROUP|HEADERS|HINT|IN|INDEX|INSTALL|JOIN|MACRO|MULTI_JOIN|NONE|NOT|"
    "NULL|ON|ONLY|OPTIONAL|OPTIONS|OR|ORDER|PRIMARY|PROFILE|SHORTEST|SINGLE|SORTED|STARTS|TABLE|THEN|TRAIL|"
    "TRUE|UNION|UNWIND|WHEN|WHERE|WITH|WSHORTEST|XOR",
    re.IGNORECASE,
)
"""What Ladybug takes for its own words, in any case, after a ``$`` as well."""


class GraphSchema(Frozen):
    """Which labels, relationships and properties mean user, item, interaction, attribute and social tie.

    Attributes:
        user: the users' node.
        item: the items' node.
        interactions: relationships from user to item, at least one.
        attributes: relationships from items or users to what describes them.
        social: ties between users.
        filters: named Cypher predicates for ``where=``.
        suggestions: how people are suggested to people, and who never is.

    Raises:
        SchemaError: a field is unknown or impossible, a relationship type or filter name is used twice, one label
            is given two different keys, a label is one that graphrec keeps its records under, a weight and a time are
            one property, or a filter's parameter is the one that takes an attribute's keys.
    """

    user: Node = Node("User", key="user_id")
    item: Node = Node("Item", key="item_id")
    interactions: Annotated[tuple[Interaction, ...], Field(min_length=1)] = (
        Interaction("INTERACTED", weight="weight", time="timestamp", target=True),
    )
    attributes: tuple[Attribute, ...] = ()
    social: tuple[Social, ...] = ()
    filters: tuple[Filter, ...] = ()
    suggestions: Suggestions = Suggestions()

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            user: Node = ...,
            item: Node = ...,
            interactions: Sequence[Interaction] = ...,
            attributes: Sequence[Attribute] = ...,
            social: Sequence[Social] = ...,
            filters: Sequence[Filter] = ...,
            suggestions: Suggestions = ...,
        ) -> None: ...

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.user.label == self.item.label:
            raise ValueError(f"users and items must have different labels; both are {self.user.label!r}")
        names = [i.type for i in self.interactions] + [a.type for a in self.attributes]
        names += [s.type for s in self.social] + [f.name for f in self.filters]
        names += [self.suggestions.type, *self.refusals]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the name {name!r} is used twice; each relationship type and filter needs its own")
        known: dict[str, Node] = {}
        for node in (self.user, self.item, *(a.to for a in self.attributes)):
            if known.setdefault(node.label, node).key != node.key:
                raise ValueError(
                    f"the label {node.label!r} is given two keys: {known[node.label].key!r}, {node.key!r}"
                )
        if taken := sorted(OWN_LABELS.intersection(known)):
            raise ValueError(f"the label {taken[0]!r} is of graphrec's own records, which a load would change")
        edges: list[Interaction | Social] = [*self.interactions, *self.social]
        for edge in edges:
            if edge.weight is not None and edge.weight == edge.time:
                raise ValueError(
                    f"{edge.type!r} takes weight and time from one property, {edge.time!r}: leave one of them out"
                )
        attributes = {self.attribute_parameter(a.type): a.type for a in self.attributes if a.of == "item"}
        for each in self.filters:
            for name in attributes.keys() & set(each.parameters):
                raise ValueError(
                    f"the filter {each.name!r} has a parameter ${name}, which takes the keys of the attribute "
                    f"{attributes[name]!r} in `where`: give the filter's parameter another name"
                )
        return self

    def attribute_parameter(self, type: str) -> str:
        """Return the Cypher parameter that takes an attribute's keys: the type itself where it is a plain name."""
        taken = type in RESERVED_PARAMETERS or _WORDS.fullmatch(type)
        if re.fullmatch(r"[A-Za-z_]\w{0,60}", type, re.ASCII) and not taken:
            return type
        return f"attribute_{[a.type for a in self.attributes].index(type)}"

    @classmethod
    def of(cls, schema: GraphSchema | None) -> GraphSchema:
        """Return a schema, the one of the defaults for None.

        Raises:
            ArgumentError: it is none, such as its fields in a dictionary.
        """
        schema = cls() if schema is None else schema
        check_type("schema", schema, cls, "Make one with `GraphSchema(...)`.")
        return schema

    @property
    def targets(self) -> tuple[Interaction, ...]:
        """The interactions to predict: those marked ``target``, else the first."""
        return tuple(i for i in self.interactions if i.target) or self.interactions[:1]

    @property
    def hiding(self) -> tuple[Interaction, ...]:
        """The interactions that make an item count as seen."""
        return tuple(i for i in self.interactions if i.hides)

    @property
    def ties(self) -> tuple[Social, ...]:
        """The ties that people are suggested for: those marked ``target``, else the first; () without any."""
        return tuple(s for s in self.social if s.target) or self.social[:1]

    @property
    def refusals(self) -> tuple[str, ...]:
        """The relationship types by which users refuse users: blocks, and declines where they have a type."""
        shown = self.suggestions
        return shown.blocks if shown.declined is None else (*shown.blocks, shown.declined)

    def kind(self, attribute: Attribute) -> str:
        """Return what to call an attribute: its label, or its type where several lead from its side to that label."""
        labels = [each.to.label for each in self.attributes if each.of == attribute.of]
        return attribute.type if labels.count(attribute.to.label) > 1 else attribute.to.label

    @property
    def nodes(self) -> dict[str, Node]:
        """Every node by label: user, item, then the attributes'."""
        nodes = {self.user.label: self.user, self.item.label: self.item}
        for attribute in self.attributes:
            nodes.setdefault(attribute.to.label, attribute.to)
        return nodes

    @property
    def relationships(self) -> dict[str, Relationship]:
        """Every relationship by type: interactions, then attributes, then social ties."""
        edges = [Relationship(i.type, self.user, self.item, i.weight, i.time) for i in self.interactions]
        edges += [
            Relationship(a.type, self.item if a.of == "item" else self.user, a.to, a.weight) for a in self.attributes
        ]
        edges += [Relationship(s.type, self.user, self.user, s.weight, s.time) for s in self.social]
        return {edge.type: edge for edge in edges}

    @property
    def loadable(self) -> dict[str, Relationship]:
        """`relationships`, and blocks and declines between users: what can be loaded, exported and imported."""
        between = {type: Relationship(type, self.user, self.user) for type in self.refusals}
        return self.relationships | between
