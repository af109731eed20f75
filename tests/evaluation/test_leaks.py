"""Leaks planted in the graph, in the features and in the negatives are caught."""

from __future__ import annotations

import warnings
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
from interactions import communities, dataset_of

from graphrec import Attribute, GraphSchema, Interaction, Node, dataset_from_frames, evaluate
from graphrec.data.split import HeldOut
from graphrec.errors import DataError, GraphRecWarning, ModelError
from graphrec.evaluation.leaks import check_split, shadows
from graphrec.models import Fusion, LightGCN, Popularity, SoftmaxGCN, Spectral
from graphrec.train.sampling import BPRBatches

if TYPE_CHECKING:
    from graphrec import Dataset
    from graphrec.data.split import Split

PARTS = [{"kind": "spectral", "dim": 4}, {"kind": "softmax-gcn", "dim": 4, "epochs": 2}]
BOUGHT = Interaction("BOUGHT", target=True)
USER, ITEM = Node("User", "user_id"), Node("Item", "item_id")


def bought(seed: int = 0) -> pd.DataFrame:
    users, items = np.nonzero(communities(seed))
    return pd.DataFrame({"user_id": [f"u{u:02}" for u in users], "item_id": [f"i{i:02}" for i in items]})


def with_edges(schema: GraphSchema, **edges: pd.DataFrame) -> Dataset:
    return dataset_from_frames(bought(), schema=schema, edges=edges)


def planted(split: Split, pairs: HeldOut, count: int = 1, name: str = "INTERACTED") -> Split:
    """Put held-out pairs back into the training graph."""
    edge = split.train.edges[name]
    users, items = (rows[:count].astype(np.int64) for rows in pairs.matrix.tocoo().coords)
    if edge.source == split.train.items.label:
        users, items = items, users
    more = replace(
        edge,
        source_rows=np.append(edge.source_rows, users),
        target_rows=np.append(edge.target_rows, items),
        weight=None if edge.weight is None else np.append(edge.weight, np.ones(count)),
        time=None if edge.time is None else np.append(edge.time, np.zeros(count, np.int64)),
    )
    return replace(split, train=split.train.with_edges({name: more}))


# ---------------------------------------------------------------- in the graph that is propagated over


def test_a_model_fitted_on_the_test_edges_is_refused() -> None:
    data = dataset_of(communities())
    split = data.split("random", seed=0)
    for model in (Popularity(), LightGCN(dim=4, epochs=1), Spectral(dim=4), Fusion(parts=PARTS)):
        with pytest.raises(
            ModelError, match=r"must be fitted on split.train. It was fitted on other data, which may"
        ):
            evaluate(model.fit(data, progress=False), split)
        evaluate({"same": model.fit(split.train, progress=False)}, split, on="validation")


@pytest.mark.parametrize("part", ["validation", "test"])
@pytest.mark.parametrize("on", ["validation", "test"])
def test_one_test_edge_in_the_training_graph_is_refused(part: str, on: str) -> None:
    split = dataset_of(communities()).split("random", seed=0)
    leaking = planted(split, getattr(split, part))
    model = Popularity().fit(leaking.train)  # its fingerprint is that of the tampered train
    with pytest.raises(DataError, match=rf"`split.{part}` must not share pairs with INTERACTED of `split.train`"):
        evaluate(model, leaking, on=on)


def test_the_message_counts_and_shows_the_pairs() -> None:
    split = dataset_of(communities()).split("random", seed=0)
    pair = tuple(split.test.frame().iloc[0])
    with pytest.raises(DataError, match=r"Got 3 shared, such as .*Make the parts with `data.split`") as error:
        check_split(planted(split, split.test, 3))
    assert str(pair) in str(error.value)


def test_parts_that_share_pairs_are_refused() -> None:
    split = dataset_of(communities()).split("random", seed=0)
    with pytest.raises(DataError, match=r"`split.test` must not share pairs with `split.validation`"):
        check_split(replace(split, validation=split.test))
    check_split(split)
    check_split(replace(split, validation=None))


# ---------------------------------------------------------------- in the features


@pytest.mark.parametrize("way", ["interaction", "attribute of users", "attribute of items"])
def test_a_feature_that_repeats_held_out_pairs_leaves_train_with_them(way: str) -> None:
    """The same pairs again as a click, or as a description, whichever way it points."""
    frame = bought()
    schema, again = {
        "interaction": ({"interactions": [BOUGHT, Interaction("AGAIN")]}, frame),
        "attribute of users": ({"attributes": [Attribute("AGAIN", ITEM, of="user")]}, frame),
        "attribute of items": ({"attributes": [Attribute("AGAIN", USER)]}, frame[["item_id", "user_id"]]),
    }[way]
    again = again.set_axis(["source", "target"], axis=1)
    data = with_edges(GraphSchema(user=USER, item=ITEM, **{"interactions": [BOUGHT]} | schema), AGAIN=again)
    split = data.split("random", seed=0)
    held = split.test.n_pairs + (split.validation.n_pairs if split.validation else 0)
    assert len(split.train.edges["AGAIN"]) == len(frame) - held
    said = f"{held:,} AGAIN relationships between held-out pairs left train."
    assert (said in split.notes) == (way != "interaction")
    check_split(split)
    leaking = planted(split, split.test, name="AGAIN")
    with pytest.raises(DataError, match=r"must not share pairs with AGAIN of `split.train`"):
        evaluate(Popularity().fit(leaking.train), leaking)


