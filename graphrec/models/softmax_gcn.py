"""The graph model that ranks best by gradients here: light propagation, trained by a softmax over all items."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from graphrec.models.propagation import bipartite
from graphrec.models.softmax_model import LightGraph, SoftmaxModel
from graphrec.models.spectrum import normalised

if TYPE_CHECKING:
    import scipy.sparse as sp

    from graphrec.data.dataset import Dataset


class SoftmaxGCN(SoftmaxModel):
    """LightGCN's propagation with cosine scores and a softmax loss, from a spectral start.

    The vectors are ``z = Σ_k α Â^k e`` with ``Â = D^-a A D^-a``, scaled to length 1; each pair of a user stands
    against all items that the user has not, with temperature t. A user with n items counts as ``n^(1 − balance)``.

    Attributes:
        dim: length of the vectors.
        layers: how far messages travel.
        exponent: a.
        temperature: t; the lower, the more the hardest items count. None tries 0.08, 0.12 and 0.18 in short runs of
            few dimensions where there is a validation part, and takes 0.1 where there is none.
        balance: 0 counts all pairs alike, 1 all users.
        negatives: with more items than this, the softmax runs over so many, drawn anew each step.
        learning_rate: of Adam at the first step; it falls to a tenth.
        batch_size: users a step, each with all their items.
        epochs: passes over the users; None makes 8, or as many as make 120 steps.
        seed: of the start and of the order of users.

    Papers: He et al., LightGCN, SIGIR 2020; Wu et al., On the Effectiveness of Sampled Softmax Loss, TOIS 2024.
    """

    kind: ClassVar[str] = "softmax-gcn"

    def _graph(self, data: Dataset, matrix: sp.csr_array) -> LightGraph:
        return LightGraph(matrix, bipartite(matrix, self.exponent), normalised(matrix, 0.5, 0.5), {})
