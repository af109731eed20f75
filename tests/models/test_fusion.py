from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from attributes import tagged
from interactions import communities, dataset_of, held_out_of

import graphrec
from graphrec import GraphSchema, Interaction, dataset_from_frames
from graphrec.errors import ArgumentError, ModelError
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import FittedVectors, Fusion, Popularity, from_name, load_model
from graphrec.models.compression import compression
from graphrec.models.folding import HISTORIES, folding
from graphrec.rank.scorer import VectorScorer

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from graphrec.data.dataset import Dataset
    from graphrec.data.split import HeldOut

SPECTRAL = {"kind": "spectral", "dim": 6, "weight": 1.0}
SOFTMAX = {"kind": "softmax-gcn", "dim": 5, "epochs": 4, "temperature": 0.2, "weight": 2.5}
TWO = [SPECTRAL, SOFTMAX]


def planted() -> tuple[Dataset, HeldOut]:
    """Return communities with noise, where each user has one more item of their group held out."""
    matrix = communities()
    held_out = np.zeros_like(matrix)
    for user, row in enumerate(matrix):
        item = np.flatnonzero(row)[user % int(row.sum())]
        held_out[user, item], matrix[user, item] = 1, 0
    noise = np.random.default_rng(0).random(matrix.shape) < 0.03
    data = dataset_of(np.maximum(matrix, noise * (held_out == 0)))
    return data, held_out_of(data, sp.csr_array(held_out.astype(np.float32)))


def fit(parts: Any, data: Dataset | None = None, dim: int = 256, **options: Any) -> FittedVectors:
    return Fusion(parts=parts, dim=dim).fit(data or planted()[0], device="cpu", progress=False, **options)


def alone(part: dict[str, Any], data: Dataset) -> FittedVectors:
    fields = {name: value for name, value in part.items() if name != "weight"}
    fitted = from_name(**fields).fit(data, device="cpu", progress=False)
    assert isinstance(fitted, FittedVectors)
    return fitted


def scaled(part: dict[str, Any], data: Dataset) -> np.ndarray:
    """Return the scores of a part, its users' and its items' vectors each scaled to a mean length of 1."""
    fitted = alone(part, data)
    tables = (fitted.user_vectors.astype(np.float64), fitted.item_vectors.astype(np.float64))
    users, items = (table / np.linalg.norm(table, axis=1).mean() for table in tables)
    return users @ items.T


@pytest.mark.parametrize("part", [SPECTRAL, SOFTMAX, {"kind": "popularity"}], ids=lambda part: part["kind"])
def test_one_part_orders_as_it_does_alone(part: dict[str, Any]) -> None:
    data, _ = planted()
    fused, own = fit([part], data), alone(part, data)
    np.testing.assert_allclose(fused.score(np.arange(60)), scaled(part, data), atol=1e-5)
    for user in ("User-00003", "User-00031"):
        lists = [graphrec.recommend(each, data, [user], 9)["item"].tolist() for each in (fused, own)]
        assert lists[0] == lists[1]


def test_inner_products_add_up_by_weight() -> None:
    data, _ = planted()
    fused = fit(TWO, data)
    assert fused.user_vectors.shape == (60, 11)
    expected = (scaled(SPECTRAL, data) + 2.5 * scaled(SOFTMAX, data)) / 3.5
    np.testing.assert_allclose(fused.score(np.arange(60)), expected, atol=1e-5)


@pytest.mark.parametrize("dim", [1, 4, 10])
def test_fewer_numbers_are_the_best_fit_of_the_sum(dim: int) -> None:
    data, _ = planted()
    fused = fit(TWO, data, dim)
    assert fused.user_vectors.shape[1] == fused.item_vectors.shape[1] == dim
    u, s, v = np.linalg.svd((scaled(SPECTRAL, data) + 2.5 * scaled(SOFTMAX, data)) / 3.5)
    np.testing.assert_allclose(fused.score(np.arange(60)), (u[:, :dim] * s[:dim]) @ v[:dim], atol=1e-4 * s[0])


