"""Reasons in words: what two people have in common, by name."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.described import having
from graphrec.schema_parts import NAMED
from graphrec.social.hubs import csr_arrays
from graphrec.social.reach import by_blocks
from graphrec.social.table import njit

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.social.evidence import Evidence

PARTS = 3
"""How many parts a reason has at most."""
LONGEST = 80
"""Characters of a name; longer ones are cut."""
NEAR, POPULAR = "close in the graph of ties", "known to many"


@dataclass(frozen=True, eq=False)
class Worded:
    """The reasons of some pairs, in their order.

    Attributes:
        reason: text, such as ``"3 friends in common: Ann, Bob and 1 more; both listened to: Muse"``.
        brief: text, the same without any person's name.
        named: lists of the keys of the people whom ``reason`` names.
    """

    reason: pa.StringArray
    brief: pa.StringArray
    named: pa.ListArray


class _Kind(NamedTuple):
    """A kind of thing to have in common.

    Attributes:
        own: CSR arrays, which middles a user has.
        led: CSR arrays, which middles lead to somebody.
        members: how many people have a middle.
        names: what middles are called.
        say: the words for how many there are in common.
    """

    own: tuple[NDArray[np.int64], NDArray[np.int32]]
    led: tuple[NDArray[np.int64], NDArray[np.int32]]
    members: NDArray[np.int64]
    names: pa.StringArray
    say: Callable[[int], str]


class Reasons:
    """Words for why somebody is suggested: friends in common, then what both did and what describes both.

    Each part names the middles that fewest people have, at most three, and says how many more there are; the part
    with the rarest middle comes first after the friends. Whatever is named lies between the two in the graph. A pair
    with nothing in common (walks and vectors find such) is "close in the graph of ties"; one who has no ties is
    suggested people who are "known to many".

    Args:
        people: the dataset of `graphrec.social.people.people_of`, with the properties that hold names.
        evidence: what the score looks at; kinds of things that it leaves out are no reason.
        unnamed: bool [n], who is counted but never named.

    Cost: for a pair and a kind, as many steps as the shorter of both lists has middles, times the logarithm of how
    much longer the other one is.
    """

    def __init__(self, people: Dataset, evidence: Evidence, unnamed: NDArray[np.bool_]) -> None:
        users = people.users
        self._keys = users.keys
        self._secret, self._lone = np.asarray(unnamed, np.bool_), evidence.lone
        own = csr_arrays(evidence.ties)
        led = csr_arrays(evidence.ties.tocsc()) if evidence.directed else own
        have, had = (each.astype(np.int64) for each in evidence.degrees)
        say = _follow if evidence.directed else _friends
        self._kinds = [_Kind(own, led, have + had if evidence.directed else have, _names(people, users.label), say)]
        for kind in people.schema.attributes:
            if kind.type in evidence.paths and kind.to.label != users.label:
                of = having(people, kind)
                arrays, names = csr_arrays(of), _names(people, kind.to.label)
                members = np.bincount(of.indices, minlength=of.shape[1])
                self._kinds.append(_Kind(arrays, arrays, members, names, _both(kind.type)))

    def of(self, users: NDArray[np.int64], others: NDArray[np.int32]) -> Worded:
        """Return the reasons of the pairs where ``others`` is not −1, row by row.

        Args:
            users: rows, int64 [b].
            others: rows, int32 [b, k]; −1 is nobody.
        """
        others = np.ascontiguousarray(others, np.int32)
        pairs = others >= 0
        counts = np.zeros((len(self._kinds), *others.shape), np.int32)
        rarest = np.full((*counts.shape, NAMED), -1, np.int32)
        nobody = np.zeros(0, np.bool_)

        def work(start: int, stop: int) -> None:
            here = slice(start, stop)
            for j, kind in enumerate(self._kinds):
                secret = nobody if j else self._secret
                between = kind.own, kind.led, kind.members, secret
                _between(*between, users[here], others[here], counts[j, here], rarest[j, here])

        by_blocks(len(users), work)
        far = np.where(self._lone[np.repeat(users, pairs.sum(axis=1))], POPULAR, NEAR)
        return self._worded(counts[:, pairs], rarest[:, pairs], pa.array(far, pa.string()))

    def _worded(self, counts: NDArray[np.int32], rarest: NDArray[np.int32], far: pa.StringArray) -> Worded:
        reason, brief = _said(self._kinds[0], counts[0], rarest[0])
        if more := [_said(*each)[0] for each in list(zip(self._kinds, counts, rarest, strict=True))[1:]]:
            parts = self._chosen(pa.chunked_array(more).combine_chunks(), counts, rarest)
            reason, brief = (_joined("; ", first, *parts) for first in (reason, brief))
        nothing = pc.invert(pc.is_valid(reason))
        named = rarest[0] >= 0
        ends = np.concatenate([[0], np.cumsum(named.sum(axis=1))]).astype(np.int32)
        keys = self._keys.take(pa.array(rarest[0][named]))
        return Worded(
            pc.if_else(nothing, far, reason), pc.if_else(nothing, far, brief), pa.ListArray.from_arrays(ends, keys)
        )

    def _chosen(self, texts: pa.Array, counts: NDArray[np.int32], rarest: NDArray[np.int32]) -> list[pa.Array]:
        """Return what follows the friends: texts of kind after kind, of which each pair takes the rarest ones."""
        n = counts.shape[1]
        least = np.stack(
            [kind.members[np.maximum(of[:, 0], 0)] for kind, of in zip(self._kinds, rarest, strict=True)]
        )
        least = np.where(counts > 0, least, np.iinfo(np.int64).max)[1:]
        order = np.argsort(least, axis=0, kind="stable")
        there = (counts[1:] > 0).sum(axis=0)
        room = np.minimum(there, PARTS - (counts[0] > 0))
        places = order * n + np.arange(n)
        return [texts.take(pa.array(row, mask=number >= room)) for number, row in enumerate(places[:PARTS])]


def _said(kind: _Kind, counts: NDArray[np.int32], rarest: NDArray[np.int32]) -> tuple[pa.Array, pa.Array]:
    """Return what one kind says of each pair, with names and without; null where there is nothing in common."""
    brief = _by_number(counts, kind.say)
    more = np.where(rarest[:, 0] >= 0, counts - (rarest >= 0).sum(axis=1), 0)
    after = np.column_stack([rarest[:, 1:], np.full(len(rarest), -1)])
    is_last = [pa.array(here) for here in ((rarest >= 0) & (after < 0) & (more == 0)[:, None]).T]
    names = [kind.names.take(pa.array(rows, mask=rows < 0)) for rows in rarest.T]
    nobody = pa.scalar(None, pa.string())
    before = _joined(", ", *(pc.if_else(out, nobody, name) for out, name in zip(is_last, names, strict=True)))
    last = _joined("", *(pc.if_else(out, name, nobody) for out, name in zip(is_last, names, strict=True)))
    rest = _by_number(more, "{:,} more".format)
    listed = _joined(" and ", before, last, rest)
    return _joined(": ", brief, listed), brief


def _joined(separator: str, *texts: pa.Array) -> pa.Array:
    """Return texts side by side; nulls are left out, and null is where all are."""
    return reduce(lambda a, b: pc.coalesce(pc.binary_join_element_wise(a, b, separator), a, b), texts)


def _by_number(numbers: NDArray[np.int32], say: Callable[[int], str]) -> pa.Array:
    """Return words for each number; null for 0."""
    distinct, place = np.unique(numbers, return_inverse=True)
    words = [say(number) if number > 0 else None for number in distinct.tolist()]
    return pa.array(words, pa.string()).take(pa.array(place))


def one_line(name: str) -> str:
    """Return a name as one line of at most 80 characters, without control characters."""
    if not name.isprintable():
        joiners = "\u200c\u200d"  # of letters and of pictures; no control characters to a reader
        name = "".join(c if c.isprintable() or c in joiners else " " for c in name)
    name = " ".join(name.split())
    return name if len(name) <= LONGEST else f"{name[: LONGEST - 1].rstrip()}…"


def _names(people: Dataset, label: str) -> pa.Array:
    """Return what the nodes of a label are called: by the property of names, else by key."""
    table, node = people.nodes[label], people.schema.nodes[label]
    called = table.keys.to_pylist()
    if node.name is not None and node.name in table.properties.column_names:
        given = table.properties[node.name].to_pylist()
        called = [
            key if name is None or not one_line(str(name)) else name for name, key in zip(given, called, strict=True)
        ]
    return pa.array([one_line(str(name)) for name in called], pa.string())


def _friends(count: int) -> str:
    return "1 friend in common" if count == 1 else f"{count:,} friends in common"


def _follow(count: int) -> str:
    return "1 person you follow follows them" if count == 1 else f"{count:,} people you follow follow them"


def _both(type: str) -> Callable[[int], str]:
    words = f"both {one_line(type.replace('_', ' ').lower())}"
    return lambda count: words


@njit(nogil=True)
def _find(x, ix, start, stop):  # type: ignore[no-untyped-def]  # numba finds the types
    """Return the first place of a sorted list from ``start`` on that holds at least x, in steps that double."""
    step = 1
    while start + step < stop and ix[start + step] < x:
        start += step
        step *= 2
    low, high = start, min(start + step, stop)
    while low < high:
        middle = (low + high) // 2
        if ix[middle] < x:
            low = middle + 1
        else:
            high = middle
    return low


@njit(nogil=True)
def _between(own, led, members, secret, users, others, counts, rarest):  # type: ignore[no-untyped-def]  # numba finds the types
    """Write how many middles each pair has, and those of them with the fewest members that are no secret."""
    for b in range(len(users)):
        for i in range(others.shape[1]):
            v = others[b, i]
            if v < 0:
                continue
            ix, place, stop = own[1], own[0][users[b]], own[0][users[b] + 1]
            long_ix, at, end = led[1], led[0][v], led[0][v + 1]
            if stop - place > end - at:
                ix, place, stop, long_ix, at, end = long_ix, at, end, ix, place, stop
            found = rarest[b, i]
            while place < stop and at < end:
                m = ix[place]
                place += 1
                at = _find(m, long_ix, at, end)
                if at == end or long_ix[at] != m:
                    continue
                counts[b, i] += 1
                if len(secret) and secret[m]:
                    continue
                j = len(found)  # equal ones stay in the order of their rows
                while j > 0 and (found[j - 1] < 0 or members[found[j - 1]] > members[m]):
                    j -= 1
                if j < len(found):
                    for t in range(len(found) - 1, j, -1):
                        found[t] = found[t - 1]
                    found[j] = m