def shadowed(schema: Attribute, rows: pd.DataFrame) -> Split:
    data = with_edges(GraphSchema(user=USER, item=ITEM, interactions=[BOUGHT], attributes=[schema]), LIKES=rows)
    return data.split("random", seed=0)


def likes(rows: pd.DataFrame) -> pd.DataFrame:
    """A tag for each item that all its buyers bear, under names of its own."""
    return pd.DataFrame({"source": rows["user_id"], "target": "likes " + rows["item_id"]})


def test_attributes_made_from_all_interactions_are_noticed() -> None:
    of_user = Attribute("LIKES", Node("Taste", "name"), of="user")
    split = shadowed(of_user, likes(bought()))
    model = Popularity().fit(split.train)
    with pytest.warns(GraphRecWarning, match="LIKES looks as if it was made from held-out pairs, a leak"):
        found = evaluate(model, split)
    assert f"gives away {split.test.n_pairs} of {split.test.n_pairs}" in found.notes[-1]
    assert "note: LIKES" in str(found)
    of_item = shadowed(Attribute("LIKES", Node("Fan", "name")), bought().set_axis(["target", "source"], axis=1))
    assert "LIKES looks as if" in shadows(of_item, of_item.test)[0]


def test_attributes_made_from_the_test_part_alone_are_noticed() -> None:
    of_user = Attribute("LIKES", Node("Taste", "name"), of="user")
    test = shadowed(of_user, likes(bought())).test.frame()
    split = shadowed(of_user, likes(test))
    assert f"gives away {split.test.n_pairs} of {split.test.n_pairs}" in shadows(split, split.test)[0]


def test_honest_attributes_raise_no_alarm() -> None:
    of_user = Attribute("LIKES", Node("Taste", "name"), of="user")
    frame = bought()
    first = shadowed(of_user, likes(frame))
    train = first.train.frame("BOUGHT").rename(columns={"source": "user_id", "target": "item_id"})
    users = sorted(frame["user_id"].unique())
    group = [f"group {int(user[1:]) % 4}" for user in users]  # what decides taste, and rightly so
    honest = {
        "from train": likes(train),
        "group": pd.DataFrame({"source": users, "target": group}),
        "one each": pd.DataFrame({"source": users, "target": [f"mail of {user}" for user in users]}),
        "none": pd.DataFrame({"source": [], "target": []}, dtype=str),
    }
    for rows in honest.values():
        split = shadowed(of_user, rows)
        assert split.test.frame().equals(first.test.frame())
        assert shadows(split, split.test) == ()
        one = replace(split, test=replace(split.test, matrix=single(split.test.matrix)))  # one pair a user
        assert shadows(one, one.test) == ()


def single(matrix: sp.csr_array) -> sp.csr_array:
    dense = matrix.toarray()
    dense[np.cumsum(dense, axis=1) > 1] = 0
    return sp.csr_array(dense)


# ---------------------------------------------------------------- in the negatives


def test_held_out_items_are_drawn_as_negatives_as_often_as_any_other() -> None:
    """A sampler that knew the test part would leave its items out, and every item it leaves out would be a hit."""
    split = dataset_of(communities()).split("random", seed=0, test=0.3)
    known = split.train.interactions()
    batches = BPRBatches(known, 512, seed=0)
    users = np.flatnonzero(np.diff(known.indptr))
    drawn = np.repeat(users, 400)
    negatives = batches.negatives(drawn)
    held_out = split.test.matrix.toarray() > 0
    share = held_out[drawn, negatives].mean()
    expected = (held_out[users].sum(1) / (known.shape[1] - np.diff(known.indptr)[users])).mean()
    deviation = np.sqrt(expected * (1 - expected) / len(drawn))
    assert abs(share - expected) < 5 * deviation
    knowing = BPRBatches((known + split.test.matrix).tocsr(), 512, seed=0)
    leaked = held_out[drawn, knowing.negatives(drawn)].mean()
    assert abs(leaked - expected) > 5 * deviation, "this test would see it"


@pytest.mark.parametrize(
    "model",
    [LightGCN(dim=4, epochs=2), Spectral(dim=4), SoftmaxGCN(dim=4, epochs=2), Fusion(parts=PARTS, dim=3)],
    ids=lambda model: model.kind,
)
def test_training_reads_nothing_but_train(model: Any) -> None:
    """Two splits with one train and different test parts give the same model, bit for bit."""
    split = dataset_of(communities()).split("random", seed=0, validation=0)
    one = model.fit(split.train, progress=False)
    other = replace(split, test=HeldOut(split.test.users, split.test.items, split.test.matrix[::-1]))
    two = model.fit(other.train, progress=False)
    assert np.array_equal(one.item_vectors, two.item_vectors)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        evaluate(one, split)


def test_a_training_that_the_test_part_steered_is_told() -> None:
    split = dataset_of(communities()).split("random")
    model = LightGCN(dim=4, epochs=2).fit(split.train, validation=split.test, progress=False)
    with pytest.warns(GraphRecWarning, match="The test part steered the training of LightGCN, so figures are too"):
        found = evaluate(model, split)
    assert any("steered" in note for note in found.notes)
    assert not evaluate(model, split, on="validation").notes
    split = dataset_of(communities()).split("random")
    model = LightGCN(dim=4, epochs=2).fit(split.train, validation=split.validation, progress=False)
    assert not evaluate(model, split).notes
