"""The job that suggests people: read, rank, word, write user by user; one run at a time, and it goes on after a kill.

The record of a run is the node ``(:GraphrecModel {name: "friends:SUGGESTED"})``: its lock, the version, the run that
is under way with the last user done, and the report of the last one. Users are done in the order of their keys.
"""

from __future__ import annotations

import hashlib
import json
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from graphrec.data.tables import as_keys
from graphrec.errors import ArgumentError, check_type, check_whole, is_number, problem
from graphrec.friends.needs import must_fit
from graphrec.friends.people import DAY, NO_STATE, read_people
from graphrec.friends.report import Report, exposure_of
from graphrec.online.nodes import check_now
from graphrec.publish.record import find, kept, locked
from graphrec.publish.vectors import silent
from graphrec.rank.topk import check_k
from graphrec.store.suggestions import Stamp
from graphrec.store.validate import require_people

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from graphrec.friends.people import Known
    from graphrec.publish.record import Lock
    from graphrec.publish.vectors import Progress
    from graphrec.schema import GraphSchema
    from graphrec.social.friends import Friends
    from graphrec.store.protocol import GraphStore, Record

BLOCK = 2_000
"""Users whose lists are made together, and written in one transaction."""


@dataclass(frozen=True)
class Run:
    """What a run is to do, and what makes two runs the same.

    Attributes:
        k: the length of the lists.
        days: for how long suggestions are shown.
        cap: in how many lists one person may stand, those of users whose lists stay as they are included; None is
            any number.
        users: ``"all"``, ``"changed"`` (whoever's ties, friends' ties or tastes differ from those of their last
            list, and everybody where the last run over all ends within a day), or keys.
    """

    k: int = 20
    days: float = 7.0
    cap: int | None = None
    users: str | Sequence[Any] = "all"

    def check(self) -> None:
        """Raise where a field breaks its rule.

        Raises:
            ArgumentError: one does.
        """
        check_k(self.k)
        if not is_number(self.days) or not 0 < self.days <= 36_500:
            remedy = "What expires in the past is never shown."
            raise ArgumentError(problem("days", "must be above 0 and at most 36,500", self.days, remedy))
        if self.cap is not None:
            check_whole("cap", self.cap, 1)
        if isinstance(self.users, str) and self.users not in ("all", "changed"):
            raise ArgumentError(problem("users", "must be 'all', 'changed' or a list of keys", self.users))

    @property
    def scope(self) -> str:
        """What a report calls its users."""
        return self.users if isinstance(self.users, str) else "given"

    def identity(self, config: Friends) -> str:
        """Return a hash by which a run that was cut off is known again."""
        users = self.users if isinstance(self.users, str) else as_keys(self.users, "users").to_pylist()
        text = json.dumps([self.k, self.days, self.cap, users, config.model_dump_json()], default=int)
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def record_name(schema: GraphSchema) -> str:
    """Return the name of the record of runs; no published model can have it."""
    return f"friends:{schema.suggestions.type}"


