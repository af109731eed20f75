from __future__ import annotations

import pytest

from graphrec.cli.new_user import new_users
from graphrec.errors import ArgumentError
from graphrec.schema import Attribute, Feature, GraphSchema, Node

SCHEMA = GraphSchema(
    user=Node(
        "User", "id", features=[Feature("age=", "number"), Feature("face", "vector"), Feature("job", "category")]
    ),
    attributes=[Attribute("LIVES_IN", Node("City", "name"), of="user")],
)


def test_items_alone_are_a_user_each() -> None:
    assert new_users(SCHEMA, [[1, 2], [3]], None, None) == [[1, 2], [3]]


def test_one_user_by_all_that_is_said() -> None:
    said = ["LIVES_IN=Paris", "LIVES_IN=New=York", "LIVES_IN=1e5", "age==30", "face=[0.5, 1]", "job=17", "empty="]
    (user,) = new_users(SCHEMA, [[1, 2]], "quiet films", said)
    assert not isinstance(user, list)
    assert (user.items, user.text) == ([1, 2], "quiet films")
    assert user.attributes == {
        "LIVES_IN": ["Paris", "New=York", "1e5"],
        "age=": 30,
        "face": [0.5, 1],
        "job": "17",
        "empty": "",
    }
    (bare,) = new_users(SCHEMA, [], "", [])
    assert not isinstance(bare, list)
    assert (list(bare.items), bare.attributes, bare.text) == ([], {}, "")


def test_what_cannot_be_read_is_said() -> None:
    for given in ("Paris", "=Paris", ""):
        with pytest.raises(ArgumentError, match="`--attribute` must be NAME=VALUE, as LIVES_IN=Paris"):
            new_users(SCHEMA, [], None, [given])
    with pytest.raises(ArgumentError, match=r"`--attribute` must be a number, .* for 'age='. Got 'thirty'"):
        new_users(SCHEMA, [], None, ["age==thirty"])
    with pytest.raises(ArgumentError, match=r"`--items` must be given once beside --text .* Got 2"):
        new_users(SCHEMA, [[1], [2]], "x", None)
