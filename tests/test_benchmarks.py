from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
import torch
from typer.testing import CliRunner

from graphrec.models import LightGCN

ROOT = Path(__file__).parents[1]
TABLES = {"snapshot": 1, "load": 1, "publish": 1, "topk": 1, "index_recall": 0, "memory": 2}
TABLES |= {"batch_topk": 1, "growth": 1, "quality": 4, "friends_tastes": 4}
TABLES |= {"friends_ranking": 4, "friends_scale": 2, "fold_in": 2, "behaviours": 1, "cold_items": 3}
TABLES |= {"hybrids": 3, "heterogeneous": 2, "friends_job": 1}
NO_GOAL = {"index_recall"}  # there is no vector index without Neo4j


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All benchmarks at a thousandth of their size, without Neo4j, in one run."""
    folder = tmp_path_factory.mktemp("results")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        from benchmarks import friends_scale, growth, memory
        from benchmarks.__main__ import app

        patch.setattr(memory, "CASES", ("load", "dataset"))  # each case is two processes
        patch.setattr(growth, "CASES", ("spectral",))
        patch.setattr(friends_scale, "_in_process", lambda _, kind, *case: friends_scale.figures(kind, *case, 1))
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


def test_quality_fits_nothing_twice(results: Path) -> None:
    kept = {path: path.stat().st_mtime_ns for path in (results / "cache").glob("quality-*")}
    options = [
        "--scale",
        "0.001",
        "--repeats",
        "1",
        "--no-neo4j",
        "--cache",
        str(results / "cache"),
        "--only",
        "quality",
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        from benchmarks.__main__ import app

        again = CliRunner().invoke(app, [*options, "--out", str(results / "again")], catch_exceptions=False)
    assert again.exit_code == 0, again.output
    assert kept == {path: path.stat().st_mtime_ns for path in (results / "cache").glob("quality-*")}
    first, second = (json.loads((folder / "quality.json").read_text()) for folder in (results, results / "again"))
    tables = [list(report["tables"].values()) for report in (first, second)]
    assert tables[0][:2] == tables[1][:2]
    assert len(tables[0][0]) - 1 == len(kept) // 2  # a model and its record each, one of two rows; and one judgement


def test_lightgcn_of_the_paper_goes_on_and_writes_log_and_curve(tmp_path: Path) -> None:
    options = ["--scale", "0.001", "--eval-every", "2", "--dim", "4", "--batch-size", "256", "--cache", str(tmp_path)]
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(ROOT)
        from benchmarks import lightgcn_paper

        def logged(folder: str, *more: str) -> list[tuple[int, float, float | None]]:
            lightgcn_paper.main([*options, "--epochs", "6", "--out", str(tmp_path / folder), *more])
            lines = map(json.loads, (tmp_path / folder / "lightgcn_paper.jsonl").read_text().splitlines())
            return [(line["epoch"], line["loss"], line["validation"]) for line in lines]

        whole = logged("whole")
        stop = lightgcn_paper.Log.__call__

        def interrupted(self: lightgcn_paper.Log, epoch: object) -> None:
            stop(self, epoch)
            if len(self.lines) == 5:
                raise OSError("the machine went away")

        patch.setattr(lightgcn_paper.Log, "__call__", interrupted)
        with pytest.raises(OSError, match="went away"):
            logged("parts")
        patch.setattr(lightgcn_paper.Log, "__call__", stop)
        assert logged("parts") == whole
        assert [epoch for epoch, _, _ in whole] == [1, 2, 3, 4, 5, 6]
        assert [measured is None for _, _, measured in whole] == [True, False] * 3
        assert len(logged("short", "--hours", "1e-9")) == 1
        lightgcn_paper.main([*options, "--epochs", "2", "--out", str(tmp_path / "all"), "--all"])
    curve = (tmp_path / "whole" / "lightgcn_paper.svg").read_text()
    assert curve.count("<polyline") == 2
    report, of_all = (
        json.loads((tmp_path / folder / f"{name}.json").read_text())
        for folder, name in (("whole", "lightgcn_paper"), ("all", "lightgcn_paper_all"))
    )
    (row,), (row_of_all,) = (next(iter(each["tables"].values())) for each in (report, of_all))
    assert (row["judged by"], row["epochs"], row_of_all["judged by"], row_of_all["epoch taken"]) == (
        "validation",
        6,
        "test",
        2,
    )
    assert row["epoch taken"] in (2, 4, 6)


def test_the_sparse_coo_peer_computes_the_same_step() -> None:
    with pytest.MonkeyPatch.context() as patch, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        patch.syspath_prepend(ROOT)
        from benchmarks import lightgcn_step as step
        from benchmarks.page import GOALS

        matrix = sp.random_array((60, 80), density=0.1, rng=np.random.default_rng(0), format="csr", dtype=np.float32)
        matrix.data[:] = 1
        matrix.sort_indices()
        config = LightGCN(dim=8, layers=3, batch_size=64, init_std=1.0)
        ours = step._Training(config, matrix, torch.device("cpu"))
        others = step.peers(ours, matrix, config)
        assert set(GOALS) <= set(others)
        assert max(step.check(ours, others, next(iter(ours.batches))).values()) < 1e-4


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
