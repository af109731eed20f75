"""What can go wrong with a file: locks, forks, permissions, versions, damage, a full disk."""

from __future__ import annotations

import os
import resource
import shutil
import subprocess
import sys
import time
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import ladybug
import numpy as np
import pyarrow as pa
import pytest
from store.contract import ITEM, RATED, USER, connect, fill, lock

from graphrec.errors import (
    ArgumentError,
    ConnectionFailedError,
    DataError,
    GraphRecWarning,
    SchemaError,
    StoreError,
)
from graphrec.schema import Node, Relationship
from graphrec.store.ladybug import LadybugStore
from graphrec.store.protocol import Chunk

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
NOBODY, PAGE = 65534, 4096


def child(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Start another Python that prints, and waits for a line where it reads one."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
    )


def filled(path: Path, n: int = 3) -> None:
    with LadybugStore(path, buffer_pool_mb=64) as store:
        fill(store, [(USER, {"key": [f"u{i}" for i in range(n)]})])


@pytest.fixture
def as_nobody(tmp_path: Path) -> Iterator[None]:
    """Root may write everything, so permissions are tried as another user."""
    above = tmp_path
    modes = []
    while above != above.parent and above.stat().st_uid == os.geteuid() and above != Path("/tmp"):
        modes.append((above, above.stat().st_mode))
        above.chmod(0o755)
        above = above.parent
    became = os.geteuid() == 0
    if became:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if became:
            os.seteuid(0)
        for path, mode in modes:
            path.chmod(mode)


# -------------------------------------------------------------------- opening


def test_a_second_process_is_told_who_holds_the_file(tmp_path: Path) -> None:
    path = tmp_path / "g.lbug"
    code = """if True:
        import sys
        from graphrec.store.ladybug import LadybugStore
        store = LadybugStore(sys.argv[1], buffer_pool_mb=64)
        print("open", flush=True)
        sys.stdin.readline()
        store.close()"""
    with child(code, path) as other:
        assert other.stdout is not None
        assert other.stdin is not None
        assert other.stdout.readline() == "open\n"
        with pytest.raises(ConnectionFailedError, match=rf"(?s)locked.*PID {other.pid}.*read-only"):
            LadybugStore(path, buffer_pool_mb=64)
        with LadybugStore(path, read_only=True, buffer_pool_mb=64) as reader:
            assert len(reader.keys(USER)) == 0
        other.stdin.write("\n")
        other.stdin.flush()
        assert other.wait(30) == 0
    with LadybugStore(path, buffer_pool_mb=64):
        pass


def test_stores_of_one_process_share_the_file(tmp_path: Path) -> None:
    path = tmp_path / "g.lbug"
    link = tmp_path / "link.lbug"
    first = LadybugStore(path, buffer_pool_mb=64)
    fill(first, [(USER, {"key": ["a"]})])
    link.symlink_to(path)
    second = LadybugStore(link)
    fill(second, [(USER, {"key": ["b"]})])
    first.close()
    first.close()
    with pytest.raises(StoreError, match="closed"):
        first.keys(USER)
    assert sorted(second.keys(USER).to_pylist()) == ["a", "b"]
    with pytest.raises(ConnectionFailedError, match=r"open for writing in this process.*Close it first"):
        LadybugStore(path, read_only=True)
    second.close()
    with LadybugStore(path, read_only=True) as one, LadybugStore(path, read_only=True) as two:
        assert one.keys(USER).to_pylist() == two.keys(USER).to_pylist()
        with pytest.raises(ConnectionFailedError, match="open for reading only in this process"):
            LadybugStore(path)
    del second
    assert not path.with_name("g.lbug.wal").exists()


