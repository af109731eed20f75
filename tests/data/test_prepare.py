from __future__ import annotations

import math
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from interactions import communities, dataset_of

import graphrec
from graphrec.data.frames import dataset_from_frames
from graphrec.data.prepare import BM25, STEPS, TFIDF, Deduplicate, KCore, Log, MinWeight, TimeDecay, step_of, steps_of
from graphrec.errors import ArgumentError, DataError
from graphrec.models import LightGCN, Popularity, load_model
from graphrec.schema import GraphSchema, Interaction

DAY = 86_400
VIEWED_AND_BOUGHT = GraphSchema(
    interactions=[Interaction("VIEWED", weight="w", target=True), Interaction("BOUGHT", weight="w", target=True)]
)


def rows(*given: tuple[Any, ...]) -> graphrec.Dataset:
    """Interactions as (user, item, weight, time)."""
    return dataset_from_frames(pd.DataFrame(given, columns=["user_id", "item_id", "weight", "timestamp"]))


def left(data: graphrec.Dataset) -> list[tuple[Any, ...]]:
    frame = data.frame(data.schema.targets[0].type)
    return sorted(frame.itertuples(index=False, name=None), key=str)


pairs = st.lists(st.tuples(st.integers(0, 7), st.integers(0, 7)), min_size=1, max_size=50)
triples = st.lists(
    st.tuples(st.integers(0, 4), st.integers(0, 4), st.floats(0, 100), st.integers(0, 10**6)), min_size=1, max_size=40
)


# ---------------------------------------------------------------- filters


@given(pairs, st.integers(1, 4), st.integers(1, 4))
@settings(deadline=None)
def test_k_core_equals_taking_one_node_after_the_other(given_pairs: list[tuple[int, int]], users: int, items: int):
    expected = set(given_pairs)
    while True:
        of_user, of_item = Counter(u for u, _ in expected), Counter(i for _, i in expected)
        bad = next((p for p in expected if of_user[p[0]] < users or of_item[p[1]] < items), None)
        if bad is None:
            break
        expected.discard(bad)
    data = rows(*((u, i, 1.0, 0) for u, i in given_pairs))
    if not expected:
        with pytest.raises(DataError, match=f"KCore.*must leave interactions. Got none left of {len(given_pairs)}"):
            data.prepare([KCore(users=users, items=items)])
        return
    core = data.prepare([KCore(users=users, items=items)])
    assert sorted((u, i) for u, i, *_ in left(core)) == sorted(p for p in given_pairs if p in expected)
    assert core.users.keys.equals(data.users.keys)
    assert core.items.keys.equals(data.items.keys)


def test_k_core_counts_a_pair_once_over_types_and_repeats() -> None:
    frame = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "x", "y"], "w": [1.0, 2.0, 1.0]})
    bought = pd.DataFrame({"source": ["a", "b"], "target": ["x", "x"], "w": [1.0, 1.0]})
    data = dataset_from_frames(frame, schema=VIEWED_AND_BOUGHT, edges={"BOUGHT": bought})
    core = data.prepare([KCore(users=1, items=2)])
    assert [len(core.edges[name]) for name in ("VIEWED", "BOUGHT")] == [2, 2]
    with pytest.raises(DataError, match="none left of 5"):
        data.prepare([KCore(users=2, items=2)])


def test_min_weight_keeps_what_is_not_below() -> None:
    data = rows(("a", "x", 3.0, 0), ("a", "y", 2.9, 0), ("b", "y", 1.0, 0))
    assert [row[:2] for row in left(data.prepare([MinWeight(weight=3.0)]))] == [("a", "x")]
    assert len(left(data.prepare([MinWeight(weight=1.0)]))) == 3
    plain = dataset_from_frames(pd.DataFrame({"user_id": ["a"], "item_id": ["x"]}))
    assert len(left(plain.prepare([MinWeight(weight=1.0)]))) == 1  # no weight is weight 1
    with pytest.raises(DataError, match="none left of 1"):
        plain.prepare([MinWeight(weight=2.0)])


