from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import scipy.stats

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


def test_compare_says_how_large_and_how_sure(found: Evaluation) -> None:
    """Differences -1/2, -3/4, -1/4: mean -1/2, deviation 1/4, t = -2·√3."""
    row = found.compare().iloc[0]
    assert row["effect"] == pytest.approx(-2)
    one, other = (part["mrr@9"].to_numpy() for _, part in found.per_user.groupby("model", sort=False))
    assert row["p"] == pytest.approx(scipy.stats.ttest_rel(other, one).pvalue)
    assert row["p_holm"] == row["p"], "one test needs no correction"


def test_compare_corrects_for_the_whole_table() -> None:
    generator = np.random.default_rng(0)
    base = generator.random((40, 2))
    parts = [("one", base), ("two", base + generator.normal(0.1, 0.3, (40, 2))), ("three", generator.random((40, 2)))]
    per_user = pd.concat(
        [pd.DataFrame({"model": name, "user": range(40), "mrr@9": v[:, 0], "hit@1": v[:, 1]}) for name, v in parts]
    )
    rows = [(name, metric, 0.5, 0.4, 0.6, 40) for name, _ in parts for metric in ("mrr@9", "hit@1")]
    table = Evaluation(pd.DataFrame(rows, columns=FIGURES.columns), per_user, "test", "by hand").compare()
    assert len(table) == 4
    ordered = table.sort_values("p")
    expected = np.minimum(1, np.maximum.accumulate(ordered["p"].to_numpy() * [4, 3, 2, 1]))
    np.testing.assert_allclose(ordered["p_holm"], expected)


def test_users_who_agree_have_no_width(found: Evaluation) -> None:
    found.per_user.loc[3:, "mrr@9"] = [0.5, 0.5, -0.25]
    assert found.compare()[["difference", "low", "high"]].to_numpy().tolist() == [[-0.5, -0.5, -0.5]]


def test_nothing_to_compare(found: Evaluation) -> None:
    alone = Evaluation(FIGURES[1::2], found.per_user[["model", "user"]], "test", "by hand")
    assert alone.compare().empty
    assert list(alone.compare().columns) == list(found.compare().columns)


def test_text(found: Evaluation) -> None:
    header, first, second, protocol, empty, metric, row, about, note = str(found).splitlines()
    assert not empty
    assert metric.split() == ["mrr@9"]
    assert row.split() == ["<b>", "-0.5000", "d=-2.00", "p=0.074"]
    assert about == "against one: mean difference, effect size (Cohen's d), paired t test (p, Holm-corrected)"
    assert header.split() == ["mrr@9", "coverage@1"]
    assert first.split() == ["one", "0.7500", "[0.2500,", "1.0000]", "0.5000"]
    assert second.startswith("<b>")
    assert protocol.startswith("test part of split by hand; all items ranked")
    assert "mean over 3 users [95% bootstrap interval]; looked at for the first time" in protocol
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
    assert plain["comparison"][0]["model"] == "<b>"
    assert plain["comparison"][0]["p_holm"] == pytest.approx(0.0742, abs=1e-4)


def test_one_model_is_compared_with_nothing() -> None:
    per_user = pd.DataFrame({"model": ["one"] * 3, "user": ["u", "v", "w"], "mrr@9": [1, 1, 0.25]})
    alone = Evaluation(FIGURES[:1], per_user, "test", "by hand")
    assert len(str(alone).splitlines()) == 3
    assert "against" not in alone._repr_html_()


def test_the_frame_is_a_copy(found: Evaluation) -> None:
    changed = found.frame()
    changed["value"] = 0.0
    assert found.frame()["value"].tolist() == [0.75, 0.5, 0.25, 1.0]
