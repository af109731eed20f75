from __future__ import annotations

import datetime
import time
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer

from graphrec import Attribute, Dataset, Feature, GraphSchema, Interaction, Node, dataset_from_frames
from graphrec.data.described import Described, described
from graphrec.data.feature_columns import scaled_columns
from graphrec.data.features import Encoder, fit_encoder
from graphrec.errors import ArgumentError, DataError

TEXTS = [
    "The cat sat on the mat",
    "The the THE dog, sat!",
    "Amélie's cat & dog",
    "",
    "amelie",
    "nothing shared",
    "cat cat cat cat",
    None,
]


def data_of(
    items: dict[str, list[Any]] | None = None,
    features: list[Feature] | None = None,
    links: list[tuple[Any, ...]] | None = None,
    **fields: Any,
) -> Dataset:
    """Return items 0, 1, ... with these properties, and links to tags, the third of each its weight."""
    n = len(next(iter(items.values()))) if items else 8
    weighted = bool(links) and len(links[0]) == 3
    tags = Attribute("TAGGED", to=Node("Tag", key="name"), weight="w" if weighted else None)
    schema = GraphSchema(
        item=Node("Item", key="item_id", features=features or [], **fields),
        interactions=[Interaction("INTERACTED")],
        attributes=[tags] if links is not None else [],
    )
    edges = {}
    if links is not None:
        frame = pd.DataFrame(links or None, columns=["source", "target", "w"][: 3 if weighted else 2])
        edges = {"TAGGED": frame if links else pd.DataFrame({"source": [0], "target": ["x"]}).iloc[:0]}
    return dataset_from_frames(
        pd.DataFrame({"source": [0, 1], "target": [0, n - 1]}),
        schema=schema,
        nodes={"Item": pd.DataFrame({"item_id": range(n), **(items or {})})},
        edges=edges,
    )


def encoded(data: Dataset) -> tuple[Encoder, Any]:
    encoder = fit_encoder(data)
    found = encoder.encode(described(data, "item"))
    assert found.shape == (len(data.items), len(encoder)) == (len(data.items), len(encoder.names))
    assert found.dtype == np.float32
    return encoder, found.toarray()


def test_words_are_tf_idf_as_scikit_learn_has_it() -> None:
    encoder, found = encoded(data_of({"plot": TEXTS}, [Feature("plot", "words")]))
    peer = TfidfVectorizer(strip_accents="unicode", sublinear_tf=True)
    wanted = peer.fit_transform([text or "" for text in TEXTS]).toarray()
    shared = (wanted > 0).sum(0) > 1  # the others have no column, and count in the length all the same
    order = [encoder.names.index(f"plot:{word}") for word in peer.get_feature_names_out()[shared]]
    assert len(order) == len(encoder) - 1
    assert not shared.all()
    np.testing.assert_allclose(found[:, order], wanted[:, shared], atol=1e-6)
    assert encoder.names[-1] == "plot:#"
    np.testing.assert_allclose(found[:, -1], np.log1p([6, 5, 3, 0, 1, 0, 4, 0]), rtol=1e-6)  # words, "s" being none


def test_categories_and_attributes_are_tf_idf_too() -> None:
    """Against the same of scikit-learn with one word a key, and without a logarithm of counts."""
    keys = [["a", "b"], ["b"], [], ["c", "a", "b"], ["d"], ["b"], ["a"], ["d"]]
    wanted = TfidfVectorizer(analyzer=lambda each: each).fit(keys)
    links = [(i, key) for i, each in enumerate(keys) for key in each]
    for data, sign in (
        (data_of(links=links), "TAGGED="),
        (data_of({"tags": keys}, [Feature("tags", "category")]), "tags="),
    ):
        encoder, found = encoded(data)
        order = [encoder.names.index(f"{sign}{key}") for key in wanted.get_feature_names_out()]
        np.testing.assert_allclose(found[:, order], wanted.transform(keys).toarray(), atol=1e-6)
        assert encoder.names[0] == f"{sign}b"  # the most frequent one first


