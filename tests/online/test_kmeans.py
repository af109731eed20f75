from __future__ import annotations

import sys

import numpy as np
import pytest

from graphrec.errors import MissingExtraError
from graphrec.online import kmeans as module
from graphrec.online.kmeans import choose, kmeans


def planted(sizes=(50, 30, 20), d: int = 6, seed: int = 0):
    """Directions around as many axes, and whose axis each one is near."""
    rng = np.random.default_rng(seed)
    of = rng.permutation(np.repeat(np.arange(len(sizes)), sizes))
    vectors = np.eye(len(sizes), d)[of] + rng.normal(scale=0.05, size=(len(of), d))
    return of, (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("many", [50_000, 10])
def test_planted_clusters_are_found_and_numbered_by_size(monkeypatch: pytest.MonkeyPatch, many: int) -> None:
    monkeypatch.setattr(module, "MANY", many)  # below the number: by mini-batches
    of, directions = planted()
    found, near = kmeans(directions, 3, 0)
    assert found.tolist() == of.tolist()
    for cluster in range(3):
        own = directions[found == cluster].astype(float)
        mean = own.sum(0) / np.linalg.norm(own.sum(0))
        np.testing.assert_allclose(near[found == cluster], [vector @ mean for vector in own], rtol=1e-6)
    again = kmeans(directions, 3, 0)
    assert np.array_equal(again[0], found)
    assert np.array_equal(again[1], near)


def test_the_number_is_chosen_by_the_silhouette() -> None:
    of, directions = planted((40, 30, 20, 10))
    found = choose(directions, 0)
    assert max(found, key=found.__getitem__) == 4
    cosines = directions.astype(float) @ directions.T.astype(float)
    widths = []
    for i in range(len(of)):
        means = [(1 - cosines[i])[(of == c) & (np.arange(len(of)) != i)].mean() for c in range(4)]
        inner, outer = means[of[i]], min(m for c, m in enumerate(means) if c != of[i])
        widths.append((outer - inner) / max(outer, inner))
    assert found[4] == pytest.approx(np.mean(widths), abs=1e-5)


def test_the_choice_looks_at_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "SAMPLE", 30)
    _, directions = planted()
    found = choose(directions, 0)
    assert set(found) == {k for k in module.CHOICES if k < 30}
    assert max(found, key=found.__getitem__) == 3
    assert choose(directions, 0) == found


def test_equal_vectors_make_fewer_clusters_and_no_choice() -> None:
    same = np.tile(np.float32([[1, 0]]), (5, 1))
    assert kmeans(same, 3, 0)[0].tolist() == [0] * 5
    assert choose(same, 0) == {}
    assert choose(np.vstack([same, np.float32([[0, 1]])]), 0) == {}
    assert kmeans(np.float32([[1, 0]]), 1, 0)[0].tolist() == [0]


def test_a_missing_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.cluster", None)
    with pytest.raises(MissingExtraError, match=r"graphrec\[report\]"):
        kmeans(planted()[1], 3, 0)
