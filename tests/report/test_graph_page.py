from __future__ import annotations

import json
import re
import sys
from typing import TYPE_CHECKING

import pyarrow as pa
import pytest
from ties import tied

from graphrec.data.tables import NodeTable
from graphrec.errors import MissingExtraError
from graphrec.report.graph_page import write_graph_report
from graphrec.social.analysis import analyse

if TYPE_CHECKING:
    from pathlib import Path

EVIL = "<script>alert('x')</script>"


def test_every_part_is_there_and_nothing_is_loaded(tmp_path: Path) -> None:
    analysis = analyse(tied(6, [(0, 1), (1, 2), (0, 2), (3, 4), (4, 4)]))
    path = write_graph_report(tmp_path / "new" / "r.html", analysis, title="Who knows whom", notes=["Made up."])
    text = path.read_text(encoding="utf-8")
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == [
        "What the ties look like",
        "Users with most ties",
        "How many ties users have",
        "Communities and components",
        "The graph",
        "Notes",
    ]
    for what in analysis.values:
        assert f"<td>{what}</td>" in text
    assert "<td>modularity</td><td>0.375</td>" in text  # two parts of 3 and 1 of 4 ties: 1 − (6² + 2²)/8²
    assert "All 5 users with ties. All 4 ties among them are drawn." in text
    found = re.search(r'<script id="figures" type="application/json">(.*?)</script>', text, re.DOTALL)
    assert found is not None
    figures = json.loads(found[1])
    assert set(figures) == {"degrees", "sizes", "picture"}
    for name in figures:
        assert f'id="{name}"' in text
    assert not re.search(r"<(link|img|iframe)|<script src", text.split("<script>")[0])
    assert "Made up." in text


def test_names_are_text_and_never_markup(tmp_path: Path) -> None:
    data = tied(3, [(0, 1), (1, 2)])
    evil = pa.table({"title": [EVIL] * 3, "shy": [False] * 3})
    data = type(data)(data.schema, {**data.nodes, "User": NodeTable("User", data.users.keys, evil)}, data.edges)
    text = write_graph_report(tmp_path / "r.html", analyse(data), title=EVIL, notes=[EVIL]).read_text("utf-8")
    assert EVIL not in text
    assert "&lt;script&gt;" in text


def test_without_ties_there_are_no_figures(tmp_path: Path) -> None:
    path = write_graph_report(tmp_path / "r.html", analyse(tied(3, [(1, 1)])))
    text = path.read_text(encoding="utf-8")
    assert path.stat().st_size < 20_000
    assert re.findall(r"<h2[^>]*>(.*?)</h2>", text) == ["What the ties look like"]
    assert "<td>modularity</td><td>n/a</td>" in text


@pytest.mark.parametrize("module", ["jinja2", "plotly.offline"])
def test_a_missing_package_says_what_to_install(module: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    analysis = analyse(tied(3, [(0, 1)]))
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=r"pip install 'graphrec\[report\]'"):
        write_graph_report(tmp_path / "r.html", analysis)
    assert list(tmp_path.iterdir()) == []
