"""The rules between rooms hold, and what enforces them would notice if they did not."""

from __future__ import annotations

import ast
import json
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import graphrec
import graphrec.models

CHECKOUT = Path(__file__).parents[1]
ROOMS = CHECKOUT / "graphrec"
TESTS = CHECKOUT / "tests"
FILES = sorted(path.relative_to(ROOMS) for path in ROOMS.rglob("*.py"))
CONTRACTS = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
LEARNING = ("data", "rank", "evaluation", "train", "models", "tuning", "social")

LONGEST = 300
LONGER: dict[str, str] = {}  # file: why it is one thing all the same
NO_TEST_OF_ITS_OWN = {  # file: why
    "__main__.py": "two lines that call the command line",
    "social/hubs.py": "test_paths.py walks graphs with hubs",
    "store/protocol.py": "promises only; the contract suite holds both stores to them",
    "rank/scorer.py": "promises only; each model is held to them",
    "data/arrow.py": "what test_source.py gives comes through it",
    "data/check.py": "its rules are the cases of test_rows.py",
    "data/columns.py": "which column means what is in test_rows.py",
    "friends/lists.py": "test_job.py reads the lists that it makes",
    "friends/people.py": "test_job.py plants all that it reads",
    "friends/report.py": "test_job.py reads what it counts",
    "publish/columns.py": "test_vectors.py and test_features.py write through it",
    "publish/served.py": "test_refresh.py reads what it marks",
    "publish/numbers.py": "test_communities.py and test_clusters.py write through it",
    "models/hybrid.py": "test_rank_fusion.py, test_learned_fusion.py and test_cascade.py fit through it",
    "models/wrapper.py": "test_cold_start.py and test_friend_tastes.py fit through it",
    "publish/network.py": "test_communities.py and test_job.py read graphs through it",
    "doctor/finding.py": "test_examine.py reads what it finds",
    "doctor/machine.py": "test_examine.py asks for all findings together",
    "doctor/models.py": "test_examine.py asks for all findings together",
    "tuning/study.py": "test_tune.py goes on with studies and damages them",
    "tuning/tuned.py": "test_tune.py writes what it found",
    "train/checkpoint.py": "pausing and going on is in test_loop.py",
    "train/history.py": "a record that test_loop.py and test_fitted.py read",
}
# A line that breaks each contract, and the file that it is put into.
PLANTED = {
    "A room imports only rooms before it": ("data/split.py", "import graphrec.rank.topk"),
    "Learning never touches a database": ("models/lightgcn.py", "import graphrec.store.queries"),
    "Only the store opens a driver": ("publish/vectors.py", "import neo4j"),
    "Schema and store never load torch": ("store/queries.py", "import torch"),
    "No model knows another": ("models/random.py", "import graphrec.models.popularity"),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
    return subprocess.run([sys.executable, "-c", code], cwd=folder, capture_output=True, text=True, check=False)


def loaded_after(*modules: str) -> set[str]:
    """The modules that a new Python has after importing these."""
    code = f"import json, sys\nfor name in {modules!r}: __import__(name)\nprint(json.dumps([*sys.modules]))"
    done = subprocess.run([sys.executable, "-c", code], cwd=CHECKOUT, capture_output=True, text=True, check=True)
    return set(json.loads(done.stdout.splitlines()[-1]))


def modules_of(*rooms: str) -> list[str]:
    files = [file for file in FILES if file.parts[0] in rooms and file.name != "__init__.py"]
    return [".".join(("graphrec", *file.with_suffix("").parts)) for file in files]


def test_the_import_rules_hold() -> None:
    done = lint(CHECKOUT)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("contract", PLANTED)
def test_a_planted_violation_is_caught(contract: str, tmp_path: Path) -> None:
    shutil.copytree(ROOMS, tmp_path / "graphrec", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(CHECKOUT / "pyproject.toml", tmp_path)
    file, line = PLANTED[contract]
    with (tmp_path / "graphrec" / file).open("a") as opened:
        opened.write(f"\n{line}\n")
    done = lint(tmp_path)
    assert done.returncode == 1
    assert f"{contract} BROKEN" in done.stdout


def test_every_contract_and_every_room_is_covered() -> None:
    assert set(PLANTED) == {contract["name"] for contract in CONTRACTS}
    named = {room for layer in CONTRACTS[0]["layers"] for room in layer.replace(" ", "").split(":")}
    there = {f"graphrec.{file.with_suffix('').parts[0]}" for file in FILES} - {
        "graphrec.__init__",
        "graphrec.__main__",
    }
    assert there == named


def test_learning_reaches_no_database_at_run_time() -> None:
    loaded = loaded_after(*modules_of(*LEARNING))
    assert "graphrec.models.lightgcn" in loaded
    assert not {"neo4j", "ladybug", "graphrec.store"} & loaded


def test_schema_and_store_bring_no_torch() -> None:
    loaded = loaded_after("graphrec.schema", *modules_of("store"))
    assert "graphrec.store.queries" in loaded
    assert "torch" not in loaded


def test_the_package_and_its_command_line_start_light() -> None:
    loaded = loaded_after("graphrec")
    assert {name for name in loaded if name.startswith("graphrec")} == {"graphrec"}
    assert not {"torch", "neo4j", "ladybug", "pandas", "pyarrow", "numpy"} & loaded
    assert not {"torch", "ladybug", "neo4j", "plotly", "sklearn"} & loaded_after("graphrec.cli.app")


@pytest.mark.parametrize("package", [graphrec, graphrec.models], ids=lambda package: package.__name__)
def test_public_names_are_what_they_say(package: object) -> None:
    tree = ast.parse(Path(package.__file__).read_text())
    for_types = {
        alias.name: node.module
        for branch in tree.body
        if isinstance(branch, ast.If)
        for node in branch.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    homes = {name: f"{package.__name__}.{home}" for name, home in package._HOMES.items()}
    assert for_types == homes
    own = {name for name in package.__all__ if name in vars(package) and name not in homes}
    assert set(package.__all__) == homes.keys() | own
    assert own == ({"__version__"} if package is graphrec else {"KINDS", "from_name"})
    for name in package.__all__:
        assert getattr(package, name) is not None


def test_no_room_hides_a_public_name() -> None:
    rooms = {path.stem for path in ROOMS.iterdir() if path.is_dir() or path.suffix == ".py"}
    assert rooms.isdisjoint(graphrec.__all__)


def test_tests_mirror_the_rooms() -> None:
    def tested(file: Path) -> bool:
        """test_x.py stands for x.py and for x_part.py; tests/test_room.py for a whole room."""
        words = file.stem.split("_")
        stems = filter(None, ("_".join(words[:n]) for n in range(1, len(words) + 1)))
        own = any(list((TESTS / file.parent).glob(f"test_{stem}*.py")) for stem in stems)
        return own or (TESTS / f"test_{file.parent}.py").exists()

    assert {str(f) for f in FILES if f.name != "__init__.py" and not tested(f)} == set(NO_TEST_OF_ITS_OWN)


def test_files_are_short() -> None:
    lengths = {str(file): len((ROOMS / file).read_text(encoding="utf-8").splitlines()) for file in FILES}
    assert {file for file, length in lengths.items() if length > LONGEST} == set(LONGER)


def test_inner_init_files_are_empty() -> None:
    filled = {str(file) for file in FILES if file.name == "__init__.py" and (ROOMS / file).read_text().strip()}
    assert filled == {"__init__.py", "models/__init__.py"}


def test_no_drawer_for_everything() -> None:
    names = {part.removesuffix(".py") for file in FILES for part in file.parts}
    assert not names & {"utils", "util", "common", "helpers", "helper", "misc", "base"}
