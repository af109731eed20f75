from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import ArgumentError
from graphrec.evaluation.evaluation import Evaluation

NAN = float("nan")
FIGURES = pd.DataFrame(
    [
        ("one", "mrr@9", 0.75, 0.25, 1.0, 3),
        ("one", "coverage@1", 0.5, NAN, NAN, 3),
        ("<b>", "mrr@9", 0.25, 0.0, 0.5, 3),
        ("<b>", "coverage@1", 1.0, NAN, NAN, 3),
    ],
    columns=["model", "metric", "value", "low", "high", "n_users"],
)


@pytest.fixture
def found() -> Evaluation:
    users = {"user": ["u", "v", "w"] * 2, "mrr@9": [1, 1, 0.25, 0.5, 0.25, 0]}
    per_user = pd.DataFrame({"model": ["one"] * 3 + ["<b>"] * 3, **users})
    return Evaluation(FIGURES, per_user, "test", "by hand", ("a note",))


def test_compare_is_paired(found: Evaluation) -> None:
    table = found.compare()
    assert table.iloc[0][["model", "baseline", "metric", "n_users"]].tolist() == ["<b>", "one", "mrr@9", 3]
    assert len(table) == 1, "coverage belongs to no user"
    assert table["difference"].tolist() == pytest.approx([(-1 / 2 - 3 / 4 - 1 / 4) / 3])
    # the mean of three draws from -1/2, -3/4, -1/4 is -3/4 or -1/4 with 1/27 each: above 2.5 %
    assert table[["low", "high"]].to_numpy().tolist() == [[-0.75, -0.25]]
    other = found.compare("<b>")
    np.testing.assert_allclose(other[["difference", "low", "high"]], -table[["difference", "high", "low"]])
    with pytest.raises(ArgumentError, match="`baseline` must be a model"):
        found.compare("two")


def test_users_who_agree_have_no_width(found: Evaluation) -> None:
    found.per_user.loc[3:, "mrr@9"] = [0.5, 0.5, -0.25]
    assert found.compare()[["difference", "low", "high"]].to_numpy().tolist() == [[-0.5, -0.5, -0.5]]


def test_nothing_to_compare(found: Evaluation) -> None:
    alone = Evaluation(FIGURES[1::2], found.per_user[["model", "user"]], "test", "by hand")
    assert alone.compare().empty
    assert list(alone.compare().columns) == list(found.compare().columns)


def test_text(found: Evaluation) -> None:
    header, first, second, protocol, note = str(found).splitlines()
    assert header.split() == ["mrr@9", "coverage@1"]
    assert first.split() == ["one", "0.7500", "[0.2500,", "1.0000]", "0.5000"]
    assert second.startswith("<b>")
    assert protocol.startswith("test part of split by hand; all items ranked")
    assert "mean over 3 users [95% bootstrap interval]" in protocol
    assert note == "note: a note"


def test_html_is_escaped(found: Evaluation) -> None:
    html = found._repr_html_()
    assert "&lt;b&gt;" in html
    assert "<b>" not in html
    assert "a note" in html


def test_json(found: Evaluation) -> None:
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["on"] == "test"
    assert plain["notes"] == ["a note"]
    assert plain["figures"][0] == {
        "model": "one",
        "metric": "mrr@9",
        "value": 0.75,
        "low": 0.25,
        "high": 1.0,
        "n_users": 3,
    }
    assert plain["figures"][1]["low"] is None


def test_the_frame_is_a_copy(found: Evaluation) -> None:
    changed = found.frame()
    changed["value"] = 0.0
    assert found.frame()["value"].tolist() == [0.75, 0.5, 0.25, 1.0]
