from __future__ import annotations

import sys

import numpy as np
import pandas as pd
import pytest

from graphrec.errors import ArgumentError, MissingExtraError
from graphrec.report.figures import COLOURS, DRAWN, SYMBOLS, ItemMap, map_figure, training_figure

PAGES = {"light": "#ffffff", "dark": "#171b22"}  # --card in page.css


def clusters(n: int = 60, d: int = 8) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    of = np.arange(n) % 3
    return of, (np.eye(3, d)[of] * 5 + rng.normal(scale=0.1, size=(n, d))).astype(np.float32)


def test_near_vectors_are_near_on_the_map() -> None:
    of, vectors = clusters()
    figure = map_figure(ItemMap([f"t{i}" for i in range(60)], [f"g{g}" for g in of], vectors))
    places = {trace["name"]: np.column_stack([trace["x"], trace["y"]]) for trace in figure["data"]}
    assert set(places) == {"g0", "g1", "g2"}
    centres = {name: points.mean(0) for name, points in places.items()}
    for name, points in places.items():
        nearest = [min(centres, key=lambda c, p=point: np.linalg.norm(centres[c] - p)) for point in points]
        assert nearest == [name] * 20


def test_only_direction_matters_and_the_picture_is_repeatable() -> None:
    _, vectors = clusters()
    titles, groups = ["t"] * 60, ["g"] * 60
    once = map_figure(ItemMap(titles, groups, vectors))
    assert map_figure(ItemMap(titles, groups, vectors)) == once
    assert map_figure(ItemMap(titles, groups, vectors * np.float32(4))) == once


def test_the_largest_groups_get_colours_and_the_rest_is_one_group() -> None:
    groups = [f"g{k}" for k in range(9) for _ in range(9 - k)]
    vectors = np.random.default_rng(1).normal(size=(len(groups), 4)).astype(np.float32)
    figure = map_figure(ItemMap([f"t{i}" for i in range(len(groups))], groups, vectors))
    assert [trace["name"] for trace in figure["data"]] == ["Other", "g0", "g1", "g2", "g3", "g4", "g5"]
    assert figure["data"][0]["customdata"] == ["g6"] * 3 + ["g7"] * 2 + ["g8"]
    assert len({trace["marker"]["symbol"] for trace in figure["data"]}) == 7


def test_only_the_best_known_items_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("graphrec.report.figures.DRAWN", 10)
    _, vectors = clusters()
    (trace,) = map_figure(ItemMap([f"t{i}" for i in range(60)], ["g"] * 60, vectors))["data"]
    assert trace["text"] == [f"t{i}" for i in range(10)]
    assert DRAWN == 2000


@pytest.mark.parametrize(
    "vectors", [np.ones((1, 3)), np.ones((3, 3)), np.ones((8, 3)), np.zeros((8, 3)), np.ones((8, 1))]
)
def test_vectors_with_nothing_to_arrange_still_give_a_map(vectors: np.ndarray) -> None:
    n = len(vectors)
    (trace,) = map_figure(ItemMap(["t"] * n, ["g"] * n, vectors.astype(np.float32)))["data"]
    assert np.isfinite(trace["x"] + trace["y"]).all()
    assert len(trace["x"]) == n


def test_unequal_lengths_are_refused() -> None:
    with pytest.raises(
        ArgumentError, match=r"`item_map` must have as many titles and groups as vectors.*\[1, 2, 2\]"
    ):
        map_figure(ItemMap(["a"], ["g", "g"], np.ones((2, 2), np.float32)))


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_vectors_that_are_not_finite_are_refused(bad: float) -> None:
    with pytest.raises(ArgumentError, match=r"`item_map` must have finite vectors. Got '1 others'. Leave"):
        map_figure(ItemMap(["a", "b"], ["g", "g"], np.float32([[1, bad], [1, 0]])))


def test_a_missing_scikit_learn_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.manifold", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'graphrec\[report\]'"):
        map_figure(ItemMap(["a"], ["g"], np.ones((1, 2), np.float32)))


def test_the_curve_marks_the_best_epoch_and_leaves_gaps() -> None:
    epochs = pd.DataFrame({"epoch": [1, 2, 3], "loss": [0.7, np.nan, 0.4], "validation": [0.1, 0.3, None]})
    loss, validation, best = training_figure(epochs)["data"]
    assert loss["y"] == [0.7, None, 0.4]
    assert (validation["x"], validation["y"]) == ([1, 2], [0.1, 0.3])
    assert (best["x"], best["y"]) == ([2], [0.3])


def test_without_validation_the_loss_has_all_the_room() -> None:
    figure = training_figure(pd.DataFrame({"epoch": [1, 2], "loss": [0.7, 0.6], "validation": [None, None]}))
    assert len(figure["data"]) == 1
    assert figure["layout"]["yaxis2"]["domain"] == [0, 1]


def luminance(colour: str) -> float:
    parts = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    linear = np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)
    return float(linear @ [0.2126, 0.7152, 0.0722])


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_every_colour_has_contrast_three_to_one(theme: str) -> None:
    page = luminance(PAGES[theme])
    for colour in COLOURS[theme]:
        dark, light = sorted([page, luminance(colour)])
        assert (light + 0.05) / (dark + 0.05) >= 3
    assert len(COLOURS[theme]) == len(SYMBOLS)