def test_a_forgotten_store_gives_the_file_back(tmp_path: Path) -> None:
    path = tmp_path / "g.lbug"
    store = LadybugStore(path, buffer_pool_mb=64)
    fill(store, [(USER, {"key": ["a"]})])
    del store
    with LadybugStore(path, read_only=True) as reader:
        assert reader.keys(USER).to_pylist() == ["a"]


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_child_gets_an_error_and_leaves_the_file_alone(tmp_path: Path) -> None:
    code = """if True:
        import os, sys
        from graphrec.errors import StoreError
        from graphrec.store.ladybug import LadybugStore
        store = LadybugStore(sys.argv[1], buffer_pool_mb=64)
        store.query("CREATE NODE TABLE A(id STRING PRIMARY KEY)", write=True)
        store.query("MATCH (a:A) RETURN count(*) AS n")
        pid = os.fork()
        if not pid:
            try:
                store.query("MATCH (a:A) RETURN count(*) AS n")
            except StoreError as error:
                print("spawn" in str(error), flush=True)
            store.close()
            sys.exit(3)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        store.query("CREATE (:A {id: 'x'})", write=True)
        store.close()"""
    path = tmp_path / "g.lbug"
    with child(code, path) as parent:
        out, _ = parent.communicate(timeout=60)
    assert out.splitlines() == ["True", "3"]
    with LadybugStore(path, buffer_pool_mb=64) as store:
        assert store.query("MATCH (a:A) RETURN a.id AS id")["id"].to_pylist() == ["x"]


def test_places_where_no_file_can_be(tmp_path: Path) -> None:
    with pytest.raises(ConnectionFailedError, match=r"directory .*missing does not exist. Make it first"):
        LadybugStore(tmp_path / "missing" / "g.lbug")
    with pytest.raises(ConnectionFailedError, match="is a directory"):
        LadybugStore(tmp_path)
    with pytest.raises(ConnectionFailedError, match="does not exist, and reading only makes no file"):
        LadybugStore(tmp_path / "g.lbug", read_only=True)
    with pytest.raises(ConnectionFailedError, match="is a directory"):
        LadybugStore("")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"hello " * 1000, b"L", b"PAR1" + bytes(5000), b"LBUG1\0"])
def test_what_is_no_graph_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "g.lbug"
    path.write_bytes(content)
    for read_only in (False, True):
        with pytest.raises(ConnectionFailedError, match=r"not a graph file.*Check the path"):
            LadybugStore(path, read_only=read_only)
    assert path.read_bytes() == content


@pytest.mark.parametrize("version", [0, 40, 48, 50, 2**40])
def test_a_file_of_another_version(tmp_path: Path, version: int) -> None:
    path = tmp_path / "g.lbug"
    filled(path)
    content = bytearray(path.read_bytes())
    content[4:12] = version.to_bytes(8, "little")
    path.write_bytes(content)
    with pytest.raises(ConnectionFailedError, match=rf"storage version {version}, .* reads 49.*graphrec export"):
        LadybugStore(path)
    assert path.read_bytes() == content


def test_a_file_that_was_cut_off(tmp_path: Path) -> None:
    path = tmp_path / "g.lbug"
    filled(path)
    path.write_bytes(path.read_bytes()[:4096])
    with pytest.raises(ConnectionFailedError, match=r"damaged.*restore a copy"):
        LadybugStore(path)


