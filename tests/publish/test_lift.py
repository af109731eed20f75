from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from graphrec.publish.lift import HEADROOM, lift, query, scale_for, unlift


@given(st.integers(0, 2**32 - 1), st.sampled_from([1e-20, 1e-3, 1.0, 1e6]))
def test_lifting_changes_no_bit_and_keeps_the_order_of_inner_products(seed, magnitude):
    rng = np.random.default_rng(seed)
    items = (rng.normal(size=(50, 7)) * rng.lognormal(0, 1, (50, 1)) * magnitude).astype(np.float32)
    items[3] = 0
    user = rng.normal(size=(1, 7)).astype(np.float32)
    scale = scale_for(items)
    lifted, asked = lift(items, scale), query(user)

    assert np.array_equal(unlift(lifted, scale), items)
    assert np.linalg.norm(lifted.astype(np.float64), axis=1) == pytest.approx(np.ones(50), abs=1e-6)
    inner = items.astype(np.float64) @ user[0].astype(np.float64)
    again = scale * (lifted.astype(np.float64) @ asked[0].astype(np.float64))
    assert np.array_equal(np.argsort(again, kind="stable"), np.argsort(inner, kind="stable"))
    assert again == pytest.approx(inner, rel=1e-12, abs=1e-300)


@pytest.mark.parametrize("longest", [1e-6, 0.49, 0.5, 1.0, 3.7, 1e9])
def test_scale_is_a_power_of_two_with_headroom(longest):
    scale = scale_for(np.array([[longest, 0], [longest / 2, 0]], np.float32))
    assert np.log2(scale) % 1 == 0
    assert HEADROOM <= scale / np.float32(longest) < 2 * HEADROOM * (1 + 1e-6)


def test_scale_of_nothing_is_one():
    assert scale_for(np.zeros((0, 4), np.float32)) == 1.0
    assert scale_for(np.zeros((3, 4), np.float32)) == 1.0
