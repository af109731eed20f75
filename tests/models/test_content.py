from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from interactions import communities, dataset_of

import graphrec
from graphrec import Attribute, Dataset, Feature, GraphSchema, Interaction, Node, dataset_from_frames
from graphrec.data.described import described
from graphrec.data.features import fit_encoder
from graphrec.errors import ArgumentError, DataError
from graphrec.evaluation.held_out import held_out_metric
from graphrec.models import Content, from_name, load_model

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

WORDS = ["sun", "moon", "star", "tree", "leaf", "root", "wave", "sand", "rock", "wind"]
SCHEMA = GraphSchema(
    item=Node("Item", key="item_id", features=[Feature("title", "words"), Feature("image", "vector")]),
    interactions=[Interaction("INTERACTED")],
    attributes=[Attribute("OF", to=Node("Genre", key="name"))],
)


def films(seed: int = 0, users: int = 30, items: int = 40) -> Dataset:
    """Return users who have items at random; the last three items are cold, the very last described by nothing."""
    generator = np.random.default_rng(seed)
    titles = [" ".join(generator.choice(WORDS, 3)) for _ in range(items - 1)] + [None]
    images = [generator.normal(size=4).tolist() if i % 5 else None for i in range(items - 1)] + [None]
    source, target = (generator.random((users, items - 3)) < 0.2).nonzero()
    return dataset_from_frames(
        pd.DataFrame({"source": source, "target": target}),
        schema=SCHEMA,
        nodes={
            "Item": pd.DataFrame({"item_id": range(items), "title": titles, "image": images}),
            "User": pd.DataFrame({"user_id": range(users)}),
        },
        edges={"OF": pd.DataFrame({"source": range(items - 1), "target": [f"g{i % 4}" for i in range(items - 1)]})},
    )


