"""One LightGCN training step, beside PyTorch Geometric's own LightGCN and a sparse COO product.

A step is: draw a batch, propagate, loss, backward, Adam. All variants start from one table and must agree on the
embeddings, the loss and its gradient before anything is timed. Repetitions of the variants take turns; a figure is
the median over repetitions, a ratio is one of medians.

    python benchmarks/lightgcn_step.py --gowalla DIR     # DIR holds train.parquet (user_id, item_id)
    python benchmarks/lightgcn_step.py                   # a synthetic graph of the same size
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import time
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import scipy
import scipy.sparse as sp
import torch
import torch_geometric
from torch_geometric.nn.models import LightGCN as PyGLightGCN

from graphrec.models.lightgcn import LightGCN, _Training

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from graphrec.train.sampling import Triples

USERS, ITEMS, PAIRS = 29_858, 40_981, 810_128
RESULT = Path(__file__).parent / "results" / "lightgcn_step.json"
OURS, PYG, CSR = "graphrec", "PyG (edge_index)", "PyG (normalised CSR)"
FUSED = "PyG (normalised CSR, fused Adam)"
COO = "sparse COO product (as LightGCN-PyTorch)"


def gowalla(folder: Path) -> sp.csr_array:
    frame = pd.read_parquet(folder / "train.parquet")
    return matrix_of(frame["user_id"].to_numpy(), frame["item_id"].to_numpy())


def synthetic(seed: int = 0) -> sp.csr_array:
    """Users and items drawn by a power of their rank, as many pairs as Gowalla has."""
    generator = np.random.default_rng(seed)
    codes = np.zeros(0, np.int64)
    while len(codes) < PAIRS:
        users = (USERS * generator.random(PAIRS) ** 1.6).astype(np.int64)
        items = (ITEMS * generator.random(PAIRS) ** 2.2).astype(np.int64)
        codes = np.unique(np.concatenate([codes, users * ITEMS + items]))
    return matrix_of(*np.divmod(generator.permutation(codes)[:PAIRS], ITEMS))


def matrix_of(users: np.ndarray, items: np.ndarray) -> sp.csr_array:
    shape = (max(users.max() + 1, USERS), max(items.max() + 1, ITEMS))
    matrix = sp.coo_array((np.ones(len(users), np.float32), (users, items)), shape=shape).tocsr()
    matrix.sort_indices()
    return matrix


class Peer:
    """PyG's LightGCN as its example uses it: ``model(edges, pairs)``, ``recommendation_loss``, Adam."""

    def __init__(
        self, ours: _Training, config: LightGCN, edges: torch.Tensor, *, fused: bool, **options: bool
    ) -> None:
        self.model = PyGLightGCN(len(ours.table), config.dim, config.layers, **options)
        self.model.embedding.weight.data.copy_(ours.table.detach())
        self.edges, self.n_users, self.reg = edges, ours.n_users, config.reg
        self.optimiser = torch.optim.Adam(self.model.parameters(), lr=config.learning_rate, fused=fused)

    def embedding(self) -> torch.Tensor:
        return self.model.get_embedding(self.edges)

    def gradient(self) -> torch.Tensor | None:
        return self.model.embedding.weight.grad

    def loss(self, batch: Triples) -> torch.Tensor:
        users, positives, negatives = map(torch.from_numpy, batch)
        items = torch.cat([positives, negatives]) + self.n_users
        pairs = torch.stack([users.repeat(2), items])
        positive, negative = self.model(self.edges, pairs).chunk(2)
        nodes = torch.cat([users, items])
        return self.model.recommendation_loss(positive, negative, node_id=nodes, lambda_reg=self.reg / 2)

    def step(self, batch: Triples) -> None:
        self.optimiser.zero_grad()
        self.loss(batch).backward()
        self.optimiser.step()


class CooPeer(Peer):
    """LightGCN as LightGCN-PyTorch has it: ``torch.sparse.mm`` of a coalesced COO matrix for each layer, Adam."""

    def __init__(self, ours: _Training, config: LightGCN, adjacency: torch.Tensor) -> None:
        self.table = ours.table.detach().clone().requires_grad_()
        self.adjacency, self.n_users, self.reg, self.layers = adjacency, ours.n_users, config.reg, config.layers
        self.optimiser = torch.optim.Adam([self.table], lr=config.learning_rate)

    def embedding(self) -> torch.Tensor:
        found = [self.table]
        for _ in range(self.layers):
            found.append(torch.sparse.mm(self.adjacency, found[-1]))
        return torch.stack(found, dim=1).mean(dim=1)

    def gradient(self) -> torch.Tensor | None:
        return self.table.grad

    def loss(self, batch: Triples) -> torch.Tensor:
        users, positives, negatives = map(torch.from_numpy, batch)
        nodes = users, positives + self.n_users, negatives + self.n_users
        final = self.embedding()
        user, positive, negative = (final[rows] for rows in nodes)
        margin = (user * negative).sum(1) - (user * positive).sum(1)
        size = sum(self.table[rows].square().sum() for rows in nodes) / (2 * len(users))
        return torch.nn.functional.softplus(margin).mean() + self.reg * size


