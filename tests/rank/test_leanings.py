from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from graphrec.rank.leanings import Kind, leanings


def kind(counts, taken, size, total):
    matrix = sp.csr_array(np.array([counts], np.int64))
    return Kind("Tag", [f"v{i}" for i in range(len(counts))], matrix, np.array(taken), np.array([size]), total)


def test_a_value_seen_once_is_not_on_top_however_rare_it_is():
    # of 20 items one has a tag that hardly anything has, 12 have one that two fifths of everything has
    found = leanings("user", ["u"], [kind([1, 12, 8], [1, 40_000, 40_000], 20, 100_000)], 9)
    assert found["value"].tolist() == ["v1", "v0", "v2"]
    assert found["lift"].max() == found["lift"][1] == 5_000
    np.testing.assert_allclose(found["score"], [17 / 13, 6 / (5 + 20 / 100_000), 1])


def test_equal_scores_are_in_order_of_count_and_then_of_the_text():
    found = leanings("user", ["u"], [kind([2, 2, 4, 0], [20, 20, 40, 40], 10, 100)], 9)
    assert found["value"].tolist() == ["v2", "v0", "v1"]  # all as expected
    assert leanings("user", ["u"], [kind([2, 2, 4, 0], [20, 20, 40, 40], 10, 100)], 2)["value"].tolist() == [
        "v2",
        "v0",
    ]


def test_an_empty_history_leans_to_nothing():
    assert leanings("user", ["u"], [kind([0, 0], [1, 2], 0, 3)], 9).empty
    assert leanings("user", ["u"], [kind([0], [0], 0, 0)], 9).empty


def test_what_tells_most_is_common_as_well_as_lifted():
    # 30 of 1,000 interactions have a tag twice as rare elsewhere; 700 have a genre that half of all has
    given = [kind([30, 700, 270], [1_500, 50_000, 48_500], 1_000, 100_000)]
    assert leanings("user", ["u"], given, 1)["value"].tolist() == ["v0"]
    found = leanings("user", ["u"], given, 3, telling=True)
    assert found["value"].tolist() == ["v1", "v0", "v2"]
    np.testing.assert_allclose(
        found["share"] * np.log(found["score"]),
        [0.7 * np.log(705 / 505), 0.03 * np.log(35 / 20), 0.27 * np.log(275 / 490)],
    )