def suggest_friends(
    store: GraphStore,
    schema: GraphSchema,
    config: Friends,
    run: Run,
    *,
    wait_s: float = 0.0,
    dry: bool = False,
    force: bool = False,
    now: float | None = None,
    progress: Progress = silent,
) -> Report:
    """Rank people for users and write the lists into the graph; see `Run` and `graphrec.social.friends.Friends`.

    Each user's list is replaced in one transaction, so that it is always entirely an old or entirely a new one.
    Whoever must not be suggested is left out when lists are made, again when they are written, and again whenever
    they are read. A run that was cut off is gone on with by the next run with the same arguments.

    Args:
        store: the graph.
        schema: what the labels mean.
        config: how to rank.
        run: for whom, how many, for how long.
        wait_s: how long to wait for another run to end.
        dry: write no list.
        force: go on where memory will not do by the plan.
        now: epoch seconds; None is this machine's clock.
        progress: called after each block of users.

    Raises:
        ArgumentError: an argument breaks its rule.
        SchemaError: the graph does not hold what the schema names.
        DataError: there are no ties.
        UnknownKeyError: a given user is not in the graph.
        MemoryPlanError: it would not fit.
        PublishError: another run is under way, or took over.

    Cost: memory as `graphrec.friends.needs.job_memory` says; a suggestion written takes 0.1 ms in a graph file,
    or some 0.5 where it replaces another and millions are there, and 0.5 ms on Neo4j.
    """
    from graphrec.social.friends import Friends  # needs the extra "friends"

    check_type("config", config, Friends, "Make one with `Friends(...)`; k, days, cap and users are options.")
    run.check()
    at = check_now(now)
    notes = require_people(schema, store.describe())
    if not force:
        must_fit(store, schema, config, run.k)
    store.prepare_suggestions(schema)
    what = f"the suggestions {schema.suggestions.type!r}"
    with locked(store, record_name(schema), wait_s, what=what) as lock, kept(lock):
        return _Job(store, schema, config, run, lock, dry, int(at)).run(notes, progress)


def last_report(store: GraphStore, schema: GraphSchema) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """Return the report of the last run that ended, and what is known of one that is under way or was cut off."""
    record = find(store, record_name(schema)) or {}
    report, run = (json.loads(str(record[name])) if record.get(name) else None for name in ("report", "run"))
    return report, run


