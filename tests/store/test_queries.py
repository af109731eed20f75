from __future__ import annotations

import re
from typing import TYPE_CHECKING, get_args

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from store import contract

from graphrec.errors import ArgumentError, SchemaError
from graphrec.schema import GraphSchema, Interaction, Node, Relationship
from graphrec.store.protocol import Chunk, Dialect
from graphrec.store.queries import Statement, fill, load, names, quote
from graphrec.store.recipes import recipe

if TYPE_CHECKING:
    from graphrec.store.ladybug import LadybugStore

FILES = [(dialect, name) for dialect in get_args(Dialect) for name in names(dialect)]
RECIPES = {
    d: {name.removeprefix("recipes/") for _, name in FILES if _ == d and name.startswith("recipes/")}
    for d in get_args(Dialect)
}
VALUES = {"recipes/profile", "read/leanings", "read/bases"}  # statements on an attribute
ONLY_ONE_DATABASE = {
    "topk_index",  # a graph file has no vector index
    "topk_user",  # Ladybug is fastest with the vector as a parameter
    "topk_vector",
}


def bare(text: str) -> str:
    """Return a statement without comments, fragments, strings and roles."""
    return re.sub(r"//[^\n]*|/\*.*?\*/|`[^`]*`|'[^']*'", " ", text)


def returned(text: str) -> list[str]:
    """Return the columns of each branch of a statement."""
    branches = []
    outermost = re.sub(r"\{(?:[^{}]|\{[^{}]*\})*\}", " ", bare(text))
    for outer in re.split(r"\bUNION ALL\b", outermost):
        found = re.findall(r"\bRETURN\b(?:\s+DISTINCT\b)?(.*?)(?=\bORDER BY\b|\bLIMIT\b|$)", outer, re.DOTALL)
        if found:
            flat = found[-1]
            while "(" in flat or "[" in flat:
                flat, n = re.subn(r"\([^()\[\]]*\)|\[[^()\[\]]*\]", " ", flat)
                if not n:
                    break
            columns = [column.split()[-1] for column in flat.split(",") if column.strip()]
            branches.append(",".join(columns))
    return sorted(set(branches))


@pytest.mark.parametrize(("dialect", "name"), FILES, ids=["/".join(file) for file in FILES])
def test_a_header_says_what_the_text_does(dialect: Dialect, name: str) -> None:
    statement = load(dialect, name)
    assert statement.name == name
    used = set(re.findall(r"\$(\w+)", bare(statement.text)))
    bulk = "and a list per property"  # what a header says of the lists that fragments add
    assert set(statement.params).difference(bulk.split()) <= used <= set(statement.params)
    branches = returned(statement.text)
    assert len(branches) <= 1
    found = branches[0].split(",") if branches else []
    if "*" not in found and not any(column.endswith(".*") for column in found):
        assert found == list(statement.columns)
    writes = re.search(
        r"\b(CREATE|MERGE|SET|DELETE|DROP|ALTER|COPY)\b", re.sub(r"/\*@\w+\*/", "", bare(statement.text))
    )
    if dialect == "ladybug":
        assert (statement.mode == "WRITE") == bool(writes)
    assert ";" not in bare(statement.text)


def test_both_databases_have_the_same_recipes() -> None:
    both = RECIPES["neo4j"] & RECIPES["ladybug"]
    assert both | ONLY_ONE_DATABASE == RECIPES["neo4j"] | RECIPES["ladybug"]
    assert not both & ONLY_ONE_DATABASE
    for name in both:
        one, other = load("neo4j", f"recipes/{name}"), load("ladybug", f"recipes/{name}")
        assert (one.params, one.columns, one.mode) == (other.params, other.columns, other.mode)


