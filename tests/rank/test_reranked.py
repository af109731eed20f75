from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from candidates import drawn, knowing, lists
from scorers import Scores, Vectors, nodes

from graphrec import Dataset, dataset_from_frames, evaluate, recommend
from graphrec.errors import ArgumentError, ModelError
from graphrec.models import ItemKNN, Popularity
from graphrec.rank.calibrated import Calibrated
from graphrec.rank.explore import Explore
from graphrec.rank.exposure import ExposureCap
from graphrec.rank.mmr import MMR
from graphrec.rank.popularity_penalty import PopularityPenalty
from graphrec.rank.rerank import Candidates
from graphrec.rank.reranked import Reranked, candidates_for, rerank_steps, reranked
from graphrec.schema import Attribute, GraphSchema, Interaction, Node

if TYPE_CHECKING:
    from graphrec.rank.rerank import Rerank

STEPS: list[Rerank] = [
    MMR(share=0.4),
    MMR(share=0.4, by="HAS_GENRE"),
    Calibrated(attribute="HAS_GENRE", strength=0.5),
    PopularityPenalty(strength=0.5),
    ExposureCap(share=0.2),
    Explore(share=0.3),
]


@pytest.fixture(scope="module")
def films() -> Dataset:
    """40 users with some of 150 films, most of which have genres."""
    generator = np.random.default_rng(0)
    users, items = np.nonzero(generator.random((40, 150)) < 0.12)
    pairs = [(i, f"g{g}") for i in range(140) for g in generator.choice(6, generator.integers(1, 4), replace=False)]
    return dataset_from_frames(
        pd.DataFrame({"user_id": users, "item_id": items}),
        schema=GraphSchema(
            interactions=[Interaction("SAW")],
            attributes=[
                Attribute("HAS_GENRE", to=Node("Genre", key="name")),
                Attribute("LIVES_IN", to=Node("City", key="name"), of="user"),
            ],
        ),
        nodes={"User": pd.DataFrame({"user_id": range(40)}), "Item": pd.DataFrame({"item_id": range(150)})},
        edges={"HAS_GENRE": pd.DataFrame(pairs, columns=["item_id", "name"])},
    )


@pytest.fixture(scope="module")
def model(films: Dataset) -> Vectors:
    generator = np.random.default_rng(1)
    vectors = [generator.normal(size=(len(table), 5)).astype(np.float32) for table in (films.users, films.items)]
    return Vectors(films.users, films.items, *vectors, fold_in_vectors=vectors[1])


def by_user(frame: pd.DataFrame, column: str = "item") -> dict[Any, list[Any]]:
    return {user: part[column].tolist() for user, part in frame.groupby("user", sort=False)}


@pytest.mark.parametrize("step", STEPS, ids=str)
def test_lists_are_of_eligible_items_with_the_models_own_scores(films: Dataset, model: Vectors, step: Rerank) -> None:
    users, whole = list(range(40)), by_user(recommend(model, films, list(range(40)), 150))
    scores = recommend(model, films, users, 150).set_index(["user", "item"])["score"]
    frame = recommend(model, films, users, 10, rerank=[step], depth=60)
    assert ("explored" in frame) == isinstance(step, Explore)
    seen = films.seen().toarray() > 0
    for user, part in frame.groupby("user"):
        assert part["rank"].tolist() == list(range(1, 11))
        assert set(part["item"]) <= set(whole[user][:60])
        assert not seen[int(user), part["item"]].any()
        np.testing.assert_array_equal(part["score"], [scores[user, item] for item in part["item"]])
    assert by_user(frame) != {user: items[:10] for user, items in whole.items()}
    only = recommend(model, films, [3], 10, rerank=step, include=list(range(0, 150, 3)), where={"HAS_GENRE": "g1"})
    assert set(only["item"]) <= set(range(0, 150, 3)) - set(np.flatnonzero(seen[3]))


