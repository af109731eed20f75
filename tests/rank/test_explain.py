from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from interactions import dataset_of

from graphrec import Attribute, GraphSchema, Interaction, Node, dataset_from_frames, explain, recommend
from graphrec.errors import ArgumentError, ModelError, UnknownKeyError
from graphrec.models import ALS, EASE, ItemKNN, LightGCN, Popularity, RankFusion, SoftmaxGCN, Spectral, UserKNN

if TYPE_CHECKING:
    from graphrec import Dataset

FILMS = {"a": "Alien", "b": "Blade", "c": "Cats", "d": "Dune", "e": None}
GENRES = [
    ("a", "SciFi"),
    ("b", "SciFi"),
    ("d", "SciFi"),
    ("c", "Musical"),
    ("a", "Horror"),
    ("d", "Epic"),
    ("b", "Epic"),
]
TOOK = [("u", "a"), ("u", "b"), ("u", "c"), ("v", "a"), ("v", "d"), ("w", "d"), ("w", "e"), ("w", "b")]


def random_data(n_users: int, n_items: int, share: float = 0.3) -> Dataset:
    return dataset_of(np.random.default_rng(0).random((n_users, n_items)) < share)


@pytest.fixture(scope="module")
def films() -> Dataset:
    schema = GraphSchema(
        user=Node("User", "id"),
        item=Node("Film", "id", name="title", properties=["title"]),
        interactions=[Interaction("TOOK")],
        attributes=[Attribute("HAS_GENRE", to=Node("Genre", "name"))],
    )
    return dataset_from_frames(
        pd.DataFrame(TOOK, columns=["source", "target"]),
        schema=schema,
        nodes={"Film": pd.DataFrame({"id": list(FILMS), "title": list(FILMS.values())})},
        edges={"HAS_GENRE": pd.DataFrame(GENRES, columns=["source", "target"])},
    )


def parts_of(found: Any, user: Any, item: Any) -> dict[Any, float]:
    rows = found.parts[(found.parts.user == user) & (found.parts.item == item)]
    return {
        None if because is None or because != because else because: part
        for because, part in zip(rows.because, rows.part, strict=True)
    }


def all_pairs(data: Dataset) -> list[tuple[Any, Any]]:
    return [(user, item) for user in data.users.keys.to_pylist() for item in data.items.keys.to_pylist()]


def test_a_model_without_vectors_is_asked_once_for_each_user(monkeypatch):
    data = random_data(6, 9)
    fitted = EASE().fit(data)
    expected, asked, score = fitted.score(np.arange(6)).ravel(), [], type(fitted).score
    monkeypatch.setattr(type(fitted), "score", lambda model, rows: (asked.append(len(rows)), score(model, rows))[1])
    found = explain(fitted, data, all_pairs(data))
    assert asked == [1] * 6
    assert found.words.score.tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize(
    "model",
    [
        LightGCN(dim=8, epochs=2),
        Spectral(dim=8),
        SoftmaxGCN(dim=8, epochs=2, temperature=0.1),
        EASE(),
        ItemKNN(neighbours=5),
        UserKNN(neighbours=5),
        ALS(dim=4, epochs=2),
        Popularity(),
    ],
    ids=lambda model: model.kind,
)
def test_the_parts_of_every_pair_sum_to_the_score(model):
    data = random_data(20, 15)
    fitted = model.fit(data, progress=False)
    found = explain(fitted, data, all_pairs(data))
    scores = fitted.score(np.arange(len(data.users)))
    sums = found.parts.groupby(["user", "item"], sort=False)["part"].sum().to_numpy()
    assert len(sums) == scores.size
    np.testing.assert_allclose(sums, found.words["score"], atol=1e-9)
    np.testing.assert_allclose(sums, scores.ravel(), atol=1e-5 * max(1, np.abs(scores).max()))


