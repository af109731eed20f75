"""The parts of a `GraphSchema`: nodes, relationships by what they mean, and predicates."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from graphrec.errors import SchemaError, near, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

KeyType = Literal["string", "integer"]

OWN_LABELS = frozenset({"GraphrecModel", "GraphrecLoad", "GraphrecFeature"})

RESERVED_PARAMETERS = frozenset({"user", "users", "item", "items", "k", "include", "exclude", "model"})


def _name(value: Any) -> Any:
    if isinstance(value, str):
        if not value.strip():
            raise ValueError("a name must not be empty")
        if len(value) > 1000 or "\0" in value or any("\ud800" <= c <= "\udfff" for c in value):
            raise ValueError("a name must be at most 1,000 characters of valid text without NUL")
    return value


Name = Annotated[str, BeforeValidator(_name)]

QUOTED = re.compile(r"`(?:[^`]|``)*`|'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|//[^\n]*")
"""Names, texts and comments in Cypher."""


class Frozen(BaseModel):
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


class Feature(Frozen):
    """A property of a node from which something can be learned about a node that nobody has met yet.

    Attributes:
        property: the property.
        kind: ``"category"`` (text, a whole number or a boolean, or a list of them, each value for itself),
            ``"number"``, ``"words"`` (text, by its words), ``"sentence"`` (text, by a small language model; needs the
            extra ``sentences``) or ``"vector"`` (a list of numbers, as of an image, equally long for all).
    """

    property: Name
    kind: Literal["category", "number", "words", "sentence", "vector"]

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            property: str,
            kind: Literal["category", "number", "words", "sentence", "vector"],
        ) -> None: ...


class Node(Frozen):
    """A node label and the property that identifies a node from outside.

    Attributes:
        label: the node label.
        key: the property that holds the key; unique within the label.
        key_type: ``"string"`` or ``"integer"``; None takes the type from the graph or from the first frame loaded.
        properties: further properties that a snapshot reads (titles, features).
        name: the property that people read, such as a title; None shows them the key. A snapshot reads it.
        features: properties that say what a user or an item is like; a snapshot reads them too. What a node is
            tied to by an `Attribute` describes it without being named here.
    """

    label: Name
    key: Name = "id"
    key_type: KeyType | None = None
    properties: tuple[Name, ...] = ()
    name: Name | None = None
    features: tuple[Feature, ...] = ()

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            label: str,
            key: str = "id",
            key_type: KeyType | None = None,
            properties: Sequence[str] = (),
            name: str | None = None,
            features: Sequence[Feature] = (),
        ) -> None: ...

    @property
    def columns(self) -> tuple[str, ...]:
        """The properties that a snapshot reads."""
        named = [] if self.name in (None, self.key) else [self.name]
        return tuple(dict.fromkeys([*self.properties, *named, *(feature.property for feature in self.features)]))


class Interaction(Frozen):
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


class Attribute(Frozen):
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


class Social(Frozen):
    """A tie between two users.

    Attributes:
        type: the relationship type.
        directed: True for followers; False counts a tie for both whichever way it was stored.
        weight: the property that holds a numeric weight, or None.
        time: the property that holds the time, or None.
        target: what people are to be suggested for. Where no tie says so, the first one is the target.
        hides: who has this tie to somebody is not suggested that person.
    """

    type: Name
    directed: bool = False
    weight: Name | None = None
    time: Name | None = None
    target: bool = False
    hides: bool = True

    if TYPE_CHECKING:  # positional arguments, for checkers and editors

        def __init__(
            self,
            type: str,
            directed: bool = False,
            weight: str | None = None,
            time: str | None = None,
            target: bool = False,
            hides: bool = True,
        ) -> None: ...


NAMED = 3
"""How many people a reason names at most; the Cypher of a graph file has a property for each."""


class Suggestions(Frozen):
    """How people are suggested to people, and who never is.

    Relationships are between users and may be missing from the graph as long as nobody has one. A property of a user
    says yes by any value but null, False, 0 and "".

    Attributes:
        type: the relationship type of a suggestion, written by graphrec.
        blocks: relationship types of blocks. Whoever set it, neither is suggested to the other.
        declined: the relationship type from a user to somebody whom they do not want to be suggested.
        declined_at: its property that holds the time.
        declined_days: for how many days it counts; None, or a decline without a readable time, counts for ever.
        opted_out: the user's property that says: suggest nobody to me, and me to nobody.
        deleted: the user's property that says that the user is gone, though the node is there.
        hidden: the user's property that says: name me in no reason.
    """

    type: Name = "SUGGESTED"
    blocks: tuple[Name, ...] = ()
    declined: Name | None = None
    declined_at: Name = "at"
    declined_days: Annotated[float, Field(gt=0, le=36_500)] | None = None
    opted_out: Name | None = None
    deleted: Name | None = None
    hidden: Name | None = None


class Filter(Frozen):
    """A named Cypher predicate over ``item``: callers pass its name and values, never Cypher.

    Attributes:
        name: what callers write, as in ``where={"since": {"year": 1990}}``.
        cypher: the predicate, such as ``item.year >= $year``. The schema's author is trusted; keep it a plain
            boolean expression in the dialect of the database that the schema describes. What recipes call their
            own (``user``, ``seen``, ...; `graphrec.store.recipes.TAKEN`) is no name for a variable of it.
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
        return tuple(dict.fromkeys(re.findall(r"\$([A-Za-z_]\w*)", QUOTED.sub("", self.cypher))))

    @model_validator(mode="after")
    def _check(self) -> Self:
        taken = RESERVED_PARAMETERS.intersection(self.parameters)
        if taken:
            raise ValueError(f"the parameter names {sorted(taken)} are graphrec's own: choose others")
        if ";" in QUOTED.sub("", self.cypher):
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