def test_what_a_step_does_in_a_call_is_what_it_does_to_lists(films: Dataset, model: Vectors) -> None:
    steps = rerank_steps([PopularityPenalty(strength=0.3), MMR(share=0.4, by="HAS_GENRE"), Explore(share=0.2)])
    frame = recommend(model, films, list(range(40)), 10, rerank=steps, depth=50)
    best = model.lists if hasattr(model, "lists") else None
    assert best is None
    found = Reranked(model, steps, films, 50).lists(np.arange(40), 10, hidden=films.seen())
    assert by_user(frame) == dict(enumerate(lists(found)))  # type: ignore[arg-type]
    unwrapped = recommend(Reranked(model, steps, films, 50), films, list(range(40)), 10)
    pd.testing.assert_frame_equal(unwrapped, frame)
    assert 0.1 < frame["explored"].mean() < 0.3


def test_later_steps_build_on_earlier_ones() -> None:
    best = drawn(10, 40, 30)
    counts, vectors = np.arange(40.0), np.random.default_rng(0).normal(size=(40, 4))
    known = knowing(10, popularity=counts, vectors=vectors)
    penalty, nothing = PopularityPenalty(strength=50), MMR(share=0)
    expected = [sorted(rows)[:5] for rows in best.rows.tolist()]  # the least popular
    for steps in ((penalty,), (penalty, nothing), (nothing, penalty)):
        assert lists(reranked(best, 5, steps, known)) == expected
    assert lists(reranked(best, 5, (), known)) == best.rows[:, :5].tolist()


def test_new_users_older_models_and_models_without_vectors(films: Dataset, model: Vectors) -> None:
    steps = [Calibrated(attribute="HAS_GENRE", strength=0.9)]
    plain = recommend(model, films, [[1, 2, 3], [5]], 5, depth=40, rerank=[MMR(share=0)])
    frame = recommend(model, films, [[1, 2, 3], [5]], 5, depth=40, rerank=steps)
    assert by_user(frame) != by_user(plain)
    assert not set(frame[frame["user"] == 0]["item"]) & {1, 2, 3}
    scorer = Scores(films.users, films.items, np.asarray(model.score(np.arange(40)), np.float32))
    expected = by_user(recommend(model, films, [3, 4], 5, rerank=STEPS[2]))
    assert by_user(recommend(scorer, films, [3, 4], 5, rerank=STEPS[2])) == expected
    with pytest.raises(
        ArgumentError,
        match=r"`by` must be an attribute for a model without vectors. Got 'vectors'. Known: 'HAS_GENRE'",
    ):
        recommend(scorer, films, [3], 5, rerank=MMR(share=0.5))
    older = Vectors(
        nodes("User", list(range(30))),
        nodes("Item", list(range(100))),
        model.user_vectors[:30],
        model.item_vectors[:100],
    )
    old = recommend(older, films, [3, 39], 8, rerank=STEPS[1], on_unknown="fallback")
    assert by_user(old, "path") == {3: ["vector"] * 8, 39: ["popularity"] * 8}
    assert max(by_user(old)[3]) < 100


def test_a_cap_is_over_all_lists_of_a_call_or_refused(films: Dataset, model: Vectors) -> None:
    for users in ([3, 4, 5], [[1, 2], [5]]):
        frame = recommend(model, films, users, 5, rerank=ExposureCap(count=1))
        assert frame["item"].is_unique
    cap = Reranked(model, ExposureCap(count=1), films)
    for given, rerank in ((model, [MMR(share=0.3), ExposureCap(count=1)]), (cap, None)):
        with pytest.raises(ArgumentError, match=r"'exposure-cap' where keys and new users .* two calls"):
            recommend(given, films, [3, [1, 2]], 5, rerank=rerank)
    assert len(recommend(model, films, [3, [1, 2]], 5, rerank=MMR(share=0.3))) == 10


def test_few_candidates(films: Dataset, model: Vectors) -> None:
    few = {"include": [0, 1, 2, 3]}
    for step in STEPS:
        frame = recommend(model, films, list(range(40)), 10, rerank=step, **few)
        plain = recommend(model, films, list(range(40)), 10, **few)
        if not isinstance(step, ExposureCap):
            assert {u: sorted(i) for u, i in by_user(frame).items()} == {
                u: sorted(i) for u, i in by_user(plain).items()
            }
    assert recommend(model, films, [3], 10, rerank=STEPS[0], include=[]).empty
    assert recommend(model, films, [], 10, rerank=STEPS[5]).columns[-1] == "explored"
    assert len(recommend(model, films, [3], 10**6, rerank=STEPS[0], exclude_seen=False)) == 150