@given(triples, st.sampled_from(["last", "first", "sum", "max", "mean"]))
@settings(deadline=None)
def test_deduplicate_equals_a_loop(given_rows: list[tuple[Any, ...]], keep: str) -> None:
    of_pair: dict[tuple[int, int], list[tuple[int, float]]] = {}
    for user, item, weight, time in given_rows:
        of_pair.setdefault((user, item), []).append((time, weight))
    merge = {
        "last": lambda r: max(r),
        "first": lambda r: min(r),
        "sum": lambda r: (max(r)[0], math.fsum(w for _, w in r)),
        "max": lambda r: (max(r)[0], max(w for _, w in r)),
        "mean": lambda r: (max(r)[0], math.fsum(w for _, w in r) / len(r)),
    }[keep]
    made = rows(*given_rows).prepare([Deduplicate(keep=keep)])
    found = {row[:2]: (row[3], row[2]) for row in left(made)}
    assert len(left(made)) == len(of_pair)
    for pair, those in of_pair.items():
        time, weight = merge(those)
        assert found[pair] == (time, pytest.approx(weight, rel=1e-12, abs=1e-12))


def test_deduplicate_needs_times_for_the_last_only() -> None:
    data = dataset_from_frames(pd.DataFrame({"user_id": [1, 1, 2], "item_id": [1, 1, 2], "weight": [1.0, 4.0, 1.0]}))
    with pytest.raises(DataError, match=r"`keep` must not depend on time where 'INTERACTED' is undated.*Take 'sum'"):
        data.prepare([Deduplicate()])
    assert data.prepare([Deduplicate(keep="sum")]).interactions(weighted=True).data.tolist() == [5, 1]
    single = dataset_from_frames(pd.DataFrame({"user_id": [1, 2], "item_id": [1, 2]}))
    assert single.prepare([Deduplicate()]).fingerprint == single.fingerprint


# ---------------------------------------------------------------- weights


def loop(step: Any, matrix: Any) -> Any:
    """Weigh a dense matrix entry by entry."""
    result = np.zeros_like(matrix)
    lengths = matrix.sum(1)
    active = [u for u in range(len(matrix)) if (matrix[u] > 0).any()]
    n, mean = len(active), lengths.sum() / max(len(active), 1)
    for u, i in zip(*np.nonzero(matrix), strict=True):
        w, df = matrix[u, i], sum(matrix[v, i] > 0 for v in active)
        if isinstance(step, Log):
            result[u, i] = math.log(1 + w)
        elif isinstance(step, TFIDF):
            result[u, i] = math.sqrt(w) * (1 + math.log((1 + n) / (1 + df)))
        else:
            idf = math.log(1 + (n - df + 0.5) / (df + 0.5))
            norm = step.k1 * (1 - step.b + step.b * lengths[u] / mean)
            result[u, i] = w * (step.k1 + 1) / (w + norm) * idf
    return result


@pytest.mark.parametrize("step", [Log(), TFIDF(), BM25(), BM25(k1=100.0, b=0.2), BM25(b=0.0)], ids=repr)
def test_weights_equal_a_loop(step: Any) -> None:
    generator = np.random.default_rng(0)
    matrix = generator.gamma(1.0, 3.0, (9, 7)) * (generator.random((9, 7)) < 0.5)
    matrix[3] = matrix[:, 2] = 0  # a user and an item without any
    found = dataset_of(matrix).prepare([step]).interactions(weighted=True).toarray()
    assert found == pytest.approx(loop(step, matrix), rel=1e-6)


@pytest.mark.parametrize("step", [Log(), TFIDF(), BM25()], ids=repr)
def test_interactions_of_one_pair_share_its_weight(step: Any) -> None:
    bought = pd.DataFrame({"source": ["a", "b"], "target": ["x", "y"], "w": [4.0, 2.0]})
    viewed = pd.DataFrame({"user_id": ["a", "a", "b"], "item_id": ["x", "y", "x"], "w": [1.0, 3.0, 1.0]})
    data = dataset_from_frames(viewed, schema=VIEWED_AND_BOUGHT, edges={"BOUGHT": bought}).prepare([step])
    once = dataset_of([[5, 3], [1, 2]]).prepare([step])
    assert data.interactions(weighted=True).toarray() == pytest.approx(once.interactions(weighted=True).toarray())
    assert data.edges["BOUGHT"].weight[0] == pytest.approx(4 * data.edges["VIEWED"].weight[0])


