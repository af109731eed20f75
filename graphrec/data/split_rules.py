"""Which pairs of user and item a split holds out, rule by rule."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from graphrec.data.arrow import plain
from graphrec.data.check import check_times, time_type
from graphrec.data.pairs import codes_of, distinct, target_tables
from graphrec.data.rows import edge_rows
from graphrec.data.source import Source
from graphrec.data.tables import kind_of
from graphrec.errors import ArgumentError, DataError, check_whole, is_number, is_whole, problem
from graphrec.schema import Node, Relationship

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.pairs import Codes
    from graphrec.schema import KeyType


@dataclass(frozen=True)
class Parts:
    """The pairs that a rule holds out.

    Attributes:
        rule: the rule with all its options.
        test: pairs for the test.
        validation: pairs for validation, or None.
        notes: what a reader must know.
        cut: epoch seconds; relationships dated from here on leave train, whatever their type.
        cold_users: rows of users whose interactions leave train, of any type, but for pairs that are not held out.
        cold_items: likewise for items.
        test_cut: where the test begins, if there is a cut.
    """

    rule: str
    test: Codes
    validation: Codes | None
    notes: tuple[str, ...] = ()
    cut: int | None = None
    cold_users: NDArray[np.int64] | None = None
    cold_items: NDArray[np.int64] | None = None
    test_cut: int | None = None

    def of_test(self, n_items: int) -> Parts:
        """Return what holds out the test part alone."""
        users, items = (
            rows if rows is None else np.intersect1d(rows, tested)
            for rows, tested in zip((self.cold_users, self.cold_items), np.divmod(self.test, n_items), strict=True)
        )
        return replace(self, validation=None, cut=self.test_cut, cold_users=users, cold_items=items)


def last_of_each(data: Dataset, validation: Any, test: Any) -> Parts:
    """Hold out the last pairs of each user who has enough of them."""
    for name, count, least in (("validation", validation, 0), ("test", test, 1)):
        if not is_whole(count) or count < least:
            raise ArgumentError(problem(name, f"must be a count of at least {least} for 'leave-last-out'", count))
    codes, times = _first_times(data, "leave-last-out")
    users = codes // len(data.items)
    order = np.lexsort((codes, times, users))
    counts = np.bincount(users)
    after = np.cumsum(counts)[users[order]] - 1 - np.arange(len(order))  # how many pairs of the user come later
    enough = (counts > test + validation)[users[order]]
    tested, validated = enough & (after < test), enough & (after >= test) & (after < test + validation)
    short = int(((counts > 0) & (counts <= test + validation)).sum())
    least, active = test + validation + 1, int((counts > 0).sum())
    notes = (f"{short:,} of {active:,} users have fewer than {least} target pairs and stay whole in train.",)
    return Parts(
        f"leave-last-out(test={test}, validation={validation})",
        np.sort(codes[order[tested]]),
        np.sort(codes[order[validated]]) if validation else None,
        notes if short else (),
    )


def at_random(codes: Codes, validation: Any, test: Any, seed: Any) -> Parts:
    """Hold out fractions of all pairs."""
    validation, test = _fractions(validation, test)
    shuffled = generator_of(seed).permutation(codes)
    n_test, n_held = _counts(len(codes), validation, test)
    return Parts(
        f"random(test={test}, validation={validation}, seed={seed})",
        np.sort(shuffled[:n_test]),
        np.sort(shuffled[n_test:n_held]) if validation else None,
    )


def cold(data: Dataset, codes: Codes, side: str, validation: Any, test: Any, keep: Any, seed: Any) -> Parts:
    """Hold out the pairs of fractions of the users (or items), all but ``keep`` of each, chosen at random."""
    validation, test = _fractions(validation, test)
    if not is_whole(keep) or keep < 0:
        raise ArgumentError(problem("keep", "must be a count of at least 0", keep))
    generator = generator_of(seed)
    users, items = np.divmod(codes, len(data.items))
    rows = users if side == "users" else items
    enough = np.flatnonzero(np.bincount(rows) > keep)
    drawn = generator.permutation(enough)
    n_test, n_held = _counts(len(drawn), validation, test)
    by_row = np.lexsort((generator.random(len(codes)), rows))  # each row's pairs in random order
    place = np.empty(len(codes), np.int64)
    place[by_row] = np.arange(len(codes)) - np.searchsorted(rows[by_row], rows[by_row])
    parts = [codes[np.isin(rows, chosen) & (place >= keep)] for chosen in (drawn[:n_test], drawn[n_test:n_held])]
    kept = f", keep={keep}" if side == "users" else ""
    return Parts(
        f"cold-{side}(test={test}, validation={validation}{kept}, seed={seed})",
        parts[0],
        parts[1] if validation else None,
        cold_users=drawn[:n_held] if side == "users" else None,
        cold_items=drawn[:n_held] if side == "items" else None,
    )


def by_time(data: Dataset, validation: Any, test: Any, at: Any) -> Parts:
    """Hold out what begins at or after a moment."""
    codes, times = _first_times(data, "time")
    if at is None:
        validation, test = _fractions(validation, test)
        rule = f"time(test={test}, validation={validation})"
        n_test, n_held = _counts(len(codes), validation, test)
        ranked = np.sort(times)
        starts = [int(ranked[-min(n, len(codes))]) for n in ([n_held, n_test] if validation else [n_test])]
    else:
        if validation is not None or test is not None:
            raise ArgumentError(problem("at", "and the fractions `validation`, `test` exclude each other", at))
        starts = _moments(at)
        rule = f"time(at={', '.join(str(np.datetime64(start, 's')) for start in starts)} UTC)"
    notes = []
    for name, edge in data.edges.items():
        if edge.undated:
            notes.append(
                f"{edge.undated:,} {name} relationships have no time and stay in train: they may be from after the "
                "cut, a possible leak."
            )
    late = times >= starts[-1]
    middle = (times >= starts[0]) & ~late if len(starts) == 2 else None
    return Parts(
        rule, codes[late], None if middle is None else codes[middle], tuple(notes), starts[0], test_cut=starts[-1]
    )


def as_given(data: Dataset, codes: Codes, validation: Any, test: Any, seed: Any) -> Parts:
    """Hold out the pairs of given frames; of validation, a fraction of the rest will do."""
    if test is None:
        raise ArgumentError(problem("test", "must be a frame of pairs for the rule 'given'", test))
    none = validation is None or (isinstance(validation, int | float) and validation == 0)
    tested = _pairs_of(data, test, "test")
    if not none and isinstance(validation, int | float | np.number):
        fraction, _ = _fractions(validation, 1e-12)
        shuffled = generator_of(seed).permutation(np.setdiff1d(codes, tested, assume_unique=True))
        drawn = np.sort(shuffled[: _counts(len(shuffled), 0.0, fraction)[0]])
        return Parts(f"given(test={len(tested):,} pairs, validation={fraction}, seed={seed})", tested, drawn)
    validated = None if none else _pairs_of(data, validation, "validation")
    if validated is not None and (both := np.intersect1d(tested, validated)).size:
        user, item = divmod(int(both[0]), len(data.items))
        example = (data.users.keys[user].as_py(), data.items.keys[item].as_py())
        raise DataError(
            problem("validation", "must not share pairs with `test`", example, "Drop it from one of them.")
        )
    sizes = f"test={len(tested):,} pairs, validation={0 if validated is None else len(validated):,} pairs"
    return Parts(f"given({sizes})", tested, validated)


def _pairs_of(data: Dataset, frame: Any, argument: str) -> Codes:
    source = Source.of(frame, argument)
    user, item = data.schema.user, data.schema.item
    if {"user_id", "item_id"} <= set(source.names):  # as `HeldOut.frame` has it
        user, item = Node("User"), Node("Item")
    types: dict[str, KeyType] = {user.label: kind_of(data.users.keys), item.label: kind_of(data.items.keys)}
    rows = edge_rows(source, Relationship(data.schema.targets[0].type, user, item), key_types=types)
    rows.check()
    pairs = pa.concat_tables([rows.schema.empty_table(), *rows.tables()])
    users = data.users.require(pairs["source"], f"{argument} users")
    return distinct(users * len(data.items) + data.items.require(pairs["target"], f"{argument} items"))


def _first_times(data: Dataset, rule: str) -> tuple[Codes, NDArray[np.int64]]:
    """Return the target pairs and the time of the first interaction of each."""
    tables = target_tables(data)
    for edge in tables:
        if edge.undated:
            raise DataError(
                f"`rule` {rule!r} needs a time on every {edge.type!r}. Got {edge.undated:,} of {len(edge):,} without "
                "one. Name the time property in the schema, drop the undated ones, or use split('random')."
            )
    codes = np.concatenate([codes_of(data, edge) for edge in tables])
    times = np.concatenate([edge.times for edge in tables])
    order = np.lexsort((times, codes))
    ordered = codes[order]
    first = np.append(True, ordered[1:] != ordered[:-1])
    return ordered[first], times[order][first]


def is_fraction(value: Any) -> bool:
    """Return whether a value is a number, Python's or NumPy's, from 0 to less than 1."""
    return (is_number(value) or isinstance(value, np.number)) and bool(0 <= value < 1)


def _fractions(validation: Any, test: Any) -> tuple[float, float]:
    validation, test = (0.1 if value is None else value for value in (validation, test))
    for name, value in (("validation", validation), ("test", test)):
        if not is_fraction(value) or (name == "test" and value == 0):
            least = "above 0" if name == "test" else "of at least 0"
            raise ArgumentError(problem(name, f"must be a fraction, {least} and below 1", value))
    if validation + test >= 1:
        raise ArgumentError(problem("validation", "and `test` must add up to less than 1", validation + test))
    return float(validation), float(test)


def _counts(n: int, validation: float, test: float) -> tuple[int, int]:
    """Return how many pairs are for the test, and how many for both parts; no part asked for is empty."""
    n_test = max(1, round(n * test))
    return n_test, n_test + (max(1, round(n * validation)) if validation else 0)


def _moments(at: Any) -> list[int]:
    given = list(at) if isinstance(at, list | tuple) or np.ndim(at) == 1 else [at]
    rule = "must be one or two moments, (validation start, test start), as epoch seconds or ISO 8601 text"
    try:
        parsed = [plain(pa.array(np.array([m]) if isinstance(m, np.datetime64) else [m])) for m in given]
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


def generator_of(seed: Any) -> np.random.Generator:
    """Return a generator.

    Raises:
        ArgumentError: the seed is no whole number of at least 0.
    """
    return np.random.default_rng(check_whole("seed", seed, 0))
