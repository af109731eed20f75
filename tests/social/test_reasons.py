"""Reasons: every name lies between the two, the rarest come first, and nobody is named who must not be."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from ties import tied

import graphrec
from graphrec.data.dataset import Dataset
from graphrec.schema import Attribute, GraphSchema, Interaction, Node, Social, Suggestions
from graphrec.social.evidence import Evidence
from graphrec.social.friends import Friends
from graphrec.social.people import people_of
from graphrec.social.reasons import Reasons, one_line

if TYPE_CHECKING:
    from pathlib import Path

    from graphrec.social.reasons import Worded

CONFIG = Friends(dim=0, pagerank=False)
PLAIN = CONFIG.model_copy(update={"tastes": False})


def reasons(data: Dataset, unnamed: tuple[int, ...] = (), config: Friends = CONFIG) -> Reasons:
    people = people_of(data)
    return Reasons(people, Evidence(people, config), np.isin(np.arange(len(data.users)), unnamed))


def said(found: Reasons, user: int, other: int) -> tuple[str, str, list[Any]]:
    worded = found.of(np.array([user]), np.array([[other]], np.int32))
    return worded.reason[0].as_py(), worded.brief[0].as_py(), worded.named[0].as_py()


def test_friends_in_common_in_words() -> None:
    # 0 and 9 share 1 to 4; 2 has most ties, 4 fewest
    ties = [(u, m) for u in (0, 9) for m in (1, 2, 3, 4)]
    data = tied(12, [*ties, (2, 5), (2, 6), (1, 5), (3, 5), (10, 4), (10, 5), (11, 4), (11, 2), (3, 7), (6, 8)])
    of = reasons(data)
    assert said(of, 0, 9) == (
        "4 friends in common: User 1, User 3, User 4 and 1 more",
        "4 friends in common",
        [1, 3, 4],
    )
    assert said(of, 0, 10)[0] == "1 friend in common: User 4"
    assert said(of, 0, 11)[0] == "2 friends in common: User 4 and User 2"
    assert said(of, 0, 5)[0] == "3 friends in common: User 1, User 3 and User 2"
    assert said(of, 0, 8) == ("close in the graph of ties",) * 2 + ([],)
    shy = reasons(data, unnamed=(1, 4))
    assert said(shy, 0, 9) == ("4 friends in common: User 3, User 2 and 2 more", "4 friends in common", [3, 2])
    assert said(shy, 0, 10) == ("1 friend in common", "1 friend in common", [])


def test_followers_in_words() -> None:
    of = reasons(tied(6, [(0, 1), (0, 2), (1, 5), (2, 5), (5, 3), (0, 4), (3, 4)], directed=[True]))
    assert said(of, 0, 5)[:2] == (
        "2 people you follow follow them: User 1 and User 2",
        "2 people you follow follow them",
    )
    assert said(of, 1, 3)[0] == "1 person you follow follows them: User 5"
    assert said(of, 5, 0)[0] == "close in the graph of ties"
    assert said(of, 4, 1) == ("known to many", "known to many", [])  # who follows nobody is close to nobody


def test_other_things_follow_with_the_rarest_part_first() -> None:
    schema = GraphSchema(
        user=Node("User"),
        item=Node("Item", properties=["title"], name="title"),
        interactions=[Interaction("LISTENED_TO"), Interaction("OWNS", target=False)],
        attributes=[Attribute("LIVES_IN", Node("City"), of="user"), Attribute("SPEAKS", Node("City"), of="user")],
        social=[Social("F")],
    )
    pairs = {
        "F": [(0, 2), (1, 2), (3, 4)],
        "LISTENED_TO": [(u, i) for u in (0, 1) for i in range(4)] + [(3, 0), (4, 0), (5, 0), (3, 1), (4, 2), (5, 2)],
        "OWNS": [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)],
        "LIVES_IN": [(0, 0), (1, 0), (0, 0), (3, 0), (5, 1)],
        "SPEAKS": [(u, 1) for u in range(6)],
    }
    nodes = {
        "User": pa.table({"key": list(range(6))}),
        "Item": pa.table({"key": list(range(5)), "title": ["Muse", "Air", "Low", None, ""]}),
        "City": pa.table({"key": [0, 1]}),
    }
    edges = {name: pa.table({"source": [a for a, _ in p], "target": [b for _, b in p]}) for name, p in pairs.items()}
    data = Dataset.from_tables(schema, nodes, edges)
    of = reasons(data)
    # the third song has no title; it is the rarest with two people, then the city with three
    parts = ["1 friend in common", "both listened to: 3, Air, Low and 1 more", "both lives in: 0"]
    assert said(of, 0, 1)[1] == "; ".join(parts)
    assert said(of, 0, 1)[0] == "; ".join([f"{parts[0]}: 2", *parts[1:]])
    assert said(of, 0, 3)[0] == "both listened to: Air and Muse; both lives in: 0; both owns: 4"
    assert said(of, 2, 5)[0] == "both speaks: 1"
    assert said(reasons(data, config=PLAIN), 0, 1)[0] == "1 friend in common: 2"  # what ranks not is no reason
    assert said(reasons(data, config=PLAIN), 2, 5)[0] == "close in the graph of ties"


def test_people_are_not_named_as_what_describes_others() -> None:
    schema = GraphSchema(attributes=[Attribute("ADMIRES", Node("User", "user_id"), of="user")], social=[Social("F")])
    edges = {"F": ([0, 1], [1, 2]), "ADMIRES": ([0, 2], [3, 3])}
    tables = {name: pa.table({"source": a, "target": b}) for name, (a, b) in edges.items()}
    data = Dataset.from_tables(schema, {"User": pa.table({"key": [0, 1, 2, 3]})}, tables)
    assert said(reasons(data, unnamed=(3,)), 0, 2)[0] == "1 friend in common: 1"


@pytest.mark.parametrize("directed", [False, True])
def test_a_loop_over_all_pairs_finds_the_same(directed: bool) -> None:
    generator, n = np.random.default_rng(4), 60
    ties = generator.integers(0, n, (250, 2)).tolist() + [[0, i] for i in range(n)] + [[i, 1] for i in range(n)]
    played = generator.integers(0, (n, 15), (200, 2)).tolist()
    data = tied(n, ties, directed=[directed], played=played, items=15)
    people, secret = people_of(data), generator.random(n) < 0.3
    of = Reasons(people, Evidence(people, CONFIG), secret)
    others = generator.integers(-1, n, (n, 20)).astype(np.int32)
    users = generator.permutation(n)
    worded = of.of(users, others)
    a = people.interactions().toarray() > 0
    edge = people.edges["PLAYED"]
    has = np.zeros((n, 15), bool)
    has[edge.source_rows, edge.target_rows] = True
    members = (a.sum(1) + a.sum(0)) if directed else a.sum(1)
    expected = []
    for u, row in zip(users, others, strict=True):
        for v in row[row >= 0]:
            common = sorted(np.flatnonzero(a[u] & a[:, v]), key=lambda m: (members[m], m))
            songs = sorted(np.flatnonzero(has[u] & has[v]), key=lambda m: (has[:, m].sum(), m))
            expected.append((len(common), [int(m) for m in common if not secret[m]][:3], list(map(str, songs[:3]))))
    assert len(worded.reason) == len(worded.brief) == len(worded.named) == len(expected)
    for text, brief, named, (count, names, songs) in zip(*lists_of(worded), expected, strict=True):
        assert named == names
        assert re.findall(r"User (\d+)", text) == [str(m) for m in names]
        assert "User" not in brief
        assert (int(brief.split()[0]) if count else 0) == count
        shown = re.search("both played: (.*)", text)
        assert (re.findall(r"\d+", shown[1])[:3] if shown else []) == songs
        assert (text == "close in the graph of ties") == (not count and not songs)


def lists_of(worded: Worded) -> tuple[list[Any], ...]:
    return tuple(each.to_pylist() for each in (worded.reason, worded.brief, worded.named))


def test_no_pairs_have_no_reasons() -> None:
    of = reasons(tied(3, [(0, 1)]))
    for users, others in ((np.zeros(0, np.int64), np.zeros((0, 5))), (np.array([0]), np.full((1, 3), -1))):
        assert lists_of(of.of(users, others.astype(np.int32))) == ([], [], [])


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("Ann", "Ann"),
        ("  A\n\tB\r\x00C\u2028D ", "A B C D"),
        ("\u202eevil", "evil"),
        ("n" * 80, "n" * 80),
        ("n" * 81, "n" * 79 + "…"),
        ("क्\u200dष", "क्\u200dष"),
        ("\n", ""),
    ],
)
def test_names_are_one_short_line(name: str, line: str) -> None:
    assert one_line(name) == line


def test_names_that_say_nothing_give_way_to_keys() -> None:
    schema = GraphSchema(user=Node("User", properties=["n"], name="n"), social=[Social("F")])
    nodes = {"User": pa.table({"key": ["a", "b\nb", "c", "d"], "n": ["A", None, "\n", ""]})}
    ends = {"source": [0, 0, 1, 2, 3, 0], "target": [1, 2, 3, 3, 0, 1]}
    data = Dataset.from_tables(schema, nodes, {"F": pa.table({**ends})})
    assert said(reasons(data), 0, 3)[0] == "2 friends in common: b b and c"


@pytest.mark.parametrize("directed", [False, True], ids=["friends", "followers"])
def test_the_recipe_names_whoever_a_reason_names(tmp_path: Path, directed: bool) -> None:
    schema = GraphSchema(
        user=Node("Person", key="nick", properties=["called", "shy"], name="called"),
        item=Node("Song", key="id", properties=["title"], name="title"),
        interactions=[Interaction("HEARD")],
        social=[Social("KNOWS", directed=directed)],
        suggestions=Suggestions(hidden="shy"),
    )
    generator, nicks = np.random.default_rng(6), [f"p{i}" for i in range(12)]
    ties, heard = generator.integers(0, 12, (30, 2)), generator.integers(0, (12, 8), (30, 2))
    with graphrec.connect(tmp_path / "g.lbug", schema=schema) as graph:
        names = [f"Name {i}" if i % 4 else None for i in range(12)]
        people = pd.DataFrame({"nick": nicks, "called": names, "shy": [i % 5 == 1 for i in range(12)]})
        songs = pd.DataFrame({"id": [f"s{i}" for i in range(8)], "title": [f"Song {i}" for i in range(8)]})
        edges = {
            "KNOWS": pd.DataFrame({"source": [nicks[a] for a, _ in ties], "target": [nicks[b] for _, b in ties]}),
            "HEARD": pd.DataFrame({"source": [nicks[a] for a, _ in heard], "target": [f"s{b}" for _, b in heard]}),
        }
        graph.load({"Person": people, "Song": songs}, edges)
        graph.store.prepare_suggestions(schema)
        data = graph.dataset(people=True)
        keys = data.users.keys.to_pylist()
        shy = np.array(data.users.properties["shy"].to_pylist(), np.bool_)
        known = people_of(data)
        of, seen, checked = Reasons(known, Evidence(known, CONFIG), shy), known.seen().toarray(), 0
        recipe = graph.cypher("friends_why")
        for u in range(12):
            for v in np.flatnonzero(seen[u] == 0).tolist():
                text, brief, named = said(of, u, v)
                rows = graph.query(recipe, user=keys[u], other=keys[v])
                friends, things = rows[rows["kind"] == "friend"], rows[rows["kind"] == "item"]
                shown = {
                    part.split(": ")[0]: re.split(", | and ", part.split(": ")[1])
                    for part in text.split("; ")
                    if ": " in part
                }
                for words, people_or_things in shown.items():
                    true = things if words == "both heard" else friends
                    mine = [name for name in people_or_things if not name.endswith(" more")]
                    assert set(mine) <= set(true["name"].dropna())
                    more = sum(int(name.split()[0]) for name in people_or_things if name.endswith(" more"))
                    assert len(mine) + more == int(true["count"].sum())
                    checked += len(mine)
                assert len(named) == min(3, len(friends.dropna(subset="name")))
                assert brief.startswith(str(int(friends["count"].sum()))) == bool(len(friends))
        assert checked > 50
