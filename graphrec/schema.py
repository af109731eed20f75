"""What the labels, relationship types and properties of a graph mean to a recommender.

A `GraphSchema` is plain, frozen data: it opens no connection and renames nothing. The same fields are the
keyword arguments in Python and the ``[schema]`` table of ``graphrec.toml``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from graphrec.errors import SchemaError, near, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

KeyType = Literal["string", "integer"]

RESERVED_PARAMETERS = frozenset({"user", "users", "item", "items", "k", "include", "exclude", "model"})


def _name(value: Any) -> Any:
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("a name must not be empty")
        if len(value) > 1000 or "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError("a name must be at most 1,000 characters of valid text without NUL")
    return value


Name = Annotated[str, BeforeValidator(_name)]


class _Frozen(BaseModel):
    """Frozen and closed; a wrong or unknown field raises `SchemaError` with the near names."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)

    def __init__(self, *args: Any, **fields: Any) -> None:
        names = list(type(self).model_fields)
        if len(args) > len(names):
            raise SchemaError(f"{type(self).__name__} takes at most {len(names)} values: {', '.join(names)}.")
        for name, value in zip(names, args, strict=False):
            if name in fields:
                raise SchemaError(f"`{name}` of {type(self).__name__} is given twice.")
            fields[name] = value
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise SchemaError(_explain(type(self), error)) from None


def _explain(model: type[BaseModel], error: ValidationError) -> str:
    lines = []
    for item in error.errors():
        where = ".".join(map(str, item["loc"])) or model.__name__
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = f"is not a field. {near(str(item['loc'][-1]), model.model_fields)}"
        elif item["type"] != "value_error":
            text = f"{text}. Got {shown(item['input'])}."
        lines.append(f"`{where}` of {model.__name__}: {text}")
    return "\n".join(lines)


class Node(_Frozen):
    """A node label and the property that identifies a node from outside.

    Attributes:
        label: the node label.
        key: the property that holds the key; unique within the label.
        key_type: ``"string"`` or ``"integer"``; None takes the type from the graph or from the first frame loaded.
        properties: further properties that a snapshot reads (titles, features).
    """

    label: Name
    key: Name = "id"
    key_type: KeyType | None = None
    properties: tuple[Name, ...] = ()

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            label: str,
            key: str = "id",
            key_type: KeyType | None = None,
            properties: Sequence[str] = (),
        ) -> None: ...


class Interaction(_Frozen):
    """A relationship from user to item.

    Attributes:
        type: the relationship type.
        weight: the property that holds a numeric weight (stars, quantity); None counts each as 1.
        time: the property that holds the time, as epoch seconds or a temporal value; None is undated.
        target: what the recommender is to predict. Where no interaction says so, the first one is the target.
        hides: an item with this interaction counts as seen and is not recommended again.
    """

    type: Name
    weight: Name | None = None
    time: Name | None = None
    target: bool = False
    hides: bool = True

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            type: str,
            weight: str | None = None,
            time: str | None = None,
            target: bool = False,
            hides: bool = True,
        ) -> None: ...


class Attribute(_Frozen):
    """A relationship from an item (or a user) to a node that describes it.

    Attributes:
        type: the relationship type.
        to: the attribute's node, such as ``Node("Genre", key="name")``.
        of: which side is described, ``"item"`` or ``"user"``.
        weight: the property that holds a numeric weight, or None.
    """

    type: Name
    to: Node
    of: Literal["item", "user"] = "item"
    weight: Name | None = None

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            type: str,
            to: Node,
            of: Literal["item", "user"] = "item",
            weight: str | None = None,
        ) -> None: ...


class Social(_Frozen):
    """A tie between two users.

    Attributes:
        type: the relationship type.
        directed: True for followers; False counts a tie for both whichever way it was stored.
        weight: the property that holds a numeric weight, or None.
        time: the property that holds the time, or None.
    """

    type: Name
    directed: bool = False
    weight: Name | None = None
    time: Name | None = None

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            type: str,
            directed: bool = False,
            weight: str | None = None,
            time: str | None = None,
        ) -> None: ...


class Filter(_Frozen):
    """A named Cypher predicate over ``item``: callers pass its name and values, never Cypher.

    Attributes:
        name: what callers write, as in ``where={"since": {"year": 1990}}``.
        cypher: the predicate, such as ``item.year >= $year``. The schema's author is trusted; keep it a plain
            boolean expression in the dialect of the database that the schema describes.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]{0,60}$")]
    cypher: Annotated[str, Field(min_length=1)]

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            name: str,
            cypher: str,
        ) -> None: ...

    @property
    def parameters(self) -> tuple[str, ...]:
        """The names of the ``$parameters`` in `cypher`, in order of first use."""
        return tuple(dict.fromkeys(re.findall(r"\$([A-Za-z_]\w*)", self.cypher)))

    @model_validator(mode="after")
    def _check(self) -> Self:
        taken = RESERVED_PARAMETERS.intersection(self.parameters)
        if taken:
            raise ValueError(f"the parameter names {sorted(taken)} are graphrec's own: choose others")
        if ";" in self.cypher:
            raise ValueError("a predicate is one boolean expression without ';'")
        return self


class Relationship(NamedTuple):
    """A relationship type with its two ends, as stores and datasets need it.

    Attributes:
        type: the relationship type.
        source: the node that it starts from.
        target: the node that it points to.
        weight: the weight property or None.
        time: the time property or None.
    """

    type: str
    source: Node
    target: Node
    weight: str | None = None
    time: str | None = None


class GraphSchema(_Frozen):
    """Which labels, relationships and properties mean user, item, interaction, attribute and social tie.

    Attributes:
        user: the users' node.
        item: the items' node.
        interactions: relationships from user to item, at least one.
        attributes: relationships from items or users to what describes them.
        social: ties between users.
        filters: named Cypher predicates for ``where=``.

    Raises:
        SchemaError: a field is unknown or impossible, a relationship type or filter name is used twice, or one
            label is given two different keys.
    """

    user: Node = Node("User", key="user_id")
    item: Node = Node("Item", key="item_id")
    interactions: Annotated[tuple[Interaction, ...], Field(min_length=1)] = (
        Interaction("INTERACTED", weight="weight", time="timestamp", target=True),
    )
    attributes: tuple[Attribute, ...] = ()
    social: tuple[Social, ...] = ()
    filters: tuple[Filter, ...] = ()

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            user: Node = ...,
            item: Node = ...,
            interactions: Sequence[Interaction] = ...,
            attributes: Sequence[Attribute] = ...,
            social: Sequence[Social] = ...,
            filters: Sequence[Filter] = ...,
        ) -> None: ...

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.user.label == self.item.label:
            raise ValueError(f"users and items must have different labels; both are {self.user.label!r}")
        names = [i.type for i in self.interactions] + [a.type for a in self.attributes]
        names += [s.type for s in self.social] + [f.name for f in self.filters]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"the name {name!r} is used twice; each relationship type and filter needs its own")
        known: dict[str, Node] = {}
        for node in (self.user, self.item, *(a.to for a in self.attributes)):
            if known.setdefault(node.label, node).key != node.key:
                raise ValueError(
                    f"the label {node.label!r} is given two keys: {known[node.label].key!r}, {node.key!r}"
                )
        return self

    @property
    def targets(self) -> tuple[Interaction, ...]:
        """The interactions to predict: those marked ``target``, else the first."""
        return tuple(i for i in self.interactions if i.target) or self.interactions[:1]

    @property
    def hiding(self) -> tuple[Interaction, ...]:
        """The interactions that make an item count as seen."""
        return tuple(i for i in self.interactions if i.hides)

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