def test_lightgcn_by_a_dense_matrix():
    """α₀ e_u is the own part; the rest of the user's vector is the sum over the neighbours, here by dense powers."""
    data = random_data(12, 9)
    fitted = LightGCN(dim=4, epochs=2, layers=2).fit(data, progress=False)
    found = explain(fitted, data, all_pairs(data))
    r = data.interactions().toarray().astype(np.float64)
    n_users = len(r)
    adjacency = np.block([[np.zeros((n_users, n_users)), r], [r.T, np.zeros((9, 9))]])
    degrees = adjacency.sum(1)
    scale = np.divide(1, np.sqrt(degrees), out=np.zeros_like(degrees), where=degrees > 0)
    a = scale[:, None] * adjacency * scale
    whole = (np.eye(len(a)) + a + a @ a) / 3
    final = np.concatenate([fitted.user_vectors, fitted.item_vectors]).astype(np.float64)
    free = np.linalg.solve(whole, final)
    inner = (free + a @ free) / 3
    users, items = data.users.keys.to_pylist(), data.items.keys.to_pylist()
    for u, user in enumerate(users):
        for i, item in enumerate(items):
            parts = parts_of(found, user, item)
            target = final[n_users + i]
            assert parts.pop(None) == pytest.approx(free[u] @ target / 3, abs=1e-4)
            expected = {items[j]: a[u, n_users + j] * inner[n_users + j] @ target for j in np.flatnonzero(r[u])}
            assert parts == pytest.approx(expected, abs=1e-4)


def test_a_spectral_model_has_no_own_part():
    data = random_data(20, 15)
    found = explain(Spectral(dim=8).fit(data), data, all_pairs(data))
    own = found.parts[found.parts.because.isna()]
    np.testing.assert_allclose(own.part, 0, atol=1e-5)
    assert found.parts[found.parts.because.notna()].part.abs().max() > 0.01


def test_who_took_something_only_after_the_fit_is_wholly_their_history() -> None:
    took = [("a", "x"), ("a", "y"), ("b", "y"), ("b", "z")]
    users, items = pd.DataFrame({"user_id": ["a", "b", "idle"]}), pd.DataFrame({"item_id": ["x", "y", "z"]})

    def data(took: list[tuple[str, str]], users: pd.DataFrame) -> Dataset:
        frame = pd.DataFrame(took, columns=["user_id", "item_id"])
        return dataset_from_frames(frame, nodes={"User": users, "Item": items})

    fitted = Spectral(dim=2).fit(data(took, users))
    later = data([*took, ("idle", "x"), ("new", "y")], pd.DataFrame({"user_id": ["a", "b", "idle", "new", "none"]}))
    lists = recommend(fitted, later, ["idle", "new"])
    found = explain(fitted, later, lists)
    assert found.words.score.tolist() == pytest.approx(lists.score.tolist(), abs=1e-7)
    assert found.parts[found.parts.because.isna()].part.tolist() == pytest.approx([0] * len(lists), abs=1e-7)
    with pytest.raises(UnknownKeyError, match=r"tell of. Got \['none'\]"):
        explain(fitted, later, [("none", "x")])


def test_ease_by_its_matrix(films):
    fitted = EASE(reg=2.0).fit(films)
    found = explain(fitted, films, [("u", "d")])
    gram = films.interactions().toarray().T @ films.interactions().toarray() + 2.0 * np.eye(5)
    inverse = np.linalg.inv(gram)
    weights = inverse / -np.diag(inverse)
    parts = parts_of(found, "u", "d")
    assert parts.pop(None) == pytest.approx(0, abs=1e-6)
    assert parts == pytest.approx({key: weights["abcde".index(key), 3] for key in "abc"}, abs=1e-5)