class _Job:
    """One run under the lock."""

    def __init__(
        self, store: GraphStore, schema: GraphSchema, config: Friends, run: Run, lock: Lock, dry: bool, now: int
    ) -> None:
        self.store, self.schema, self.config, self.wanted = store, schema, config, run
        self.lock, self.dry, self.now = lock, dry, now
        self.record: Record = find(store, lock.name) or {}
        self.identity = run.identity(config)

    def run(self, notes: list[str], progress: Progress) -> Report:
        begun, stamp = self._begin()
        report = Report(stamp.version, stamp.model, self.wanted.scope, bool(begun), self.dry, notes=list(notes))
        with _timed(report, "reading"):
            known = read_people(self.store, self.schema, self.now, tastes=self.config.tastes)
        report.notes = list(dict.fromkeys([*report.notes, *known.notes]))
        if stamp.created > self.now:
            report.notes.append("The run that is gone on with is dated later than now: the clock was put back.")
        whole_until = float(cast("float", self.record.get("whole_until") or 0))
        ranked_by = f"{self.config.model_dump_json()} {self.schema.suggestions.model_dump_json()} {self.wanted.k}"
        states = known.states(ranked_by)
        rows = self._users(known, states, report, whole_until)
        if stamp.expires < whole_until:  # before everybody's lists end: the next run of the changed renews these
            states = np.full_like(states, NO_STATE)
        rows = self._not_done(known, rows, begun)
        counts = np.zeros(len(known.people.users), np.int64)
        if self.wanted.cap is not None and len(rows) < len(counts):
            self._count(counts, known, rows)
        if len(rows) or self.wanted.scope != "changed":  # else learning would be all the work
            self._replace(known, rows, states, counts, stamp, report, progress)
        report.exposure = exposure_of(counts[known.allowed])
        if not self.dry:
            with _timed(report, "removing"):
                whole = stamp.version if self.wanted.scope == "all" else None
                report.removed = self.store.remove_suggestions(self.schema, self.now, whole)
            ended: Record = {"report": json.dumps(report.document()), "run": None, "done": None}
            self.lock.set(ended | ({"whole_until": stamp.expires} if self.wanted.scope == "all" else {}))
        return report

    def _replace(
        self,
        known: Known,
        rows: NDArray[np.int64],
        states: NDArray[np.int64],
        counts: NDArray[np.int64],
        stamp: Stamp,
        report: Report,
        progress: Progress,
    ) -> None:
        """Learn, rank and write, block by block."""
        from graphrec.friends.lists import Lists  # needs the extra "friends"

        with _timed(report, "learning"):
            fitted = self.config.fit(known.people)
        k = min(self.wanted.k, len(counts))
        lists = Lists(known, fitted, report, counts, k=k, cap=self.wanted.cap)
        first, made = 0, []
        for start in range(0, len(rows), BLOCK):
            stop = min(start + BLOCK, len(rows))
            with _timed(report, "ranking"):
                made.append(lists.make(rows[start:stop]))
            if stop == len(rows) or stop - first + sum(map(len, made)) >= self.store.capabilities.suggestion_rows:
                with _timed(report, "writing"):
                    self._write(known, rows[first:stop], states, pa.concat_tables(made), stamp, report)
                first, made = stop, []
            progress("users", stop, len(rows))

    def _begin(self) -> tuple[dict[str, Any] | None, Stamp]:
        """Return the run that is gone on with, and what this one's suggestions carry."""
        text = self.record.get("run")
        begun = json.loads(str(text)) if text else None
        if begun and (begun["identity"] != self.identity or begun["expires"] <= self.now or self.dry):
            begun = None
        if begun:
            return begun, Stamp(begun["model"], begun["version"], begun["created"], begun["expires"])
        version = int(cast("int", self.record.get("version") or 0)) + 1
        stamp = Stamp(self.config.by, version, self.now, self.now + max(1, round(self.wanted.days * DAY)))
        if not self.dry:
            begin = {"identity": self.identity, **vars(stamp), "scope": self.wanted.scope}
            self.lock.set({"version": version, "run": json.dumps(begin), "done": None})
        return None, stamp

    def _users(
        self, known: Known, states: NDArray[np.int64], report: Report, whole_until: float
    ) -> NDArray[np.int64]:
        if not isinstance(self.wanted.users, str):
            return np.unique(known.people.users.require(self.wanted.users, "users"))
        everybody = np.arange(len(known.people.users))
        if self.wanted.users == "all":
            return everybody
        if whole_until - self.now < DAY:
            report.notes.append("Everybody was taken: the lists of the last run over all end within a day.")
            return everybody
        changed = (known.stored == NO_STATE) | (known.stored != states)
        report.unchanged = int((~changed).sum())
        return np.flatnonzero(changed)

    def _not_done(self, known: Known, rows: NDArray[np.int64], begun: dict[str, Any] | None) -> NDArray[np.int64]:
        done = self.record.get("done") if begun else None
        if not done:
            return rows
        keys = known.people.users.keys
        last = pa.scalar(json.loads(str(done)), keys.type)
        # rows are in the order of keys, so what comes after the last one done is left
        left: NDArray[np.int64] = rows[rows >= int(pc.sum(pc.less_equal(keys, last)).as_py())]
        return left

    def _count(self, counts: NDArray[np.int64], known: Known, rows: NDArray[np.int64]) -> None:
        """Count the lists that people stand in already, of users other than those of ``rows``."""
        found = self.store.suggestions(self.schema, None, len(counts), self.now)
        users, others = (known.people.users.rows(found[name]) for name in ("user", "other"))
        np.add.at(counts, others[(others >= 0) & ~np.isin(users, rows)], 1)

    def _write(
        self,
        known: Known,
        some: NDArray[np.int64],
        states: NDArray[np.int64],
        chosen: pa.Table,
        stamp: Stamp,
        report: Report,
    ) -> None:
        report.users += len(some)
        if self.dry:
            report.suggestions += len(chosen)
            return
        keys = known.people.users.take(some)
        done: Record = {"done": json.dumps(keys[-1].as_py())}
        users = pa.table({"key": keys, "state": states[some]})
        written = self.store.replace_suggestions(self.schema, users, chosen, stamp, self.lock.fence(), done)
        report.suggestions += written
        report.refused += len(chosen) - written


@contextmanager
def _timed(report: Report, phase: str) -> Iterator[None]:
    start = time.perf_counter()
    yield
    report.seconds[phase] = report.seconds.get(phase, 0.0) + time.perf_counter() - start