@pytest.mark.parametrize("name", [name for dialect, name in FILES if dialect == "ladybug"])
def test_ladybug_plans_every_statement(ladybug_store: LadybugStore, name: str) -> None:
    store = ladybug_store
    contract.fill(
        store, [(Node("User", "uid"), {"key": ["u"], "p": [1.0]}), (Node("Item", "sku"), {"key": ["i"], "p": [1.0]})]
    )
    edge = GraphSchema(Node("User", "uid"), Node("Item", "sku"), [Interaction("RATED")]).relationships["RATED"]
    contract.connect(store, edge, {"source": ["u"], "target": ["i"], "p": [0.5]})
    has = Relationship("HAS", edge.target, edge.source)
    contract.connect(store, has, {"source": ["i"], "target": ["u"], "p": [1.0]})
    named = {f"named_{place}": ["u"] for place in (1, 2, 3)}
    for type in ("FRIEND", "SUGGESTED"):
        between = Relationship(type, edge.source, edge.source)
        words = {"reason": ["r"], "brief": ["b"], **named, "model": ["m"], "score": [1.0], "p": [1.0]}
        words |= {number: [1] for number in ("rank", "version", "created", "expires")}
        contract.connect(store, between, {"source": ["u"], "target": ["u"], **words})
    contract.lock(store)
    assert store.update_model("m", {}, {"fold_in": True})
    store.upsert_nodes(edge.source, pa.table({"key": ["u"]}), Chunk("begun", 0))
    for node in (edge.source, edge.target):
        for place in ("m_a", "m_b", "m_a_in", "m_b_in"):
            store.prepare_vectors(node, place, 2, index=False)
    roles = {
        "user": "User", "user_key": "uid", "item": "Item", "item_key": "sku", "label": "User", "key": "uid",
        "source": "User", "source_key": "uid", "target": "Item", "target_key": "sku", "type": "RATED",
        "table": "User", "property": "m_a", "vector": "m_a", "vector_a": "m_a", "vector_b": "m_b",
        "fold_in_a": "m_a_in", "fold_in_b": "m_b_in", "suggested": "SUGGESTED",
        "tie": "FRIEND", "thing": "Item", "thing_key": "sku", "declined": "FRIEND", "declined_at": "p", "state": "p",
    }  # fmt: skip
    roles |= {"type": "SUGGESTED"} if name.startswith(("suggestions/", "recipes/friends")) else {}
    roles |= {"type": "HAS", "thing": "User", "thing_key": "uid"} if name in VALUES else {}
    roles |= {"table": "HAS"} if name == "load/drop_table" else {}  # no relationship runs to it
    fragments = {"most": "9", "kept": "18", "model": "'m'"}
    fragments |= {"ties": ":FRIEND", "arrow": "-", "targets": ":RATED", "score": "sum(weight)", "half_life": "7.0"}
    fragments |= {"counted": "true", "nameable": "true", "at": "1.0", "now": "2.0"}
    fragments |= {"hiding": ":RATED", "types": ":RATED", "table": "'RATED'", "type": "DOUBLE"}
    fragments |= {"from": "-", "to": "->", "weight": "1.0"}
    fragments |= {"present": "true", "kind": "'item'"}
    fragments |= {"set": "SET r.p = coalesce(_0, r.p)"} if name == "load/merge_edges" else {}
    fragments |= {"set": "n.p = coalesce(_0, n.p)"} if name == "load/set_nodes" else {}
    fragments |= {"set": "SET m.live = 'a'"} if name == "models/change" else {}
    fragments |= {"columns": "`uid`, p", "source": "'User'", "target": "'Item'"} if "copy_nodes" in name else {}
    fragments |= {"columns": "p", "source": "'User'", "target": "'Item'"} if "copy_edges" in name else {}
    fragments |= {"table": "'User'"} if name == "admin/key" else {}
    fragments |= {"type": "STRING"} if name == "load/node_table" else {}
    fragments |= {"type": "'FRIEND'"} if name.startswith("recipes/friends_why") else {}
    if name == "load/property":
        roles["property"] = "another"
    statement = load("ladybug", name)
    text = fill(statement, "ladybug", roles, fragments)
    one = pa.array([1.0])
    rows = {
        "load/copy_nodes": pa.table({"_key": ["new"], "_0": one}),
        "load/copy_edges": pa.table({"_source": ["u"], "_target": ["i"], "_0": one}),
        "vectors/write": pa.table({"_key": ["u"], "_vector": pa.array([[1.0, 2.0]], pa.list_(pa.float64(), 2))}),
        "suggestions/write": pa.table(
            {f"_{column}": ["u"] for column in ("user", "other", "reason", "brief")}
            | {"_score": one, "_rank": [1], **{f"_{place}": ["u"] for place in named}}
        ),
        "suggestions/allowed": pa.table({"_user": ["u"], "_other": ["u"]}),
        "suggestions/nameable": pa.table({"_user": ["u"], "_named": ["u"]}),
        "suggestions/state": pa.table({"_key": ["u"], "_state": one}),
    }.get(name, pa.table({"_key": ["u"], "_source": ["u"], "_target": ["i"], "_0": one}))
    values = {
        "rows": rows, "k": 3, "user": "u", "item": "i", "items": ["i"], "load": "l", "chunks": 1, "begun": 1,
        "model": "m", "token": "t", "until": 1.0, "name": "m", "keys": ["u"], "vector": [1.0, 2.0], "fetch": 3,
        "key": "u", "limit": 3, "other": "v", "now": 2, "version": 2, "created": 1, "expires": 3,
        "least": "u", "most": "u", "state": 2,
    }  # fmt: skip
    found = store.query(text, {name: values[name] for name in statement.params}, write=statement.mode == "WRITE")
    if statement.columns and "*" not in returned(statement.text)[0]:
        assert found.column_names[: len(statement.columns)] == list(statement.columns)


