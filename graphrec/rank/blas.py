"""One BLAS thread while blocks of users run side by side."""

from __future__ import annotations

from contextlib import contextmanager
from functools import cache
from threading import Lock
from typing import TYPE_CHECKING, Any

from threadpoolctl import ThreadpoolController

if TYPE_CHECKING:
    from collections.abc import Iterator

_lock = Lock()
_inside: list[Any] = []


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()  # looks through the loaded libraries: some milliseconds, once


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Let BLAS use one thread until the last caller leaves.

    Two blocks on one core each need no barrier; BLAS's own threads spin at one for each product, which on a busy
    machine costs a time slice (several milliseconds) where the product itself takes 0.2 ms.
    """
    with _lock:
        if not _inside:
            _inside.append(_controller().limit(limits=1, user_api="blas"))
        else:
            _inside.append(None)
    try:
        yield
    finally:
        with _lock:
            last = _inside.pop()
            if last is not None:
                last.restore_original_limits()
