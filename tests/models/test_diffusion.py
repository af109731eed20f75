from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from interactions import dataset_of
from ties import tied

from graphrec.errors import DataError
from graphrec.models.diffusion import diffused, friends_of


def by_loops(vectors, counts, friends, strength, rounds):
    """User by user, as the docstring has it."""
    units = [v / np.linalg.norm(v) if n else None for v, n in zip(vectors.astype(float), counts, strict=True)]
    mean_length = np.mean([np.linalg.norm(v) for v, n in zip(vectors, counts, strict=True) if n])
    now = list(units)
    for _ in range(rounds):
        after = []
        for user, n in enumerate(counts):
            told = [now[v] for v in np.flatnonzero(friends[user]) if now[v] is not None]
            if not told:
                after.append(units[user])
            elif not n:
                after.append(np.mean(told, axis=0))
            else:
                after.append((n * units[user] + strength * np.mean(told, axis=0)) / (n + strength))
        now = after
    found = []
    for user, n in enumerate(counts):
        told = now[user] is not None and any(counts[v] or now[v] is not None for v in np.flatnonzero(friends[user]))
        length = np.linalg.norm(vectors[user]) if n else mean_length
        found.append(now[user] * length if told else vectors[user])
    return np.array(found)


def drawn(seed, n=40, d=5):
    """A third of the users have no items, and some have no friends."""
    generator = np.random.default_rng(seed)
    ties = np.triu(generator.random((n, n)) < 0.04, 1)
    vectors = generator.normal(size=(n, d)).astype(np.float32) * generator.lognormal(size=(n, 1)).astype(np.float32)
    counts = generator.integers(0, 9, n) * (generator.random(n) < 0.6)
    return vectors, counts, (ties | ties.T).astype(np.float32)


@pytest.mark.parametrize("strength", [0.0, 0.5, 3.0, 100.0])
@pytest.mark.parametrize("rounds", [1, 2, 3])
@pytest.mark.parametrize("seed", [0, 1])
def test_it_is_what_the_loops_say(strength, rounds, seed):
    vectors, counts, friends = drawn(seed)
    assert (counts == 0).any()
    assert (friends.sum(1) == 0).any()
    found = diffused(vectors, counts, sp.csr_array(friends), strength, rounds)
    assert (found.dtype, found.flags.c_contiguous) == (np.float32, True)
    np.testing.assert_allclose(
        found, by_loops(vectors, counts, friends, strength, rounds), rtol=2e-5, atol=1e-6 * np.abs(vectors).max()
    )


def test_many_rounds_solve_the_linear_system():
    """``y = a z + (1 − a) S y``, where everybody has a friend."""
    generator = np.random.default_rng(3)
    n = 30
    ring = np.roll(np.eye(n), 1, axis=1) + (generator.random((n, n)) < 0.1) * (1 - np.eye(n))
    friends = ((ring + ring.T) > 0).astype(np.float32)
    units = generator.normal(size=(n, 4))
    units /= np.linalg.norm(units, axis=1, keepdims=True)
    counts = generator.integers(1, 6, n)
    own = np.diag(counts / (counts + 2.0))
    walk = friends / friends.sum(1, keepdims=True)
    expected = np.linalg.solve(np.eye(n) - (np.eye(n) - own) @ walk, own @ units)
    found = diffused(units.astype(np.float32), counts, sp.csr_array(friends), 2.0, 200)
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_two_friends_by_hand():
    """With strength 1, one item against it keeps a half; three items keep three quarters; lengths stay apart."""
    vectors = np.array([[2.0, 0.0], [0.0, 4.0]], np.float32)
    friends = sp.csr_array(np.array([[0, 1], [1, 0]], np.float32))
    found = diffused(vectors, np.array([1, 3]), friends, 1.0, 1)
    np.testing.assert_allclose(found, [[1.0, 1.0], [1.0, 3.0]])
    nobody = diffused(vectors, np.array([0, 3]), friends, 1.0, 1)  # what rests on no items is not passed on
    np.testing.assert_array_equal(nobody, [[0.0, 4.0], [0.0, 4.0]])


def test_a_vector_of_zeros_is_mixed_without_a_warning():
    vectors = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    found = diffused(vectors, np.array([2, 2]), sp.csr_array(np.array([[0, 1], [1, 0]], np.float32)), 2.0, 1)
    np.testing.assert_allclose(found, [[0.0, 0.0], [1.5, 2.0]])


def test_ties_both_ways_doubled_and_to_oneself():
    data = tied(4, [(0, 1), (1, 0), (0, 1), (2, 2), (3, 1)])
    expected = np.zeros((4, 4))
    expected[[0, 1, 3, 1], [1, 0, 1, 3]] = 1
    found = friends_of(data)
    np.testing.assert_array_equal(found.toarray(), expected)
    assert found.dtype == np.float32


def test_a_follower_hears_whom_they_follow_and_kinds_of_ties_add_up():
    data = tied(4, [(0, 1)], [(2, 3), (0, 1)], directed=(False, True))
    expected = np.zeros((4, 4))
    expected[[0, 1, 2], [1, 0, 3]] = 1
    np.testing.assert_array_equal(friends_of(data).toarray(), expected)


def test_no_ties_are_said_to_be_missing():
    with pytest.raises(DataError, match=r"the schema, which names none, must hold ties .* Got none. Load some, name"):
        friends_of(dataset_of([[1.0, 0.0]]))
    for none in ([], [(0, 0)]):
        with pytest.raises(DataError, match="'FRIEND' must hold ties between two users to learn from friends"):
            friends_of(dataset_of([[1.0, 0.0], [0.0, 1.0]], friends=none))
