"""Ties as interactions between people, and holding some out without a trace."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa
import pytest
from ties import tied

from graphrec.data.dataset import Dataset
from graphrec.errors import ArgumentError, DataError, SchemaError
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social
from graphrec.social.people import hold_out_ties, people_of

if TYPE_CHECKING:
    from collections.abc import Iterable

    import scipy.sparse as sp

RING = [(i, (i + 1) % 30) for i in range(30)] + [(i, (i + 7) % 30) for i in range(30)]


def pairs_of(matrix: sp.csr_array) -> set[tuple[int, int]]:
    return set(zip(*(ends.tolist() for ends in matrix.nonzero()), strict=True))


def both(pairs: Iterable[tuple[int, int]]) -> set[tuple[int, int]]:
    return {pair for a, b in pairs for pair in ((a, b), (b, a))}


def with_ties(*social: Social, n: int = 12, **tables: dict[str, list[int]]) -> Dataset:
    schema = GraphSchema(social=social)
    nodes = {"User": pa.table({"key": list(range(n))})}
    return Dataset.from_tables(schema, nodes, {name: pa.table(table) for name, table in tables.items()})


def test_undirected_ties_run_both_ways_once() -> None:
    people = people_of(tied(5, [(0, 1), (1, 0), (0, 1), (2, 2), (3, 1)]))
    assert pairs_of(people.interactions()) == both([(0, 1), (1, 3)])
    assert pairs_of(people.seen()) == both([(0, 1), (1, 3)]) | {(i, i) for i in range(5)}
    assert people.users.keys.equals(people.items.keys)


def test_directed_ties_run_one_way_and_undirected_ones_beside_them_both() -> None:
    people = people_of(tied(5, [(0, 1), (1, 0), (2, 3)], [(3, 4), (0, 1)], directed=[True, False]))
    assert pairs_of(people.interactions()) == {(2, 3)} | both([(0, 1), (3, 4)])


def test_a_user_tied_to_everyone_has_nobody_left() -> None:
    people = people_of(tied(6, [(0, i) for i in range(6)]))
    assert people.seen()[[0]].nnz == 6


def test_what_hides_and_what_describes() -> None:
    schema = GraphSchema(
        interactions=[Interaction("PLAYED", weight="n")],
        attributes=[Attribute("LIVES_IN", Node("City"), of="user"), Attribute("OF", Node("Genre"))],
        social=[
            Social("FRIEND"),
            Social("BLOCKED"),
            Social("FOLLOWS", directed=True),
            Social("MET", directed=True, hides=False),
        ],
    )
    one = {"source": [0], "target": [0]}
    edges = {
        "FRIEND": {"source": [0], "target": [1]},
        "BLOCKED": {"source": [0], "target": [2]},
        "FOLLOWS": {"source": [0], "target": [3]},
        "MET": {"source": [0], "target": [4]},
        "PLAYED": {**one, "weight": [2.0]},
        "LIVES_IN": one,
        "OF": one,
    }
    labels = {"User": 5, "Item": 1, "City": 1, "Genre": 1}
    nodes = {label: pa.table({"key": list(range(n))}) for label, n in labels.items()}
    people = people_of(Dataset.from_tables(schema, nodes, {name: pa.table(edge) for name, edge in edges.items()}))
    assert pairs_of(people.interactions()) == both([(0, 1)])
    assert pairs_of(people.seen()) == both([(0, 1), (0, 2)]) | {(0, 3)} | {(i, i) for i in range(5)}
    assert [a.type for a in people.schema.attributes] == ["PLAYED", "LIVES_IN"]
    assert people.edges["PLAYED"].weight is not None
    assert people.edges["LIVES_IN"].target_rows.tolist() == [0]


@pytest.mark.parametrize("pairs", [[], [(0, 0), (2, 2)]], ids=["none", "to oneself"])
def test_without_ties_there_is_nothing_to_learn(pairs: list[tuple[int, int]]) -> None:
    with pytest.raises(DataError, match=r"TIE0.*must hold ties between two users"):
        people_of(tied(3, pairs))
    with pytest.raises(DataError, match="must hold ties between two users"):
        hold_out_ties(tied(3, pairs))
    with pytest.raises(SchemaError, match="names no ties"):
        people_of(Dataset.from_tables(GraphSchema(), {"User": pa.table({"key": [1]})}, {}))


@pytest.mark.parametrize("directed", [False, True])
def test_both_directions_are_in_one_part_and_every_tie_in_one(directed: bool) -> None:
    data = tied(30, [*RING, (1, 0), (0, 1)], directed=[directed])
    split = hold_out_ties(data, test=0.2, validation=0.25, seed=3)
    assert split.validation is not None
    parts = [pairs_of(m) for m in (split.train.interactions(), split.validation.matrix, split.test.matrix)]
    every = pairs_of(people_of(data).interactions())
    assert set.union(*parts) == every
    assert sum(map(len, parts)) == len(every)
    count = len(every) if directed else len(every) // 2
    assert len(parts[2]) == round(0.2 * count) * (1 if directed else 2)
    assert len(parts[1]) == round(0.25 * (count - round(0.2 * count))) * (1 if directed else 2)
    for part in parts:
        assert directed or part == {(b, a) for a, b in part}
    assert pairs_of(split.train.seen()) == parts[0] | {(i, i) for i in range(30)}  # train knows nothing of the rest
    assert pairs_of(split.without_test.interactions()) == parts[0] | parts[1]


def test_an_undirected_tie_is_held_out_both_ways_beside_directed_ones() -> None:
    undirected = [(i, i + 1) for i in range(0, 28, 2)]
    data = tied(30, [(a, (a + 5) % 30) for a in range(30)], undirected, directed=[True, False])
    for seed in range(5):
        test = pairs_of(hold_out_ties(data, test=0.3, validation=0.0, seed=seed).test.matrix)
        assert test & both(undirected) == both(test & set(undirected))
        assert len(test) > len(test & both(undirected)) > 0


def test_other_ties_between_the_two_leave_train_with_the_tie() -> None:
    pairs = {"source": list(range(11)), "target": list(range(1, 12))}
    data = with_ties(Social("FRIEND"), Social("FOLLOWS", directed=True), FRIEND=pairs, FOLLOWS=pairs)
    split = hold_out_ties(data, test=0.4, validation=0.0)
    test = pairs_of(split.test.matrix)
    assert len(test) == 8
    assert not pairs_of(split.train.seen()) & test
    assert list(split.train.edges) == list(people_of(data).edges)


def test_the_seed_decides() -> None:
    data = tied(30, RING)
    drawn = [pairs_of(hold_out_ties(data, seed=seed).test.matrix) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    again = hold_out_ties(tied(30, [(b, a) for a, b in reversed(RING)]))  # stored otherwise
    assert pairs_of(again.test.matrix) == drawn[0]


@pytest.mark.parametrize("directed", [False, True])
def test_by_time_the_last_ones_are_held_out(directed: bool) -> None:
    order = np.random.default_rng(0).permutation(11)
    pairs = {"source": list(range(11)), "target": list(range(1, 12)), "time": [int(t) for t in order]}
    pairs = {name: [*column, column[0]] for name, column in pairs.items()}
    pairs["time"][-1] = 99  # the first tie again, later: it was made before
    data = with_ties(Social("F", directed=directed, time="at"), F=pairs)
    split = hold_out_ties(data, test=0.3, validation=0.25, by="time")
    assert split.validation is not None
    late = {(i, i + 1) for i in range(11) if order[i] >= 8}
    earlier = {(i, i + 1) for i in range(11) if 6 <= order[i] < 8}
    assert pairs_of(split.test.matrix) == (late if directed else both(late))
    assert pairs_of(split.validation.matrix) == (earlier if directed else both(earlier))


def test_what_cannot_be_held_out() -> None:
    data = tied(30, RING)
    for change in ({"test": 0.0}, {"test": 1.0}, {"test": True}, {"validation": -0.1}, {"test": float("nan")}):
        with pytest.raises(ArgumentError, match=f"`{next(iter(change))}` must be a fraction"):
            hold_out_ties(data, **change)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="'random' or 'time'"):
        hold_out_ties(data, by="date")  # type: ignore[arg-type]
    with pytest.raises(DataError, match="must have a time on every tie"):
        hold_out_ties(data, by="time")
    undated = {"source": [0, 1], "target": [1, 2], "time": [5, None]}
    with pytest.raises(DataError, match="must have a time on every tie"):
        hold_out_ties(with_ties(Social("F", time="at"), F=undated), by="time")
    with pytest.raises(DataError, match="none for train"):
        hold_out_ties(tied(2, [(0, 1)]))