def peers(ours: _Training, matrix: sp.csr_array, config: LightGCN) -> dict[str, Peer]:
    pairs = matrix.tocoo()
    one_way = np.stack([pairs.coords[0], pairs.coords[1] + matrix.shape[0]]).astype(np.int64)
    both = torch.from_numpy(np.concatenate([one_way, one_way[::-1]], axis=1).copy())
    degrees = torch.bincount(both[0], minlength=len(ours.table)).float()
    values = (degrees[both[0]] * degrees[both[1]]).rsqrt()
    coo = torch.sparse_coo_tensor(both, values, (len(degrees),) * 2).coalesce()
    csr = coo.to_sparse_csr()
    return {
        PYG: Peer(ours, config, both, fused=False),
        CSR: Peer(ours, config, csr, fused=False, normalize=False),
        FUSED: Peer(ours, config, csr, fused=True, normalize=False),
        COO: CooPeer(ours, config, coo),
    }


def check(ours: _Training, others: dict[str, Peer], batch: Triples) -> dict[str, float]:
    """Return the largest differences of embeddings, loss and gradient, or fail."""
    loss = ours.loss(batch)
    loss.backward()
    found = np.concatenate(ours.vectors()[:2])
    worst = {"embedding": 0.0, "loss": 0.0, "gradient": 0.0}
    for peer in others.values():
        theirs = peer.loss(batch)
        theirs.backward()
        embedding, gradient = peer.embedding().detach(), peer.gradient()
        differences = {
            "embedding": np.abs(embedding.numpy() - found).max() / np.abs(found).max(),
            "loss": abs(theirs.item() - loss.item()) / abs(loss.item()),
            "gradient": ((gradient - ours.table.grad).abs().max() / ours.table.grad.abs().max()).item(),
        }
        worst = {name: max(worst[name], float(value)) for name, value in differences.items()}
    if max(worst.values()) > 1e-4:
        raise SystemExit(f"The variants do not compute the same: {worst}")
    ours.table.grad = None
    return worst


def stepper(ours: _Training, learning_rate: float) -> Callable[[Triples], None]:
    optimiser = torch.optim.Adam(list(ours.parameters.values()), lr=learning_rate, fused=True)

    def step(batch: Triples) -> None:
        optimiser.zero_grad()
        loss = ours.loss(batch)
        loss.item()
        loss.backward()
        optimiser.step()

    return step


def measure(steps: dict[str, Callable[[Triples], None]], ours: _Training, repeats: int, each: int) -> dict[str, Any]:
    taken: dict[str, list[float]] = {name: [] for name in steps}
    batches = iter(ours.batches)
    for repeat in range(-1, repeats):
        for name, step in steps.items():
            began = time.perf_counter()
            for _ in range(each):
                step(next(batches))
            if repeat >= 0:  # the first round warms up
                taken[name].append((time.perf_counter() - began) / each)
    return {
        name: {"median_s": statistics.median(values), "min_s": min(values), "seconds": values}
        for name, values in taken.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--gowalla", type=Path, default=os.environ.get("GRAPHREC_DATA"), help="folder of train.parquet"
    )
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--steps", type=int, default=2, help="steps of a variant in a repetition")
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore", message="Sparse (CSR|invariant)")  # of the peer's own adjacency
    matrix = gowalla(Path(arguments.gowalla)) if arguments.gowalla else synthetic()
    config = LightGCN(dim=64, layers=3, batch_size=2048, learning_rate=1e-3)
    ours = _Training(config, matrix, torch.device("cpu"))
    others = peers(ours, matrix, config)
    differences = check(ours, others, next(iter(ours.batches)))
    steps = {OURS: stepper(ours, config.learning_rate), **{name: peer.step for name, peer in others.items()}}
    results = measure(steps, ours, arguments.repeats, arguments.steps)
    for name in steps:
        results[name]["times_ours"] = results[name]["median_s"] / results[OURS]["median_s"]
    report = {
        "data": "gowalla" if arguments.gowalla else "synthetic",
        "users": matrix.shape[0],
        "items": matrix.shape[1],
        "pairs": int(matrix.nnz),
        "dim": config.dim,
        "layers": config.layers,
        "batch_size": config.batch_size,
        "repeats": arguments.repeats,
        "steps": arguments.steps,
        "relative_differences": differences,
        "results": results,
        "machine": {
            "cores": os.cpu_count(),
            "threads": torch.get_num_threads(),
            "load": os.getloadavg(),
            "processor": platform.machine(),
            "python": platform.python_version(),
            "torch": torch.__version__,
            "torch_geometric": torch_geometric.__version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
        },
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(report, indent=2) + "\n")
    print(
        f"{report['data']}: {matrix.nnz:,} pairs, {config.dim}-d, {config.layers} layers, batch {config.batch_size}"
    )
    for name, result in results.items():
        print(f"{name:34}{result['median_s'] * 1e3:10.1f} ms   {result['times_ours']:6.2f} x graphrec")
    print(f"largest relative differences: {differences}")


if __name__ == "__main__":
    main()
