"""What every list has in common, offline and from a database: who was asked for, who is unknown, the frame."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.errors import ArgumentError, GraphRecWarning, UnknownKeyError, problem, shown

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.rank.topk import TopK

OnUnknown = Literal["raise", "warn", "fallback"]


def are_histories(users: Any) -> bool:
    """Return whether ``users`` holds new users, each a list of item keys, and not keys of users.

    Raises:
        ArgumentError: it is no list, or holds both.
    """
    if isinstance(users, str | bytes | pd.DataFrame) or not hasattr(users, "__len__"):
        raise ArgumentError(problem("users", "must be a list of keys, or a list of lists of item keys", users))
    if isinstance(users, pa.Array | pa.ChunkedArray):
        return bool(pa.types.is_list(users.type) or pa.types.is_large_list(users.type))
    many = [not isinstance(user, str | bytes) and hasattr(user, "__len__") for user in users]
    if any(many) and not all(many):
        raise ArgumentError(problem("users", "must hold either keys or lists of item keys, not both", list(users)))
    return any(many)


def settle_unknown(
    labels: pa.Array, path: NDArray[np.object_], on_unknown: OnUnknown, *, stacklevel: int = 3
) -> NDArray[np.int64]:
    """Do what ``on_unknown`` says with users whom nothing serves, and return the rows that are answered.

    Args:
        labels: what to call the users.
        path: what serves each user, ``""`` where nothing does; ``"popularity"`` is written there by ``"fallback"``.
        on_unknown: ``"raise"``, ``"warn"`` (once, and leave them out) or ``"fallback"``.
        stacklevel: of the warning.

    Raises:
        ArgumentError: ``on_unknown`` is none of these.
        UnknownKeyError: there are such users, and it is ``"raise"``.
    """
    if on_unknown not in ("raise", "warn", "fallback"):
        raise ArgumentError(problem("on_unknown", "must be 'raise', 'warn' or 'fallback'", on_unknown))
    unknown = np.flatnonzero(path == "")
    if on_unknown == "fallback":
        path[unknown] = "popularity"
    elif len(unknown):
        some = shown(labels.take(pa.array(unknown[:3])).to_pylist())
        text = f"`users` must be known to the graph and the model. Got {len(unknown)} unknown, such as {some}."
        if on_unknown == "raise":
            raise UnknownKeyError(f'{text} Give on_unknown="warn" to leave them out, "fallback" for popular items.')
        warnings.warn(f"{text} They get no list.", GraphRecWarning, stacklevel=stacklevel)
    return np.flatnonzero(path != "")


def list_frame(
    labels: pa.Array, items: NodeTable, best: TopK, columns: tuple[str, str] = ("user", "item"), **more: Any
) -> pd.DataFrame:
    """Return lists as a frame, a row an item.

    Args:
        labels: whose list it is, [b].
        items: the items' keys.
        best: the lists.
        columns: what to call labels and items.
        more: further columns: one value for all, or an array [b] of one value for each list.

    Returns:
        The two columns, ``score``, ``rank`` (from 1), and ``more``.
    """
    lists, places = np.nonzero(best.rows >= 0)
    table = {
        columns[0]: labels.take(pa.array(lists)),
        columns[1]: items.take(best.rows[lists, places]),
        "score": best.scores[lists, places],
        "rank": places + 1,
    }
    frame: pd.DataFrame = pa.table(table).to_pandas()
    return frame.assign(**{name: x[lists] if isinstance(x, np.ndarray) else x for name, x in more.items()})