def test_a_damaged_log_is_refused_and_the_rest_can_be_saved(tmp_path: Path) -> None:
    path, log = tmp_path / "g.lbug", tmp_path / "g.lbug.wal"
    code = """if True:
        import os, sys
        from graphrec.store.ladybug import LadybugStore
        store = LadybugStore(sys.argv[1], buffer_pool_mb=64)
        for statement in ("CREATE NODE TABLE A(id STRING PRIMARY KEY)", "CREATE (:A {id: 'x'})", "CHECKPOINT",
                          "CREATE (:A {id: 'y'})", "CREATE (:A {id: 'z'})"):
            store.query(statement, write=True)
        os.kill(os.getpid(), 9)"""
    with child(code, path) as killed:
        killed.wait(60)
    whole = tmp_path / "whole.lbug"
    shutil.copy(path, whole)
    shutil.copy(log, tmp_path / "whole.lbug.wal")
    with LadybugStore(whole, buffer_pool_mb=64) as store:
        assert sorted(store.query("MATCH (a:A) RETURN a.id AS id")["id"].to_pylist()) == ["x", "y", "z"]
    content = bytearray(log.read_bytes())
    content[len(content) // 2] ^= 0xFF
    log.write_bytes(content)
    with pytest.raises(ConnectionFailedError, match=r"g\.lbug\.wal, is damaged.*move the .wal file away"):
        LadybugStore(path)
    assert log.read_bytes() == content
    log.rename(tmp_path / "away")
    with LadybugStore(path, buffer_pool_mb=64) as store:
        assert store.query("MATCH (a:A) RETURN a.id AS id")["id"].to_pylist() == ["x"]


def test_a_log_that_a_killed_process_left_half_written_is_read_up_to_there(tmp_path: Path) -> None:
    path, log = tmp_path / "g.lbug", tmp_path / "g.lbug.wal"
    code = """if True:
        import os, sys
        from graphrec.store.ladybug import LadybugStore
        store = LadybugStore(sys.argv[1], buffer_pool_mb=64)
        store.query("CREATE NODE TABLE A(id INT64 PRIMARY KEY, s STRING)", write=True)
        store.query("CHECKPOINT", write=True)
        for i in range(9):
            rows = [{"id": 10 * i + j, "s": "x" * 150} for j in range(10)]
            store.query("UNWIND $rows AS r CREATE (:A {id: r.id, s: r.s})", {"rows": rows}, write=True)
            print(os.path.getsize(sys.argv[1] + ".wal"), flush=True)
        os.kill(os.getpid(), 9)"""
    with child(code, path) as killed:
        assert killed.stdout is not None
        ends = [int(line) for line in killed.stdout]
    whole, file = log.read_bytes(), path.read_bytes()
    assert ends[-1] == len(whole) > 3 * PAGE
    written = range(PAGE, len(whole), PAGE)  # a log is written in pages, from where the last transaction ended
    later = [end + PAGE for end in ends if end + PAGE < len(whole)]
    anywhere = [10, ends[0] - 1, ends[3] + 3, len(whole) - 20, len(whole) - 1]
    for turn, size in enumerate([*written, *later, *anywhere], 1):
        path.write_bytes(file)
        log.write_bytes(whole[:size])
        done = sum(end <= size for end in ends)
        if turn == 2:
            with pytest.raises(ConnectionFailedError, match=r"ends within a transaction.*open it once for writing"):
                LadybugStore(path, read_only=True, buffer_pool_mb=64)
        with pytest.warns(GraphRecWarning, match=rf"killed while it wrote.*\.wal\.torn{turn};"):
            store = LadybugStore(path, buffer_pool_mb=64)
        with store:
            found = store.query("MATCH (a:A) RETURN a.id AS id ORDER BY id")["id"].to_pylist()
            assert found == list(range(10 * done))
        assert log.with_name(f"g.lbug.wal.torn{turn}").read_bytes() == whole[:size]
        with LadybugStore(path, buffer_pool_mb=64) as store:
            assert len(store.query("MATCH (a:A) RETURN a.id AS id")) == 10 * done


def test_a_log_that_is_none_is_kept_and_the_checkpoint_opens(tmp_path: Path) -> None:
    path, log = tmp_path / "g.lbug", tmp_path / "g.lbug.wal"
    filled(path)
    log.write_bytes(b"")
    with LadybugStore(path, buffer_pool_mb=64) as store:  # no warning: nothing was there
        assert len(store.keys(USER)) == 3
    log.write_bytes(b"\xff" * 2 * PAGE)
    with pytest.warns(GraphRecWarning, match="it and what may follow are not"):
        store = LadybugStore(path, buffer_pool_mb=64)
    with store:
        assert len(store.keys(USER)) == 3
    assert (tmp_path / "g.lbug.wal.torn1").read_bytes() == b"\xff" * 2 * PAGE


def test_a_damaged_file_is_not_blamed_on_a_kill(tmp_path: Path) -> None:
    path, log = tmp_path / "g.lbug", tmp_path / "g.lbug.wal"
    filled(path)
    path.write_bytes(path.read_bytes()[:PAGE])
    for content in (b"", b"\xff" * PAGE):
        log.write_bytes(content)
        with pytest.raises(ConnectionFailedError, match=r"damaged.*restore a copy"):
            LadybugStore(path, buffer_pool_mb=64)


def test_a_file_that_may_not_be_written(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "g.lbug"
    filled(path)
    path.chmod(0o444)
    request.getfixturevalue("as_nobody")
    with pytest.raises(ConnectionFailedError, match="may not be written"):
        LadybugStore(path)
    with LadybugStore(path, read_only=True) as store:
        assert len(store.keys(USER)) == 3


def test_a_file_that_may_not_be_read(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    path = tmp_path / "g.lbug"
    filled(path)
    path.chmod(0o000)
    request.getfixturevalue("as_nobody")
    with pytest.raises(ConnectionFailedError, match="may not be read"):
        LadybugStore(path, read_only=True)


def test_a_directory_that_may_not_be_written(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    place = tmp_path / "sealed"
    place.mkdir()
    place.chmod(0o555)
    request.getfixturevalue("as_nobody")
    with pytest.raises(ConnectionFailedError, match="its directory not"):
        LadybugStore(place / "g.lbug")


# -------------------------------------------------------------------- reading only, statements, errors


def test_a_store_for_reading_writes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "g.lbug"
    filled(path)
    before = path.read_bytes()
    with LadybugStore(path, read_only=True) as store:
        for write in (
            lambda: fill(store, [(USER, {"key": ["new"]})]),
            lambda: store.update_model("m", None, {"live": "a"}),
            lambda: store.query("CREATE (:User {uid: 'new'})", write=True),
            lambda: store.delete_nodes(USER, pa.array(["u1"])),
        ):
            with pytest.raises(StoreError, match="reading only"):
                write()
        assert len(store.keys(USER)) == 3
    assert path.read_bytes() == before


def test_readers_follow_a_writer(tmp_path: Path) -> None:
    """A reader sees whole states only, in order, or an error that says to read again."""
    path = tmp_path / "g.lbug"
    filled(path)
    code = """if True:
        import sys
        from graphrec.store.ladybug import LadybugStore
        with LadybugStore(sys.argv[1], buffer_pool_mb=64) as store:
            print("open", flush=True)
            for i in range(60):
                text = "UNWIND range(1, 50) AS j CREATE (:User {uid: concat($i, CAST(j AS STRING))})"
                store.query(text, {"i": f"new{i}-"}, write=True)
                if i % 7 == 0:
                    store.query("CHECKPOINT", write=True)"""
    seen: list[int] = []

    def look(store: LadybugStore) -> None:
        try:
            seen.append(len(store.keys(USER)))
        except StoreError as error:
            assert "Read again" in str(error) or "damaged" in str(error)  # noqa: PT017

    with LadybugStore(path, read_only=True, buffer_pool_mb=64) as early, child(code, path) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        while writer.poll() is None:
            look(early)
            try:
                with LadybugStore(path, read_only=True, buffer_pool_mb=64) as late:
                    look(late)
            except ConnectionFailedError as error:
                assert "damaged" in str(error)  # noqa: PT017
        assert writer.returncode == 0
        assert len(early.keys(USER)) == 3003
    assert seen
    assert all((count - 3) % 50 == 0 for count in seen)
    with LadybugStore(path, read_only=True) as late:
        assert len(late.keys(USER)) == 3003


@pytest.mark.parametrize(("failures", "waits"), [(1, True), (99, False)])
def test_a_reader_that_cannot_follow_once_follows_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failures: int, *, waits: bool
) -> None:
    path, left = tmp_path / "g.lbug", [failures]
    filled(path)

    class Moving(ladybug.Database):
        def __init__(self, *arguments: object, **options: object) -> None:
            left[0] -= 1
            if left[0] >= 0:
                raise RuntimeError('Assertion failed in file "column_chunk_data.cpp" on line 1080: UNREACHABLE')
            super().__init__(*arguments, **options)

    monkeypatch.setattr("graphrec.store.ladybug_open.RETRIES_S", (0.0,))
    with LadybugStore(path, read_only=True, buffer_pool_mb=64) as store:
        os.utime(path, (1, 1))  # as after another process's checkpoint
        monkeypatch.setattr("ladybug.Database", Moving)
        if not waits:
            with pytest.raises(ConnectionFailedError, match="damaged"):
                store.keys(USER)
        left[0] = min(left[0], 1)
        assert len(store.keys(USER)) == 3


def test_query_refuses_to_write_unless_told(ladybug_store: LadybugStore) -> None:
    fill(ladybug_store, [(USER, {"key": ["a"]})])
    with pytest.raises(StoreError, match="read-only"):
        ladybug_store.query("MATCH (u:User) DETACH DELETE u")
    assert ladybug_store.query("MATCH (u:User) RETURN u.uid AS uid").to_pydict() == {"uid": ["a"]}
    ladybug_store.query("MATCH (u:User) DETACH DELETE u", write=True)
    assert len(ladybug_store.keys(USER)) == 0


def test_errors_tell_no_parameters(ladybug_store: LadybugStore) -> None:
    for text in ("NONSENSE $p", "MATCH (n:Nowhere {x: $p}) RETURN n", "RETURN CAST($p AS INT64)"):
        with pytest.raises(StoreError) as caught:
            ladybug_store.query(text, {"p": "s3cret"})
        assert isinstance(caught.value.__cause__, RuntimeError)
        if "CAST" not in text:
            assert "s3cret" not in str(caught.value)


def test_a_transaction_left_open_by_a_user_does_no_harm(ladybug_store: LadybugStore) -> None:
    fill(ladybug_store, [(USER, {"key": ["a"]})])
    ladybug_store.query("BEGIN TRANSACTION", write=True)
    with pytest.raises(StoreError):
        ladybug_store.query("BEGIN TRANSACTION")
    fill(ladybug_store, [(USER, {"key": ["b"]})])
    assert len(ladybug_store.keys(USER)) == 2


def test_numpy_parameters(ladybug_store: LadybugStore) -> None:
    text = "RETURN $a AS a, $b AS b, $c AS c, $d AS d"
    values = {"a": np.int64(3), "b": np.float32(0.5), "c": np.array([1, 2]), "d": [np.str_("x"), np.str_("y")]}
    assert ladybug_store.query(text, values).to_pylist() == [{"a": 3, "b": 0.5, "c": [1, 2], "d": ["x", "y"]}]


def test_the_same_bulk_statement_again_and_again(ladybug_store: LadybugStore) -> None:
    rows = pa.table({"key": ["a", "b"]})
    ladybug_store.prepare_node(USER, rows.schema)
    for i in range(5):
        ladybug_store.upsert_nodes(USER, rows, Chunk(f"{i}", 0))
        assert ladybug_store.delete_nodes(USER, rows["key"].combine_chunks()) == 2


def test_many_nodes_in_several_chunks_are_all_found_by_key(ladybug_store: LadybugStore) -> None:
    keys = pa.array([f"u{row:07}" for row in range(100_000)])  # COPY twice would lose three of these from the index
    ladybug_store.prepare_node(USER, pa.schema([("key", pa.string())]))
    for number in range(2):
        ladybug_store.upsert_nodes(USER, pa.table({"key": keys[number * 50_000 :][:50_000]}), Chunk("l", number))
    ladybug_store.finish_load("l")
    text = f"LOAD FROM $rows MATCH (n:{USER.label} {{{USER.key}: key}}) RETURN count(*) AS found"
    assert ladybug_store.query(text, {"rows": pa.table({"key": keys})})["found"][0].as_py() == len(keys)


# -------------------------------------------------------------------- types


def test_types_that_the_file_can_hold(ladybug_store: LadybugStore) -> None:
    node = Node("T", "k", properties=("small", "half", "day", "when", "zoned", "tags", "kind", "large"))
    columns = {
        "key": pa.array([1], pa.int16()),
        "small": pa.array([7], pa.uint8()),
        "half": pa.array([0.5], pa.float16()),
        "day": [date(2020, 1, 2)],
        "when": [datetime(2020, 1, 2, 3, 4, 5)],
        "zoned": pa.array([1577934245], pa.timestamp("s", "Europe/Zurich")),
        "tags": [["a", "b"]],
        "kind": pa.array(["x"]).dictionary_encode(),
        "large": pa.array(["y"], pa.large_string()),
    }
    fill(ladybug_store, [(node, columns)])
    assert ladybug_store.snapshot([node], []).nodes["T"].to_pylist() == [
        {
            "key": 1,
            "small": 7,
            "half": 0.5,
            "day": date(2020, 1, 2),
            "when": datetime(2020, 1, 2, 3, 4, 5),
            "zoned": datetime(2020, 1, 2, 3, 4, 5),
            "tags": ["a", "b"],
            "kind": "x",
            "large": "y",
        }
    ]


@pytest.mark.parametrize(
    "column",
    [pa.array([b"x"]), pa.array([{"a": 1}]), pa.array([2**63], pa.uint64())],
    ids=["bytes", "struct", "too large"],
)
def test_types_that_the_file_cannot_hold(ladybug_store: LadybugStore, column: pa.Array) -> None:
    rows = pa.table({"key": ["a"], "p": column})
    with pytest.raises(DataError, match="'p'"):
        fill(ladybug_store, [(USER, {name: rows[name] for name in rows.column_names})])
    assert len(ladybug_store.keys(USER)) == 0


def test_a_property_keeps_its_type(ladybug_store: LadybugStore) -> None:
    fill(ladybug_store, [(ITEM, {"key": [1], "price": [1.5], "year": [1990]})])
    fill(ladybug_store, [(ITEM, {"key": [2], "price": [2]})])
    found = {row["key"]: row["price"] for row in ladybug_store.snapshot([ITEM], []).nodes["Item"].to_pylist()}
    assert found == {1: 1.5, 2: 2.0}
    for name, value in (("year", 1990.5), ("price", "cheap")):
        with pytest.raises(DataError, match=rf"'{name}' of 'Item' is .*Convert the column"):
            fill(ladybug_store, [(ITEM, {"key": [1], name: [value]})])
    with pytest.raises(DataError, match="only in case"):
        fill(ladybug_store, [(ITEM, {"key": [1], "Year": [1]})])
    with pytest.raises(DataError, match="database uses this name"):
        fill(ladybug_store, [(ITEM, {"key": [1], "_id": [1]})])
    tagged = Relationship("ITEM", ITEM, Node("Tag", "k"))
    with pytest.raises(SchemaError, match=r"'ITEM' is taken by the label 'Item': .* whatever its case.*another name"):
        connect(ladybug_store, tagged, {"source": [1], "target": ["a"]})
    with pytest.raises(SchemaError, match="'item' is taken by the label 'Item'"):
        fill(ladybug_store, [(Node("item", "sku"), {"key": [1]})])
    for dotted in (Node("a.b", "k"), Node("Item.", "sku")):
        with pytest.raises(SchemaError, match="without a dot"):
            fill(ladybug_store, [(dotted, {"key": [1]})])
    with pytest.raises(SchemaError, match="without a dot"):
        connect(ladybug_store, Relationship("a.b", ITEM, ITEM), {"source": [1], "target": [2]})
    with pytest.raises(DataError, match="rows hold STRING"):
        fill(ladybug_store, [(ITEM, {"key": ["one"]})])
    with pytest.raises(SchemaError, match=r"key of 'Item' in this graph file is 'sku', not 'id'"):
        fill(ladybug_store, [(Node("Item", "id"), {"key": [1]})])
    with pytest.raises(SchemaError, match=r"no property 'nowhere' to be its key"):
        ladybug_store.keys(Node("Item", "nowhere"))


def test_times_of_all_kinds_become_epoch_seconds(ladybug_store: LadybugStore) -> None:
    fill(ladybug_store, [(USER, {"key": ["u"]}), (ITEM, {"key": [1, 2, 3]})])
    for values, expected in (
        (pa.array([datetime(1969, 12, 31, 23, 59, 59, 500_000), None, datetime(2020, 1, 1)]), [-1, None, 1577836800]),
        (pa.array([date(1970, 1, 2), date(1969, 12, 31), None]), [86400, -86400, None]),
        (pa.array([1.9, -0.5, None]), [1, -1, None]),
        (pa.array(["1970-01-01T00:00:10", "1970-01-02 00:00:00", None]), [10, 86400, None]),
    ):
        edge = Relationship(f"AT {values.type}", USER, ITEM, None, "at")
        connect(ladybug_store, edge, {"source": ["u"] * 3, "target": [1, 2, 3], "at": values})
        found = ladybug_store.snapshot([], [edge])
        keys = found.nodes["Item"]["key"].to_pylist()
        rows = found.edges[edge.type].to_pylist()
        assert {keys[row["target"]]: row["time"] for row in rows} == dict(zip((1, 2, 3), expected, strict=True))
    bad = Relationship("BAD", USER, ITEM, "w", "at")
    connect(ladybug_store, bad, {"source": ["u"], "target": [1], "at": ["yesterday"], "w": ["much"]})
    with pytest.raises(DataError, match=r"time 'at' of 'BAD' must be epoch seconds"):
        ladybug_store.snapshot([], [Relationship("BAD", USER, ITEM, None, "at")])
    with pytest.raises(DataError, match=r"weight 'w' of 'BAD' must be a number"):
        ladybug_store.snapshot([], [bad])


def test_vectors_of_a_wrong_shape(ladybug_store: LadybugStore) -> None:
    fill(ladybug_store, [(ITEM, {"key": [1, 2]})])
    fence = lock(ladybug_store)
    with pytest.raises(SchemaError, match=r"no label 'User'. Did you mean|no label 'User'. Known"):
        ladybug_store.prepare_vectors(USER, "m_a", 2, index=False)
    with pytest.raises(ArgumentError, match="index"):
        ladybug_store.prepare_vectors(ITEM, "m_a", 2, index=True)
    ladybug_store.prepare_vectors(ITEM, "m_a", 2, index=False)
    with pytest.raises(ArgumentError, match=r"must be \[2, d\]"):
        ladybug_store.write_vectors(ITEM, "m_a", pa.array([1, 2]), np.ones((1, 2), np.float32), fence)
    with pytest.raises(StoreError):
        ladybug_store.write_vectors(ITEM, "m_a", pa.array([1, 2]), np.ones((2, 3), np.float32), fence)
    assert ladybug_store.read_vectors(ITEM, "m_a")[1].shape[0] == 0


# -------------------------------------------------------------------- faults


def test_a_full_disk_is_an_error_and_what_was_acknowledged_stays(tmp_path: Path) -> None:
    """The limit on the size of a file stands for the disk: the same refusal to write, without a mount."""
    code = """if True:
        import resource, signal, sys
        import pyarrow as pa
        from graphrec.errors import StoreError
        from graphrec.schema import Node
        from graphrec.store.ladybug import LadybugStore
        from graphrec.store.protocol import Chunk
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4 << 20, 4 << 20))
        node = Node("User", "uid")
        store = LadybugStore(sys.argv[1], buffer_pool_mb=64)
        store.prepare_node(node, pa.schema([("key", pa.string()), ("text", pa.string())]))
        try:
            for number in range(1000):
                keys = [f"{number}-{i}" for i in range(200)]
                rows = pa.table({"key": keys, "text": [key * 50 for key in keys]})
                store.upsert_nodes(node, rows, Chunk("load", number))
                print(number, flush=True)
        except StoreError as error:
            print("refused", type(error).__name__, flush=True)
        try:
            store.close()
        except StoreError:
            pass"""
    path = tmp_path / "g.lbug"
    with child(code, path) as writer:
        out, _ = writer.communicate(timeout=120)
    lines = out.splitlines()
    assert lines[-1] == "refused StoreError"
    done = len(lines) - 1
    assert 0 < done < 1000
    assert resource.getrlimit(resource.RLIMIT_FSIZE)[0] == resource.RLIM_INFINITY
    with LadybugStore(path, buffer_pool_mb=64) as store:
        assert store.chunks_done("load") in (done, done + 1)
        assert len(store.keys(USER)) == 200 * store.chunks_done("load")


@pytest.mark.parametrize("delay", [0.1, 0.5])
def test_a_killed_load_goes_on_where_it_stopped(tmp_path: Path, delay: float) -> None:
    code = """if True:
        import sys
        import pyarrow as pa
        from graphrec.schema import Node, Relationship
        from graphrec.store.ladybug import LadybugStore
        from graphrec.store.protocol import Chunk
        node = Node("User", "uid")
        edge = Relationship("FOLLOWS", node, node)
        store = LadybugStore(sys.argv[1], buffer_pool_mb=128)
        keys = [f"{i}" for i in range(2000)]
        store.prepare_node(node, pa.schema([("key", pa.string())]))
        store.prepare_relationship(edge, pa.schema([]))
        if not len(store.keys(node)):
            store.upsert_nodes(node, pa.table({"key": keys}), Chunk("nodes", 0))
        done = store.chunks_done("edges")
        print(done, flush=True)
        for number in range(done, 16):
            rows = pa.table({"source": keys, "target": keys[number + 1:] + keys[:number + 1]})
            store.upsert_edges(edge, rows, Chunk("edges", number, fresh=number % 2 == 0))
            print(number + 1, flush=True)
        store.close()"""
    path = tmp_path / "g.lbug"
    with child(code, path) as killed:
        assert killed.stdout is not None
        killed.stdout.readline()
        time.sleep(delay)
        killed.kill()
        told = [0, *map(int, killed.stdout.read().split())]
    with child(code, path) as again:
        out, _ = again.communicate(timeout=120)
    counts = list(map(int, out.split()))
    assert counts[0] in (told[-1], told[-1] + 1)
    assert counts[-1] == 16
    with LadybugStore(path, buffer_pool_mb=128) as store:
        info = store.describe().relationships[0]
        assert info.count == 32_000
        pairs = store.query("MATCH (a)-[r:FOLLOWS]->(b) RETURN DISTINCT a.uid AS a, b.uid AS b")
        assert pairs.num_rows == 32_000


def test_a_fresh_chunk_with_unknown_ends_writes_the_others(ladybug_store: LadybugStore) -> None:
    fill(ladybug_store, [(USER, {"key": ["a"]}), (ITEM, {"key": [1]})])
    assert connect(ladybug_store, RATED, {"source": ["a", "x"], "target": [1, 1]}, fresh=True) == 1
    assert ladybug_store.snapshot([], [RATED]).edges["RATED"].num_rows == 1
