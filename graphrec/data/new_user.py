"""Somebody who is in no graph yet, by what they say of themselves, and what a model's maps make of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import scipy.sparse as sp

from graphrec.data.described import Described, Links
from graphrec.data.feature_columns import words
from graphrec.data.feature_map import amounts
from graphrec.errors import ArgumentError, ModelError, near, problem

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.described import Side
    from graphrec.data.feature_blocks import Block
    from graphrec.data.feature_map import FeatureMap
    from graphrec.data.features import Encoder


@dataclass(frozen=True, eq=False)
class NewUser:
    """A user who is not in the graph. Every field may be left out.

    Attributes:
        items: keys of items that they took.
        attributes: what describes them, by attribute relationship or property of users, such as
            ``{"LIVES_IN": ["Paris"], "age": 30}``. A value that the model never met counts for nothing.
        text: what they would like, in words, such as ``"quiet science fiction from the seventies"``. It is read as if
            it described an item, by its words, its sense (where the model reads sentences), and the names of
            attributes and categories in it.
    """

    items: Sequence[Any] = ()
    attributes: Mapping[str, Any] = field(default_factory=dict)
    text: str | None = None

    def __post_init__(self) -> None:
        if isinstance(self.items, str | bytes) or not hasattr(self.items, "__iter__"):
            raise ArgumentError(problem("items", "must be a list of item keys", self.items))
        attributes: Any = self.attributes
        if not isinstance(attributes, Mapping):
            rule = "must give values by name, as in {'LIVES_IN': ['Paris']}"
            raise ArgumentError(problem("attributes", rule, attributes))
        valid = isinstance(self.text, str) and not any("\ud800" <= c <= "\udfff" for c in self.text)
        if not (self.text is None or valid):
            raise ArgumentError(problem("text", "must be valid text", self.text))


def with_more(
    users: Sequence[NewUser],
    vectors: NDArray[Any],
    counts: NDArray[np.int64],
    maps: Mapping[Side, FeatureMap],
    name: str,
) -> tuple[NDArray[np.float32], NDArray[np.object_]]:
    """Add what users say to what their items say.

    Each item, the text and the attributes are one part each: a vector is the sum of its parts over the square root of
    their number. What the model knows nothing of is no part.

    Args:
        users: who they are, [b].
        vectors: of their items: the sum of what each adds over the square root of their number, [b, d].
        counts: how many items those are, int64 [b].
        maps: the model's, by side.
        name: of the model, for messages.

    Returns:
        Vectors float32 [b, d], and what they were made of: ``"fold-in"`` (items), ``"text"``, ``"attributes"``,
        joined by ``+``; ``""`` where there is nothing.

    Raises:
        ArgumentError: an attribute is no block of the model's.
        ModelError: the model has no map that reads what is given.
    """
    found = np.asarray(vectors, np.float32)
    path = np.where(found.any(axis=1), "fold-in", "").astype(object)
    sums = np.asarray(vectors, np.float64) * np.sqrt(counts)[:, None]
    parts = np.where(path == "", 0, counts)
    for way, more in (("text", by_text(users, maps, name)), ("attributes", by_attributes(users, maps, name))):
        if more is not None:
            told = np.flatnonzero(more.any(axis=1))
            sums[told] += more[told]
            parts[told] += 1
            found[told] = sums[told] / np.sqrt(parts[told])[:, None]
            path[told] = [f"{before}+{way}" if before else way for before in path[told]]
    return found, path


def by_text(users: Sequence[NewUser], maps: Mapping[Side, FeatureMap], name: str) -> NDArray[np.float32] | None:
    """Return what an item that is described by each user's text would add to them, float32 [b, d].

    Raises:
        ModelError: there is a text, and the model cannot read it.
    """
    texts = [(user.text or "").strip() for user in users]
    if not any(texts):
        return None
    item = maps.get("item")
    if item is None or "fold_in" not in item.matrices:
        raise _cannot(name, "by a text", "that maps what describes items and folds in")
    return item.applied(read_text(item.encoder, texts), "fold_in")


def by_attributes(users: Sequence[NewUser], maps: Mapping[Side, FeatureMap], name: str) -> NDArray[np.float32] | None:
    """Return the vectors of what describes each user, float32 [b, d].

    Raises:
        ArgumentError: an attribute is unknown.
        ModelError: there are attributes, and the model has no map of users.
    """
    if not any(user.attributes for user in users):
        return None
    if "user" not in maps:
        raise _cannot(name, "by attributes", "that maps what describes users")
    return maps["user"].vectors(read_attributes(maps["user"].encoder, users))


def _cannot(name: str, how: str, what: str) -> ModelError:
    return ModelError(f"The model {name!r} cannot serve new users {how}. Take one {what}, such as ColdStart.")


def read_text(encoder: Encoder, texts: Sequence[str]) -> sp.csr_array:
    """Return texts as if each described an item, float32 [n, m].

    Words and sentences read it whole. An attribute or a category has those values whose words, those of one letter
    too, stand in the text one after another, whatever the case: "Sci-Fi" in "good sci-fi please". Numbers and vectors
    read nothing, and how long the text is means nothing.
    """
    parts = []
    for block in encoder.own:
        nodes = Described(len(texts), {}, {})
        if block.kind in ("words", "sentence"):
            nodes = Described(len(texts), {block.name: pa.array(texts, pa.string())}, {})
        elif block.kind in ("attribute", "category"):
            said = [block.values.filter(_named(block, text)) for text in texts]
            rows = np.repeat(np.arange(len(texts)), [len(each) for each in said])
            links = Links(rows, pa.concat_arrays(said))
            lists = pa.array([each.to_pylist() for each in said], pa.list_(pa.string()))
            nodes = Described(len(texts), {block.name: lists}, {block.name: links})
        parts.append(block.weighed(nodes))
    found = encoder.joined(parts, len(texts))
    found.data[amounts(encoder)[found.indices]] = 0
    found.eliminate_zeros()
    return found


def _named(block: Block, text: str) -> pa.Array:
    """Return which of a block's values stand in a text, bool [m]."""
    phrases, longest = _phrases(block)
    spoken = words(pa.array([text]), "text", shortest=1)[1].to_pylist()
    runs = {" ".join(spoken[i : i + n]) for n in range(1, longest + 1) for i in range(len(spoken) - n + 1)}
    return pc.is_in(phrases, value_set=pa.array(sorted(runs), pa.string()))


