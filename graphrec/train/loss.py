"""Losses over a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple, Self

import numpy as np
import torch
from torch.nn.functional import softplus

if TYPE_CHECKING:
    import scipy.sparse as sp
    from torch import Tensor


def bpr_loss(users: Tensor, positives: Tensor, negatives: Tensor) -> Tensor:
    """Return the mean of ``−ln σ(u·p − u·n)``: Bayesian personalised ranking (Rendle et al., UAI 2009).

    Args:
        users: vectors [b, d].
        positives: vectors [b, d] of items that the users have.
        negatives: vectors [b, d] of items that they have not.
    """
    return softplus(-(users * (positives - negatives)).sum(1)).mean()


class Pairs(NamedTuple):
    """Positive pairs of a batch, sorted by user.

    Attributes:
        users: rows of the batch's users, int64 [p].
        items: rows of the items, int64 [p].
        weights: how much each pair counts, float32 [p].
    """

    users: Tensor
    items: Tensor
    weights: Tensor

    @classmethod
    def of(cls, matrix: sp.csr_array, balance: float, device: torch.device) -> Self:
        """Return all pairs of a batch, a user with n of them counting as ``n^(1 − balance)``; all weigh 1 together.

        Args:
            matrix: the batch's rows, [b, n_items]; every stored entry is a pair, and each row has one.
            balance: 0 counts all pairs alike, 1 all users.
            device: of the tensors.
        """
        counts = np.diff(matrix.indptr)
        weights = counts**-balance
        weights = np.repeat(weights / (weights @ counts), counts).astype(np.float32)
        users = np.repeat(np.arange(len(counts)), counts)
        return cls(*(torch.from_numpy(a).to(device) for a in (users, matrix.indices.astype(np.int64), weights)))


def softmax_loss(
    users: Tensor,
    items: Tensor,
    pairs: Pairs,
    *,
    temperature: float,
    negatives: Tensor | None = None,
    among: int | None = None,
    dtype: torch.dtype = torch.float32,
) -> Tensor:
    """Return ``Σ_p w_p · −ln( e^(s_p/t) / (e^(s_p/t) + Σ_j e^(s_uj/t)) )`` with j over the items the user has not.

    Each positive stands against all other items, but not against the user's other positives. With ``negatives`` the
    sum is estimated from those items alone.

    Args:
        users: unit vectors [b, d].
        items: unit vectors [n, d].
        pairs: all positive pairs of these users.
        temperature: t, at least 0.02: shorter exponents would overflow.
        negatives: rows of items drawn uniformly without repetition, sorted, int64 [m]; None takes all.
        among: how many items they were drawn from, where ``items`` does not hold them all.
        dtype: of the products and exponentials, the bulk of the work; sums are float32.

    Cost: 6·b·n·d multiplications for value and gradient; up to `_CHUNK` scores at once.
    """
    loss: Tensor = _Softmax.apply(users, items, pairs, temperature, negatives, among or len(items), dtype)
    return loss


_CHUNK = 128 << 20  # scores held at once: in fewer pieces, fewer gradients of all items are added up


class _Softmax(torch.autograd.Function):
    """Loss and gradient in one pass, so that the scores [b, n] are never held."""

    @staticmethod
    def forward(
        ctx: Any,
        users: Tensor,
        items: Tensor,
        pairs: Pairs,
        temperature: float,
        negatives: Tensor | None,
        among: int,
        dtype: torch.dtype,
    ) -> Tensor:
        others = items if negatives is None else items.index_select(0, negatives)
        places, drawn = _places(pairs.items, negatives)
        share = len(others) / among
        against = others.to(dtype)
        of_users, of_items, of_others = (torch.zeros_like(t) for t in (users, items, others))
        loss = users.new_zeros(())
        height = max(1, _CHUNK // max(1, len(others)))
        ends = torch.searchsorted(pairs.users, torch.arange(0, len(users) + height, height, device=users.device))
        for start, (first, last) in zip(range(0, len(users), height), ends.unfold(0, 2, 1).tolist(), strict=False):
            block, mine = users[start : start + height], slice(first, last)
            who, what, weights = pairs.users[mine] - start, pairs.items[mine], pairs.weights[mine]
            scores = ((block / temperature).to(dtype) @ against.T).exp_()
            there = drawn[mine]
            scores[who[there], places[mine][there]] = 0
            total = scores.sum(1).float().clamp_min_(1e-30)
            user, item = block.index_select(0, who), items.index_select(0, what)
            margin = (total / share).log_().index_select(0, who) - (user * item).sum(1) / temperature
            loss += (weights * softplus(margin)).sum()
            pull = weights * torch.sigmoid(margin) / temperature
            push = torch.zeros_like(total).index_add_(0, who, pull) / total
            of_others += scores.T @ (block * push[:, None]).to(dtype)
            gradient = (scores @ against).float() * push[:, None]
            of_users[start : start + height] = gradient.index_add_(0, who, item * -pull[:, None])
            of_items.index_add_(0, what, user * -pull[:, None])
        if negatives is None:
            of_items += of_others
        else:
            of_items.index_add_(0, negatives, of_others)
        ctx.gradients = of_users, of_items
        return loss

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        of_users, of_items = ctx.gradients
        return of_users.mul_(gradients[0]), of_items.mul_(gradients[0]), None, None, None, None, None


def _places(items: Tensor, negatives: Tensor | None) -> tuple[Tensor, Tensor]:
    """Return where each item stands among the negatives, and whether it does."""
    if negatives is None:
        return items, torch.ones_like(items, dtype=torch.bool)
    places = torch.searchsorted(negatives, items).clamp_max_(len(negatives) - 1)
    return places, negatives[places] == items
