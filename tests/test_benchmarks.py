from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

ROOT = Path(__file__).parents[1]
TABLES = {"snapshot": 1, "load": 1, "publish": 1, "topk": 1, "index_recall": 0, "memory": 2}
NO_GOAL = {"index_recall"}  # there is no vector index without Neo4j


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All benchmarks at a thousandth of their size, without Neo4j, in one run."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        from benchmarks import memory
        from benchmarks.__main__ import app

        patch.setattr(memory, "CASES", ("load", "dataset"))  # each case is two processes
        options = ["--scale", "0.001", "--repeats", "1", "--no-neo4j", "--cache", str(folder / "cache")]
        done = CliRunner().invoke(app, [*options, "--out", str(folder)], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return folder


def test_the_table_of_benchmarks_is_whole() -> None:
    programs = {path.stem for path in (ROOT / "benchmarks").glob("*.py") if "\ndef run(bench" in path.read_text()}
    assert programs == set(TABLES)


@pytest.mark.parametrize("name", TABLES)
def test_each_writes_what_it_promises(results: Path, name: str) -> None:
    report = json.loads((results / f"{name}.json").read_text())
    assert {"name", "title", "goals", "tables", "notes", "scale", "repeats", "command", "date", "seconds"} <= set(
        report
    )
    assert {"load_before", "load_after", "machine"} <= set(report)
    assert {"cores", "memory_gb", "system", "python", "neo4j", "ladybug", "torch"} <= set(report["machine"])
    assert (report["name"], report["scale"], report["repeats"]) == (name, 0.001, 1)
    assert len(report["tables"]) == TABLES[name]
    assert all(rows for rows in report["tables"].values())
    assert bool(report["goals"]) == (name not in NO_GOAL)
    for figure in report["goals"]:
        assert {"what", "value", "unit", "must", "aim", "must_met", "aim_met"} <= set(figure)
        assert figure["value"] > 0


def test_the_page_has_every_figure(results: Path) -> None:
    page = (results / "README.md").read_text()
    for name in TABLES:
        report = json.loads((results / f"{name}.json").read_text())
        assert f"## {report['title']}" in page
        assert all(figure["what"] in page for figure in report["goals"])


def test_the_command_names_no_place_of_this_machine(results: Path) -> None:
    assert str(results) not in (results / "README.md").read_text()


def test_the_synthetic_graph_is_what_it_says() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        from benchmarks.synthetic import interactions, planned

        frames = interactions(0.1)
        ratings = frames.ratings
        assert ratings.equals(interactions(0.1).ratings)
        assert len(ratings) == 100_000
        assert not ratings.duplicated(["user_id", "item_id"]).any()
        assert (len(frames.nodes["User"]), len(frames.nodes["Item"])) == (3_000, 4_000)
        degrees = ratings["user_id"].value_counts()
        assert degrees.iloc[0] == 1_000  # 3,000, but never more than a quarter of the items
        assert degrees[planned(ratings, 50, 9).users].tolist() == [50] * 9
        popularity = ratings["item_id"].value_counts()
        assert popularity.head(40).sum() > 0.15 * len(ratings)