def test_a_name_is_quoted_whatever_it_holds() -> None:
    assert quote("Movie", "ladybug") == "`Movie`"
    assert quote("a`b", "ladybug") == quote("a`b", "neo4j") == "`a``b`"
    assert quote(r"\u0060", "neo4j") == r"`\u005Cu0060`"
    assert quote(r"\u0060", "ladybug") == r"`\u0060`"


@pytest.mark.parametrize("bad", ["", "a\0b", "\ud800", None, 3])
def test_what_is_no_name_is_refused(bad: str) -> None:
    with pytest.raises(SchemaError, match="name"):
        quote(bad, "ladybug")


def test_filling_is_one_pass() -> None:
    statement = Statement("x", (), (), "READ", "MATCH (n:`@a` {`@b`: 1}) /*@c*/ RETURN n")
    assert statement.roles == {"a", "b"}
    assert statement.fragments == {"c"}
    text = fill(statement, "ladybug", {"a": "`@b`", "b": "/*@c*/"}, {"c": "`@a`"})
    assert text == "MATCH (n:```@b``` {`/*@c*/`: 1}) `@a` RETURN n"
    assert fill(statement, "ladybug", {"a": "A", "b": "B"}) == "MATCH (n:`A` {`B`: 1})  RETURN n"
    with pytest.raises(ArgumentError, match=r"must cover \['b'\]"):
        fill(statement, "ladybug", {"a": "A"})


def test_an_unknown_statement_names_the_near_one() -> None:
    with pytest.raises(ArgumentError, match="Did you mean 'topk'"):
        load("ladybug", "recipes/topq")
    with pytest.raises(ArgumentError, match=r"`name` must be one of ladybug's recipes. Got 'nope'. Known: .*'topk'"):
        load("ladybug", "recipes/nope")
    with pytest.raises(ArgumentError, match=r"`name` must be one of ladybug's recipes. Got '../read/matching'"):
        load("ladybug", "recipes/../read/matching")
    with pytest.raises(ArgumentError, match="topk_index"):
        recipe("ladybug", "topk_index", GraphSchema(), "m")


NAMES = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=12) | st.text(
    "`'\"\\/*@{}()[];:$-u0 6\n", min_size=1, max_size=16
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=NAMES, property=NAMES)
def test_a_real_database_takes_any_name_as_a_name(ladybug_store: LadybugStore, name: str, property: str) -> None:
    """Nothing but one table of that name, with that property, is there afterwards."""
    if "*" in (name, property):
        with pytest.raises(SchemaError, match="all properties"):
            quote("*", "ladybug")
        return
    table, column = quote(name, "ladybug"), quote(property, "ladybug")
    store = ladybug_store
    if "." in name:  # refused by the store, as Ladybug takes it for two names
        return
    store.query(f"CREATE NODE TABLE {table}(`the key` STRING PRIMARY KEY)", write=True)
    try:
        if property.lower() not in {"the key", "_id", "_label", "_src", "_dst"}:
            store.query(f"ALTER TABLE {table} ADD {column} INT64", write=True)
            store.query(f"CREATE (:{table} {{`the key`: 'k', {column}: 7}})", write=True)
            found = store.query(f"MATCH (n:{table}) RETURN n.{column} AS value")
            assert found.to_pydict() == {"value": [7]}
            label = store.describe().labels[name]
            assert (label.count, set(label.properties)) == (1, {"the key", property})
        assert list(store.describe().labels) == [name]
    finally:
        store.query(f"DROP TABLE {table}", write=True)
    assert store.describe().labels == {}
