"""Suggesting people at scale: users a second, memory and exactness on a power-law graph, and against networkx.

Each case is a process of its own, so that its peak of memory is its own.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from benchmarks.measure import ROOT, goal, spread
from benchmarks.memory import peak
from graphrec import GraphSchema, Node, Social
from graphrec.data.dataset import Dataset
from graphrec.social.friends import Friends
from graphrec.social.paths import ADAMIC_ADAR
from graphrec.social.people import people_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from benchmarks.measure import Bench
    from graphrec.social.friends import FittedFriends

SIZES, DEGREE, HUB, K = (100_000, 1_000_000), 40, 500_000, 20
MODELS = {
    "adamic-adar": Friends(by="adamic-adar"),
    "blend": Friends(candidates=40, dim=64, precision=1e-4, trees=100),
}
CASES = ((SIZES[0], "adamic-adar"), (SIZES[0], "blend"), (SIZES[1], "adamic-adar"))
SAMPLE = {"adamic-adar": 50_000, "blend": 20_000}
BLOCK = 4096
BLOCKS = 5  # of users who reach about as many
SCHEMA = GraphSchema(user=Node("User", "id", "integer"), social=[Social("FRIEND")])


def run(bench: Bench) -> dict[str, Any]:
    rows, seen = [], {}
    for size, name in CASES:
        n = bench.size(size, size // 500)
        seen[size, name] = found = _in_process(bench, "people", name, n, 0)
        rows.append({"users": n, "ties": n * DEGREE // 2, "score": name, **found})
    n, hub = bench.size(SIZES[1], SIZES[1] // 500), bench.size(HUB, HUB // 500)
    hubs = _in_process(bench, "people", "adamic-adar", n, hub)
    rows.append({"users": n, "ties": n * DEGREE // 2 + hub, "score": f"adamic-adar, a hub of {hub:,} ties", **hubs})
    pairs = _in_process(bench, "networkx", "adamic-adar", bench.size(SIZES[0], SIZES[0] // 500), 0)
    speed, off = "users a second, median", "measured / stated - 1"
    worst = max(abs(row[off]) for row in rows)
    return {
        "title": "Suggesting people at scale",
        "goals": [
            *(
                goal(f"{size:,} users, {name}: users to scores a second", found[speed], "/s", 5_000, 20_000)
                for (size, name), found in seen.items()
            ),
            goal(f"the same with a hub of {HUB:,} ties, adamic-adar", hubs[speed], "/s", 5_000, 20_000),
            goal("the list of that hub itself", hubs["longest list, s"], "s"),
            goal("pairs a second against networkx's Adamic-Adar", pairs["times"], "x", 200, 1000),
            goal(
                "largest distance of a peak from what is stated beforehand", max(worst * 100, 0.1), "%", 25, less=True
            ),
        ],
        "tables": {"Users to scores": rows, "Adamic-Adar of the same pairs": [pairs]},
        "notes": [
            f"Ties are drawn between users whose expected numbers of ties follow a power law of exponent 2.5, "
            f"{DEGREE} on average; rows are in no order that helps. Speed: lists of "
            f"{K} for users drawn at random, in blocks of {BLOCK:,}. "
            "Exact: nobody who was no candidate has a larger sum than the last of the list, by the bound of "
            "`graphrec.social.paths`. Peak: of the process, beyond the dataset with the ties. Stated beforehand: "
            "`Friends.memory`, from counts alone.",
            f"adamic-adar: {MODELS['adamic-adar']!r}. blend: {MODELS['blend']!r}.",
            "networkx: `adamic_adar_index` of all friends of friends of some users; the values are equal to 1e-4.",
        ],
    }


def power_law(n: int, ties: int, seed: int = 0) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return distinct ties; how many a user has follows a power law of exponent 2.5, flat for the first ten."""
    generator = np.random.default_rng(seed)
    row_of, low, high = generator.permutation(n), 10 ** (1 / 3), (n + 10) ** (1 / 3)
    codes = np.zeros(0, np.int64)
    while len(codes) < ties:
        ends = (low + generator.random((2, round(1.1 * (ties - len(codes))) + 100)) * (high - low)) ** 3 - 10
        first, second = row_of[np.minimum(ends.astype(np.int64), n - 1)]
        new = (np.minimum(first, second) * n + np.maximum(first, second))[first != second]
        codes = np.sort(np.concatenate([codes, new]))
        codes = codes[np.diff(codes, prepend=-1) > 0]
    source, target = np.divmod(generator.choice(codes, ties, replace=False), n)
    return source, target


