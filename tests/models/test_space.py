from __future__ import annotations

import math
from typing import Any

import pytest

from graphrec.errors import ArgumentError
from graphrec.models import KINDS, LightGCN, Popularity, from_name
from graphrec.models.space import Choice, Float, Int, space_of


@pytest.mark.parametrize("kind", KINDS)
def test_declared_spaces_fit_the_fields(kind: str) -> None:
    model = from_name(kind)
    if not model.space:
        with pytest.raises(ArgumentError, match=f"`space` must hold a field of {kind!r} to try"):
            space_of(model)
        return
    assert space_of(model) == dict(model.space)
    for name, each in model.space.items():  # the defaults are among what is tried, unless they are "without"
        assert getattr(model, name) is None or each.holds(getattr(model, name)), name


def test_spaces_are_read_from_tables_and_lists() -> None:
    given = {"dim": [16, 32], "layers": {"low": 1, "high": 3}, "reg": {"low": 1e-6, "high": 1, "log": True}}
    assert space_of(LightGCN(), given) == {
        "dim": Choice(16, 32),
        "layers": Int(low=1, high=3),
        "reg": Float(low=1e-6, high=1.0, log=True),
    }
    assert space_of(LightGCN(), {"dim": Choice(8), "weighted": [True, False]})["weighted"] == Choice(True, False)


def test_how_many_values_there_are_and_which() -> None:
    assert (Choice("a", "b").size, Int(low=2, high=8, step=3).size, Float(low=0, high=1).size) == (2, 3, math.inf)
    assert [v for v in range(10) if Int(low=2, high=8, step=3).holds(v)] == [2, 5, 8]
    assert [v for v in (0, 0.5, 2, "x") if Float(low=0.25, high=1).holds(v)] == [0.5]


@pytest.mark.parametrize(
    ("space", "message"),
    [
        ({}, "`space` must hold a field of 'lightgcn' to try"),
        ({"dimm": [8]}, "`space` must name fields of 'lightgcn'. Got 'dimm'. Did you mean 'dim'"),
        (3, "`space` must be what to try by field, such as {'dim': .64, 128.}. Got 3"),
        ({"dim": []}, "`space.dim` cannot be used"),
        ({"dim": [8, 8]}, "a value must stand once"),
        ({"dim": [8, 0]}, "`dim` should be greater than or equal to 1. Got 0"),
        ({"dim": ["eight"]}, "`dim`.*valid integer"),
        ({"dim": 8}, r"`space.dim` must be \{low = LOW, high = HIGH\} or a list of values. Got 8"),
        ({"dim": {"low": 8}}, "`space.dim` cannot be used: `high` must be given: .* has no default"),
        ({"dim": {"low": 8, "hihg": 9}}, "Did you mean 'high'"),
        ({"dim": {"low": 8.5, "high": 9}}, "valid integer"),
        ({"layers": {"low": 3, "high": 3}}, "low must be below high"),
        ({"layers": {"low": 1, "high": 4, "step": 2}}, "whole number of steps"),
        ({"layers": {"low": 1, "high": 3, "step": 2, "log": True}}, "log and step exclude"),
        ({"layers": {"low": 0, "high": 17}}, "`layers` should be less than or equal to 16"),
        ({"reg": {"low": 0, "high": 1, "log": True}}, "low must be above 0 with log"),
        ({"reg": {"low": 0.0, "high": math.inf}}, "finite"),
    ],
)
def test_impossible_spaces_are_refused(space: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        space_of(LightGCN(), space)


def test_a_space_must_suit_the_fields_that_stay() -> None:
    with pytest.raises(ArgumentError, match="layer_weights must be layers"):
        space_of(LightGCN(layers=1, layer_weights=(1.0, 1.0)), {"layers": [1, 2]})
    assert space_of(Popularity(), {"weighted": [True, False]})
