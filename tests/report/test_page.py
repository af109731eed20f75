from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import ArgumentError, MissingExtraError
from graphrec.report.figures import ItemMap
from graphrec.report.page import Sample, write_report

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<script>alert('x')</script> & \"Co\" </script><!-- {{ 7 * 7 }} é 🎬"


class Epoch(NamedTuple):
    epoch: int
    loss: float
    validation: float | None


class Page(HTMLParser):
    """What a browser would see: elements with attributes, text outside of scripts, scripts by id."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.scripts: list[tuple[str | None, str]] = []
        self._open = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        self._open = tag
        if tag == "script":
            self.scripts.append((dict(attrs).get("id"), ""))

    def handle_endtag(self, tag: str) -> None:
        self._open = ""

    def handle_data(self, data: str) -> None:
        if self._open == "script":
            self.scripts[-1] = (self.scripts[-1][0], self.scripts[-1][1] + data)
        elif self._open != "style":
            self.text += data


def arguments(**changed: Any) -> dict[str, Any]:
    vectors = np.random.default_rng(0).normal(size=(12, 4)).astype(np.float32)
    rows = [("LightGCN", "recall@20", 0.31, 0.3, 0.32), ("Popularity", "recall@20", 0.17, 0.16, 0.18)]
    rows += [("LightGCN", "ndcg@20", 0.2, 0.19, 0.21)]
    return {
        "title": "Films",
        "data_summary": {"Users": np.int64(671), "Ratings": np.int64(100_004), "Density": np.float32(0.0163)},
        "history": [Epoch(1, 0.7, None), Epoch(2, 0.5, 0.21), Epoch(3, 0.4, 0.2)],
        "evaluation": pd.DataFrame(rows, columns=["model", "metric", "value", "low", "high"]),
        "item_map": ItemMap([f"Film {i}" for i in range(12)], ["Drama", "Comedy"] * 6, vectors),
        "samples": [Sample("User 1", ["Heat (1995)"], [("Fargo (1996)", 2.25)]), Sample("User 2", [], [])],
        "cypher": "MATCH (u:`User` {`id`: $user}) RETURN u",
        "notes": ["Held out: the last."],
        **changed,
    }


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_report(tmp_path_factory.mktemp("report") / "new" / "report.html", **arguments())


def test_every_part_is_there(written: Path) -> None:
    page = Page(written.read_text(encoding="utf-8"))
    headings = re.findall(r"<h2[^>]*>(.*?)</h2>", written.read_text(encoding="utf-8"))
    assert headings == [
        "How good the lists are",
        "How training went",
        "Map of the items",
        "What people get",
        "The same list in Cypher",
        "Notes",
    ]
    for text in ("Films", "100,004", "0.0163", "0.310", "0.300 to 0.320", "3 epochs", "epoch 2 with 0.210"):
        assert text in page.text
    for text in ("Heat (1995)", "Fargo (1996)", "2.250", "Nothing yet", "MATCH (u:`User`", "Held out: the last."):
        assert text in page.text
    figures = json.loads(dict(page.scripts)["figures"])
    assert sum(len(trace["x"]) for trace in figures["map"]["data"]) == 12


def test_the_comparison_stands_below_the_bars(tmp_path: Path) -> None:
    columns = ["model", "baseline", "metric", "difference", "low", "high", "effect", "p_holm"]
    rows = [
        ("<b>", "LightGCN", "recall@20", -0.14, -0.16, -0.1234, -0.31, 0.0),
        ("x", "", "hit@1", 0.1, 0, 0.2, 0, 1),
    ]
    given = arguments(comparison=pd.DataFrame(rows, columns=columns), history=[], item_map=None)
    page = Page(write_report(tmp_path / "r.html", **given).read_text(encoding="utf-8"))
    for text in ("Against LightGCN", "-0.1400", "-0.1600 to -0.1234", "-0.31", "< 0.001", "1.000", "<b>"):
        assert text in page.text
    one_user = pd.DataFrame([("x", "y", "hit@1", 1.0, 1.0, 1.0, np.nan, np.nan)], columns=columns)
    text = write_report(tmp_path / "r.html", **given | {"comparison": one_user}).read_text(encoding="utf-8")
    assert '<div class="card">\n  <table class="compared">' in text  # which scrolls where the window is narrow
    assert "<td>+1.0000 to +1.0000</td><td>n/a</td><td>n/a</td></tr>" in text
    assert "Against" not in Page(write_report(tmp_path / "r.html", **arguments()).read_text(encoding="utf-8")).text
    with pytest.raises(ArgumentError, match="`comparison` must have the columns"):
        write_report(tmp_path / "r.html", **arguments(comparison=pd.DataFrame({"model": ["m"]})))


def test_the_bars_have_the_lengths_of_their_values(written: Path) -> None:
    bars = re.findall(r'class="fill" style="width:([\d.]+)%"', written.read_text(encoding="utf-8"))
    assert [float(bar) for bar in bars] == pytest.approx([31 / 32 * 100, 17 / 32 * 100, 20 / 21 * 100], abs=0.01)


def test_it_loads_nothing(written: Path) -> None:
    text = written.read_text(encoding="utf-8")
    page = Page(text)
    assert not {tag for tag, _ in page.elements} & {"link", "img", "iframe", "object", "embed", "base", "a"}
    assert not [attributes for _, attributes in page.elements if {"src", "href"} & attributes.keys()]
    policies = [a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a]
    assert policies[0] is not None
    assert policies[0].startswith("default-src 'none'; ")  # a browser refuses what the chart library might try
    styles = re.findall(r"<style>(.*?)</style>", text, re.DOTALL)
    assert not re.search(r"url\(|@import", styles[0])
    assert written.stat().st_size < 7_000_000


def test_what_is_given_is_text_and_never_markup(tmp_path: Path) -> None:
    few = ItemMap([EVIL] * 4, [EVIL] * 4, np.eye(4, dtype=np.float32))
    changed = arguments(
        title=EVIL,
        data_summary={EVIL: EVIL},
        evaluation=pd.DataFrame([{"model": EVIL, "metric": EVIL, "value": 1.0, "low": 1.0, "high": 1.0}]),
        item_map=few,
        samples=[Sample(EVIL, [EVIL], [(EVIL, 1.0)])],
        cypher=EVIL,
        notes=[EVIL],
    )
    text = write_report(tmp_path / "r.html", **changed).read_text(encoding="utf-8")
    page = Page(text)
    assert "alert" not in "".join(code for name, code in page.scripts if name is None)
    assert len(page.scripts) == 4
    assert page.text.count(EVIL) == 2 + 2 + 2 + 3 + 1 + 1  # title, summary, metric, sample, Cypher, note
    (trace,) = json.loads(dict(page.scripts)["figures"])["map"]["data"]
    assert trace["text"][0].startswith("&lt;script&gt;")  # Plotly reads markup in texts; this shows as written


def test_parts_without_data_are_left_out(tmp_path: Path) -> None:
    none = arguments(history=[], evaluation=pd.DataFrame(), item_map=None, samples=(), cypher="", notes=())
    path = write_report(tmp_path / "r.html", **none)
    assert "<h2" not in path.read_text(encoding="utf-8")
    assert path.stat().st_size < 20_000  # no chart library without a chart


def test_values_that_are_not_finite_do_not_break_the_page(tmp_path: Path) -> None:
    rows = pd.DataFrame([{"model": "m", "metric": "x", "value": 0.5, "low": np.nan, "high": np.nan}])
    history = pd.DataFrame({"epoch": [1, 2], "loss": [0.5, np.inf], "validation": [np.nan, np.nan]})
    path = write_report(tmp_path / "r.html", **arguments(evaluation=rows, history=history))
    page = Page(path.read_text(encoding="utf-8"))
    assert "0.500" in page.text
    assert "interval" not in [attributes.get("class") for _, attributes in page.elements]

    def refuse(constant: str) -> None:
        raise AssertionError(constant)

    figures = json.loads(dict(page.scripts)["figures"], parse_constant=refuse)  # NaN would not be JSON
    assert figures["training"]["data"][0]["y"] == [0.5, None]


def test_a_page_that_cannot_be_written_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, text: str, **_: str) -> None:
        with path.open("w") as file:
            file.write(text[:4096])
        raise OSError(28, "No space left on device")

    page = write_report(tmp_path / "page.html", **arguments())
    before = page.read_bytes()
    monkeypatch.setattr("pathlib.Path.write_text", full)
    with pytest.raises(OSError, match="No space"):
        write_report(page, **arguments())
    assert [(each, each.read_bytes()) for each in tmp_path.iterdir()] == [(page, before)]


def test_a_missing_column_is_named(tmp_path: Path) -> None:
    with pytest.raises(ArgumentError, match=r"`history` must have the columns \['epoch', 'loss', 'validation'\]"):
        write_report(tmp_path / "r.html", **arguments(history=[{"epoch": 1, "loss": 0.1}]))
    with pytest.raises(ArgumentError, match="`evaluation` must have the columns"):
        write_report(tmp_path / "r.html", **arguments(evaluation=pd.DataFrame({"model": ["m"]})))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("module", ["jinja2", "plotly.offline"])
def test_a_missing_package_says_what_to_install(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"The report needs .* pip install 'graphrec\[report\]'"):
        write_report(tmp_path / "r.html", **arguments())
    assert list(tmp_path.iterdir()) == []
