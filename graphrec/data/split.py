"""Hold out interactions for validation and test, without leaks.

What is held out are *pairs* of user and item, not rows: every interaction between the two, of any type, leaves the
training part. A repeated pair stands where its **first** target interaction stands, since a recommender of unseen
items is asked about an item before its first interaction only; later repeats are nobody's truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from graphrec.data.split_rules import Parts, as_given, at_random, by_time, codes_of, distinct, last_of_each
from graphrec.errors import ArgumentError, DataError, near, problem

if TYPE_CHECKING:
    import pandas as pd

    from graphrec.data.dataset import Dataset
    from graphrec.data.split_rules import Codes
    from graphrec.data.tables import NodeTable

RULES = ("leave-last-out", "random", "time", "given")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Pairs that a model must not see before it is judged by them.

    Attributes:
        users: the users of the whole dataset.
        items: its items.
        matrix: 1 where a pair is held out, float32 [n_users, n_items].
    """

    users: NodeTable
    items: NodeTable
    matrix: sp.csr_array

    @property
    def n_pairs(self) -> int:
        """How many pairs are held out."""
        return int(self.matrix.nnz)

    def frame(self) -> pd.DataFrame:
        """Return the pairs as keys, ``user_id`` and ``item_id``."""
        user_rows, item_rows = (rows.astype(np.int64) for rows in self.matrix.tocoo().coords)
        keys = {"user_id": self.users.take(user_rows), "item_id": self.items.take(item_rows)}
        frame: pd.DataFrame = pa.table(keys).to_pandas()
        return frame

    def __repr__(self) -> str:
        return f"HeldOut({self.n_pairs:,} pairs of {int((np.diff(self.matrix.indptr) > 0).sum()):,} users)"


@dataclass(frozen=True, eq=False)
class Split:
    """A dataset in parts. Users and items keep their rows in all of them.

    Attributes:
        train: what a model may see.
        validation: what training may be steered by, or None.
        test: what results are reported on.
        rule: how the parts were made, with all options.
        notes: what a reader of the results must know.
    """

    train: Dataset
    validation: HeldOut | None
    test: HeldOut
    rule: str
    notes: tuple[str, ...] = ()


def split(
    data: Dataset,
    rule: str = "leave-last-out",
    *,
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    at: Any = None,
) -> Split:
    """Hold out target interactions by a rule.

    * ``"leave-last-out"``: of each user the last ``test`` (1) pairs by time, and the ``validation`` (1) before them.
      Equal times go by item key, the higher one is the later. Users with too few pairs stay whole in train.
    * ``"random"``: the fractions ``test`` (.1) and ``validation`` (.1) of all pairs, whichever user they are of.
    * ``"time"``: everything from a moment on: the fractions ``test`` (.1) and ``validation`` (.1) of the pairs that
      came last, or from ``at=(validation start, test start)`` or ``at=test start`` on. A time equal to the start
      belongs to the later part. Dated relationships of every type from the first start on leave train.
    * ``"given"``: the pairs in the frames ``test`` and ``validation``; whatever else there is is train.

    Args:
        data: a whole dataset.
        rule: see above.
        validation: a count, a fraction or a frame, as the rule says; 0 makes no validation part.
        test: likewise, but never 0.
        seed: for ``"random"``: the same seed and pairs give the same parts.
        at: for ``"time"``: epoch seconds, ISO 8601 dates or timestamps.

    Raises:
        ArgumentError: an option is impossible, or belongs to another rule.
        DataError: target interactions are undated where the rule needs times, or a part would be empty.
        UnknownKeyError: a given frame has a key that the dataset does not hold.
    """
    if rule not in RULES:
        raise ArgumentError(problem("rule", f"must be one of {', '.join(RULES)}", rule, near(str(rule), RULES)))
    if at is not None and rule != "time":
        raise ArgumentError(problem("at", "belongs to the rule 'time'", at, f"Leave it out for {rule!r}."))
    codes = distinct(np.concatenate([codes_of(data, data.edges[kind.type]) for kind in data.schema.targets]))
    if not len(codes):
        raise DataError(problem("data", "must hold target interactions to split", 0, "Load some first."))
    if rule == "leave-last-out":
        parts = last_of_each(data, 1 if validation is None else validation, 1 if test is None else test)
    elif rule == "random":
        parts = at_random(codes, validation, test, seed)
    elif rule == "time":
        parts = by_time(data, validation, test, at)
    else:
        parts = as_given(data, validation, test)
    return _divided(data, parts, codes)


def _divided(data: Dataset, parts: Parts, codes: Codes) -> Split:
    held = parts.test if parts.validation is None else np.concatenate([parts.test, parts.validation])
    left = codes[~np.isin(codes, held)]
    all_parts = {"train": left, "validation": parts.validation, "test": parts.test}
    if empty := [name for name, part in all_parts.items() if part is not None and not len(part)]:
        raise DataError(
            f"`split` by {parts.rule} must leave pairs in every part. Got none for {' and '.join(empty)} from "
            f"{len(codes):,} pairs. Take other fractions or another rule, or validation=0 to go without."
        )
    interactions = {kind.type for kind in data.schema.interactions}
    edges = {}
    for name, edge in data.edges.items():
        keep = np.ones(len(edge), bool)
        if name in interactions:
            keep &= ~np.isin(codes_of(data, edge), held)
        if parts.cut is not None and edge.time is not None:
            keep &= edge.time < parts.cut  # undated ones are below every time
        if not keep.all():
            edges[name] = edge.select(keep)
    tested, trained = (
        np.bincount(part // len(data.items), minlength=len(data.users)) > 0 for part in (parts.test, left)
    )
    cold = int((tested & ~trained).sum())
    notes = list(parts.notes)
    if cold:
        notes.append(f"{cold:,} users with test pairs have no target interaction in train.")
    return Split(
        data.with_edges(edges, f"The training part of {parts.rule}."),
        None if parts.validation is None else _held_out(data, parts.validation),
        _held_out(data, parts.test),
        parts.rule,
        tuple(notes),
    )


def _held_out(data: Dataset, codes: Codes) -> HeldOut:
    shape = (len(data.users), len(data.items))
    rows, columns = np.divmod(codes, shape[1])
    matrix = sp.csr_array((np.ones(len(codes), np.float32), (rows, columns)), shape=shape)
    return HeldOut(data.users, data.items, matrix)
