from __future__ import annotations

from dataclasses import replace
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from interactions import communities, dataset_of
from scorers import Scores, Vectors, nodes

from graphrec import GraphSchema, Interaction, dataset_from_frames
from graphrec.data.split import HeldOut, Split
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, ModelError, UnknownKeyError
from graphrec.evaluation.evaluate import evaluate
from graphrec.models import ItemKNN, Popularity, Spectral

if TYPE_CHECKING:
    from typing import Any

    from graphrec import Dataset

USERS, ITEMS = "uvwx", "abcdef"


def pairs(*lists: str) -> pd.DataFrame:
    rows = [(user, item) for user, items in zip(USERS, lists, strict=True) for item in items]
    return pd.DataFrame(rows, columns=["user_id", "item_id"])


def held_out(data: Dataset, *lists: str) -> HeldOut:
    matrix = np.array([[item in items for item in ITEMS] for items in lists], np.float32)
    return HeldOut(data.users, data.items, sp.csr_array(matrix))


@pytest.fixture
def split() -> Split:
    """User u has a, v has b, w has c, x has d; u and w viewed f. Validation and test by hand; x has no test pair."""
    schema = GraphSchema(interactions=[Interaction("BOUGHT", target=True), Interaction("VIEWED")])
    everything = {"User": pd.DataFrame({"user_id": list(USERS)}), "Item": pd.DataFrame({"item_id": list(ITEMS)})}
    train = dataset_from_frames(
        pairs("a", "b", "c", "d"), schema=schema, nodes=everything, edges={"VIEWED": pairs("f", "", "f", "")}
    )
    test = held_out(train, "bc", "c", "e", "")
    return Split(train, held_out(train, "e", "a", "", "a"), test, "by hand", ("a note",))


@pytest.fixture
def alphabet(split: Split) -> Vectors:
    """Likes a best and f least, whoever asks."""
    items = np.float32([[6], [5], [4], [3], [2], [1]])
    return Vectors(split.train.users, split.train.items, np.ones((4, 1), np.float32), items, name="alphabet")


@pytest.fixture
def backwards(alphabet: Vectors) -> Vectors:
    return replace(alphabet, user_vectors=-alphabet.user_vectors, name="backwards")


def values(models: Any, split: Split, *metrics: str, **options: Any) -> list[float]:
    return evaluate(models, split, metrics, **options).frame()["value"].tolist()


def test_lists_by_hand(split: Split, alphabet: Vectors) -> None:
    # hidden for u: a, f, e; for v: b, a; for w: c, f. Lists: u bcd, v cdef, w abde
    metrics = ["recall@1", "recall@2", "hit@1", "mrr@9", "precision@4", "ndcg@2", "coverage@1", "coverage@9"]
    found = evaluate(alphabet, split, metrics).per_user
    assert found["user"].tolist() == ["u", "v", "w"], "x has no pair and does not count"
    assert found["recall@1"].tolist() == [1 / 2, 1, 0]
    assert found["recall@2"].tolist() == [1, 1, 0]
    assert found["mrr@9"].tolist() == [1, 1, 1 / 4]
    assert found["precision@4"].tolist() == [2 / 4, 1 / 4, 1 / 4]
    assert found["ndcg@2"].tolist() == pytest.approx([1, 1, 0])
    assert "coverage@1" not in found
    assert values(alphabet, split, *metrics) == pytest.approx(
        [1 / 2, 2 / 3, 2 / 3, 3 / 4, 1 / 3, 2 / 3, 3 / 6, 6 / 6]
    )


def test_validation_hides_train_alone(split: Split, alphabet: Vectors) -> None:
    # lists: u bcde, v acdef, x abcef; validation: u e, v a, x a
    assert values(alphabet, split, "mrr@9", on="validation") == pytest.approx([(1 / 4 + 1 + 1) / 3])


def test_without_validation_only_train_is_hidden(split: Split, alphabet: Vectors) -> None:
    # v gets acdef: c is at place 2
    assert values(alphabet, replace(split, validation=None), "mrr@9", users=["v"]) == [1 / 2]


