from __future__ import annotations

import dataclasses
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import networkx as nx
import numpy as np
import pandas as pd
import pytest

import graphrec.friends.job
from graphrec import GraphSchema, Interaction, Node, Social, Suggestions
from graphrec.cli.app import run as command
from graphrec.config import read_config
from graphrec.doctor.models import job
from graphrec.errors import ArgumentError, DataError, GraphRecWarning, PublishError, SchemaError, UnknownKeyError
from graphrec.friends.job import last_report, record_name
from graphrec.graph import Graph
from graphrec.publish.record import locked
from graphrec.social.friends import Friends

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.store.protocol import GraphStore

SCHEMA = GraphSchema(
    user=Node("Person", "id", "integer", name="title"),
    item=Node("Song", "id"),
    interactions=[Interaction("PLAYED")],
    social=[Social("FRIEND"), Social("MARRIED")],
    suggestions=Suggestions(
        blocks=["BLOCKED"], declined="DECLINED", declined_days=30, opted_out="quiet", deleted="gone", hidden="shy"
    ),
)
PLAIN = Friends(by="adamic-adar", candidates=200)
PEOPLE, NOW, DAY = 60, 1_700_000_000, 86_400


def ties() -> list[tuple[int, int]]:
    """Three groups of twenty with many ties inside and few between them."""
    generator = np.random.default_rng(3)
    pairs = generator.integers(0, PEOPLE, (700, 2))
    chance = np.where(pairs[:, 0] // 20 == pairs[:, 1] // 20, 0.9, 0.05)
    kept = pairs[(generator.random(700) < chance) & (pairs[:, 0] != pairs[:, 1])]
    return sorted({(int(min(p)), int(max(p))) for p in kept})


def add(graph: Graph, type: str, *pairs: tuple[int, int], **columns: Any) -> None:
    rows = pd.DataFrame(pairs, columns=["source", "target"]).assign(**columns)
    graph.load(edges={type: rows})


def mark(graph: Graph, name: str, *people: int) -> None:
    graph.load({"Person": pd.DataFrame({"id": people, name: True})})


def by_blocks(graph: Graph, monkeypatch: pytest.MonkeyPatch, users: int, rows: int = 1) -> None:
    """Let a job rank so many users at once, and write as soon as there are so many users and suggestions."""
    monkeypatch.setattr(graphrec.friends.job, "BLOCK", users)
    small = dataclasses.replace(graph.store.capabilities, suggestion_rows=rows)
    monkeypatch.setattr(type(graph.store), "capabilities", small)


@pytest.fixture
def graph(any_store: GraphStore) -> Graph:
    graph = Graph(any_store, SCHEMA)
    people = pd.DataFrame({"id": range(PEOPLE), "title": [f"P{i}" for i in range(PEOPLE)]})
    for name in ("quiet", "gone", "shy"):
        people[name] = False
    songs = pd.DataFrame({"id": [f"s{i}" for i in range(9)]})
    played = pd.DataFrame({"source": range(PEOPLE), "target": [f"s{i % 9}" for i in range(PEOPLE)]})
    graph.load({"Person": people, "Song": songs}, {"PLAYED": played})
    add(graph, "FRIEND", *ties())
    any_store.prepare_suggestions(SCHEMA)
    return graph


def lists(graph: Graph, k: int = 20, **options: Any) -> dict[int, list[int]]:
    found = graph.friends(range(PEOPLE), k, **options)
    return {user: found[found.user == user].suggested.tolist() for user in range(PEOPLE)}


def adamic_adar(hidden: dict[int, set[int]], gone: set[int], k: int, deleted: int = -1) -> dict[int, list[float]]:
    """The scores of each one's list, by networkx."""
    tied = nx.Graph(pair for pair in ties() if deleted not in pair)
    found = {}
    for u in range(PEOPLE):
        mine = set(tied[u]) if u in tied else set()
        others = [] if u in gone else [v for v in range(PEOPLE) if v not in {u, *mine, *gone, *hidden.get(u, ())}]
        pairs = [(u, v) for v in others if u in tied and v in tied]
        scores = sorted((score for _, _, score in nx.adamic_adar_index(tied, pairs) if score > 0), reverse=True)
        found[u] = scores[:k]
    return found


def test_one_decline_with_a_time_that_cannot_be_read_leaves_the_others_their_own(graph: Graph) -> None:
    graph.suggest_friends(PLAIN, k=3, now=NOW)
    (ended, lasting, odd) = ((u, v[0]) for u, v in list(lists(graph, now=NOW).items())[:3])
    times = [f"{NOW - 31 * DAY}", f"{NOW - 29 * DAY}", "last week"]
    if graph.store.capabilities.dialect == "ladybug":  # where a property has one type
        graph.query("DROP TABLE DECLINED")
        graph.query("CREATE REL TABLE DECLINED(FROM Person TO Person, at STRING)")
    text = "MATCH (a:Person {id: $a}), (b:Person {id: $b}) CREATE (a)-[:DECLINED {at: $at}]->(b)"
    for (a, b), at in zip((ended, lasting, odd), times, strict=True):
        graph.query(text, a=a, b=b, at=at)
    with pytest.warns(GraphRecWarning, match="counts for ever. The time 'at' of 'DECLINED'"):
        graph.suggest_friends(PLAIN, k=3, now=NOW)
    assert [b in lists(graph, now=NOW)[a] for a, b in (ended, lasting, odd)] == [True, False, False]


def test_lists_are_those_of_networkx_without_whoever_must_not_be_there(graph: Graph) -> None:
    first = adamic_adar({}, set(), 3)
    assert sum(map(len, first.values())) > 150
    graph.suggest_friends(PLAIN, k=3, now=NOW)
    best = {u: v[0] for u, v in lists(graph, now=NOW).items() if v}
    blocked, married, declined, forgiven = list(best.items())[:4]
    add(graph, "BLOCKED", blocked[::-1])
    add(graph, "MARRIED", married)
    add(graph, "DECLINED", declined, at=NOW - 29 * DAY)
    add(graph, "DECLINED", forgiven, at=NOW - 31 * DAY)
    mark(graph, "quiet", best[20])
    mark(graph, "gone", best[40])
    hidden: dict[int, set[int]] = {}
    for u, v in (blocked, blocked[::-1], married, married[::-1], declined):
        hidden.setdefault(u, set()).add(v)
    away = {best[20], best[40]}
    report = graph.suggest_friends(PLAIN, k=3, now=NOW)
    expected = adamic_adar(hidden, away, 3, deleted=best[40])
    found = graph.friends(range(PEOPLE), 20, now=NOW)
    for user, scores in expected.items():
        mine = found[found.user == user]
        assert mine.score.tolist() == pytest.approx(scores, rel=1e-5)
        assert mine["rank"].tolist() == list(range(1, len(scores) + 1))
        assert not set(mine.suggested) & {user, *away, *hidden.get(user, ())}
    assert not away & set(found.user)
    assert forgiven[1] in lists(graph, now=NOW)[forgiven[0]]
    assert (report.version, report.users, report.suggestions) == (2, PEOPLE, len(found))
    assert report.skipped == {"opted out": 1, "deleted": 1}
    assert report.proven == PEOPLE - 2
    assert sum(report.lengths.values()) == PEOPLE - 2
    assert last_report(graph.store, SCHEMA)[0]["version"] == 2  # type: ignore[index]


def test_the_next_run_replaces_the_last_one_and_what_has_expired_goes(graph: Graph) -> None:
    graph.suggest_friends(PLAIN, k=5, now=NOW)
    before = lists(graph, now=NOW)
    report = graph.suggest_friends(PLAIN, k=5, days=2, now=NOW + DAY)
    found = graph.friends(range(PEOPLE), 20, now=NOW + DAY)
    assert lists(graph, now=NOW + DAY) == before
    assert set(found.version) == {2}
    assert set(found.expires) == {NOW + 3 * DAY}
    assert report.removed == 0
    assert not any(lists(graph, now=NOW + 3 * DAY).values())
    graph.suggest_friends(PLAIN, k=5, users=[0], now=NOW + 3 * DAY)
    kept = graph.store.suggestions(
        SCHEMA, None, 20, NOW
    )  # the clock is put back: nothing that was removed comes back
    assert set(kept["user"].to_pylist()) == {0}
    report = graph.suggest_friends(PLAIN, k=5, now=NOW - DAY)
    assert report.version == 4
    assert lists(graph, now=NOW - DAY) == before


def test_a_list_that_ends_before_all_others_is_renewed_with_the_changed_ones(graph: Graph) -> None:
    graph.suggest_friends(PLAIN, k=4, days=7, now=NOW)
    graph.suggest_friends(PLAIN, k=4, days=1, users=[5], now=NOW)
    assert graph.suggest_friends(PLAIN, k=4, days=7, users="changed", now=NOW + 2 * DAY).users == 1
    assert graph.suggest_friends(PLAIN, k=4, days=7, users="changed", now=NOW + 2 * DAY).users == 0


def test_only_who_changed_gets_a_new_list(graph: Graph) -> None:
    assert graph.suggest_friends(PLAIN, k=4, users="changed", now=NOW).users == PEOPLE  # no run over all before
    graph.suggest_friends(PLAIN, k=4, now=NOW)
    report = graph.suggest_friends(PLAIN, k=4, users="changed", now=NOW + 60)
    assert (report.users, report.unchanged) == (0, PEOPLE)
    assert "learning" not in report.seconds
    new = (3, 45)
    assert new not in ties()
    add(graph, "FRIEND", new)
    near = set(new).union(*(nx.Graph(ties())[each] for each in new))
    report = graph.suggest_friends(PLAIN, k=4, users="changed", now=NOW + 120)
    found = graph.friends(range(PEOPLE), 20, now=NOW + 120)
    assert set(found[found.version == report.version].user) == near
    assert report.unchanged == PEOPLE - len(near)
    mark(graph, "quiet", 50)
    graph.suggest_friends(PLAIN, k=4, users="changed", now=NOW + 180)
    assert graph.query("MATCH (u:Person)-[s:SUGGESTED]->() WHERE u.id = 50 RETURN count(*) AS n")["n"].tolist() == [0]
    late = NOW + 7 * DAY - 3600
    again = graph.suggest_friends(PLAIN, k=4, users="changed", now=late)
    assert again.users == PEOPLE
    assert any("within a day" in note for note in again.notes)


def test_a_run_that_was_cut_off_is_gone_on_with(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    by_blocks(graph, monkeypatch, 16)

    def cut(what: str, done: int, total: int) -> None:
        if done >= 32:
            raise KeyboardInterrupt

    graph.suggest_friends(PLAIN, k=4, cap=9, now=NOW)
    with pytest.raises(KeyboardInterrupt):
        graph.suggest_friends(PLAIN, k=4, cap=9, now=NOW + 60, progress=cut)
    found = graph.friends(range(PEOPLE), 20, now=NOW + 60)
    assert Counter(found.groupby("user").version.first()) == {2: 32, 1: PEOPLE - 32}
    assert found.groupby("user").version.nunique().max() == 1
    _, begun = last_report(graph.store, SCHEMA)
    assert begun is not None
    assert begun["version"] == 2
    report = graph.suggest_friends(PLAIN, k=4, cap=9, now=NOW + 120)
    assert (report.resumed, report.version, report.users) == (True, 2, PEOPLE - 32)
    found = graph.friends(range(PEOPLE), 20, now=NOW + 120)
    assert set(found.version) == {2}
    assert set(found.created) == {NOW + 60}
    assert found.groupby("suggested").size().max() <= 9
    assert last_report(graph.store, SCHEMA)[1] is None
    with pytest.raises(KeyboardInterrupt):
        graph.suggest_friends(PLAIN, k=4, now=NOW + 200, progress=cut)
    other = graph.suggest_friends(PLAIN, k=5, now=NOW + 300)  # other arguments: another run
    assert (other.resumed, other.version, other.users) == (False, 4, PEOPLE)


def test_a_cap_counts_the_lists_that_stay(graph: Graph) -> None:
    graph.suggest_friends(PLAIN, k=4, cap=5, now=NOW)
    add(graph, "FRIEND", (0, 25), (1, 44), (30, 50))
    for users in ("changed", [3, 4, 5, 6, 7]):
        report = graph.suggest_friends(PLAIN, k=4, cap=5, users=users, now=NOW + 60)
        assert 0 < report.users < PEOPLE
        assert graph.friends(range(PEOPLE), 20, now=NOW + 60).groupby("suggested").size().max() <= 5
        assert report.exposure["most"] == 5


def test_blocks_are_written_together(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    graph.suggest_friends(PLAIN, k=4, now=NOW)
    alone, sizes, replace = lists(graph, now=NOW), list[tuple[int, int]](), graph.store.replace_suggestions

    def counted(schema: GraphSchema, users: Any, rows: Any, *others: Any) -> int:
        sizes.append((len(users), len(users) + len(rows)))
        return replace(schema, users, rows, *others)

    monkeypatch.setattr(graph.store, "replace_suggestions", counted)
    by_blocks(graph, monkeypatch, 7, rows=100)
    report = graph.suggest_friends(PLAIN, k=4, now=NOW + 60)
    assert lists(graph, now=NOW + 60) == alone
    assert sum(users for users, _ in sizes) == report.users == PEOPLE
    assert len(sizes) > 2
    assert all(100 <= size < 100 + 7 * 5 for _, size in sizes[:-1])
    assert all(users % 7 == 0 for users, _ in sizes[:-1])


def test_two_runs_never_overlap(graph: Graph) -> None:
    with locked(graph.store, record_name(SCHEMA), 0), pytest.raises(PublishError, match="suggestions 'SUGGESTED'"):
        graph.suggest_friends(PLAIN, k=4)
    assert graph.suggest_friends(PLAIN, k=4).version == 1


def test_what_is_set_while_a_run_computes_is_kept_when_it_writes(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_blocks(graph, monkeypatch, 30)
    graph.suggest_friends(PLAIN, k=4, now=NOW)
    late = next(u for u, v in lists(graph, now=NOW).items() if u >= 30 and v)
    other = lists(graph, now=NOW)[late][0]
    once: list[int] = []

    def block(what: str, done: int, total: int) -> None:
        if not once:
            once.append(done)
            add(graph, "BLOCKED", (other, late))

    report = graph.suggest_friends(PLAIN, k=4, now=NOW, progress=block)
    assert report.refused >= 1
    assert other not in lists(graph, now=NOW)[late]
    assert graph.query(
        "MATCH (u:Person)-[s:SUGGESTED]->(v:Person) WHERE u.id = $u AND v.id = $v RETURN count(*) AS n",
        u=late,
        v=other,
    )["n"].tolist() == [0]


def test_who_is_forgotten_while_a_run_computes_is_in_none_of_its_reasons(
    graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    by_blocks(graph, monkeypatch, 30)
    once: list[int] = []

    def forget(what: str, done: int, total: int) -> None:
        if not once:
            once.append(graph.forget([35]).removed["left"].sum())

    graph.suggest_friends(PLAIN, k=4, now=NOW, progress=forget)
    assert len(graph.friends([36], now=NOW))
    assert graph.forget([35], missing_ok=True).gone == (35,)
    reasons = graph.query("MATCH (:Person)-[s:SUGGESTED]->(:Person) RETURN s.reason AS reason")["reason"]
    assert not reasons.str.contains(r"P35\b").any()


def test_export_forget_and_doctor_know_that_a_job_is_no_model(graph: Graph, tmp_path: Path) -> None:
    def cut(what: str, done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        graph.suggest_friends(PLAIN, k=4, users=[7, 9], now=NOW, progress=cut)
    found = examine_models(graph)
    assert [(f.name, f.status) for f in found] == [("job friends:SUGGESTED", "warn")]
    graph.forget([9])  # whom the run did last
    record = next(r for r in graph.store.models() if r["name"] == record_name(SCHEMA))
    assert not record.get("done")
    assert len(graph.models()) == 0
    assert "SUGGESTED" not in graph.export(tmp_path / "out")
    graph.suggest_friends(PLAIN, k=4, now=NOW)
    assert [f.status for f in examine_models(graph)] == ["ok"]


def examine_models(graph: Graph) -> list[Any]:
    return [f for record in graph.store.models() for f in job(record)]


def test_followers(any_store: GraphStore) -> None:
    schema = GraphSchema(Node("User", "id", "integer"), social=[Social("FOLLOWS", directed=True)])
    graph = Graph(any_store, schema)
    generator = np.random.default_rng(8)
    pairs = {(int(a), int(b)) for a, b in generator.integers(0, 40, (260, 2)) if a != b}
    graph.load({"User": pd.DataFrame({"id": range(40)})})
    add(graph, "FOLLOWS", *sorted(pairs))
    graph.suggest_friends(PLAIN, k=5, now=NOW)
    found = graph.friends(range(40), 5, now=NOW)
    follows = {u: {b for a, b in pairs if a == u} for u in range(40)}
    degree = Counter(each for pair in pairs for each in pair)
    for u in range(40):
        others = set(range(40)) - follows[u] - {u}
        scores = {v: sum(1 / np.log(degree[m]) for m in follows[u] if v in follows[m]) for v in others}
        best = sorted((score for score in scores.values() if score > 0), reverse=True)[:5]
        assert found[found.user == u].score.tolist() == pytest.approx(best, rel=1e-5)
    assert found.reason.str.contains("follow them: ").any()
    assert any((v, u) in pairs for u, v in zip(found.user, found.suggested, strict=True))  # who follows you may come


def test_given_users_and_a_dry_run(graph: Graph) -> None:
    report = graph.suggest_friends(PLAIN, k=4, users=[5, 7, 5], now=NOW)
    assert (report.users, report.scope) == (2, "given")
    assert {u for u, v in lists(graph, now=NOW).items() if v} == {5, 7}
    dry = graph.suggest_friends(PLAIN, k=4, dry=True, now=NOW)
    assert dry.suggestions > 100
    assert {u for u, v in lists(graph, now=NOW).items() if v} == {5, 7}
    assert graph.suggest_friends(PLAIN, k=10**20, users=[5], dry=True, now=NOW).suggestions < PEOPLE
    with pytest.raises(UnknownKeyError, match="999"):
        graph.suggest_friends(PLAIN, users=[999])


def test_nobody_is_named_who_hides_and_everybody_named_is_in_common(graph: Graph) -> None:
    mark(graph, "shy", *range(0, PEOPLE, 2))
    graph.suggest_friends(PLAIN, k=4, now=NOW)
    found = graph.friends(range(PEOPLE), 4, now=NOW)
    tied = nx.Graph(ties())
    said = found[found.reason.str.contains("in common: ")]
    assert len(said) > 50
    for row in said.itertuples():
        part = row.reason.split("in common: ")[1].split(";")[0].replace(" and ", ", ")
        named = [int(name[1:]) for name in part.split(", ") if name.startswith("P")]
        assert all(name % 2 for name in named)
        assert set(named) <= set(nx.common_neighbors(tied, row.user, row.suggested))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"k": 0}, "`k` must"),
        ({"days": -1}, "expires in the past"),
        ({"cap": 0}, "`cap` must"),
        ({"now": float("nan")}, "`now` must"),
        ({"users": "everybody"}, "'all', 'changed'"),
        ({"config": {"by": "adamic-adar"}}, "`config` must be a Friends. Got 'dict'"),
    ],
)
def test_bad_arguments(ladybug_graph: Graph, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        ladybug_graph.suggest_friends(**{"config": PLAIN, **options})


def test_whole_numbers_may_be_numpys(graph: Graph) -> None:
    found = graph.suggest_friends(PLAIN, k=np.int64(4), cap=np.int32(9), now=NOW)
    assert found.suggestions == graph.suggest_friends(PLAIN, k=4, cap=9, now=NOW).suggestions > 0


@pytest.fixture
def ladybug_graph(tmp_path: Path) -> Graph:
    return Graph(graphrec.connect(tmp_path / "g.lbug").store, SCHEMA)


def test_graphs_without_ties(ladybug_graph: Graph) -> None:
    graph = ladybug_graph
    graph.load({"Person": pd.DataFrame({"id": [1, 2]})})
    with pytest.raises(SchemaError, match="FRIEND"):
        graph.suggest_friends(PLAIN)
    with pytest.raises(SchemaError, match="names no ties"):
        Graph(graph.store, SCHEMA.model_copy(update={"social": ()})).suggest_friends(PLAIN)
    add(graph, "FRIEND", (1, 1))
    with pytest.raises(DataError, match="between two users"):
        graph.suggest_friends(PLAIN)
    add(graph, "FRIEND", (1, 2), (2, 1))
    report = graph.suggest_friends(PLAIN)
    assert (report.suggestions, report.cold, report.served) == (0, 2, 0)


def test_the_command(tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    toml = "[connection]\nurl = 'g.lbug'\n[friends]\nby = 'adamic-adar'\nk = 4\n[schema]\n"
    toml += "user = {label = 'Person', key = 'id', key_type = 'integer'}\nsocial = [{type = 'FRIEND'}]\n"
    (tmp_path / "graphrec.toml").write_text(toml)
    schema = read_config(None).schema
    with graphrec.connect("g.lbug", schema=schema) as graph:
        graph.load({"Person": pd.DataFrame({"id": range(PEOPLE)})})
        add(graph, "FRIEND", *ties())
    assert command(["friends", "status"]) == 0
    assert "No run" in capsys.readouterr().out
    assert command(["friends", "run", "--days", "2", "--set", "candidates=50"]) == 0
    assert "suggestions" in capsys.readouterr().out
    with graphrec.connect("g.lbug", schema=schema) as graph:
        found = graph.friends(range(PEOPLE), 20)
        with locked(graph.store, record_name(schema), 0):
            assert command(["friends", "run"]) == 4
    assert "Another publisher" in capsys.readouterr().err
    assert set(found.groupby("user").size()) <= {1, 2, 3, 4}
    assert abs(found.expires.iloc[0] - time.time() - 2 * DAY) < 600
    assert command(["friends", "run", "--changed", "--user", "3"]) == 2
    capsys.readouterr()
    assert command(["friends", "status", "--json"]) == 0
    assert '"version": 1' in capsys.readouterr().out
