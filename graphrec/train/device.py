"""Where to compute."""

from __future__ import annotations

import ctypes
import mmap
import sys
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch
from torch.nn.functional import embedding_bag

from graphrec.errors import ArgumentError, near, problem

if TYPE_CHECKING:
    from collections.abc import Iterator

SMALL = 20_000_000
"""Multiplications of one pass over the graph, up to which one thread serves best."""
MUCH = 256 << 20  # bytes
PAGE = mmap.PAGESIZE
BLOCK = (1 << 30) - PAGE


def resolve(device: str = "auto") -> torch.device:
    """Return the device of that name; ``"auto"`` takes CUDA, then MPS, then the CPU.

    Where PyTorch lacks an operation on MPS that training needs, the CPU is taken instead and a warning says so.

    Raises:
        ArgumentError: the name is no device that training can use, or this machine does not have it.
    """
    present = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, there in present.items() if there)
    kind, numbered, index = device.partition(":")
    if kind not in present or (numbered and not index.isdecimal()):
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


@contextmanager
def enough_threads(work: int) -> Iterator[None]:
    """Compute on one thread inside the block where ``work`` (multiplications of one pass) is small.

    PyTorch's threads spin while they wait for each other after every operation. For small operations that brings
    little on an idle machine, and on a busy one it costs several times what it brings.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1 if work <= SMALL else before)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def products(device: torch.device) -> torch.dtype:
    """Return the type in which large products are fastest: bfloat16 where the processor multiplies it natively."""
    native = device.type == "cuda" and torch.cuda.is_bf16_supported()
    if device.type == "cpu":
        native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return torch.bfloat16 if native else torch.float32


@contextmanager
def kept_memory(need: int = 0) -> Iterator[None]:
    """Let the C library keep freed arrays for the next ones inside the block, where it is glibc.

    It hands every large array back to the system at once and gets the next one page by page, which takes half of the
    time of a training step with large vectors. Where much is needed it gets large pages: products over a graph read
    rows all over large arrays, which in small ones takes a third longer to twice as long.

    Args:
        need: bytes that the block will fill.
    """
    library = ctypes.CDLL(None) if sys.platform == "linux" else None
    if library is None or not hasattr(library, "mallopt"):
        yield
        return
    trim_threshold, map_threshold, never = -1, -3, -1
    library.mallopt(map_threshold, BLOCK + PAGE)
    library.mallopt(trim_threshold, never)
    if need >= MUCH:
        _large_pages(library, need)
    try:
        yield
    finally:
        library.mallopt(map_threshold, 32 << 20)
        library.mallopt(trim_threshold, 64 << 20)
        library.malloc_trim(0)


def _large_pages(library: ctypes.CDLL, need: int) -> None:
    """Ask for large pages where the C library will put the next ``need`` bytes: what is freed here, it keeps."""
    library.malloc.restype = ctypes.c_void_p
    library.malloc.argtypes = [ctypes.c_size_t]
    library.madvise.argtypes = [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    library.free.argtypes = [ctypes.c_void_p]
    blocks = [library.malloc(BLOCK) for _ in range(-(-need // BLOCK))]
    for address in filter(None, blocks):
        first = -(-address // PAGE) * PAGE
        library.madvise(first, (address + BLOCK - first) // PAGE * PAGE, mmap.MADV_HUGEPAGE)
        library.free(address)
