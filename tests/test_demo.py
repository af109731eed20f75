from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from rich.console import Console

import graphrec
from graphrec.cli.app import run
from graphrec.config import read_config
from graphrec.demo import CONFIG, NAME, SCHEMA, read_movielens, tour
from graphrec.errors import ArgumentError
from graphrec.models import LightGCN

SHIPPED = Path(__file__).parents[1] / "examples" / "data" / "ml-latest-small"
SMALL = LightGCN(dim=8, epochs=3, eval_every=1)


@pytest.fixture(scope="module")
def few(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty users of the shipped data, with the movies that they rated or tagged."""
    folder = tmp_path_factory.mktemp("few")
    items, ratings, tags = (pd.read_parquet(SHIPPED / f"{name}.parquet") for name in ("items", "ratings", "tags"))
    ratings, tags = ratings[ratings["user_id"] <= 60], tags[tags["user_id"] <= 60]
    items = items[items["item_id"].isin(ratings["item_id"]) | items["item_id"].isin(tags["item_id"])]
    for name, frame in {"items": items, "ratings": ratings, "tags": tags}.items():
        frame.to_parquet(folder / f"{name}.parquet")
    return folder


def walk(data: Path, out: Path) -> tuple[dict[str, Any], str]:
    screen = io.StringIO()
    found = tour(data, out, Console(width=100, file=screen), SMALL)
    return found, screen.getvalue()


def test_the_tour_walks_and_walks_again(few: Path, tmp_path: Path) -> None:
    out = tmp_path / "demo"
    found, said = walk(few, out)
    assert "same list as in Python" in said
    assert found["same_list"] is True
    assert found["version"] == 1
    assert found["counts"]["User"] == 60
    titles = pd.read_parquet(few / "items.parquet")["title"]
    for sample in found["samples"]:
        assert set(sample["liked"]) <= set(titles)
        assert {title for title, _ in sample["recommended"]} <= set(titles)
    page = (out / "report.html").read_text()
    assert "MovieLens with graphrec" in page
    assert found["samples"][0]["liked"][0].split(" (")[0].replace("&", "&amp;").replace("'", "&#39;") in page
    for model in ("lightgcn", "popularity", "random"):
        assert model in said
    assert max(map(len, said.splitlines())) <= 100

    again, _ = walk(few, out)
    assert again["version"] == 2
    assert again["counts"] == found["counts"]
    assert again["samples"] == found["samples"]  # the same seed, the same lists
    assert again["evaluation"] == found["evaluation"]


def test_lists_of_the_tour_are_read_by_the_command_line(
    few: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found, _ = walk(few, tmp_path / "demo")
    monkeypatch.chdir(tmp_path / "demo")
    monkeypatch.delenv("GRAPHREC_URL", raising=False)
    user = int(found["samples"][0]["user"].removeprefix("User "))
    assert run(["recommend", str(user), "-k", "5", "--show", "title", "--json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert [row["title"] for row in rows] == [title for title, _ in found["samples"][0]["recommended"]]


def test_the_configuration_says_what_the_code_says(tmp_path: Path) -> None:
    (tmp_path / "graphrec.toml").write_text(CONFIG)
    config = read_config(tmp_path / "graphrec.toml")
    assert config.schema == SCHEMA
    assert config.name == NAME


def test_all_of_movielens_goes_into_the_graph(tmp_path: Path) -> None:
    with graphrec.connect(tmp_path / "all.lbug", schema=SCHEMA) as graph:
        graph.load(*read_movielens(SHIPPED))
        data = graph.dataset()
    tags = pd.read_parquet(SHIPPED / "tags.parquet")["tag"]
    genres = pd.read_parquet(SHIPPED / "items.parquet")["genres"]
    assert {label: len(table) for label, table in data.nodes.items()} == {
        "User": 671,
        "Movie": 9125,
        "Genre": 19,
        "Tag": len({tag.strip().lower() for tag in tags}),
    }
    assert len(data.edges["RATED"]) == 100_004
    assert len(data.edges["HAS_GENRE"]) == sum(len(g.split("|")) for g in genres if g != "(no genres listed)")


def test_without_data_the_message_says_where_it_is(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ArgumentError, match=r"without items, ratings, tags.*ml-latest-small.*--data"):
        tour(tmp_path, tmp_path / "demo", Console(quiet=True))
    assert run(["demo", "--data", str(tmp_path), "--out", str(tmp_path / "demo")]) == 2
    assert "--data" in capsys.readouterr().err
    assert not (tmp_path / "demo").exists()