def test_everything_that_hides_is_left_out(split: Split, backwards: Vectors) -> None:
    # u gets dcb, v fedc, w edba: a viewed item does not come back
    assert values(backwards, split, "mrr@9") == pytest.approx([(1 / 2 + 1 / 4 + 1) / 3])


def test_target_pairs_are_left_out_even_where_they_do_not_hide(split: Split, alphabet: Vectors) -> None:
    schema = GraphSchema(interactions=[Interaction("BOUGHT", target=True, hides=False), Interaction("VIEWED")])
    train = replace(split.train, schema=schema)
    assert values(alphabet, replace(split, train=train), "mrr@9") == pytest.approx([3 / 4])


def test_users_can_be_chosen(split: Split, alphabet: Vectors) -> None:
    found = evaluate(alphabet, split, users=["w", "x", "u"])
    assert found.per_user["user"].tolist() == ["u", "w"]
    with pytest.raises(UnknownKeyError, match="`users` must be keys of 'User'"):
        evaluate(alphabet, split, users=["nobody"])
    with pytest.raises(DataError, match=r"at least one user of `users` to judge by.* Name others"):
        evaluate(alphabet, split, users=["x"])


def test_intervals_hold_the_value_and_depend_on_the_seed() -> None:
    generator = np.random.default_rng(0)
    n = 300
    train = dataset_from_frames(pd.DataFrame({"user_id": range(n), "item_id": generator.integers(0, 40, n)}))
    known = train.interactions().toarray() > 0
    truth = sp.csr_array(((generator.random(known.shape) < 0.1) & ~known).astype(np.float32))
    model = Scores(train.users, train.items, generator.random(truth.shape, np.float32))
    split = Split(train, None, HeldOut(train.users, train.items, truth), "by hand")
    metrics = ["recall@5", "ndcg@5", "coverage@5"]
    frame = evaluate(model, split, metrics).frame().set_index("metric")
    assert ((frame["low"] < frame["value"]) & (frame["value"] < frame["high"]))[:2].all()
    assert frame.loc["coverage@5", ["low", "high"]].isna().all()
    assert (frame["n_users"] == (np.diff(truth.indptr) > 0).sum()).all()
    again, other = (evaluate(model, split, metrics, seed=seed).frame() for seed in (0, 1))
    assert again.equals(frame.reset_index()[again.columns])
    assert not other.equals(again)
    for impossible in (-1, 1.5, True):
        with pytest.raises(ArgumentError, match=f"`seed` must be a whole number of at least 0. Got {impossible}"):
            evaluate(model, split, metrics, seed=impossible)  # type: ignore[arg-type]


def test_several_models(split: Split, alphabet: Vectors, backwards: Vectors) -> None:
    scores = Scores(split.train.users, split.train.items, alphabet.score(np.arange(4)))
    found = evaluate([alphabet, backwards, scores], split, ["mrr@9", "hit@1"])
    frame = found.frame()
    assert list(frame.columns) == ["model", "metric", "value", "low", "high", "n_users"]
    assert frame["model"].tolist() == ["alphabet"] * 2 + ["backwards"] * 2 + ["scores"] * 2
    parts = [part.drop(columns="model").reset_index(drop=True) for _, part in frame.groupby("model")]
    assert parts[0].equals(parts[2]), "with and without vectors"
    for models in ({"one": alphabet, "two": alphabet}, MappingProxyType({"one": alphabet, "two": alphabet})):
        assert evaluate(models, split, ["mrr@9"]).frame()["model"].tolist() == ["one", "two"]
    with pytest.raises(ArgumentError, match=r"different names. Got 'alphabet'. Give a dictionary"):
        evaluate([alphabet, alphabet], split)
    with pytest.raises(ArgumentError, match="at least one model"):
        evaluate([], split)
    with pytest.raises(ArgumentError, match="must be fitted models"):
        evaluate("alphabet", split)  # type: ignore[arg-type]


