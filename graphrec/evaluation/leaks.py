"""Whether the training part knows what it is to be judged by."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from graphrec.data.described import having
from graphrec.data.pairs import codes_in, codes_of, joins_pairs
from graphrec.errors import DataError

if TYPE_CHECKING:
    import scipy.sparse as sp
    from numpy.typing import NDArray

    from graphrec.data.split import HeldOut, Split

_SHARE = 0.25  # of the held-out pairs; a leak gives away nearly all
_TIMES = 5  # as often as by chance


def check_split(split: Split) -> None:
    """Refuse a split whose parts share pairs.

    Raises:
        DataError: a relationship of ``split.train`` between a user and an item, of any type, joins a held-out pair;
            or validation and test share a pair.

    Cost: a search for each relationship between users and items, 0.1 s a million.
    """
    parts = {name: part for name in ("validation", "test") if (part := getattr(split, name)) is not None}
    held = {name: codes_in(part.matrix) for name, part in parts.items()}
    for name, edge in split.train.edges.items():
        if joins_pairs(split.train, edge):
            found = codes_of(split.train, edge)
            for part, codes in held.items():
                _refuse(split, found, codes, part, f"{name} of `split.train`")
    if "validation" in held:
        _refuse(split, held["validation"], held["test"], "test", "`split.validation`")


def shadows(split: Split, part: HeldOut) -> tuple[str, ...]:
    """Say which attributes of ``split.train`` look as if they were made from the held-out pairs.

    An attribute "likes X", counted over all the data, tells who is to like X. Its mark: those who have the
    attribute, without those who have X in another part, are exactly those who have X in this one. Pairs that such
    sets explain are counted, and counted again with the attributes of other users: where both are alike it is chance.
    (For attributes of items, the same with users and items exchanged.) Subtler leaks, such as ratings averaged over
    all the data, go unnoticed.

    Returns:
        A note for each relationship that explains a quarter of the pairs, and five times as many as by chance.

    Cost: nothing without attributes; else the product of attributes and interactions, both sparse.
    """
    train, known = split.train, split.train.interactions()
    for other in (split.validation, split.test):
        known = known if other is None or other is part else known + other.matrix
    notes = []
    for attribute in train.schema.attributes:
        edge = train.edges[attribute.type]
        if joins_pairs(train, edge) or not len(edge):
            continue
        items = attribute.of == "item"
        seen, held = (m.T.tocsr() if items else m for m in (known, part.matrix))
        own = having(train, attribute)
        real = _explained(own, seen, held)
        chance = _explained(own[np.random.default_rng(0).permutation(held.shape[0])], seen, held)
        if real >= _SHARE * part.n_pairs and real >= _TIMES * max(chance, 1):
            notes.append(
                f"{attribute.type} looks as if it was made from held-out pairs, a leak: it gives away {real:,} of "
                f"{part.n_pairs:,}. Make it from train alone."
            )
    return tuple(notes)


def steered(test: HeldOut) -> tuple[str, ...]:
    """Say whether models were fitted with the test part as ``validation``."""
    names = ", ".join(dict.fromkeys(test.steered))
    note = f"The test part steered the training of {names}, so figures are too good. Fit with split.validation."
    return (note,) if names else ()


def _explained(having: sp.csr_array, seen: sp.csr_array, held: sp.csr_array) -> int:
    """Return how many held-out pairs are in a column that equals an attribute's, less what train has of it."""
    size, n_held = np.diff(having.tocsc().indptr), np.diff(held.tocsc().indptr)
    both = (having.T @ held).tocoo()
    attribute, column = both.coords
    new = size[attribute] - np.asarray((having.T @ seen).tocsr()[attribute, column]).ravel()
    exact = (both.data == n_held[column]) & (both.data == new)
    return int(n_held[np.unique(column[exact])].sum())


def _refuse(split: Split, found: NDArray[np.int64], held: NDArray[np.int64], part: str, what: str) -> None:
    if not len(held):
        return
    shared = held[np.minimum(np.searchsorted(held, found), len(held) - 1)] == found
    if shared.any():
        user, item = divmod(int(found[shared][0]), len(split.train.items))
        example = (split.train.users.keys[user].as_py(), split.train.items.keys[item].as_py())
        raise DataError(
            f"`split.{part}` must not share pairs with {what}, which would leak. Got {int(shared.sum())} shared, "
            f"such as {example}. Make the parts with `data.split`, which keeps them apart."
        )
