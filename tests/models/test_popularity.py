from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest
from interactions import dataset_of

from graphrec.data.dataset import Dataset
from graphrec.errors import ArgumentError, DataError
from graphrec.models import Popularity, load_model
from graphrec.rank.recommend import recommend
from graphrec.rank.scorer import VectorScorer
from graphrec.schema import GraphSchema, Interaction

MATRIX = [[5.0, 0.0, 1.0], [0.5, 0.0, 0.0], [0.25, 0.0, 9.0], [0.25, 2.0, 0.0]]


@pytest.mark.parametrize(("weighted", "expected"), [(False, [4, 1, 2]), (True, [6, 2, 10])])
def test_popularity_counts_users_or_adds_weights(weighted: bool, expected: list[float]) -> None:
    model = Popularity(weighted=weighted).fit(dataset_of(MATRIX))
    assert isinstance(model, VectorScorer)
    np.testing.assert_array_equal(model.score(np.array([3, 0])), [expected, expected])
    assert model.score(np.array([0])).dtype == np.float32


def test_new_users_get_the_same_order(tmp_path: object) -> None:
    model = Popularity().fit(dataset_of(MATRIX))
    scores = model.fold_in([np.array([1]), np.array([0, 2])]) @ model.item_vectors.T
    assert np.argsort(-scores, axis=1).tolist() == [[0, 2, 1]] * 2
    model.save(f"{tmp_path}/m")
    assert load_model(f"{tmp_path}/m").config == model.config


DAY = 86_400
ROWS = [  # user, item, type, day, weight
    (0, 0, "BOUGHT", 0, 1.0),
    (0, 0, "BOUGHT", 6, 2.0),
    (0, 0, "LIKED", 4, 5.0),
    (1, 0, "LIKED", 9, 0.5),
    (1, 1, "BOUGHT", 12, 3.0),
    (2, 2, "BOUGHT", 3, 7.0),
]


def dated(rows: list[tuple[int, int, str, int | None, float]]) -> Dataset:
    schema = GraphSchema(
        interactions=[Interaction(t, weight="w", time="t", target=True) for t in ("BOUGHT", "LIKED")]
        + [Interaction("SEEN", time="t", target=False)]
    )
    nodes = {label: pa.table({"key": list("abcd")}) for label in ("User", "Item")}

    def of(name: str) -> pa.Table:
        mine = [row for row in rows if row[2] == name]
        times = pa.array([None if row[3] is None else row[3] * DAY for row in mine], pa.int64())
        ends = {
            "source": pa.array([r[0] for r in mine], pa.int64()),
            "target": pa.array([r[1] for r in mine], pa.int64()),
        }
        return pa.table({**ends, "weight": pa.array([row[4] for row in mine], pa.float64()), "time": times})

    seen = pa.table({"source": [0], "target": [3], "time": [999 * DAY]})
    return Dataset.from_tables(schema, nodes, {"BOUGHT": of("BOUGHT"), "LIKED": of("LIKED"), "SEEN": seen})


@pytest.mark.parametrize("half_life", [3.0, 0.5, 1e9])
@pytest.mark.parametrize("weighted", [False, True])
def test_age_halves_what_counts(weighted: bool, half_life: float) -> None:
    expected = [0.0] * 4
    latest: dict[tuple[int, int], float] = {}
    for user, item, _, day, weight in ROWS:
        decay = 0.5 ** ((12 - day) / half_life)  # what is no target is not the newest
        if weighted:
            expected[item] += weight * decay
        latest[user, item] = max(latest.get((user, item), 0), decay)
    if not weighted:
        for (_, item), decay in latest.items():
            expected[item] += decay
    model = Popularity(weighted=weighted, half_life=half_life).fit(dated(ROWS))
    np.testing.assert_allclose(model.score(np.array([1]))[0], expected, rtol=1e-6)
    if half_life == 1e9:
        np.testing.assert_allclose(model.item_vectors, Popularity(weighted=weighted).fit(dated(ROWS)).item_vectors)


def test_age_needs_times() -> None:
    match = "`LIKED` must have a time on each relationship for half_life=3.*Name the time property in the schema"
    with pytest.raises(DataError, match=match):
        Popularity(half_life=3).fit(dated([*ROWS, (3, 3, "LIKED", None, 1.0)]))
    Popularity(half_life=3).fit(dated([row for row in ROWS if row[2] == "BOUGHT"]))
    with pytest.raises(DataError, match="`INTERACTED` must have a time on each"):
        Popularity(half_life=3).fit(dataset_of(MATRIX))
    with pytest.raises(ArgumentError, match=r"`half_life` should be greater than 0\. Got 0\.0"):
        Popularity(half_life=0.0)
    with pytest.raises(DataError, match="must have finite weights of at least 0"):
        Popularity(half_life=3, weighted=True).fit(dated([*ROWS, (3, 3, "LIKED", 4, -1.0)]))


@pytest.mark.parametrize("weighted", [False, True])
def test_what_is_very_old_still_counts(weighted: bool) -> None:
    rows = [(0, 0, "BOUGHT", 3000, 1.0), (1, 1, "BOUGHT", 2000, 1.0), (2, 2, "BOUGHT", 0, 1.0)]
    data = dated(rows)
    model = Popularity(half_life=1.0, weighted=weighted).fit(data)
    assert model.item_vectors.ravel().tolist() == [1, 2.0**-100, 2.0**-100, 0]  # as 0 they would be in no list
    assert recommend(model, data, ["a"], k=3)["item"].tolist() == ["b", "c"]
