"""Light graph convolution, as sparse products with a backward pass of their own.

With a symmetric Â, such as ``D^-a A D^-a`` over users and items, ``z = Σ_k α_k Â^k e``. Horner's rule needs K
products and one accumulator: ``z = α_0 e + Â (α_1 e + Â (α_2 e + …))``. Â is symmetric, so the gradient is the same
propagation of the gradient. A batch needs z at its own nodes only: the outermost product, and in the backward pass
the innermost one, runs over the rows of those nodes alone.

A product is an `embedding_bag` over the CSR arrays: the sum of weighted neighbour rows. On CPU that is several times
as fast as the CSR product of PyTorch (MKL); sums run in a fixed order, so results do not vary.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import scipy.sparse as sp
import torch
from torch.nn.functional import embedding_bag

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray
    from torch import Tensor


TAKEN = 96  # numbers of a vector that cost as much to add up as one entry to take out of Â and to transpose


class Propagation:
    """The operator ``Σ_k α_k Â^k`` of one graph.

    A node without neighbours keeps ``α_0 e`` only.

    Args:
        adjacency: Â, float32 [n, n], symmetric; see `bipartite`.
        weights: α_0 to α_K, one a layer.
        device: where products run.

    Cost: 16 bytes an entry; a full product reads a row for each.
    """

    def __init__(self, adjacency: sp.csr_array, weights: Sequence[float], device: torch.device) -> None:
        self.weights = tuple(weights)
        self._adjacency = adjacency
        self._device = device
        self._arrays = on_device(adjacency, device)

    @property
    def linked(self) -> NDArray[np.bool_]:
        """Which nodes have neighbours, [n]."""
        linked: NDArray[np.bool_] = np.diff(self._adjacency.indptr) > 0
        return linked

    def at(self, table: Tensor, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """Return z and e of these nodes, float32 [r, d] each; gradients go through.

        Args:
            table: e, float32 [n, d].
            rows: the nodes, each once.
        """
        return _At.apply(table, self, rows)  # type: ignore[no-any-return]  # untyped in torch

    @torch.no_grad()
    def full(self, table: Tensor) -> tuple[Tensor, Tensor | None]:
        """Return z of all nodes, and y with ``z = α_0 e + Â y`` (None without layers); [n, d] each."""
        if len(self.weights) == 1:
            return table * self.weights[0], None
        inner = self.inner(table)
        return self.product(inner).add_(table, alpha=self.weights[0]), inner

    def inner(self, table: Tensor) -> Tensor:
        """Return ``y = α_1 e + Â (α_2 e + …)``, [n, d]."""
        result = table * self.weights[-1]
        for weight in reversed(self.weights[1:-1]):
            result = self.product(result).add_(table, alpha=weight)
        return result

    def product(self, table: Tensor) -> Tensor:
        """Return ``Â @ table``."""
        return bags(table, *self._arrays)

    def rows(self, rows: NDArray[np.int64], dim: int) -> sp.csr_array | None:
        """Return these rows of Â, float32 [r, n]; None where products of the whole with d columns are faster."""
        indptr = self._adjacency.indptr
        entries = (indptr[rows + 1] - indptr[rows]).sum(dtype=np.int64)
        return None if entries * (dim + TAKEN) > dim * self._adjacency.nnz else self._adjacency[rows]

    def apply_rows(self, part: sp.csr_array | sp.csc_array, table: Tensor) -> Tensor:
        """Return ``part @ table`` for rows of Â, or for their transpose."""
        return bags(table, *on_device(part, self._device))


def bipartite(matrix: sp.csr_array, exponent: float = 0.5) -> sp.csr_array:
    """Return ``D^-a A D^-a`` over users, then items, float32 [n, n], both directions of every edge.

    Args:
        matrix: float32 [n_users, n_items], not negative; entries are the weights of the edges.
        exponent: a.
    """
    n_users, n_items = matrix.shape
    degrees = np.concatenate([matrix.sum(1, dtype=np.float64), matrix.sum(0, dtype=np.float64)])
    scale = powers(degrees, -exponent)
    right = scaled(matrix, scale[:n_users], scale[n_users:])
    left = right.T.tocsr()
    indptr = np.concatenate([right.indptr, right.nnz + left.indptr[1:].astype(np.int64)])
    indices = np.concatenate([right.indices + n_users, left.indices])
    values = np.concatenate([right.data, left.data])
    return sp.csr_array((values, indices, indptr), shape=(n_users + n_items,) * 2)


def scaled(matrix: sp.csr_array, user_scale: NDArray[np.float64], item_scale: NDArray[np.float64]) -> sp.csr_array:
    """Return ``diag(user_scale) R diag(item_scale)``, float32, which shares all but its values with R."""
    values = user_scale.astype(np.float32).repeat(np.diff(matrix.indptr))
    values *= item_scale.astype(np.float32)[matrix.indices]  # in place: new memory costs more than the product
    values *= matrix.data
    return sp.csr_array((values, matrix.indices, matrix.indptr), matrix.shape)


def powers(degrees: NDArray[np.float64], exponent: float) -> NDArray[np.float64]:
    """Return ``degrees ** exponent``, and 0 where a degree is 0."""
    return np.power(degrees, exponent, out=np.zeros_like(degrees), where=degrees > 0)


def on_device(matrix: sp.csr_array | sp.csc_array, device: torch.device) -> tuple[Tensor, Tensor, Tensor]:
    """Return the arrays of a sparse matrix, as `bags` takes them; of CSC arrays they are those of the transpose."""
    indptr, indices, data = (torch.from_numpy(a).to(device) for a in (matrix.indptr, matrix.indices, matrix.data))
    return indptr, indices, data


def bags(table: Tensor, indptr: Tensor, indices: Tensor, values: Tensor) -> Tensor:
    """Return the product of a sparse matrix, given by its CSR arrays, and a dense one."""
    return embedding_bag(indices, table, indptr, mode="sum", per_sample_weights=values, include_last_offset=True)


class _At(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, table: Tensor, graph: Propagation, rows: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        places = torch.from_numpy(rows).to(table.device)
        own = table.index_select(0, places)
        ctx.graph, ctx.places, ctx.size = graph, places, len(table)
        if len(graph.weights) == 1:
            return own * graph.weights[0], own
        ctx.part = graph.rows(rows, table.shape[1])
        if ctx.part is None:
            outermost = graph.product(graph.inner(table)).index_select(0, places)
        else:
            outermost = graph.apply_rows(ctx.part, graph.inner(table))
        return outermost.add_(own, alpha=graph.weights[0]), own

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor, None, None]:
        gradient, own = gradients
        graph: Propagation = ctx.graph
        result, layers = gradient.new_zeros(ctx.size, gradient.shape[1]), list(graph.weights[1:])
        if layers and ctx.part is not None:
            result = graph.apply_rows(ctx.part.tocsc(), gradient * layers.pop())
        while layers:
            result = graph.product(result.index_add_(0, ctx.places, gradient, alpha=layers.pop()))
        result.index_add_(0, ctx.places, gradient, alpha=graph.weights[0])
        return result.index_add_(0, ctx.places, own), None, None
