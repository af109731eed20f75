from __future__ import annotations

import math

import pytest
import torch

from graphrec.train.loss import bpr_loss


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
