"""Where to compute."""

from __future__ import annotations

import warnings

import torch
from torch.nn.functional import embedding_bag

from graphrec.errors import ArgumentError, near, problem


def resolve(device: str = "auto") -> torch.device:
    """Return the device of that name; ``"auto"`` takes CUDA, then MPS, then the CPU.

    Where PyTorch lacks an operation on MPS that training needs, the CPU is taken instead and a warning says so.

    Raises:
        ArgumentError: the name is no device that training can use, or this machine does not have it.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, there in present.items() if there)
    kind, _, index = device.partition(":")
    if kind not in present or (index and not index.isdecimal()):
        raise ArgumentError(problem("device", "must be a known device", device, near(device, ["auto", *present])))
    if not present[kind] or (kind == "cuda" and int(index or 0) >= torch.cuda.device_count()):
        raise ArgumentError(
            problem("device", "must be a device of this machine", device, "Use device='auto' or device='cpu'.")
        )
    if kind == "mps" and not _sums_bags(device):
        warnings.warn(
            "This PyTorch lacks sums over neighbours on MPS; training runs on the CPU.", UserWarning, stacklevel=2
        )
        device = "cpu"
    return torch.device(device)


def _sums_bags(device: str) -> bool:
    try:
        ones, offsets = torch.ones(1, 1, device=device), torch.tensor([0, 1], device=device)
        embedding_bag(offsets[:1], ones, offsets, mode="sum", include_last_offset=True, per_sample_weights=ones[0])
    except (NotImplementedError, RuntimeError):
        return False
    return True
