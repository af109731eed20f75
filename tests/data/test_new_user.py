from __future__ import annotations

import math

import numpy as np
import pyarrow as pa
import pytest

from graphrec.data.feature_blocks import AMOUNT, Block
from graphrec.data.feature_map import FeatureMap
from graphrec.data.features import Encoder
from graphrec.data.new_user import NewUser, read_attributes, read_text, with_more
from graphrec.errors import ArgumentError, ModelError


def block(name, kind, values, numbers=None):
    numbers = np.ones(len(values)) if numbers is None else numbers
    if kind in ("attribute", "words"):
        values, numbers = [*values, AMOUNT], np.append(numbers, 1.0)
    return Block(name, kind, pa.array(values, pa.string()), numbers)


ITEMS = Encoder(
    "item",
    (
        block("GENRE", "attribute", ["Sci-Fi", "science fiction", "fiction", "a", "!"]),
        block("mood", "category", ["quiet", "deep blue"], np.array([1.0, 2.0])),
        block("plot", "words", ["quiet", "space"]),
        block("year", "number", ["0", "1"], np.array([1950.0, 2000.0])),
    ),
)
PEOPLE = Encoder(
    "user",
    (
        block("CITY", "attribute", ["Paris", "17"]),
        block("job", "category", ["cook", "true"]),
        block("age", "number", ["0", "1"], np.array([20.0, 40.0])),
        block("taste", "vector", ["0", "1"]),
    ),
)


def test_a_text_is_read_as_if_it_described_an_item():
    texts = ["Quiet SCI-FI, not fictional", "science  Fiction in deep-blue space; quiet, quiet", "", "an 1970 !"]
    found = read_text(ITEMS, texts).toarray()
    half = math.sqrt(0.5)
    words = np.array([1 + math.log(2), 1.0])
    expected = {
        "GENRE": np.zeros((4, 6)),
        "mood": np.zeros((4, 2)),
        "plot": np.zeros((4, 3)),
        "year": np.zeros((4, 2)),
    }
    expected["GENRE"][0, 0] = expected["mood"][0, 0] = 1
    expected["plot"][0, 0] = 1 / math.sqrt(5)  # of five words four are unknown
    expected["GENRE"][1, [1, 2]] = half
    expected["mood"][1, [0, 1]] = np.array([1, 2]) / math.sqrt(5)
    expected["plot"][1, [0, 1]] = words / math.sqrt(words @ words + 5)
    np.testing.assert_allclose(found, np.hstack(list(expected.values())), rtol=1e-6)


def test_keys_are_found_with_their_words_of_one_letter():
    keys = ["R&B", "C", "K-Pop", "J-Pop", "pop", "力"]
    encoder = Encoder("item", (block("GENRE", "category", keys),))
    texts = ["some r & b", "k-pop", "J-POP please", "c", "pop", "bare", "力"]
    found = [[keys[i] for i in row.nonzero()[0]] for row in read_text(encoder, texts).toarray()]
    assert found == [["R&B"], ["K-Pop", "pop"], ["J-Pop", "pop"], ["C"], ["pop"], [], ["力"]]


def test_attributes_are_read_as_the_graph_would_tell_them():
    users = [
        NewUser(attributes={"CITY": ["Paris", "Rome"], "age": 30, "taste": [3.0, 4.0]}),
        NewUser(attributes={"CITY": 17, "job": "cook", "age": None}),
        NewUser(attributes={"job": [True, "cook"]}),
        NewUser(),
    ]
    found = PEOPLE.encode(read_attributes(PEOPLE, users)).toarray()
    half = math.sqrt(0.5)
    expected = np.zeros((4, 9))  # Paris, 17, how many; cook, true; two of age, two of taste
    expected[0, [0, 2, 5, 6, 7, 8]] = [1, math.log(3), half, half, 0.6, 0.8]
    expected[1, [1, 2, 3]] = [1, math.log(2), 1]
    expected[2, [3, 4]] = half
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_what_is_said_wrongly_is_refused():
    with pytest.raises(ArgumentError, match=r"`attributes` must name what describes users.*Got 'ctiy'"):
        read_attributes(PEOPLE, [NewUser(attributes={"ctiy": "Paris"})])
    with pytest.raises(ArgumentError, match="of one type for all users"):
        read_attributes(PEOPLE, [NewUser(attributes={"age": 3}), NewUser(attributes={"age": "x"})])
    with pytest.raises(ArgumentError, match="`items` must be a list"):
        NewUser(items="abc")
    with pytest.raises(ArgumentError, match="`attributes` must give values by name"):
        NewUser(attributes=["Paris"])
    for text in (3, "\ud800 red"):
        with pytest.raises(ArgumentError, match="`text` must be valid text"):
            NewUser(text=text)
    for value in ([[1]], [object()]):
        with pytest.raises(ArgumentError, match=r"`attributes\['CITY'\]` must be what a property can hold"):
            read_attributes(PEOPLE, [NewUser(attributes={"CITY": value})])


def test_parts_add_up_over_the_root_of_their_number():
    rng = np.random.default_rng(0)
    items = FeatureMap(ITEMS, {"fold_in": rng.normal(size=(14, 3)).astype(np.float32)})
    people = FeatureMap(PEOPLE, {"vector": rng.normal(size=(10, 3)).astype(np.float32)})
    maps = {"item": items, "user": people}
    paris, text = {"CITY": "Paris"}, "quiet"
    users = [
        NewUser(),
        NewUser(attributes=paris),
        NewUser(text=text),
        NewUser((), paris, text),
        NewUser((), {}, "zzz"),
    ]
    folded, counts = np.zeros((5, 3)), np.array([4, 0, 9, 1, 0])
    folded[[0, 2]] = rng.normal(size=(2, 3))  # the fourth has an item of which nothing is known
    found, path = with_more(users, folded, counts, maps, "m")
    row = people.matrices["vector"].astype(float)
    city = row[0] + math.log(2) * row[2] + row[-1]
    said = items.matrices["fold_in"].astype(float)[[6, 8, -1]].sum(0)
    np.testing.assert_allclose(found[0], folded[0], rtol=1e-6)
    np.testing.assert_allclose(found[1], city, rtol=1e-6)
    np.testing.assert_allclose(found[2], (folded[2] * 3 + said) / math.sqrt(10), rtol=1e-5)
    np.testing.assert_allclose(found[3], (city + said) / math.sqrt(2), rtol=1e-5)
    assert not found[4].any()
    assert path.tolist() == ["fold-in", "attributes", "fold-in+text", "text+attributes", ""]
    for few, user, how in (({"user": people}, users[2], "by a text"), ({"item": items}, users[1], "by attributes")):
        with pytest.raises(ModelError, match=f"'m' cannot serve new users {how}"):
            with_more([user], folded[:1], counts[:1], few, "m")
    assert with_more(users[:1], folded[:1], counts[:1], {}, "m")[1].tolist() == ["fold-in"]
