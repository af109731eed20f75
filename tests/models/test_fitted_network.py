from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pytest
from attributes import tagged
from interactions import communities

from graphrec import explain
from graphrec.errors import ModelError
from graphrec.models import ColdStart, FriendTastes, HeteroGNN, load_model
from graphrec.models.fitted_network import FittedNetwork
from graphrec.models.message_passing import TypedGraph

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.data.dataset import Dataset

PAIRS = np.array([0, 5, 3]), np.array([1, 7, 20])  # user 5 has nothing, and item 7 nobody


def rich() -> Dataset:
    matrix = communities(0)
    matrix[5], matrix[:, 7] = 0, 0
    years = pa.array([None if item == 3 else 1950.0 + item for item in range(40)])
    return tagged(
        matrix,
        [(item, item % 4) for item in range(40)],
        properties={"year": ("number", years)},
        friends=[(user, (user + 4) % 60) for user in range(5, 50)],
    )


def fit(data: Dataset, **fields: Any) -> FittedNetwork:
    fields = {"dim": 8, "heads": 2, "epochs": 4, "batch_size": 16, "learning_rate": 0.05, **fields}
    fitted = HeteroGNN(**fields).fit(data, device="cpu", progress=False)
    assert isinstance(fitted, FittedNetwork)
    return fitted


def keys(data: Dataset) -> list[tuple[Any, Any]]:
    return [(data.users.keys[u].as_py(), data.items.keys[i].as_py()) for u, i in zip(*PAIRS, strict=True)]


@pytest.mark.parametrize("conv", ["sage", "gat", "hgt"])
def test_parts_and_what_is_there_without_messages_sum_to_the_score(conv: str) -> None:
    data = rich()
    fitted = fit(data, conv=conv, layers=2)
    for trace, user, item in zip(fitted.traces(data, *PAIRS), *PAIRS, strict=True):
        parts = [added for _, _, added in trace.parts.values()]
        score = float(fitted.user_vectors[user] @ fitted.item_vectors[item])
        assert trace.base + sum(each.sum() for each in parts) == pytest.approx(score, abs=1e-5)
        assert max(np.abs(each).max(initial=0) for each in parts) > 1e-4


def test_parts_by_a_loop_and_finite_differences() -> None:
    """The network once more, node by node in float64, and its slopes along the path by differences."""
    matrix = np.array([[1, 1, 0], [0, 1, 1]])
    data = tagged(matrix, [(0, 0), (2, 0)], n_tags=1, friends=[(0, 1)])
    fitted = fit(data, dim=4, layers=2)
    graph = TypedGraph.of(data)
    weights = {name: each.astype(np.float64) for name, each in fitted.weights.items()}

    def score(masks: dict[Any, np.ndarray]) -> float:
        vectors = {name: weights[f"free.{name}"] for name in graph.sizes}
        for layer in range(2):
            heard = {name: [[] for _ in range(n)] for name, n in graph.sizes.items()}
            for kind, (sources, targets) in graph.edges.items():
                at = f"convs.{layer}.convs.<{'___'.join(kind)}>"
                for node in range(graph.sizes[kind[2]]):
                    mine = np.flatnonzero(targets == node)
                    mean = sum((masks[kind][e] * vectors[kind[0]][sources[e]] for e in mine), np.zeros(4))
                    said = weights[f"{at}.lin_l.weight"] @ (mean / max(len(mine), 1)) + weights[f"{at}.lin_l.bias"]
                    heard[kind[2]][node].append(said + weights[f"{at}.lin_r.weight"] @ vectors[kind[2]][node])
            gate = weights["gates"][layer]
            vectors = {name: each + gate * np.mean(heard[name], 1) for name, each in vectors.items()}
        user, item = vectors[graph.user][0], vectors[graph.item][2]
        return float(user @ item / np.linalg.norm(user) / np.linalg.norm(item))

    def all_at(value: float) -> dict[Any, np.ndarray]:
        return {kind: np.full(rows.shape[1], value) for kind, rows in graph.edges.items()}

    (trace,) = fitted.traces(data, np.array([0]), np.array([2]))
    assert score(all_at(1.0)) == pytest.approx(float(fitted.user_vectors[0] @ fitted.item_vectors[2]), abs=1e-6)
    assert trace.base == pytest.approx(score(all_at(0.0)), abs=1e-6)
    for kind, rows in graph.edges.items():
        sources, targets, parts = trace.parts[graph.names[kind]]
        found = dict(zip(zip(sources, targets, strict=True), parts, strict=True))
        for e, ends in enumerate(zip(*rows, strict=True)):
            slopes = []
            for place in (np.arange(200) + 0.5) / 200:
                more, less = all_at(place), all_at(place)
                more[kind][e] += 1e-5
                less[kind][e] -= 1e-5
                slopes.append((score(more) - score(less)) / 2e-5)
            assert found.get(ends, 0.0) == pytest.approx(np.mean(slopes), abs=1e-5), (kind, ends)