def test_weights_of_attributes_count() -> None:
    encoder, found = encoded(
        data_of(links=[(0, "a", 3.0), (0, "b", 4.0), (1, "a", 1.0), (2, "a", 0.0), (3, "b", 2.0)])
    )
    rare = {name: np.log(9 / (1 + n)) + 1 for name, n in (("TAGGED=a", 3), ("TAGGED=b", 2))}
    row = np.array([3 * rare["TAGGED=a"], 4 * rare["TAGGED=b"]])
    columns = [encoder.names.index(name) for name in rare]
    np.testing.assert_allclose(found[0, columns], row / np.linalg.norm(row), rtol=1e-6)
    assert not found[2].any()


def test_numbers_lie_between_ten_peaks_at_most() -> None:
    values = [*np.arange(100.0), None, float("nan")]
    encoder, found = encoded(data_of({"year": values}, [Feature("year", "number")]))
    assert encoder.names == [f"year~{i}" for i in range(10)]
    np.testing.assert_allclose(encoder.blocks[0].numbers, np.linspace(0, 99, 10))
    row = np.array([7, 4]) / 11  # 15 is four elevenths of the way from 11 to 22
    np.testing.assert_allclose(found[15, 1:3], row / np.linalg.norm(row), rtol=1e-5)
    assert not found[100:].any()
    near, far = found[50] @ found[52], found[50] @ found[90]
    assert near > 0.9
    assert far == 0


@pytest.mark.parametrize(
    ("column", "kind", "names"),
    [
        ([5.0] * 8, "number", ["x~0"]),
        ([True, False, None, True, True, False, False, True], "category", ["x=true", "x=false"]),
        ([True, False, None, True, True, False, False, True], "number", ["x~0", "x~1"]),
        ([datetime.date(2000, 1, 1 + i) for i in range(8)], "number", [f"x~{i}" for i in range(8)]),
        ([[1.0, 2.0], None, [0.0, 0.0], [3.0, 4.0]], "vector", ["x@0", "x@1"]),
        (
            ["卧虎藏龙", "卧虎", "👍", "الف ليلة", "الف", "", None, "藏龙"],
            "words",
            ["x:#", "x:الف", "x:卧虎", "x:藏龙"],
        ),
    ],
)
def test_columns_of_all_sorts(column: list[Any], kind: Any, names: list[str]) -> None:
    encoder, found = encoded(data_of({"x": column}, [Feature("x", kind)]))
    assert sorted(encoder.names) == sorted(names)
    lengths = np.linalg.norm(found, axis=1)
    if kind != "words":  # words of a single node count in the length, and their amount beside it
        np.testing.assert_allclose(lengths[lengths > 0], 1, rtol=1e-6)


def test_keys_that_are_whole_numbers_and_an_attribute_of_one_item() -> None:
    data = data_of(links=[(0, 7), (1, 7), (2, 8)])
    encoder, found = encoded(data)
    assert encoder.names == ["TAGGED=7", "TAGGED=8", "TAGGED=#"]
    one = np.log(2)
    np.testing.assert_allclose(found[:4], [[1, 0, one], [1, 0, one], [0, 1, one], [0, 0, 0]], rtol=1e-6)


