from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest
from attributes import tagged
from sklearn.feature_extraction.text import TfidfVectorizer

from graphrec.data.described import described
from graphrec.data.feature_blocks import document
from graphrec.data.features import blocks_of, fit_encoder

TITLES = ["red door", "red", "blue blue", "blue once", "", "rare words here"]
KINDS = ["x", "y", "x", "x", None, "y"]
TAGS = [(0, 0), (0, 1), (1, 1), (3, 2), (5, 1)]


def test_every_value_is_a_column_and_the_amount_is_none() -> None:
    titles = pa.array(["red door", "red", "blue", "blue"])
    sizes = pa.array([1.0, 2.0, None, 3.0])
    data = tagged(
        np.eye(4),
        [(0, 0), (0, 1), (1, 1), (3, 2)],
        properties={"title": ("words", titles), "size": ("number", sizes), "kind": ("category", titles)},
    )
    nodes = described(data, "item")
    found = {block.name: block.weighed(nodes).unit.toarray() for block in blocks_of(data, "item")}
    assert {name: matrix.shape[1] for name, matrix in found.items()} == {
        "TAGGED": 3,
        "title": 2,
        "size": 3,
        "kind": 3,
    }
    assert sorted((found["TAGGED"] > 0).sum(0).tolist()) == [1, 1, 2]
    assert (found["TAGGED"] > 0).sum(1).tolist() == [2, 1, 0, 1]
    assert (found["title"] > 0).sum(1).tolist() == [1, 1, 1, 1]


def test_a_document_is_one_text_of_all_that_a_node_has_as_scikit_learn_has_it() -> None:
    properties = {"title": ("words", pa.array(TITLES)), "kind": ("category", pa.array(KINDS))}
    encoder = fit_encoder(data := tagged(np.eye(6), TAGS, properties=properties))
    assert encoder.labels == ["TAGGED", "title", "kind", "document"]
    last = encoder.blocks[-1]
    found = encoder.encode(described(data, "item")).toarray()[:, -len(last) :]
    texts = [
        [*(f'["title", "words", "{word}"]' for word in title.split())]
        + ([f'["kind", "category", "{kind}"]'] if kind else [])
        + [f'["TAGGED", "attribute", "Tag-{tag:04}"]' for item, tag in TAGS if item == i]
        for i, (title, kind) in enumerate(zip(TITLES, KINDS, strict=True))
    ]
    peer = TfidfVectorizer(analyzer=lambda words: words, sublinear_tf=True)
    wanted = peer.fit_transform(texts).toarray()
    names = peer.get_feature_names_out().tolist()
    for place, name in enumerate(last.values.to_pylist()):
        np.testing.assert_allclose(found[:, place], wanted[:, names.index(name)], atol=1e-6, err_msg=name)
    # words of a single node have no column, and count in the length
    assert set(names) - set(last.values.to_pylist()) == {
        f'["title", "words", "{word}"]' for word in ("door", "once", "rare", "words", "here")
    }


def test_columns_of_a_document_never_share_a_name() -> None:
    """An attribute and a property of one name, and names and values that hold the signs between them."""
    same = pa.array(["Tag-0000", "Tag-0001"])
    properties = {"TAGGED": ("category", same), "a": ("category", pa.array(["=b", "x"]))}
    properties["a="] = ("category", pa.array(["b", "y"]))
    encoder = fit_encoder(tagged(np.eye(2), [(0, 0), (1, 1)], properties=properties))
    values = encoder.blocks[-1].values.to_pylist()
    assert len(values) == len(set(values)) == 8


def test_a_number_counts_in_a_document_as_rare_as_a_tenth_of_the_nodes() -> None:
    years = pa.array(np.arange(40.0))
    data = tagged(np.eye(40), [(0, 0), (1, 0)], properties={"year": ("number", years)})
    encoder = fit_encoder(data)
    found = encoder.encode(described(data, "item")).toarray()
    names = ['["TAGGED", "attribute", "Tag-0000"]', '["year", "number", "0"]', '["year", "number", "1"]']
    columns = [encoder.names.index(f"document+{name}") for name in names]
    tag, year = math.log(41 / 3) + 1, math.log(41 / 5) + 1
    share = 1 / encoder.blocks[1].numbers[1]  # of the way to the second peak
    row = np.array([tag, year * (1 - share), year * share])
    np.testing.assert_allclose(found[1, columns], row / np.linalg.norm(row), rtol=1e-6)
    assert (encoder.blocks[1].numbers[0], share < 1) == (0, True)


@pytest.mark.parametrize("kind", ["sentence", "vector"])
def test_nothing_is_united_with_what_cannot_be_counted(kind: str) -> None:
    column = pa.array([[1.0, 2.0], [0.0, 1.0]]) if kind == "vector" else pa.array(["a red door", "the blue sea"])
    data = tagged(np.eye(2), [(0, 0)], properties={"x": (kind, column)})
    blocks = blocks_of(data, "item")
    assert len(blocks) == 2
    assert document(blocks, 2) is None
    assert fit_encoder(data).labels == ["TAGGED", "x"]