@lru_cache(maxsize=64)
def _phrases(block: Block) -> tuple[pa.Array, int]:
    """Return a block's values as words between single spaces, and the most words of one."""
    rows, found = words(block.values, block.name, shortest=1)
    order = np.argsort(rows, kind="stable")
    counts = np.bincount(rows, minlength=len(block))
    ends = pa.array(np.append(0, np.cumsum(counts)), pa.int32())
    lists = pa.ListArray.from_arrays(ends, found.take(pa.array(order)))
    return pc.binary_join(lists, " "), int(counts.max(initial=0))


def read_attributes(encoder: Encoder, users: Sequence[NewUser]) -> Described:
    """Return what users say of themselves in the form that encoders read.

    Raises:
        ArgumentError: a name is not among the encoder's, or values of one name do not go together.
    """
    kinds = {block.name: block.kind for block in encoder.own}
    properties: dict[str, pa.Array] = {}
    links: dict[str, Links] = {}
    for user in users:
        for name in user.attributes:
            if name not in kinds:
                rule = "must name what describes users in this model"
                raise ArgumentError(problem("attributes", rule, name, near(str(name), kinds)))
    for name, kind in kinds.items():
        given = [user.attributes.get(name) for user in users]
        try:
            if kind in ("attribute", "category"):
                lists = [[_text(each) for each in _as_list(value)] for value in given]
                rows = np.repeat(np.arange(len(users)), [len(each) for each in lists])
                links[name] = Links(rows, pa.array([text for each in lists for text in each], pa.string()))
                properties[name] = pa.array(lists, pa.list_(pa.string()))
            else:
                properties[name] = pa.array(given)
        except (pa.ArrowException, OverflowError, ValueError) as error:
            rule = "must be what a property can hold, of one type for all users"
            raise ArgumentError(problem(f"attributes[{name!r}]", rule, given)) from error
    return Described(len(users), properties, links)


def _as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    many = hasattr(value, "__iter__") and not isinstance(value, str | bytes)
    return list(value) if many else [value]


def _text(value: Any) -> str:
    """Return a key or a category as encoders hold it."""
    text: str = pc.cast(pa.scalar(value), pa.string()).as_py()
    return text
