"""Which saved models, exports and frames hold the keys of some users."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc
from safetensors import SafetensorError, safe_open

from graphrec.data.arrow import plain
from graphrec.data.source import Source
from graphrec.errors import ArgumentError, GraphRecError, problem
from graphrec.models.fitted_model import keys_from_tensors

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from graphrec.schema import GraphSchema


class Held(NamedTuple):
    """A file that holds users.

    Attributes:
        path: the file.
        what: what it is, and where in it they are.
        users: their keys.
    """

    path: Path
    what: str
    users: tuple[Any, ...]


def check_paths(saved: Sequence[str | Path]) -> list[Path]:
    """Return paths that are there.

    Raises:
        ArgumentError: one is not, or one path is given in place of a list.
    """
    if isinstance(saved, str | Path):
        raise ArgumentError(problem("saved", "must be a list of files and folders", str(saved)))
    paths = [Path(path).expanduser() for path in saved]
    for path in paths:
        if not path.exists():
            raise ArgumentError(problem("saved", "must name files and folders that are there", str(path)))
    return paths


def held_by(paths: Iterable[Path], keys: pa.Array, schema: GraphSchema) -> tuple[list[Held], list[Path]]:
    """Search files for users.

    A model's file is asked for its users; a Parquet or CSV file is read column by column. A key that is a whole
    number is looked for only in columns whose name says user, since 15 may mean anything elsewhere.

    Args:
        paths: files, and folders that are searched to the bottom.
        keys: of users.
        schema: what columns may be called.

    Returns:
        What holds a key, and the files that are none of these or damaged.

    Cost: one pass over each file, a batch at a time.
    """
    held: list[Held] = []
    unread: list[Path] = []
    for path in dict.fromkeys(file for given in paths for file in _files(given)):
        try:
            if path.suffix.lower() in (".parquet", ".csv"):
                held += _in_table(path, keys, schema)
            else:
                held += _in_model(path, keys)
        except (GraphRecError, SafetensorError, pa.ArrowException, OSError, ValueError, KeyError, TypeError):
            unread.append(path)
    return held, unread


def _files(path: Path) -> list[Path]:
    """Return the files to search; an export's manifest holds names and counts only."""
    if not path.is_dir():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and file.name != "manifest.json")


def _in_model(path: Path, keys: pa.Array) -> list[Held]:
    with safe_open(path, "numpy") as file:
        about = json.loads(file.metadata()["graphrec"])
        if about["what"] != "model":  # a checkpoint holds rows without keys
            return []
        tensors = {name: file.get_tensor(name) for name in file.keys() if name.startswith("users/")}  # noqa: SIM118  no mapping
    users = keys_from_tensors("users", tensors)
    found = keys.filter(pc.is_in(keys, users)) if users.type == keys.type else keys[:0]
    return [Held(path, f"model {about['name']}", tuple(found.to_pylist()))] if len(found) else []


def _in_table(path: Path, keys: pa.Array, schema: GraphSchema) -> list[Held]:
    by_text = {str(key): key for key in keys.to_pylist()}
    wanted = pa.array(list(by_text), pa.string())
    words = pa.array([text for text in by_text if not text.lstrip("-").isdecimal()], pa.string())
    source = Source.of(path, "saved")
    source = source.with_text(source.names)
    found: dict[str, dict[str, None]] = {}
    user_columns = _user_columns(path, schema)
    for name in source.names:
        sought = wanted if name in user_columns else words
        for batch in source.batches([name]) if len(sought) else ():
            values = plain(batch.column(0))
            while (
                pa.types.is_nested(values.type) and hasattr(values, "flatten") and not pa.types.is_struct(values.type)
            ):
                values = plain(values.flatten())
            if pa.types.is_floating(values.type) and name in user_columns:  # whole numbers beside nulls, by pandas
                values = pc.cast(values, pa.int64(), safe=False)
            if not (pa.types.is_string(values.type) or pa.types.is_integer(values.type)):
                break
            texts = pc.cast(values, pa.string())
            hits = pc.unique(texts.filter(pc.fill_null(pc.is_in(texts, sought), False))).to_pylist()
            found.setdefault(name, {}).update(dict.fromkeys(hits))
    return [
        Held(path, f"column {name}", tuple(by_text[text] for text in texts)) for name, texts in found.items() if texts
    ]


def _user_columns(path: Path, schema: GraphSchema) -> set[str]:
    """Return the names of columns that may hold users; for a file of an export, those that do."""
    user = schema.user
    manifest = path.parent / "manifest.json"
    if manifest.is_file():
        entry = json.loads(manifest.read_text(encoding="utf-8")).get("tables", {}).get(path.name)
        if entry is None:
            return {"key"} if path.name.endswith(".users.parquet") else set()
        if entry["kind"] == "nodes":
            return {user.key} if entry["name"] == user.label else set()
        edge = schema.loadable.get(entry["name"])
        ends = (("source", edge.source), ("target", edge.target)) if edge else ()
        return {name for name, node in ends if node.label == user.label} if edge else {"source", "target"}
    label = user.label.lower()
    return {user.key, label, f"{label}_id", "user", "user_id", "friend", "friend_id", "source", "target", "named"}
