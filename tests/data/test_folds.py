from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interactions import communities, dataset_of

from graphrec.data.frames import dataset_from_frames
from graphrec.errors import ArgumentError, DataError


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 99), st.integers(2, 7), st.sampled_from([0, 0.1, 0.5]))
def test_each_pair_is_in_one_test_part(seed: int, n: int, validation: float) -> None:
    data = dataset_of(communities(seed, users=12, items=9))
    whole = data.interactions().toarray()
    splits = list(data.folds(n, validation=validation, seed=seed))
    assert len(splits) == n
    assert np.array_equal(sum(split.test.matrix.toarray() for split in splits), whole)
    sizes = [split.test.n_pairs for split in splits]
    assert max(sizes) - min(sizes) <= 1
    for number, split in enumerate(splits, 1):
        parts = [split.train.interactions(), split.test.matrix]
        parts += [] if split.validation is None else [split.validation.matrix]
        assert (split.validation is None) == (validation == 0)
        assert np.array_equal(sum(part.toarray() for part in parts), whole), "a partition"
        assert split.rule == f"fold {number} of {n}(validation={validation}, seed={seed})"
        if split.validation is not None:
            assert split.validation.n_pairs == max(1, round((whole.sum() - split.test.n_pairs) * validation))


def test_the_seed_decides() -> None:
    data = dataset_of(communities())
    first, again, other = (next(iter(data.folds(3, seed=seed))) for seed in (1, 1, 2))
    assert first.train.fingerprint == again.train.fingerprint != other.train.fingerprint
    assert first.test.ratings is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"n": 1}, "`folds` must be a whole number from 2 to 4"),
        ({"n": 5}, "`folds` must be a whole number from 2 to 4"),
        ({"n": 2.0}, "`folds` must be"),
        ({"n": True}, "`folds` must be"),
        ({"validation": 1}, "`validation` must be a fraction"),
        ({"validation": -0.1}, "`validation` must be a fraction"),
        ({"seed": -1}, "`seed` must be a whole number"),
    ],
)
def test_impossible_options_are_refused_at_once(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        dataset_of([[1, 1], [1, 1]]).folds(**{"n": 2} | options)


def test_counts_may_be_numpys() -> None:
    data = dataset_of(np.ones((3, 4)))
    assert len(list(data.folds(np.int64(2)))) == 2  # type: ignore[arg-type]
    assert len(list(data.folds(2, validation=np.float32(0.25)))) == 2  # type: ignore[arg-type]
    timed = dataset_from_frames(pd.DataFrame({"user_id": 1, "item_id": range(9), "timestamp": range(9)}))
    one, same = (timed.split(test=count, validation=count) for count in (1, np.int64(1)))
    assert (one.rule, one.train.fingerprint) == (same.rule, same.train.fingerprint)


def test_nothing_to_fold() -> None:
    with pytest.raises(DataError, match="must hold target interactions"):
        dataset_of([[0, 0]]).folds(2)
    with pytest.raises(DataError, match=r"must leave pairs in every part. Got none for train"):
        next(dataset_of([[1, 1]]).folds(2, validation=0.9))
