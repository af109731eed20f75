"""Who is found: the c with the largest sums, whoever is given besides, and nobody who is hidden."""

from __future__ import annotations

import importlib
import subprocess
import sys

import numpy as np
import pytest
import scipy.sparse as sp
from social.graphs import dense_sums, members_of, random_ties

from graphrec.errors import MissingExtraError
from graphrec.social.paths import ADAMIC_ADAR, Paths
from graphrec.social.reach import BLOCK, by_blocks

C = 7


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("hub", [5, 10**9])
def test_the_best_are_found_and_a_bound_holds_for_the_rest(seed: int, hub: int) -> None:
    ties, generator = random_ties(seed), np.random.default_rng(seed)
    n, sums = ties.shape[0], dense_sums(ties)
    hidden, allowed = ties + sp.eye_array(n, format="csr"), generator.random(n) < 0.8
    extra = generator.integers(-1, n, (n, 3)).astype(np.int32)
    users = generator.permutation(n)
    found = Paths(ties, ties, members_of(ties), hub).nearest(
        users, C, hidden[users], allowed, by=ADAMIC_ADAR, extra=extra
    )
    assert found.rows.shape == (n, C + 3)
    for b, u in enumerate(users):
        may = [v for v in range(n) if allowed[v] and not hidden[u, v]]
        rows = found.rows[b][found.rows[b] >= 0].tolist()
        assert len(set(rows)) == len(rows)
        assert set(rows) <= set(may)
        assert {v for v in extra[b].tolist() if v in may} <= set(rows)
        assert (found.rows[b][len(rows) :] == -1).all()
        for j in range(3):
            np.testing.assert_allclose(found.sums[b, : len(rows), j], sums[j][u, rows], rtol=1e-5)
        assert (found.sums[b, len(rows) :] == 0).all()
        rest = [sums[ADAMIC_ADAR][u, v] for v in may if v not in rows]
        assert max(rest, default=0) <= found.bound[b] * (1 + 1e-5) + 1e-6
        if hub > n:
            best = sorted(
                (v for v in may if sums[0][u, v] > 0), key=lambda v: (-round(sums[ADAMIC_ADAR][u, v], 4), v)
            )
            first = rows[: len(best[:C])]
            np.testing.assert_allclose(sums[ADAMIC_ADAR][u, first], sums[ADAMIC_ADAR][u, best[:C]], rtol=1e-4)


def test_equal_sums_go_by_row_and_nothing_is_left_of_earlier_users() -> None:
    star = np.zeros((40, 40), np.float32)
    star[0, 1:] = star[1:, 0] = 1
    ties = sp.csr_array(star)
    paths = Paths(ties, ties, members_of(ties), 10**9)
    users = np.tile(np.arange(40), 2 * BLOCK // 40 + 1)  # more than one block, the hub among them each time
    found = paths.nearest(users, 5, ties[users], np.ones(40, np.bool_))
    for u, rows in zip(users, found.rows, strict=True):
        expected = [v for v in range(1, 40) if v != u][:5] if u else [-1] * 5
        assert rows.tolist() == expected
    assert (found.bound[users == 0] == 0).all()


def test_no_candidates_but_the_given_ones() -> None:
    ties = random_ties(3)
    n = ties.shape[0]
    paths = Paths(ties, ties, members_of(ties), 10**9)
    extra = np.tile(np.array([[1, 1, 0]], np.int32), (n, 1))  # somebody twice
    found = paths.nearest(np.arange(n), 0, sp.csr_array((n, n)), np.ones(n, np.bool_), by=1, extra=extra)
    assert [set(rows.tolist()) - {-1} for rows in found.rows] == [{0, 1} - {u} for u in range(n)]
    np.testing.assert_allclose(found.sums[2, :2, 1], dense_sums(ties)[1][2, [1, 0]], rtol=1e-5)


def test_blocks_are_all_done_and_errors_come_through() -> None:
    done = np.zeros(3 * BLOCK + 1, np.int64)

    def work(start: int, stop: int) -> None:
        done[start:stop] += 1

    by_blocks(len(done), work)
    assert (done == 1).all()
    by_blocks(0, work)
    with pytest.raises(ZeroDivisionError):
        by_blocks(3, lambda start, stop: 1 // start)


def test_without_numba_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "numba", None)
    for name in ("reach", "hubs", "table"):
        monkeypatch.delitem(sys.modules, f"graphrec.social.{name}")
    with pytest.raises(MissingExtraError, match=r"people .* pip install 'graphrec\[friends\]'"):
        importlib.import_module("graphrec.social.reach")
    code = (
        "import sys\nsys.modules['numba'] = None\nfrom graphrec.cli.app import run\n"
        "sys.exit(run(['friends', 'evaluate', '--url', 'none.lbug']))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "graphrec[friends]" in done.stderr
