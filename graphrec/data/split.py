"""Hold out interactions for validation and test, without leaks.

What is held out are *pairs* of user and item, not rows: every interaction between the two, of any type, leaves the
training part. A repeated pair stands where its **first** target interaction stands, since a recommender of unseen
items is asked about an item before its first interaction only; later repeats are nobody's truth.

What leaves train with a pair is every relationship between that user and that item, an attribute as well. Other
attributes and ties stay: where they were made from interactions (a tag "likes X" counted over all the data), no split
can take that back.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import scipy.sparse as sp

from graphrec.data.pairs import codes_in, codes_of, distinct, joins_pairs, matrix_of, target_tables
from graphrec.data.split_rules import Parts, as_given, at_random, by_time, cold, last_of_each
from graphrec.errors import ArgumentError, DataError, near, problem

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.pairs import Codes
    from graphrec.data.tables import EdgeTable, NodeTable

RULES = ("leave-last-out", "random", "time", "given", "cold-users", "cold-items")


@dataclass(frozen=True, eq=False)
class HeldOut:
    """Pairs that a model must not see before it is judged by them.

    Attributes:
        users: the users of the whole dataset.
        items: its items.
        matrix: 1 where a pair is held out, float32 [n_users, n_items].
        ratings: the weights of these pairs, those of parallel interactions added up as in `Dataset.interactions`; the
            same entries as ``matrix``, NaN for a pair that the data did not hold. None where the schema names no
            weight.
        steered: which models were fitted with it as ``validation``.
        looks: which models each call of `graphrec.evaluate` judged by this part; it adds a line each time.
    """

    users: NodeTable
    items: NodeTable
    matrix: sp.csr_array
    ratings: sp.csr_array | None = None
    steered: list[str] = field(default_factory=list, init=False, repr=False)
    looks: list[frozenset[str]] = field(default_factory=list, init=False, repr=False)

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
        rest: makes `without_test`; None in a split that was put together by hand.
    """

    train: Dataset
    validation: HeldOut | None
    test: HeldOut
    rule: str
    notes: tuple[str, ...] = ()
    rest: Callable[[], Dataset] | None = field(default=None, repr=False)

    @cached_property
    def without_test(self) -> Dataset:
        """Everything but the test part: what a model whose settings validation has decided is fitted on again.

        ``graphrec.evaluate(model, split)`` takes a model that was fitted on it, as one of ``train``; the validation
        pairs are left out of the lists either way.

        Raises:
            ArgumentError: the split was put together by hand, with a validation part.
        """
        if self.validation is None:
            return self.train
        if self.rest is None:
            raise ArgumentError(
                problem("split", "must come from `data.split`, to know what all but the test is", self.rule)
            )
        return self.rest()


def split(
    data: Dataset,
    rule: str = "leave-last-out",
    *,
    validation: Any = None,
    test: Any = None,
    seed: int = 0,
    at: Any = None,
    keep: Any = None,
) -> Split:
    """Hold out target interactions by a rule.

    * ``"leave-last-out"``: of each user the last ``test`` (1) pairs by time, and the ``validation`` (1) before them.
      Equal times go by item key, the higher one is the later. Users with too few pairs stay whole in train.
    * ``"random"``: the fractions ``test`` (.1) and ``validation`` (.1) of all pairs, whichever user they are of.
    * ``"time"``: everything from a moment on: the fractions ``test`` (.1) and ``validation`` (.1) of the pairs that
      came last, or from ``at=(validation start, test start)`` or ``at=test start`` on. A time equal to the start
      belongs to the later part. Dated relationships of every type from the first start on leave train.
    * ``"cold-users"``: fractions ``test`` (.1) and ``validation`` (.1) of the users who have more than ``keep`` (0)
      pairs. Of each all pairs are held out but ``keep`` random ones, which stay in train as the history.
    * ``"cold-items"``: all pairs of the fractions ``test`` (.1) and ``validation`` (.1) of the items that have any.
      Interactions of every type with these users or items leave train, whether their pair is held out or not; what
      describes them stays. `graphrec.evaluate` ranks all items unless ``candidates`` says otherwise, for example
      the cold ones: ``candidates=split.test.frame()["item_id"].unique()``.
    * ``"given"``: the pairs in the frames ``test`` and ``validation``; whatever else there is is train. In place of
      a frame, ``validation`` may be a fraction: so many of the other pairs, drawn at random.

    Args:
        data: a whole dataset.
        rule: see above.
        validation: a count, a fraction or a frame, as the rule says; 0 makes no validation part.
        test: likewise, but never 0.
        seed: of what is drawn at random: the same seed and pairs give the same parts.
        at: for ``"time"``: epoch seconds, ISO 8601 dates or timestamps.
        keep: for ``"cold-users"``: how many pairs of a cold user a model may see.

    Raises:
        ArgumentError: an option is impossible, or belongs to another rule.
        DataError: target interactions are undated where the rule needs times, or a part would be empty.
        UnknownKeyError: a given frame has a key that the dataset does not hold.
    """
    if rule not in RULES:
        raise ArgumentError(problem("rule", f"must be one of {', '.join(RULES)}", rule, near(str(rule), RULES)))
    if at is not None and rule != "time":
        raise ArgumentError(problem("at", "belongs to the rule 'time'", at, f"Leave it out for {rule!r}."))
    if keep is not None and rule != "cold-users":
        raise ArgumentError(problem("keep", "belongs to the rule 'cold-users'", keep, f"Leave it out for {rule!r}."))
    codes = target_codes(data)
    if rule == "leave-last-out":
        parts = last_of_each(data, 1 if validation is None else validation, 1 if test is None else test)
    elif rule == "random":
        parts = at_random(codes, validation, test, seed)
    elif rule == "time":
        parts = by_time(data, validation, test, at)
    elif rule == "given":
        parts = as_given(data, codes, validation, test, seed)
    else:
        parts = cold(data, codes, rule.removeprefix("cold-"), validation, test, 0 if keep is None else keep, seed)
    return divided(data, parts, codes)