def dataset(n: int, hub: int = 0) -> Dataset:
    """Return users with ties; the first one has ``hub`` ties more."""
    source, target = power_law(n, n * DEGREE // 2)
    fans = np.random.default_rng(1).permutation(n - 1)[:hub] + 1
    ties = {"source": np.append(source, np.zeros(len(fans), np.int64)), "target": np.append(target, fans)}
    return Dataset.from_tables(SCHEMA, {"User": pa.table({"key": np.arange(n)})}, {"FRIEND": pa.table(ties)})


def _in_process(bench: Bench, case: str, name: str, n: int, hub: int) -> dict[str, Any]:
    words = [sys.executable, "-W", "ignore", "-m", "benchmarks.friends_scale", case, name]
    command = [*words, str(n), str(hub), str(bench.repeats)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def people(name: str, n: int, hub: int, repeats: int) -> dict[str, Any]:
    """Return the figures of one model on one graph."""
    Friends(candidates=2, dim=2, trees=1, **({"by": name} if name != "blend" else {})).fit(people_of(dataset(300)))
    data = dataset(n, hub)
    before, began = peak(), time.perf_counter()
    ties = people_of(data)
    fitted = MODELS[name].fit(ties)
    fitted.suggest(np.arange(min(n, 100)), K)
    built = time.perf_counter() - began
    users = np.random.default_rng(2).permutation(n)[: SAMPLE[name]]
    speeds = []
    for _ in range(repeats):
        began = time.perf_counter()
        exact = sum(_exact(fitted, users[start : start + BLOCK]) for start in range(0, len(users), BLOCK))
        speeds.append(len(users) / (time.perf_counter() - began))
    began = time.perf_counter()
    fitted.suggest(np.asarray([int(np.argmax(fitted.evidence.degrees[0]))]), K)
    longest, measured = time.perf_counter() - began, peak() - before
    return {
        "most ties": int(fitted.evidence.degrees[0].max()),
        "built in s": round(built, 1),
        **{f"users a second, {key}": value for key, value in spread(speeds, 0).items() if key != "all"},
        "exact lists": round(exact / len(users), 4),
        "longest list, s": round(longest, 6),
        "peak MB": round(measured / 1e6),
        "measured / stated - 1": round(measured / MODELS[name].memory(n, len(data.edges["FRIEND"])) - 1, 3),
    }


def _exact(fitted: FittedFriends, users: NDArray[np.int64]) -> int:
    """Return for how many users nobody was left out who has a larger sum than the last of the list."""
    found = fitted.suggest(users, K)
    if fitted.config.by != "adamic-adar":
        return 0
    last = np.where(found.rows[:, -1] >= 0, found.scores[:, -1], 0)
    return int((found.bound <= last * (1 + 1e-6)).sum())


def networkx(name: str, n: int, hub: int, repeats: int) -> dict[str, Any]:
    """Return how long networkx and graphrec take for the same pairs; see `graphrec.social.paths.Paths.at`."""
    import networkx as nx

    ties = people_of(dataset(n, hub))
    evidence = MODELS[name].fit(ties).evidence
    source, target = evidence.ties.nonzero()
    graph = nx.from_edgelist(zip(source.tolist(), target.tolist(), strict=True))
    users = np.random.default_rng(2).permutation(n)[:200]
    two = (evidence.ties[users] @ evidence.ties).tocsr()
    blocks, pairs = [], []
    for rows in np.array_split(np.argsort(np.diff(two.indptr)), BLOCKS):
        reached = [two.indices[two.indptr[row] : two.indptr[row + 1]] for row in rows]
        others = np.full((len(rows), max(map(len, reached))), -1, np.int32)
        for place, (row, those) in enumerate(zip(rows, reached, strict=True)):
            those = those[those != users[row]]
            others[place, : len(those)] = those
            pairs += [(int(users[row]), int(other)) for other in those]
        blocks.append((users[rows], others))
    paths = evidence.paths[""]
    paths.at(users[:1], blocks[0][1][:1])
    ours, theirs = [], []
    for _ in range(repeats):
        began = time.perf_counter()
        found = [paths.at(*block)[..., ADAMIC_ADAR] for block in blocks]
        ours.append(time.perf_counter() - began)
    began = time.perf_counter()
    values = [value for _, _, value in nx.adamic_adar_index(graph, pairs)]
    theirs.append(time.perf_counter() - began)
    sums = np.concatenate([each[others >= 0] for each, (_, others) in zip(found, blocks, strict=True)])
    np.testing.assert_allclose(sums, values, rtol=1e-4)
    taken = sorted(ours)[len(ours) // 2]
    return {
        "users": n,
        "pairs": len(pairs),
        "networkx, pairs a second": round(len(pairs) / theirs[0]),
        "graphrec, pairs a second": round(len(pairs) / taken),
        "times": round(theirs[0] / taken, 1),
    }


def figures(kind: str, name: str, n: int, hub: int, repeats: int) -> dict[str, Any]:
    """Return what one case measures in this process."""
    return {"people": people, "networkx": networkx}[kind](name, n, hub, repeats)


if __name__ == "__main__":
    print(json.dumps(figures(*sys.argv[1:3], *map(int, sys.argv[3:]))))
