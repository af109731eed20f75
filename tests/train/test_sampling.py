from __future__ import annotations

import json
from typing import Literal

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.train.sampling import BPRBatches, UserBatches


def matrix_of(dense: np.ndarray) -> sp.csr_array:
    return sp.csr_array(dense.astype(np.float32))


@pytest.fixture
def dense() -> np.ndarray:
    dense = np.random.default_rng(5).random((40, 23)) < np.linspace(0, 1, 40)[:, None]
    dense[7, :-1], dense[7, -1] = True, False  # all but one
    dense[8] = True  # all
    return dense


def test_an_epoch_has_each_positive_once_and_no_positive_as_negative(dense: np.ndarray) -> None:
    batches = BPRBatches(matrix_of(dense), batch_size=32, seed=0)
    epoch = list(batches)
    users, positives, negatives = (np.concatenate(column) for column in zip(*epoch, strict=True))
    trainable = dense & ~dense.all(1, keepdims=True)
    assert sorted(zip(users, positives, strict=True)) == sorted(zip(*np.nonzero(trainable), strict=True))
    assert not dense[users, negatives].any()
    assert (negatives[users == 7] == 22).all()
    assert batches.left_out == dense.sum() - trainable.sum() > 0
    assert len(epoch) == len(batches) == -(-len(users) // 32)
    assert [len(batch.users) for batch in epoch[:-1]] == [32] * (len(epoch) - 1)


def test_by_users_each_user_weighs_alike_and_each_of_their_items(dense: np.ndarray) -> None:
    batches = BPRBatches(matrix_of(dense), batch_size=32, seed=0, by="users")
    trainable = dense & ~dense.all(1, keepdims=True)
    drawn = np.zeros(dense.shape, np.int64)
    epochs = 200
    for _ in range(epochs):
        epoch = list(batches)
        users, positives, negatives = (np.concatenate(column) for column in zip(*epoch, strict=True))
        assert len(users) == trainable.sum()
        assert len(epoch) == len(batches)
        assert not dense[users, negatives].any()
        np.add.at(drawn, (users, positives), 1)
    able = trainable.any(1)
    expected = trainable[able] / trainable[able].sum(1, keepdims=True) * epochs * trainable.sum() / able.sum()
    assert not drawn[~able].any()
    assert not drawn[~trainable].any()
    assert (np.abs(drawn[able] - expected) <= 5 * np.sqrt(expected)).all()
    assert len(np.unique(trainable[able].sum(1))) > 10  # users differ, so that passes over pairs would not agree


def test_epochs_differ_in_order_and_in_negatives(dense: np.ndarray) -> None:
    batches = BPRBatches(matrix_of(dense), batch_size=10_000, seed=0)
    (first,), (second,) = batches, batches
    assert (first.users != second.users).any()
    assert (first.negatives != second.negatives).any()


def test_negatives_are_uniform_over_all_that_a_user_has_not(dense: np.ndarray) -> None:
    batches = BPRBatches(matrix_of(dense), batch_size=32, seed=1)
    for user in (0, 3, 20, 35):
        others = np.flatnonzero(~dense[user])
        draws = 20_000
        counts = np.bincount(batches.negatives(np.full(draws, user)), minlength=dense.shape[1])
        expected = draws / len(others)
        assert counts.sum() == counts[others].sum() == draws
        # chi-squared with n-1 degrees of freedom: mean n-1, deviation sqrt(2(n-1))
        chi = ((counts[others] - expected) ** 2 / expected).sum()
        assert chi < len(others) - 1 + 5 * np.sqrt(2 * max(len(others) - 1, 1))


@pytest.mark.parametrize("by", ["pairs", "users"])
def test_seed_and_state_decide_what_follows(dense: np.ndarray, by: Literal["pairs", "users"]) -> None:
    def epochs(batches: BPRBatches, count: int) -> list[np.ndarray]:
        return [np.concatenate([np.stack(batch) for batch in batches], axis=1) for _ in range(count)]

    whole = epochs(BPRBatches(matrix_of(dense), 32, seed=3, by=by), 4)
    first = BPRBatches(matrix_of(dense), 32, seed=3, by=by)
    begin = epochs(first, 2)
    second = BPRBatches(matrix_of(dense), 32, seed=99, by=by)
    second.state = json.loads(json.dumps(first.state))
    for one, other in zip(whole, begin + epochs(second, 2), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (epochs(BPRBatches(matrix_of(dense), 32, seed=4, by=by), 1)[0] != whole[0]).any()


def test_unsorted_columns_are_no_trouble(dense: np.ndarray) -> None:
    matrix = matrix_of(dense)
    backwards = sp.csr_array(
        (
            matrix.data,
            np.concatenate([row[::-1] for row in np.split(matrix.indices, matrix.indptr[1:-1])]),
            matrix.indptr,
        ),
        shape=matrix.shape,
    )
    users = np.repeat(np.arange(8), 200)
    assert not dense[users, BPRBatches(backwards, 32, seed=0).negatives(users)].any()


def test_no_user_with_an_item_left_gives_no_batches() -> None:
    for by in ("pairs", "users"):
        batches = BPRBatches(matrix_of(np.ones((3, 2))), 32, seed=0, by=by)
        assert (len(batches), list(batches), batches.left_out) == (0, [], 6)


def test_user_batches_have_each_user_with_an_item_once() -> None:
    dense = np.ones((40, 3))
    dense[[0, 13, 39]] = 0
    batches = UserBatches(matrix_of(dense), 10, seed=0)
    first, second = list(batches), list(batches)
    assert [len(batch) for batch in first] == [10, 10, 10, 7]
    assert len(batches) == 4
    for epoch in (first, second):
        assert sorted(np.concatenate(epoch).tolist()) == np.flatnonzero(dense[:, 0]).tolist()
    assert (np.concatenate(first) != np.concatenate(second)).any()
    assert first[0].dtype == np.int64
    assert list(UserBatches(matrix_of(np.zeros((3, 2))), 10, seed=0)) == []


def test_seed_and_state_decide_what_user_batches_follow(dense: np.ndarray) -> None:
    def epochs(batches: UserBatches, count: int) -> list[list[int]]:
        return [np.concatenate(list(batches)).tolist() for _ in range(count)]

    whole = epochs(UserBatches(matrix_of(dense), 7, seed=3), 4)
    first, second = UserBatches(matrix_of(dense), 7, seed=3), UserBatches(matrix_of(dense), 7, seed=99)
    begin = epochs(first, 2)
    second.state = json.loads(json.dumps(first.state))
    assert begin + epochs(second, 2) == whole
    assert epochs(UserBatches(matrix_of(dense), 7, seed=4), 1)[0] != whole[0]