def test_paths_by_hand(films):
    found = explain(Popularity().fit(films), films, [("u", "d")])
    paths = {row.value: row for row in found.paths.itertuples()}
    assert set(paths) == {"SciFi", "Epic"}
    assert paths["SciFi"].because == ["a", "b"]
    assert paths["SciFi"].count == 2
    assert paths["SciFi"].share == pytest.approx(2 / 3)
    assert paths["Epic"].because == ["b"]
    assert list(found.paths.attribute.unique()) == ["Genre"]
    assert found.words.text.tolist() == ["because of Alien and Blade: both Genre SciFi"]
    assert str(found) == "u <- d: because of Alien and Blade: both Genre SciFi"


def test_the_words_name_what_brings_most():
    took = [("u", "a"), ("u", "b")]
    data = dataset_from_frames(pd.DataFrame([*took, ("v", "c")], columns=["user_id", "item_id"]))
    fitted = ItemKNN(neighbours=2).fit(data)
    assert explain(fitted, data, [("v", "a")]).words.text.tolist() == ["suits you by all that is known of you"]
    assert explain(fitted, data, [("u", "b")]).words.text.tolist() == ["because of a"]


def test_lists_can_be_given_as_they_are(films):
    fitted = ItemKNN(neighbours=3).fit(films)
    frame = recommend(fitted, films, ["u", "w"], k=2)
    found = explain(fitted, films, frame)
    assert list(zip(found.words.user, found.words.item, strict=True)) == list(
        zip(frame.user, frame.item, strict=True)
    )
    np.testing.assert_allclose(found.words.score, frame.score, rtol=1e-6)


@pytest.mark.parametrize("options", [{"exclude_seen": False}, {"k": 8}, {"include": ["Item-00001", "Item-00002"]}])
def test_lists_of_hybrids_keep_the_scores_that_depend_on_the_list(options):
    data = random_data(30, 25)
    fitted = RankFusion(parts=[{"kind": "spectral", "dim": 4}, {"kind": "ease"}], depth=3).fit(data)
    frame = recommend(fitted, data, data.users.keys.to_pylist(), **options)
    assert explain(fitted, data, frame).words.score.tolist() == frame.score.tolist()
    ours = explain(fitted, data, frame[["user", "item"]]).words.score.tolist()
    assert explain(fitted, data, frame.assign(model="other")).words.score.tolist() == ours


def test_no_pairs(films):
    found = explain(Popularity().fit(films), films, [])
    assert [len(frame) for frame in (found.parts, found.paths, found.words)] == [0, 0, 0]


def test_what_cannot_be_explained(films):
    fitted = Popularity().fit(films)
    with pytest.raises(ArgumentError, match="pairs"):
        explain(fitted, films, ["u"])
    with pytest.raises(ArgumentError, match="columns"):
        explain(fitted, films, pd.DataFrame({"user": ["u"]}))
    with pytest.raises(UnknownKeyError, match="nobody"):
        explain(fitted, films, [("nobody", "a")])
    with pytest.raises(UnknownKeyError, match="nothing"):
        explain(fitted, films, [("u", "nothing")])
    with pytest.raises(ArgumentError, match="`model` must be a fitted model"):
        explain(Popularity(), films, [("u", "a")])
    with pytest.raises(ArgumentError, match="`data` must be a Dataset"):
        explain(fitted, pd.DataFrame(), [("u", "a")])
    with pytest.raises(ModelError, match="items of `data`"):
        explain(fitted, random_data(5, 4), [("u", "a")])


def test_keys_are_what_they_were_beside_missing_ones() -> None:
    big = 2**53 + 1
    schema = GraphSchema(user=Node("User", "id"), item=Node("Item", "id"), interactions=[Interaction("TOOK")])
    took = pd.DataFrame({"source": [1, 1, 2, 2], "target": [big, 7, big, 8]})
    data = dataset_from_frames(took, schema=schema)
    found = explain(Spectral(dim=2).fit(data), data, [(1, 8)])
    assert found.parts["because"].tolist() == [None, big, 7]
    assert all(type(key) is int for key in found.parts["because"][1:])
    assert found.parts[["user", "item", "score", "part"]].dtypes.map(str).tolist() == ["int64"] * 2 + ["float64"] * 2