def test_k_beyond_the_items(split: Split, alphabet: Vectors) -> None:
    assert values(alphabet, split, "recall@1000", "precision@1000") == pytest.approx([1, 4 / 3 / 1000])


def test_candidates_are_the_only_items_that_count(split: Split, alphabet: Vectors, backwards: Vectors) -> None:
    found = evaluate(alphabet, split, ["mrr@9", "recall@9", "coverage@9"], candidates=["c", "d", "e"])
    # u keeps c of b and c and gets cd (e is hidden), v gets cde, w gets de: e at place 2
    assert found.frame()["value"].tolist() == pytest.approx([(1 + 1 + 1 / 2) / 3, 1, 1])
    assert found.per_user["pairs"].tolist() == [1, 1, 1]
    assert found.protocol.startswith("test part of split by hand; 3 items ranked")
    found = evaluate(alphabet, split, ["mrr@9"], candidates=["b", "f"])
    assert found.per_user["user"].tolist() == ["u"], "only u has a pair with b or f"
    with pytest.raises(UnknownKeyError, match="`candidates` must be keys of 'Item'"):
        evaluate(alphabet, split, candidates=["z"])
    with pytest.raises(DataError, match=r"at least one user with an item of `candidates` to judge by.* Name others"):
        evaluate(alphabet, split, candidates=["f"])


def test_places_of_pairs_are_kept(split: Split, alphabet: Vectors) -> None:
    found = evaluate(alphabet, split, ["recall@1", "recall@3"])
    assert found.pairs is not None
    assert found.pairs[["user_row", "item_row", "place"]].to_numpy().tolist() == [
        [0, 1, 1],
        [0, 2, 2],
        [1, 2, 1],
        [2, 4, 0],  # e is at place 4 of w's list
    ]
    for k in (1, 3):
        hit = (found.pairs["place"] > 0) & (found.pairs["place"] <= k)
        assert hit.groupby(found.pairs["user_row"]).mean().tolist() == found.per_user[f"recall@{k}"].tolist()


def test_choosing_on_test_data_warns(split: Split, alphabet: Vectors, backwards: Vectors) -> None:
    assert "looked at for the first time" in evaluate([alphabet], split).protocol
    assert "looked at 2 times by now" in evaluate({"another name": alphabet}, split).protocol, "the same model again"
    with pytest.warns(GraphRecWarning, match=r"looked at again \(look 3\), now with other models.*on='validation'"):
        found = evaluate([alphabet, backwards], split)
    assert found.looks == 3
    evaluate(backwards, split)  # known by now
    evaluate(replace(alphabet, name="third"), split, on="validation")
    assert "looked at 2 times" in evaluate(replace(alphabet, name="fourth"), split, on="validation").protocol
    with pytest.warns(GraphRecWarning, match="look 5"):  # the part knows, whatever split it is in
        evaluate(replace(alphabet, name="fifth"), replace(split, validation=None))


def test_what_fails_is_no_look(split: Split, alphabet: Vectors) -> None:
    with pytest.raises(DataError, match="must have a rating"):
        evaluate(alphabet, split, ["rmse"])
    assert split.test.looks == []


def test_fields_of_a_model_tell_it_from_another() -> None:
    data = dataset_of(communities())
    split = data.split("random", seed=1)
    evaluate(Popularity().fit(split.train), split)
    evaluate(Popularity().fit(split.train), split)
    with pytest.warns(GraphRecWarning, match="other models"):
        evaluate(Popularity(weighted=True).fit(split.train), split)


def test_a_dataset_is_no_split(split: Split, alphabet: Vectors) -> None:
    with pytest.raises(ArgumentError, match=r"`split` must be a Split. Got 'Dataset'. Make one"):
        evaluate(alphabet, split.train)  # type: ignore[arg-type]


def test_models_of_other_data_are_refused(split: Split, alphabet: Vectors) -> None:
    fewer = replace(alphabet, items=nodes("Item", list("abcde")), item_vectors=alphabet.item_vectors[:5])
    with pytest.raises(ModelError, match="'alphabet' must have the items of the split"):
        evaluate(fewer, split)
    others = replace(alphabet, users=nodes("User", list("uvwy")))
    with pytest.raises(ModelError, match="'alphabet' must have the users of the split"):
        evaluate(others, split)