def by_loop(data: Dataset, weights: dict[str, float]) -> NDArray[np.float64]:
    """Return each user's score for each item: the sum of the weighted mean cosines with the items that they have."""
    encoder, nodes = fit_encoder(data), described(data, "item")
    ends = np.cumsum([len(block) for block in encoder.blocks])[:-1]
    split = np.split(encoder.encode(nodes).toarray().astype(float), ends, axis=1)
    parts = {block.name: part for block, part in zip(encoder.blocks, split, strict=True)}
    parts |= {name: parts[name][:, :-1] for name in ("OF", "title")}  # how many they are does not make items alike

    def cosine(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
        length = np.linalg.norm(a) * np.linalg.norm(b)
        return float(a @ b / length) if length else 0.0

    scores = np.zeros((len(data.users), len(data.items)))
    for user, row in enumerate(data.interactions().toarray()):
        for item in range(len(data.items)):
            for had in np.flatnonzero(row):
                alike = sum(w * cosine(parts[name][had], parts[name][item]) for name, w in weights.items())
                scores[user, item] += alike / sum(weights.values())
    return scores


@pytest.mark.parametrize(
    "weights",
    [
        {"OF": 1.0, "title": 1.0, "image": 1.0, "document": 1.0},
        {"OF": 0.5, "title": 3.0, "image": 0.0, "document": 2.0},
    ],
)
def test_scores_are_sums_of_weighted_cosines(weights: dict[str, float]) -> None:
    data = films()
    fitted = Content(blocks=weights).fit(data)
    counts = np.maximum(np.diff(data.interactions().indptr), 1)
    scores = fitted.score(np.arange(30)) * np.sqrt(counts)[:, None]
    np.testing.assert_allclose(scores, by_loop(data, weights), atol=1e-5)


def test_a_block_that_is_not_named_weighs_one() -> None:
    data = films()
    one, other = (
        Content(blocks={"title": 2}).fit(data),
        Content(blocks={"title": 2, "OF": 1, "image": 1, "document": 1}).fit(data),
    )
    np.testing.assert_array_equal(one.item_vectors, other.item_vectors)
    assert one.config == other.config


def test_too_many_columns_are_compressed_to_the_best_of_their_rank() -> None:
    data = films()
    fitted, whole = Content(dim=5).fit(data), Content().fit(data)
    assert fitted.item_vectors.shape == (40, 5)
    exact = whole.item_vectors.astype(float) @ whole.item_vectors.T
    squares, turn = np.linalg.eigh(exact)
    best = (turn[:, -5:] * squares[-5:]) @ turn[:, -5:].T
    np.testing.assert_allclose(fitted.item_vectors @ fitted.item_vectors.T, best, atol=2e-2)
    assert np.abs(best - exact).max() > 0.1


@pytest.mark.parametrize("dim", [6, 256])
def test_cold_and_new_items_have_vectors_by_the_map(dim: int) -> None:
    data = films()
    fitted = Content(dim=dim).fit(data)
    assert fitted.cold_items is not None
    assert np.flatnonzero(fitted.cold_items).tolist() == [37, 38]  # 39 is cold, and nothing is known of it
    assert not fitted.item_vectors[39].any()
    assert fitted.cold_users is None
    assert fitted.item_map is not None
    for which in ("vector", "fold_in"):
        np.testing.assert_array_equal(fitted.item_map.vectors(described(data, "item"), which), fitted.item_vectors)
    np.testing.assert_array_equal(fitted.fold_in_vectors, fitted.item_vectors)


def test_a_user_who_is_folded_in_scores_as_one_who_was_there() -> None:
    data = films()
    fitted = Content().fit(data)
    matrix = data.interactions()
    histories = [matrix.indices[matrix.indptr[user] : matrix.indptr[user + 1]].astype(np.int64) for user in range(30)]
    np.testing.assert_allclose(fitted.fold_in(histories), fitted.user_vectors, atol=1e-5)


def test_weights_are_chosen_on_the_validation_part_and_recorded() -> None:
    """Genres decide here, titles are noise: against every weight that the search can reach."""
    matrix = communities(users=80, items=60)
    groups = dataset_of(matrix, groups=4)
    generator = np.random.default_rng(1)
    titles = [" ".join(generator.choice(WORDS, 6)) for _ in range(60)]
    schema = GraphSchema(
        item=Node("Item", key="key", features=[Feature("title", "words")]),
        interactions=[Interaction("INTERACTED")],
        attributes=[Attribute("OF", to=Node("Group", key="name"))],
    )
    source, target = matrix.nonzero()
    keys = groups.items.keys.to_pylist()
    data = dataset_from_frames(
        pd.DataFrame({"source": source, "target": np.asarray(keys)[target]}),
        schema=schema,
        nodes={"Item": pd.DataFrame({"key": keys, "title": titles})},
        edges={"OF": pd.DataFrame({"source": keys, "target": [f"g{i % 4}" for i in range(60)]})},
    )
    split = data.split("cold-items", validation=0.2, test=0.2)
    fitted = Content().fit(split.train, validation=split.validation, metric="recall@5")
    assert isinstance(fitted.config, Content)
    assert fitted.config.blocks is not None
    assert list(fitted.config.blocks) == ["OF", "title", "document"]

    def measured(blocks: dict[str, float]) -> float:
        found = Content(blocks=blocks).fit(split.train)
        seen, held_out = split.train.seen(), split.validation.matrix
        return held_out_metric(found.user_vectors, found.item_vectors, seen, held_out, "recall@5")

    best = ones = {"OF": 1.0, "title": 1.0, "document": 1.0}
    for name in ones:
        best = max([best, *(best | {name: w} for w in (0.25, 4.0, 0.0))], key=measured)
    assert fitted.config.blocks == best
    again = fitted.refit(split.without_test)
    assert again.config == fitted.config
    assert Content().fit(split.train).config == Content(blocks=ones)


def test_it_is_saved_and_loaded_with_its_map(tmp_path: Path) -> None:
    data = films()
    fitted = Content(dim=6).fit(data)
    fitted.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.config == fitted.config
    np.testing.assert_array_equal(loaded.cold_items, fitted.cold_items)
    nodes = described(films(seed=5), "item")
    np.testing.assert_array_equal(loaded.item_map.vectors(nodes), fitted.item_map.vectors(nodes))


def test_lists_hold_cold_items() -> None:
    matrix = communities()
    matrix[:, 36:] = 0
    data = dataset_of(matrix, groups=4)
    listed = graphrec.recommend(Content().fit(data), data, [f"User-{user:05}" for user in range(8)], 1)
    first = listed.groupby("user", sort=False)["item"].agg(list)
    assert all({int(item[-5:]) % 4 for item in items} == {int(user[-5:]) % 4} for user, items in first.items())
    assert {int(item[-5:]) for item in listed["item"]} & set(range(36, 40))


@pytest.mark.parametrize(
    ("fields", "match"),
    [
        ({"blocks": {"OF": -1.0}}, "`blocks` should be greater than or equal to 0"),
        ({"blocks": {"OF": float("inf")}}, "`blocks` should be a finite number"),
        ({"dim": 0}, "`dim` should be greater than or equal to 1"),
    ],
)
def test_impossible_configurations_are_refused(fields: dict[str, Any], match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        Content(**fields)


def test_what_is_missing_is_said() -> None:
    with pytest.raises(DataError, match="Nothing describes 'Item': no feature is named"):
        Content().fit(dataset_of(communities()))
    with pytest.raises(
        ArgumentError, match=r"`blocks` must name what describes items. Got 'titel'. Did you mean 'title'"
    ):
        Content(blocks={"titel": 2}).fit(films())
    with pytest.raises(ArgumentError, match="`blocks` must leave a block with a weight above 0"):
        Content(blocks=dict.fromkeys(("OF", "title", "image", "document"), 0)).fit(films())


def test_a_configuration_comes_from_tables_and_goes_through_json() -> None:
    model = Content(dim=8, blocks={"OF": 2, "title": 0.5})
    assert from_name("content", **json.loads(json.dumps(model.model_dump(mode="json")))) == model
    assert model.width == 8