@pytest.mark.parametrize("dim", [256, 4])
def test_new_users_are_folded_in_by_all_parts(dim: int) -> None:
    data, _ = planted()
    fused, parts = fit(TWO, data, dim), [alone(part, data) for part in TWO]
    history = [np.array([0, 4, 9]), np.array([], np.int64)]
    users = [part.fold_in(history) / np.linalg.norm(part.user_vectors, axis=1).mean() for part in parts]
    items = [part.item_vectors / np.linalg.norm(part.item_vectors, axis=1).mean() for part in parts]
    expected = (users[0] @ items[0].T + 2.5 * users[1] @ items[1].T) / 3.5
    found = fused.fold_in(history) @ fused.item_vectors.T
    if dim == 256:
        np.testing.assert_allclose(found, expected, atol=1e-5)
    else:  # as well as the users themselves, who are what the numbers were chosen for
        assert np.corrcoef(found[0], expected[0])[0, 1] > 0.9
    assert not found[1].any()


def test_users_of_a_closed_form_are_their_own_fold_in_where_nothing_is_compressed() -> None:
    data, _ = planted()
    spectral, matrix = fit([SPECTRAL], data), data.interactions()
    folded = spectral.fold_in(np.split(matrix.indices, matrix.indptr[1:-1]))
    np.testing.assert_allclose(folded, spectral.user_vectors, atol=1e-4)


def test_what_is_added_to_new_users_is_learned_where_it_is_compressed() -> None:
    data, _ = planted()
    users, items, folds = [], [], []
    for part, weight in zip(TWO, (1 / 3.5, 2.5 / 3.5), strict=True):
        fitted = alone(part, data)
        by_user, by_item = (np.linalg.norm(t, axis=1).mean() for t in (fitted.user_vectors, fitted.item_vectors))
        users.append(weight * fitted.user_vectors / by_user)
        items.append(fitted.item_vectors / by_item)
        folds.append(weight * fitted.fold_in_vectors / by_user)
    user, item, fold = (np.hstack(each).astype(np.float32) for each in (users, items, folds))
    first, last = compression(user, item, 4)
    learned = folding(fold, user @ first, first, data.interactions())
    assert not np.allclose(learned, first, rtol=0.1)
    fused = fit(TWO, data, 4)
    added = fused.fold_in_vectors @ fused.item_vectors.T
    np.testing.assert_allclose(added, fold @ learned @ (item @ last).T, atol=1e-3 * np.abs(added).max())


def test_a_part_that_cannot_fold_in_keeps_the_whole_from_it() -> None:
    fused = fit([SPECTRAL, {"kind": "random"}])
    assert fused.fold_in_vectors is None
    with pytest.raises(ModelError, match="'fusion' cannot serve new users"):
        fused.fold_in([np.array([1])])


def test_whom_only_what_describes_them_gives_vectors_is_marked() -> None:
    matrix = communities()
    matrix[3], matrix[:, [5, 6]] = 0, 0
    data = tagged(matrix, [(item, item % 4) for item in range(matrix.shape[1]) if item != 6])
    fitted = fit([SPECTRAL, {"kind": "content"}], data)
    assert fitted.cold_items is not None
    assert np.flatnonzero(fitted.cold_items).tolist() == [5]  # of item 6 nothing is known
    assert fitted.item_vectors[5].any()
    lists = graphrec.recommend(fitted, data, data.users.keys.to_pylist()[:1], k=40)
    assert lists.item[lists.item_path == "attributes"].tolist() == [data.items.keys[5].as_py()]
    fitted = fit([SPECTRAL, {"kind": "hetero-light", "dim": 4, "epochs": 1}], data)
    assert fitted.cold_items is not None
    assert not fitted.cold_items.any()  # trained in


def test_it_beats_popularity_and_is_a_vector_scorer() -> None:
    split = dataset_of(communities()).split("random")
    models = [fit(TWO, split.train, 8), Popularity().fit(split.train)]
    assert isinstance(models[0], VectorScorer)
    by_model = graphrec.evaluate(models, split, metrics=["recall@5"]).frame().set_index("model")["value"]
    assert by_model["fusion"] > 1.5 * by_model["popularity"]


