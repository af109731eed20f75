from __future__ import annotations

import pytest
import torch

from graphrec.errors import ArgumentError
from graphrec.train.device import SMALL, enough_threads, resolve


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


@pytest.mark.parametrize("device", ["cuba", "gpu", "", "cuda:x", "meta"])
def test_an_unknown_device_is_refused(device: str) -> None:
    with pytest.raises(ArgumentError, match="`device` must be a known device"):
        resolve(device)


def test_small_work_takes_one_thread_and_gives_the_others_back():
    before = torch.get_num_threads()
    with enough_threads(SMALL):
        assert torch.get_num_threads() == 1
    with enough_threads(SMALL + 1):
        assert torch.get_num_threads() == before
    assert torch.get_num_threads() == before