def test_time_decay_halves_by_half_lives() -> None:
    data = rows(("a", "x", 8.0, 0), ("a", "y", 8.0, 10 * DAY), ("b", "x", 1.0, 30 * DAY))
    found = data.prepare([TimeDecay(half_life=10.0)]).interactions(weighted=True).toarray()
    assert found == pytest.approx(np.array([[1.0, 2.0], [1.0, 0.0]]))
    undated = rows(("a", "x", 8.0, None), ("a", "y", 8.0, 1))
    with pytest.raises(DataError, match=r"`time-decay` must have dated interactions. Got '1 undated'"):
        undated.prepare([TimeDecay(half_life=1.0)])
    before_1970 = rows(("a", "x", 8.0, -(10**10)), ("a", "y", 8.0, -(10**10) - 2 * DAY))
    assert [row[2] for row in left(before_1970.prepare([TimeDecay(half_life=1.0)]))] == [8.0, 2.0]
    learned = data.prepare([TimeDecay(half_life=0.01)]).interactions(weighted=True)
    assert (learned.data > 0).all(), "what is very old is not lost"


@pytest.mark.parametrize("step", [Log(), TFIDF(), BM25()], ids=repr)
def test_weights_that_cannot_be_weighed(step: Any) -> None:
    with pytest.raises(DataError, match=f"`{step.kind}` must have weights of at least 0. Got -2.0"):
        dataset_of([[1.0, -2.0]]).prepare([step])
    nothing = dataset_of([[math.nan, math.nan]]).prepare([step])  # weight 0
    assert nothing.interactions(weighted=True).toarray().tolist() == [[0, 0]]


# ---------------------------------------------------------------- how steps go together


def test_steps_are_recorded_and_change_the_fingerprint() -> None:
    data = dataset_of(communities())
    once = data.prepare([{"kind": "k-core", "users": 3}])
    twice = once.prepare([Log()])
    assert twice.preparation == ({"kind": "k-core", "users": 3, "items": 5}, {"kind": "log"})
    assert [step_of(fields) for fields in twice.preparation] == [KCore(users=3), Log()]
    assert len({data.fingerprint, twice.fingerprint}) == 2
    assert "KCore(users=3, items=5) left" in once.notes[-1]
    assert data.preparation == ()


def test_what_is_filtered_away_is_still_seen() -> None:
    matrix = communities()
    matrix[0, 1] = 1  # user 0's only item of that group
    matrix[:, 39] = 0
    matrix[0, 39] = matrix[4, 39] = 1
    data = dataset_of(matrix)
    core = data.prepare([KCore(users=5, items=3)])
    assert not core.interactions()[0, 39]
    assert (core.seen().toarray() == data.seen().toarray()).all()
    split = core.split("random", seed=1)
    seen = split.train.seen()
    assert seen[0, 39] == 1
    held_out = split.test.matrix + split.validation.matrix
    assert (seen.multiply(held_out)).nnz == 0
    lists = graphrec.recommend(Popularity().fit(split.train), split.train, ["User-00000"], k=40)
    assert "Item-00039" not in set(lists["item"])


def test_a_row_that_is_filtered_away_does_not_tell_of_a_held_out_pair() -> None:
    frame = [(u, i, w, t) for u in "abcdefgh" for i in "vwxyz" for w, t in ((1.0, 1), (5.0, 2))]
    split = rows(*frame).prepare([MinWeight(weight=4)]).split("leave-last-out")
    assert split.train.pruned["INTERACTED"].source_rows.size == 8 * 3
    assert split.train.seen().multiply(split.test.matrix).nnz == 0
    later = [(u, i, 1.0, 10**9 + 7) for u in "abcdefgh" for i in "q"]
    dated = [(u, i, 5.0, 10**9 + t) for u in "abcdefgh" for t, i in enumerate("vwxyz")]
    by_time = rows(*dated, *later).prepare([MinWeight(weight=4)]).split("time", at=(10**9 + 3, 10**9 + 4))
    assert len(by_time.train.pruned["INTERACTED"]) == 0  # they come after the start of what is held out


