from __future__ import annotations

from typing import TYPE_CHECKING, get_args

import numpy as np
import pytest
import scipy.sparse as sp

from graphrec.models import neighbours as module
from graphrec.models.neighbours import Similarity, neighbours

if TYPE_CHECKING:
    from numpy.typing import NDArray


def example(seed: int = 0, *, weighted: bool = True) -> NDArray[np.float32]:
    """Return a matrix with a column that nobody has, one that all have alike, and two that are equal."""
    generator = np.random.default_rng(seed)
    matrix = (generator.random((25, 14)) < 0.3) * generator.integers(1, 6, (25, 14))
    matrix[:, 3], matrix[:, 5], matrix[:, 9] = 0, 2, matrix[:, 8]
    return (matrix if weighted else matrix > 0).astype(np.float32)


def oracle(matrix: NDArray[np.float32], similarity: str, shrinkage: float) -> NDArray[np.float64]:
    """Return all similarities, one pair after the other; at most 0 counts as none."""
    columns = matrix.astype(np.float64).T
    found = np.zeros((len(columns),) * 2)
    for i, x in enumerate(columns):
        for j, y in enumerate(columns):
            common = sum(a > 0 and b > 0 for a, b in zip(x, y, strict=True))
            if i == j or not common:
                continue
            if similarity == "jaccard":
                value = common / sum(a > 0 or b > 0 for a, b in zip(x, y, strict=True))
            else:
                a, b = (x - x.mean(), y - y.mean()) if similarity == "pearson" else (x, y)
                norms = np.linalg.norm(a) * np.linalg.norm(b)
                value = a @ b / norms if norms > 1e-9 else 0
            found[i, j] = max(0, value * (common / (common + shrinkage) if shrinkage else 1))
    return found


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("shrinkage", [0.0, 2.5])
@pytest.mark.parametrize("similarity", get_args(Similarity))
def test_similarities_equal_a_loop_over_pairs(similarity: Similarity, shrinkage: float, weighted: bool) -> None:
    matrix = example(weighted=weighted)
    found = neighbours(sp.csr_array(matrix), similarity, shrinkage, 14)
    assert found.dtype == np.float32
    expected = oracle(matrix, similarity, shrinkage)
    np.testing.assert_allclose(found.toarray(), expected, atol=1e-6)
    assert (expected > 0).sum() > 20


def test_by_hand() -> None:
    matrix = sp.csr_array(np.array([[1, 2, 0], [1, 0, 0], [0, 2, 3], [0, 0, 0]], np.float32))
    cosine = neighbours(matrix, "cosine", 1, 2).toarray()
    assert cosine[0, 1] == pytest.approx(2 / (2**0.5 * 8**0.5) * 1 / 2)
    assert cosine[1, 2] == pytest.approx(6 / (8**0.5 * 3) * 1 / 2)
    assert neighbours(matrix, "jaccard", 0, 2).toarray()[1].tolist() == pytest.approx([1 / 3, 0, 1 / 2])
    pearson = neighbours(matrix, "pearson", 0, 2).toarray()  # of (0, 2, 2, 0) − 1 and (0, 0, 3, 0) − ¾
    assert pearson[1, 2] == pytest.approx(3 / (2 * (3 * (3 / 4) ** 2 + (9 / 4) ** 2) ** 0.5))
    assert pearson[0, 1] == 0  # no relation: not a neighbour


@pytest.mark.parametrize("k", [1, 3, 5])
def test_only_the_nearest_are_kept_and_of_equals_the_first(k: int) -> None:
    matrix = example(3, weighted=False)
    matrix[:, 10] = matrix[:, 8]
    found = neighbours(sp.csr_array(matrix), "cosine", 0, k)
    everything = neighbours(sp.csr_array(matrix), "cosine", 0, 14).toarray()
    for row, near in enumerate(everything):
        order = [j for j in np.lexsort((np.arange(14), -near)) if near[j] > 0][:k]
        assert found.indices[found.indptr[row] : found.indptr[row + 1]].tolist() == sorted(order)
        assert found.toarray()[row, order] == pytest.approx(near[order])
    assert {8, 9} <= set(found[[10]].indices) or k == 1


@pytest.mark.parametrize("block", [1, 40])
def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch, block: int) -> None:
    matrix = sp.csr_array(example(4))
    whole = neighbours(matrix, "pearson", 3, 4)
    monkeypatch.setattr(module, "BLOCK", block)
    cut = neighbours(matrix, "pearson", 3, 4)
    assert len(list(module._blocks(matrix.T.tocsr(), matrix))) >= 4
    np.testing.assert_array_equal(whole.toarray(), cut.toarray())


def test_the_input_stays_as_it_was_and_one_column_has_no_neighbour() -> None:
    matrix = sp.csr_array(example(5))
    before = matrix.toarray()
    neighbours(matrix, "jaccard", 1, 3)
    np.testing.assert_array_equal(matrix.toarray(), before)
    assert neighbours(sp.csr_array(np.ones((3, 1), np.float32)), "cosine", 0, 5).nnz == 0
