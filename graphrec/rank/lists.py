"""What every list has in common, offline and from a database: who was asked for, who is unknown, the frame."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
import pyarrow as pa

from graphrec.data.new_user import NewUser
from graphrec.errors import ArgumentError, GraphRecWarning, UnknownKeyError, problem, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from graphrec.data.tables import NodeTable
    from graphrec.rank.topk import TopK

OnUnknown = Literal["raise", "warn", "fallback"]


def told_apart(users: Any) -> tuple[Any, list[tuple[int, NewUser]]]:
    """Return the keys among those who are asked for, and the new users, each with its position.

    Args:
        users: keys; `NewUser`, or lists of item keys, which are new users by the items that they took; or both.

    Raises:
        ArgumentError: it is no list.
    """
    if isinstance(users, str | bytes | pd.DataFrame) or not hasattr(users, "__len__"):
        rule = "must be a list of keys, of new users, or of lists of item keys"
        raise ArgumentError(problem("users", rule, users))
    if isinstance(users, pa.Array | pa.ChunkedArray):
        if not (pa.types.is_list(users.type) or pa.types.is_large_list(users.type)):
            return users, []
        users = users.to_pylist()
    many = [
        isinstance(user, NewUser) or (not isinstance(user, str | bytes) and hasattr(user, "__len__"))
        for user in users
    ]
    if not any(many):
        return users, []
    new = [
        (place, user if isinstance(user, NewUser) else NewUser(items=list(user)))
        for place, (user, is_new) in enumerate(zip(users, many, strict=True))
        if is_new
    ]
    return [user for user, is_new in zip(users, many, strict=True) if not is_new], new


def both(users: Sequence[Any], answer: Callable[[Sequence[Any]], pd.DataFrame]) -> pd.DataFrame:
    """Return the lists of keys and of new users in one frame, in the order in which they were asked for.

    A new user is called by their position, such as ``"#3"`` for the fourth, which no key can be taken for.

    Raises:
        ArgumentError: a key looks like that.
    """
    keys, new = told_apart(users)
    places = {f"#{place}": place for place, _ in new}
    if taken := places.keys() & {key for key in keys if isinstance(key, str)}:
        rule = "must not hold new users beside a key that one of them would be called by"
        raise ArgumentError(problem("users", rule, sorted(taken)[0], "Ask for them in two calls."))
    strangers = answer([user for _, user in new])
    names = np.array(list(places), dtype=object)
    strangers = strangers.assign(user=names[strangers["user"].to_numpy(np.int64)])
    frame = pd.concat([answer(keys).astype({"user": object}), strangers.astype({"user": object})], ignore_index=True)
    new_places = {place for place, _ in new}
    known = iter(place for place in range(len(users)) if place not in new_places)
    for key, place in zip(keys, known, strict=True):
        places.setdefault(key, place)
    order = np.argsort([places[user] for user in frame["user"]], kind="stable")
    return frame.iloc[order].reset_index(drop=True)


def settle_unknown(
    labels: pa.Array, path: NDArray[np.object_], on_unknown: OnUnknown, *, new: bool = False, stacklevel: int = 3
) -> NDArray[np.int64]:
    """Do what ``on_unknown`` says with users whom nothing serves, and return the rows that are answered.

    Args:
        labels: what to call the users.
        path: what serves each user, ``""`` where nothing does; ``"popularity"`` is written there by ``"fallback"``.
        on_unknown: ``"raise"``, ``"warn"`` (once, and leave them out) or ``"fallback"``.
        new: whether they are new users, called by their positions.
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
        if new:
            text = "New `users` must say something that the model knows: items, attributes or words. "
            text += f"Got {len(unknown)} who do not, such as those at the positions {some}."
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
        more: further columns: one value for all, an array [b] of one for each list, or [b, k] of one for each place;
            and as ``item_path`` one [n_items] of what gave each item its vector.

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

    def of_rows(name: str, x: Any) -> Any:
        if not isinstance(x, np.ndarray):
            return x
        if name == "item_path":
            return x[best.rows[lists, places]]
        return x[lists, places] if x.ndim == 2 else x[lists]

    return frame.assign(**{name: of_rows(name, x) for name, x in more.items()})