@pytest.mark.parametrize(
    ("parts", "match"),
    [
        ([], "`parts`"),
        ([{"kind": "spectrall"}], r"`kind` must be a known model. Got 'spectrall'. Did you mean 'spectral'"),
        ([{"dim": 8}], "`kind` must be a known model. Got ''"),
        ([{"kind": ["spectral"]}], r"`kind` must be a known model. Got \['spectral'\]"),
        ([{"kind": "spectral", "dim": 0}], "`dim` should be greater than or equal to 1. Got 0"),
        ([{"kind": "spectral", "dims": 4}], "`dims` is not a field of Spectral. Got 4. Did you mean 'dim'"),
        ([{**SPECTRAL, "weight": 0}], "`weight` must be a number above 0. Got 0"),
        ([SPECTRAL, {**SOFTMAX, "weight": -1.0}], "`weight` must be a number above 0. Got -1.0"),
        ([{**SPECTRAL, "weight": float("inf")}], "`weight` must be a number above 0"),
        ([{**SPECTRAL, "weight": float("nan")}], "`weight` must be a number above 0"),
        ([{**SPECTRAL, "weight": True}], "`weight` must be a number above 0. Got True"),
        ([{**SPECTRAL, "weight": "2"}], "`weight` must be a number above 0. Got '2'"),
        ("spectral", "`parts`"),
        (["spectral"], "`parts`"),
    ],
)
def test_impossible_parts_are_refused(parts: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        Fusion(parts=parts)


@pytest.mark.parametrize("kind", ["item-knn", "user-knn", "ease"])
def test_a_part_without_vectors_is_refused(kind: str) -> None:
    with pytest.raises(ModelError, match=f"'{kind}' cannot be a part of a fusion: it has no vectors"):
        fit([{"kind": kind}])


def test_weights_are_chosen_on_validation_and_recorded() -> None:
    """In all eleven dimensions: fewer would be compressed more roughly for the choice than for the vectors."""
    data, held_out = planted()
    plain, chosen = fit(TWO, data, 11), fit(TWO, data, 11, validation=held_out, metric="ndcg@5")
    assert isinstance(plain.config, Fusion)
    assert isinstance(chosen.config, Fusion)
    assert [part["weight"] for part in plain.config.parts] == [1.0, 2.5]
    weights = [part["weight"] for part in chosen.config.parts]
    assert weights[0] == 1.0

    def measured(weight: float) -> float:
        fixed = [SPECTRAL | chosen.config.parts[0], SOFTMAX | chosen.config.parts[1] | {"weight": weight}]
        fitted = fit(fixed, data, 11)
        return held_out_metric(
            fitted.user_vectors, fitted.item_vectors, data.seen(), held_out.matrix, "ndcg@5", users=10_000
        )

    kept = measured(weights[1])
    assert kept >= max(measured(2.5), measured(weights[1] / 3), measured(weights[1] * 3))


@pytest.mark.parametrize(
    ("figures", "kept"),
    [((0.9, 0.1, 0.1), 2.5), ((0.1, 0.9, 0.8, 0.1), 2.5 / 3), ((0.1, 0.1, 0.2, 0.3, 0.3), 22.5)],
)
def test_the_best_weight_is_kept(monkeypatch: pytest.MonkeyPatch, figures: tuple[float, ...], kept: float) -> None:
    """In the order of trial: as given, a third, and three times; further that way as long as it gains."""
    monkeypatch.setattr("graphrec.models.spectral.held_out_metric", lambda *_, **__: 0.5)
    left = iter(figures)
    monkeypatch.setattr("graphrec.models.fusion.held_out_metric", lambda *_, **__: next(left))
    data, held_out = planted()
    parts = [SPECTRAL, {"kind": "popularity", "weight": 2.5}]
    fused = fit(parts, data, validation=held_out)
    assert isinstance(fused.config, Fusion)
    weight = fused.config.parts[1]["weight"]
    assert next(left, None) is None
    assert weight == pytest.approx(kept)
    again = fit([SPECTRAL, {"kind": "popularity", "weight": weight}], data)
    np.testing.assert_array_equal(fused.user_vectors, again.user_vectors)
    np.testing.assert_array_equal(fused.item_vectors, again.item_vectors)


def test_what_the_parts_chose_is_recorded() -> None:
    data, held_out = planted()
    parts = [{"kind": "spectral", "dim": 512}, {"kind": "softmax-gcn", "dim": 5, "epochs": 6}]
    fused = fit(parts, data, validation=held_out)
    assert isinstance(fused.config, Fusion)
    first, second = fused.config.parts
    separate = [
        from_name(**part).fit(data, validation=held_out, device="cpu", progress=False)  # type: ignore[arg-type]
        for part in parts
    ]
    assert first["dim"] == separate[0].config.dim == 40  # type: ignore[attr-defined]
    assert second["temperature"] == separate[1].config.temperature  # type: ignore[attr-defined]
    assert second["epochs"] == separate[1].history.best_epoch


def test_it_is_saved_loaded_and_fitted_again_as_it_was(tmp_path: Path) -> None:
    data, held_out = planted()
    fused = fit(TWO, data, 8, validation=held_out)
    fused.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.config == fused.config
    np.testing.assert_array_equal(loaded.score(np.arange(60)), fused.score(np.arange(60)))
    again = loaded.refit(data, device="cpu", progress=False)
    assert isinstance(again, FittedVectors)
    assert isinstance(again.config, Fusion)
    assert isinstance(fused.config, Fusion)
    assert [part["weight"] for part in again.config.parts] == [part["weight"] for part in fused.config.parts]
    assert again.config.parts[1]["epochs"] == fused.config.parts[1]["epochs"]


def test_parts_come_from_tables_and_go_through_json() -> None:
    given = json.loads(json.dumps({"dim": 8, "parts": TWO}))
    model = from_name("fusion", **given)
    assert model == Fusion(parts=TWO, dim=8) == Fusion(parts=tuple(TWO), dim=8)
    assert Fusion(**model.model_dump(mode="json")) == model
    assert [part["kind"] for part in Fusion().parts] == ["spectral", "softmax-gcn"]


def test_a_pause_in_a_part_changes_nothing(tmp_path: Path) -> None:
    def stop(epoch: Any) -> None:
        if epoch.epoch == 2:
            raise KeyError

    data, _ = planted()
    whole, path = fit(TWO, data), tmp_path / "c"
    with pytest.raises(KeyError):
        fit(TWO, data, checkpoint=path, callbacks=[stop])
    assert [file.name for file in tmp_path.iterdir()] == ["c.1"]
    numbers: list[int] = []
    resumed = fit(TWO, data, checkpoint=path, callbacks=[lambda epoch: numbers.append(epoch.epoch)])
    assert numbers == [3, 4]
    np.testing.assert_array_equal(resumed.user_vectors, whole.user_vectors)
    assert not list(tmp_path.iterdir())


def test_memory_counts_the_joined_vectors() -> None:
    parts = [SPECTRAL, SOFTMAX]
    own = [from_name(part["kind"], dim=part["dim"]).memory(1000, 2000, 9) for part in parts]
    assert Fusion(parts=parts).memory(1000, 2000, 9) == max(own) + 4 * 11 * (3 * 3000 + HISTORIES)


@pytest.mark.parametrize("matrix", [[[1.0, 0.0]], [[1.0], [1.0]], np.ones((3, 4))])
def test_graphs_of_few_nodes_are_fine(matrix: Any) -> None:
    for dim in (1, 256):
        fitted = fit(TWO, dataset_of(matrix), dim)
        assert np.isfinite(fitted.score(np.arange(len(matrix)))).all()


def test_dimensions_double_while_that_gains_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """With weights settled: 4 numbers, then 8, which gain enough, then 16, which do not."""
    monkeypatch.setattr("graphrec.models.fusion.DIM", 4)
    monkeypatch.setattr("graphrec.models.spectral.held_out_metric", lambda *_, **__: 0.5)
    widths: list[int] = []
    figures = {4: 0.5, 8: 0.52, 16: 0.53}

    def measured(vectors: NDArray[np.float32], *_: object, **__: object) -> float:
        widths.append(vectors.shape[1])
        return figures[vectors.shape[1]]

    monkeypatch.setattr("graphrec.models.fusion.held_out_metric", measured)
    data, held_out = planted()
    parts = [{"kind": "spectral", "dim": 10}, {"kind": "random", "dim": 10, "seed": 1}]
    fused = Fusion(parts=parts).fit(data, validation=held_out)
    assert isinstance(fused.config, Fusion)
    assert widths == [4, 4, 4, 8, 16]
    assert fused.config.dim == fused.user_vectors.shape[1] == 8
    assert Fusion(parts=parts).fit(data).user_vectors.shape[1] == 4


def test_the_history_is_the_trained_part_s_and_fitting_again_takes_its_epochs() -> None:
    data, held_out = planted()
    fused = fit(TWO, data, 8, validation=held_out)
    assert len(fused.history.epochs) == SOFTMAX["epochs"]
    assert isinstance(fused.config, Fusion)
    assert fused.config.parts[1]["epochs"] == fused.history.best_epoch
    again = fused.refit(data)
    assert again.config == fused.config
    assert len(again.history.epochs) == fused.history.best_epoch


def test_a_part_that_is_made_of_another_is_loaded_and_fitted_again(tmp_path: Path) -> None:
    data, held_out = planted()
    fused = fit([{"kind": "fusion", "parts": [SOFTMAX], "dim": 4}], data, 4, validation=held_out)
    fused.save(tmp_path / "fused")
    loaded = load_model(tmp_path / "fused")
    assert loaded.config == fused.config
    assert loaded.refit(data).config == fused.config


def behaviours() -> Dataset:
    """Users buy what they viewed; what they view says more, and `HEARD` says nothing."""
    rng = np.random.default_rng(3)
    groups = np.arange(60)[:, None] % 4 == np.arange(40) % 4
    bought, viewed = (rng.random(groups.shape) < 0.12) & groups, (rng.random(groups.shape) < 0.6) & groups
    schema = GraphSchema(interactions=[Interaction("BOUGHT", target=True), Interaction("VIEWED", hides=False)])

    def pairs(matrix: Any) -> pd.DataFrame:
        users, items = np.nonzero(matrix)
        return pd.DataFrame({"user_id": users, "item_id": items})

    return dataset_from_frames(pairs(bought), schema=schema, edges={"VIEWED": pairs(viewed)})


def test_a_part_learns_from_what_it_names() -> None:
    data = behaviours()
    on = fit([{"kind": "spectral", "dim": 6, "on": ["BOUGHT", "VIEWED"]}], data)
    both = (data.interactions() + _matrix(data, "VIEWED")).astype(bool).toarray()
    other = dataset_of(both.astype(float), integer_keys=True)
    expected = fit([{"kind": "spectral", "dim": 6}], other)
    np.testing.assert_allclose(on.score(np.arange(60)), expected.score(np.arange(60)), atol=1e-4)
    assert on.fingerprint == data.fingerprint
    assert not np.allclose(on.score(np.arange(60)), fit([{"kind": "spectral", "dim": 6}], data).score(np.arange(60)))


def _matrix(data: Dataset, name: str) -> Any:
    edge = data.edges[name]
    shape = len(data.users), len(data.items)
    return sp.coo_array((np.ones(len(edge)), (edge.source_rows, edge.target_rows)), shape=shape).tocsr()


def test_views_help_where_purchases_are_few() -> None:
    split = behaviours().split("random", test=0.25, validation=0.25)
    parts = [{"kind": "spectral", "dim": 8}, {"kind": "spectral", "dim": 8, "on": ["BOUGHT", "VIEWED"]}]
    alone, both = (fit(each, split.train, validation=split.validation) for each in (parts[:1], parts))
    found = graphrec.evaluate({"alone": alone, "both": both}, split, ["recall@10"]).figures.set_index("model").value
    assert found["both"] > 1.2 * found["alone"]
    assert both.config.parts[1]["on"] == ["BOUGHT", "VIEWED"]
    again = both.refit(split.train, progress=False)
    np.testing.assert_array_equal(again.user_vectors, both.user_vectors)


def test_of_behaviours_takes_all_that_the_schema_names() -> None:
    model = Fusion.of_behaviours(behaviours().schema, dim=64)
    assert [part.get("on") for part in model.parts] == [None, None, ["BOUGHT", "VIEWED"], ["BOUGHT", "VIEWED"]]
    assert model.dim == 64
    with pytest.raises(ArgumentError, match="besides the targets"):
        Fusion.of_behaviours(GraphSchema())
    with pytest.raises(ArgumentError, match=r"`schema` must be a GraphSchema. Got 'Dataset'. Take `data.schema`"):
        Fusion.of_behaviours(behaviours())  # type: ignore[arg-type]  # a dataset


@pytest.mark.parametrize("on", ["BOUGHT", [], 3])
def test_what_a_part_cannot_learn_from(on: Any) -> None:
    with pytest.raises(ArgumentError, match="list of interaction types"):
        Fusion(parts=[{"kind": "spectral", "on": on}])


def test_an_interaction_that_is_not_there() -> None:
    with pytest.raises(ArgumentError, match=r"BOUHGT.*BOUGHT"):
        fit([{"kind": "spectral", "dim": 4, "on": ["BOUHGT"]}], behaviours())
