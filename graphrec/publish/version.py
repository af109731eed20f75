"""What is known of one published version of a model, and how a record holds it."""

from __future__ import annotations

import json
from dataclasses import MISSING, asdict, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, cast

if TYPE_CHECKING:
    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import Record

Slot = Literal["a", "b"]
_FIELD = {"slot": "live"}  # of a record, where it has another name


@dataclass(frozen=True)
class Version:
    """What is known of one published version of a model.

    Attributes:
        name: the model's name in the graph.
        version: 1, 2, 3, ...: never given twice.
        slot: where its vectors are, ``"a"`` or ``"b"``.
        kind: what fitted it, such as ``"lightgcn"``.
        dim: numbers in a vector, without the lift.
        scale: M of the lift (`graphrec.publish.lift`); 1 where vectors are stored as they are.
        lifted: whether vectors are stored lifted, for a cosine index.
        fold_in: whether new users can be folded in.
        fingerprint: the dataset that the model was fitted on.
        users: how many user vectors were written.
        items: how many item vectors were written.
        created: when it went live, ISO 8601 in UTC.
        index_recall: recall@20 of the index path against the exact one, measured on a sample at publishing; None
            where there is no index.
        minor: how often `graphrec.publish.refresh` has added nodes to it: 7.1 is version 7 with new nodes.
        cold_users: how many user vectors were made of items or attributes, without training.
        cold_items: how many item vectors were made of attributes.
        features: what maps from attributes to vectors it has (`graphrec.publish.features`), as JSON.
        graph: how large the graph was when it was published (`graphrec.publish.drift`), as JSON.
        user_label: the label of its users; None of one that was published before labels were kept.
        item_label: the label of its items.
    """

    name: str
    version: int
    slot: Slot
    kind: str
    dim: int
    scale: float
    lifted: bool
    fold_in: bool
    fingerprint: str
    users: int
    items: int
    created: str
    index_recall: float | None = None
    minor: int = 0
    cold_users: int = 0
    cold_items: int = 0
    features: str | None = None
    graph: str | None = None
    user_label: str | None = None
    item_label: str | None = None

    @property
    def shown(self) -> int | str:
        """What people read: 7, or ``"7.1"`` once nodes were added."""
        return f"{self.version}.{self.minor}" if self.minor else self.version

    def belongs(self, schema: GraphSchema) -> bool:
        """Whether its labels are the schema's; what does not say its labels may be anybody's."""
        asked = ((self.user_label, schema.user), (self.item_label, schema.item))
        return all(label in (None, node.label) for label, node in asked)


def other(slot: object) -> Slot:
    """Return the slot that is not this one (``"a"`` for the first publish)."""
    return "b" if slot == "a" else "a"


def version_of(record: Record) -> Version:
    """Return the live version that a record describes."""
    values = {f.name: record.get(_FIELD.get(f.name, f.name)) for f in fields(Version)}
    known = {f.name for f in fields(Version) if values[f.name] is not None or f.default is MISSING}
    return Version(**cast("dict[str, Any]", {name: values[name] for name in known}))


def standby_of(record: Record) -> Version | None:
    """Return the version that a rollback would bring; fields of a newer graphrec are left out."""
    if not record.get("standby"):
        return None
    known = {f.name for f in fields(Version)}
    return Version(**{k: v for k, v in json.loads(str(record["standby"])).items() if k in known})


def as_fields(version: Version) -> Record:
    """Return the fields of a record whose live version this is."""
    return {_FIELD.get(name, name): value for name, value in asdict(version).items() if name != "name"}
