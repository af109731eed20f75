"""K-fold cross-validation: as many splits, each pair in one of their test parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from graphrec.data.prepare import check_unweighed
from graphrec.data.split import divided, target_codes
from graphrec.data.split_rules import Parts, generator_of, is_fraction
from graphrec.errors import ArgumentError, is_whole, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import Split


def folds(data: Dataset, n: int = 5, *, validation: float = 0.1, seed: int = 0) -> Iterator[Split]:
    """Yield n splits at random: every target pair is in the test part of exactly one.

    Args:
        data: a whole dataset.
        n: how many; the test parts differ by one pair at most.
        validation: the fraction of a fold's other pairs that is held out for validation; 0 makes no such part.
        seed: the same seed and pairs give the same folds.

    Raises:
        ArgumentError: ``n`` is no whole number from 2 to the number of pairs, or another option is impossible.
        DataError: there are no target interactions, a part would be empty, or the data was weighed already.
    """
    check_unweighed(data)
    codes = target_codes(data)
    if not is_whole(n) or not 2 <= n <= len(codes):
        raise ArgumentError(problem("folds", f"must be a whole number from 2 to {len(codes):,} (the pairs)", n))
    if not is_fraction(validation):
        raise ArgumentError(problem("validation", "must be a fraction, from 0 to less than 1", validation))
    parts = np.array_split(generator_of(seed).permutation(codes), n)
    return _each(data, codes, parts, validation, seed)


def _each(data: Dataset, codes: Any, parts: list[Any], validation: float, seed: int) -> Iterator[Split]:
    for number, test in enumerate(parts):
        others = np.concatenate(parts[number + 1 :] + parts[:number])
        n_validation = max(1, round(len(others) * validation)) if validation else 0
        held = Parts(
            f"fold {number + 1} of {len(parts)}(validation={validation}, seed={seed})",
            np.sort(test),
            np.sort(others[:n_validation]) if validation else None,
        )
        yield divided(data, held, codes)
