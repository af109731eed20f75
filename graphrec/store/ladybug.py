"""An embedded graph file (Ladybug) as a `GraphStore`."""

from __future__ import annotations

import weakref
from typing import TYPE_CHECKING

import ladybug

from graphrec.errors import StoreError
from graphrec.store.ladybug_file import open_file
from graphrec.store.ladybug_suggestions import Suggesting
from graphrec.store.protocol import Capabilities

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

    from graphrec.store.ladybug_file import LadybugFile


class LadybugStore(Suggesting):
    """A graph in one file, in this process.

    One process may have the file open for writing; stores of the same path in that process share it. Others may open
    it for reading only: they see what the writer has published or closed, and follow it; a read that the writer meets
    is an error that says so.

    Args:
        path: the file; made where it does not exist.
        read_only: open for reading only.
        buffer_pool_mb: the most memory for pages of the file, in MiB.

    Raises:
        ConnectionFailedError: the file cannot be opened; the message says what to do.
    """

    def __init__(self, path: str | Path, *, read_only: bool = False, buffer_pool_mb: int = 1024) -> None:
        self._file = open_file(path, read_only=read_only, buffer_pool_mb=buffer_pool_mb)
        self._release = weakref.finalize(self, self._file.release)

    @property
    def file(self) -> LadybugFile:
        """The open file behind this store."""
        if not self._release.alive:
            raise StoreError(f"This store of the graph file {self._file.path} is closed. Open it again.")
        return self._file

    @property
    def capabilities(self) -> Capabilities:
        """What an embedded file can do."""
        return Capabilities(
            "ladybug", ladybug.__version__, vector_index=False, chunk_rows=1_000_000, suggestion_rows=200_000
        )

    def close(self) -> None:
        """Write everything into the file and release it, once the last store of this path is closed."""
        self._release()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LadybugStore({self._file.path!r})"
