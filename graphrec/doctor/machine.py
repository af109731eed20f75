"""The machine: versions, disk, memory, and an embedded graph file as the file system sees it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path
from typing import TYPE_CHECKING

from graphrec import __version__
from graphrec.data.plan import memory_plan
from graphrec.doctor.finding import Finding, Status

if TYPE_CHECKING:
    from collections.abc import Iterator

    from graphrec.schema import GraphSchema
    from graphrec.store.protocol import GraphDescription

LITTLE_DISK = 1 << 30
NO_DISK = 100 << 20


def versions() -> Iterator[Finding]:
    """Say which versions are installed, and which cannot be."""
    names = ("torch", "torch-geometric", "neo4j", "neo4j-rust-ext", "ladybug")
    have = {name: found for name in names if (found := _version_of(name))}
    listed = ", ".join(f"{name} {number}" for name, number in have.items())
    yield Finding("versions", "ok", f"graphrec {__version__}, Python {platform.python_version()}, {listed}.")
    pinned = _pinned("ladybug")
    if pinned and have.get("ladybug") != pinned:
        text = f"graphrec needs exactly ladybug {pinned}, and {have.get('ladybug', 'none')} is installed."
        yield Finding("ladybug", "fail", text, f"pip install ladybug=={pinned}")
    if "neo4j-rust-ext" not in have:
        text = "neo4j-rust-ext is not installed: Neo4j reads and vector writes take about twice as long."
        yield Finding("rust driver", "ok", text, "pip install 'graphrec[fast]'")


def _pinned(package: str) -> str | None:
    """Return the exact version that graphrec asks for; None where graphrec itself runs from its sources."""
    try:
        wanted = requires("graphrec") or []
    except PackageNotFoundError:
        return None
    return next((m[1] for text in wanted if (m := re.match(rf"{package}\s*==\s*([\w.]+)", text))), None)


def _version_of(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def file(path: Path) -> Iterator[Finding]:
    """Look at the permissions of a graph file that is there."""
    size = sum(part.stat().st_size for part in path.parent.glob(f"{path.name}*") if part.is_file())
    if os.access(path, os.W_OK) and os.access(path.parent, os.W_OK):
        yield Finding("file", "ok", f"{path}, {_bytes(size)}, can be read and written.")
    elif os.access(path, os.R_OK):
        text = f"{path} can only be read: lists can be asked for, but nothing loaded or published."
        yield Finding("file", "warn", text, f"chmod u+w {path} and its folder, where that is not meant.")
    else:
        yield Finding("file", "fail", f"{path} cannot be read.", f"chmod u+r {path}, or run as its owner.")


def disk(path: Path | None) -> Iterator[Finding]:
    """Look at the space beside the graph file (None: there is none) and for temporary files."""
    places = {"disk, temporary": Path(tempfile.gettempdir())}
    needed = LITTLE_DISK
    if path is not None:
        places["disk, graph"] = path.resolve().parent
        needed = max(needed, 2 * path.stat().st_size)
    for name, place in places.items():
        free = shutil.disk_usage(place).free
        status: Status = "fail" if free < NO_DISK else "warn" if free < needed else "ok"
        remedy = (
            "" if status == "ok" else f"Free {_bytes(needed)} there; loads and publishing write before they remove."
        )
        yield Finding(name, status, f"{_bytes(free)} free at {place}.", remedy)


def memory(schema: GraphSchema, live: GraphDescription) -> Iterator[Finding]:
    """Compare what a fit will take with what is free."""
    plan = memory_plan(schema, live.node_counts, live.edge_counts(schema))
    text = f"A fit of 64 numbers a node will take about {_bytes(plan.needs['fit'])} beside PyTorch's own"
    status: Status = "ok" if plan.fits("fit") else "warn"
    remedy = "`graphrec plan` shows what each model needs. Take another, or a machine with more memory."
    text += f"; {_bytes(plan.available)} are free."
    yield Finding("memory", status, text, "" if status == "ok" else remedy)


def _bytes(number: float) -> str:
    for unit in ("bytes", "KiB", "MiB", "GiB"):
        if number < 1024:
            return f"{number:.3g} {unit}"
        number /= 1024
    return f"{number:,.1f} TiB"