def test_weights_are_computed_on_the_training_part() -> None:
    data = dataset_of(np.random.default_rng(1).gamma(1.0, 3.0, (20, 15)))
    steps = [KCore(users=2, items=2), BM25()]
    split = data.split("random", prepare=steps, seed=3)
    plain = data.prepare([steps[0]]).split("random", seed=3)
    assert (split.test.matrix != plain.test.matrix).nnz == 0
    expected = loop(BM25(), plain.train.interactions(weighted=True).toarray().astype(float))
    assert split.train.interactions(weighted=True).toarray() == pytest.approx(expected, rel=1e-5)
    assert [fields["kind"] for fields in split.train.preparation] == ["k-core", "bm25"]
    rest = loop(BM25(), plain.without_test.interactions(weighted=True).toarray().astype(float))
    assert split.without_test.interactions(weighted=True).toarray() == pytest.approx(rest, rel=1e-5)


def test_weights_that_know_what_is_to_be_held_out_are_refused() -> None:
    weighed = dataset_of(np.ones((9, 9))).prepare([KCore(users=2, items=2), BM25()])
    for split in (weighed.split, weighed.folds):
        with pytest.raises(DataError, match=r"must be split before it is weighed. Got \['bm25'\].*`prepare=`"):
            split()


def test_a_model_records_the_steps_and_repeats_them(tmp_path: Any) -> None:
    data = dataset_of(communities() * 3)
    split = data.split("random", prepare=[KCore(users=3, items=3), Log()])
    model = LightGCN(dim=4, epochs=2, weighted=True).fit(split.train, validation=split.validation, progress=False)
    model.save(tmp_path / "m")
    loaded = load_model(tmp_path / "m")
    assert loaded.preparation == model.preparation == split.train.preparation
    again, prepared = loaded.refit(data, progress=False), data.prepare([KCore(users=3, items=3), Log()])
    assert again.fingerprint == prepared.fingerprint != data.fingerprint
    assert loaded.refit(prepared, progress=False).fingerprint == again.fingerprint
    with pytest.raises(ArgumentError, match="`data` must be prepared as before"):
        loaded.refit(data.prepare([Log()]), progress=False)
    assert graphrec.evaluate(model, split).frame()["value"].between(0, 40).all()


@pytest.mark.parametrize(
    ("steps", "message"),
    [
        ([{"kind": "kcore"}], "Did you mean 'k-core'"),
        ([{"users": 5}], "`prepare` must have a known kind in each step, as in .*Got None"),
        ("log", "`prepare` must be a list of steps, such as .* Got 'log'"),
        (["log"], "`prepare` must have a known kind in each step, as in .*Got 'log'. Write a step as a table."),
        ([{"kind": "k-core", "user": 5}], "`user` is not a field of KCore. Got 5. Did you mean 'users'"),
        ([{"kind": "k-core", "users": 0}], "`users` should be greater than or equal to 1. Got 0"),
        ([{"kind": "k-core", "items": -1}], "`items` should be greater than or equal to 1. Got -1"),
        ([{"kind": "k-core", "users": 2.5}], "`users`.*valid integer"),
        ([{"kind": "min-weight"}], "`weight` must be given: MinWeight has no default"),
        ([{"kind": "min-weight", "weight": math.nan}], "`weight` should be a finite number"),
        ([{"kind": "deduplicate", "keep": "any"}], "`keep` should be 'last', 'first'"),
        ([{"kind": "bm25", "b": 2.0}], "`b` should be less than or equal to 1"),
        ([{"kind": "time-decay", "half_life": 0.0}], "`half_life` should be greater than 0"),
        ([{"kind": "log"}, {"kind": "k-core"}], "`prepare` must have 'k-core' before 'log'. Got .*'log', 'k-core'"),
    ],
)
def test_impossible_steps_are_refused(steps: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        steps_of(steps)
    with pytest.raises(ArgumentError, match=message):
        dataset_of([[1, 1]]).prepare(steps)


def test_one_step_needs_no_list() -> None:
    data = dataset_of(np.ones((3, 3)))
    for step in (Log(), {"kind": "log"}):
        assert data.prepare(step).fingerprint == data.prepare([step]).fingerprint


def test_a_filter_after_an_earlier_weight_is_refused() -> None:
    weighed = dataset_of(np.ones((3, 3))).prepare([Log()])
    with pytest.raises(ArgumentError, match="must have 'k-core' before 'log'"):
        weighed.prepare([KCore(users=1, items=1)])


def test_every_step_says_where_it_stands() -> None:
    assert {kind for kind, step in STEPS.items() if step.before_split} == {"k-core", "deduplicate", "min-weight"}
