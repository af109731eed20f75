from __future__ import annotations

import builtins

import numpy as np
import pytest

import graphrec.errors as errors
from graphrec.errors import (
    ArgumentError,
    GraphRecError,
    MissingExtraError,
    UnknownKeyError,
    check_type,
    check_whole,
    near,
    problem,
    shown,
)


def test_every_error_has_the_root_and_a_builtin_beside_it():
    classes = [c for c in vars(errors).values() if isinstance(c, type) and issubclass(c, GraphRecError)]
    assert len(classes) >= 9
    for found in set(classes) - {GraphRecError}:
        assert any(base in vars(builtins).values() and base is not Exception for base in found.__mro__[1:-3]), found
        assert found.__name__ in errors.__doc__


def test_a_message_names_argument_rule_value_and_remedy():
    text = problem("k", "must be at least 1", 0, "Ask for one.")
    assert text == "`k` must be at least 1. Got 0. Ask for one."


def test_a_value_of_another_class_is_refused_by_its_class():
    check_type("k", 3, int, "Ask for one.")
    with pytest.raises(ArgumentError, match=r"`k` must be a int. Got 'str'. Ask for one."):
        check_type("k", "3", int, "Ask for one.")


@pytest.mark.parametrize("value", [0, 11, 1.0, True, "1", None, np.bool_(True), np.float64(2)])
def test_what_is_no_whole_number_within_bounds_is_refused(value):
    with pytest.raises(ArgumentError, match=r"`k` must be a whole number from 1 to 10\. Got "):
        check_whole("k", value, 1, 10)
    if value != 11:
        with pytest.raises(ArgumentError, match=r"`k` must be a whole number of at least 1\. Got "):
            check_whole("k", value, 1)


def test_whole_numbers_of_any_make_are_taken():
    assert [type(check_whole("k", value, 0, 10)) for value in (0, 10, np.int8(3), np.uint64(3))] == [int] * 4


def test_values_are_cut_so_that_no_message_floods_a_log():
    assert len(shown("x" * 10_000)) < 100
    assert len(shown(list(range(10_000)))) < 100


def test_a_near_name_is_offered_and_else_all_that_are_known():
    assert near("Moive", ["Movie", "User"]) == "Did you mean 'Movie'?"
    assert near("xyz", ["b", "a"]) == "Known: 'a', 'b'."
    assert near("xyz", []) == "None is known."


def test_an_unknown_key_reads_as_text_and_a_missing_extra_says_what_to_install():
    assert str(UnknownKeyError("no user 'x'")) == "no user 'x'"
    assert "pip install 'graphrec[report]'" in str(MissingExtraError.of("A report", "report"))