def target_codes(data: Dataset) -> Codes:
    """Return the target pairs.

    Raises:
        DataError: there are none.
    """
    codes = distinct(np.concatenate([codes_of(data, edge) for edge in target_tables(data)]))
    if not len(codes):
        raise DataError(problem("data", "must hold target interactions to split", 0, "Load some first."))
    return codes


def divided(data: Dataset, parts: Parts, codes: Codes) -> Split:
    """Return the split that holds these parts out of all target pairs ``codes``.

    Raises:
        DataError: a part would be empty.
    """
    held = parts.test if parts.validation is None else np.concatenate([parts.test, parts.validation])
    left = codes[~np.isin(codes, held)]
    all_parts = {"train": left, "validation": parts.validation, "test": parts.test}
    if empty := [name for name, part in all_parts.items() if part is not None and not len(part)]:
        raise DataError(
            f"`split` by {parts.rule} must leave pairs in every part. Got none for {' and '.join(empty)} from "
            f"{len(codes):,} pairs. Take other fractions or another rule, or validation=0 to go without."
        )
    edges: dict[str, EdgeTable] = {}
    pruned: dict[str, EdgeTable] = {}
    notes = list(parts.notes)
    described = {attribute.type for attribute in data.schema.attributes}
    tables = [(edges, *pair) for pair in data.edges.items()] + [(pruned, *pair) for pair in data.pruned.items()]
    for kept, name, edge in tables:
        keep = np.ones(len(edge), bool)
        if joins_pairs(data, edge):
            pairs = codes_of(data, edge)
            keep &= ~np.isin(pairs, held)
            if name in described and not keep.all():
                notes.append(f"{int((~keep).sum()):,} {name} relationships between held-out pairs left train.")
            elif name not in described:
                keep &= ~_of_cold(data, parts, pairs) | np.isin(pairs, left)
        if parts.cut is not None and edge.time is not None:
            keep &= edge.time < parts.cut  # undated ones are below every time
        if not keep.all():
            kept[name] = edge.select(keep)
    tested, trained = (
        np.bincount(part // len(data.items), minlength=len(data.users)) > 0 for part in (parts.test, left)
    )
    unknown = int((tested & ~trained).sum())
    if unknown:
        notes.append(f"{unknown:,} users with test pairs have no target interaction in train.")
    with np.errstate(over="ignore"):  # a weight beyond float32 is the business of who uses it
        weights = data.interactions(weighted=True) if any(kind.weight for kind in data.schema.targets) else None
    return Split(
        replace(data.with_edges(edges, f"The training part of {parts.rule}."), pruned={**data.pruned, **pruned}),
        None if parts.validation is None else _held_out(data, parts.validation, weights),
        _held_out(data, parts.test, weights),
        parts.rule,
        tuple(notes),
        None if parts.validation is None else partial(_without_test, data, parts, codes),
    )


def _without_test(data: Dataset, parts: Parts, codes: Codes) -> Dataset:
    """Return what `Split.without_test` is; a function by name, so that a split can be pickled."""
    return divided(data, parts.of_test(len(data.items)), codes).train


def _of_cold(data: Dataset, parts: Parts, pairs: Codes) -> NDArray[np.bool_]:
    """Return which pairs are of a cold user or item."""
    ends = np.divmod(pairs, len(data.items))
    found = np.zeros(len(pairs), bool)
    for rows, chosen in zip(ends, (parts.cold_users, parts.cold_items), strict=True):
        if chosen is not None:
            found |= np.isin(rows, chosen)
    return found


def _held_out(data: Dataset, codes: Codes, weights: sp.csr_array | None) -> HeldOut:
    shape = (len(data.users), len(data.items))
    matrix = matrix_of(codes, shape)
    if weights is None:
        return HeldOut(data.users, data.items, matrix)
    known = codes_in(weights)
    place = np.minimum(np.searchsorted(known, codes), len(known) - 1)
    values = np.where(known[place] == codes, weights.data[place], np.float32(np.nan))
    return HeldOut(data.users, data.items, matrix, sp.csr_array((values, matrix.indices, matrix.indptr), shape=shape))