def test_a_relationship_too_far_away_is_not_among_the_parts() -> None:
    matrix = np.eye(6, dtype=int) + np.eye(6, k=1, dtype=int)  # a chain: u0 i0, u0 i1, u1 i1, u1 i2 ...
    data = tagged(matrix, [(5, 0)], n_tags=1)
    (trace,) = fit(data, layers=1).traces(data, np.array([0]), np.array([1]))
    ends = {kind: set(zip(a.tolist(), b.tolist(), strict=True)) for kind, (a, b, _) in trace.parts.items() if len(a)}
    assert ends == {
        ("Item", "rev_INTERACTED", "User"): {(0, 0), (1, 0)},
        ("User", "INTERACTED", "Item"): {(0, 1), (1, 1)},
    }


@pytest.mark.parametrize("conv", ["sage", "hgt"])
def test_an_explanation_names_relationships_and_what_the_history_brings(conv: str, tmp_path: Path) -> None:
    data = rich()
    fitted = fit(data, conv=conv)
    found = explain(fitted, data, keys(data))
    traces = list(fitted.traces(data, *PAIRS))
    for (user, item), trace, row in zip(keys(data), traces, found.words.itertuples(), strict=True):
        mine = found.messages[(found.messages["user"] == user) & (found.messages["item"] == item)]
        assert mine["part"].sum() == pytest.approx(row.score, abs=1e-6)
        assert len(mine) == (23 if user == "User-0005" else 101)
        assert mine["part"][:-1].abs().is_monotonic_decreasing
        assert mine.iloc[-1][["source", "type", "target"]].isna().all()
        by_key = {
            (source, data.nodes[source].take([a])[0].as_py(), type, data.nodes[target].take([b])[0].as_py()): part
            for (source, type, target), columns in trace.parts.items()
            for a, b, part in zip(*columns, strict=True)
        }
        first = mine.iloc[0]
        assert first["part"] == by_key[first["source_label"], first["source"], first["type"], first["target"]]
        assert abs(first["part"]) == max(map(abs, by_key.values()))
        parts = found.parts[(found.parts["user"] == user) & (found.parts["item"] == item)]
        assert parts["part"].sum() == pytest.approx(row.score, abs=1e-6)
        for each in parts[parts["because"].notna()].itertuples():
            there = by_key["User", user, "INTERACTED", each.because]
            back = by_key["Item", each.because, "rev_INTERACTED", user]
            assert each.part == pytest.approx(there + back, abs=1e-9)
    assert found.parts.groupby("user", sort=False).size().tolist() == [
        1 + data.interactions()[[u]].nnz for u in PAIRS[0]
    ]

    fitted.save(tmp_path / "m")
    read = load_model(tmp_path / "m")
    assert isinstance(read, FittedNetwork)
    assert explain(read, data, keys(data)).messages.equals(found.messages)


def test_it_is_shown_in_a_line() -> None:
    data = tagged(communities(0), [], n_tags=0)
    assert (
        repr(fit(data, epochs=1)) == f"FittedNetwork('hetero-gnn', 60 users, 40 items, d=8, {data.fingerprint[:12]})"
    )


@pytest.mark.parametrize("conv", ["sage", "gat", "hgt"])
def test_a_pair_that_nothing_is_near_to(conv: str) -> None:
    matrix = communities(0)
    matrix[5], matrix[:, 7] = 0, 0
    data = tagged(matrix, [], n_tags=0)
    found = explain(fit(data, conv=conv, epochs=1), data, keys(data)[1:2])
    assert found.messages["part"].tolist() == found.parts["part"].tolist() == found.words["score"].tolist()


def test_only_what_it_was_fitted_on_can_be_traced() -> None:
    years = [1950.0 + item for item in range(40)]
    data = tagged(communities(0), [], properties={"year": ("number", pa.array(years))})
    fitted = fit(data, epochs=1)
    other = tagged(communities(1), [], properties={"year": ("number", pa.array(years))})
    turned = tagged(communities(0), [], properties={"year": ("number", pa.array(years[::-1]))})
    fewer = tagged(communities(0), [], properties={"year": ("number", pa.array([1950.0] * 40))})
    assert turned.fingerprint == fewer.fingerprint == data.fingerprint != other.fingerprint
    for given in (other, turned, fewer):
        with pytest.raises(ModelError, match=r"`data` must be what 'hetero-gnn' was fitted on, with its properties"):
            explain(fitted, given, keys(given))
    found = explain(fitted, data, [])
    assert found.messages.empty
    assert list(found.messages.columns) == list(explain(fitted, data, keys(data)).messages.columns)


@pytest.mark.parametrize("wrapper", [ColdStart, FriendTastes])
def test_of_a_network_whose_vectors_were_changed_the_score_is_one_part(wrapper: Any) -> None:
    data = rich()
    base = {"kind": "hetero-gnn", "dim": 8, "epochs": 1}
    fitted = wrapper(base=base).fit(data, device="cpu", progress=False)
    found = explain(fitted, data, keys(data)[:1])
    assert found.messages.empty
    assert found.parts["part"].tolist() == found.parts["score"].tolist()
    assert not isinstance(fitted, FittedNetwork)
