from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from graphrec.evaluation.lists import Lists, hits_of


def lists() -> Lists:
    rows = np.array([[3, 0, 2], [1, -1, -1], [-1, -1, -1]])
    held_out = sp.csr_array(np.array([[1, 1, 1, 0], [0, 1, 0, 0], [0, 0, 0, 1]], np.float32))
    train = sp.csr_array(np.array([[0, 0, 0, 1], [1, 0, 0, 1], [0, 0, 0, 0]], np.float32))
    return Lists(rows, held_out, train, 4)


def test_hits_by_hand() -> None:
    expected = [[False, True, True], [True, False, False], [False, False, False]]
    assert lists().hits.tolist() == expected
    assert hits_of(lists().rows, lists().held_out).tolist() == expected
    assert lists().n_held_out.tolist() == [3, 1, 1]


def test_places_are_those_of_the_held_out_pairs_in_their_order() -> None:
    assert lists().places.tolist() == [2, 0, 3, 1, 0]  # u0: items 0, 1, 2; u1: item 1; u2: item 3


def test_popularity_and_means() -> None:
    found = lists()
    assert found.popularity.tolist() == [1, 0, 0, 2]
    assert found.n_train_users == 2
    values = np.array([10.0, 20.0, 30.0, 40.0])
    assert found.mean_over(values, 3).tolist() == [80 / 3, 20, 0]
    assert found.mean_over(values, 1).tolist() == [40, 20, 0]
