from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from torch.nn.functional import normalize

from graphrec.train import loss
from graphrec.train.loss import Pairs, bpr_loss, softmax_loss


def test_bpr_loss_equals_a_plain_loop() -> None:
    users, positives, negatives = torch.randn(3, 17, 5, generator=torch.Generator().manual_seed(0)).double()
    total = 0.0
    for user, positive, negative in zip(users.tolist(), positives.tolist(), negatives.tolist(), strict=True):
        difference = 0.0
        for u, p, n in zip(user, positive, negative, strict=True):
            difference += u * p - u * n
        total -= math.log(1 / (1 + math.exp(-difference)))
    assert bpr_loss(users, positives, negatives).item() == pytest.approx(total / 17, rel=1e-6)


def test_bpr_loss_is_finite_however_wrong_the_order_is() -> None:
    one = torch.full((1, 1), 1e4)
    assert bpr_loss(one, -one, one).item() == pytest.approx(2e8)
    assert bpr_loss(one, one, -one).item() == 0


T = 0.2


def softmax_case(*, seed: int = 0, users: int = 9, items: int = 14) -> tuple[torch.Tensor, torch.Tensor, Pairs]:
    """Return unit vectors and pairs: the last user but one has all items, the third has none."""
    generator = np.random.default_rng(seed)
    left, right = (torch.from_numpy(generator.normal(size=(n, 6)).astype(np.float32)) for n in (users, items))
    has = generator.random((users, items)) < 0.3
    if users > 3:
        has[-2], has[2] = True, False
    who, what = (torch.from_numpy(each.copy()) for each in np.nonzero(has))
    weights = torch.from_numpy(generator.uniform(0.1, 2, len(who)).astype(np.float32))
    return normalize(left), normalize(right), Pairs(who, what, weights)


def dense_softmax(
    users: torch.Tensor, items: torch.Tensor, pairs: Pairs, negatives: list[int] | None = None
) -> tuple[float, np.ndarray, np.ndarray]:
    """Return value and gradients of the formula, by autograd in float64 and a loop over pairs."""
    users, items = (t.detach().double().requires_grad_() for t in (users, items))
    has = set(zip(pairs.users.tolist(), pairs.items.tolist(), strict=True))
    drawn = range(len(items)) if negatives is None else negatives
    loss = (users.sum() + items.sum()) * 0.0
    for user, item, weight in zip(*(each.tolist() for each in pairs), strict=True):
        others = [torch.exp(users[user] @ items[j] / T) for j in drawn if (user, j) not in has]
        own = torch.exp(users[user] @ items[item] / T)
        loss = loss - weight * torch.log(own / (own + len(items) / len(drawn) * sum(others)))
    loss.backward()
    assert users.grad is not None
    assert items.grad is not None
    return loss.item(), users.grad.numpy(), items.grad.numpy()


def measured(
    users: torch.Tensor, items: torch.Tensor, pairs: Pairs, **options: Any
) -> tuple[float, np.ndarray, np.ndarray]:
    users, items = (t.detach().clone().requires_grad_() for t in (users, items))
    loss = softmax_loss(users, items, pairs, temperature=T, **options)
    loss.backward()
    assert users.grad is not None
    assert items.grad is not None
    return loss.item(), users.grad.numpy(), items.grad.numpy()