def test_reranked_is_evaluated_beside_its_model(films: Dataset) -> None:
    split = films.split("random")
    generator = np.random.default_rng(1)
    vectors = [generator.normal(size=(len(table), 5)).astype(np.float32) for table in (films.users, films.items)]
    model = Vectors(films.users, films.items, *vectors, fingerprint=split.train.fingerprint)
    same, other = Reranked(model, MMR(share=0), split.train, name="same"), Reranked(model, STEPS[1], split.train)
    assert other.name == "vectors + mmr(share=0.4, by='HAS_GENRE')"
    found = evaluate([model, same, other], split, ["ndcg@20", "coverage@20"])
    values = found.frame().set_index(["model", "metric"])["value"]
    assert values["same", "ndcg@20"] == values["vectors", "ndcg@20"] != values[other.name, "ndcg@20"]
    model.fingerprint = "other"
    with pytest.raises(ModelError, match=r"must be fitted on split.train"):
        evaluate([Reranked(model, STEPS[1], split.train)], split)


def test_whom_the_model_knows_nothing_of_has_an_empty_list_that_counts_in_no_cap(films: Dataset) -> None:
    split = films.split("cold-users", test=0.5, validation=0)
    model = ItemKNN().fit(split.train)
    found = evaluate([model, Reranked(model, STEPS[1], split.train, name="other")], split, ["hit@20"])
    assert (found.frame()["value"] == 0).all()
    assert [note for note in found.notes if "knows nothing of 20 of the users" in note][1].startswith("other")
    lists = Reranked(model, ExposureCap(share=0.5), split.train).lists(np.arange(40), 3)
    assert np.bincount(lists.rows[lists.rows >= 0]).max() <= 10, "half of the lists that are there"


def test_reranked_wants_the_data_of_its_model(films: Dataset, model: Vectors) -> None:
    other = Vectors(nodes("User", [1]), films.items, model.user_vectors[:1], model.item_vectors)
    with pytest.raises(ModelError, match=r"`data` must have the users of the model 'vectors'. Got others"):
        Reranked(other, STEPS[0], films)
    found = Reranked(model, STEPS[0], films).lists(np.array([3]), 200)
    assert found.rows.shape == (1, 200)
    assert (found.rows >= 0).sum() == 150
    assert np.isneginf(found.scores[0, 150:]).all()
    np.testing.assert_array_equal(Reranked(model, STEPS[0], films).score(np.array([3])), model.score(np.array([3])))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ("mmr", "`rerank` must be a list of steps, such as .* Got 'mmr'"),
        (3, "`rerank` must be a list of steps"),
        (
            [{"kind": "mrm", "share": 0.3}],
            "`rerank` must have a known kind in each step, as in .* Got 'mrm'. Did you mean 'mmr'",
        ),
        ([{"share": 0.3}], "`rerank` must have a known kind in each step, as in .* Got None"),
        (["mmr"], r"in each step, as in {'kind': 'mmr', 'share': 0.3}. Got 'mmr'. Known: 'calibrated'"),
        ([MMR], "`rerank` must have a known kind in each step, as in .* Got <class"),
        ([{"kind": ["mmr"]}], r"`rerank` must have a known kind in each step, as in .* Got \['mmr'\]"),
        ([{"kind": "mmr", "share": 0.3, 1: 2}], "`1` is not a field of MMR"),
        ([{"kind": "mmr", "shares": 0.3}], "`shares` is not a field of MMR"),
        ([{"kind": "mmr"}], "^`share` must be given: MMR has no default for it"),
        ([ExposureCap(count=3), MMR(share=0.1)], "`rerank` must have 'exposure-cap' as its last step"),
    ],
)
def test_impossible_steps_are_refused(films: Dataset, model: Vectors, given: Any, match: str) -> None:
    with pytest.raises(ArgumentError, match=match):
        recommend(model, films, [3], rerank=given)


