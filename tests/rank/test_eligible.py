from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scorers import nodes

from graphrec.errors import ArgumentError, DataError
from graphrec.rank.eligible import allowed_mask, matching_items

if TYPE_CHECKING:
    from graphrec import Dataset

ITEMS = nodes("Item", ["a", "b", "c", "d"])


def allowed(**given: Any) -> str:
    mask = allowed_mask(ITEMS, **given)
    assert mask is not None
    assert mask.dtype == bool
    return "".join(np.array(list("abcd"))[mask])


def test_nothing_said_allows_every_item_without_a_mask() -> None:
    assert allowed_mask(ITEMS) is None


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"include": ["a", "c"]}, "ac"),
        ({"include": []}, ""),
        ({"exclude": []}, "abcd"),
        ({"exclude": ["a", "d", "a"]}, "bc"),
        ({"include": ["a", "c"], "exclude": ["c"]}, "a"),
        ({"include": ["a", "nothing"]}, "a"),
        ({"include": ["nothing"]}, ""),
        ({"exclude": ["nothing"]}, "abcd"),
        ({"matching": pa.array(["b", "c"]), "include": ["a", "b"]}, "b"),
        ({"include": {"a", "c"}}, "ac"),
        ({"include": np.array(["d"])}, "d"),
        ({"exclude": pd.Series(["d"])}, "abc"),
    ],
)
def test_keys(given: dict[str, Any], left: str) -> None:
    assert allowed(**given) == left


@pytest.mark.parametrize("name", ["include", "exclude"])
def test_what_is_no_list_of_keys_is_refused(name: str) -> None:
    with pytest.raises(ArgumentError, match=f"`{name}` must be a list of item keys. Got 'a'"):
        allowed_mask(ITEMS, **{name: "a"})
    with pytest.raises(ArgumentError, match=f"`{name}` must be a list of item keys. Got 3"):
        allowed_mask(ITEMS, **{name: 3})
    with pytest.raises(ArgumentError, match=f"`{name}` must hold keys of type string, such as .*'a'"):
        allowed_mask(ITEMS, **{name: [1, 2]})
    with pytest.raises(DataError, match="one type"):
        allowed_mask(ITEMS, **{name: [1, "a"]})


def test_attributes(shop: Dataset) -> None:
    assert matching_items(shop, {"HAS_GENRE": ["Comedy", "Horror"]}).to_pylist() == ["a", "b", "d"]
    assert matching_items(shop, {"HAS_GENRE": "Drama"}).to_pylist() == ["b", "c"]
    assert matching_items(shop, {"HAS_GENRE": []}).to_pylist() == []
    assert matching_items(shop, {}).to_pylist() == list("abcdef")


def test_attributes_that_are_not_there(shop: Dataset) -> None:
    assert matching_items(shop, {"HAS_GENRE": ["Drama", "Comdy"]}).to_pylist() == ["b", "c"]
    assert matching_items(shop, {"HAS_GENRE": "Comdy"}).to_pylist() == []
    with pytest.raises(ArgumentError, match=r"where\['HAS_GENRE'\]` must hold keys of type string"):
        matching_items(shop, {"HAS_GENRE": [3]})
    with pytest.raises(ArgumentError, match=r"Got 'HAS_GENR'. Did you mean 'HAS_GENRE'"):
        matching_items(shop, {"HAS_GENR": ["Drama"]})
    with pytest.raises(ArgumentError, match=r"`where` must name attributes of items. Got 'LIVES_IN'"):
        matching_items(shop, {"LIVES_IN": ["Paris"]})
    with pytest.raises(ArgumentError, match=r"'since'. A filter is Cypher: use `graph.recommend`"):
        matching_items(shop, {"since": 1990})