def test_blocks_stand_side_by_side_with_weights() -> None:
    features = [
        Feature("title", "words"),
        Feature("year", "number"),
        Feature("image", "vector"),
        Feature("none", "words"),
    ]
    titles = ["red cat", "red dog", "cat", "dog"]
    data = data_of(
        {"title": titles, "year": [1, 2, 3, None], "image": [[1.0, 0], [0, 2.0], None, [3.0, 3.0]]},
        features,
        [(0, "a"), (3, "a")],
    )
    encoder = fit_encoder(data)
    labels = ["TAGGED", "title", "year", "image", "document"]
    assert [block.name for block in encoder.blocks] == encoder.labels == labels
    nodes = described(data, "item")
    found = [block.weighed(nodes) for block in encoder.own]
    parts = [each.encoded.toarray() for each in found] + [encoder.blocks[-1].united(found[:3]).toarray()]
    np.testing.assert_array_equal(encoder.encode(nodes).toarray(), np.hstack(parts))
    weights = encoder.weights({"year": 0.5, "image": 0})
    assert weights == [1, 1, 0.5, 0, 1]
    wanted = np.hstack([part * w for part, w in zip(parts, weights, strict=True)])
    found = scaled_columns(encoder.encode(nodes), encoder.columns(weights))
    np.testing.assert_allclose(found.toarray(), wanted)
    assert (found.data != 0).all()
    with pytest.raises(
        ArgumentError, match=r"`blocks` must name what describes items. Got 'yaer'. Did you mean 'year'"
    ):
        encoder.weights({"yaer": 1})
    with pytest.raises(ArgumentError, match="`blocks` must leave a block with a weight above 0"):
        encoder.weights(dict.fromkeys(encoder.labels, 0))


def test_one_property_may_be_two_features() -> None:
    data = data_of({"plot": TEXTS}, [Feature("plot", "words"), Feature("plot", "category")])
    encoder = fit_encoder(data)
    assert encoder.labels == ["plot as words", "plot as category", "document"]
    assert encoder.weights({"plot as category": 2}) == [1, 2, 1]


def test_nodes_that_came_later_and_what_they_say_that_nobody_said_before() -> None:
    features = [Feature("title", "words"), Feature("year", "number"), Feature("kind", "category")]
    old = data_of(
        {"title": ["red cat", "red dog"], "year": [1, 2], "kind": ["x", "y"]}, features, [(0, "a"), (1, "b")]
    )
    new = data_of(
        {"title": ["RED planet", "blue"], "year": [3, None], "kind": ["z", "y"]}, features, [(0, "c"), (1, "b")]
    )
    encoder = fit_encoder(old)
    found = encoder.encode(described(new, "item")).toarray()
    at = {name: i for i, name in enumerate(encoder.names)}
    assert {name for name, i in at.items() if found[0, i]} == {
        "title:red",
        "title:#",
        "year~1",
        'document+["title", "words", "red"]',
        'document+["year", "number", "1"]',
    }
    assert {name for name, i in at.items() if found[1, i]} == {
        "TAGGED=b",
        "TAGGED=#",
        "kind=y",
        'document+["TAGGED", "attribute", "b"]',
        'document+["kind", "category", "y"]',
    }


def test_a_column_or_an_attribute_that_is_not_there_counts_for_nothing() -> None:
    data = data_of({"title": ["red cat", "red dog"]}, [Feature("title", "words")], [(0, "a")])
    encoder = fit_encoder(data)
    assert not encoder.encode(Described(3, {}, {})).nnz
    found = encoder.encode(Described(2, {"title": data.items.properties["title"]}, {}))
    assert np.diff(found.indptr).tolist() == [3, 3]  # in `title`, their amount, and in the document


def test_users_are_described_by_what_is_theirs() -> None:
    schema = GraphSchema(
        user=Node("User", key="user_id", features=[Feature("age", "number")]),
        interactions=[Interaction("INTERACTED")],
        attributes=[
            Attribute("LIVES", to=Node("City", key="name"), of="user"),
            Attribute("OF", to=Node("Genre", key="name")),
        ],
    )
    data = dataset_from_frames(
        pd.DataFrame({"source": ["u", "v"], "target": [1, 2]}),
        schema=schema,
        nodes={"User": pd.DataFrame({"user_id": ["u", "v"], "age": [20, 40]})},
        edges={
            "LIVES": pd.DataFrame({"source": ["v"], "target": ["Rome"]}),
            "OF": pd.DataFrame({"source": [1], "target": ["Drama"]}),
        },
    )
    users, items = fit_encoder(data, "user"), fit_encoder(data)
    assert (users.labels, items.labels) == (["LIVES", "age", "document"], ["OF"])
    assert users.side == "user"
    assert users.encode(described(data, "user")).toarray()[1, 0] == 1