@pytest.mark.parametrize("negatives", [None, [0, 3, 4, 9, 13], [7], list(range(14))])
@pytest.mark.parametrize("chunk", [1, 30, 1 << 20])
@pytest.mark.parametrize("size", [(9, 14), (1, 14), (2, 14)])
def test_softmax_loss_equals_the_dense_formula(
    monkeypatch: pytest.MonkeyPatch, negatives: list[int] | None, chunk: int, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(loss, "_CHUNK", chunk)
    case = softmax_case(users=size[0], items=size[1])
    found = measured(*case, negatives=None if negatives is None else torch.tensor(negatives))
    expected = dense_softmax(*case, negatives)
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    assert found[0] > 0.1
    for one, other in zip(found[1:], expected[1:], strict=True):
        np.testing.assert_allclose(one, other, atol=1e-5 * np.abs(other).max())


def test_all_items_as_negatives_are_the_full_softmax() -> None:
    users, items, pairs = softmax_case()
    for one, other in zip(
        measured(users, items, pairs), measured(users, items, pairs, negatives=torch.arange(14)), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-6, atol=1e-7)


def test_sampled_negatives_estimate_the_full_sum() -> None:
    """``e^loss − 1`` of a single pair is the sum over its own score: the mean over draws comes to the full one."""
    users, items, _ = softmax_case()
    pair = Pairs(torch.tensor([4]), torch.tensor([3]), torch.ones(1))
    full = math.expm1(measured(users, items, pair)[0])
    generator = np.random.default_rng(0)
    draws = [torch.from_numpy(np.sort(generator.choice(14, 5, replace=False))) for _ in range(2000)]
    sums = [math.expm1(measured(users, items, pair, negatives=drawn)[0]) for drawn in draws]
    assert np.mean(sums) == pytest.approx(full, abs=4 * np.std(sums) / math.sqrt(2000))
    assert np.std(sums) > 0.05 * full


def test_softmax_gradient_equals_finite_differences() -> None:
    users, items, pairs = softmax_case()
    gradients = measured(users, items, pairs)[1:]
    for place, table in enumerate((users, items)):
        for row, column in [(0, 0), (4, 5), (7, 2)]:
            values = []
            for step in (0.01, -0.01):
                moved = [users.clone(), items.clone()]
                moved[place][row, column] += step
                values.append(measured(*moved, pairs)[0])
            slope = (values[0] - values[1]) / 0.02
            assert gradients[place][row, column] == pytest.approx(slope, rel=1e-2, abs=1e-2), table.shape


def test_a_user_with_all_items_costs_nothing() -> None:
    users, items, _ = softmax_case()
    pairs = Pairs(torch.zeros(14, dtype=torch.int64), torch.arange(14), torch.ones(14))
    value, of_users, of_items = measured(users, items, pairs)
    assert value == pytest.approx(0, abs=1e-6)
    np.testing.assert_allclose(of_users, 0, atol=1e-6)
    np.testing.assert_allclose(of_items, 0, atol=1e-6)


def test_softmax_loss_without_pairs_is_zero() -> None:
    users, items, _ = softmax_case()
    none = torch.zeros(0, dtype=torch.int64)
    assert measured(users, items, Pairs(none, none, torch.zeros(0)))[0] == 0


def test_the_gradient_follows_what_is_done_with_the_loss() -> None:
    users, items, pairs = softmax_case()
    _, of_users, of_items = measured(users, items, pairs)
    leaves = [t.clone().requires_grad_() for t in (users, items)]
    (3 * softmax_loss(*leaves, pairs, temperature=T)).backward()
    for leaf, expected in zip(leaves, (of_users, of_items), strict=True):
        np.testing.assert_allclose(leaf.grad, 3 * expected, rtol=1e-6, atol=1e-6)


def test_the_lowest_temperature_does_not_overflow() -> None:
    one = normalize(torch.ones(1, 4))
    items = torch.cat([one, -one, one])
    pairs = Pairs(torch.tensor([0]), torch.tensor([1]), torch.ones(1))  # the worst order there is
    for dtype in (torch.float32, torch.bfloat16):
        found = softmax_loss(one, items, pairs, temperature=0.02, dtype=dtype)
        assert found.item() == pytest.approx(100 + math.log(2), rel=1e-2)


def test_in_bfloat16_it_is_about_the_same() -> None:
    """It has 8 bits: scores up to 1 / t = 5 err by up to 5 / 256 and exponentials by two in a hundred."""
    case = softmax_case(users=40, items=300)
    exact, rough = measured(*case), measured(*case, dtype=torch.bfloat16)
    assert rough[0] == pytest.approx(exact[0], rel=5e-3)
    for one, other in zip(rough[1:], exact[1:], strict=True):
        assert one.dtype == np.float32
        assert np.linalg.norm(one - other) < 0.03 * np.linalg.norm(other)
        assert (one != other).any()


def test_pairs_of_users_weigh_one_together() -> None:
    matrix = sp.csr_array(np.array([[1.0, 0, 1, 1], [0, 1, 0, 0]], np.float32))
    for balance, first in ((0.0, 0.25), (1.0, 1 / 6), (0.5, 3**-0.5 / (3**0.5 + 1))):
        pairs = Pairs.of(matrix, balance, torch.device("cpu"))
        assert (pairs.users.tolist(), pairs.items.tolist()) == ([0, 0, 0, 1], [0, 2, 3, 1])
        assert pairs.weights.sum().item() == pytest.approx(1)
        assert pairs.weights[:3].tolist() == pytest.approx([first] * 3)


def test_items_that_hold_only_some_of_all_count_for_all() -> None:
    """The softmax over a part of the items that were drawn from more is that over all of them, drawn likewise."""
    users, items, pairs = softmax_case()
    drawn = torch.tensor([1, 4, 9])
    near = torch.unique(torch.cat([drawn, pairs.items]))
    small = Pairs(pairs.users, torch.searchsorted(near, pairs.items), pairs.weights)
    whole = softmax_loss(users, items, pairs, temperature=T, negatives=drawn)
    part = softmax_loss(
        users, items[near], small, temperature=T, negatives=torch.searchsorted(near, drawn), among=len(items)
    )
    assert part.item() == pytest.approx(whole.item(), rel=1e-6)
