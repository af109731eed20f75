from __future__ import annotations

import ctypes
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from interactions import communities, dataset_of

from graphrec.errors import ArgumentError
from graphrec.models import SoftmaxGCN
from graphrec.train import device as module
from graphrec.train.device import SMALL, enough_threads, kept_memory, products, resolve


def present(monkeypatch: pytest.MonkeyPatch, *, cuda: int = 0, mps: bool = False) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: cuda > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: cuda)
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: mps)


def test_auto_takes_cuda_then_the_cpu(monkeypatch: pytest.MonkeyPatch) -> None:
    present(monkeypatch, cuda=1)
    assert resolve("auto") == torch.device("cuda")
    present(monkeypatch)
    assert resolve("auto") == torch.device("cpu")


@pytest.mark.skipif(torch.backends.mps.is_available(), reason="here MPS is there and may well do the operation")
@pytest.mark.parametrize("device", ["auto", "mps"])
def test_mps_that_cannot_sum_bags_gives_way_to_the_cpu(monkeypatch: pytest.MonkeyPatch, device: str) -> None:
    present(monkeypatch, mps=True)
    with pytest.warns(UserWarning, match="MPS; training runs on the CPU"):
        assert resolve(device) == torch.device("cpu")


@pytest.mark.parametrize(("device", "cuda"), [("cuda", 0), ("mps", 0), ("cuda:1", 1)])
def test_an_absent_device_is_refused(monkeypatch: pytest.MonkeyPatch, device: str, cuda: int) -> None:
    present(monkeypatch, cuda=cuda)
    with pytest.raises(ArgumentError, match=rf"`device` must be a device of this machine. Got '{device}'.*'cpu'"):
        resolve(device)


@pytest.mark.parametrize("device", ["cuba", "gpu", "", "cuda:x", "meta", "cpu:"])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(ArgumentError, match="`device` must be a known device"):
        resolve(device)


def test_small_work_takes_one_thread_and_gives_the_others_back():
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with enough_threads(SMALL):
            assert torch.get_num_threads() == 1
        assert torch.get_num_threads() == 2
        with enough_threads(SMALL + 1):
            assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize(("avx512", "amx"), [(True, False), (False, True), (False, False)])
def test_products_are_in_bfloat16_where_the_processor_has_it(
    monkeypatch: pytest.MonkeyPatch, avx512: bool, amx: bool
) -> None:
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert products(torch.device("cpu")) == (torch.bfloat16 if avx512 or amx else torch.float32)
    assert products(torch.device("mps")) == torch.float32
    for there in (True, False):
        present(monkeypatch, cuda=1)
        monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda there=there: there)
        assert products(torch.device("cuda")) == (torch.bfloat16 if there else torch.float32)


def test_kept_memory_changes_no_result_and_nests() -> None:
    data = dataset_of(communities())
    model = SoftmaxGCN(dim=8, epochs=2)
    plain = model.fit(data, progress=False)
    with kept_memory(), kept_memory():
        inside = model.fit(data, progress=False)
        again = np.ones(1 << 22).sum()
    assert again == 1 << 22
    for name in ("user_vectors", "item_vectors", "fold_in_vectors"):
        np.testing.assert_array_equal(getattr(plain, name), getattr(inside, name))


class _Library:
    """A C library that writes down what it is asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[int, ...]] = []

    def mallopt(self, what: int, value: int) -> None:
        self.asked.append((what, value))

    def malloc_trim(self, pad: int) -> None:
        self.asked.append((pad,))


def test_kept_memory_is_given_back_at_the_end_whatever_happens(monkeypatch: pytest.MonkeyPatch) -> None:
    library = _Library()
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(module.sys, "platform", "linux")

    def fails() -> None:
        with kept_memory():
            assert len(library.asked) == 2
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert {what for what, *_ in library.asked[:2]} == {what for what, *_ in library.asked[2:4]} == {-1, -3}
    assert library.asked[-1] == (0,)


@pytest.mark.skipif(not Path("/sys/kernel/mm/transparent_hugepage").exists(), reason="Needs Linux with large pages")
@pytest.mark.parametrize(("need", "expected"), [(0, "False"), (1 << 30, "True")])
def test_large_arrays_lie_in_large_pages_where_much_is_needed(need: int, expected: str) -> None:
    code = f"""if True:
        import numpy as np
        from graphrec.train.device import kept_memory
        with kept_memory({need}):
            array, inside = np.ones(1 << 20), False
            where = array.__array_interface__["data"][0] + (1 << 22)
            for line in open("/proc/self/smaps"):
                first = line.split()[0]
                if first == "VmFlags:" and inside:
                    print("hg" in line.split())
                elif not first.endswith(":"):
                    begin, end = (int(address, 16) for address in first.split("-"))
                    inside = begin <= where < end
    """
    environment = os.environ | {"NUMPY_MADVISE_HUGEPAGE": "0"}
    ran = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == [expected]


@pytest.mark.parametrize(("platform", "library"), [("darwin", _Library()), ("linux", object())])
def test_without_glibc_memory_is_left_alone(monkeypatch: pytest.MonkeyPatch, platform: str, library: Any) -> None:
    monkeypatch.setattr(ctypes, "CDLL", lambda _: library)
    monkeypatch.setattr(module.sys, "platform", platform)
    with kept_memory():
        assert np.ones(9).sum() == 9
    assert getattr(library, "asked", []) == []
