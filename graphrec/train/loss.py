"""Losses over a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from torch.nn.functional import softplus

if TYPE_CHECKING:
    from torch import Tensor


def bpr_loss(users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Return the mean of ``−ln σ(u·p − u·n)``: Bayesian personalised ranking (Rendle et al., UAI 2009).

    Args:
        users: vectors [b, d].
        positives: vectors [b, d] of items that the users have.
        negatives: vectors [b, d] of items that they have not.
    """
    return softplus(-(users * (positives - negatives)).sum(1)).mean()