def test_a_model_that_is_reranked_already_has_its_steps_first(films: Dataset, model: Vectors) -> None:
    first, second = PopularityPenalty(strength=0.9), MMR(share=0.5)
    nested = Reranked(Reranked(model, first, films, depth=30), second, films)  # type: ignore[arg-type]  # one step
    assert (nested.model, nested.steps, nested.depth) == (model, (first, second), 30)
    assert nested.name == f"{model.name} + {first} + {second}"
    users = films.users.keys.to_pylist()
    expected = recommend(model, films, users, 7, rerank=[first, second], depth=30)
    pd.testing.assert_frame_equal(recommend(nested, films, users, 7), expected)
    with pytest.raises(ArgumentError, match="last step"):
        Reranked(Reranked(model, (ExposureCap(count=3),), films), (second,), films)
    with pytest.raises(ArgumentError, match=r"`depth` must be a whole number of at least k=1. Got 0"):
        Reranked(model, (second,), films, depth=0)


def test_steps_come_from_tables() -> None:
    assert rerank_steps(None) == rerank_steps([]) == ()
    assert rerank_steps({"kind": "mmr", "share": 0.3}) == rerank_steps(MMR(share=0.3)) == (MMR(share=0.3),)
    assert rerank_steps([{"kind": "explore", "share": 0.1}, ExposureCap(count=2)])[1] == ExposureCap(count=2)


def test_popular_is_what_has_most_relationships_as_in_a_graph() -> None:
    """One user bought and viewed a, two bought b: both have two."""
    schema = GraphSchema(interactions=[Interaction("BOUGHT", target=True), Interaction("VIEWED", target=True)])
    bought = pd.DataFrame({"user_id": [1, 2, 3], "item_id": ["a", "b", "b"]})
    data = dataset_from_frames(bought, schema=schema, edges={"VIEWED": bought[:1]})
    vectors = Vectors(data.users, data.items, np.ones((3, 1), np.float32), np.float32([[2], [1]]))
    frame = recommend(vectors, data, [1], exclude_seen=False, rerank=PopularityPenalty(strength=9))
    assert data.items.keys.to_pylist() == frame["item"].tolist() == ["a", "b"]


def test_only_fitted_models_and_datasets(films: Dataset, model: Vectors) -> None:
    with pytest.raises(ArgumentError, match="`model` must be a fitted model"):
        Reranked(Popularity(), (), films)  # type: ignore[arg-type]
    with pytest.raises(ArgumentError, match="`data` must be a Dataset"):
        Reranked(model, (), pd.DataFrame())  # type: ignore[arg-type]


def test_attributes_that_items_do_not_have_are_refused(films: Dataset, model: Vectors) -> None:
    for step in (MMR(share=0.5, by="HAS_GENRES"), Calibrated(attribute="HAS_GENRES", strength=0.5)):
        with pytest.raises(
            ArgumentError, match=r"`rerank` must name attributes of items. Got 'HAS_GENRES'. Did you mean 'HAS_GENRE'"
        ):
            recommend(model, films, [3], rerank=step)
    with pytest.raises(ArgumentError, match=r"`rerank` must name attributes of items. Got 'LIVES_IN'"):
        recommend(model, films, [3], rerank=MMR(share=0.5, by="LIVES_IN"))


def test_how_many_candidates(films: Dataset, model: Vectors) -> None:
    assert [candidates_for(k, None) for k in (1, 20, 30)] == [100, 100, 150]
    assert candidates_for(5, 5) == 5
    for depth in (9, 10.5, True, "many"):
        with pytest.raises(ArgumentError, match="`depth` must be a whole number of at least k=10"):
            recommend(model, films, [3], 10, rerank=STEPS[0], depth=depth)  # type: ignore[arg-type]


def test_all_steps_keep_every_candidate_but_a_cap() -> None:
    best = drawn(20, 50, 30, short=True)
    generator = np.random.default_rng(0)
    known = knowing(
        20,
        vectors=generator.normal(size=(50, 4)),
        popularity=np.arange(50.0),
        histories=generator.random((20, 50)) < 0.1,
        attribute=generator.random((50, 6)) < 0.3,
    )
    for step in STEPS:
        found = step.apply(Candidates.of(best), 10, known)
        if not isinstance(step, ExposureCap):
            assert [sorted(rows) for rows in lists(found)] == [
                sorted(row for row in rows if row >= 0) for rows in best.rows.tolist()
            ]
