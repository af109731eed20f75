"""Hold out interactions for validation and test, without leaks.

What is held out are *pairs* of user and item, not rows: every interaction between the two, of any type, leaves the
training part. A repeated pair stands where its **first** target interaction stands, since a recommender of unseen items
is asked about an item before its first interaction only; later repeats are nobody's truth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import scipy.sparse as sp

from graphrec.data.check import check_times, plain, time_type
from graphrec.data.rows import edge_rows
from graphrec.data.source import Source
from graphrec.data.tables import UNDATED
from graphrec.errors import ArgumentError, DataError, near, problem
from graphrec.schema import Relationship

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.tables import EdgeTable, NodeTable
    from graphrec.schema import KeyType

    Codes = NDArray[np.int64]  # pairs as user_row * n_items + item_row, ascending and unique

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
        pairs = self.matrix.tocoo()
        keys = {"user_id": self.users.take(pairs.coords[0]), "item_id": self.items.take(pairs.coords[1])}
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


@dataclass(frozen=True)
class _Parts:
    rule: str
    test: Codes
    validation: Codes | None
    notes: tuple[str, ...] = ()
    cut: int | None = None  # dated relationships from here on leave train


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
    codes = np.unique(np.concatenate([_codes(data, data.edges[kind.type]) for kind in data.schema.targets]))
    if not len(codes):
        raise DataError(problem("data", "must hold target interactions to split", 0, "Load some first."))
    if rule == "leave-last-out":
        parts = _leave_last_out(data, 1 if validation is None else validation, 1 if test is None else test)
    elif rule == "random":
        parts = _random(codes, *_fractions(validation, test), seed)
    elif rule == "time":
        parts = _time(data, validation, test, at)
    else:
        parts = _given(data, validation, test)
    return _divided(data, parts, codes)


def _divided(data: Dataset, parts: _Parts, codes: Codes) -> Split:
    held = parts.test if parts.validation is None else np.union1d(parts.test, parts.validation)
    empty = [name for name, part in (("test", parts.test), ("validation", parts.validation)) if part is not None]
    empty = [name for name in empty if not len(getattr(parts, name))]
    left = np.setdiff1d(codes, held, assume_unique=True)
    if not len(left):
        empty.append("train")
    if empty:
        raise DataError(
            f"`split` by {parts.rule} must leave pairs in every part. Got none for {' and '.join(empty)} from "
            f"{len(codes):,} pairs. Take other fractions or another rule, or validation=0 to go without."
        )
    interactions = {kind.type for kind in data.schema.interactions}
    edges = {}
    for name, edge in data.edges.items():
        keep = np.ones(len(edge), bool)
        if name in interactions:
            keep &= ~np.isin(_codes(data, edge), held)
        if parts.cut is not None and edge.time is not None:
            keep &= edge.time < parts.cut  # undated ones are below every time
        if not keep.all():
            edges[name] = edge.select(keep)
    width = max(len(data.items), 1)
    cold = len(np.setdiff1d(parts.test // width, left // width))
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


def _leave_last_out(data: Dataset, validation: Any, test: Any) -> _Parts:
    for name, count, least in (("validation", validation, 0), ("test", test, 1)):
        if isinstance(count, bool) or not isinstance(count, int) or count < least:
            raise ArgumentError(problem(name, f"must be a count of at least {least} for 'leave-last-out'", count))
    codes, times = _first_times(data, "leave-last-out")
    users = codes // len(data.items)
    order = np.lexsort((codes, times, users))
    counts = np.bincount(users)
    after = np.cumsum(counts)[users[order]] - 1 - np.arange(len(order))  # how many pairs of the user come later
    enough = (counts > test + validation)[users[order]]
    tested, validated = enough & (after < test), enough & (after >= test) & (after < test + validation)
    short = int(((counts > 0) & (counts <= test + validation)).sum())
    notes = (
        f"{short:,} of {int((counts > 0).sum()):,} users have fewer than {test + validation + 1} target pairs and stay "
        "whole in train.",
    )
    return _Parts(
        f"leave-last-out(test={test}, validation={validation})",
        np.sort(codes[order[tested]]),
        np.sort(codes[order[validated]]) if validation else None,
        notes if short else (),
    )


def _random(codes: Codes, validation: float, test: float, seed: Any) -> _Parts:
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise ArgumentError(problem("seed", "must be a whole number of at least 0", seed))
    shuffled = np.random.default_rng(int(seed)).permutation(codes)
    n_test, n_held = _counts(len(codes), validation, test)
    return _Parts(
        f"random(test={test}, validation={validation}, seed={seed})",
        np.sort(shuffled[:n_test]),
        np.sort(shuffled[n_test:n_held]) if validation else None,
    )


def _time(data: Dataset, validation: Any, test: Any, at: Any) -> _Parts:
    codes, times = _first_times(data, "time")
    starts: list[int]
    if at is None:
        fractions = _fractions(validation, test)
        rule = f"time(test={fractions[1]}, validation={fractions[0]})"
        n_test, n_held = _counts(len(codes), *fractions)
        ranked = np.sort(times)
        starts = [int(ranked[max(len(codes) - n, 0)]) for n in ([n_held, n_test] if fractions[0] else [n_test])]
    else:
        if validation is not None or test is not None:
            raise ArgumentError(problem("at", "and the fractions `validation`, `test` exclude each other", at))
        starts = _moments(at)
        rule = f"time(at={', '.join(str(pd.Timestamp(start, unit='s', tz='UTC')) for start in starts)})"
    notes = []
    for name, relationship in data.schema.relationships.items():
        edge = data.edges[name]
        undated = len(edge) if edge.time is None else int((edge.time == UNDATED).sum())
        if undated:
            notes.append(
                f"{undated:,} {relationship.type} relationships have no time and stay in train: they may be from after "
                "the cut, a possible leak."
            )
    late = times >= starts[-1]
    middle = (times >= starts[0]) & ~late if len(starts) == 2 else None
    return _Parts(rule, codes[late], None if middle is None else codes[middle], tuple(notes), starts[0])


def _given(data: Dataset, validation: Any, test: Any) -> _Parts:
    if test is None:
        raise ArgumentError(problem("test", "must be a frame of pairs for the rule 'given'", test))
    none = validation is None or (isinstance(validation, int) and validation == 0)
    tested = _pairs_of(data, test, "test")
    validated = None if none else _pairs_of(data, validation, "validation")
    if validated is not None and (both := np.intersect1d(tested, validated)).size:
        user, item = divmod(int(both[0]), len(data.items))
        example = (data.users.keys[user].as_py(), data.items.keys[item].as_py())
        raise DataError(
            problem("validation", "must not share pairs with `test`", example, "Drop it from one of them.")
        )
    sizes = f"test={len(tested):,} pairs, validation={0 if validated is None else len(validated):,} pairs"
    return _Parts(f"given({sizes})", tested, validated)


def _pairs_of(data: Dataset, frame: Any, argument: str) -> Codes:
    schema = data.schema
    types: dict[str, KeyType] = {
        label: "integer" if pa.types.is_integer(data.nodes[label].keys.type) else "string"
        for label in (schema.user.label, schema.item.label)
    }
    rows = edge_rows(
        Source.of(frame, argument), Relationship(schema.targets[0].type, schema.user, schema.item), key_types=types
    )
    rows.check()
    pairs = pa.concat_tables([rows.schema.empty_table(), *rows.tables()])
    users = data.users.require(pairs["source"], f"{argument} users")
    return np.unique(users * len(data.items) + data.items.require(pairs["target"], f"{argument} items"))


def _first_times(data: Dataset, rule: str) -> tuple[Codes, NDArray[np.int64]]:
    """Return the target pairs and the time of the first interaction of each."""
    tables = [data.edges[kind.type] for kind in data.schema.targets]
    for edge in tables:
        undated = len(edge) if edge.time is None else int((edge.time == UNDATED).sum())
        if undated:
            raise DataError(
                f"`rule` {rule!r} needs a time on every {edge.type!r}. Got {undated:,} of {len(edge):,} without one. Name "
                "the time property in the schema, drop the undated ones, or use split('random')."
            )
    codes = np.concatenate([_codes(data, edge) for edge in tables])
    times = np.concatenate([np.zeros(0, np.int64) if edge.time is None else edge.time for edge in tables])
    order = np.lexsort((times, codes))
    ordered = codes[order]
    first = np.append(True, ordered[1:] != ordered[:-1])
    return ordered[first], times[order][first]


def _codes(data: Dataset, edge: EdgeTable) -> NDArray[np.int64]:
    return edge.source_rows * np.int64(len(data.items)) + edge.target_rows


def _held_out(data: Dataset, codes: Codes) -> HeldOut:
    shape = (len(data.users), len(data.items))
    rows, columns = np.divmod(codes, np.int64(shape[1]))
    matrix = sp.csr_array((np.ones(len(codes), np.float32), (rows, columns)), shape=shape)
    return HeldOut(data.users, data.items, matrix)


def _fractions(validation: Any, test: Any) -> tuple[float, float]:
    validation, test = (0.1 if value is None else value for value in (validation, test))
    for name, value in (("validation", validation), ("test", test)):
        number = isinstance(value, float | int | np.number) and not isinstance(value, bool) and math.isfinite(value)
        if not number or not 0 <= value < 1 or (name == "test" and value == 0):
            raise ArgumentError(problem(name, "must be a fraction of the pairs, between 0 and 1", value))
    if validation + test >= 1:
        raise ArgumentError(problem("validation", "and `test` must add up to less than 1", validation + test))
    return float(validation), float(test)


def _counts(n: int, validation: float, test: float) -> tuple[int, int]:
    """Return how many pairs are for the test, and how many for both parts; no part asked for is empty."""
    n_test = max(1, round(n * test))
    return n_test, n_test + (max(1, round(n * validation)) if validation else 0)


def _moments(at: Any) -> list[int]:
    given = list(at) if isinstance(at, list | tuple) else [at]
    rule = "must be one or two moments, (validation start, test start), as epoch seconds or ISO 8601 text"
    try:
        parsed = [plain(pa.array([moment])) for moment in given]
        for moment in parsed:
            time_type("`at`", moment.type)
    except (pa.ArrowException, DataError, TypeError, ValueError) as error:
        raise ArgumentError(problem("at", rule, at)) from error
    checked = [check_times(moment) for moment in parsed]
    starts = [seconds[0].as_py() for seconds, _ in checked]
    if None in starts or any(bad.any() for _, broken in checked for _, bad in broken) or not 1 <= len(starts) <= 2:
        raise ArgumentError(problem("at", rule, at))
    if starts != sorted(set(starts)):
        raise ArgumentError(problem("at", "must put the validation start before the test start", at))
    return starts