def test_leaks_are_refused(split: Split, alphabet: Vectors) -> None:
    alphabet.fingerprint = split.train.fingerprint
    evaluate(alphabet, split)
    alphabet.fingerprint = "that of all the data"
    with pytest.raises(ModelError, match=r"'alphabet' must be fitted on split.train"):
        evaluate(alphabet, split)


def test_the_test_part_judges_models_of_all_but_itself() -> None:
    data = dataset_of(communities())
    split = data.split("random", seed=1)
    again = Popularity().fit(split.without_test)
    value = evaluate(again, split).figures["value"]
    assert (value > 0).any()
    with pytest.raises(ModelError, match=r"must be fitted on split\.train"):
        evaluate(again, split, on="validation")
    with pytest.raises(ModelError, match=r"must be fitted on split\.train"):
        evaluate(Popularity().fit(data), split)


def test_all_but_the_test_is_made_for_models_of_it_alone() -> None:
    split = dataset_of(communities()).split("random", seed=0)
    untouched = replace(split, rest=lambda: pytest.fail("the data are split and hashed once more"))
    evaluate(Popularity().fit(split.train), untouched, ["hit@5"])


def test_scores_that_are_not_finite(split: Split, alphabet: Vectors) -> None:
    alphabet.item_vectors[2] = np.nan
    with pytest.raises(ModelError, match="'alphabet' must be finite"):
        evaluate(alphabet, split)


def test_parts_that_are_not_there(split: Split, alphabet: Vectors) -> None:
    with pytest.raises(ArgumentError, match="`on` must be 'test' for a split without a validation part"):
        evaluate(alphabet, replace(split, validation=None), on="validation")
    with pytest.raises(ArgumentError, match=r"`on` must be 'test' or 'validation'. Got 'train'"):
        evaluate(alphabet, split, on="train")
    with pytest.raises(DataError, match="must hold a pair"):
        evaluate(alphabet, replace(split, test=held_out(split.train, "", "", "", "")))
    with pytest.raises(ArgumentError, match=r"Got 'nope@3'"):
        evaluate(alphabet, split, ["nope@3"])


def test_of_whom_a_model_knows_nothing_its_list_is_empty() -> None:
    matrix = communities(1)
    later = matrix.copy()
    matrix[[3, 8]] = 0  # new since
    data = dataset_of(matrix)
    split = Split(data, None, HeldOut(data.users, data.items, sp.csr_array(np.float32(later - matrix))), "by hand")
    models = [Spectral(dim=4).fit(data), ItemKNN().fit(data), Popularity().fit(data)]
    found = evaluate(models, split, ["ndcg@40", "coverage@40"])
    figures = found.figures.set_index(["model", "metric"])["value"]
    assert figures["spectral"].tolist() == figures["item-knn"].tolist() == [0, 0]
    assert (figures["popularity"] > 0.3).all()
    assert found.notes == tuple(
        f"{name} knows nothing of 2 of the users: their lists are empty." for name in ("spectral", "item-knn")
    )


def test_more_places_than_items_cost_nothing(split: Split, alphabet: Vectors) -> None:
    metrics = [f"{kind}@{{}}" for kind in ("recall", "ndcg", "map", "mrr", "hit", "novelty", "coverage")]
    found = values(alphabet, split, *(metric.format(10**8) for metric in metrics))
    assert found == values(alphabet, split, *(metric.format(6) for metric in metrics))
    assert values(alphabet, split, "precision@1000000") == [pytest.approx(4 / 3 / 1000000)]


@pytest.mark.parametrize("none", [[], 3])
def test_no_candidates_are_refused_by_name(split: Split, alphabet: Vectors, none: Any) -> None:
    with pytest.raises(ArgumentError, match="`candidates` must hold at least one item"):
        evaluate(alphabet, split, candidates=none)
