from __future__ import annotations

import numpy as np
import pytest

from graphrec.social.table import clear, place, rise, room, sink


def _table(bits: int) -> tuple[np.ndarray, np.ndarray]:
    rows = np.zeros((1 << bits, 4), np.float32)
    return rows, rows.view(np.int32)[:, 3]


@pytest.mark.parametrize("step", [1, 1024])
def test_everybody_who_is_put_in_is_found_again_and_nobody_else(step: int) -> None:
    table = _table(20)
    people = np.arange(900) * step
    bits = room(len(people), table)
    assert 2 * len(people) <= 1 << bits < 4 * len(people)
    rows = []
    for v in people:
        rows.append(place(v, table, bits))
        table[1][rows[-1]] = v + 1
    assert len(set(rows)) == len(people)
    assert [place(v, table, bits) for v in people] == rows
    assert not any(table[1][place(v + 1, table, bits)] for v in people * 1024 + 1 if v + 1 not in people)
    clear(table, np.array(rows, np.int32), len(rows))
    assert not table[0].any()


def test_with_room_for_all_nobody_shares_a_row() -> None:
    table = _table(7)
    bits = room(1000, table)
    assert bits == 7
    assert sorted(place(v, table, bits) for v in range(128)) == list(range(128))


def test_a_heap_keeps_the_best_of_equal_ones_the_lowest() -> None:
    generator = np.random.default_rng(0)
    sums, c = generator.integers(0, 5, 60).astype(np.float32), 10
    heap, worth = np.zeros(c, np.int32), np.zeros(c, np.float32)
    order = generator.permutation(60)
    for size, v in enumerate(order[:c]):
        rise(heap, worth, size, v, sums[v])
    for v in order[c:]:
        if (sums[v], -v) > (worth[0], -heap[0]):
            sink(heap, worth, c, v, sums[v])
    assert set(heap) == set(np.lexsort((np.arange(60), -sums))[:c])