@pytest.mark.parametrize(
    ("data", "match"),
    [
        (
            data_of(),
            "Nothing describes 'Item': no feature is named. Name attributes of items, or `features` of 'Item'",
        ),
        (data_of(links=[]), r"Nothing describes 'Item': \['TAGGED'\] hold no values"),
        (data_of({"t": [""] * 3}, [Feature("t", "words")]), r"\['t'\] hold no values"),
        (data_of({"t": [""] * 3}, [Feature("t", "sentence")]), r"\['t'\] hold no values"),
        (data_of({"t": [""] * 3}, [Feature("t", "category")]), r"\['t'\] hold no values"),
        (data_of({"t": [float("nan")] * 3}, [Feature("t", "number")]), r"\['t'\] hold no values"),
        (data_of({"t": [[], None]}, [Feature("t", "vector")]), r"\['t'\] hold no values"),
        (
            data_of(
                features=[Feature("gone", kind) for kind in ("words", "number", "vector", "category", "sentence")]
            ),
            "hold no",
        ),
        (data_of({"t": ["one", "two"]}, [Feature("t", "words")]), "hold no values"),  # no word that two of them have
    ],
)
def test_nothing_that_describes_is_said(data: Dataset, match: str) -> None:
    with pytest.raises(DataError, match=match):
        fit_encoder(data)


@pytest.mark.parametrize(
    ("column", "kind", "match"),
    [
        (["1", "2"], "number", "`x` must hold numbers. Got 'string'"),
        (["1", "P1D"], "number", "`x` must hold numbers.*such as 'P1D' of 1"),
        ([1, 2], "words", "`x` must hold text. Got 'int64'"),
        ([1, 2], "sentence", "`x` must hold text. Got 'int64'"),
        ([1.5, 2.5], "category", "`x` must hold text, whole numbers or booleans"),
        ([1, 2], "vector", "`x` must hold lists of numbers"),
        ([[1.0, float("inf")], [1.0, 2.0]], "vector", "`x` must hold finite numbers. Got inf"),
        ([[1.0], [1.0, 2.0], [2.0]], "vector", "`x` must hold vectors of 1 numbers"),
    ],
)
def test_a_property_of_another_kind_is_refused(column: list[Any], kind: Any, match: str) -> None:
    with pytest.raises(DataError, match=match):
        fit_encoder(data_of({"x": column}, [Feature("x", kind)]))


@pytest.mark.parametrize("missing", [None, float("nan")])
def test_a_list_with_nothing_in_a_place_is_refused_on_its_way_in(missing: Any) -> None:
    with pytest.raises(DataError, match=r"'x' must not hold lists with null or NaN in them. Got .* in row 1"):
        data_of({"x": [[1.0, 2.0], [1.0, missing]]}, [Feature("x", "vector")])


def test_a_vector_of_another_length_is_refused_later_too() -> None:
    feature = [Feature("image", "vector")]
    encoder = fit_encoder(data_of({"image": [[1.0, 2.0], [2.0, 1.0]]}, feature))
    with pytest.raises(DataError, match=r"`image` must hold vectors of 2 numbers, .* Got '3 numbers"):
        encoder.encode(described(data_of({"image": [[1.0, 2.0, 3.0]] * 2}, feature), "item"))


def test_a_hundred_thousand_tags_take_no_time() -> None:
    tags = np.random.default_rng(0).permutation(200_000)
    data = data_of({"tag": [f"tag {i // 2}" for i in tags]}, [Feature("tag", "category")])
    began = time.perf_counter()
    encoder = fit_encoder(data)
    found = encoder.encode(described(data, "item"))
    assert time.perf_counter() - began < 10
    assert (found.shape, found.nnz) == ((200_000, 100_000), 200_000)
